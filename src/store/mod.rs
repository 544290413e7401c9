//! Everything that is remembered: every SQL statement and every Redis command of Toney.
//!
//! Writing goes through one writer that gathers what waits into one transaction ([`Change`]); reading
//! goes straight to the database. This room never decides what is written, never holds a transaction
//! over anything but its own statements, and keeps nothing only in Redis: that is a bell and a cache.
//! Start with [`Store::apply`].

mod apply;
mod approvals;
mod asker;
mod bm25;
mod budgets;
mod care;
mod change;
mod choices;
mod conversations;
mod db;
mod desk;
mod dialogues;
mod documents;
mod drafts;
mod erase;
mod esteem;
mod fans;
mod habits;
mod happened;

mod facts;
mod health;
mod insights;
mod lanes;
mod lease;
mod lexical;
mod links;
mod mails;
mod merge;
mod nudges;
mod passages;
mod people;
mod plans;
mod process;
mod proposals;

mod personal;
mod profile;
mod reach;
mod receipts;
mod redis;
mod releases;
mod spoken;
mod standing;
mod team;
mod thanks;
mod tips;

mod statements;
mod tx;
mod usage;
mod vectors;
mod wanted;
mod watches;
mod workflows;
mod write;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};

use crate::model::{Clock, Ids, ProcessId, Time};

pub use approvals::{Approval, Copy, NewCard, Vote};
pub use asker::{Acting, Asker, InvalidScope, Need, NoRole, Scope};
pub use budgets::{
    Amount, Booked, Budget, InvalidSpender, Reservation, Settlement, Share, Spender, Unsure,
};
pub use care::{NewPageCard, Page, PageCard};
pub use change::{
    AddressFact, Applied, CLAIM_LIMIT, Change, Claim, Conversation, Job, JobEnd, JobState,
    LaneNews, Mark, ModelCall, NewAttachment, NewJob, NewMessage, NewOutbound, NewPerson,
    NewSession, OutboundState, Outgoing, Rewrite, Role, Summary, ingest_lane, is_event_lane,
    is_out_lane, out_lane, turn_lane,
};
pub use choices::Choices;
pub use conversations::{Known, Line, Window};
pub use db::WrongUrl;
pub use desk::{AnswerRow, DeadJob, OutboxRow, QueueDepth};
pub use dialogues::{end_dialogue, open_dialogue};
pub use documents::{Begun, Facts, NewChunk, NewDocument, Renamed};
pub use drafts::{Draft, HumanRequest, NewDraft, NewFeedback, NewHumanRequest};
pub use habits::{DirectLine, HabitsRow, forget_habits, put_habits, put_said_style};
pub use happened::Happened;

pub use facts::{Acquaintance, Fact, NewFact, forget_all_facts, forget_facts, keep_facts};
pub use health::{HealthNote, HealthRow};
pub use lexical::{Hit, Ranked};
pub use links::{Claimed, Link, LinkState, Side, link_code, put_link};
pub use mails::{MailRow, address_hash};
pub use merge::person_columns;
pub use passages::{Chunk, DocumentRow, NewRead, Read, ReadPassage, Struck};
pub use people::Artist;
pub use plans::{Milestone, NewMilestone};
pub use proposals::{NewProposal, Proposal};

pub use nudges::{NudgeLetter, NudgeRow, NudgeSent, NudgeTally};
pub use profile::{
    Activity, Goal, GoalKind, GoalState, Manners, Origin, ProfileField, drop_field, drop_goal,
    put_field, put_goal, put_manners, rename_artist, touch_context,
};
pub use receipts::{AuditRow, Grant};
pub use redis::Redis;
pub use releases::Release;
pub use spoken::Spoken;
pub use standing::Standing;
pub use team::{Member, PersonRow};
pub use thanks::{NoteRow, Telling, VoiceRow};
pub use tips::{AskRow, EntryRow, JarRow, TipRow, TipSum, TipsOf, ToPay};

