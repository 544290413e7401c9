//! How people write and when: what that is worked out from, and what came of it.

use anyhow::{Context, Result};
use serde_json::json;

use crate::model::{MessageId, PersonId, Time};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

// Only where a person and Toney are alone. A summary of the chat or a note is no word of theirs.
const LINES: Sql = same(
    "SELECT c.address, m.role, m.text, m.why, m.created_at FROM conversations c
     JOIN sessions s ON s.conversation_id = c.id
     JOIN messages m ON m.session_id = s.id AND m.id >= $2
     WHERE c.person_id = $1 AND c.person_id <> '' AND c.setting = 'direct'
     AND (m.role = 'user' OR m.why <> '') ORDER BY m.id DESC LIMIT $3",
);
const HABITS: Sql =
    same("SELECT style, observed, said, since_at, computed_at FROM habits WHERE person_id = $1");
// What was forgotten meanwhile stays forgotten: it was worked out from too much.
const OBSERVED: Sql = dialect!(
    "INSERT INTO habits (person_id, style, observed, since_at, computed_at)
     SELECT p.id, j.value ->> 'style', j.value ->> 'observed', CAST(j.value ->> 'since' AS BIGINT),
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "JOIN persons p ON p.id = j.value ->> 'person' AND p.keeps_facts = 1
     WHERE TRUE ON CONFLICT (person_id) DO UPDATE SET style = excluded.style,
            observed = excluded.observed, computed_at = excluded.computed_at
     WHERE habits.since_at = excluded.since_at"
);
const SAID: Sql = dialect!(
    "INSERT INTO habits (person_id, said)
     SELECT p.id, j.value ->> 'said' FROM" each
    "JOIN persons p ON p.id = j.value ->> 'person'
     WHERE TRUE ON CONFLICT (person_id) DO UPDATE SET said = excluded.said"
);
const FORGET: Sql = dialect!(
    "INSERT INTO habits (person_id, since_at)
     SELECT p.id, CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "JOIN persons p ON p.id = j.value ->> 'person'
     WHERE TRUE ON CONFLICT (person_id) DO UPDATE SET style = '', observed = '', said = '',
            since_at = excluded.since_at, computed_at = 0"
);

/// A line of a direct chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectLine {
    /// Where it was said, as its address begins.
    pub platform: String,
    /// Whether the person said it, and not Toney.
    pub is_theirs: bool,
    pub text: String,
    /// How an answer came about, as JSON; empty for a line of the person's.
    pub why: String,
    pub at: Time,
}

/// What is kept of how somebody writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HabitsRow {
    /// JSON, or empty.
    pub style: String,
    /// JSON, or empty.
    pub observed: String,
    /// Their own word on it; JSON, or empty.
    pub said: String,
    /// Nothing older counts.
    pub since: Time,
    pub computed: Time,
}

/// What was worked out from what somebody wrote since.
pub fn put_habits(
    person: PersonId,
    (style, observed): (&str, &str),
    (since, at): (Time, Time),
) -> Result<Write> {
    let row = json!({
        "person": person, "style": style, "observed": observed, "since": since, "at": at,
    });
    Write::new(OBSERVED, &[row])
}

/// A person's own word on how they want to be written to.
pub fn put_said_style(person: PersonId, said: &str) -> Result<Write> {
    Write::new(SAID, &[json!({"person": person, "said": said})])
}

/// Forgets all of it; what was said until now never counts again.
pub fn forget_habits(person: PersonId, at: Time) -> Result<Write> {
    Write::new(FORGET, &[json!({"person": person, "at": at})])
}

impl Store {
    /// What was said between a person and Toney alone since a moment: the newest `limit` lines, the oldest first.
    pub async fn direct_lines(
        &self,
        person: PersonId,
        since: Time,
        limit: i64,
    ) -> Result<Vec<DirectLine>> {
        let from = MessageId::first_at(since).to_string();
        let rows: Vec<(String, String, String, String, i64)> =
            reading!(&self.db, LINES, |sql, pool| {
                sqlx::query_as(sql)
                    .bind(person.to_string())
                    .bind(from)
                    .bind(limit)
                    .fetch_all(pool)
                    .await
                    .with_context(|| format!("Reading what {person} wrote"))?
            });
        let line = |(address, role, text, why, at): (String, String, String, String, i64)| {
            let platform = address.split(':').next().unwrap_or_default().to_owned();
            DirectLine {
                platform,
                is_theirs: role == "user",
                text,
                why,
                at: Time::from_ms(at),
            }
        };
        Ok(rows.into_iter().rev().map(line).collect())
    }

    /// What is kept of how somebody writes.
    pub async fn habits(&self, person: PersonId) -> Result<HabitsRow> {
        let row: Option<(String, String, String, i64, i64)> =
            reading!(&self.db, HABITS, |sql, pool| {
                let query = sqlx::query_as(sql).bind(person.to_string());
                query.fetch_optional(pool).await?
            });
        Ok(
            row.map_or_else(HabitsRow::default, |(style, observed, said, since, at)| {
                HabitsRow {
                    style,
                    observed,
                    said,
                    since: Time::from_ms(since),
                    computed: Time::from_ms(at),
                }
            }),
        )
    }
}
