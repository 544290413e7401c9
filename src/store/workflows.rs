//! Automations, their runs and steps, and what somebody has not said yes to.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::model::{ApprovalId, ArtistId, Event, PersonId, ProposalId, RunId, Time, WorkflowId};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

const PUT: Sql = dialect!(
    "INSERT INTO workflows (id, artist_id, person_id, name, trigger_kind, definition, state, revision,
            created_at, changed_at)
     SELECT j.value ->> 'id', j.value ->> 'artist_id', j.value ->> 'person_id', j.value ->> 'name',
            j.value ->> 'trigger_kind', j.value ->> 'definition', j.value ->> 'state',
            CAST(j.value ->> 'revision' AS BIGINT), CAST(j.value ->> 'created_at' AS BIGINT),
            CAST(j.value ->> 'changed_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO UPDATE SET name = excluded.name,
            trigger_kind = excluded.trigger_kind, definition = excluded.definition,
            state = excluded.state, revision = excluded.revision, changed_at = excluded.changed_at
            WHERE workflows.revision < excluded.revision"
);
const BEGIN: Sql = dialect!(
    "INSERT INTO workflow_runs (id, workflow_id, artist_id, person_id, event_key, definition, facts,
            state, step, tries, approval_id, error, started_at, ended_at)
     SELECT j.value ->> 'id', j.value ->> 'workflow_id', j.value ->> 'artist_id',
            j.value ->> 'person_id', j.value ->> 'event_key', j.value ->> 'definition',
            j.value ->> 'facts', j.value ->> 'state', CAST(j.value ->> 'step' AS BIGINT),
            CAST(j.value ->> 'tries' AS BIGINT), j.value ->> 'approval_id', j.value ->> 'error',
            CAST(j.value ->> 'started_at' AS BIGINT), CAST(j.value ->> 'ended_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (workflow_id, event_key) DO NOTHING"
);
// A run only goes forward: a repetition finds it further on and changes nothing.
const MOVE: Sql = dialect!(
    "UPDATE workflow_runs SET state = j.value ->> 'state', step = CAST(j.value ->> 'step' AS BIGINT),
            tries = CAST(j.value ->> 'tries' AS BIGINT), approval_id = j.value ->> 'approval_id',
            error = j.value ->> 'error', ended_at = CAST(j.value ->> 'ended_at' AS BIGINT) FROM" each
    "WHERE workflow_runs.id = j.value ->> 'id'
     AND workflow_runs.step <= CAST(j.value ->> 'step' AS BIGINT)
     AND workflow_runs.tries <= CAST(j.value ->> 'tries' AS BIGINT)"
);
const STEP: Sql = dialect!(
    "INSERT INTO workflow_steps (run_id, step, action, result, done_at)
     SELECT j.value ->> 'run_id', CAST(j.value ->> 'step' AS BIGINT), j.value ->> 'action',
            j.value ->> 'result', CAST(j.value ->> 'done_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (run_id, step) DO UPDATE SET result = excluded.result,
            done_at = excluded.done_at"
);
const PROPOSE: Sql = dialect!(
    "INSERT INTO workflow_proposals (id, artist_id, person_id, address, wish, definition, workflow_id,
            revision, state, created_at)
     SELECT j.value ->> 'id', j.value ->> 'artist_id', j.value ->> 'person_id', j.value ->> 'address',
            j.value ->> 'wish', j.value ->> 'definition', j.value ->> 'workflow_id',
            CAST(j.value ->> 'revision' AS BIGINT), j.value ->> 'state',
            CAST(j.value ->> 'created_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO UPDATE SET wish = excluded.wish,
            definition = excluded.definition, state = excluded.state"
);
macro_rules! workflow {
    ($rest:literal) => {
        same(concat!(
            "SELECT id, artist_id, person_id, name, trigger_kind, definition, state, revision,
             created_at, changed_at FROM workflows ",
            $rest
        ))
    };
}
const WORKFLOW: Sql = workflow!("WHERE id = $1");
const WORKFLOWS: Sql =
    workflow!("WHERE artist_id = $1 AND state <> 'deleted' ORDER BY created_at, id");
const ACTIVE: Sql =
    workflow!("WHERE artist_id = $1 AND state = 'active' AND trigger_kind = $2 ORDER BY id");
macro_rules! run {
    ($rest:literal) => {
        same(concat!(
            "SELECT id, workflow_id, artist_id, person_id, event_key, definition, facts, state, step,
             tries, approval_id, error, started_at, ended_at FROM workflow_runs ",
            $rest
        ))
    };
}
const RUN: Sql = run!("WHERE id = $1");
const RUN_OF_APPROVAL: Sql = run!("WHERE approval_id = $1 AND approval_id <> ''");
const RUNS: Sql = run!("WHERE workflow_id = $1 ORDER BY started_at DESC, id DESC LIMIT $2");
const PAST: Sql =
    run!("WHERE artist_id = $1 AND started_at >= $2 ORDER BY started_at DESC LIMIT 50");
const TALLIES: Sql = same(
    "SELECT workflow_id, CAST(SUM(CASE WHEN state = 'done' THEN 1 ELSE 0 END) AS BIGINT) AS done,
            CAST(SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) AS BIGINT) AS failed,
            COUNT(*) AS runs, CAST(MAX(started_at) AS BIGINT) AS last_at
     FROM workflow_runs WHERE artist_id = $1 GROUP BY workflow_id",
);
const STEPS: Sql = same(
    "SELECT run_id, step, action, result, done_at FROM workflow_steps WHERE run_id = $1 ORDER BY step",
);
const PROPOSAL: Sql = same(
    "SELECT id, artist_id, person_id, address, wish, definition, workflow_id, revision, state, created_at
     FROM workflow_proposals WHERE id = $1",
);
const LAST_PROPOSAL: Sql = same(
    "SELECT id, artist_id, person_id, address, wish, definition, workflow_id, revision, state, created_at
     FROM workflow_proposals WHERE person_id = $1 AND address = $2 AND created_at >= $3
     ORDER BY created_at DESC, id DESC LIMIT 1",
);
const EVENTS: Sql = same(
    "SELECT body FROM events WHERE name = $1 AND created_at >= $2 AND body LIKE $3
     ORDER BY id DESC LIMIT 50",
);
const RELEASED: Sql = same(
    "SELECT id, title FROM releases WHERE artist_id = $1 AND released_on = $2 AND state = 'approved'
     ORDER BY id",
);

