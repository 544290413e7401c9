//! What messages add up to. One weak sign is a bad day; several of different kinds within a day or two are a course.
//!
//! Each kind of cue has a weight. A kind counts once, at its newest, and half as much with every [`HALF`] that went
//! by; three kinds that reach [`HIGH`] together are high, and two that reach [`CONCERN`] a concern. Something high that was said shortly
//! before is a cue too. So silence and good news let everything fade, and the same complaint ten times stays one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Level, Sign, Topic};

/// So many earlier messages are weighed at most.
pub const WINDOW: usize = 24;

/// After this time a cue counts half.
const HALF: Duration = Duration::from_hours(24);
/// Weight from which several kinds are high.
const HIGH: f64 = 5.0;
/// Kinds it takes.
const KINDS: usize = 3;
/// Weight from which a message with a cue is a concern.
const CONCERN: f64 = 3.0;
/// What counts less has faded.
const FADED: f64 = 0.25;

/// Something that says little alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cue {
    /// Sees no point and no future.
    Hopeless,
    /// Feels worthless, or a burden to others.
    Worthless,
    /// Empty, exhausted, crying, not sleeping.
    Worn,
    /// Alone, keeping away from people, giving up what was loved.
    Withdrawn,
    /// Says goodbye, gives thanks for everything.
    Farewell,
    /// Gives away what is dear.
    Giving,
    /// Nobody came, lost, left, dropped.
    Loss,
    /// Something high was said before.
    Alarm,
}

impl Cue {
    /// How much it weighs when it is new.
    const fn weight(self) -> f64 {
        match self {
            Self::Hopeless | Self::Worthless | Self::Worn | Self::Farewell | Self::Giving => 2.0,
            Self::Withdrawn | Self::Loss => 1.0,
            Self::Alarm => 3.0,
        }
    }

    /// What a message shows that holds nothing else.
    pub(super) const fn alone(self) -> Level {
        match self {
            Self::Hopeless | Self::Worthless | Self::Worn => Level::Concern,
            Self::Withdrawn | Self::Farewell | Self::Giving | Self::Loss | Self::Alarm => {
                Level::None
            }
        }
    }
}

/// Raises a message's level to what it and those before it add up to. Never lowers it.
pub(super) fn weigh(sign: &mut Sign, before: &[Sign]) {
    // What holds no cue of its own adds nothing.
    if sign.cues.is_empty() || sign.level.is_crisis() {
        return;
    }
    let mut kinds: Vec<(Cue, f64)> = Vec::new();
    let mut count = |cue: Cue, age: Duration| {
        let halves = age.as_secs_f64() / HALF.as_secs_f64();
        let weight = cue.weight() * 0.5_f64.powf(halves);
        if weight < FADED {
            return;
        }
        match kinds.iter_mut().find(|(known, _)| *known == cue) {
            Some((_, most)) => *most = most.max(weight),
            None => kinds.push((cue, weight)),
        }
    };
    for cue in &sign.cues {
        count(*cue, Duration::ZERO);
    }
    for earlier in before.iter().rev().take(WINDOW) {
        let age = sign.at.since(earlier.at);
        if earlier.alone.is_crisis() && !earlier.other {
            count(Cue::Alarm, age);
        }
        for cue in &earlier.cues {
            count(*cue, age);
        }
    }
    let sum: f64 = kinds.iter().map(|(_, weight)| weight).sum();
    let alarmed = kinds.iter().any(|(cue, _)| *cue == Cue::Alarm);
    let enough = if alarmed { KINDS - 1 } else { KINDS };
    let level = if kinds.len() >= enough && sum >= HIGH - f64::from(u8::from(alarmed)) {
        Level::High
    } else if kinds.len() > 1 && sum >= CONCERN {
        Level::Concern
    } else {
        Level::None
    };
    if level > sign.level {
        sign.level = level;
        if level.is_crisis() {
            sign.topic = Topic::Suicide;
        } else if sign.topic == Topic::None {
            sign.topic = Topic::MentalHealthCrisis;
        }
    }
}
