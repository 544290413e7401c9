//! The proof that something was approved, without which nobody carries it out.

use anyhow::Result;

use crate::model::{Action, ApprovalId, ApprovedAction, ArtistId, Decision, PersonId};
use crate::store::{Approval, Store};

/// What was asked for is not what was approved, or was not approved at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// There is no such request.
    #[error("there is no such request")]
    Unknown,
    /// It was not approved, or is not any more.
    #[error("the request was not approved")]
    Undecided,
    /// What stands in the request, or what was ordered, is not what people decided about.
    #[error("what was ordered is not what was approved")]
    Changed,
}

/// That an action was approved as it stands. Only this room makes one, by looking at the stored request: whoever
/// carries something out has to obtain it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    row: Approval,
}

impl Approved {
    /// Looks whether what a job orders was approved, word for word.
    ///
    /// # Errors
    /// When the store cannot be read; the inner one when it was not approved.
    pub async fn obtain(
        store: &Store,
        ordered: &ApprovedAction,
    ) -> Result<Result<Self, NotApproved>> {
        let row = store.approval(ordered.approval).await?;
        Ok(Self::check(row, &ordered.action))
    }

    fn check(row: Option<Approval>, action: &Action) -> Result<Self, NotApproved> {
        let row = row.ok_or(NotApproved::Unknown)?;
        if row.state != Decision::Approved {
            return Err(NotApproved::Undecided);
        }
        if !row.is_whole() || *action != row.action {
            return Err(NotApproved::Changed);
        }
        Ok(Self { row })
    }

    /// By which decision.
    pub fn approval(&self) -> ApprovalId {
        self.row.id
    }

    /// In which of its versions.
    pub fn revision(&self) -> i64 {
        self.row.revision
    }

    /// For whom.
    pub fn artist(&self) -> ArtistId {
        self.row.artist
    }

    /// Who wanted it.
    pub fn asker(&self) -> Option<PersonId> {
        self.row.asker
    }

    /// Exactly what is to be done.
    pub fn action(&self) -> &Action {
        &self.row.action
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Clock, Ids, Time};

    fn row(state: Decision) -> Approval {
        let ids = Ids::new(Clock::System, Some(1));
        let (artist, action) = (
            ArtistId::new(&ids),
            Action {
                kind: "post".to_owned(),
                body: json!({"text": "hello"}),
            },
        );
        Approval {
            id: ApprovalId::new(&ids),
            artist,
            asker: None,
            kind: "post".to_owned(),
            subject: "A post".to_owned(),
            preview: String::new(),
            reason: String::new(),
            cost: None,
            hash: action.hash(artist, 1),
            action,
            revision: 1,
            state,
            roles: Vec::new(),
            needed: 1,
            asker_may: false,
            escalates: false,
            deadline: None,
            answer_to: None,
            asked_at: Time::from_ms(1),
            decided_at: None,
            decided_by: None,
            decided_via: String::new(),
            note: String::new(),
            grant: None,
        }
    }

    #[test]
    fn only_what_was_approved_word_for_word_is_carried_out() {
        let good = row(Decision::Approved);
        let action = good.action.clone();
        assert!(Approved::check(Some(good.clone()), &action).is_ok());
        assert_eq!(Approved::check(None, &action), Err(NotApproved::Unknown));
        for state in Decision::ALL
            .into_iter()
            .filter(|one| *one != Decision::Approved)
        {
            let other = Approved::check(Some(row(state)), &action);
            assert_eq!(other, Err(NotApproved::Undecided));
        }
        let other = Action {
            body: json!({"text": "hello!"}),
            ..action.clone()
        };
        let wrong = Approved::check(Some(good.clone()), &other);
        assert_eq!(wrong, Err(NotApproved::Changed));
        // Whoever changes the row behind our back changes what it was bound to.
        let changed = Approval {
            action: other.clone(),
            ..good.clone()
        };
        assert_eq!(
            Approved::check(Some(changed), &other),
            Err(NotApproved::Changed)
        );
        let newer = Approval {
            revision: 2,
            ..good
        };
        assert_eq!(
            Approved::check(Some(newer), &action),
            Err(NotApproved::Changed)
        );
    }
}