/// An automation as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct WorkflowRow {
    pub id: String,
    pub artist_id: String,
    pub person_id: String,
    pub name: String,
    pub trigger_kind: String,
    pub definition: String,
    pub state: String,
    pub revision: i64,
    pub created_at: i64,
    pub changed_at: i64,
}

/// A run of an automation for one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct RunRow {
    pub id: String,
    pub workflow_id: String,
    pub artist_id: String,
    pub person_id: String,
    pub event_key: String,
    pub definition: String,
    pub facts: String,
    pub state: String,
    pub step: i64,
    pub tries: i64,
    pub approval_id: String,
    pub error: String,
    pub started_at: i64,
    pub ended_at: i64,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct StepRow {
    pub run_id: String,
    pub step: i64,
    pub action: String,
    pub result: String,
    pub done_at: i64,
}

/// What somebody has not said yes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ProposalRow {
    pub id: String,
    pub artist_id: String,
    pub person_id: String,
    pub address: String,
    pub wish: String,
    pub definition: String,
    pub workflow_id: String,
    pub revision: i64,
    pub state: String,
    pub created_at: i64,
}

/// How the runs of an automation ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct TallyRow {
    pub workflow_id: String,
    pub done: i64,
    pub failed: i64,
    pub runs: i64,
    pub last_at: i64,
}

impl Write {
    /// Automations as they are now; an older revision changes nothing.
    pub fn workflows(rows: &[WorkflowRow]) -> Result<Self> {
        Self::new(PUT, rows)
    }

    /// Runs that begin; one for each automation and event.
    pub fn begin_runs(rows: &[RunRow]) -> Result<Self> {
        Self::new(BEGIN, rows)
    }

    /// Runs that went on.
    pub fn move_runs(rows: &[RunRow]) -> Result<Self> {
        Self::new(MOVE, rows)
    }

    /// What steps did.
    pub fn steps(rows: &[StepRow]) -> Result<Self> {
        Self::new(STEP, rows)
    }

    /// What is proposed.
    pub fn proposals(rows: &[ProposalRow]) -> Result<Self> {
        Self::new(PROPOSE, rows)
    }
}

