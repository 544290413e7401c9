//! How somebody writes: long or short, casually or formally, with emoji or without.

use serde::{Deserialize, Serialize};

use super::ENOUGH;

/// How somebody writes, or wants to be written to; `None` = not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Style {
    pub length: Option<Length>,
    pub manner: Option<Manner>,
    pub emoji: Option<Emoji>,
}

/// By the words of the middle message: up to 8 are short, 30 and more are long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    Short,
    Medium,
    Long,
}

/// By four marks of each message: a capital at the beginning, a full stop or question mark at the end, a polite word, no
/// word of chat slang. Up to 0.45 of them on average is casual, from 0.75 formal. Linguists count parts of speech instead
/// (Heylighen and Dewaele 1999), which chat lines are too short for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    Casual,
    Neutral,
    Formal,
}

/// By the share of messages with an emoji: below 0.05 none, from 0.4 many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emoji {
    None,
    Some,
    Many,
}

const SLANG: &[&str] = &[
    "lol", "lmao", "haha", "hahaha", "gonna", "wanna", "gotta", "u", "ur", "pls", "plz", "thx",
    "btw", "idk", "omg", "yo", "bro", "dude", "nah", "yep", "yeah", "hey", "hi", "sup", "cuz",
    "kinda", "jaja", "jajaja", "kkk", "mdr", "vc", "tb", "tmb", "q", "xq", "digga", "alter", "ne",
    "jo",
];
const POLITE: &[&str] = &[
    "please",
    "thank",
    "thanks",
    "kindly",
    "regards",
    "sincerely",
    "dear",
    "would",
    "could",
    "may",
    "bitte",
    "danke",
    "könnten",
    "würden",
    "sie",
    "gracias",
    "usted",
    "podría",
    "obrigado",
    "obrigada",
    "poderia",
    "merci",
    "pourriez",
    "vous",
    "cordialement",
    "favor",
];

impl Style {
    /// What can be seen in these messages.
    pub fn seen(texts: &[&str]) -> Self {
        if texts.len() < ENOUGH {
            return Self::default();
        }
        let mut words: Vec<usize> = texts
            .iter()
            .map(|text| text.split_whitespace().count())
            .collect();
        words.sort_unstable();
        let middle = words.get(words.len() / 2).copied().unwrap_or_default();
        let all = texts.len() as f64;
        let marks = texts.iter().map(|text| marks(text)).sum::<f64>() / all;
        let emoji = texts
            .iter()
            .filter(|text| text.chars().any(is_emoji))
            .count() as f64
            / all;
        Self {
            length: Some(match middle {
                0..=8 => Length::Short,
                9..=29 => Length::Medium,
                30.. => Length::Long,
            }),
            manner: Some(if marks <= 0.45 {
                Manner::Casual
            } else if marks < 0.75 {
                Manner::Neutral
            } else {
                Manner::Formal
            }),
            emoji: Some(if emoji < 0.05 {
                Emoji::None
            } else if emoji < 0.4 {
                Emoji::Some
            } else {
                Emoji::Many
            }),
        }
    }

    /// This where something is said, the other where it is not.
    #[must_use]
    pub fn over(self, seen: Self) -> Self {
        Self {
            length: self.length.or(seen.length),
            manner: self.manner.or(seen.manner),
            emoji: self.emoji.or(seen.emoji),
        }
    }

    /// As it is stored; nothing where it cannot be read.
    pub fn read(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// To be stored.
    pub fn stored(self) -> String {
        serde_json::to_string(&self).unwrap_or_default()
    }

    /// With one of its fields set by name; `None` where the value is none of it. `auto` leaves it to what is seen.
    #[must_use]
    pub fn with(mut self, field: &str, value: &str) -> Option<Self> {
        let (field, value) = (field.to_lowercase(), value.to_lowercase());
        let is_auto = value == "auto";
        match field.as_str() {
            "length" if is_auto => self.length = None,
            "length" => {
                self.length = Some(match value.as_str() {
                    "short" | "shorter" => Length::Short,
                    "medium" | "normal" => Length::Medium,
                    "long" | "longer" => Length::Long,
                    _ => return None,
                });
            }
            "manner" | "tone" if is_auto => self.manner = None,
            "manner" | "tone" => {
                self.manner = Some(match value.as_str() {
                    "casual" => Manner::Casual,
                    "neutral" => Manner::Neutral,
                    "formal" => Manner::Formal,
                    _ => return None,
                });
            }
            "emoji" if is_auto => self.emoji = None,
            "emoji" => {
                self.emoji = Some(match value.as_str() {
                    "none" | "no" | "off" => Emoji::None,
                    "some" | "on" | "yes" => Emoji::Some,
                    "many" => Emoji::Many,
                    _ => return None,
                });
            }
            _ => return None,
        }
        Some(self)
    }
}

impl Length {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Medium => "medium",
            Self::Long => "long",
        }
    }
}

impl Manner {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Casual => "casual",
            Self::Neutral => "neutral",
            Self::Formal => "formal",
        }
    }
}

impl Emoji {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Some => "some",
            Self::Many => "many",
        }
    }
}

/// What somebody plainly asks for: field and value. Only a whole short message counts, so that no talk about a caption is
/// taken for it.
pub fn asked(text: &str) -> Option<(&'static str, &'static str)> {
    let lower = text.to_lowercase();
    let plain: String = lower
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                ' '
            }
        })
        .collect();
    let mut words: Vec<&str> = plain.split_whitespace().collect();
    words.retain(|word| {
        ![
            "please", "pls", "to", "me", "from", "now", "on", "can", "you", "use", "any", "a",
            "bit", "more", "much",
        ]
        .contains(word)
    });
    Some(match words.as_slice() {
        ["write", "shorter" | "short"] | ["shorter", "answers"] | ["short", "answers"] => {
            ("length", "short")
        }
        ["write", "longer" | "long"] | ["longer", "answers"] | ["long", "answers"] => {
            ("length", "long")
        }
        ["no", "emoji" | "emojis"]
        | ["stop", "emoji" | "emojis"]
        | ["don", "t", "emoji" | "emojis"]
        | ["without", "emoji" | "emojis"] => ("emoji", "none"),
        ["write", "formally"] | ["be", "formal"] => ("manner", "formal"),
        ["write", "casually"] | ["be", "casual"] => ("manner", "casual"),
        _ => return None,
    })
}

/// From 0 to 1: how many of the four marks of careful writing a message has.
fn marks(text: &str) -> f64 {
    let text = text.trim();
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let marks = [
        text.chars().next().is_some_and(char::is_uppercase),
        text.ends_with(['.', '?', '!', '…']),
        has(POLITE),
        !has(SLANG),
    ];
    marks.iter().filter(|mark| **mark).count() as f64 / marks.len() as f64
}

/// The blocks of Unicode that hold pictures of faces, hands and things.
const fn is_emoji(letter: char) -> bool {
    matches!(letter, '\u{1F300}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}' | '\u{1F1E6}'..='\u{1F1FF}')
}
