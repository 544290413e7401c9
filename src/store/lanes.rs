//! Lanes: who works on what. A lane is taken in the same transaction that puts work into it, so that
//! a message which finds its lane free starts at once and costs no second write.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::model::{Outbound, Time};

use super::change::{CLAIM_LIMIT, Claim, Job, Outgoing, is_out_lane};
use super::db::{Sql, dialect};
use super::tx::{Bind, Tx, row, rows};

/// On PostgreSQL every transaction locks its lanes in one order first: it avoids deadlocks, and the
/// statements that follow see everything that others put into these lanes.
const LOCK: Sql = Sql {
    sqlite: "SELECT 1 FROM json_each($1) WHERE FALSE",
    postgres: "SELECT lane FROM lanes WHERE lane IN
               (SELECT value FROM json_array_elements_text(CAST($1 AS json)))
               ORDER BY lane FOR UPDATE",
};
// $2 = us, who take the lanes that are to be ours; $3 = now.
const PUT: Sql = dialect!(
    "INSERT INTO lanes (lane, next_at, holder, was_idle)
     SELECT j.value ->> 'lane', CAST(j.value ->> 'at' AS BIGINT),
            CASE WHEN CAST(j.value ->> 'at' AS BIGINT) <= $3 AND j.value ->> 'ours' = 'yes' THEN $2
                 ELSE '' END, 1
     FROM" each
    "WHERE TRUE ON CONFLICT (lane) DO UPDATE SET
            was_idle = CASE WHEN lanes.next_at = 9223372036854775807 THEN 1 ELSE 0 END,
            next_at = CASE WHEN lanes.next_at = 9223372036854775807 THEN excluded.next_at
                           ELSE lanes.next_at END,
            holder = CASE WHEN lanes.holder = '' AND (lanes.next_at <= $3
                               OR lanes.next_at = 9223372036854775807) THEN excluded.holder
                          ELSE lanes.holder END
     RETURNING lane, next_at, holder, turns, was_idle"
);
// The lane is next due when the first piece of its work is: the ones behind it keep their order.
const RELEASE: Sql = dialect!(
    "UPDATE lanes SET turns = turns + 1, was_idle = 0, next_at = d.due,
            holder = CASE WHEN d.due <= $3 AND d.ours = 'yes' THEN holder ELSE '' END
     FROM (SELECT j.value ->> 'lane' AS name, j.value ->> 'ours' AS ours, COALESCE(
             (SELECT run_at FROM jobs WHERE jobs.lane = j.value ->> 'lane' AND state = 'due'
              ORDER BY ordering, id LIMIT 1),
             (SELECT next_at FROM outbound WHERE outbound.lane = j.value ->> 'lane'
              AND state IN ('pending', 'unknown') ORDER BY id LIMIT 1),
             9223372036854775807) AS due FROM" each ") AS d
     WHERE lanes.lane = d.name AND lanes.holder = $2
     RETURNING lane, next_at, holder, turns, was_idle"
);
// That it is due at all is said twice: the planners use the index of free lanes only if told so.
const CLAIM: Sql = Sql {
    sqlite: "UPDATE lanes SET holder = $2, was_idle = 0 WHERE lane IN
             (SELECT lane FROM lanes WHERE holder = '' AND next_at <= $3
              AND next_at < 9223372036854775807
              ORDER BY next_at LIMIT CAST($1 AS INTEGER)) AND holder = ''
             RETURNING lane, next_at, holder, turns, was_idle",
    postgres: "UPDATE lanes SET holder = $2, was_idle = 0 WHERE lane IN
             (SELECT lane FROM lanes WHERE holder = '' AND next_at <= $3
              AND next_at < 9223372036854775807
              ORDER BY next_at LIMIT CAST($1 AS BIGINT) FOR UPDATE SKIP LOCKED) AND holder = ''
             RETURNING lane, next_at, holder, turns, was_idle",
};
// The same in the two words that each planner turns into a look into the index for every lane; with
// the other's, it reads the whole table.
const JOBS: Sql = Sql {
    sqlite: "SELECT jobs.lane, jobs.id, jobs.kind, jobs.key, jobs.ordering, jobs.payload,
                jobs.run_at, jobs.attempts, jobs.created_at FROM json_each($1) AS j
             CROSS JOIN jobs ON jobs.id IN (SELECT id FROM jobs WHERE lane = j.value ->> 'lane'
                AND state = 'due' ORDER BY ordering, id LIMIT $2)
             ORDER BY jobs.lane, jobs.ordering, jobs.id",
    postgres: "SELECT w.* FROM json_array_elements(CAST($1 AS json)) AS j(value)
             CROSS JOIN LATERAL (SELECT lane, id, kind, key, ordering, payload, run_at, attempts,
                created_at FROM jobs WHERE lane = j.value ->> 'lane' AND state = 'due'
                ORDER BY ordering, id LIMIT $2) AS w ORDER BY w.lane, w.ordering, w.id",
};
const OUTBOUND: Sql = Sql {
    sqlite: "SELECT o.lane, o.id, o.key, o.address, o.priority, o.content, o.revision, o.state,
                o.parts, o.attempts, o.next_at, o.left_at, o.after_message, o.error, o.created_at
             FROM json_each($1) AS j
             CROSS JOIN outbound o ON o.id IN (SELECT id FROM outbound WHERE lane = j.value ->> 'lane'
                AND state IN ('pending', 'unknown') ORDER BY id LIMIT $2) ORDER BY o.lane, o.id",
    postgres: "SELECT w.* FROM json_array_elements(CAST($1 AS json)) AS j(value)
             CROSS JOIN LATERAL (SELECT lane, id, key, address, priority, content, revision, state,
                parts, attempts, next_at, left_at, after_message, error, created_at FROM outbound
                WHERE lane = j.value ->> 'lane' AND state IN ('pending', 'unknown')
                ORDER BY id LIMIT $2) AS w ORDER BY w.lane, w.id",
};
const NEXT: Sql = dialect!(
    "SELECT MIN(next_at) AS next_at FROM lanes WHERE holder = '' AND $1 <> ''
     AND next_at < 9223372036854775807"
);

