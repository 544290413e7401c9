//! Asking people before something happens: who is asked, how it is decided, and what follows from it.
//!
//! Everything about a request is a job in its lane `approval:<id>`, so that two who press at the same instant are
//! heard one after the other; `step` decides, purely, and [`Decide`] makes true what came out. This room never
//! carries anything out (that is the worker whom the action names, which obtains an [`Approved`] first), and never
//! counts the press of somebody who does not hold the role at that moment. Start with [`Approvals`] and `step`.

mod approved;
mod card;
mod decide;
mod effects;
mod events;
mod policy;
mod record;
mod show;
mod step;

use std::sync::Arc;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::delivery::Delivery;
use crate::model::{
    Address, ApprovalId, ArtistId, AskApproval, Clock, Ids, JobId, PageId, PersonId, Time,
};
use crate::store::{Approval, Change, NewJob, Store};

pub use approved::{Approved, NotApproved};
pub use decide::{Ask, Decide, Timers};
pub use events::Lost;
pub use policy::{Policy, Settings};
pub use record::{Keeper, Verdict, verify};
pub use show::Details;
pub use step::Verb;

use step::{Came, Press};

/// The kind of job that decides.
const KIND: &str = "approval";

/// The payload of such a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    approval: ApprovalId,
    came: Came,
}

/// Requests for approval; cheap to clone.
#[derive(Clone)]
pub struct Approvals {
    /// What is remembered.
    pub store: Store,
    /// The way out.
    pub delivery: Delivery,
    /// Who decides what.
    pub settings: Arc<Settings>,
    /// The time.
    pub clock: Clock,
    /// The ids.
    pub ids: Ids,
}

/// Somebody's word about a request, as it came in.
#[derive(Debug, Clone)]
pub struct Said {
    /// Who; nobody = whoever runs Toney, on the command line.
    pub person: Option<PersonId>,
    /// The address at which it was said, or `cli`.
    pub via: String,
    /// Where an answer goes.
    pub answer: Option<Address>,
    /// Whether an answer is expected even when the card says it all.
    pub spoken: bool,
    /// The same at every attempt of whatever brought it.
    pub key: String,
}

impl Approvals {
    /// Orders that people are asked. The same approval with a greater revision takes the place of the older one.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn ask(&self, ask: &AskApproval) -> Result<Change> {
        let key = format!("asked:{}:{}", ask.approval, ask.revision);
        let came = Came::Asked(Box::new(ask.clone()));
        self.order(ask.approval, came, key)
    }

    /// Orders that somebody's word is taken in: it counts if they hold the role when it is, and if the request is
    /// open in that revision.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn say(
        &self,
        (approval, revision): (ApprovalId, i64),
        (verb, note): (Verb, &str),
        said: Said,
    ) -> Result<Change> {
        let Said {
            person,
            via,
            answer,
            spoken,
            key,
        } = said;
        let press = Press {
            person,
            via,
            revision,
            verb,
            note: note.trim().to_owned(),
            answer,
            spoken,
        };
        self.order(approval, Came::Pressed(press), key)
    }

    /// How requests of that kind are decided.
    pub fn policy(&self, kind: &str) -> Policy {
        self.settings.policy(kind)
    }

    /// Orders that something about a page goes on record: who did it, and `via` which platform or `time`. What concerns
    /// no artist stands in the installation's own record.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn record(
        &self,
        (page, artist): (PageId, Option<ArtistId>),
        (what, person, via): (&str, Option<PersonId>, &str),
        key: &str,
    ) -> Result<NewJob> {
        let entry = record::Entry {
            what: what.to_owned(),
            approval: None,
            grant: None,
            revision: 0,
            request: "page".to_owned(),
            action: page.to_string(),
            until: None,
            person,
            via: via.to_owned(),
            at: self.clock.now(),
        };
        let artist = artist.unwrap_or_else(record::installation);
        entry.job((artist, &self.ids), format!("{key}:{what}"))
    }

    fn order(&self, approval: ApprovalId, came: Came, key: String) -> Result<Change> {
        Ok(Change::jobs(vec![self.job(approval, came, key)?]))
    }

    fn job(&self, approval: ApprovalId, came: Came, key: String) -> Result<NewJob> {
        let now = self.clock.now();
        let payload = serde_json::to_string(&Order { approval, came });
        Ok(NewJob {
            id: JobId::new(&self.ids),
            kind: KIND.to_owned(),
            lane: format!("approval:{approval}"),
            key: format!("approval:{key}"),
            ordering: 0,
            payload: payload.context("Writing an order about an approval")?,
            run_at: now,
            at: now,
        })
    }

    /// What comes later waits in a lane of its own: nothing behind it may have to wait with it.
    fn later(&self, approval: ApprovalId, (came, key): (Came, String), at: Time) -> Result<NewJob> {
        let job = self.job(approval, came, key)?;
        Ok(NewJob {
            kind: Timers::KIND.to_owned(),
            lane: format!("approval-timer:{}", job.key),
            key: format!("timer:{}", job.key),
            run_at: at,
            ..job
        })
    }

    /// What people are called, as cards say it.
    async fn people(&self, row: &Approval) -> Result<card::People> {
        let votes = self.store.votes(row.id).await?;
        let yes = votes.iter().filter(|vote| {
            vote.revision == row.revision && matches!(vote.verb.as_str(), "approve" | "grant")
        });
        let yes: Vec<_> = yes.map(|vote| vote.person).collect();
        let all = yes.iter().flatten().copied();
        let all: Vec<PersonId> = all.chain(row.asker).chain(row.decided_by).collect();
        let names = self.store.names(&all).await?;
        let artist = self.store.artist(&row.artist.to_string()).await?;
        Ok(card::People {
            artist: artist.map(|artist| artist.name).unwrap_or_default(),
            names,
            yes,
        })
    }
}