pub use esteem::{Esteem, forget_feedback};
pub use insights::TipsWithin;
pub use lease::Fenced;
pub use statements::{CoveredMonth, LineSum, LinesBy, LinesOf, StatementLine, StatementRow};
pub use usage::{Usage, UsageBy};
pub use vectors::{Put, Unembedded, VectorProgress};
pub use wanted::{NewRecommendation, Recommendation};
pub use watches::{
    Armed, NEWCOMER, PlanStep, Role as SeatRole, Seat, Tipped, Watch, arm_watches, begin_watches,
    bring_forward, end_watches,
};
pub use workflows::{ProposalRow, RunRow, StepRow, TallyRow, WorkflowRow};
pub use write::Write;

use db::Db;
use lease::Lease;
use writer::{Checkpoint, Order, Writer};

/// Settings of the section `[store]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `sqlite://PATH` or `postgres://…`.
    pub url: String,
    /// `redis://…`; empty = none.
    pub redis_url: String,
    /// Whether commits to SQLite survive a power cut (an fsync each) or only a killed process.
    pub power_safe: bool,
    /// After so many seconds without a sign of life the work of a process goes to the others.
    pub lease_seconds: u64,
    /// How many days finished jobs and sent messages are kept for deduplication and `toney outbox`.
    pub keep_days: u64,
}

impl Settings {
    /// Redis, where it is set; nothing is asked of it yet.
    pub fn redis(&self) -> Result<Option<Redis>> {
        Some(self.redis_url.as_str())
            .filter(|url| !url.is_empty())
            .map(Redis::open)
            .transpose()
    }

    /// The file of the database, where it is one.
    pub fn file(&self) -> Option<PathBuf> {
        db::sqlite_path(&self.url)
    }
}

/// Who wants to hear of which event: the event's name and the kind of job that is made for it.
#[derive(Debug, Clone, Copy)]
pub struct Subscription {
    /// As in `Happening::name`.
    pub event: &'static str,
    /// The worker's name.
    pub worker: &'static str,
}

/// The store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Db,
    orders: mpsc::Sender<Order>,
    room: Arc<AtomicI64>,
    sending: Arc<AtomicBool>,
    subscriptions: Arc<OnceLock<Vec<Subscription>>>,
    lease: Lease,
    /// So long it holds each time.
    span: Duration,
    clock: Clock,
    ids: Ids,
    sign_of_life: Arc<Mutex<Option<std::fs::File>>>,
    vectors: Arc<vectors::Cache>,
    folder: Option<PathBuf>,
    checkpoint: Arc<Checkpoint>,
}

impl Store {
    /// Opens the store and hands out the writer's task and the news about lanes. Nothing is asked of
    /// a PostgreSQL server before [`Store::start`].
    pub async fn open(
        settings: &Settings,
        clock: Clock,
        ids: Ids,
    ) -> Result<(
        Self,
        impl Future<Output = ()> + Send + 'static,
        mpsc::UnboundedReceiver<LaneNews>,
    )> {
        let db = Db::open(&settings.url, settings.power_safe).await?;
        let (orders, waiting) = mpsc::channel(4_096);
        let (news, heard) = mpsc::unbounded_channel();
        let room = Arc::new(AtomicI64::new(0));
        let sending = Arc::new(AtomicBool::new(false));
        let lease = Lease::new(ProcessId::new(&ids));
        let store = Self {
            folder: db::sqlite_folder(&settings.url),
            orders,
            room: room.clone(),
            sending: sending.clone(),
            subscriptions: Arc::default(),
            lease: lease.clone(),
            span: Duration::from_secs(settings.lease_seconds),
            clock: clock.clone(),
            ids,
            sign_of_life: Arc::default(),
            vectors: Arc::default(),
            checkpoint: Arc::default(),
            db: db.clone(),
        };
        let writer = Writer {
            db,
            lease,
            clock,
            news,
            room,
            sending,
            held: Default::default(),
            doubtful: false,
            checkpoint: store.checkpoint.clone(),
        };
        Ok((store, writer.run(waiting), heard))
    }

