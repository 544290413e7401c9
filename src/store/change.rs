//! What is written: rows. A [`Change`] is everything that must become true together; the writer puts
//! many changes into one transaction, one statement per kind of row.

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{
    Address, ArtistId, Content, ConversationId, Event, Failure, Ids, Impulse, Inbound, JobId,
    Message, MessageId, ModelCallId, Outbound, OutboundId, PersonId, SessionId, Setting, Time,
    TurnId,
};

use super::passages::NewRead;
use super::write::Write;

/// Rows that become true together or not at all.
#[derive(Debug, Default, Clone)]
pub struct Change {
    /// People seen for the first time.
    pub people: Vec<NewPerson>,
    /// Conversations as they are now.
    pub conversations: Vec<Conversation>,
    /// Sessions that begin.
    pub sessions: Vec<NewSession>,
    /// Summaries that replace older ones.
    pub summaries: Vec<Summary>,
    /// Lines to remember.
    pub messages: Vec<NewMessage>,
    /// Work to do; the same key is the same work.
    pub jobs: Vec<NewJob>,
    /// Work that ended or has to be tried again.
    pub ended: Vec<JobEnd>,
    /// What goes out.
    pub outbound: Vec<NewOutbound>,
    /// New content for outbound rows that stand already.
    pub rewrites: Vec<Rewrite>,
    /// How far sending got.
    pub marks: Vec<Mark>,
    /// Chats that moved, vanished or came back.
    pub addresses: Vec<AddressFact>,
    /// What happened.
    pub events: Vec<Event>,
    /// Calls of models.
    pub calls: Vec<ModelCall>,
    /// Files that people sent.
    pub attachments: Vec<NewAttachment>,
    /// Readings of knowledge.
    pub reads: Vec<NewRead>,
    /// Rows of the tables that no message needs, in order.
    pub writes: Vec<Write>,
    /// Lanes that this process is done with for now.
    pub release: Vec<String>,
}

/// A person and the identity by which they were met.
#[derive(Debug, Clone, Serialize)]
pub struct NewPerson {
    pub person: PersonId,
    pub platform: String,
    pub user: String,
    pub name: String,
    pub language: String,
    pub at: Time,
}

/// A conversation as it is now.
#[derive(Debug, Clone, Serialize)]
pub struct Conversation {
    pub id: ConversationId,
    pub address: Address,
    pub account: String,
    pub setting: Setting,
    /// Who talks there, where that is one person.
    pub person: Option<PersonId>,
    pub session: SessionId,
    /// The platform's id of the newest message that came in, or empty.
    pub last_inbound: String,
    pub at: Time,
}

/// A session that begins.
#[derive(Debug, Clone, Serialize)]
pub struct NewSession {
    pub id: SessionId,
    pub conversation: ConversationId,
    pub at: Time,
}

/// A summary of everything up to and including `through`. It counts only while what it was made of stands.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub session: SessionId,
    pub summary: String,
    pub through: MessageId,
    /// The summary it goes on from, or empty.
    pub before: String,
    /// The first line that it takes in.
    pub from: MessageId,
    /// How many answers had been struck among the lines that it takes in.
    pub struck: i64,
}

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person.
    User,
    /// Toney.
    Toney,
    /// Toney, without a model: kept to be explained, but never shown to one.
    Note,
}

/// A line to remember.
#[derive(Debug, Clone, Serialize)]
pub struct NewMessage {
    pub id: MessageId,
    pub session: SessionId,
    pub conversation: ConversationId,
    pub person: Option<PersonId>,
    pub role: Role,
    pub text: String,
    /// The platform's id, or empty.
    pub platform_message: String,
    pub turn: TurnId,
    /// For a line of Toney's: how it came about, as JSON; otherwise empty.
    pub why: String,
    pub at: Time,
}

/// Work to do.
#[derive(Debug, Clone, Serialize)]
pub struct NewJob {
    pub id: JobId,
    /// The worker's name.
    pub kind: String,
    /// Work of one lane is done one piece at a time, by `ordering`, then by age.
    pub lane: String,
    /// The same key is the same work.
    pub key: String,
    pub ordering: i64,
    /// JSON.
    pub payload: String,
    pub run_at: Time,
    pub at: Time,
}

/// Work that ended, or has to be tried again.
#[derive(Debug, Clone, Serialize)]
pub struct JobEnd {
    pub id: JobId,
    pub state: JobState,
    /// When to try again, where the state is `Due`.
    pub run_at: Time,
    /// How often it has been tried.
    pub attempts: i64,
    pub error: String,
    pub at: Time,
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its time.
    Due,
    /// Done.
    Done,
    /// Given up; can be replayed.
    Dead,
}

