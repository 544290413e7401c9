//! Looks at those who are due and at nobody else, however many there are: one slice after the other, each one transaction.
//!
//! The work is a job in a lane of its own, so that one process does it, and each run orders the next. Nothing is written
//! when somebody talks: a watch that comes due too early is read against what happened since, and set to when it could
//! next be true.

use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::jobs::{Work, Worker};
use crate::model::{Clock, Event, Failure, Ids, JobId, PersonId, Time};
use crate::store::{
    Armed, Change, NEWCOMER, NewJob, Seat, Store, Watch, arm_watches, begin_watches, bring_forward,
    end_watches,
};

use super::{Sight, Watched};

/// So many watches become true together.
const SLICE: i64 = 200;
/// So many are looked at side by side: more would keep readers of the store from those who talk.
const SIDE_BY_SIDE: usize = 6;
/// What takes longer is given up and tried again later.
const PATIENCE: Duration = Duration::from_secs(10);
/// When a look failed, it is tried again after this.
const AFTER_FAILURE: Duration = Duration::from_secs(3_600);
/// A watch that nobody here knows, such as one of a newer version, is left alone for this long.
const UNKNOWN: Duration = Duration::from_secs(86_400);
/// No watch comes due again at once.
const SHORTEST: Duration = Duration::from_secs(60);

/// Looks at those who are due.
#[derive(Clone)]
pub struct Sweep {
    pub store: Store,
    pub watched: Vec<Arc<dyn Watched>>,
    /// Zero: nobody is looked at.
    pub every: Duration,
    pub clock: Clock,
    pub ids: Ids,
}

/// One slice of a run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Order {
    /// Counts the runs since 1970.
    run: i64,
    /// Counts the slices of the run.
    slice: u32,
}

/// What came of a look at one watch.
struct Looked {
    watch: Watch,
    /// `None`: it failed.
    sight: Option<Sight>,
}

impl Sweep {
    /// The name of the job.
    pub const KIND: &'static str = "sweep";

    /// The job of the next run. Whoever orders it, it is the same one.
    ///
    /// # Errors
    /// Never, as far as is known.
    pub fn next(&self, now: Time) -> anyhow::Result<NewJob> {
        let every = i64::try_from(self.every.as_millis())
            .unwrap_or(i64::MAX)
            .max(1);
        let run = now.ms().div_euclid(every).saturating_add(1);
        let at = Time::from_ms(run.saturating_mul(every));
        self.job(Order { run, slice: 0 }, (at, now))
    }

    fn job(&self, order: Order, (run_at, at): (Time, Time)) -> anyhow::Result<NewJob> {
        let Order { run, slice } = order;
        Ok(NewJob {
            id: JobId::new(&self.ids),
            kind: Self::KIND.to_owned(),
            lane: Self::KIND.to_owned(),
            key: format!("{}:{run}:{slice}", Self::KIND),
            ordering: 0,
            payload: serde_json::to_string(&order)?,
            run_at,
            at,
        })
    }

    /// Looks at one slice of those who are due; says what becomes true, and whether more may be due.
    ///
    /// # Errors
    /// When the store cannot be read. A trigger that fails or panics stops nothing: its watch comes again later.
    pub async fn slice(&self, now: Time) -> anyhow::Result<(Change, bool)> {
        let due = self.store.due_watches(now, SLICE).await?;
        let is_more = due.len() >= usize::try_from(SLICE).unwrap_or(usize::MAX);
        let known: HashMap<&str, &Arc<dyn Watched>> =
            self.watched.iter().map(|one| (one.kind(), one)).collect();
        let mut change = Change::default();
        let (newcomers, due): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|watch| watch.kind == NEWCOMER);
        // Whoever is new is due at once.
        let is_more = is_more || !newcomers.is_empty();
        let kinds: Vec<&str> = self.watched.iter().map(|one| one.kind()).collect();
        for watch in &newcomers {
            change
                .writes
                .push(begin_watches(watch.person, &kinds, now)?);
        }
        let people: BTreeSet<PersonId> = due.iter().map(|watch| watch.person).collect();
        let people: Vec<PersonId> = people.into_iter().collect();
        let seats = self.store.seats(&people).await?;
        let seats: HashMap<PersonId, Seat> =
            seats.into_iter().map(|seat| (seat.person, seat)).collect();
        let looks = due.into_iter().map(|watch| {
            let watched = known.get(watch.kind.as_str()).copied();
            let seat = seats.get(&watch.person);
            look(watched, (watch, seat), now)
        });
        let looked: Vec<Looked> = stream::iter(looks)
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        self.note(&mut change, (newcomers, looked), now)?;
        Ok((change, is_more))
    }

    /// What becomes true by what was seen.
    fn note(
        &self,
        change: &mut Change,
        (newcomers, looked): (Vec<Watch>, Vec<Looked>),
        now: Time,
    ) -> anyhow::Result<()> {
        let (mut armed, mut ended) = (Vec::new(), Vec::new());
        for watch in &newcomers {
            ended.push(again(watch, now, &watch.episode));
        }
        for Looked { watch, sight } in &looked {
            let Some(sight) = sight else {
                armed.push(again(watch, now.plus(AFTER_FAILURE), &watch.episode));
                count(&watch.kind, "failed");
                continue;
            };
            let fresh = sight.impulse.as_ref();
            let fresh = fresh.filter(|impulse| impulse.episode != watch.episode);
            let result = match (fresh, sight.again) {
                (Some(_), _) => "impulse",
                (None, Some(_)) => "nothing",
                (None, None) => "over",
            };
            count(&watch.kind, result);
            if let Some(impulse) = fresh {
                change.jobs.push(NewJob::impulse(impulse, &self.ids, now)?);
            }
            change.writes.extend(sight.writes.iter().cloned());
            let episode = fresh.map_or(&watch.episode, |impulse| &impulse.episode);
            match sight.again {
                Some(at) => armed.push(again(watch, at.max(now.plus(SHORTEST)), episode)),
                None => ended.push(again(watch, now, episode)),
            }
        }
        if !armed.is_empty() {
            change.writes.push(arm_watches(&armed)?);
        }
        if !ended.is_empty() {
            change.writes.push(end_watches(&ended)?);
        }
        Ok(())
    }
}

