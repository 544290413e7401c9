//! The names of the gate's rules and of what becomes of a nudge, as tables, figures and people know them.

use serde::{Deserialize, Serialize};

/// What became of something that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its Yes was pressed.
    Accepted,
    /// They wrote or pressed something about it.
    Answered,
    /// Not now, less, snooze, never or stop.
    Declined,
    /// Nothing.
    Ignored,
}

impl Outcome {
    /// The word of the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Answered => "answered",
            Self::Declined => "declined",
            Self::Ignored => "ignored",
        }
    }

    /// The outcome of that word.
    pub fn find(word: &str) -> Option<Self> {
        let all = [
            Self::Accepted,
            Self::Answered,
            Self::Declined,
            Self::Ignored,
        ];
        all.into_iter().find(|one| one.as_str() == word)
    }

    /// Whether it was worth saying.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Accepted | Self::Answered)
    }
}

/// Why something waits or is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It has words, and says why.
    Words,
    /// Its time is not over.
    Expiry,
    /// They did not stop everything.
    Stop,
    /// They agreed to this category.
    Consent,
    /// They never said that they do not want this kind.
    Never,
    Snooze,
    /// They are not in trouble.
    Care,
    /// Nothing of the same kind waits for their answer.
    Unanswered,
    /// There is a chat that reaches them.
    Reach,
    /// They are not talking right now.
    Open,
    /// What was ignored is not repeated.
    Pause,
    Week,
    Day,
    Spacing,
    Quiet,
    /// The hour at which they like it best.
    Hour,
    /// The reason is still there.
    Reason,
}

impl Rule {
    /// All that the gate asks, in order.
    pub const ALL: [Self; 17] = [
        Self::Words,
        Self::Expiry,
        Self::Stop,
        Self::Consent,
        Self::Never,
        Self::Snooze,
        Self::Care,
        Self::Unanswered,
        Self::Reach,
        Self::Open,
        Self::Pause,
        Self::Week,
        Self::Day,
        Self::Spacing,
        Self::Quiet,
        Self::Hour,
        Self::Reason,
    ];

    /// The word of the table and of figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Expiry => "expiry",
            Self::Stop => "stop",
            Self::Consent => "consent",
            Self::Never => "never",
            Self::Snooze => "snooze",
            Self::Care => "care",
            Self::Unanswered => "unanswered",
            Self::Reach => "reach",
            Self::Open => "open",
            Self::Pause => "pause",
            Self::Week => "week",
            Self::Day => "day",
            Self::Spacing => "spacing",
            Self::Quiet => "quiet",
            Self::Hour => "hour",
            Self::Reason => "reason",
        }
    }

    /// The rule of that word.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == word)
    }
}
