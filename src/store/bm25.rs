//! The ranking of lexical search, free of any database, so that both give the same passages the same score.
//!
//! The score of a passage is the sum over the question's words of how rare the word is among the passages searched
//! (IDF) times how much the passage says it. What a passage says is settled when it is indexed: its length is held
//! against a fixed [`MEAN_LENGTH`] and not against the mean of what else is stored, so that no passage changes when
//! another one comes, and nobody can tell from a score what others store.

use std::collections::BTreeMap;

use crate::model::terms::{Query, QueryWord};

/// How soon repeating a term stops to help.
const K1: f32 = 1.5;
/// How much a long passage has to say a term more often.
const B: f32 = 0.75;
/// Words of a usual passage, title and headings counted double.
const MEAN_LENGTH: f32 = 200.0;

/// Passages that are thought beside those that are reached: among a handful, a word that all of them hold is
/// not for that reason worth nothing.
const UNSEEN: u64 = 20;

/// How many passages may be looked at closely for a question. A twentieth of a collection ranks like the whole of it:
/// measured on SciFact and MTRAG-UN.
pub(super) const BUDGET: usize = 2_400;

/// How much a passage of `length` words says a term that it holds `count` times.
pub(super) fn weight(count: u8, length: u32) -> f32 {
    let count = f32::from(count);
    let length = length as f32;
    count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / MEAN_LENGTH))
}

/// How rare a word is that `holding` of `all` passages hold.
fn rarity(all: u64, holding: u64) -> f32 {
    let (all, holding) = ((all.max(holding) + UNSEEN) as f32, holding as f32);
    (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln()
}

/// A question against all passages that somebody reaches.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Plan {
    /// What each term is worth, by rising term.
    pub(super) worth: Vec<(u32, f32)>,
    /// What a passage scores that says every word about once, also those that no passage says.
    pub(super) whole: f32,
}

/// Which passages of a set are looked at closely.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fetch {
    /// Every one of them holds one of these: the rarest words, so many that about [`BUDGET`] passages do.
    pub(super) essential: Vec<u32>,
    /// The other words, where the rarest word alone is in more passages than the budget: those passages come first
    /// that hold one of these as well.
    pub(super) also: Vec<u32>,
}

impl Fetch {
    /// `holding(term)` passages of the set hold a term.
    pub(super) fn new(query: &Query, holding: impl Fn(u32) -> u64) -> Self {
        let held = |word: &QueryWord| word.terms.iter().map(|term| holding(*term)).sum();
        let mut words: Vec<(u64, &QueryWord)> =
            query.words.iter().map(|word| (held(word), word)).collect();
        words.retain(|(held, _)| *held > 0);
        words.sort_by_key(|(held, _)| *held);
        let crowded = words.first().is_some_and(|(held, _)| *held > BUDGET as u64);
        let (mut fetch, mut spent) = (Self::default(), 0);
        for (held, word) in words {
            let terms = word.terms.iter().filter(|term| holding(**term) > 0);
            spent += held;
            if fetch.essential.is_empty() || spent <= BUDGET as u64 {
                fetch.essential.extend(terms);
            } else if crowded {
                fetch.also.extend(terms);
            }
        }
        fetch
    }
}

impl Plan {
    /// `all` passages are reached, of which `holding(term)` hold a term.
    pub(super) fn new(query: &Query, all: u64, holding: impl Fn(u32) -> u64) -> Self {
        let mut worth: BTreeMap<u32, f32> = BTreeMap::new();
        let mut whole = 0.0;
        for QueryWord { terms, weight } in &query.words {
            let held = terms.iter().map(|term| holding(*term)).sum();
            let rarity = rarity(all, held) * weight;
            whole += rarity;
            for term in terms.iter().filter(|term| holding(**term) > 0) {
                *worth.entry(*term).or_default() += rarity;
            }
        }
        Self {
            worth: worth.into_iter().collect(),
            whole,
        }
    }

    /// The score of a passage; `None` when its terms cannot be read.
    pub(super) fn score(&self, packed: &[u8], length: u32) -> Option<f32> {
        let mut worth = self.worth.iter().peekable();
        let mut score = 0.0;
        for entry in unpack(packed) {
            let (term, count) = entry?;
            while worth.next_if(|(wanted, _)| *wanted < term).is_some() {}
            match worth.next_if(|(wanted, _)| *wanted == term) {
                Some((_, worth)) => score += worth * weight(count, length),
                None if worth.peek().is_none() => break,
                None => {}
            }
        }
        Some(score)
    }
}

