//! Pure checks on text, before anything else sees what came in and before anything goes out.
//!
//! [`Safety::look`] says how great the danger is that somebody writes of: by rules of many languages, which know
//! that music talk is full of death, and by what the last messages add up to. [`Help`] holds the fixed texts and the
//! lines to call, country by country. [`conceal`] takes secrets and other people's data out of what goes out, and
//! [`Injections`] finds orders to a model in what is only data. Nothing here asks a model, a network or a clock, nothing
//! keeps or logs a word, and nothing ever lowers what a rule has found but another rule: what was learnt ([`learnt`]) only
//! raises. Begin at [`Safety::look`].

mod conceal;
pub mod country;
mod course;
mod help;
mod inject;
mod judge;
pub mod learnt;
mod pattern;
mod rules;
#[cfg(test)]
mod tests;
mod text;
mod vocabulary;

use std::fmt;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::model::Time;
use crate::model::weights::Weights;

pub use conceal::{Concealed, Secret, conceal};
pub use course::{Cue, WINDOW};
pub use help::{Asked, Help, Line};
pub use inject::{Fault, Injection, Injections, fault};

use judge::Judged;
use learnt::{Learnt, Likely};
use rules::{Found, Rules};

/// How great a danger is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing was seen.
    #[default]
    None,
    /// Somebody is low: a gentle word, and help goes on as ever.
    Concern,
    /// Somebody is in danger: fixed text, lines to call, a human is told.
    High,
    /// It may happen now: the emergency number first.
    Imminent,
}

impl Level {
    /// Whether fixed text goes out and a human is told.
    pub const fn is_crisis(self) -> bool {
        matches!(self, Self::High | Self::Imminent)
    }

    /// The word of tables and figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Concern => "concern",
            Self::High => "high",
            Self::Imminent => "imminent",
        }
    }

    /// What predictions call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "safe",
            Self::Concern => "concern",
            Self::High | Self::Imminent => "crisis",
        }
    }
}

/// What the danger is. Of two that are equally great the first counts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    Suicide,
    /// Hurting oneself.
    SelfHarm,
    /// An overdose, a relapse, not being able to stop.
    SubstanceAbuse,
    /// Violence, threats and coercion by somebody near, of any kind.
    DomesticViolence,
    EatingDisorder,
    /// Wanting to hurt others.
    Violence,
    /// Panic, psychosis, despair.
    MentalHealthCrisis,
    #[default]
    None,
}

impl Topic {
    /// What predictions call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suicide => "suicide",
            Self::SelfHarm => "self_harm",
            Self::SubstanceAbuse => "substance_abuse",
            Self::DomesticViolence => "domestic_violence",
            Self::EatingDisorder => "eating_disorder",
            Self::Violence => "violence",
            Self::MentalHealthCrisis => "mental_health_crisis",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was seen in one message. It holds no word of it, so that it may be kept beside a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    /// When it was said.
    pub at: Time,
    /// How great the danger is, by this message and those before it.
    pub level: Level,
    /// How great it is by this message alone.
    pub alone: Level,
    /// What it is about.
    pub topic: Topic,
    /// Whether it is about somebody else, whom the writer wants to help.
    pub other: bool,
    /// What adds up over messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cues: Vec<Cue>,
    /// The language of the rule that decided, as a code of two letters, where it tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// What links begin with.
const SCHEMES: [&str; 5] = ["https", "http", "HTTPS", "HTTP", "tg"];

/// Everything that is looked for in what comes in; made once, shared by all.
#[derive(Debug)]
pub struct Safety {
    rules: Rules,
    learnt: Learnt,
    injections: Injections,
}

impl Safety {
    /// Reads the rules, which are compiled in.
    ///
    /// # Errors
    /// Fails when a rule cannot be read, which a test rules out.
    pub fn new() -> Result<Self> {
        Ok(Self {
            rules: Rules::read()?,
            learnt: Learnt::new(),
            injections: Injections::new()?,
        })
    }

    /// The same with other weights.
    #[must_use]
    pub fn learning(mut self, weights: Weights) -> Self {
        self.learnt = Learnt::with(weights);
        self
    }

    /// What `text`, written at `at`, shows. `before` is what the messages before it showed, the oldest first; those
    /// that are too long ago count for nothing.
    pub fn look(&self, text: &str, at: Time, before: &[Sign]) -> Sign {
        let (mut sign, likely) = self.read(text);
        if likely.level > sign.level {
            (sign.level, sign.topic) = (likely.level, likely.topic);
        }
        (sign.at, sign.alone) = (at, sign.level);
        course::weigh(&mut sign, before);
        sign
    }

    /// How great the danger is by rules, and how likely one is by what was learnt, 0 to 1; 0 where a guard explains it.
    pub fn apart(&self, text: &str) -> (Level, f32) {
        let (sign, likely) = self.read(text);
        let counts = likely.level.is_crisis() || likely.danger < learnt::SURE;
        (sign.level, if counts { likely.danger } else { 0.0 })
    }

    fn read(&self, text: &str) -> (Sign, Likely) {
        let (line, found) = self.find(text);
        let Judged { sign, explained } = judge::judge(&line, &found);
        let mut likely = self.learnt.look(&line, &found);
        // What a guard explains is explained.
        if explained {
            likely.level = Level::None;
        }
        (sign, likely)
    }

    /// The words of a message and the rules that stand in it; the words of a link say nothing.
    fn find(&self, text: &str) -> (vocabulary::Line, Vec<Found>) {
        self.rules.find(&without_links(text))
    }

    /// What a message shows to whoever learns from it: the whole of it, as [`learnt`] looks at it.
    pub fn shown(&self, text: &str) -> Vec<(u32, f32)> {
        let (line, found) = self.find(text);
        learnt::shown(&line, &found, (0, line.words.len()))
    }

    /// Whether a text that is only data gives orders to a model.
    pub fn orders(&self, text: &str) -> bool {
        // That something is to be used or paid stands in many an honest paper.
        let found = self.injections.find(text);
        found
            .iter()
            .any(|one| !matches!(one, Injection::Order | Injection::Beacon))
    }
}

/// A text with a space in place of each link, from its scheme to what cannot stand in an address.
fn without_links(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains("://") {
        return text.into();
    }
    let mut open = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        let mut schemes = SCHEMES.iter();
        let before = schemes
            .find_map(|scheme| before.strip_suffix(scheme))
            .unwrap_or(before);
        open.push_str(before);
        open.push(' ');
        let is_link = |letter: char| letter.is_ascii_graphic();
        rest = behind.trim_start_matches(is_link);
    }
    open.push_str(rest);
    open.into()
}