    /// Makes `subscriptions` known; each event gets one job per subscriber in its own transaction.
    pub fn subscribe(&self, subscriptions: Vec<Subscription>) {
        drop(self.subscriptions.set(subscriptions));
    }

    /// Makes a change true. An error says that it may or may not have become true; applying the same
    /// change again is always right.
    pub async fn apply(&self, mut change: Change) -> Result<Applied> {
        self.fan_out(&mut change);
        self.order(Arc::new(change)).await
    }

    async fn order(&self, change: Arc<Change>) -> Result<Applied> {
        let (answer, done) = oneshot::channel();
        self.orders
            .send(Order::Apply(change, answer))
            .await
            .ok()
            .context("The store's writer has ended")?;
        done.await.context("The store's writer has ended")?
    }

    /// Applies a change until it is true, waiting longer each time; gives up only when this process
    /// lost its lease or the store was closed.
    pub async fn insist(&self, mut change: Change) -> Result<Applied> {
        const LONGEST: Duration = Duration::from_secs(2);
        self.fan_out(&mut change);
        let change = Arc::new(change);
        let mut pause = Duration::from_millis(20);
        loop {
            match self.order(change.clone()).await {
                Ok(applied) => return Ok(applied),
                Err(error) if error.is::<Fenced>() || self.orders.is_closed() => return Err(error),
                Err(error) => {
                    let error = format!("{error:#}");
                    tokio::time::sleep(pause).await;
                    let next = (pause * 2).min(LONGEST);
                    if next == LONGEST && pause < LONGEST {
                        tracing::warn!(error, "The store does not take a change; trying on");
                    } else {
                        tracing::debug!(error, "The store did not take a change");
                    }
                    pause = next;
                }
            }
        }
    }

    /// Takes up to `limit` lanes that are due; they come as news. Answers how many there were and
    /// when the next one that nobody holds is due.
    pub async fn claim(&self, limit: usize) -> Result<(usize, Option<Time>)> {
        let (answer, done) = oneshot::channel();
        self.orders
            .send(Order::Claim(limit, answer))
            .await
            .ok()
            .context("The store's writer has ended")?;
        done.await.context("The store's writer has ended")?
    }

    /// Says how many more lanes this process can work on; with 0 it takes none, and with `DRAINING`
    /// it gives back even those that have more work.
    pub fn set_room(&self, lanes: i64) {
        self.room.store(lanes, Ordering::Relaxed);
    }

    /// Says whether this process sends: what is put into the outbox goes out from here at once, even when
    /// there is no room for more work.
    pub fn set_sending(&self, sends: bool) {
        self.sending.store(sends, Ordering::Relaxed);
    }

    /// How many more lanes this process can work on.
    pub fn room(&self) -> i64 {
        self.room.load(Ordering::Relaxed)
    }

    /// Changes the room for lanes by `by`.
    pub fn change_room(&self, by: i64) {
        self.room.fetch_add(by, Ordering::Relaxed);
    }

    /// True while our lease surely holds for `span` more, so that what leaves now is still ours.
    pub fn surely_ours(&self, span: Duration) -> bool {
        self.lease.covers(self.clock.now().plus(span))
    }

    /// How long a process counts as alive after its last sign of life.
    pub fn lease(&self) -> Duration {
        self.span
    }

    /// Returns when the lease is lost. Nothing this process decides counts from then on, and only a new one can do its work.
    pub async fn lost(&self) {
        self.lease.lost().await;
    }

    /// Who we are among the processes.
    pub fn process(&self) -> ProcessId {
        self.lease.me
    }

    fn fan_out(&self, change: &mut Change) {
        let subscriptions = self
            .subscriptions
            .get()
            .map(Vec::as_slice)
            .unwrap_or_default();
        for event in &change.events {
            for Subscription {
                event: name,
                worker,
            } in subscriptions
            {
                if *name != event.what.name() {
                    continue;
                }
                change.jobs.push(NewJob::heard(event, worker, &self.ids));
            }
        }
    }

    fn forget_sign_of_life(&self) {
        self.sign_of_life
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

/// The room that makes the writer give every lane back.
pub const DRAINING: i64 = -1_000_000;
