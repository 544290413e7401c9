use std::time::{Duration, Instant};

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser};
use unicode_segmentation::UnicodeSegmentation;

use super::flat::Flat;
use super::render::{preview, render, visible};
use super::render_tests::{beside, covered, features, within};
use super::unicode::{blank, invisible, measure, piece};
use crate::model::{Features, Markup, Part, Style, Unit};

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
    // The machine may be busy with something else for a moment, but not three times.
    let linear = |seed: &str, sizes: (usize, usize), slack: u32, features: &Features| {
        let well = (0..3).any(|_| {
            let small = time(seed, sizes.0, features).max(Duration::from_millis(5));
            time(seed, sizes.1, features) < small * slack
        });
        assert!(well, "{seed:?}");
    };
    for seed in seeds {
        for features in [beside(4096), within(2000)] {
            linear(seed, (15_000, 150_000), 50, &features);
        }
    }
    linear(emphasis, (10_000, 1_000_000), 500, &within(2000));
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

/// Signs of Markdown, and letters that are hard to cut.
const SEEDS: &[&str] = &[
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
];

fn piece_of_text() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(SEEDS);
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
        let found = piece(whole, at, whole.len())
            .find(&part.text)
            .expect("a part of the whole")
            + at;
        assert!(
            blank(piece(whole, at, found)),
            "{:?} is lost",
            piece(whole, at, found)
        );
        at = found + part.text.len();
        let starts =
            |place| place == whole.len() || clusters.iter().any(|&(start, _)| start == place);
        assert!(
            !fits || starts(found) && starts(at),
            "a cluster is broken at {found} or {at}"
        );
    }
    assert!(blank(piece(whole, at, whole.len())));
}

/// What stands in the parts is read as what the source means.
fn reads_as_meant(source: &str, limit: usize) -> Result<(), TestCaseError> {
    let parts = render(source, &within(limit));
    let mut read = String::new();
    for part in &parts {
        prop_assert!(measure(&part.text, Unit::Chars) <= limit, "{:?}", part);
        prop_assert!(!blank(&part.text));
        let fence = |line: &&str| line.trim_start_matches("> ").starts_with("```");
        prop_assert_eq!(part.text.lines().filter(fence).count() % 2, 0);
        let calls = ["@everyone", "<@1", "<#2"];
        prop_assert!(calls.iter().all(|call| !part.text.contains(call)));
        read.push_str(&unlisted(&visible(&part.text)));
    }
    let meant = Flat::read(source, &within(limit)).text;
    prop_assert_eq!(read, unlisted(&meant), "{:?}", parts);
    Ok(())
}

/// What was found once is looked at every time.
#[test]
fn code_without_its_fence_is_no_code() {
    let link = "[a](https://b.example)";
    let source = format!("](@everyone{link}{link}\n```\n\n    - ");
    reads_as_meant(&source, 36).unwrap();
    reads_as_meant(&source.replace("    ", "\t"), 36).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

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
        reads_as_meant(&source, limit)?;
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
