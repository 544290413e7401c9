//! Reading people, conversations and the lines of a session.

use anyhow::Result;

use crate::model::{Address, ConversationId, Message, MessageId, PersonId, SessionId, Time, User};

use super::Store;
use super::change::Role;
use super::db::{Sql, reading};
use super::lanes::word;

const PERSON: Sql =
    same("SELECT person_id FROM identities WHERE platform = $1 AND platform_user = $2");
const CONVERSATION: Sql = same(
    "SELECT c.id, c.session_id, s.summary, s.summary_through FROM conversations c
     JOIN sessions s ON s.id = c.session_id WHERE c.address = $1",
);
const SUMMARY: Sql =
    same("SELECT summary, summary_through FROM sessions WHERE id = $1 AND summary_through <> ''");
// Newest first: the window is the end of the session.
const LINES: Sql = same(
    "SELECT id, role, text FROM messages WHERE session_id = $1 AND id > $2 AND role <> 'note'
     ORDER BY id DESC LIMIT $3",
);
const LAST_WHY: Sql =
    same("SELECT why FROM messages WHERE session_id = $1 AND why <> '' ORDER BY id DESC LIMIT 1");
const RECENT: Sql = same(
    "SELECT address, last_inbound FROM conversations WHERE account = $1
     ORDER BY last_at DESC LIMIT $2",
);
const FACTS: Sql = same("SELECT moved_to, unreachable_at FROM addresses WHERE address = $1");

/// The same text on both databases.
pub(super) const fn same(text: &'static str) -> Sql {
    Sql {
        sqlite: text,
        postgres: text,
    }
}

/// A conversation that is known already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub conversation: ConversationId,
    pub session: SessionId,
}

/// What is kept at hand of a session: the newest lines and the summary of what came before them.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// Empty while nothing fell out of the window.
    pub summary: String,
    /// Oldest first.
    pub lines: Vec<Line>,
}

/// A remembered line.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Line {
    pub id: MessageId,
    pub role: Role,
    pub text: String,
}

#[derive(sqlx::FromRow)]
struct LineRow {
    id: String,
    role: String,
    text: String,
}

impl Store {
    /// Who is behind a platform's user, if they were met before.
    pub async fn person(&self, platform: &str, user: &User) -> Result<Option<PersonId>> {
        let found: Option<(String,)> = reading!(&self.db, PERSON, |sql, pool| {
            sqlx::query_as(sql)
                .bind(platform)
                .bind(user.as_str())
                .fetch_optional(pool)
                .await?
        });
        Ok(found.map(|(id,)| id.parse()).transpose()?)
    }

    /// The conversation at an address and its newest lines, at most `limit`.
    pub async fn conversation(
        &self,
        address: &Address,
        limit: i64,
    ) -> Result<Option<(Known, Window)>> {
        let found: Option<(String, String, String, String)> =
            reading!(&self.db, CONVERSATION, |sql, pool| {
                sqlx::query_as(sql)
                    .bind(address.to_string())
                    .fetch_optional(pool)
                    .await?
            });
        let Some((conversation, session, summary, through)) = found else {
            return Ok(None);
        };
        let lines = self.lines(&session, &through, limit).await?;
        let known = Known {
            conversation: conversation.parse()?,
            session: session.parse()?,
        };
        Ok(Some((known, Window { summary, lines })))
    }

    /// Lines of a session after `through` (empty = from its beginning): the newest `limit`, oldest first.
    pub async fn lines(&self, session: &str, through: &str, limit: i64) -> Result<Vec<Line>> {
        let rows: Vec<LineRow> = reading!(&self.db, LINES, |sql, pool| {
            sqlx::query_as(sql)
                .bind(session)
                .bind(through)
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter()
            .rev()
            .map(|row| {
                Ok(Line {
                    id: row.id.parse()?,
                    role: word(&row.role)?,
                    text: row.text,
                })
            })
            .collect()
    }

    /// The running summary of a session and the last line in it.
    pub async fn summary(&self, session: SessionId) -> Result<Option<(String, MessageId)>> {
        let found: Option<(String, String)> = reading!(&self.db, SUMMARY, |sql, pool| {
            sqlx::query_as(sql)
                .bind(session.to_string())
                .fetch_optional(pool)
                .await?
        });
        found
            .map(|(summary, through)| Ok((summary, through.parse()?)))
            .transpose()
    }

    /// How the newest answer of a session came about, as JSON.
    pub async fn last_why(&self, session: SessionId) -> Result<Option<String>> {
        let found: Option<(String,)> = reading!(&self.db, LAST_WHY, |sql, pool| {
            sqlx::query_as(sql)
                .bind(session.to_string())
                .fetch_optional(pool)
                .await?
        });
        Ok(found.map(|(why,)| why))
    }

    /// The chats of an account that talked last, with the newest message that came in.
    pub async fn recent_conversations(
        &self,
        account: &str,
        limit: usize,
    ) -> Result<Vec<(Address, Option<Message>)>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<(String, String)> = reading!(&self.db, RECENT, |sql, pool| {
            sqlx::query_as(sql)
                .bind(account)
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter()
            .map(|(address, last)| {
                Ok((
                    address.parse()?,
                    (!last.is_empty()).then(|| Message::new(last)),
                ))
            })
            .collect()
    }

    /// Where an address moved to, and since when nobody is there.
    pub async fn address(&self, address: &Address) -> Result<(Option<Address>, Option<Time>)> {
        let found: Option<(String, i64)> = reading!(&self.db, FACTS, |sql, pool| {
            sqlx::query_as(sql)
                .bind(address.to_string())
                .fetch_optional(pool)
                .await?
        });
        let Some((moved_to, unreachable_at)) = found else {
            return Ok((None, None));
        };
        let moved = if moved_to.is_empty() {
            None
        } else {
            Some(moved_to.parse()?)
        };
        Ok((
            moved,
            (unreachable_at > 0).then(|| Time::from_ms(unreachable_at)),
        ))
    }
}
