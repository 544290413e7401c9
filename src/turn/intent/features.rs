//! What a line shows: words and their neighbours, pieces of words, what words stand for, and what was
//! said before. Pure, so that the trainer sees exactly what the reader sees.

use crate::model::terms::{FNV, fnv};
use crate::model::weights::{folded, unit};

use super::Said;
use super::concepts::Concepts;
use super::text::{Token, tokens};

/// Changes whenever a line would show something else than before; ties weights to this file.
pub const VERSION: u32 = 1;

/// How much a feature weighs before the whole is brought to length one.
const WORD: f32 = 1.0;
const PAIR: f32 = 0.9;
const PIECE: f32 = 0.45;
const CONCEPT: f32 = 1.0;
const CONCEPT_PAIR: f32 = 0.7;
const BEFORE: f32 = 0.7;
const SHAPE: f32 = 0.8;

/// A feature is known by the hash of its kind and text.
#[derive(Debug, Default)]
pub struct Features {
    /// Each feature once, with its weight; of length one.
    pub list: Vec<(u32, f32)>,
}

/// A line cut and looked up.
#[derive(Debug)]
pub struct Cut {
    /// Its words.
    pub tokens: Vec<Token>,
    /// What they stand for.
    pub concepts: Vec<Vec<u16>>,
}

impl Cut {
    /// Cuts a line.
    pub fn new(text: &str, concepts: &Concepts) -> Self {
        let tokens = tokens(text);
        let concepts = concepts.of(&tokens);
        Self { tokens, concepts }
    }

    /// Words outside quotation marks; all of them when nothing stands outside.
    fn open(&self) -> impl Iterator<Item = (&Token, &Vec<u16>)> {
        let any = self
            .tokens
            .iter()
            .any(|token| !token.quoted && is_word(&token.word));
        self.tokens
            .iter()
            .zip(&self.concepts)
            .filter(move |(token, _)| !any || !token.quoted)
    }
}

fn is_word(word: &str) -> bool {
    word.chars().any(char::is_alphanumeric)
}

/// What a line shows.
pub fn features(said: &Said<'_>, concepts: &Concepts) -> Features {
    features_of(&Cut::new(said.text, concepts), said, concepts)
}

/// What a line shows that is cut already.
pub fn features_of(cut: &Cut, said: &Said<'_>, concepts: &Concepts) -> Features {
    let mut found = Found::default();
    words(cut, &mut found);
    pieces(cut, &mut found);
    meanings(cut, &mut found);
    shape(cut, said, &mut found);
    before(cut, said, concepts, &mut found);
    found.done()
}

fn words(cut: &Cut, found: &mut Found) {
    let mut one = "^";
    let mut two = "^";
    let mut quoted = false;
    for (token, _) in cut.open() {
        let word = plain(&token.word);
        if is_word(word) {
            found.add("w", &[word], WORD);
        }
        found.add("b", &[one, word], PAIR);
        found.add("s", &[two, "_", word], PAIR * 0.6);
        found.add("t", &[two, one, word], PAIR * 0.8);
        if token.capital && one != "^" {
            found.add("k", &[one], PAIR * 0.7);
        }
        (two, one) = (one, word);
    }
    found.add("b", &[one, "$"], PAIR);
    found.add("t", &[two, one, "$"], PAIR * 0.8);
    for token in cut.tokens.iter().filter(|token| token.quoted) {
        quoted = true;
        found.add("q", &[plain(&token.word)], WORD * 0.4);
    }
    if quoted {
        found.add("x", &["quoted"], SHAPE);
    }
}

/// Figures look alike.
fn plain(word: &str) -> &str {
    if word.starts_with(|letter: char| letter.is_ascii_digit()) {
        if word.contains(':') { "0:0" } else { "0" }
    } else {
        word
    }
}

fn pieces(cut: &Cut, found: &mut Found) {
    let mut padded: Vec<char> = Vec::new();
    let mut piece = String::new();
    for (token, _) in cut.open() {
        if !is_word(&token.word) || token.word.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        padded.clear();
        padded.push(' ');
        padded.extend(token.word.chars());
        padded.push(' ');
        for size in 3..=5 {
            for window in padded.windows(size) {
                piece.clear();
                piece.extend(window);
                found.add("p", &[&piece], PIECE);
            }
        }
    }
}