/// A lane after a statement touched it.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct LaneRow {
    pub(super) lane: String,
    pub(super) next_at: i64,
    pub(super) holder: String,
    pub(super) turns: i64,
    /// 1: the work that was just put in is all there is.
    pub(super) was_idle: i64,
}

#[derive(sqlx::FromRow)]
pub(super) struct JobRow {
    lane: String,
    id: String,
    kind: String,
    key: String,
    ordering: i64,
    payload: String,
    run_at: i64,
    attempts: i64,
    created_at: i64,
}

#[derive(sqlx::FromRow)]
pub(super) struct OutboundRow {
    pub(super) lane: String,
    id: String,
    key: String,
    address: String,
    priority: String,
    content: String,
    revision: i64,
    state: String,
    parts: String,
    attempts: i64,
    next_at: i64,
    left_at: i64,
    after_message: String,
    error: String,
    created_at: i64,
}

row!(LaneRow {
    lane,
    next_at,
    holder,
    turns,
    was_idle
});
row!(JobRow {
    lane,
    id,
    kind,
    key,
    ordering,
    payload,
    run_at,
    attempts,
    created_at
});
row!(OutboundRow {
    lane,
    id,
    key,
    address,
    priority,
    content,
    revision,
    state,
    parts,
    attempts,
    next_at,
    left_at,
    after_message,
    error,
    created_at,
});

/// A row that names a lane.
#[derive(Serialize)]
struct Named<'a> {
    lane: &'a str,
}

pub(super) async fn lock(tx: &mut Tx, lanes: &[String]) -> Result<()> {
    if matches!(tx, Tx::Postgres(_)) && !lanes.is_empty() {
        let _: Vec<(String,)> = tx.read(LOCK, rows(lanes)?, &[]).await?;
    }
    Ok(())
}

/// Says that `lanes` have work from the given moments on; `holder` takes those that are free, due and
/// `ours` to do.
pub(super) async fn put(
    tx: &mut Tx,
    (lanes, ours): (&HashMap<String, Time>, impl Fn(&str) -> bool),
    holder: &str,
    now: Time,
) -> Result<Vec<LaneRow>> {
    #[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
    struct Due<'a> {
        lane: &'a str,
        at: Time,
        ours: &'static str,
    }
    let mut list: Vec<_> = lanes
        .iter()
        .map(|(lane, &at)| Due {
            lane,
            at,
            ours: yes(ours(lane)),
        })
        .collect();
    list.sort();
    let binds = [Bind::Text(holder), Bind::Int(now.ms())];
    tx.read(PUT, rows(&list)?, &binds).await
}

