use proptest::prelude::*;

use super::*;

fn sizes(most: usize, overlap: usize) -> Sizes {
    Sizes { most, overlap }
}

fn pieces(text: &str, most: usize, overlap: usize) -> Vec<Piece<'_>> {
    split(text, "Doc", sizes(most, overlap)).collect()
}

#[test]
fn tokens_are_about_those_of_models() {
    let about = |text: &str, most: usize| assert_eq!(tokens(text), most, "{text}");
    about("The quick brown fox jumps over the lazy dog.", 10);
    about(
        "Mechanical royalties are collected by the society, and paid out twice a year.",
        19,
    );
    about(
        "Los derechos de autor se pagan dos veces al año en España.",
        15,
    );
    about("2026-11-21: 1,234.56 EUR", 13);
    assert_eq!(tokens("你好世界"), 4);
    assert_eq!(tokens(""), 0);
}

#[test]
fn a_short_text_is_one_piece() {
    let all = pieces("# Doc\n\nOne.\n\n## Two\n\nWords.", 100, 20);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].path, "Doc");
    assert_eq!(all[0].start, 0);
    assert!(pieces(" \n\n ", 100, 20).is_empty());
}

#[test]
fn chapters_are_pieces_with_their_path() {
    let words = "Some words about this matter, again. ".repeat(8);
    let text = format!(
        "# Doc\n\n## Splits\n\n{words}\n\n### Who **signs**\n\n{words}\n\n## Taxes\n\n{words}"
    );
    let all = pieces(&text, 100, 20);
    let paths: Vec<&str> = all.iter().map(|piece| piece.path.as_str()).collect();
    assert_eq!(
        paths,
        ["Doc › Splits", "Doc › Splits › Who signs", "Doc › Taxes"]
    );
    assert!(all[1].text.starts_with("### Who **signs**\n\nSome words"));
}

#[test]
fn what_two_pieces_share_ends_at_a_sentence() {
    let text = (0..60)
        .map(|n| format!("Sentence number {n} says this."))
        .collect::<Vec<_>>()
        .join(" ");
    let all = pieces(&text, 60, 15);
    assert!(all.len() > 3);
    for pair in all.windows(2) {
        assert!(pair[1].text.starts_with("Sentence number"));
        let end = pair[0].start + pair[0].text.chars().count();
        assert!(pair[1].start < end, "they overlap");
        let shared: String = pair[1].text.chars().take(end - pair[1].start).collect();
        assert!(pair[0].text.ends_with(&shared));
        assert!(tokens(&shared) <= 15);
    }
}

#[test]
fn abbreviations_end_no_sentence() {
    let ends = |line: &str| line.get(..sentence_length(line)).unwrap().to_owned();
    assert_eq!(ends("Ask Dr. Smith. Then sign."), "Ask Dr. Smith. ");
    assert_eq!(
        ends("Am 28. Oktober kam z. B. Anna. Dann ging sie."),
        "Am 28. Oktober kam z. B. Anna. "
    );
    assert_eq!(ends("p. ej. esto. Otro."), "p. ej. esto. ");
    assert_eq!(ends("no end"), "no end");
}

#[test]
fn signs_in_code_are_no_headings() {
    let text = format!(
        "# A\n\n```\n# not one\n```\n\n## B\n\n{}",
        "word ".repeat(50)
    );
    let all = pieces(&text, 40, 0);
    assert!(all.iter().all(|piece| !piece.path.contains("not one")));
    assert!(all.last().unwrap().path.ends_with("A › B"));
}

/// What nobody writes and somebody sends.
#[test]
fn strange_texts_end() {
    let long = "x".repeat(100_000);
    assert!(pieces(&long, 300, 60).len() > 40);
    let marks = format!("e{}", "\u{301}".repeat(50_000));
    assert!(
        pieces(&marks, 300, 60)
            .iter()
            .all(|piece| !piece.text.is_empty())
    );
    let headings = "# a\n".repeat(20_000);
    assert!(!pieces(&headings, 300, 60).is_empty());
    let dots = "a. ".repeat(20_000);
    assert!(
        pieces(&dots, 300, 60)
            .iter()
            .all(|piece| tokens(piece.text) <= 300)
    );
}

/// Texts with everything that parts them.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,12}( [a-zäé]{1,9}){0,12}[.!?] ",
        1 => Just("\n".to_owned()),
        1 => Just("\n\n".to_owned()),
        1 => "\n\n#{1,4} [A-Z][a-z]{1,8}( [a-z]{1,8}){0,3}\n\n",
        1 => "[a-z]{50,400}",
        1 => "(👩\u{200d}🎤|e\u{301}|🇩🇪|한){1,20}",
        1 => "[0-9]{1,5}(,[0-9]{3}){0,4}; ",
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_is_lost_and_all_is_in_order(
        text in texts(),
        most in 20usize..120,
        overlap in 0usize..50,
    ) {
        let all = pieces(&text, most, overlap);
        let letters: Vec<char> = text.chars().collect();
        let mut covered = 0;
        let mut began = None;
        for piece in &all {
            let length = piece.text.chars().count();
            let there: String = letters.iter().skip(piece.start).take(length).collect();
            prop_assert_eq!(piece.text, &there, "the start is true");
            prop_assert!(tokens(piece.text) <= most, "{} of {}", tokens(piece.text), most);
            prop_assert!(began < Some(piece.start), "every piece begins later");
            let gap = letters.get(covered..piece.start.max(covered)).unwrap();
            prop_assert!(gap.iter().all(|c| c.is_whitespace()), "lost: {gap:?}");
            prop_assert!(piece.start + length > covered, "every piece says something new");
            let shared: String = letters
                .get(piece.start..covered.max(piece.start)).unwrap().iter().collect();
            prop_assert!(tokens(&shared) <= overlap.max(8).min(most / 2));
            prop_assert_eq!(piece.text.trim(), piece.text);
            began = Some(piece.start);
            covered = piece.start + length;
        }
        let rest = letters.get(covered..).unwrap();
        prop_assert!(rest.iter().all(|c| c.is_whitespace()), "lost: {rest:?}");
    }

    #[test]
    fn no_cluster_is_broken(text in texts(), most in 20usize..60) {
        let mut bounds: Vec<usize> = Vec::new();
        let mut at = 0;
        for cluster in text.graphemes(true) {
            bounds.push(at);
            at += cluster.chars().count();
        }
        bounds.push(at);
        for piece in pieces(&text, most, 10) {
            prop_assert!(bounds.binary_search(&piece.start).is_ok());
            let end = piece.start + piece.text.chars().count();
            prop_assert!(bounds.binary_search(&end).is_ok());
        }
    }

    #[test]
    fn a_whole_has_no_more_tokens_than_its_parts(a in "\\PC{0,40}", b in "\\PC{0,40}") {
        let whole = format!("{a}{b}");
        prop_assert!(tokens(&whole) <= tokens(&a) + tokens(&b));
    }
}
