//! Something has waited for somebody's decision for more than a day. It matters more than advice and counts against no cap, for
//! others wait for it; quiet hours and a stop hold all the same.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::approval::Approvals;
use crate::jobs::{Work, Worker};
use crate::model::{
    Category, Event, Failure, Happening, Impulse, JobId, PersonId, Setting, Time, phrases,
};
use crate::proactive::Trigger;
use crate::store::{Change, NewJob, Store};

/// What has waited so long is worth a word: a day, and time to react to the request itself, which is shown once more
/// when that day is over.
const WAITED: Duration = Duration::from_secs(36 * 3_600);
/// And means nothing any more after so long.
const LASTS: Duration = Duration::from_secs(7 * 86_400);
const PRIORITY: u8 = 220;
/// So many are named.
const NAMED: usize = 3;

/// Something waits for somebody's decision.
#[derive(Clone)]
pub struct ApprovalWaiting {
    pub store: Store,
    pub approvals: Approvals,
}

impl ApprovalWaiting {
    /// The name that tables and figures know it by.
    pub const NAME: &'static str = "approval_waiting";
}

#[async_trait]
impl Trigger for ApprovalWaiting {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn category(&self) -> Category {
        Category::Releases
    }

    async fn look(&self, person: PersonId, now: Time) -> anyhow::Result<Option<Impulse>> {
        let asker = self.store.asker(person, Setting::Direct).await?;
        let mut waiting = self.approvals.waiting(person, asker.standings()).await?;
        waiting.retain(|row| row.asked_at.plus(WAITED) <= now);
        // The newest of them names the episode: when another one has waited a day, it is worth a word again.
        let (Some(first), Some(newest)) = (waiting.first(), waiting.last()) else {
            return Ok(None);
        };
        let subjects: Vec<&str> = waiting.iter().map(|row| row.subject.as_str()).collect();
        let (named, more) = subjects.split_at(subjects.len().min(NAMED));
        Ok(Some(Impulse {
            person,
            artist: Some(newest.artist),
            category: self.category(),
            trigger: Self::NAME.to_owned(),
            episode: newest.id.to_string(),
            priority: PRIORITY,
            expires: newest.asked_at.plus(WAITED).plus(LASTS),
            is_exempt: true,
            text: phrases::approval_waits(named, more.len()),
            why: phrases::approval_waits_why(waiting.len(), first.asked_at),
            deed: None,
        }))
    }
}

/// Looks a day after something was asked who has still to decide it.
pub struct Waits(pub ApprovalWaiting);

/// Whom to look at, a day later.
#[derive(Debug, Serialize, Deserialize)]
struct Later {
    waits: PersonId,
}

impl Waits {
    /// The name of the job.
    pub const KIND: &'static str = "approval_waits";

    /// A look at each of those who decide.
    async fn ordered(&self, event: &Event) -> anyhow::Result<Change> {
        let (Happening::ApprovalAsked { approval }, Some(artist)) = (&event.what, event.artist)
        else {
            return Ok(Change::default());
        };
        let store = &self.0.store;
        let clock = &self.0.approvals.clock;
        let mut jobs = Vec::new();
        for (person, _) in store.deciders(artist).await? {
            jobs.push(NewJob {
                id: JobId::new(&self.0.approvals.ids),
                kind: Self::KIND.to_owned(),
                lane: format!("approval-waits:{approval}:{person}"),
                key: format!("approval-waits:{}:{person}", event.id),
                ordering: 0,
                payload: serde_json::to_string(&Later { waits: person })?,
                run_at: event.at.plus(WAITED),
                at: clock.now(),
            });
        }
        Ok(Change::jobs(jobs))
    }

    async fn looked(&self, person: PersonId) -> anyhow::Result<Change> {
        let approvals = &self.0.approvals;
        let now = approvals.clock.now();
        let Some(impulse) = self.0.look(person, now).await? else {
            return Ok(Change::default());
        };
        let job = NewJob::impulse(&impulse, &approvals.ids, now)?;
        Ok(Change::jobs(vec![job]))
    }
}

#[async_trait]
impl Worker for Waits {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        work.jobs.truncate(1);
        let Some(job) = work.jobs.first() else {
            return Ok(Change::default());
        };
        if let Ok(Later { waits }) = serde_json::from_str(&job.payload) {
            return Ok(self.looked(waits).await?);
        }
        let event: Event =
            serde_json::from_str(&job.payload).map_err(|error| Failure::GiveUp(error.into()))?;
        Ok(self.ordered(&event).await?)
    }
}
