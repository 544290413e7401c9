//! What was learnt from labelled lines: words, their neighbours and pieces of words that tell somebody in danger from music
//! talk where no rule stands. It only ever raises what the rules found. The weights are made ahead from
//! `config/safety/messages.jsonl` (`cargo bench --bench safety -- --write`).

use std::collections::BTreeSet;

use crate::model::terms::{FNV, fnv};
use crate::model::weights::{Weights, fingerprint, folded, unit};

use super::rules::{Found, Meaning};
use super::vocabulary::Line;
use super::{Level, Topic};

/// What the weights are for.
pub const MAGIC: &[u8; 8] = b"TONEYSAF";
/// The weights, made ahead.
pub const MODEL: &[u8] = include_bytes!("../../config/safety/messages.model");
/// Changes whenever a line would show something else than before; ties weights to this file.
const VERSION: u32 = 1;

/// From here on it is a cry.
pub(super) const SURE: f32 = 0.45;
/// From here on it happens now, if it is one.
const NOW: f32 = 0.5;
/// Of a message of which this much was seen before nothing is made, and of one of which twice as much was, all.
const STRANGE: f32 = 0.12;
/// Words of a message that are looked at as one.
const MOST_WORDS: usize = 400;
/// Words of a sentence that are looked at as one.
const LONG_SENTENCE: usize = 80;

/// How much a feature weighs before the whole is brought to length one.
const WORD: f32 = 1.0;
const PAIR: f32 = 0.9;
const TRIPLE: f32 = 0.8;
const PIECE: f32 = 0.45;
const RULE: f32 = 1.0;

/// What is told apart: how great a danger is, and what it is.
pub const LABELS: [(Level, Topic); 12] = [
    (Level::None, Topic::None),
    (Level::Concern, Topic::MentalHealthCrisis),
    (Level::High, Topic::Suicide),
    (Level::Imminent, Topic::Suicide),
    (Level::High, Topic::SelfHarm),
    (Level::High, Topic::SubstanceAbuse),
    (Level::Imminent, Topic::SubstanceAbuse),
    (Level::High, Topic::DomesticViolence),
    (Level::Imminent, Topic::DomesticViolence),
    (Level::High, Topic::EatingDisorder),
    (Level::High, Topic::Violence),
    (Level::High, Topic::MentalHealthCrisis),
];

/// What weights depend on: the lines, those that are ordinary, the rules that stand in them, and how they are looked at.
pub fn origin(lines: &str, ordinary: &str) -> [u8; 32] {
    let rules = super::rules::FILES.iter().map(|(_, text)| *text);
    let all: Vec<&str> = [lines, ordinary].into_iter().chain(rules).collect();
    fingerprint(&all, VERSION)
}

/// What a message looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Likely {
    pub(super) level: Level,
    pub(super) topic: Topic,
    /// How likely a danger is, 0 to 1.
    pub(super) danger: f32,
}

/// The weights.
#[derive(Debug, Default)]
pub(super) struct Learnt(Weights);

impl Learnt {
    /// The weights that are built in.
    pub(super) fn new() -> Self {
        // A build whose weights cannot be read does not pass its tests.
        Self(Weights::read(MAGIC, MODEL).unwrap_or_default())
    }

    /// Others than those.
    pub(super) fn with(weights: Weights) -> Self {
        Self(weights)
    }

    /// What a message looks like, as a whole or in its worst part.
    pub(super) fn look(&self, line: &Line, found: &[Found]) -> Likely {
        let parts = parts(line).into_iter();
        let all = parts.map(|part| self.part(&shown(line, found, part), weight(line, part)));
        let nothing = Likely {
            level: Level::None,
            topic: Topic::None,
            danger: 0.0,
        };
        all.fold(nothing, |worst, one| {
            let level = worst.level.max(one.level);
            let worst = if one.danger > worst.danger {
                one
            } else {
                worst
            };
            Likely { level, ..worst }
        })
    }

    fn part(&self, shown: &[(u32, f32)], weight: f32) -> Likely {
        // What nobody wrote before, as keys and files, is no danger by that.
        let known = (self.0.known(shown) - STRANGE) / STRANGE;
        let weight = weight * known.clamp(0.0, 1.0);
        let likely = self.0.probabilities(shown);
        let all = || LABELS.iter().zip(&likely);
        let sum = |is: &dyn Fn(Level, Topic) -> bool| -> f32 {
            all()
                .filter(|((level, topic), _)| is(*level, *topic))
                .map(|(_, likely)| likely)
                .sum()
        };
        let danger = weight * sum(&|level, _| level.is_crisis());
        let topics = LABELS.iter().map(|(_, topic)| *topic);
        let topics =
            topics.map(|one| (one, sum(&|level, topic| level.is_crisis() && topic == one)));
        let topic = topics.max_by(|one, other| one.1.total_cmp(&other.1));
        let topic = topic.map_or(Topic::None, |(topic, _)| topic);
        let now = weight * sum(&|level, _| level == Level::Imminent);
        let level = match danger >= SURE {
            true if now >= NOW * danger => Level::Imminent,
            true => Level::High,
            false => Level::None,
        };
        Likely {
            level,
            topic,
            danger,
        }
    }
}

