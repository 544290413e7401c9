//! Whether models and their providers answer, as all processes know it.

use anyhow::Result;
use serde::Serialize;

use crate::model::Time;

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::tx::{Bind, Tx, rows};

const ALL: Sql = same(
    "SELECT provider, model, state, reason, since, failed, saved, told_at, changed_at
     FROM provider_health ORDER BY provider, model",
);
const NOTE: Sql = dialect!(
    "INSERT INTO provider_health (provider, model, state, reason, since, changed_at)
     SELECT j.value ->> 'provider', j.value ->> 'model', j.value ->> 'state', j.value ->> 'reason',
            CAST(j.value ->> 'at' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (provider, model) DO UPDATE SET state = excluded.state,
            reason = excluded.reason, changed_at = excluded.changed_at,
            since = CASE WHEN provider_health.state = excluded.state THEN provider_health.since
                         ELSE excluded.since END"
);
// The provider's own row; `move_health` brings it on.
const BEGIN: Sql = same(
    "INSERT INTO provider_health (provider, model, state, changed_at) VALUES ($1, '', 'well', 0)
     ON CONFLICT (provider, model) DO NOTHING",
);
const REASON: Sql =
    same("UPDATE provider_health SET reason = $2 WHERE provider = $1 AND model = '' AND $2 <> ''");
// What one outage cost is counted from its beginning.
const MOVE: Sql = same(
    "UPDATE provider_health SET state = $2, since = $3, changed_at = $4, told_at = $5,
            failed = CASE WHEN state = 'well' THEN 0 ELSE failed END,
            saved = CASE WHEN state = 'well' THEN 0 ELSE saved END
     WHERE provider = $1 AND model = '' AND state = $6 AND since = $7 AND changed_at = $8",
);
const COUNT: Sql = same(
    "UPDATE provider_health SET failed = failed + $2, saved = saved + $3
     WHERE provider = $1 AND model = '' AND state <> 'well'",
);
const TOLD: Sql = same(
    "UPDATE provider_health SET told_at = $2
     WHERE provider = $1 AND model = '' AND state = $3 AND since = $4",
);

/// What is known of a model, or of a provider where the model is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, sqlx::FromRow)]
pub struct HealthRow {
    pub provider: String,
    pub model: String,
    /// Of a model `up` or `down`; of a provider `well`, `failing`, `down` or `mending`.
    pub state: String,
    /// The word for what went wrong last, or empty.
    pub reason: String,
    /// Since when it is so, in milliseconds; of a provider since when it failed last.
    pub since: i64,
    /// Calls that failed in the outage; of a provider alone.
    pub failed: i64,
    /// Calls that others answered meanwhile; of a provider alone.
    pub saved: i64,
    /// When the operator was told, or 0.
    pub told_at: i64,
    pub changed_at: i64,
}

/// A model does not answer, or answers again.
#[derive(Debug, Clone, Copy)]
pub struct HealthNote<'a> {
    pub provider: &'a str,
    pub model: &'a str,
    pub is_down: bool,
    pub reason: &'a str,
    pub at: Time,
}

impl Store {
    /// What is known of all models and providers that ever failed.
    pub async fn provider_health(&self) -> Result<Vec<HealthRow>> {
        Ok(reading!(&self.db, ALL, |sql, pool| {
            sqlx::query_as(sql).fetch_all(pool).await?
        }))
    }

    /// Notes how a model is; its provider has a row from now on.
    pub async fn note_health(&self, note: &HealthNote<'_>) -> Result<()> {
        let HealthNote {
            provider,
            model,
            is_down,
            reason,
            at,
        } = *note;
        let state = if is_down { "down" } else { "up" };
        let row = [serde_json::json!({
            "provider": provider, "model": model, "state": state, "reason": reason, "at": at,
        })];
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(NOTE, rows(&row)?, &[]).await?;
        tx.run(BEGIN, provider.to_owned(), &[]).await?;
        let reason = [Bind::Text(reason)];
        tx.run(REASON, provider.to_owned(), &reason).await?;
        tx.commit().await
    }

    /// Brings a provider's row from what it was to what it is; false when it is not that any more.
    pub async fn move_health(&self, before: &HealthRow, after: &HealthRow) -> Result<bool> {
        let binds = [
            Bind::Text(&after.state),
            Bind::Int(after.since),
            Bind::Int(after.changed_at),
            Bind::Int(after.told_at),
            Bind::Text(&before.state),
            Bind::Int(before.since),
            Bind::Int(before.changed_at),
        ];
        let mut tx = Tx::begin(&self.db).await?;
        let moved = tx.run(MOVE, before.provider.clone(), &binds).await?;
        tx.commit().await?;
        Ok(moved > 0)
    }

    /// Counts calls of a provider that is not well: those that failed, and those that others answered.
    pub async fn count_health(&self, provider: &str, (failed, saved): (u64, u64)) -> Result<()> {
        if failed + saved == 0 {
            return Ok(());
        }
        let number = |count: u64| Bind::Int(i64::try_from(count).unwrap_or(i64::MAX));
        let mut tx = Tx::begin(&self.db).await?;
        let binds = [number(failed), number(saved)];
        tx.run(COUNT, provider.to_owned(), &binds).await?;
        tx.commit().await
    }

    /// The operator was told of what the provider's row says.
    pub async fn told_health(&self, row: &HealthRow, at: Time) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        let binds = [
            Bind::Int(at.ms()),
            Bind::Text(&row.state),
            Bind::Int(row.since),
        ];
        tx.run(TOLD, row.provider.clone(), &binds).await?;
        tx.commit().await
    }
}
