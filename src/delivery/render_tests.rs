use std::time::{Duration, Instant};

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser};
use unicode_segmentation::UnicodeSegmentation;

use super::render::{preview, render, visible};
use super::unicode::{blank, invisible, measure};
use crate::model::{Features, Markup, Part, Span, Style, Unit};

fn features(markup: Markup, unit: Unit, max_text: usize) -> Features {
    Features {
        max_text,
        unit,
        markup,
        edits: true,
        free_edits: false,
        typing: true,
        buttons_per_row: 8,
        max_download: 0,
        pace: None,
    }
}

fn beside(max_text: usize) -> Features {
    features(Markup::Spans, Unit::Utf16, max_text)
}

fn within(max_text: usize) -> Features {
    features(Markup::Markdown, Unit::Chars, max_text)
}

fn terminal() -> Features {
    features(Markup::Plain, Unit::Chars, usize::MAX)
}

fn one(markdown: &str, features: &Features) -> Part {
    let parts = render(markdown, features);
    assert_eq!(parts.len(), 1, "{parts:?}");
    parts.into_iter().next().unwrap()
}

fn text(markdown: &str, features: &Features) -> String {
    one(markdown, features).text
}

fn texts(markdown: &str, features: &Features) -> Vec<String> {
    render(markdown, features)
        .into_iter()
        .map(|part| part.text)
        .collect()
}

fn covered(part: &Part, span: &Span) -> String {
    let units: Vec<u16> = part.text.encode_utf16().collect();
    String::from_utf16(&units[span.start..span.start + span.len]).expect("whole characters")
}

fn shown(part: &Part) -> Vec<(String, Style)> {
    let spans = part.spans.iter();
    spans
        .map(|span| (covered(part, span), span.style.clone()))
        .collect()
}

#[test]
fn styles_lie_beside_the_text() {
    let part = one(
        "🎵 **New** *single* is ~~soon~~ `out`: [listen](https://a.example/x)",
        &beside(4096),
    );
    assert_eq!(part.text, "🎵 New single is soon out: listen");
    assert_eq!(
        part.spans[0],
        Span {
            start: 3,
            len: 3,
            style: Style::Bold
        }
    );
    let link = Style::Link("https://a.example/x".into());
    assert_eq!(
        shown(&part),
        [
            ("New".into(), Style::Bold),
            ("single".into(), Style::Italic),
            ("soon".into(), Style::Strike),
            ("out".into(), Style::Code),
            ("listen".into(), link),
        ]
    );
}

#[test]
fn blocks_lie_beside_the_text() {
    let source = "# Plan\n\nDo:\n\n1. one\n2. two\n   - deep\n- [x] done\n\n> said\n> so\n\n```rust\nfn a() {\n    b\n}\n```\n\n---\nend";
    let part = one(source, &beside(4096));
    assert_eq!(
        part.text,
        "Plan\n\nDo:\n\n1. one\n2. two\n  • deep\n\n• ☑ done\n\nsaid\nso\n\nfn a() {\n    b\n}\n\n──────────\n\nend"
    );
    assert_eq!(
        shown(&part),
        [
            ("Plan".into(), Style::Bold),
            ("said\nso".into(), Style::Quote),
            (
                "fn a() {\n    b\n}".into(),
                Style::Fence(Some("rust".into()))
            ),
        ]
    );
}

#[test]
fn code_lies_in_no_other_style_and_no_other_style_in_code() {
    let part = one("**a `b` c** [`d`](https://a.example)", &beside(4096));
    assert_eq!(
        shown(&part),
        [
            ("a".into(), Style::Bold),
            ("b".into(), Style::Code),
            ("c".into(), Style::Bold),
            ("d".into(), Style::Link("https://a.example".into())),
        ]
    );
}

#[test]
fn unsafe_and_unknown_addresses_are_written_out() {
    let source = "[a](javascript:x) [b](mailto:bob@b.example) [c](/d) <https://e.example> ![f](https://f.example/f.png)";
    let part = one(source, &beside(4096));
    assert_eq!(
        part.text,
        "a (javascript:x) b (bob@b.example) c (/d) https://e.example f"
    );
    assert_eq!(part.spans.len(), 2);
    assert_eq!(
        text(source, &within(2000)),
        "a (javascript:x) b (bob@b.example) c (/d) https://e.example [f](https://f.example/f.png)"
    );
}

