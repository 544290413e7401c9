//! What happened, read back: for whoever watches a running installation.

use anyhow::Result;
use serde::Serialize;

use crate::model::Time;

use super::Store;
use super::conversations::same;
use super::db::{Sql, reading};

const HAPPENED: Sql = same(
    "SELECT id, name, body, created_at FROM events WHERE id >= $1 AND ($2 = '' OR name = $2)
     AND ($3 = '' OR body LIKE '%' || $3 || '%') ORDER BY id DESC LIMIT $4",
);
const HEARD: Sql = same("SELECT state FROM jobs WHERE key = $1");

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Happened {
    pub id: String,
    pub name: String,
    /// The event as JSON.
    pub body: String,
    pub created_at: i64,
}

impl Store {
    /// The events from this id on, the newest first; of one name, and in whose text something stands, where these
    /// are not empty.
    pub async fn happened(
        &self,
        from: &str,
        (name, about): (&str, &str),
        limit: i64,
    ) -> Result<Vec<Happened>> {
        Ok(reading!(&self.db, HAPPENED, |sql, pool| {
            sqlx::query_as(sql)
                .bind(from)
                .bind(name)
                .bind(about)
                .bind(limit)
                .fetch_all(pool)
                .await?
        }))
    }

    /// What became of an event at one of its subscribers: `due`, `done` or `dead`, while that is kept.
    pub async fn heard(&self, worker: &str, event: &str) -> Result<Option<String>> {
        let key = format!("{worker}:{event}");
        let row: Option<(String,)> = reading!(&self.db, HEARD, |sql, pool| {
            sqlx::query_as(sql).bind(key).fetch_optional(pool).await?
        });
        Ok(row.map(|(state,)| state))
    }

    /// The smallest id of an event that happened at this moment.
    pub fn first_event_at(at: Time) -> String {
        crate::model::EventId::first_at(at).to_string()
    }
}
