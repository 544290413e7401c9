//! The one writer: gathers the changes that wait, applies them in one transaction, and tells the
//! runner which lanes are ours now.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use anyhow::{Result, anyhow};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::model::{Clock, Time};

use super::apply::{self, Written};
use super::change::{Applied, Change, Claim, Job, LaneNews, NewJob, is_out_lane, out_lane};
use super::db::{Db, Sql};
use super::lanes::{self, LaneRow};
use super::lease::{Fenced, Lease};
use super::passages;
use super::tx::Tx;

/// Most changes in one transaction; more would only make the first of them wait.
const BATCH: usize = 512;

/// After so many changes SQLite's journal is copied into its file, on another thread: whoever
/// commits would have to wait for the disk otherwise.
const CHECKPOINT: usize = 200;

const HELD: Sql = Sql {
    sqlite: "SELECT lane, next_at, holder, turns, CAST(0 AS BIGINT) AS was_idle FROM lanes WHERE holder = $1
             AND holder <> ''",
    postgres: "SELECT lane, next_at, holder, turns, CAST(0 AS BIGINT) AS was_idle FROM lanes WHERE holder = $1
             AND holder <> ''",
};

/// What the writer is asked to do.
pub(super) enum Order {
    /// Make a change true.
    Apply(Arc<Change>, oneshot::Sender<Result<Applied>>),
    /// Take up to so many lanes that are due; answers how many and when the next is due.
    Claim(usize, oneshot::Sender<Result<(usize, Option<Time>)>>),
}

pub(super) struct Writer {
    pub(super) db: Db,
    pub(super) lease: Lease,
    pub(super) clock: Clock,
    pub(super) news: mpsc::UnboundedSender<LaneNews>,
    /// How many more lanes the runner can start.
    pub(super) room: Arc<AtomicI64>,
    /// Whether what is to be sent goes out from here.
    pub(super) sending: Arc<AtomicBool>,
    /// Lanes that the runner knows to be ours.
    pub(super) held: HashSet<String>,
    /// A transaction failed: what became of its lanes has to be looked up.
    pub(super) doubtful: bool,
    pub(super) checkpoint: Arc<Checkpoint>,
}

/// When SQLite's journal is copied into its file.
#[derive(Default)]
pub(super) struct Checkpoint {
    /// Changes since the last one began.
    since: AtomicUsize,
    running: TaskTracker,
}

impl Checkpoint {
    /// So many changes were committed.
    pub(super) fn count(&self, changes: usize, db: &Db) {
        let since = self.since.fetch_add(changes, Ordering::Relaxed) + changes;
        if since >= CHECKPOINT && self.running.is_empty() {
            self.since.store(0, Ordering::Relaxed);
            let db = db.clone();
            self.running.spawn(async move { db.checkpoint().await });
        }
    }
}

/// What a batch did.
#[derive(Default)]
struct Outcome {
    fresh: HashSet<String>,
    news: Vec<LaneNews>,
    claimed: usize,
    next: Option<Time>,
    held: Vec<String>,
    released: Vec<String>,
}

