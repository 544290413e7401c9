//! Reading and repairing queues: what delivery, the adapters, `toney outbox` and `toney jobs` need.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::model::{Address, Message, OutboundId, Time};

use super::Store;
use super::apply::write_rows;
use super::change::{Change, Job, Outgoing, ingest_lane, out_lane, turn_lane};
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::lanes::{JobRow, OutboundRow, lock, put};
use super::tx::{Bind, Tx, rows};

const BY_KEY: Sql = same(
    "SELECT lane, id, key, address, priority, content, revision, state, parts, attempts, next_at,
            left_at, after_message, error, created_at FROM outbound WHERE key = $1",
);
const PARTS: Sql = same(
    "SELECT id, parts, left_at FROM outbound WHERE lane = $1 AND parts <> '[]' AND (left_at >= $2
        OR id IN (SELECT id FROM outbound WHERE lane = $1 AND parts <> '[]' ORDER BY id DESC LIMIT $3))",
);
const DUE: Sql = same(
    "SELECT lane, id, kind, key, ordering, payload, run_at, attempts, created_at FROM jobs
     WHERE lane = $1 AND state = 'due' ORDER BY ordering, id LIMIT $2",
);
const OUTBOX: Sql = same(
    "SELECT id, address, state, attempts, next_at, created_at, error FROM outbound
     WHERE state IN ('pending', 'unknown', 'open', 'failed') ORDER BY id DESC LIMIT $1",
);
const DEAD: Sql = same(
    "SELECT id, kind, lane, state, attempts, run_at, created_at, error FROM jobs
     WHERE state IN ('due', 'dead') ORDER BY id DESC LIMIT $1",
);
const DEPTH: Sql = same(
    "SELECT (SELECT COUNT(*) FROM jobs WHERE state = 'due') AS due,
            (SELECT COUNT(*) FROM jobs WHERE state = 'dead') AS dead,
            (SELECT COUNT(*) FROM outbound WHERE state IN ('pending', 'unknown')) AS waiting,
            (SELECT COUNT(*) FROM outbound WHERE state = 'failed') AS failed",
);
const REPLAY_JOBS: Sql = dialect!(
    "UPDATE jobs SET state = 'due', attempts = 0, run_at = $2, error = '', ended_at = 0
     WHERE state = 'dead' AND id IN (SELECT j.value ->> 'id' FROM" each ") RETURNING lane"
);
// What was given up without an answer may stand there; it is looked for before it is sent anew.
const REPLAY_OUTBOUND: Sql = dialect!(
    "UPDATE outbound SET state = CASE WHEN in_doubt = 1 THEN 'unknown' ELSE 'pending' END,
            in_doubt = 0, attempts = 0, next_at = $2, error = '', ended_at = 0
     WHERE state = 'failed' AND id IN (SELECT j.value ->> 'id' FROM" each ") RETURNING lane"
);
const NOTE: Sql = same("SELECT value FROM bots WHERE account = $1 AND name = $2");
const WRITE_NOTE: Sql = same(
    "INSERT INTO bots (account, name, value) VALUES ($1, $2, $3)
     ON CONFLICT (account, name) DO UPDATE SET value = excluded.value",
);
const BUSY: Sql = same(
    "SELECT (SELECT COUNT(*) FROM jobs WHERE lane IN ($1, $3) AND state = 'due')
          + (SELECT COUNT(*) FROM outbound WHERE lane = $2 AND state IN ('pending', 'unknown'))",
);
const TABLE: Sql = Sql {
    sqlite: "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
    postgres: "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = '_sqlx_migrations'",
};
const STEPS: Sql = same("SELECT COUNT(*) FROM _sqlx_migrations WHERE success");
const PING: Sql = same("SELECT COUNT(*) FROM processes WHERE $1 = $1");

/// The answer of a turn that was begun before.
pub type AnswerRow = Outgoing;

