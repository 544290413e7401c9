//! The workers of the engine: what each kind of job is told, and which part of the engine takes it.

use async_trait::async_trait;
use serde::Deserialize;

use crate::jobs::{Work, Worker};
use crate::model::{ApprovalId, ArtistId, Event, Failure, Happening, WorkflowId, phrases};
use crate::store::Change;

use super::definition::{Definition, Trigger};
use super::engine::{APPROVED, DECIDED, EVENTS, Engine, Order, STEP, TICK, Tick, order_of, parse};
use super::seen::Seen;
use super::timer;

/// Starts runs for events.
pub struct Events(pub Engine);
/// Does steps.
pub struct Steps(pub Engine);
/// Starts runs by the clock.
pub struct Ticks(pub Engine);
/// Goes on with what was approved.
pub struct ApprovedSteps(pub Engine);
/// Ends what was not.
pub struct Decisions(pub Engine);

#[async_trait]
impl Worker for Events {
    fn kind(&self) -> &'static str {
        EVENTS
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, event)) = work.only::<Event>()? else {
            return Ok(Change::default());
        };
        let (Some(artist), Some(seen)) = (event.artist, Seen::of(&event)) else {
            return Ok(Change::default());
        };
        let event_key = event.id.to_string();
        Ok(self
            .0
            .start_runs((artist, event.person), seen, &event_key)
            .await?)
    }
}

#[async_trait]
impl Worker for Ticks {
    fn kind(&self) -> &'static str {
        TICK
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, tick)) = work.only::<Tick>()? else {
            return Ok(Change::default());
        };
        let engine = &self.0;
        let Some(row) = engine.store.workflow_of_anybody(tick.workflow).await? else {
            return Ok(Change::default());
        };
        if row.state != "active" || row.revision != tick.revision {
            return Ok(Change::default());
        }
        let definition: Definition = parse(&row.definition)?;
        let now = engine.clock.now();
        // What was missed while nothing ran is made up for once.
        let mut change = engine.timer(&row, &definition, tick.at.max(now))?;
        let artist: ArtistId = row.artist_id.parse().map_err(anyhow::Error::from)?;
        let mut seen = Vec::new();
        if let Trigger::ReleaseDay { days } = definition.trigger {
            let day = timer::day_from(now, &definition.zone, -days).unwrap_or_default();
            for (release, title) in engine.store.released_on(artist, &day).await? {
                seen.push((
                    Seen::ReleaseDay { title, days },
                    format!("{release}:{days}"),
                ));
            }
        } else {
            seen.push((Seen::Schedule {}, format!("tick:{}", tick.at.ms())));
        }
        for (seen, key) in seen {
            let scene = engine.scene((artist, None), seen, now).await?;
            change.absorb(engine.start((&row, &definition), &scene, &key)?);
        }
        Ok(change)
    }
}

#[async_trait]
impl Worker for Steps {
    fn kind(&self) -> &'static str {
        STEP
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, order)) = work.only::<Order>()? else {
            return Ok(Change::default());
        };
        let engine = &self.0;
        let Some(row) = engine.store.run(order.run).await? else {
            return Ok(Change::default());
        };
        // What was done, or tried again since, is not what was ordered.
        if row.step != order.step || row.tries != order.tries {
            return Ok(Change::default());
        }
        let workflow: WorkflowId = row.workflow_id.parse().map_err(anyhow::Error::from)?;
        let standing = engine.store.workflow_of_anybody(workflow).await?;
        let is_gone = standing.is_none_or(|standing| standing.state == "deleted");
        if is_gone && matches!(row.state.as_str(), "running" | "waiting") {
            return engine.stop(row, phrases::workflows::GONE);
        }
        match (row.state.as_str(), &order) {
            ("failed", Order { retry: true, .. }) => engine.again(row),
            (
                "waiting",
                Order {
                    mailed: Some(mailed),
                    thanked_at,
                    ..
                },
            ) => engine.mailed(row, (mailed, *thanked_at)).await,
            (
                "waiting",
                Order {
                    declined: Some(word),
                    ..
                },
            ) => engine.stop(row, &phrases::workflows::declined(word)),
            (
                "waiting",
                Order {
                    approved: Some(approval),
                    text,
                    ..
                },
            ) => engine.approved(row, (*approval, text.as_deref())).await,
            (
                "running",
                Order {
                    mailed: None,
                    approved: None,
                    declined: None,
                    retry: false,
                    ..
                },
            ) => engine.act(row, &work.lane).await,
            _ => Ok(Change::default()),
        }
    }

    async fn given_up(&self, work: &Work) -> Change {
        let order = work.jobs.first().and_then(|job| job.read().ok());
        let Some(Order { run, .. }) = order else {
            return Change::default();
        };
        let Ok(Some(row)) = self.0.store.run(run).await else {
            return Change::default();
        };
        let failed = self.0.fail(row, phrases::workflows::STEP_FAILED);
        failed.unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct ApprovedBody {
    approval: ApprovalId,
    action: ApprovedInner,
}

#[derive(Deserialize)]
struct ApprovedInner {
    body: Order,
}

#[async_trait]
impl Worker for ApprovedSteps {
    fn kind(&self) -> &'static str {
        APPROVED
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, ApprovedBody { approval, action })) = work.only()? else {
            return Ok(Change::default());
        };
        let order = Order {
            approved: Some(approval),
            ..action.body
        };
        let now = self.0.clock.now();
        let lane = format!("run:{}", order.run);
        let key = format!("approved-run:{approval}");
        let job = self.0.job(&order, (lane, key), now)?;
        Ok(Change::jobs(vec![job]))
    }
}

#[async_trait]
impl Worker for Decisions {
    fn kind(&self) -> &'static str {
        DECIDED
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, event)) = work.only::<Event>()? else {
            return Ok(Change::default());
        };
        let Happening::ApprovalDecided { approval, state } = event.what else {
            return Ok(Change::default());
        };
        // A yes comes as the action that was approved.
        if !matches!(
            state.as_str(),
            "rejected" | "expired" | "withdrawn" | "changes"
        ) {
            return Ok(Change::default());
        }
        let Some(row) = self.0.store.run_of_approval(approval).await? else {
            return Ok(Change::default());
        };
        let order = Order {
            declined: Some(state),
            ..order_of(&row)?
        };
        let now = self.0.clock.now();
        let lane = format!("run:{}", order.run);
        let key = format!("declined-run:{approval}");
        let job = self.0.job(&order, (lane, key), now)?;
        Ok(Change::jobs(vec![job]))
    }
}
