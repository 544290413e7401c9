//! Answers that were said aloud, and the orders to do so.

use std::path::PathBuf;

use anyhow::Result;

use crate::model::{Address, Content, PersonId};

use super::Store;
use super::conversations::same;
use super::db::{Sql, reading};

/// The outbound rows `o` that a person ordered to be said aloud, wherever that was.
macro_rules! ordered {
    () => {
        "EXISTS (SELECT 1 FROM jobs a WHERE a.kind = 'speak' AND a.payload LIKE '%' || $1 || '%'
         AND (o.key = 'speak:' || a.id OR o.key LIKE 'speak:' || a.id || ':%'))"
    };
}
pub(super) use ordered;

const SPOKEN: Sql =
    same("SELECT key, address, state FROM outbound WHERE key LIKE 'speak:%' AND state <> 'failed'");
const OF_PERSON: Sql = same(concat!(
    "SELECT o.content FROM outbound o WHERE (o.content LIKE '%\"kind\":\"voice\"%'
     OR o.content LIKE '%\"kind\":\"picture\"%' OR o.content LIKE '%\"kind\":\"file\"%') AND (o.address IN (SELECT c.address FROM conversations c JOIN messages m
          ON m.conversation_id = c.id WHERE c.setting = 'direct' AND m.person_id = $1) OR ",
    ordered!(),
    ")"
));

/// An answer that was said aloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The job that made its recording.
    pub job: String,
    /// Where it goes.
    pub address: Address,
    /// Whether it is still to be sent.
    pub waits: bool,
}

impl Store {
    /// The answers that were said aloud and not given up.
    pub async fn spoken(&self) -> Result<Vec<Spoken>> {
        let found: Vec<(String, String, String)> = reading!(&self.db, SPOKEN, |sql, pool| {
            sqlx::query_as(sql).fetch_all(pool).await?
        });
        let spoken = found.into_iter().map(|(key, address, state)| {
            Ok(Spoken {
                // What was sent on to another chat has something behind it.
                job: key.split(':').nth(1).unwrap_or_default().to_owned(),
                address: address.parse()?,
                waits: state != "sent",
            })
        });
        spoken.collect()
    }

    /// The recordings, pictures and files that were made for a person.
    pub async fn recordings_of(&self, person: PersonId) -> Result<Vec<PathBuf>> {
        let found: Vec<(String,)> = reading!(&self.db, OF_PERSON, |sql, pool| {
            sqlx::query_as(sql)
                .bind(person.to_string())
                .fetch_all(pool)
                .await?
        });
        let file = |(content,): (String,)| {
            let content: Content = serde_json::from_str(&content).ok()?;
            content.own_file().map(PathBuf::from)
        };
        Ok(found.into_iter().filter_map(file).collect())
    }
}
