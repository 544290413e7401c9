//! Turns text into terms: what lexical search counts, alike for passages, for questions and on both databases.
//!
//! A word is normalised (NFKC, lower case), stemmed by the language of its passage, freed of accents and hashed to a
//! number below [`LIMIT`]. Nobody knows for sure in which language a question is asked, nor in which language the
//! answer is written, so a question's word stands for its stems in all languages that are shipped; one that reaches
//! a passage of its own language is enough.

mod language;
mod stop;
mod words;

use std::collections::HashMap;

use frostem::{Algorithm, Stemmer};

pub use language::language;

use words::Word;

/// Terms are numbers from 1 to this, which is the widest vector that PostgreSQL's `sparsevec` knows.
pub const LIMIT: u32 = 999_999_999;

/// How often a term of the title and of the headings counts.
const TITLE_WEIGHT: u8 = 2;

/// Most words of a question that are searched for.
pub const MOST_WORDS: usize = 32;

/// Languages that have stems and stop words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    English,
    Spanish,
    Portuguese,
    French,
    German,
}

impl Language {
    /// Every language, the likeliest first.
    pub const ALL: [Self; 5] = [
        Self::English,
        Self::Spanish,
        Self::Portuguese,
        Self::French,
        Self::German,
    ];

    /// The language of a code like `pt` or `pt-BR`; English for all that have no stems here, so that
    /// passages and questions agree about them too.
    pub fn of_code(code: &str) -> Self {
        let primary = code.split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "es" | "spa" => Self::Spanish,
            "pt" | "por" => Self::Portuguese,
            "fr" | "fra" | "fre" => Self::French,
            "de" | "deu" | "ger" => Self::German,
            _ => Self::English,
        }
    }

    /// Its code of two letters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::French => "fr",
            Self::German => "de",
        }
    }

    fn stemmer(self) -> Stemmer {
        Stemmer::new(match self {
            Self::English => Algorithm::English,
            Self::Spanish => Algorithm::Spanish,
            Self::Portuguese => Algorithm::Portuguese,
            Self::French => Algorithm::French,
            Self::German => Algorithm::German,
        })
    }
}

/// One word of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryWord {
    /// What may stand for it in a passage: its stems in all languages.
    pub terms: Vec<u32>,
    /// How much it counts; 1 for a word that was said once.
    pub weight: f32,
}

/// What is searched for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// The words that carry meaning, in the order in which they were said first.
    pub words: Vec<QueryWord>,
}

impl Query {
    /// True when there is nothing to search for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Adds what was said before, each word as often as `weight` says, however often it was said.
    pub fn add(&mut self, before: &Self, weight: f32) {
        for word in &before.words {
            let same = |known: &&mut QueryWord| known.terms == word.terms;
            if let Some(known) = self.words.iter_mut().find(same) {
                known.weight += weight;
            } else if self.words.len() < MOST_WORDS {
                let terms = word.terms.clone();
                self.words.push(QueryWord { terms, weight });
            }
        }
    }

    /// Every term, each once.
    pub fn terms(&self) -> Vec<u32> {
        let mut terms: Vec<u32> = self
            .words
            .iter()
            .flat_map(|word| &word.terms)
            .copied()
            .collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }
}

/// The terms of a passage, rising, each with its count, and the passage's length in words.
///
/// Words of `title_path` count double. `language` is a code like `en`.
pub fn of_passage(title_path: &str, text: &str, language: &str) -> (Vec<(u32, u8)>, u32) {
    let stemmer = Language::of_code(language).stemmer();
    // Most words come back, and stemming costs more than looking up.
    let mut known: HashMap<String, [u32; 2]> = HashMap::new();
    let mut counts: HashMap<u32, u8> = HashMap::new();
    let mut length = 0_u32;
    for (text, weight) in [(title_path, TITLE_WEIGHT), (text, 1)] {
        words::each(text, |Word { text, joins }| {
            if joins == 0 {
                length = length.saturating_add(u32::from(weight));
            }
            let terms = match known.get(text) {
                Some(terms) => *terms,
                None => {
                    let terms = passage_terms(&stemmer, text);
                    known.insert(text.to_owned(), terms);
                    terms
                }
            };
            for term in terms.into_iter().filter(|&term| term > 0) {
                let count = counts.entry(term).or_default();
                *count = count.saturating_add(weight);
            }
        });
    }
    let mut terms: Vec<(u32, u8)> = counts.into_iter().collect();
    terms.sort_unstable();
    (terms, length)
}

/// The terms under which a word of a passage is found: its stem, and the stem of the word as it is
/// typed without accents where that differs (0 where not).
fn passage_terms(stemmer: &Stemmer, word: &str) -> [u32; 2] {
    if word.is_ascii() {
        return [term(&stem(stemmer, word)), 0];
    }
    let first = term(&words::fold(&stem(stemmer, word)));
    let second = term(&stem(stemmer, &words::fold(word)));
    [first, if second == first { 0 } else { second }]
}

/// What a question asks for: its words without stop and question words. When nothing else was said, those stay.
pub fn of_query(text: &str) -> Query {
    let mut said: Vec<(String, usize)> = Vec::new();
    words::each(text, |Word { text, joins }| {
        said.push((text.to_owned(), joins))
    });
    let language = stop::language_of(said.iter().map(|(word, _)| word.as_str()));
    let mut meant: Vec<bool> = Vec::with_capacity(said.len());
    for (word, joins) in &said {
        // The whole of stop words, like `est-ce`, is one as well.
        let parts = meant.iter().rev().take(*joins);
        let stops = *joins > 0 && parts.clone().all(|meant| !meant);
        meant.push(!stops && !stop::is_stop(language, word));
    }
    let nothing = !meant.contains(&true);
    let kept = said
        .iter()
        .zip(meant)
        .filter(|(_, meant)| *meant || nothing);
    let likely = language.stemmer();
    let stemmers = Language::ALL.map(Language::stemmer);
    let mut words: Vec<(u32, QueryWord)> = Vec::new();
    for ((word, _), _) in kept {
        let [name, _] = passage_terms(&likely, word);
        let terms = stemmers
            .iter()
            .flat_map(|stemmer| passage_terms(stemmer, word));
        let terms = terms.filter(|&term| term > 0);
        if let Some((_, known)) = words.iter_mut().find(|(known, _)| *known == name) {
            known.weight += 1.0;
            known.terms.extend(terms);
        } else if words.len() < MOST_WORDS {
            words.push((
                name,
                QueryWord {
                    terms: terms.collect(),
                    weight: 1.0,
                },
            ));
        }
    }
    let words = words.into_iter().map(|(_, mut word)| {
        word.terms.sort_unstable();
        word.terms.dedup();
        word
    });
    Query {
        words: words.collect(),
    }
}

/// The stem of a word; a number or a code has none.
fn stem<'a>(stemmer: &Stemmer, word: &'a str) -> std::borrow::Cow<'a, str> {
    if word.bytes().any(|byte| byte.is_ascii_digit()) {
        return word.into();
    }
    stemmer.stem(word)
}

/// What a hash by [`fnv`] begins with.
pub const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: a hash that goes on with these bytes.
pub fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The word's hash, its halves folded together, as a number from 1 to [`LIMIT`].
fn term(word: &str) -> u32 {
    let hash = fnv(FNV, word.as_bytes());
    u32::try_from((hash ^ (hash >> 32)) % u64::from(LIMIT)).unwrap_or_default() + 1
}

#[cfg(test)]
mod tests;