/// Rising terms with their counts in few bytes: each term's distance from the one before, seven bits a byte, then
/// the count.
pub(super) fn pack(terms: &[(u32, u8)]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(terms.len() * 5);
    let mut before = 0;
    for (term, count) in terms {
        let mut distance = term.saturating_sub(before);
        before = *term;
        while distance > 0x7f {
            packed.push(distance.to_le_bytes().first().copied().unwrap_or_default() | 0x80);
            distance >>= 7;
        }
        packed.push(distance.to_le_bytes().first().copied().unwrap_or_default());
        packed.push(*count);
    }
    packed
}

/// What [`pack`] packed; a `None` where it is broken.
pub(super) fn unpack(packed: &[u8]) -> impl Iterator<Item = Option<(u32, u8)>> {
    let mut bytes = packed.iter().copied();
    let mut term = 0_u32;
    std::iter::from_fn(move || {
        let mut byte = bytes.next()?;
        let (mut distance, mut shift) = (0_u32, 0);
        loop {
            distance |= u32::from(byte & 0x7f)
                .checked_shl(shift)
                .unwrap_or_default();
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
            match bytes.next() {
                Some(next) => byte = next,
                None => return Some(None),
            }
        }
        term = term.wrapping_add(distance);
        Some(bytes.next().map(|count| (term, count)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::terms::{LIMIT, of_passage, of_query};

    fn plan(text: &str, all: u64, holding: u64) -> Plan {
        Plan::new(&of_query(text), all, |_| holding)
    }

    fn score(plan: &Plan, text: &str) -> f32 {
        let (terms, length) = of_passage("", text, "en");
        plan.score(&pack(&terms), length).unwrap()
    }

    #[test]
    fn what_says_more_of_the_question_scores_higher() {
        let plan = plan("mechanical royalties", 1_000, 10);
        let both = score(&plan, "Mechanical royalties are paid for copies.");
        let one = score(&plan, "Royalties are paid for performances.");
        let long = score(
            &plan,
            &format!("Royalties {}", "and much else ".repeat(100)),
        );
        assert!(
            both > one && one > long && long > 0.0,
            "{both} {one} {long}"
        );
        assert!(score(&plan, "A loyal dog.").abs() < f32::EPSILON);
    }

    #[test]
    fn rare_words_count_more() {
        let query = of_query("music isrc");
        let rare = of_query("isrc").words[0].terms.clone();
        let plan = Plan::new(
            &query,
            1_000,
            |term| if rare.contains(&term) { 3 } else { 800 },
        );
        assert!(score(&plan, "An ISRC code") > 3.0 * score(&plan, "Some music"));
    }

    #[test]
    fn only_the_rarest_words_fetch_passages() {
        let query = of_query("music isrc");
        let rare = of_query("isrc").words[0].terms.clone();
        let fetch = |rarely: u64, common: u64| {
            Fetch::new(
                &query,
                |term| if rare.contains(&term) { rarely } else { common },
            )
        };
        assert_eq!(fetch(30, 90_000).essential, rare);
        assert!(fetch(30, 90_000).also.is_empty());
        assert_eq!(fetch(30, 900).essential.len(), query.terms().len());
        // Where even the rarest is everywhere, those come first that hold another word too.
        let crowded = fetch(80_000, 90_000);
        assert_eq!(crowded.essential, rare);
        assert!(!crowded.also.is_empty());
        // A word that nobody holds neither fetches nor counts.
        assert_eq!(fetch(0, 0), Fetch::default());
        assert!(plan("music", 90_000, 0).worth.is_empty());
    }

    proptest! {
        #[test]
        fn terms_survive_packing(terms in prop::collection::btree_map(1..=LIMIT, 1..=u8::MAX, 0..200)) {
            let terms: Vec<(u32, u8)> = terms.into_iter().collect();
            let back: Option<Vec<(u32, u8)>> = unpack(&pack(&terms)).collect();
            prop_assert_eq!(back, Some(terms));
        }

        #[test]
        fn broken_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            let _ = plan("music", 10, 1).score(&bytes, 10);
        }
    }
}
