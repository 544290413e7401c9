use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Address, Category, Interaction, Message, NudgeId, PersonId, RecommendationId, Time};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A time of day, in minutes after midnight; `21:00` in settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(u16);

impl Minute {
    /// Reads `21:00`, `21` or `9`.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour <= 24 && minute < 60).then(|| Self((hour * 60 + minute) % DAY))
    }

    /// So many minutes after midnight.
    pub fn new(minutes: i64) -> Option<Self> {
        let minutes = u16::try_from(minutes).ok()?;
        (minutes < DAY).then_some(Self(minutes))
    }

    /// Minutes after midnight.
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl std::fmt::Display for Minute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl<'de> Deserialize<'de> for Minute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("a time of day is written as 21:00");
        Self::parse(&text).ok_or_else(wrong)
    }
}

/// How somebody wants to be written to unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NudgeSettings {
    pub person: PersonId,
    /// When they were asked, if they were.
    pub asked_at: Time,
    /// When they answered; nothing was agreed to before.
    pub answered_at: Time,
    /// What they agreed to.
    pub agreed: BTreeSet<Category>,
    /// Since when nothing at all is said.
    pub stopped_at: Time,
    pub snoozed_until: Time,
    /// How often they wanted less.
    pub less: u32,
    /// Their own quiet hours: from, to.
    pub quiet: Option<(Minute, Minute)>,
    /// Kinds that are never suggested again: names of triggers.
    pub never: BTreeSet<String>,
}

impl NudgeSettings {
    /// Of somebody who was never asked.
    pub fn new(person: PersonId) -> Self {
        Self {
            person,
            asked_at: Time::default(),
            answered_at: Time::default(),
            agreed: BTreeSet::new(),
            stopped_at: Time::default(),
            snoozed_until: Time::default(),
            less: 0,
            quiet: None,
            never: BTreeSet::new(),
        }
    }

    /// Whether they said what they want.
    pub fn has_answered(&self) -> bool {
        self.answered_at > Time::default()
    }

    /// Whether nothing at all is said.
    pub fn is_stopped(&self) -> bool {
        self.stopped_at > Time::default()
    }
}

/// What somebody says about being written to: the payload of a job of the kind [`NudgeSaid::KIND`] in the lane
/// [`NudgeSaid::lane`], where it is in order with what is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NudgeSaid {
    pub person: PersonId,
    /// Where an answer goes.
    pub address: Address,
    /// The same at every attempt of whatever brought it.
    pub key: String,
    pub word: NudgeWord,
    /// The message whose button was pressed.
    pub card: Option<Message>,
    /// The handle that lets the answer fill what the platform holds open for it.
    pub interaction: Option<Interaction>,
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NudgeWord {
    /// They are asked whether they want to be written to, if they never were.
    Ask,
    /// What stands behind the command.
    Said(String),
    /// One category, on or off.
    Switch(Category, bool),
    /// All of them.
    All(bool),
    /// Which ones.
    Choose,
    Less,
    Snooze,
    Stop,
    /// After a stop.
    Resume,
    /// Why this was said.
    Why(NudgeId),
    LessThan(NudgeId),
    SnoozeAfter(NudgeId),
    StopAfter(NudgeId),
    /// Not now.
    Later(RecommendationId),
    /// Never of this kind.
    Never(RecommendationId),
}

impl NudgeSaid {
    /// The name of the job.
    pub const KIND: &'static str = "nudge_said";

    /// Everything that one person is nudged about stands in one line.
    pub fn lane(&self) -> String {
        format!("nudge:{}", self.person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read() {
        for (text, shown) in [
            ("21:00", Some("21:00")),
            ("8", Some("08:00")),
            ("24", Some("00:00")),
        ] {
            let read = Minute::parse(text).map(|minute| minute.to_string());
            assert_eq!(read.as_deref(), shown);
        }
        for wrong in ["25", "8:75", "", "noon", "-3"] {
            assert_eq!(Minute::parse(wrong), None, "{wrong}");
        }
    }
}
