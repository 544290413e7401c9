use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use futures::FutureExt;
use serde::Deserialize;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use tracing::Instrument;

use crate::model::{Clock, Failure, Ids, Time};
use crate::store::{
    CLAIM_LIMIT, Change, Claim, DRAINING, Fenced, Job, JobEnd, JobState, LaneNews, Store,
    is_event_lane, is_out_lane,
};

use super::{Work, Worker, backoff, in_trace_of};

/// Settings of the section `[jobs]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many lanes run side by side in one process.
    pub side_by_side: i64,
    /// How often a job is tried before it is a dead letter.
    pub max_attempts: i64,
    /// Longest pause between two attempts.
    pub longest_pause_seconds: u64,
}

/// Takes lanes and has their work done.
pub struct Runner {
    store: Store,
    settings: Settings,
    clock: Clock,
    ids: Ids,
    workers: HashMap<&'static str, Arc<dyn Worker>>,
    /// Lanes of sends go to whoever sends.
    sends: mpsc::UnboundedSender<Claim>,
    running: Mutex<HashMap<String, mpsc::UnboundedSender<Vec<Job>>>>,
    /// When the next lane that nobody holds is due.
    next: Mutex<Time>,
    wake: Notify,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// True: it takes up nothing that others left.
    own_work_only: bool,
}