/// Something that goes out.
#[derive(Debug, Clone)]
pub struct NewOutbound {
    pub outbound: Outbound,
    /// The newest message known there, in the platform's counting, so that a lost send can be found.
    pub after: String,
    pub at: Time,
}

/// New content for an outbound that stands already.
#[derive(Debug, Clone)]
pub struct Rewrite {
    pub id: OutboundId,
    pub lane: String,
    pub content: Content,
    pub at: Time,
}

/// How far the sending of an outbound got.
#[derive(Debug, Clone, Serialize)]
pub struct Mark {
    pub id: OutboundId,
    /// The revision that was sent; content that came later makes the row pending again.
    pub revision: i64,
    pub state: OutboundState,
    /// The platform's ids of the parts that stand, in order.
    pub parts: Vec<Message>,
    pub attempts: i64,
    pub next_at: Time,
    pub left_at: Time,
    pub after: String,
    pub error: String,
    /// 1: given up without knowing whether it stands; 0 otherwise.
    pub in_doubt: i64,
    pub at: Time,
}

/// Where an outbound stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboundState {
    /// To be sent, or to be brought to its newest content.
    Pending,
    /// It may or may not have been taken; to be found or sent.
    Unknown,
    /// Its first part stands and grows; its turn will give it its final content.
    Open,
    /// All of it stands.
    Sent,
    /// Given up; can be replayed.
    Failed,
}

/// Something learnt about an address.
#[derive(Debug, Clone, Serialize)]
pub struct AddressFact {
    pub address: Address,
    /// The new whole address, or empty.
    pub moved_to: String,
    /// Since when nobody can be reached there, or 0.
    pub unreachable_at: Time,
}

/// A call of a model.
#[derive(Debug, Clone, Serialize)]
pub struct ModelCall {
    pub id: ModelCallId,
    pub turn: Option<TurnId>,
    /// Whom it was for.
    pub person: Option<PersonId>,
    /// The artist it was done for, as far as that was known.
    pub artist: Option<ArtistId>,
    /// 1: paid with the person's own key; 0 otherwise.
    pub own: i64,
    pub task: String,
    pub provider: String,
    pub model: String,
    pub result: String,
    pub tokens_in: i64,
    pub tokens_out: i64,
    /// Those of `tokens_in` that the provider read from its cache.
    pub cache_read: i64,
    pub cost_nano_usd: i64,
    pub first_token_ms: i64,
    pub total_ms: i64,
    pub at: Time,
}

/// A file that a person sent.
#[derive(Debug, Clone, Serialize)]
pub struct NewAttachment {
    pub id: crate::model::AttachmentId,
    pub conversation: ConversationId,
    pub person: PersonId,
    pub media: String,
    pub name: String,
    pub mime: String,
    pub size: i64,
    pub sha256: String,
    pub path: String,
    pub at: Time,
}

/// A job as it is read back.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub key: String,
    pub ordering: i64,
    pub payload: String,
    pub run_at: Time,
    pub attempts: i64,
    pub created_at: Time,
}

impl Job {
    /// What it is told to do.
    ///
    /// # Errors
    /// Gives up on a payload that cannot be read: it will not be readable later either.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.payload)
            .with_context(|| format!("Reading what the job {} is about", self.id))
            .map_err(Failure::GiveUp)
    }
}

/// An outbound as it is read back.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub outbound: Outbound,
    pub revision: i64,
    pub state: OutboundState,
    pub parts: Vec<Message>,
    pub attempts: i64,
    pub next_at: Time,
    pub left_at: Time,
    pub after: String,
    pub error: String,
    pub created_at: Time,
}

/// A lane that this process holds from now on, with the work that waits in it.
#[derive(Debug)]
pub struct Claim {
    pub lane: String,
    /// How often it was released before: the version of everything kept about it.
    pub turns: i64,
    /// True when the work came while we were busy with the lane, rather than into a free lane.
    pub kept: bool,
    /// True when nothing in it can have been begun before: it all came while the lane was ours.
    pub fresh: bool,
    /// Its due jobs in order; at most [`CLAIM_LIMIT`] at a time.
    pub jobs: Vec<Job>,
    /// What waits to be sent in it, in order; at most [`CLAIM_LIMIT`] at a time.
    pub outbound: Vec<Outgoing>,
}

/// How much of a lane's work is read at a time: enough for one gathered turn.
pub const CLAIM_LIMIT: i64 = 50;

