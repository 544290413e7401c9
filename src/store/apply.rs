//! The statements that make a [`Change`] true: one per kind of row, however many rows there are.
//!
//! Each may be run again with the same rows and changes nothing then: when a connection dies while
//! it commits, nobody knows whether it did, and the change is simply applied once more.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{Address, Event, EventId, OutboundId, Priority, Time, phrases};

use super::change::{CLAIM_LIMIT, Change, Claim, Job, NewJob, NewOutbound, Outgoing, out_lane};
use super::db::{Sql, dialect};
use super::tx::{Bind, Tx, rows};

// Two chats may meet the same person at once: only the one whose identity won exists.
const PERSONS: Sql = dialect!(
    "INSERT INTO persons (id, name, language, created_at)
     SELECT j.value ->> 'person', j.value ->> 'name', j.value ->> 'language',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE EXISTS (SELECT 1 FROM identities i WHERE i.platform = j.value ->> 'platform'
            AND i.platform_user = j.value ->> 'user' AND i.person_id = j.value ->> 'person')
     ON CONFLICT (id) DO NOTHING"
);
const IDENTITIES: Sql = dialect!(
    "INSERT INTO identities (platform, platform_user, person_id, created_at)
     SELECT j.value ->> 'platform', j.value ->> 'user', j.value ->> 'person',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (platform, platform_user) DO NOTHING"
);
// A conversation that moved on is not brought back by somebody who still knows its old address.
const CONVERSATIONS: Sql = dialect!(
    "INSERT INTO conversations
            (id, address, account, setting, person_id, session_id, last_inbound, last_at,
             created_at)
     SELECT j.value ->> 'id', j.value ->> 'address', j.value ->> 'account', j.value ->> 'setting',
            COALESCE(j.value ->> 'person', ''), j.value ->> 'session', j.value ->> 'last_inbound',
            CAST(j.value ->> 'at' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE NOT EXISTS (SELECT 1 FROM conversations c WHERE c.id = j.value ->> 'id'
            AND c.address <> j.value ->> 'address') ON CONFLICT (address) DO UPDATE SET session_id = excluded.session_id,
            person_id = excluded.person_id,
            last_at = excluded.last_at, last_inbound = CASE WHEN excluded.last_inbound = ''
            THEN conversations.last_inbound ELSE excluded.last_inbound END"
);
const SESSIONS: Sql = dialect!(
    "INSERT INTO sessions (id, conversation_id, started_at)
     SELECT j.value ->> 'id', j.value ->> 'conversation', CAST(j.value ->> 'at' AS BIGINT) FROM"
    each "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const SUMMARIES: Sql = dialect!(
    "UPDATE sessions SET summary = j.value ->> 'summary', summary_through = j.value ->> 'through'
     FROM" each "WHERE sessions.id = j.value ->> 'session' AND sessions.summary = j.value ->> 'before'
     AND CAST(j.value ->> 'struck' AS BIGINT) = (SELECT COUNT(*) FROM messages m
         WHERE m.session_id = sessions.id AND m.id >= j.value ->> 'from'
         AND m.id <= j.value ->> 'through' AND m.role = 'toney' AND m.text = $2)"
);
const JOBS: Sql = dialect!(
    "INSERT INTO jobs (id, kind, lane, key, ordering, payload, run_at, created_at)
     SELECT j.value ->> 'id', j.value ->> 'kind', j.value ->> 'lane', j.value ->> 'key',
            CAST(j.value ->> 'ordering' AS BIGINT), j.value ->> 'payload',
            CAST(j.value ->> 'run_at' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (key) DO NOTHING RETURNING id"
);
// An end that is reported twice must not undo what happened to the job in between.
const JOB_ENDS: Sql = dialect!(
    "UPDATE jobs SET state = j.value ->> 'state', run_at = CAST(j.value ->> 'run_at' AS BIGINT),
            attempts = CAST(j.value ->> 'attempts' AS BIGINT), error = j.value ->> 'error',
            ended_at = CASE WHEN j.value ->> 'state' = 'due' THEN 0
                            ELSE CAST(j.value ->> 'at' AS BIGINT) END
     FROM" each "WHERE jobs.id = j.value ->> 'id' AND jobs.state NOT IN ('done', 'dead')
            AND jobs.attempts <= CAST(j.value ->> 'attempts' AS BIGINT)"
);
const MESSAGES: Sql = dialect!(
    "INSERT INTO messages (id, session_id, conversation_id, person_id, role, text,
            platform_message, turn_id, why, created_at)
     SELECT j.value ->> 'id', j.value ->> 'session', j.value ->> 'conversation',
            COALESCE(j.value ->> 'person', ''), j.value ->> 'role', j.value ->> 'text',
            j.value ->> 'platform_message', j.value ->> 'turn', j.value ->> 'why',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const OUTBOUND: Sql = dialect!(
    "INSERT INTO outbound (id, key, lane, address, priority, content, next_at, left_at,
            after_message, created_at)
     SELECT j.value ->> 'id', j.value ->> 'key', j.value ->> 'lane', j.value ->> 'address',
            j.value ->> 'priority', j.value ->> 'content', CAST(j.value ->> 'at' AS BIGINT),
            CAST(j.value ->> 'at' AS BIGINT), j.value ->> 'after',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (key) DO NOTHING RETURNING id, lane"
);
// What is not known stays so: only its finder may say that it stands or does not. The same content
// once more is nothing new, except for a row that waits for its final content.
const REWRITES: Sql = dialect!(
    "UPDATE outbound SET content = j.value ->> 'content', revision = revision + 1,
            priority = 'reply', next_at = CAST(j.value ->> 'at' AS BIGINT), attempts = 0,
            state = CASE WHEN state = 'unknown' THEN 'unknown' ELSE 'pending' END
     FROM" each "WHERE outbound.id = j.value ->> 'id' AND state <> 'failed'
            AND (content <> j.value ->> 'content' OR state = 'open' OR priority <> 'reply')"
);
// Only who holds the lane knows how far sending got; a mark that comes late, when the lane went on to
// somebody else, says nothing. $2 = us.
const MARKS: Sql = dialect!(
    "UPDATE outbound SET parts = j.value ->> 'parts',
            attempts = CAST(j.value ->> 'attempts' AS BIGINT),
            next_at = CAST(j.value ->> 'next_at' AS BIGINT),
            left_at = CAST(j.value ->> 'left_at' AS BIGINT),
            after_message = j.value ->> 'after', error = j.value ->> 'error',
            in_doubt = CAST(j.value ->> 'in_doubt' AS BIGINT),
            state = CASE WHEN revision = CAST(j.value ->> 'revision' AS BIGINT)
                         THEN j.value ->> 'state'
                         WHEN j.value ->> 'state' = 'unknown' THEN 'unknown' ELSE 'pending' END,
            ended_at = CASE WHEN j.value ->> 'state' IN ('sent', 'failed')
                            THEN CAST(j.value ->> 'at' AS BIGINT) ELSE 0 END
     FROM" each "WHERE outbound.id = j.value ->> 'id' AND $2 =
            (SELECT holder FROM lanes WHERE lanes.lane = outbound.lane)"
);
const ADDRESSES: Sql = dialect!(
    "INSERT INTO addresses (address, moved_to, unreachable_at)
     SELECT j.value ->> 'address', j.value ->> 'moved_to',
            CAST(j.value ->> 'unreachable_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (address) DO UPDATE SET unreachable_at = excluded.unreachable_at,
            moved_to = CASE WHEN excluded.moved_to = '' THEN addresses.moved_to
                            ELSE excluded.moved_to END"
);
// Whoever writes is there again; whether we may answer, the next send will tell.
const THERE: Sql = dialect!(
    "UPDATE addresses SET unreachable_at = 0 WHERE unreachable_at > 0
     AND address IN (SELECT j.value ->> 'address' FROM" each ")"
);
// The conversation goes on at the new address, unless one has begun there already.
const MOVES: Sql = dialect!(
    "UPDATE conversations SET address = j.value ->> 'moved_to' FROM" each
    "WHERE conversations.address = j.value ->> 'address' AND j.value ->> 'moved_to' <> ''
     AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.address = j.value ->> 'moved_to')"
);
const EVENTS: Sql = dialect!(
    "INSERT INTO events (id, name, body, created_at)
     SELECT j.value ->> 'id', j.value ->> 'name', j.value ->> 'body',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const CALLS: Sql = dialect!(
    "INSERT INTO model_calls (id, turn_id, person_id, artist_id, own, task, provider, model, result,
            tokens_in, tokens_out, cache_read, cost_nano_usd, first_token_ms, total_ms, created_at)
     SELECT j.value ->> 'id', COALESCE(j.value ->> 'turn', ''), COALESCE(j.value ->> 'person', ''),
            COALESCE(j.value ->> 'artist', ''), CAST(j.value ->> 'own' AS BIGINT), j.value ->> 'task',
            j.value ->> 'provider', j.value ->> 'model', j.value ->> 'result',
            CAST(j.value ->> 'tokens_in' AS BIGINT), CAST(j.value ->> 'tokens_out' AS BIGINT),
            CAST(j.value ->> 'cache_read' AS BIGINT), CAST(j.value ->> 'cost_nano_usd' AS BIGINT),
            CAST(j.value ->> 'first_token_ms' AS BIGINT),
            CAST(j.value ->> 'total_ms' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const ATTACHMENTS: Sql = dialect!(
    "INSERT INTO attachments (id, conversation_id, person_id, media, name, mime, size, sha256,
            path, state, created_at)
     SELECT j.value ->> 'id', j.value ->> 'conversation', j.value ->> 'person',
            j.value ->> 'media', j.value ->> 'name', j.value ->> 'mime',
            CAST(j.value ->> 'size' AS BIGINT), j.value ->> 'sha256', j.value ->> 'path', 'kept',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const READS: Sql = dialect!(
    "INSERT INTO knowledge_reads (id, person_id, session_id, turn_id, query_hash, target, why,
            scopes, passages, created_at)
     SELECT j.value ->> 'id', COALESCE(j.value ->> 'person', ''),
            COALESCE(j.value ->> 'session', ''), COALESCE(j.value ->> 'turn', ''),
            j.value ->> 'query_hash', j.value ->> 'target', j.value ->> 'why',
            j.value ->> 'scopes', j.value ->> 'passages', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);

/// What the rows that went in mean for the lanes.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Ids of the jobs that were not there before.
    pub(super) fresh_jobs: HashSet<String>,
    /// Lanes that got something to send, and from when.
    pub(super) out_lanes: Vec<(String, Time)>,
    /// Ids of the outbound rows that were not there before.
    pub(super) fresh_outbound: HashSet<String>,
}

impl Written {
    /// The jobs that were not there before.
    pub(super) fn fresh<'a>(&'a self, change: &'a Change) -> impl Iterator<Item = &'a NewJob> {
        change
            .jobs
            .iter()
            .filter(|job| self.fresh_jobs.contains(&job.id.to_string()))
    }

    /// What `change` put into each lane.
    pub(super) fn put(&self, change: &Change) -> Put {
        let mut put = Put::default();
        for job in self.fresh(change) {
            put.jobs
                .entry(job.lane.clone())
                .or_default()
                .push(job.clone().into());
        }
        for row in &change.outbound {
            if self.fresh_outbound.contains(&row.outbound.id.to_string()) {
                let lane = out_lane(&row.outbound.address);
                put.outbound
                    .entry(lane)
                    .or_default()
                    .push(row.clone().into());
            }
        }
        put.rewritten = change.rewrites.iter().map(|row| row.lane.clone()).collect();
        put
    }
}

/// What a change put into each lane.
#[derive(Debug, Default)]
pub(super) struct Put {
    jobs: HashMap<String, Vec<Job>>,
    outbound: HashMap<String, Vec<Outgoing>>,
    rewritten: HashSet<String>,
}

impl Put {
    /// Fills a claim of a lane that was idle before, so that it need not be read; false where only
    /// the database knows what waits in it.
    pub(super) fn fill(&mut self, claim: &mut Claim) -> bool {
        if self.rewritten.contains(&claim.lane) {
            return false;
        }
        let most = usize::try_from(CLAIM_LIMIT).unwrap_or(usize::MAX);
        claim.jobs = self.jobs.remove(&claim.lane).unwrap_or_default();
        claim.jobs.sort_by_key(|job| (job.ordering, job.id));
        claim.jobs.truncate(most);
        claim.outbound = self.outbound.remove(&claim.lane).unwrap_or_default();
        claim.outbound.sort_by_key(|row| row.outbound.id);
        claim.outbound.truncate(most);
        true
    }
}

/// Writes every row of `change` but its lanes.
pub(super) async fn write_rows(tx: &mut Tx, change: &Change, me: &str) -> Result<Written> {
    write_people(tx, change).await?;
    let mut written = Written::default();
    if !change.jobs.is_empty() {
        let fresh: Vec<(String,)> = tx.read(JOBS, rows(&change.jobs)?, &[]).await?;
        written.fresh_jobs = fresh.into_iter().map(|(id,)| id).collect();
    }
    simple(tx, JOB_ENDS, &change.ended).await?;
    simple(tx, MESSAGES, &change.messages).await?;
    write_outbound(tx, change, (me, &mut written)).await?;
    simple(tx, THERE, &change.conversations).await?;
    let addresses = newest(&change.addresses, |fact| fact.address.clone());
    simple(tx, ADDRESSES, &addresses).await?;
    simple(tx, MOVES, &addresses).await?;
    let events: Vec<_> = change.events.iter().map(EventRow::new).collect();
    simple(tx, EVENTS, &events).await?;
    simple(tx, CALLS, &change.calls).await?;
    simple(tx, ATTACHMENTS, &change.attachments).await?;
    simple(tx, READS, &change.reads).await?;
    for write in &change.writes {
        write.run(tx).await?;
    }
    Ok(written)
}

async fn write_people(tx: &mut Tx, change: &Change) -> Result<()> {
    simple(tx, IDENTITIES, &change.people).await?;
    simple(tx, PERSONS, &change.people).await?;
    let conversations = newest(&change.conversations, |row| row.address.clone());
    simple(tx, CONVERSATIONS, &conversations).await?;
    simple(tx, SESSIONS, &change.sessions).await?;
    let summaries = newest(&change.summaries, |row| row.session);
    if !summaries.is_empty() {
        // What was struck since it was read would live on in it.
        let struck = [Bind::Text(phrases::STRUCK)];
        tx.run(SUMMARIES, rows(&summaries)?, &struck).await?;
    }
    Ok(())
}

async fn write_outbound(
    tx: &mut Tx,
    change: &Change,
    (me, written): (&str, &mut Written),
) -> Result<()> {
    let lanes = &mut written.out_lanes;
    if !change.outbound.is_empty() {
        let fresh: Vec<_> = change.outbound.iter().map(OutboundRow::new).collect();
        let at = change
            .outbound
            .iter()
            .map(|row| row.at)
            .min()
            .unwrap_or_default();
        let touched: Vec<(String, String)> = tx.read(OUTBOUND, rows(&fresh)?, &[]).await?;
        for (id, lane) in touched {
            lanes.push((lane, at));
            written.fresh_outbound.insert(id);
        }
    }
    let rewrites: Vec<Value> = newest(&change.rewrites, |row| row.id)
        .into_iter()
        .map(|row| json!({"id": row.id, "content": json_text(&row.content), "at": row.at}))
        .collect();
    simple(tx, REWRITES, &rewrites).await?;
    lanes.extend(change.rewrites.iter().map(|row| (row.lane.clone(), row.at)));
    if !change.marks.is_empty() {
        let marks = newest(&change.marks, |row| row.id);
        tx.run(MARKS, rows(&marks)?, &[Bind::Text(me)]).await?;
    }
    Ok(())
}

async fn simple<T: Serialize>(tx: &mut Tx, sql: Sql, items: &[T]) -> Result<()> {
    if !items.is_empty() {
        tx.run(sql, rows(items)?, &[] as &[Bind<'_>]).await?;
    }
    Ok(())
}

/// The newest row of each thing: of two rows for one thing in one statement, PostgreSQL applies any
/// one or none.
fn newest<T, K: Eq + std::hash::Hash>(rows: &[T], thing: impl Fn(&T) -> K) -> Vec<&T> {
    let mut seen = HashSet::new();
    let mut kept: Vec<&T> = rows
        .iter()
        .rev()
        .filter(|row| seen.insert(thing(row)))
        .collect();
    kept.reverse();
    kept
}

#[derive(Serialize)]
struct OutboundRow<'a> {
    id: OutboundId,
    key: &'a str,
    lane: String,
    address: &'a Address,
    priority: Priority,
    content: String,
    after: &'a str,
    at: Time,
}

impl<'a> OutboundRow<'a> {
    fn new(row: &'a NewOutbound) -> Self {
        let outbound = &row.outbound;
        Self {
            id: outbound.id,
            key: &outbound.key,
            lane: out_lane(&outbound.address),
            address: &outbound.address,
            priority: outbound.priority,
            content: json_text(&outbound.content),
            after: &row.after,
            at: row.at,
        }
    }
}

#[derive(Serialize)]
struct EventRow<'a> {
    id: EventId,
    name: &'a str,
    body: String,
    at: Time,
}

impl<'a> EventRow<'a> {
    fn new(event: &'a Event) -> Self {
        Self {
            id: event.id,
            name: event.what.name(),
            body: json_text(event),
            at: event.at,
        }
    }
}

/// JSON that stands as text inside a row.
fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
