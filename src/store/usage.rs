//! What calls of models came to, added up.

use anyhow::Result;
use serde::Serialize;

use crate::model::Time;

use super::Store;
use super::budgets::Spender;
use super::conversations::same;
use super::db::{Sql, reading};

/// The sums of the calls that `$1` (a moment) and `$2` (whose) name, by one column; every name of it has a line.
macro_rules! sums {
    ($key:literal, $name:literal, $join:literal) => {
        [
            sums!($key, $name, $join, "$2 <> ''"),
            sums!($key, $name, $join, "c.artist_id = $2 AND c.artist_id <> ''"),
            sums!($key, $name, $join, "c.person_id = $2 AND c.person_id <> ''"),
        ]
    };
    ($key:literal, $name:literal, $join:literal, $whose:literal) => {
        same(concat!(
            "SELECT ",
            $key,
            " AS key, ",
            $name,
            " AS name, COUNT(*) AS calls,
             CAST(SUM(CASE WHEN c.result IN ('answered', 'cached', 'outpaced', 'cancelled') THEN 0 ELSE 1 END) AS BIGINT) AS failed,
             CAST(SUM(c.tokens_in) AS BIGINT) AS tokens_in,
             CAST(SUM(c.cache_read) AS BIGINT) AS cache_read,
             CAST(SUM(c.tokens_out) AS BIGINT) AS tokens_out,
             CAST(SUM(CASE WHEN c.own = 0 THEN c.cost_nano_usd ELSE 0 END) AS BIGINT) AS cost_nano_usd,
             CAST(SUM(CASE WHEN c.own = 0 THEN 0 ELSE c.cost_nano_usd END) AS BIGINT) AS own_nano_usd
             FROM model_calls c ",
            $join,
            " WHERE c.created_at >= $1 AND ",
            $whose,
            " GROUP BY 1 ORDER BY cost_nano_usd DESC, calls DESC, 1"
        ))
    };
}

const BY_PERSON: [Sql; 3] = sums!(
    "c.person_id",
    "COALESCE(MAX(p.name), '')",
    "LEFT JOIN persons p ON p.id = c.person_id"
);
const BY_ARTIST: [Sql; 3] = sums!(
    "c.artist_id",
    "COALESCE(MAX(a.name), '')",
    "LEFT JOIN artists a ON a.id = c.artist_id"
);
const BY_TASK: [Sql; 3] = sums!("c.task", "''", "");
const BY_MODEL: [Sql; 3] = sums!("c.model", "''", "");
const BY_DAY: [Sql; 3] = sums!("CAST(c.created_at / 86400000 AS TEXT)", "''", "");

/// What calls are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageBy {
    Person,
    Task,
    Model,
    Artist,
    Day,
}

/// The sums of some calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Usage {
    /// What they have in common: an id, a task, a model; for a day its number since 1970. Empty where that
    /// is not known.
    pub key: String,
    /// Its name, where it has one.
    pub name: String,
    pub calls: i64,
    /// Those of them that failed.
    pub failed: i64,
    pub tokens_in: i64,
    /// Those of `tokens_in` that the provider read from its cache.
    pub cache_read: i64,
    pub tokens_out: i64,
    /// What the installation paid.
    pub cost_nano_usd: i64,
    /// What persons paid with keys of their own.
    pub own_nano_usd: i64,
}

impl Store {
    /// The sums of all calls since `since` that were for `whose` (the installation: all), the dearest first.
    pub async fn usage(&self, by: UsageBy, whose: Spender, since: Time) -> Result<Vec<Usage>> {
        let [all, artist, person] = match by {
            UsageBy::Person => BY_PERSON,
            UsageBy::Task => BY_TASK,
            UsageBy::Model => BY_MODEL,
            UsageBy::Artist => BY_ARTIST,
            UsageBy::Day => BY_DAY,
        };
        let sums = match whose {
            Spender::Installation => all,
            Spender::Artist(_) => artist,
            Spender::Person(_) => person,
        };
        Ok(reading!(&self.db, sums, |sql, pool| {
            sqlx::query_as(sql)
                .bind(since.ms())
                .bind(whose.to_string())
                .fetch_all(pool)
                .await?
        }))
    }
}