#[test]
fn what_is_not_meant_is_escaped() {
    let markdown = |source: &str| text(source, &within(2000));
    assert_eq!(
        markdown("2 \\* 3 \\_x\\_ a|b ~ \\# no"),
        "2 \\* 3 \\_x\\_ a\\|b \\~ # no"
    );
    assert_eq!(
        markdown("\\- a\n\\> b\n1\\. c\n\\# d"),
        "\\- a\n\\> b\n1\\. c\n\\# d"
    );
    assert_eq!(markdown("<b>x</b>"), "\\<b>x\\</b>");
    assert_eq!(markdown("#### small\n## big"), "**small**\n\n## big");
    assert_eq!(markdown("* a\n  * b\n* c"), "- a\n  - b\n- c");
    assert_eq!(
        markdown("https://a.example/b_c_d x"),
        "<https://a.example/b_c_d> x"
    );
    assert_eq!(
        markdown("**https://a.example** https://b.example/@cy_x https://c.example"),
        "**<https://a.example>** <https://b.example/@cy_x> https://c.example"
    );
    assert_eq!(markdown("```py\na\n```"), "```py\na\n```");
    assert_eq!(markdown("````\n```\n````"), "```\n``\u{200b}`\n```");
}

#[test]
fn nobody_is_called() {
    let source = "@everyone @here <@1> <@&2> <#3> `@everyone` [@here](https://a.example/@here)\n\n```\n<@1>\n```";
    let out = text(source, &within(2000));
    for call in ["@everyone", "@here", "<@1", "<@&2", "<#3"] {
        assert!(!out.contains(call), "{call} in {out}");
    }
    assert_eq!(
        text("ann@home.example @heretic", &within(2000)),
        "ann@home.example @\u{200b}heretic"
    );
}

#[test]
fn a_terminal_reads_plain_text() {
    let source = "**Hi** [x](https://a.example)\n\n> q\n> r\n\n| a | b |\n|---|--:|\n| 1 | 22 |\n| ö | 333 |";
    assert_eq!(
        text(source, &terminal()),
        "Hi x (https://a.example)\n\n> q\n> r\n\na │   b\n──┼────\n1 │  22\nö │ 333"
    );
}

#[test]
fn a_wide_table_becomes_lines() {
    let long = "word ".repeat(20);
    let part = one(
        &format!("| Song | Note |\n|---|---|\n| A | {long} |"),
        &beside(4096),
    );
    assert_eq!(part.text, format!("Song: A\nNote: {}", long.trim()));
}

#[test]
fn it_splits_where_it_hurts_least() {
    assert_eq!(
        texts("aaaa aaaa aaa\n\nbbbb bbbb", &beside(20)),
        ["aaaa aaaa aaa", "bbbb bbbb"]
    );
    assert_eq!(
        texts("aaaa aaaa aaa\nbbbb bbbb", &beside(20)),
        ["aaaa aaaa aaa", "bbbb bbbb"]
    );
    assert_eq!(
        texts("One two three. Four five", &beside(20)),
        ["One two three.", "Four five"]
    );
    assert_eq!(
        texts("one two three four five", &beside(20)),
        ["one two three four", "five"]
    );
    let family = "👨‍👩‍👧‍👦";
    assert_eq!(
        texts(&family.repeat(3), &beside(24)),
        [family.repeat(2), family.to_owned()]
    );
    assert_eq!(
        texts("* point one is here\n* two", &beside(20)),
        ["• point one is here", "• two"].map(|line| line.chars().take(20).collect::<String>())
    );
}

#[test]
fn styles_are_repaired_over_the_seam() {
    assert_eq!(
        texts("**one two three four five six**", &within(20)),
        ["**one two three**", "**four five six**"]
    );
    assert_eq!(
        texts("```py\naaa = 1\n  b = 2\n```", &within(20)),
        ["```py\naaa = 1\n```", "```py\n  b = 2\n```"]
    );
    let parts = render("**one two three four five**", &beside(20));
    assert_eq!(
        shown(&parts[0]),
        [("one two three four".into(), Style::Bold)]
    );
    assert_eq!(shown(&parts[1]), [("five".into(), Style::Bold)]);
}