fn meanings(cut: &Cut, found: &mut Found) {
    let mut all: Vec<u16> = Vec::new();
    let mut last: Vec<u16> = Vec::new();
    let mut first = true;
    for (_, concepts) in cut.open() {
        if concepts.is_empty() {
            continue;
        }
        for concept in concepts {
            found.number("c", &[*concept], CONCEPT);
            if first {
                found.number("cf", &[*concept], CONCEPT);
            }
            for before in &last {
                found.number("cb", &[*before, *concept], CONCEPT_PAIR);
            }
            if !all.contains(concept) {
                all.push(*concept);
            }
        }
        first = false;
        last.clone_from(concepts);
    }
    all.sort_unstable();
    for (at, one) in all.iter().enumerate().take(14) {
        for two in all.iter().skip(at + 1).take(14) {
            found.number("cp", &[*one, *two], CONCEPT_PAIR * 0.7);
        }
    }
}

fn shape(cut: &Cut, said: &Said<'_>, found: &mut Found) {
    let length = cut
        .tokens
        .iter()
        .filter(|token| is_word(&token.word))
        .count();
    let bucket = match length {
        0 => "0",
        1 => "1",
        2 => "2",
        3 => "3",
        4 | 5 => "4",
        6..=8 => "6",
        9..=12 => "9",
        13..=20 => "13",
        _ => "21",
    };
    found.add("x", &["length", bucket], SHAPE);
    let asks = cut
        .tokens
        .iter()
        .any(|token| matches!(token.word.as_str(), "?" | "¿"));
    found.add("x", &["asks", if asks { "yes" } else { "no" }], SHAPE);
    let role = said.role.unwrap_or("artist");
    found.add("x", &["role", role], SHAPE);
    if said.text.starts_with('/') {
        found.add("x", &["command"], SHAPE);
    }
    if cut
        .tokens
        .iter()
        .any(|token| token.word.starts_with(|c: char| c.is_ascii_digit()))
    {
        found.add("x", &["figure"], SHAPE * 0.5);
    }
}

fn before(cut: &Cut, said: &Said<'_>, concepts: &Concepts, found: &mut Found) {
    let Some(last) = said.history.last() else {
        found.add("h", &["first"], SHAPE);
        return;
    };
    found.add(
        "h",
        &[if last.from_toney { "toney" } else { "person" }],
        SHAPE,
    );
    if last.from_toney {
        let asks = last.text.trim_end().ends_with('?');
        found.add("h", &[if asks { "asked" } else { "told" }], SHAPE);
        let short = cut.tokens.len() <= 4;
        found.add(
            "h",
            &[
                if asks { "asked" } else { "told" },
                if short { "short" } else { "long" },
            ],
            SHAPE,
        );
    }
    for turn in said.history.iter().rev().take(2) {
        let kind = if turn.from_toney { "ht" } else { "hu" };
        let earlier = Cut::new(turn.text, concepts);
        let mut seen: Vec<u16> = Vec::new();
        for (token, meant) in earlier.open() {
            if is_word(&token.word) {
                found.add(kind, &[plain(&token.word)], BEFORE * 0.6);
            }
            for concept in meant {
                if !seen.contains(concept) {
                    seen.push(*concept);
                    found.number(kind, &[*concept], BEFORE);
                }
            }
        }
        for (_, now) in cut.open().take(4) {
            for (one, two) in now
                .iter()
                .flat_map(|one| seen.iter().map(move |two| (one, two)))
            {
                found.number(
                    if turn.from_toney { "hxt" } else { "hxu" },
                    &[*one, *two],
                    BEFORE * 0.5,
                );
            }
        }
    }
}

#[derive(Default)]
struct Found(Vec<(u32, f32)>);

impl Found {
    fn add(&mut self, kind: &str, parts: &[&str], weight: f32) {
        let mut hash = begin(kind);
        for part in parts {
            hash = fnv(hash, part.as_bytes());
            hash = fnv(hash, &[0xff]);
        }
        self.0.push((folded(hash), weight));
    }

    fn number(&mut self, kind: &str, parts: &[u16], weight: f32) {
        let mut hash = fnv(begin(kind), b"#");
        for part in parts {
            hash = fnv(hash, &part.to_le_bytes());
        }
        self.0.push((folded(hash), weight));
    }

    fn done(self) -> Features {
        Features { list: unit(self.0) }
    }
}

fn begin(kind: &str) -> u64 {
    fnv(fnv(FNV, kind.as_bytes()), &[0xfe])
}