fn again<'a>(watch: &'a Watch, due: Time, episode: &'a str) -> Armed<'a> {
    Armed {
        person: watch.person,
        kind: &watch.kind,
        was: watch.due,
        due,
        episode,
    }
}

fn count(kind: &str, result: &'static str) {
    metrics::counter!("toney_watches_total", "trigger" => kind.to_owned(), "result" => result)
        .increment(1);
}

async fn look(
    watched: Option<&Arc<dyn Watched>>,
    (watch, seat): (Watch, Option<&Seat>),
    now: Time,
) -> Looked {
    // Whoever left the team is watched no more.
    let (Some(watched), Some(seat)) = (watched, seat) else {
        let sight = Sight {
            again: seat.map(|_| now.plus(UNKNOWN)),
            ..Sight::default()
        };
        let sight = Some(sight);
        return Looked { watch, sight };
    };
    let looking = AssertUnwindSafe(watched.watch(seat, now)).catch_unwind();
    let why = match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Ok(Ok(sight))) => {
            let sight = Some(sight);
            return Looked { watch, sight };
        }
        Ok(Ok(Err(error))) => format!("{error:#}"),
        Ok(Err(_)) => "it panicked".to_owned(),
        Err(_) => "it took too long".to_owned(),
    };
    tracing::warn!(
        trigger = watched.kind(),
        error = why,
        "A trigger failed; it is asked again later"
    );
    Looked { watch, sight: None }
}

#[async_trait]
impl Worker for Sweep {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, order)) = work.only::<Order>()? else {
            return Ok(Change::default());
        };
        // A sweep was on its way when they were switched off.
        if self.every.is_zero() {
            return Ok(Change::default());
        }
        let (now, begun) = (self.clock.now(), Instant::now());
        let (mut change, is_more) = self.slice(now).await?;
        let next = match is_more {
            true => {
                let slice = order.slice.saturating_add(1);
                self.job(Order { slice, ..order }, (now, now))?
            }
            false => self.next(now)?,
        };
        change.jobs.push(next);
        metrics::histogram!("toney_sweep_seconds").record(begun.elapsed().as_secs_f64());
        Ok(change)
    }

    async fn given_up(&self, work: &Work) -> Change {
        let _ = work;
        // Whatever went wrong with this run: the next one comes.
        let next = self.next(self.clock.now());
        Change::jobs(next.into_iter().collect())
    }
}

/// Has those looked at at once whom an event concerns. A flood of events is one look.
pub struct Look {
    /// Event by event, what may be true by it.
    pub kinds: &'static [(&'static str, &'static [&'static str])],
    pub clock: Clock,
}

impl Look {
    /// The name of the job.
    pub const KIND: &'static str = "look";
}

#[async_trait]
impl Worker for Look {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, event)) = work.only::<Event>()? else {
            return Ok(Change::default());
        };
        let of_event = self.kinds.iter().find(|one| one.0 == event.what.name());
        let (Some(artist), Some((_, kinds))) = (event.artist, of_event) else {
            return Ok(Change::default());
        };
        Ok(Change {
            writes: vec![bring_forward(artist, kinds, self.clock.now())?],
            ..Change::default()
        })
    }
}