#[test]
fn nothing_to_see_gives_nothing() {
    for source in [
        "",
        " \n\t",
        "\u{200b}\u{feff}",
        "\0\0",
        "```\n\n```",
        "**",
        "[](x)",
        "&nbsp;",
        "#",
    ] {
        for features in [beside(20), within(20), terminal()] {
            let parts = render(source, &features);
            let signs = parts.iter().all(|part| !blank(&part.text));
            assert!(signs, "{source:?}: {parts:?}");
        }
    }
    for source in [
        "",
        " \n\t",
        "\u{200b}\u{feff}",
        "\0\0",
        "```\n\n```",
        "&nbsp;",
        "#",
    ] {
        assert_eq!(render(source, &beside(4096)), []);
        assert_eq!(render(source, &within(2000)), []);
    }
    assert_eq!(text("a\0b", &beside(20)), "ab");
}

#[test]
fn no_more_styles_than_a_message_takes() {
    let part = one(&"**a** b ".repeat(150), &beside(4096));
    assert_eq!(part.spans.len(), 100);
    assert_eq!(part.text.matches('a').count(), 150);
}

#[test]
fn a_growing_text_shows_no_half_markup() {
    let grown = |source: &str| preview(source, &beside(4096)).map(|part| part.text);
    assert_eq!(grown(""), None);
    assert_eq!(grown("…"), None);
    assert_eq!(grown("**"), None);
    assert_eq!(grown("**Bo").as_deref(), Some("Bo"));
    assert_eq!(grown("a **b *c").as_deref(), Some("a b c"));
    assert_eq!(grown("a **b**").as_deref(), Some("a b"));
    assert_eq!(grown("a **").as_deref(), Some("a"));
    assert_eq!(grown("a **b*").as_deref(), Some("a b"));
    assert_eq!(grown("see [the sh").as_deref(), Some("see the sh"));
    assert_eq!(
        grown("see [the shop](https://sh").as_deref(),
        Some("see the shop")
    );
    assert_eq!(grown("a `").as_deref(), Some("a"));
    assert_eq!(grown("a `b").as_deref(), Some("a b"));
    assert_eq!(grown("Title\n-").as_deref(), Some("Title"));
    assert_eq!(grown("a\n```py\nb = 1\n``").as_deref(), Some("a\n\nb = 1"));
    let fence = preview("a\n```py\nb = 1", &within(2000)).unwrap();
    assert_eq!(fence.text, "a\n\n```py\nb = 1\n```");
    let long = preview(&"word ".repeat(10_000), &within(2000)).unwrap();
    assert!(long.text.len() <= 2000);
}

/// Ten times the text takes about ten times as long, a hundred times a hundred; a quadratic way
/// would take a hundred and ten thousand times.
#[test]
fn a_megabyte_takes_linear_time() {
    let emphasis = "**a** _b_ [c](https://a.example/c) `d` <@1> ";
    let seeds = [
        "word ",
        "x",
        "\u{301}",
        "\n> ",
        "- ",
        "**",
        "[",
        "`",
        "\u{200b}",
        emphasis,
        "a\n\n",
        "* a\n",
        "👨‍👩‍👧",
        "| a | b |\n|---|---|\n",
        "```\n",
        "&",
        "<",
        "![",
        "1. ",
        "~",
        "# a\n",
        "> a\n\n",
    ];
    let time = |seed: &str, size: usize, features: &Features| -> Duration {
        let source = seed.repeat(size / seed.len());
        let started = Instant::now();
        let parts = render(&source, features);
        assert!(
            parts
                .iter()
                .all(|part| measure(&part.text, features.unit) <= features.max_text)
        );
        started.elapsed()
    };
    for seed in seeds {
        for features in [beside(4096), within(2000)] {
            let small = time(seed, 15_000, &features).max(Duration::from_millis(5));
            let large = time(seed, 150_000, &features);
            assert!(large < small * 50, "{seed:?}: {small:?}, then {large:?}");
        }
    }
    let small = time(emphasis, 10_000, &within(2000)).max(Duration::from_millis(5));
    let large = time(emphasis, 1_000_000, &within(2000));
    assert!(large < small * 500, "{small:?}, then {large:?}");
}