impl Writer {
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut waiting = Vec::new();
        while orders.recv_many(&mut waiting, BATCH).await > 0 {
            self.serve(std::mem::take(&mut waiting)).await;
        }
        self.checkpoint.running.close();
        self.checkpoint.running.wait().await;
    }

    async fn serve(&mut self, orders: Vec<Order>) {
        let mut claim = 0;
        let mut all = Change::default();
        for order in &orders {
            match order {
                Order::Apply(change, _) if orders.len() > 1 => all.absorb(Change::clone(change)),
                Order::Apply(..) => {}
                Order::Claim(limit, _) => claim = claim.max(*limit),
            }
        }
        let change = match orders.as_slice() {
            [Order::Apply(change, _)] => change,
            _ => &all,
        };
        metrics::histogram!("toney_store_batch_changes").record(orders.len() as f64);
        let result = self.transact(change, claim).await;
        self.doubtful |= result.is_err();
        self.checkpoint.count(orders.len(), &self.db);
        match result {
            Ok(outcome) => self.report(orders, outcome),
            // One change may be at fault: each gets a transaction of its own. Without a database that
            // would only make everybody wait for everybody else.
            Err(error) if orders.len() > 1 && blames_a_row(&error) => {
                for order in orders {
                    Box::pin(self.serve(vec![order])).await;
                }
            }
            Err(error) => {
                for order in orders {
                    match order {
                        Order::Apply(_, answer) => drop(answer.send(Err(copy(&error)))),
                        Order::Claim(_, answer) => drop(answer.send(Err(copy(&error)))),
                    }
                }
            }
        }
    }

    fn report(&mut self, orders: Vec<Order>, outcome: Outcome) {
        let Outcome {
            fresh,
            news,
            claimed,
            next,
            held,
            released,
        } = outcome;
        self.doubtful = false;
        for lane in released {
            self.held.remove(&lane);
        }
        self.held.extend(held);
        // Before the answers, so that whoever was answered knows that what follows is known too.
        for item in news {
            // Without a runner (a command line tool) nobody listens, and nothing is taken either.
            drop(self.news.send(item));
        }
        for order in orders {
            match order {
                Order::Apply(change, answer) => {
                    let fresh_jobs = change
                        .jobs
                        .iter()
                        .filter(|job| fresh.contains(&job.id.to_string()))
                        .count();
                    drop(answer.send(Ok(Applied { fresh_jobs })));
                }
                Order::Claim(_, answer) => drop(answer.send(Ok((claimed, next)))),
            }
        }
    }

    async fn transact(&self, change: &Change, claim: usize) -> Result<Outcome> {
        let now = self.clock.now();
        let me = self.lease.me.to_string();
        let mut tx = Tx::begin(&self.db).await?;
        self.lease.fence(&mut tx).await?;
        let gone = passages::gone(&mut tx, &change.reads).await?;
        lanes::lock(&mut tx, &lanes_of(change)).await?;
        let written = apply::write_rows(&mut tx, change, &me).await?;
        // What a turn read of a document that was removed meanwhile must not come back with its answer.
        passages::strike_late(&mut tx, (&change.reads, &gone)).await?;

        let mut outcome = Outcome::default();
        let mut touched: Vec<LaneRow> = Vec::new();
        if !change.release.is_empty() {
            let stays = |lane: &str| self.can_go_on(lane, super::DRAINING / 2);
            touched.extend(lanes::release(&mut tx, (&change.release, stays), &me, now).await?);
            outcome.released.clone_from(&change.release);
        }
        let mut busy: HashMap<String, Time> = HashMap::new();
        let job_lanes = written
            .fresh(change)
            .map(|job| (job.lane.clone(), job.run_at));
        for (lane, at) in job_lanes.chain(written.out_lanes.iter().cloned()) {
            let entry = busy.entry(lane).or_insert(at);
            *entry = (*entry).min(at);
        }
        if !busy.is_empty() {
            let begins = |lane: &str| self.can_go_on(lane, 0);
            touched.extend(lanes::put(&mut tx, (&busy, begins), &me, now).await?);
        }
        if claim > 0 {
            let claimed = lanes::claim(&mut tx, claim, &me, now).await?;
            outcome.claimed = claimed.len();
            touched.extend(claimed);
            outcome.next = lanes::next_due(&mut tx).await?;
        }
        if self.doubtful {
            touched.extend(tx.read::<LaneRow>(HELD, me.clone(), &[]).await?);
        }
        self.sort_lanes(&mut tx, touched, (change, &written), &mut outcome)
            .await?;
        tx.commit().await?;
        outcome.fresh = written.fresh_jobs;
        Ok(outcome)
    }

    /// Whether what is due in a lane is done here: sends as long as we send, other work with more room
    /// than `full`.
    fn can_go_on(&self, lane: &str, full: i64) -> bool {
        if is_out_lane(lane) {
            self.sending.load(Ordering::Relaxed)
        } else {
            self.room.load(Ordering::Relaxed) > full
        }
    }

    /// Sorts the touched lanes into those newly ours, those that were ours, and those that wait.
    async fn sort_lanes(
        &self,
        tx: &mut Tx,
        touched: Vec<LaneRow>,
        (change, written): (&Change, &Written),
        outcome: &mut Outcome,
    ) -> Result<()> {
        let me = self.lease.me.to_string();
        let released: HashSet<&String> = outcome.released.iter().collect();
        let mut taken: HashMap<String, Claim> = HashMap::new();
        let mut arrived: HashMap<String, Vec<NewJob>> = HashMap::new();
        // Lanes in which nothing waits but what this very batch put there.
        let mut new: HashSet<String> = HashSet::new();
        for row in touched {
            let LaneRow {
                lane,
                next_at,
                holder,
                turns,
                was_idle,
            } = row;
            if holder != me {
                taken.remove(&lane);
                if holder.is_empty() && next_at < Time::NEVER.ms() {
                    outcome.news.push(LaneNews::Due(Time::from_ms(next_at)));
                }
            } else if self.held.contains(&lane) && !released.contains(&lane) {
                arrived.entry(lane).or_default();
            } else {
                let kept = released.contains(&lane);
                let (jobs, outbound) = (Vec::new(), Vec::new());
                if was_idle == 1 && !kept {
                    new.insert(lane.clone());
                } else {
                    new.remove(&lane);
                }
                taken.insert(
                    lane.clone(),
                    Claim {
                        lane,
                        turns,
                        kept,
                        fresh: kept,
                        jobs,
                        outbound,
                    },
                );
            }
        }
        for job in written.fresh(change) {
            if let Some(jobs) = arrived.get_mut(&job.lane) {
                jobs.push(job.clone());
            }
        }
        outcome.held = taken.keys().cloned().collect();
        let mut put = written.put(change);
        let (mut claims, mut rest) = (Vec::new(), HashMap::new());
        for (lane, mut claim) in taken {
            if new.contains(&lane) && put.fill(&mut claim) {
                claims.push(claim);
            } else {
                rest.insert(lane, claim);
            }
        }
        if !rest.is_empty() {
            claims.extend(lanes::contents(tx, rest).await?);
        }
        for claim in &mut claims {
            let is_new = |job: &Job| written.fresh_jobs.contains(&job.id.to_string());
            claim.fresh |= claim.jobs.iter().all(is_new);
            // What failed may be due again before its failure could be recorded.
            claim.fresh &= claim.jobs.iter().all(|job| job.attempts == 0);
        }
        let claims = claims.into_iter().map(LaneNews::Claimed);
        outcome.news.extend(claims);
        outcome.news.extend(
            arrived
                .into_iter()
                .map(|(lane, jobs)| LaneNews::Arrived { lane, jobs }),
        );
        Ok(())
    }
}

fn lanes_of(change: &Change) -> Vec<String> {
    let mut lanes: Vec<String> = change
        .jobs
        .iter()
        .map(|job| job.lane.clone())
        .chain(
            change
                .outbound
                .iter()
                .map(|row| out_lane(&row.outbound.address)),
        )
        .chain(change.rewrites.iter().map(|row| row.lane.clone()))
        .chain(change.release.iter().cloned())
        .collect();
    lanes.sort();
    lanes.dedup();
    lanes
}

/// True when the database itself refused something, rather than being away.
fn blames_a_row(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<sqlx::Error>(),
        Some(sqlx::Error::Database(_))
    ) || error.is::<rusqlite::Error>()
}

/// An error that several waiting callers get.
fn copy(error: &anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<Fenced>() {
        Some(fenced) => (*fenced).into(),
        None => anyhow!("{error:#}"),
    }
}