impl Store {
    /// An automation of an artist.
    pub async fn workflow(&self, artist: ArtistId, id: WorkflowId) -> Result<Option<WorkflowRow>> {
        let row: Option<WorkflowRow> = reading!(&self.db, WORKFLOW, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query
                .fetch_optional(pool)
                .await
                .context("Reading a workflow")?
        });
        Ok(row.filter(|row| row.artist_id == artist.to_string()))
    }

    /// The automation that a timer or a button names, whosever it is; the caller holds it against who asks.
    pub async fn workflow_of_anybody(&self, id: WorkflowId) -> Result<Option<WorkflowRow>> {
        Ok(reading!(&self.db, WORKFLOW, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query
                .fetch_optional(pool)
                .await
                .context("Reading a workflow")?
        }))
    }

    /// All that an artist has, paused ones included, the oldest first.
    pub async fn workflows(&self, artist: ArtistId) -> Result<Vec<WorkflowRow>> {
        Ok(reading!(&self.db, WORKFLOWS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await.context("Reading workflows")?
        }))
    }

    /// Those that wait for a trigger of this name.
    pub async fn active_workflows(
        &self,
        artist: ArtistId,
        trigger: &str,
    ) -> Result<Vec<WorkflowRow>> {
        Ok(reading!(&self.db, ACTIVE, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string()).bind(trigger);
            query
                .fetch_all(pool)
                .await
                .context("Reading what is active")?
        }))
    }

    /// How the runs of an artist's automations ended.
    pub async fn workflow_tallies(&self, artist: ArtistId) -> Result<Vec<TallyRow>> {
        Ok(reading!(&self.db, TALLIES, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await.context("Counting runs")?
        }))
    }

    /// A run, for whoever works at it.
    pub async fn run(&self, id: RunId) -> Result<Option<RunRow>> {
        Ok(reading!(&self.db, RUN, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await.context("Reading a run")?
        }))
    }

    /// The run that waits for a decision.
    pub async fn run_of_approval(&self, id: ApprovalId) -> Result<Option<RunRow>> {
        Ok(reading!(&self.db, RUN_OF_APPROVAL, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query
                .fetch_optional(pool)
                .await
                .context("Reading who waits")?
        }))
    }

    /// The newest runs of an artist's automation.
    pub async fn runs(&self, artist: ArtistId, id: WorkflowId, most: i64) -> Result<Vec<RunRow>> {
        let rows: Vec<RunRow> = reading!(&self.db, RUNS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string()).bind(most);
            query.fetch_all(pool).await.context("Reading runs")?
        });
        let of = artist.to_string();
        Ok(rows.into_iter().filter(|row| row.artist_id == of).collect())
    }

    /// The newest runs of all of an artist's automations since then.
    pub async fn runs_since(&self, artist: ArtistId, since: Time) -> Result<Vec<RunRow>> {
        Ok(reading!(&self.db, PAST, |sql, pool| {
            let query = sqlx::query_as(sql)
                .bind(artist.to_string())
                .bind(since.ms());
            query.fetch_all(pool).await.context("Reading past runs")?
        }))
    }

    /// What the steps of a run did.
    pub async fn steps_of(&self, id: RunId) -> Result<Vec<StepRow>> {
        Ok(reading!(&self.db, STEPS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_all(pool).await.context("Reading steps")?
        }))
    }

    /// What was proposed to this person under this id.
    pub async fn workflow_proposal(
        &self,
        person: PersonId,
        id: ProposalId,
    ) -> Result<Option<ProposalRow>> {
        let row: Option<ProposalRow> = reading!(&self.db, PROPOSAL, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query
                .fetch_optional(pool)
                .await
                .context("Reading a proposal")?
        });
        Ok(row.filter(|row| row.person_id == person.to_string()))
    }

    /// What was proposed to this person last in a chat since then.
    pub async fn last_proposal(
        &self,
        person: PersonId,
        address: &str,
        since: Time,
    ) -> Result<Option<ProposalRow>> {
        Ok(reading!(&self.db, LAST_PROPOSAL, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            let query = query.bind(address).bind(since.ms());
            query
                .fetch_optional(pool)
                .await
                .context("Reading the last proposal")?
        }))
    }

    /// The newest events of that name that concerned an artist since then, the newest first.
    pub async fn events_of(&self, artist: ArtistId, name: &str, since: Time) -> Result<Vec<Event>> {
        let rows: Vec<(String,)> = reading!(&self.db, EVENTS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(name).bind(since.ms());
            let query = query.bind(format!("%\"{artist}\"%"));
            query.fetch_all(pool).await.context("Reading past events")?
        });
        let events = rows
            .iter()
            .map(|(body,)| serde_json::from_str::<Event>(body));
        let is_theirs = |event: &Event| event.artist == Some(artist);
        Ok(events.flatten().filter(is_theirs).collect())
    }

    /// Approved releases of a day, `2026-11-22`: their ids and titles.
    pub async fn released_on(&self, artist: ArtistId, day: &str) -> Result<Vec<(String, String)>> {
        Ok(reading!(&self.db, RELEASED, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string()).bind(day);
            query.fetch_all(pool).await.context("Reading releases")?
        }))
    }
}