#[test]
#[ignore = "prints figures; for a release build"]
fn timing() {
    let long = "# A\n\nSome **bold** text, a [link](https://a.example) and `code`.\n\n- one\n- two\n\n```rs\nx\n```\n";
    for source in ["Your single is out on Friday, shall I write the post?", long] {
        for f in [beside(4096), within(2000)] {
            let started = Instant::now();
            for _ in 0..20_000 { std::hint::black_box(render(std::hint::black_box(source), &f)); }
            println!("{:?} {}", started.elapsed() / 20_000, source.len());
        }
    }
    let doc = "## Release plan\n\nHere's the plan for **\"Night Drive\"** (out *Friday*):\n\n1. **Master** — due by `2026-01-10`\n   - check loudness -14 LUFS\n   - send to [Bob](https://b.example/x_(y))\n2. Pitch:\n   ```bash\n   curl https://x.example/a_b\n   ```\n3. Post\n\n> Don't forget @everyone_fan & <b>tags</b>\n> - really\n\n| Step | When | € |\n|---|:-:|--:|\n| Mix | Mon | 10 |\n| Master | Tue | 200 |\n\nMore at https://www.x.example/@some_artist. snake_case 5*3*2 ~approx~\n\n---\nDone";
    for f in [beside(4096), within(2000), terminal(), within(150)] {
        for part in render(doc, &f) { println!("=====\n{}\n{:?}", part.text, shown(&part)); }
    }
}

/// What a reader sees of Markdown, found without the code under test.
fn oracle(markdown: &str) -> String {
    let options =
        Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut out = String::new();
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                out.push_str(&text);
            }
            _ => {}
        }
    }
    solid(&out)
}

fn solid(text: &str) -> String {
    text.chars().filter(|&c| !invisible(c)).collect()
}

/// The same without what a list shows before its items, which differs with the markup.
fn unlisted(text: &str) -> String {
    let listed = |c: char| matches!(c, '•' | '-' | '.') || c.is_ascii_digit();
    solid(text).replace(listed, "")
}

fn piece_of_text() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "*",
        "**",
        "***",
        "_",
        "__",
        "~~",
        "`",
        "``",
        "```",
        "\n```\n",
        "\n```rust\n",
        "\n~~~\n",
        "\n\n",
        "\n",
        "\n> ",
        "\n- ",
        "\n  - ",
        "\n    - ",
        "\n1. ",
        "\n12) ",
        "\n# ",
        "\n#### ",
        "\n---\n",
        "\n===\n",
        "[",
        "](",
        "](https://a.example/x_y)",
        "![",
        "[a](https://b.example)",
        "[a](javascript:1)",
        "<https://a.example/*b>",
        "https://c.example/a_b*c",
        ")",
        "<b>",
        "</b>",
        "\n<div>\n",
        "&amp;",
        "&#64;",
        "&nbsp;",
        "&copy",
        ";",
        "\\",
        "\\*",
        "|",
        "\n| a | b |\n|---|:-:|\n| c | d |\n",
        "@everyone",
        "<@1>",
        "<#2>",
        ">",
        "#",
        "-",
        "+",
        "=",
        ":-",
        "!",
        "1.",
        "2)",
        " ",
        "  ",
        "\t",
        "word",
        "long words here. And more",
        "👨‍👩‍👧‍👦",
        "🇩🇪",
        "e\u{301}\u{323}",
        "שלום",
        "مرحبا",
        "\u{202e}",
        "\u{200b}",
        "\u{200d}",
        "漢字。",
        "\0",
        "\r\n",
        "\u{a0}",
        "ß",
        "🎵",
        "- [ ] ",
        "\n- [x] ",
        "«",
        "…",
        "(",
        "\"",
        "a",
        "b",
        "7",
    ]);
    prop_oneof![8 => fixed.prop_map(str::to_owned), 1 => "\\PC{0,8}", 1 => "[a-z ]{0,40}"]
}

fn source() -> impl Strategy<Value = String> {
    prop::collection::vec(piece_of_text(), 0..40).prop_map(|pieces| pieces.concat())
}