impl Runner {
    /// A runner with a worker for each kind of job; `sends` gets the lanes of outbound messages.
    pub fn new(
        store: Store,
        settings: Settings,
        (clock, ids): (Clock, Ids),
        workers: super::Workers,
        sends: mpsc::UnboundedSender<Claim>,
    ) -> Self {
        Self {
            store,
            settings,
            clock,
            ids,
            workers: workers
                .into_iter()
                .map(|worker| (worker.kind(), worker))
                .collect(),
            sends,
            running: Mutex::default(),
            next: Mutex::new(Time::default()),
            wake: Notify::new(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            own_work_only: false,
        }
    }

    /// Lets it do the work that this process makes and nothing that others left: whoever is soon gone
    /// again would keep its own person waiting for it, or break it off.
    #[must_use]
    pub fn with_own_work_only(mut self) -> Self {
        self.own_work_only = true;
        self.next = Mutex::new(Time::NEVER);
        self
    }

    /// Works until `drain` is cancelled; then takes nothing new, lets what runs finish for `grace`,
    /// ends the rest and returns. What did not finish is done by whoever comes next.
    pub async fn run(
        self: Arc<Self>,
        mut news: mpsc::UnboundedReceiver<LaneNews>,
        drain: CancellationToken,
        grace: Duration,
    ) {
        self.store.set_room(self.settings.side_by_side);
        self.store.set_sending(true);
        let claims = self.clone().claim_what_is_due();
        tokio::pin!(claims);
        loop {
            tokio::select! {
                biased;
                () = drain.cancelled() => break,
                Some(item) = news.recv() => self.clone().hear(item),
                () = &mut claims => break,
            }
        }
        self.store.set_room(DRAINING);
        self.tasks.close();
        let over = tokio::time::timeout(grace, self.tasks.wait());
        tokio::pin!(over);
        let in_time = loop {
            tokio::select! {
                biased;
                Some(item) = news.recv() => self.hear_last(item),
                over = &mut over => break over.is_ok(),
            }
        };
        if !in_time {
            tracing::info!(
                lanes.count = self.tasks.len(),
                "Handing back work that did not finish"
            );
        }
        self.store.set_sending(false);
        while let Ok(item) = news.try_recv() {
            self.hear_last(item);
        }
        self.stop.cancel();
        drop(tokio::time::timeout(Duration::from_millis(500), self.tasks.wait()).await);
    }

    /// Another process put work into `lane`: a turn that runs there hears of it, and otherwise
    /// whoever has room takes it.
    pub async fn rung(&self, lane: &str) {
        let runs = self.running().contains_key(lane);
        if !runs {
            self.wake.notify_one();
            return;
        }
        if let Ok(jobs) = self.store.due_jobs(lane, CLAIM_LIMIT).await
            && let Some(running) = self.running().get(lane)
        {
            drop(running.send(jobs));
        }
    }

    /// While the last turns end, what they say still goes out; whatever else is due waits for others.
    fn hear_last(&self, news: LaneNews) {
        if let LaneNews::Claimed(claim) = news
            && is_out_lane(&claim.lane)
        {
            drop(self.sends.send(claim));
        }
    }

    fn hear(self: Arc<Self>, news: LaneNews) {
        match news {
            LaneNews::Claimed(claim) if is_out_lane(&claim.lane) => {
                drop(self.sends.send(claim));
            }
            LaneNews::Claimed(claim) => {
                let (arrive, arrivals) = mpsc::unbounded_channel();
                self.running().insert(claim.lane.clone(), arrive);
                self.store.change_room(-1);
                let this = self.clone();
                self.tasks.spawn(async move {
                    let stop = this.stop.clone();
                    tokio::select! {
                        () = this.work(claim, arrivals) => {}
                        () = stop.cancelled() => {}
                    }
                    // Whatever found no room until now can begin.
                    if this.store.room() <= 0 {
                        this.wake.notify_one();
                    }
                    this.store.change_room(1);
                });
            }
            LaneNews::Arrived { lane, jobs } => {
                if let Some(lane) = self.running().get(&lane) {
                    drop(lane.send(jobs.into_iter().map(Job::from).collect()));
                }
            }
            LaneNews::Due(at) => {
                let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
                if at < *next {
                    *next = at;
                    self.wake.notify_one();
                }
            }
        }
    }

    /// Takes lanes whose time has come: retries, work of the dead, work that found no room.
    async fn claim_what_is_due(self: Arc<Self>) {
        // Work from another process shows up without a bell after this long.
        const AT_LATEST: Duration = Duration::from_secs(2);
        while self.own_work_only && self.next_due() == Time::NEVER {
            // Own work that has to be tried again will say when; the rest was ours before it was due.
            self.wake.notified().await;
        }
        loop {
            // Without room a due lane waits for the next one that ends, which wakes us.
            let limit = usize::try_from(self.store.room()).unwrap_or(0).min(64);
            let pause = match self.store.claim(limit).await {
                Ok((64.., _)) => continue,
                Ok((_, next)) => {
                    let next = next.unwrap_or(Time::NEVER);
                    *self.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
                    let shortest = Duration::from_millis(if limit == 0 { 200 } else { 5 });
                    next.since(self.clock.now()).clamp(shortest, AT_LATEST)
                }
                Err(error) if error.is::<Fenced>() => return,
                Err(_) => AT_LATEST,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    async fn work(&self, claim: Claim, arrivals: mpsc::UnboundedReceiver<Vec<Job>>) {
        let Claim {
            lane,
            turns,
            kept,
            fresh,
            jobs,
            outbound: _,
        } = claim;
        let stop = self.stop.clone();
        let mut work = Work {
            lane: lane.clone(),
            turns,
            kept,
            fresh,
            jobs,
            stop,
            arrivals,
        };
        let now = self.clock.now();
        let change = match work.jobs.first() {
            Some(job) if job.run_at <= now => self.attempt(&mut work).await,
            // The first piece waits for its time, and the ones behind it wait with it.
            Some(_) | None => Change::default(),
        };
        // Whoever writes to the lane from now on finds it free, or kept with its work in it.
        self.running().remove(&lane);
        let done = change.ended.iter().all(|end| end.state == JobState::Done);
        let handled = is_event_lane(&lane) && done && !change.ended.is_empty();
        let change = Change {
            release: vec![lane],
            ..change
        };
        match self.store.insist(change).await {
            Ok(_) if handled => {
                for Job {
                    kind, created_at, ..
                } in work.jobs
                {
                    let took = self.clock.now().since(created_at).as_secs_f64();
                    metrics::histogram!("toney_event_handled_seconds", "kind" => kind).record(took);
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "Finished work could not be recorded"
            ),
        }
    }

    async fn attempt(&self, work: &mut Work) -> Change {
        let Some((kind, id)) = work.jobs.first().map(|job| (job.kind.clone(), job.id)) else {
            return Change::default();
        };
        let span = in_trace_of(
            id,
            tracing::info_span!("job", job.kind = %kind, job.id = %id),
        );
        let result = match self.workers.get(kind.as_str()) {
            Some(worker) => AssertUnwindSafe(worker.run(work).instrument(span))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(Failure::from(anyhow!("The {kind} worker panicked")))),
            None => Err(Failure::GiveUp(anyhow!(
                "Nobody does jobs of the kind {kind}"
            ))),
        };
        let now = self.clock.now();
        match result {
            Ok(mut change) => {
                metrics::counter!("toney_jobs_total", "kind" => kind, "result" => "done")
                    .increment(work.jobs.len() as u64);
                let ends = work
                    .jobs
                    .iter()
                    .map(|job| end(job, JobState::Done, now, String::new()));
                change.ended.extend(ends);
                change
            }
            Err(failure) => {
                let mut change = self.failed(work, &kind, &failure, now);
                let dead = change.ended.iter().any(|end| end.state == JobState::Dead);
                if dead && let Some(worker) = self.workers.get(kind.as_str()) {
                    change.absorb(worker.given_up(work).await);
                }
                change
            }
        }
    }

    fn failed(&self, work: &Work, kind: &str, failure: &Failure, now: Time) -> Change {
        let Settings {
            max_attempts,
            longest_pause_seconds,
            side_by_side: _,
        } = self.settings;
        let attempts = work.jobs.first().map_or(0, |job| job.attempts) + 1;
        let error = failure.to_string();
        let (state, pause) = match failure {
            Failure::Retry { after, .. } if attempts < max_attempts => {
                let most = Duration::from_secs(longest_pause_seconds);
                let pause = backoff(
                    attempts,
                    Duration::from_millis(500),
                    most,
                    self.ids.random(),
                );
                (JobState::Due, pause.max(after.unwrap_or_default()))
            }
            Failure::Retry { .. } | Failure::GiveUp(_) | Failure::Tell(_) => {
                (JobState::Dead, Duration::ZERO)
            }
        };
        let result = if state == JobState::Due {
            "retried"
        } else {
            "dead"
        };
        metrics::counter!("toney_jobs_total", "kind" => kind.to_owned(), "result" => result)
            .increment(1);
        tracing::warn!(
            job.kind = kind,
            job.attempts = attempts,
            result,
            error,
            "A job failed"
        );
        let ends = work
            .jobs
            .iter()
            .map(|job| end(job, state, now.plus(pause), error.clone()));
        Change {
            ended: ends.map(|end| JobEnd { at: now, ..end }).collect(),
            ..Change::default()
        }
    }

    fn next_due(&self) -> Time {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<String, mpsc::UnboundedSender<Vec<Job>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end(job: &Job, state: JobState, run_at: Time, error: String) -> JobEnd {
    JobEnd {
        id: job.id,
        state,
        run_at,
        attempts: job.attempts + 1,
        error,
        at: run_at,
    }
}