/// A line of `toney outbox`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct OutboxRow {
    pub id: String,
    pub address: String,
    pub state: String,
    pub attempts: i64,
    pub next_at: i64,
    pub created_at: i64,
    pub error: String,
}

/// A line of `toney jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct DeadJob {
    pub id: String,
    pub kind: String,
    pub lane: String,
    pub state: String,
    pub attempts: i64,
    pub run_at: i64,
    pub created_at: i64,
    pub error: String,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, sqlx::FromRow)]
pub struct QueueDepth {
    /// Jobs that are not done.
    pub due: i64,
    /// Jobs given up.
    pub dead: i64,
    /// Messages not sent yet.
    pub waiting: i64,
    /// Messages given up.
    pub failed: i64,
}

impl Store {
    /// The outbound with that key, wherever it stands.
    pub async fn outbound(&self, key: &str) -> Result<Option<Outgoing>> {
        let row: Option<OutboundRow> = reading!(&self.db, BY_KEY, |sql, pool| {
            sqlx::query_as(sql).bind(key).fetch_optional(pool).await?
        });
        row.map(OutboundRow::parse).transpose()
    }

    /// Our own messages in a lane's chat that belong to other outbounds than `but`, which left at `left_at`:
    /// those that stood before, and the others. All that came later, and some of what came before.
    pub async fn own_messages(
        &self,
        lane: &str,
        but: OutboundId,
        left_at: Time,
    ) -> Result<(Vec<Message>, Vec<Message>)> {
        let found: Vec<(String, String, i64)> = reading!(&self.db, PARTS, |sql, pool| {
            sqlx::query_as(sql)
                .bind(lane)
                .bind(left_at.ms())
                .bind(50_i64)
                .fetch_all(pool)
                .await?
        });
        let but = but.to_string();
        let (mut before, mut others) = (Vec::new(), Vec::new());
        for (id, parts, at) in found {
            if id != but {
                let parts: Vec<Message> = serde_json::from_str(&parts)
                    .with_context(|| format!("Reading parts of {id}"))?;
                match at < left_at.ms() {
                    true => before.extend(parts),
                    false => others.extend(parts),
                }
            }
        }
        Ok((before, others))
    }

    /// The jobs that are due in a lane, in order.
    pub async fn due_jobs(&self, lane: &str, limit: i64) -> Result<Vec<Job>> {
        let found: Vec<JobRow> = reading!(&self.db, DUE, |sql, pool| {
            sqlx::query_as(sql)
                .bind(lane)
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        found.into_iter().map(JobRow::parse).collect()
    }

    /// What is not sent, newest first.
    pub async fn outbox(&self, limit: i64) -> Result<Vec<OutboxRow>> {
        Ok(reading!(&self.db, OUTBOX, |sql, pool| {
            sqlx::query_as(sql).bind(limit).fetch_all(pool).await?
        }))
    }

    /// Jobs that are not done, newest first.
    pub async fn open_jobs(&self, limit: i64) -> Result<Vec<DeadJob>> {
        Ok(reading!(&self.db, DEAD, |sql, pool| {
            sqlx::query_as(sql).bind(limit).fetch_all(pool).await?
        }))
    }

    /// How much waits.
    pub async fn depth(&self) -> Result<QueueDepth> {
        Ok(reading!(&self.db, DEPTH, |sql, pool| sqlx::query_as(sql)
            .fetch_one(pool)
            .await?))
    }

    /// Makes dead jobs and failed outbound with these ids due again; answers how many there were.
    pub async fn replay(&self, ids: &[String]) -> Result<usize> {
        let now = self.clock.now();
        let list: Vec<_> = ids.iter().map(|id| serde_json::json!({"id": id})).collect();
        let mut tx = Tx::begin(&self.db).await?;
        let mut lanes: Vec<(String,)> = tx
            .read(REPLAY_JOBS, rows(&list)?, &[Bind::Int(now.ms())])
            .await?;
        lanes.extend(
            tx.read::<(String,)>(REPLAY_OUTBOUND, rows(&list)?, &[Bind::Int(now.ms())])
                .await?,
        );
        let due = lanes.iter().map(|(lane,)| (lane.clone(), now)).collect();
        put(&mut tx, (&due, |_: &str| false), "", now).await?;
        tx.commit().await?;
        Ok(lanes.len())
    }

    /// Reads a note of an adapter.
    pub async fn note(&self, account: &str, name: &str) -> Result<Option<String>> {
        let found: Option<(String,)> = reading!(&self.db, NOTE, |sql, pool| {
            sqlx::query_as(sql)
                .bind(account)
                .bind(name)
                .fetch_optional(pool)
                .await?
        });
        Ok(found.map(|(value,)| value))
    }

    /// Writes a note of an adapter; not over that of a process that took over.
    pub async fn write_note(&self, account: &str, name: &str, value: &str) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        self.lease.fence(&mut tx).await?;
        write_note(&mut tx, (account, name), value).await?;
        tx.commit().await
    }

    /// Writes a note that is as true from a process without a lease, such as a command.
    pub async fn write_shared_note(&self, account: &str, name: &str, value: &str) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        write_note(&mut tx, (account, name), value).await?;
        tx.commit().await
    }

