use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::standing::words;
use super::{ArtistId, PersonId, Time};

/// What somebody is written to about unasked; each is agreed to by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Money that came in, waits or is missing.
    Earnings,
    /// Releases, their days and what waits for a decision.
    Releases,
    /// Goals, plans and how somebody gets on.
    Coaching,
    /// Those who listen and give.
    Fans,
}

words!(Category { Earnings = "earnings", Releases = "releases", Coaching = "coaching", Fans = "fans" });

/// Something worth saying to somebody who did not ask: the payload of a job of the kind [`Impulse::KIND`] in the lane
/// [`Impulse::lane`], under the key [`Impulse::key`]. Whether and when it is said is decided there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impulse {
    pub person: PersonId,
    /// The artist whom it is about.
    #[serde(default)]
    pub artist: Option<ArtistId>,
    pub category: Category,
    /// The trigger's name.
    pub trigger: String,
    /// What it is about this time: one trigger speaks once of one episode.
    pub episode: String,
    /// The greater goes first.
    pub priority: u8,
    /// It means nothing any more after this.
    pub expires: Time,
    /// Counts against no cap, and keeps quiet hours all the same.
    #[serde(default)]
    pub is_exempt: bool,
    /// What is said, as Markdown.
    pub text: String,
    /// Why it is said, in a sentence, with the figures it stands on.
    pub why: String,
    /// What a press can do about it.
    #[serde(default)]
    pub deed: Option<Suggested>,
}

/// What Toney would do about something: a capability and what it is called with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggested {
    /// What stands on the button.
    pub label: String,
    pub capability: String,
    pub args: Value,
}

impl Impulse {
    /// The name of the job.
    pub const KIND: &'static str = "nudge";

    /// Everything that one person is nudged about stands in one line.
    pub fn lane(&self) -> String {
        format!("nudge:{}", self.person)
    }

    /// Nobody is told twice of one episode.
    pub fn key(&self) -> String {
        format!("nudge:{}:{}:{}", self.person, self.trigger, self.episode)
    }
}
