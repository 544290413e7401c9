use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Address, ApprovalId, ArtistId, Money, PersonId, UnknownWord, hex};

/// Exactly what is done once it is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The kind of job, that is the worker that carries it out.
    pub kind: String,
    /// What it is told; any JSON.
    pub body: Value,
}

impl Action {
    /// What a decision is bound to: SHA-256 over kind, body, artist and revision, in hex. Each piece stands behind
    /// its length, so that no two actions differ only in where one piece ends.
    pub fn hash(&self, artist: ArtistId, revision: i64) -> String {
        let mut hash = Sha256::new();
        let (body, artist, revision) = (
            self.body.to_string(),
            artist.to_string(),
            revision.to_string(),
        );
        for piece in [&self.kind, &body, &artist, &revision] {
            hash.update(u64::try_from(piece.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(piece.as_bytes());
        }
        hex(hash.finalize())
    }
}

/// The payload of a job of the kind [`AskApproval::KIND`], in any lane and under any key of whoever orders it: asks
/// the people whom the policy of `kind` names. The outcome comes as the event `approval_decided`. The same approval
/// with a greater revision takes the place of the older one; any other repetition changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskApproval {
    /// Made by whoever asks, and kept by them.
    pub approval: ApprovalId,
    /// 1, and one more for each version.
    pub revision: i64,
    /// For whom.
    pub artist: ArtistId,
    /// Who wants it; nobody where a workflow does.
    pub asker: Option<PersonId>,
    /// Which policy holds: a table of `[approval.kinds]`.
    pub kind: String,
    /// What it is about, in a few words. Plain text.
    pub subject: String,
    /// What there is to see. Markdown.
    pub preview: String,
    /// Why it is wanted, or empty. Plain text.
    pub reason: String,
    /// What it costs, if anything.
    pub cost: Option<Money>,
    /// What is done once it is approved.
    pub action: Action,
    /// Where the asker is told; in their newest direct chat otherwise.
    pub answer_to: Option<Address>,
}

impl AskApproval {
    /// The kind of job that takes it.
    pub const KIND: &str = "ask_approval";
}

/// The payload of the job that carries out what was approved; its kind is the action's, its key `approved:` and the
/// approval's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovedAction {
    /// By which decision.
    pub approval: ApprovalId,
    /// What is to be done.
    pub action: Action,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It waits.
    Open,
    /// Enough people said yes.
    Approved,
    /// Somebody said no.
    Rejected,
    /// It was sent back, and waits for a new version.
    Changes,
    /// Nobody decided in time.
    Expired,
    /// Whoever asked took it back.
    Withdrawn,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::Approved,
        Self::Rejected,
        Self::Changes,
        Self::Expired,
        Self::Withdrawn,
    ];

    /// The word of the table and of the event.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Changes => "changes",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Decision {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let mut all = Self::ALL.into_iter();
        all.find(|one| one.as_str() == word)
            .ok_or_else(|| UnknownWord::new(word, &Self::ALL.map(Self::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn an_action_is_bound_by_all_that_it_is() {
        let ids = Ids::new(Clock::System, Some(1));
        let (ann, bob) = (ArtistId::new(&ids), ArtistId::new(&ids));
        let action = |kind: &str, body: Value| Action {
            kind: kind.to_owned(),
            body,
        };
        let one = action("post", json!({"text": "hello"}));
        let hash = one.hash(ann, 1);
        assert_eq!(hash.len(), 64);
        assert_eq!(one.clone().hash(ann, 1), hash);
        for other in [
            one.hash(bob, 1),
            one.hash(ann, 2),
            action("pos", json!({"text": "hello"})).hash(ann, 1),
            action("post", json!({"text": "hello!"})).hash(ann, 1),
        ] {
            assert_ne!(other, hash);
        }
        // It stands as text in the store, and is the same when it comes back.
        let back: Action = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(back.hash(ann, 1), hash);
    }

    #[test]
    fn words_of_decisions_come_back() {
        for decision in Decision::ALL {
            assert_eq!(decision.as_str().parse(), Ok(decision));
            let json = serde_json::to_string(&decision).unwrap();
            assert_eq!(json, format!("\"{decision}\""));
        }
        assert!("maybe".parse::<Decision>().is_err());
    }
}