    /// Makes a change true from a process that holds no lanes and no lease, such as a command; its work is done by
    /// whoever runs.
    pub async fn leave_behind(&self, change: &Change) -> Result<()> {
        let mut due: HashMap<String, Time> = HashMap::new();
        let mut tx = Tx::begin(&self.db).await?;
        let lanes: BTreeSet<String> = change.jobs.iter().map(|job| job.lane.clone()).collect();
        lock(&mut tx, &Vec::from_iter(lanes)).await?;
        let written = write_rows(&mut tx, change, "").await?;
        for job in written.fresh(change) {
            let at = due.entry(job.lane.clone()).or_insert(job.run_at);
            *at = job.run_at.min(*at);
        }
        if !due.is_empty() {
            put(&mut tx, (&due, |_: &str| false), "", self.clock.now()).await?;
        }
        tx.commit().await
    }

    /// True when everything said at an address is answered and all of it was sent.
    pub async fn is_idle(&self, address: &Address) -> Result<bool> {
        let (turn, out) = (turn_lane(address), out_lane(address));
        let (left,): (i64,) = reading!(&self.db, BUSY, |sql, pool| {
            sqlx::query_as(sql)
                .bind(turn)
                .bind(out)
                .bind(ingest_lane(address))
                .fetch_one(pool)
                .await?
        });
        Ok(left == 0)
    }

    /// How many steps of migration the tables went through, and how many there are. Changes nothing.
    pub async fn steps(&self) -> Result<(usize, usize)> {
        let mut done = 0;
        for (statement, is_table) in [(TABLE, true), (STEPS, false)] {
            let (count,): (i64,) = reading!(&self.db, statement, |sql, pool| {
                sqlx::query_as(sql).fetch_one(pool).await?
            });
            match (is_table, count) {
                (true, 0) => break,
                (true, _) => {}
                (false, count) => done = usize::try_from(count).unwrap_or_default(),
            }
        }
        Ok((done, self.db.steps()))
    }

    /// True for a database that may be away for a while.
    pub fn is_remote(&self) -> bool {
        self.db.is_postgres()
    }

    /// Asks the database whether it is there.
    pub async fn ping(&self) -> Result<Time> {
        let _: (i64,) = reading!(&self.db, PING, |sql, pool| {
            sqlx::query_as(sql).bind(1_i64).fetch_one(pool).await?
        });
        Ok(self.clock.now())
    }
}

async fn write_note(tx: &mut Tx, (account, name): (&str, &str), value: &str) -> Result<()> {
    let note = [Bind::Text(name), Bind::Text(value)];
    tx.run(WRITE_NOTE, account.to_owned(), &note).await?;
    Ok(())
}