/// What the writer tells the runner about lanes.
#[derive(Debug)]
pub enum LaneNews {
    /// A lane is ours now.
    Claimed(Claim),
    /// More work came into a lane that we hold.
    Arrived { lane: String, jobs: Vec<NewJob> },
    /// Some lane has work from this moment on and nobody holds it.
    Due(Time),
}

/// What became of a change.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Applied {
    /// How many of its jobs were not there before.
    pub fresh_jobs: usize,
}

impl From<NewJob> for Job {
    fn from(job: NewJob) -> Self {
        let NewJob {
            id,
            kind,
            lane: _,
            key,
            ordering,
            payload,
            run_at,
            at,
        } = job;
        Self {
            id,
            kind,
            key,
            ordering,
            payload,
            run_at,
            attempts: 0,
            created_at: at,
        }
    }
}

impl From<NewOutbound> for Outgoing {
    fn from(row: NewOutbound) -> Self {
        let NewOutbound {
            outbound,
            after,
            at,
        } = row;
        Self {
            outbound,
            revision: 0,
            state: OutboundState::Pending,
            parts: Vec::new(),
            attempts: 0,
            next_at: at,
            left_at: at,
            after,
            error: String::new(),
            created_at: at,
        }
    }
}

/// The lane in which the turns of a conversation happen.
pub fn turn_lane(address: &Address) -> String {
    format!("turn:{address}")
}

/// The lane in which documents that came in a conversation are taken in.
pub fn ingest_lane(address: &Address) -> String {
    format!("ingest:{address}")
}

/// The lane in which sends into a chat happen.
pub fn out_lane(address: &Address) -> String {
    format!("out:{}", address.whole_chat())
}

/// The lane of an event's job, which waits for nothing but its turn in the process.
fn event_lane(key: &str) -> String {
    format!("job:{key}")
}

/// Whether what waits in this lane is to be sent.
pub fn is_out_lane(lane: &str) -> bool {
    lane.starts_with("out:")
}

/// Whether what is done in this lane was asked for by an event.
pub fn is_event_lane(lane: &str) -> bool {
    lane.starts_with("job:")
}

impl NewJob {
    /// The job of a worker that hears of an event.
    pub fn heard(event: &Event, worker: &str, ids: &Ids) -> Self {
        let key = format!("{worker}:{}", event.id);
        Self {
            id: JobId::new(ids),
            kind: worker.to_owned(),
            lane: event_lane(&key),
            key,
            ordering: 0,
            payload: serde_json::to_string(event).unwrap_or_default(),
            run_at: event.at,
            at: event.at,
        }
    }

    /// The job that says something unasked, if it may be said.
    ///
    /// # Errors
    /// Never, as far as is known.
    pub fn impulse(impulse: &Impulse, ids: &Ids, now: Time) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: JobId::new(ids),
            kind: Impulse::KIND.to_owned(),
            lane: impulse.lane(),
            key: impulse.key(),
            ordering: 0,
            payload: serde_json::to_string(impulse)?,
            run_at: now,
            at: now,
        })
    }

    /// The job that answers something that came in.
    pub fn inbound(id: JobId, inbound: &Inbound, now: Time) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id,
            kind: "turn".to_owned(),
            lane: turn_lane(&inbound.address),
            key: inbound.key.clone(),
            ordering: inbound.order,
            payload: serde_json::to_string(inbound)?,
            run_at: now,
            at: now,
        })
    }
}

impl Change {
    /// A change that only adds work.
    pub fn jobs(jobs: Vec<NewJob>) -> Self {
        Self {
            jobs,
            ..Self::default()
        }
    }

    /// A change that only marks one outbound.
    pub fn mark(mark: Mark) -> Self {
        Self {
            marks: vec![mark],
            ..Self::default()
        }
    }

    /// Puts the rows of `other` behind its own.
    pub fn absorb(&mut self, other: Self) {
        let Self {
            people,
            conversations,
            sessions,
            summaries,
            messages,
            jobs,
            ended,
            outbound,
            rewrites,
            marks,
            addresses,
            events,
            calls,
            attachments,
            reads,
            writes,
            release,
        } = other;
        self.people.extend(people);
        self.conversations.extend(conversations);
        self.sessions.extend(sessions);
        self.summaries.extend(summaries);
        self.messages.extend(messages);
        self.jobs.extend(jobs);
        self.ended.extend(ended);
        self.outbound.extend(outbound);
        self.rewrites.extend(rewrites);
        self.marks.extend(marks);
        self.addresses.extend(addresses);
        self.events.extend(events);
        self.calls.extend(calls);
        self.attachments.extend(attachments);
        self.reads.extend(reads);
        self.writes.extend(writes);
        self.release.extend(release);
    }
}