/// The parts of a message that are looked at: its beginning as a whole, and each sentence. One without an end is cut.
fn parts(line: &Line) -> Vec<(usize, usize)> {
    let length = line.words.len();
    let mut parts = vec![(0, length.min(MOST_WORDS))];
    let (mut from, mut sentence) = (0, None);
    for (at, word) in line.words.iter().enumerate() {
        if sentence.is_some_and(|last| last != word.sentence) || at - from >= LONG_SENTENCE {
            parts.push((from, at));
            from = at;
        }
        sentence = Some(word.sentence);
    }
    if from > 0 {
        parts.push((from, length));
    }
    parts
}

/// How much is made of a part: a word or two say little. Letters that stand alone are half a word.
fn weight(line: &Line, (from, to): (usize, usize)) -> f32 {
    let words = line.words.get(from..to).unwrap_or_default().iter();
    let words = words.map(|word| word.text.as_str());
    let words: BTreeSet<&str> = words
        .filter(|word| word.contains(char::is_alphabetic))
        .collect();
    let halves = words.iter().map(|word| word.chars().count().min(2));
    match halves.sum::<usize>() {
        0..4 => 0.4,
        4..6 => 0.6,
        6..8 => 0.85,
        _ => 1.0,
    }
}

/// What a part of a message shows: each feature once, with its weight, of length one.
pub(super) fn shown(line: &Line, found: &[Found], (from, to): (usize, usize)) -> Vec<(u32, f32)> {
    let words = line.words.get(from..to).unwrap_or_default();
    let mut features = Features::default();
    let (mut two, mut one) = ("^", "^");
    let mut four: [&str; 4] = ["^"; 4];
    for word in words {
        let text = plain(&word.text);
        features.add("w", &[text], WORD);
        features.add("b", &[one, text], PAIR);
        features.add("s", &[two, "_", text], PAIR * 0.6);
        features.add("t", &[two, one, text], TRIPLE);
        (two, one) = (one, text);
        four.rotate_left(1);
        if let Some(last) = four.last_mut() {
            *last = text;
        }
        // Where each letter is a word of its own, four of them are what a word is elsewhere.
        if four.iter().all(|text| text.chars().count() == 1) {
            features.add("f", &four, PAIR);
        }
        if word.quoted {
            features.add("q", &[text], WORD * 0.4);
        }
        features.pieces(text);
    }
    features.add("b", &[one, "$"], PAIR);
    features.add("t", &[two, one, "$"], TRIPLE);
    for one in found
        .iter()
        .filter(|one| from <= one.span.from && one.span.to <= to)
    {
        let (kind, what) = name(one.meaning);
        features.add(kind, &[&what], RULE);
    }
    let length = match words.len() {
        0..=2 => "2",
        3..=5 => "5",
        6..=9 => "9",
        10..=16 => "16",
        17..=30 => "30",
        _ => "more",
    };
    features.add("x", &["length", length], WORD * 0.5);
    unit(features.0)
}

/// Figures look alike.
fn plain(word: &str) -> &str {
    if word.starts_with(|letter: char| letter.is_ascii_digit()) {
        "0"
    } else {
        word
    }
}

/// A rule, as a feature.
fn name(meaning: Meaning) -> (&'static str, String) {
    match meaning {
        Meaning::Sign { level, topic, .. } => ("rs", format!("{}{}", level.name(), topic.name())),
        Meaning::Cue(cue) => ("rc", format!("{cue:?}")),
        Meaning::Guard(guard) => ("rg", format!("{guard:?}")),
    }
}

#[derive(Default)]
struct Features(Vec<(u32, f32)>);

impl Features {
    fn add(&mut self, kind: &str, parts: &[&str], weight: f32) {
        let mut hash = fnv(fnv(FNV, kind.as_bytes()), &[0xfe]);
        for part in parts {
            hash = fnv(hash, part.as_bytes());
            hash = fnv(hash, &[0xff]);
        }
        self.0.push((folded(hash), weight));
    }

    /// Pieces of three to five letters of a word.
    fn pieces(&mut self, word: &str) {
        let mut padded = vec![' '];
        padded.extend(word.chars());
        padded.push(' ');
        if padded.len() < 4 {
            return;
        }
        let mut piece = String::new();
        for size in 3..=5 {
            for window in padded.windows(size) {
                piece.clear();
                piece.extend(window);
                self.add("p", &[&piece], PIECE);
            }
        }
    }
}