fn limit() -> impl Strategy<Value = usize> {
    prop_oneof![16_usize..40, 40_usize..200, Just(2000), Just(4096)]
}

fn check_spans(part: &Part) {
    let units: Vec<u16> = part.text.encode_utf16().collect();
    assert!(part.spans.len() <= 100);
    for (at, span) in part.spans.iter().enumerate() {
        assert!(span.len > 0 && span.start + span.len <= units.len());
        let inner = covered(part, span);
        assert_eq!(inner.trim_end(), inner);
        assert!(!blank(&inner));
        for other in &part.spans[at + 1..] {
            let (end, until) = (span.start + span.len, other.start + other.len);
            assert!((span.start, until) <= (other.start, end) || span.start < other.start);
            assert!(other.start >= end || until <= end, "{span:?} and {other:?}");
            let fixed = matches!(span.style, Style::Code | Style::Fence(_));
            let into =
                matches!(other.style, Style::Code | Style::Fence(_)) && span.style != Style::Quote;
            assert!(
                other.start >= end || !(fixed || into),
                "{span:?} around {other:?}"
            );
        }
    }
}

/// Each part stands in the whole text, after the one before, and no cluster is broken.
fn check_seams(whole: &str, parts: &[Part], limit: usize) {
    let clusters: Vec<(usize, &str)> = whole.grapheme_indices(true).collect();
    let fits = clusters
        .iter()
        .all(|(_, cluster)| cluster.encode_utf16().count() * 2 <= limit);
    let mut at = 0;
    for part in parts {
        let found = whole[at..].find(&part.text).expect("a part of the whole") + at;
        assert!(blank(&whole[at..found]), "{:?} is lost", &whole[at..found]);
        at = found + part.text.len();
        let starts =
            |place| place == whole.len() || clusters.iter().any(|&(start, _)| start == place);
        assert!(
            !fits || starts(found) && starts(at),
            "a cluster is broken at {found} or {at}"
        );
    }
    assert!(blank(&whole[at..]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_with_spans_keep_all_rules(source in source(), limit in limit()) {
        let features = beside(limit);
        let parts = render(&source, &features);
        for part in &parts {
            prop_assert!(measure(&part.text, Unit::Utf16) <= limit);
            prop_assert!(!blank(&part.text));
            prop_assert_eq!(part.text.trim_end(), &part.text);
            check_spans(part);
        }
        check_seams(&visible(&source), &parts, limit);
    }

    #[test]
    fn no_text_is_lost(source in source()) {
        let mut shown = unlisted(&visible(&source));
        let mut missing = String::new();
        for c in unlisted(&oracle(&source.replace('\0', ""))).chars() {
            match shown.find(c) {
                Some(at) => { shown.remove(at); }
                None => missing.push(c),
            }
        }
        prop_assert_eq!(missing, "");
    }

    #[test]
    fn markdown_reads_as_what_was_meant(source in source(), limit in limit()) {
        let parts = render(&source, &within(limit));
        let mut read = String::new();
        for part in &parts {
            prop_assert!(measure(&part.text, Unit::Chars) <= limit, "{:?}", part);
            prop_assert!(!blank(&part.text));
            prop_assert_eq!(part.text.lines().filter(|line| line.trim_start_matches("> ").starts_with("```")).count() % 2, 0);
            prop_assert!(!part.text.contains("@everyone") && !part.text.contains("<@1") && !part.text.contains("<#2"));
            read.push_str(&unlisted(&visible(&part.text)));
        }
        let meant = super::flat::Flat::read(&source, &within(limit)).text;
        prop_assert_eq!(read, unlisted(&meant), "{:?}", parts);
    }

    #[test]
    fn plain_text_keeps_its_limit(source in source(), limit in limit()) {
        for part in render(&source, &features(Markup::Plain, Unit::Chars, limit)) {
            prop_assert!(measure(&part.text, Unit::Chars) <= limit && !blank(&part.text) && part.spans.is_empty());
        }
    }

    #[test]
    fn a_preview_never_breaks(source in source(), limit in limit()) {
        for features in [beside(limit), within(limit)] {
            if let Some(part) = preview(&source, &features) {
                prop_assert!(measure(&part.text, features.unit) <= limit && !blank(&part.text));
                check_spans(&part);
            }
        }
    }
}
