use super::render::{preview, render};
use super::unicode::blank;
use crate::model::{Features, Markup, Part, Span, Style, Unit};

pub(super) fn features(markup: Markup, unit: Unit, max_text: usize) -> Features {
    Features {
        max_text,
        max_caption: max_text,
        unit,
        markup,
        edits: true,
        free_edits: false,
        typing: true,
        deletes: false,
        forms: false,
        buttons_per_row: 8,
        takes_files: true,
        lasts: true,
        max_download: 0,
        pace: None,
    }
}

pub(super) fn beside(max_text: usize) -> Features {
    features(Markup::Spans, Unit::Utf16, max_text)
}

pub(super) fn within(max_text: usize) -> Features {
    features(Markup::Markdown, Unit::Chars, max_text)
}

pub(super) fn terminal() -> Features {
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

pub(super) fn covered(part: &Part, span: &Span) -> String {
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
fn a_fence_in_a_list_begins_at_the_margin() {
    let part = one(
        "1. Run:\n   ```sh\n   a\n   ```\n2. Wait\n- ```\n  b\n  ```",
        &beside(4096),
    );
    assert_eq!(part.text, "1. Run:\na\n2. Wait\n\n•\nb");
    assert_eq!(
        text(
            "1. Run:\n   ```sh\n   a\n   ```\n2. Wait\n   * b",
            &within(2000)
        ),
        "1. Run:\n```sh\na\n```\n2. Wait\n   - b"
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
    assert_eq!(
        texts("「新しい曲です。」明日の夜に発表します", &beside(16)),
        ["「新しい曲です。」", "明日の夜に発表します"]
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

#[test]
fn no_step_of_a_growing_text_shows_markup() {
    let source = "# Plan\n\nThe **big *bold* one** and _that_, ~~old~~ `code` with [a shop](https://a.example/x).\n\n1. **One**: do\n2. Two\n   - deep `x`\n\n> said **so**\n\n```rust\nfn a() {}\n```\n\nDone.";
    for (end, _) in source.char_indices() {
        let Some(part) = preview(source.get(..end).unwrap(), &beside(4096)) else {
            continue;
        };
        let raw = part.text.contains(['*', '`', '[', ']', '~', '#', '>']);
        assert!(!raw, "{end}: {:?}", part.text);
    }
}
