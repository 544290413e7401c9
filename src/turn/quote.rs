//! Answering without a model: the sentences of a passage that come nearest to the question, word for
//! word. Pure.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

use crate::model::terms::{self, Query};

/// Stands where something was left out.
const LEFT_OUT: &str = "…";

/// The neighbouring sentences of `text` that hold most of what is asked for, at most `most` characters.
pub(super) fn quote(text: &str, language: terms::Language, query: &Query, most: usize) -> String {
    let flat = flat(text);
    let sentences: Vec<&str> = flat.split_sentence_bounds().collect();
    let found: Vec<HashSet<usize>> = sentences
        .iter()
        .map(|sentence| words_in(sentence, language, query))
        .collect();
    let (from, to) = best(&sentences, &found, most);
    let chosen: String = sentences
        .get(from..to)
        .unwrap_or_default()
        .concat()
        .trim()
        .to_owned();
    let mut out = String::new();
    if from > 0 {
        out.push_str(LEFT_OUT);
        out.push(' ');
    }
    let (cut, whole) = shortened(&chosen, most);
    out.push_str(cut);
    if !whole || to < sentences.len() {
        out.push(' ');
        out.push_str(LEFT_OUT);
    }
    out
}

/// How many words of the question a text holds.
pub(super) fn held(text: &str, language: terms::Language, query: &Query) -> usize {
    words_in(text, language, query).len()
}

/// Whether a line says something: a heading, a fence, the rule of a table, what is said about a page and addresses
/// on the web do not.
fn is_said(line: &str) -> bool {
    let is_rule = line
        .chars()
        .all(|letter| matches!(letter, '|' | '-' | ':' | ' '));
    !is_rule
        && !["#", "```", "About this page:", "Sources:"]
            .iter()
            .any(|mark| line.starts_with(mark))
}

/// One line without headings, so that it can stand in a quotation; cells of a table follow each other.
fn flat(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| is_said(line));
    let mut out = String::with_capacity(text.len());
    for line in lines {
        // A dash after a full stop would hold the sentences together.
        let item = line.strip_prefix("- ").or_else(|| line.strip_prefix("* "));
        out.push_str(if item.is_some() { "• " } else { "" });
        let line = item
            .unwrap_or(line)
            .trim_matches(['|', ' '])
            .replace(" | ", ", ");
        let words = line.split_whitespace();
        for word in words.filter(|word| !word.contains("://")) {
            out.push_str(word);
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Which words of the question a sentence holds.
fn words_in(sentence: &str, language: terms::Language, query: &Query) -> HashSet<usize> {
    let (held, _) = terms::of_passage("", sentence, language.code());
    let held: HashSet<u32> = held.into_iter().map(|(term, _)| term).collect();
    let words = query.words.iter().enumerate();
    words
        .filter(|(_, word)| word.terms.iter().any(|term| held.contains(term)))
        .map(|(place, _)| place)
        .collect()
}

/// The stretch of sentences that holds most words of the question within `most` characters; of two that
/// hold as many the first, and the longer one, since a sentence more may be the answer.
fn best(sentences: &[&str], found: &[HashSet<usize>], most: usize) -> (usize, usize) {
    let mut best = ((0, 0), (0, sentences.len().min(1)));
    for from in 0..sentences.len() {
        let mut held: HashSet<usize> = HashSet::new();
        let mut letters = 0;
        for (place, (sentence, words)) in sentences.iter().zip(found).enumerate().skip(from) {
            letters += sentence.chars().count();
            if letters > most && place > from {
                break;
            }
            held.extend(words);
            // A stretch begins with something that was asked for.
            let starts_well = from == 0 || found.get(from).is_some_and(|words| !words.is_empty());
            let worth = (held.len(), if starts_well { place - from + 1 } else { 0 });
            if worth > best.0 {
                best = (worth, (from, place + 1));
            }
        }
    }
    best.1
}

/// The beginning of a text up to `most` characters, cut between words; and whether that is all.
fn shortened(text: &str, most: usize) -> (&str, bool) {
    let Some((end, _)) = text.char_indices().nth(most) else {
        return (text, true);
    };
    let (head, _) = text.split_at(end);
    let head = match head.rfind(' ') {
        Some(space) => head.split_at(space).0,
        None => head,
    };
    (head, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::terms::Language;

    const PAGE: &str = "## What is an ISRC\n\nIt identifies one recording for life. Services count by it.\n\n\
        - It does not identify the song.\n- A registrant assigns the code. There is no check digit, so copy it.";

    fn quoted(question: &str, most: usize) -> String {
        quote(PAGE, Language::English, &terms::of_query(question), most)
    }

    #[test]
    fn the_sentence_that_was_asked_for_is_quoted() {
        assert_eq!(
            quoted("is there a check digit?", 50),
            "… There is no check digit, so copy it."
        );
        assert_eq!(
            quoted("which recording does it identify", 70),
            "It identifies one recording for life. Services count by it. …"
        );
    }

    #[test]
    fn a_long_sentence_is_cut_between_words() {
        assert_eq!(quoted("registrant", 20), "… • A registrant …");
    }

    #[test]
    fn tables_are_told_and_addresses_are_not() {
        let page = "| deal | share |\n|---|---|\n| full | half |\n\nSources: https://example.org/a";
        let query = terms::of_query("which deal");
        assert_eq!(
            quote(page, Language::English, &query, 99),
            "deal, share full, half"
        );
    }

    #[test]
    fn a_short_passage_is_quoted_whole() {
        let query = terms::of_query("anything");
        assert_eq!(quote("One.", Language::English, &query, 400), "One.");
        assert_eq!(quote("", Language::English, &query, 400), "");
    }

    proptest! {
        /// Whatever a passage holds, a quotation is a stretch of it and no longer than it may be.
        #[test]
        fn a_quotation_is_a_stretch_of_the_passage(text in "([a-zé]{1,9}[ .!?\n]{1,2}){0,60}", most in 10_usize..200) {
            let quoted = quote(&text, Language::French, &terms::of_query("abc de"), most);
            let inner = quoted.trim_start_matches("… ").trim_end_matches(" …");
            prop_assert!(inner.chars().count() <= most);
            prop_assert!(flat(&text).contains(inner));
        }
    }
}