/// Gives lanes back; those with due work stay with us where it is `ours` to do.
pub(super) async fn release(
    tx: &mut Tx,
    (lanes, ours): (&[String], impl Fn(&str) -> bool),
    holder: &str,
    now: Time,
) -> Result<Vec<LaneRow>> {
    #[derive(Serialize)]
    struct Done<'a> {
        lane: &'a str,
        ours: &'static str,
    }
    let list: Vec<_> = lanes
        .iter()
        .map(|lane| Done {
            lane,
            ours: yes(ours(lane)),
        })
        .collect();
    let binds = [Bind::Text(holder), Bind::Int(now.ms())];
    tx.read(RELEASE, rows(&list)?, &binds).await
}

/// A truth in a word that both databases read alike.
fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "" }
}

/// Takes up to `limit` lanes that are due and free, the longest waiting first.
pub(super) async fn claim(
    tx: &mut Tx,
    limit: usize,
    holder: &str,
    now: Time,
) -> Result<Vec<LaneRow>> {
    tx.read(
        CLAIM,
        limit.to_string(),
        &[Bind::Text(holder), Bind::Int(now.ms())],
    )
    .await
}

/// When the next lane that nobody holds is due.
pub(super) async fn next_due(tx: &mut Tx) -> Result<Option<Time>> {
    let found: Vec<(Option<i64>,)> = tx.read(NEXT, "next".to_owned(), &[]).await?;
    Ok(found
        .into_iter()
        .next()
        .and_then(|(at,)| at)
        .map(Time::from_ms))
}

/// Reads the work of lanes that were just taken.
pub(super) async fn contents(tx: &mut Tx, taken: HashMap<String, Claim>) -> Result<Vec<Claim>> {
    let mut claims = taken;
    let (out, work): (Vec<_>, Vec<_>) = claims
        .keys()
        .map(|lane| Named { lane })
        .partition(|row| is_out_lane(row.lane));
    let limit = [Bind::Int(CLAIM_LIMIT)];
    let (mut jobs, mut outbound) = (Vec::new(), Vec::new());
    if !work.is_empty() {
        jobs = tx.read::<JobRow>(JOBS, rows(&work)?, &limit).await?;
    }
    if !out.is_empty() {
        outbound = tx
            .read::<OutboundRow>(OUTBOUND, rows(&out)?, &limit)
            .await?;
    }
    for row in jobs {
        if let Some(claim) = claims.get_mut(&row.lane) {
            claim.jobs.push(row.parse()?);
        }
    }
    for row in outbound {
        if let Some(claim) = claims.get_mut(&row.lane) {
            claim.outbound.push(row.parse()?);
        }
    }
    Ok(claims.into_values().collect())
}

impl JobRow {
    pub(super) fn parse(self) -> Result<Job> {
        Ok(Job {
            id: self.id.parse()?,
            kind: self.kind,
            key: self.key,
            ordering: self.ordering,
            payload: self.payload,
            run_at: Time::from_ms(self.run_at),
            attempts: self.attempts,
            created_at: Time::from_ms(self.created_at),
        })
    }
}

impl OutboundRow {
    pub(super) fn parse(self) -> Result<Outgoing> {
        let id = self.id;
        Ok(Outgoing {
            outbound: Outbound {
                key: self.key,
                address: self.address.parse()?,
                priority: word(&self.priority)?,
                content: serde_json::from_str(&self.content)
                    .with_context(|| format!("Reading the content of {id}"))?,
                id: id.parse()?,
            },
            revision: self.revision,
            state: word(&self.state)?,
            parts: serde_json::from_str(&self.parts)
                .with_context(|| format!("Reading the parts of {id}"))?,
            attempts: self.attempts,
            next_at: Time::from_ms(self.next_at),
            left_at: Time::from_ms(self.left_at),
            after: self.after_message,
            error: self.error,
            created_at: Time::from_ms(self.created_at),
        })
    }
}

/// Reads an enum that stands as one word in a column.
pub(super) fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .with_context(|| format!("Reading the word `{text}`"))
}
