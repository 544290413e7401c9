//! Everything that is kept about one person: handed out, or deleted for good.

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use sqlx::{Column, ValueRef};

use crate::model::PersonId;

use super::Store;
use super::conversations::same;
use super::db::{Db, Sql, reading};
use super::tx::{Bind, Tx};

const FIND: Sql = same(
    "SELECT id FROM persons WHERE id = $1
     UNION SELECT person_id FROM identities WHERE platform || ':' || platform_user = $1",
);

/// What is kept about a person, table by table. `$1` is the person.
const KEPT: &[(&str, Sql)] = &[
    ("person", same("SELECT * FROM persons WHERE id = $1")),
    (
        "identities",
        same("SELECT * FROM identities WHERE person_id = $1"),
    ),
    (
        "memberships",
        same(
            "SELECT m.standing, m.created_at, a.name AS artist FROM memberships m
             JOIN artists a ON a.id = m.artist_id WHERE m.person_id = $1",
        ),
    ),
    (
        "conversations",
        same(
            "SELECT c.id, c.address, c.setting, c.created_at FROM conversations c WHERE c.id IN
             (SELECT conversation_id FROM messages WHERE person_id = $1)",
        ),
    ),
    (
        "messages",
        same(
            "SELECT m.id, m.session_id, m.role, m.text, m.created_at FROM messages m
             WHERE m.person_id = $1 OR m.turn_id IN
                   (SELECT turn_id FROM messages WHERE person_id = $1 AND turn_id <> '')
             ORDER BY m.id",
        ),
    ),
    (
        "attachments",
        same("SELECT * FROM attachments WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "documents",
        same("SELECT * FROM documents WHERE owner_id = $1 AND state <> 'gone' ORDER BY id"),
    ),
    (
        "passages",
        same(
            "SELECT c.document_id, c.ordinal, c.path, c.text FROM chunks c JOIN documents d
             ON d.id = c.document_id WHERE d.owner_id = $1 AND d.state <> 'gone'
             ORDER BY c.document_id, c.ordinal",
        ),
    ),
    (
        "knowledge_reads",
        same("SELECT * FROM knowledge_reads WHERE person_id = $1 ORDER BY id"),
    ),
];

/// Deletes what is kept, dependants first: a conversation between the person and Toney goes whole, of
/// one in a group what the person said and what was answered to it.
const ERASE: &[Sql] = &[
    same(
        "DELETE FROM outbound WHERE address IN (SELECT c.address FROM conversations c
         WHERE c.setting = 'direct' AND c.id IN
         (SELECT conversation_id FROM messages WHERE person_id = $1))",
    ),
    same(
        "DELETE FROM jobs WHERE lane IN (SELECT 'turn:' || c.address FROM conversations c
         WHERE c.setting = 'direct' AND c.id IN
         (SELECT conversation_id FROM messages WHERE person_id = $1))",
    ),
    same(
        "UPDATE lanes SET turns = turns + 1 WHERE lane IN (SELECT 'turn:' || c.address
         FROM conversations c WHERE c.id IN
         (SELECT conversation_id FROM messages WHERE person_id = $1))",
    ),
    same(
        "UPDATE sessions SET summary = '' WHERE id IN
         (SELECT session_id FROM messages WHERE person_id = $1)",
    ),
    same(
        "DELETE FROM sessions WHERE conversation_id IN (SELECT c.id FROM conversations c
         WHERE c.setting = 'direct' AND c.id IN
         (SELECT conversation_id FROM messages WHERE person_id = $1))",
    ),
    same(
        "DELETE FROM model_calls WHERE turn_id IN
         (SELECT turn_id FROM messages WHERE person_id = $1 AND turn_id <> '')",
    ),
    same("DELETE FROM events WHERE body LIKE '%' || $1 || '%'"),
    same(
        "DELETE FROM messages WHERE role <> 'user' AND turn_id IN
         (SELECT turn_id FROM messages WHERE person_id = $1 AND turn_id <> '')",
    ),
    same(
        "DELETE FROM messages WHERE person_id = '' AND conversation_id IN
         (SELECT c.id FROM conversations c WHERE c.setting = 'direct' AND c.id IN
         (SELECT conversation_id FROM messages WHERE person_id = $1))",
    ),
    same(
        "DELETE FROM conversations WHERE setting = 'direct' AND id IN
         (SELECT conversation_id FROM messages WHERE person_id = $1)",
    ),
    same("DELETE FROM messages WHERE person_id = $1"),
    same("DELETE FROM attachments WHERE person_id = $1"),
    same("DELETE FROM knowledge_reads WHERE person_id = $1"),
    same("DELETE FROM memberships WHERE person_id = $1"),
    same("DELETE FROM identities WHERE person_id = $1"),
    same("DELETE FROM persons WHERE id = $1"),
];
const FILES: Sql = same(
    "SELECT path FROM attachments WHERE person_id = $1 AND path <> ''
     UNION SELECT path FROM documents WHERE owner_id = $1 AND path <> ''",
);
const DOCUMENTS_GO: Sql = same(
    "UPDATE documents SET state = 'gone', updated_at = $2 WHERE owner_id = $1 AND state <> 'gone'",
);

impl Store {
    /// The person of that id, or behind `platform:user`.
    pub async fn find_person(&self, name: &str) -> Result<Option<PersonId>> {
        let row: Option<(String,)> = reading!(&self.db, FIND, |sql, pool| {
            sqlx::query_as(sql).bind(name).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| id.parse()).transpose()?)
    }

    /// Everything that is kept about a person: one array of rows for each table.
    pub async fn export_person(&self, person: PersonId) -> Result<Value> {
        let mut all = Map::new();
        for (table, sql) in KEPT {
            let rows = self.rows_of(*sql, &person.to_string()).await;
            let rows = rows.with_context(|| format!("Reading {table} of {person}"))?;
            all.insert((*table).to_owned(), Value::Array(rows));
        }
        Ok(Value::Object(all))
    }

    /// Deletes everything that is kept about a person; answers the files that belonged to it, which are
    /// the caller's to delete. Documents are invisible at once and swept by [`Store::sweep_documents`].
    pub async fn erase_person(&self, person: PersonId) -> Result<Vec<String>> {
        let whom = person.to_string();
        let files: Vec<(String,)> = reading!(&self.db, FILES, |sql, pool| {
            sqlx::query_as(sql).bind(&whom).fetch_all(pool).await?
        });
        let mut tx = Tx::begin(&self.db).await?;
        let now = Bind::Int(self.clock.now().ms());
        tx.run(DOCUMENTS_GO, whom.clone(), &[now]).await?;
        for sql in ERASE {
            tx.run(*sql, whom.clone(), &[]).await?;
        }
        tx.commit().await?;
        self.db.empty_journal().await;
        Ok(files.into_iter().map(|(path,)| path).collect())
    }

    /// Rows of any shape as JSON objects: texts and whole numbers are all that the tables hold.
    async fn rows_of(&self, sql: Sql, person: &str) -> Result<Vec<Value>> {
        match &self.db {
            Db::Sqlite { read, .. } => {
                let rows = sqlx::query(sql.sqlite).bind(person).fetch_all(read).await?;
                Ok(rows.iter().map(object).collect())
            }
            Db::Postgres { pool } => {
                let rows = sqlx::query(sql.postgres)
                    .bind(person)
                    .fetch_all(pool)
                    .await?;
                Ok(rows.iter().map(object).collect())
            }
        }
    }
}

fn object<R>(row: &R) -> Value
where
    R: sqlx::Row,
    usize: sqlx::ColumnIndex<R>,
    for<'r> String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    for<'r> i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let mut object = Map::new();
    for column in row.columns() {
        let place = column.ordinal();
        let is_null = row.try_get_raw(place).is_ok_and(|value| value.is_null());
        let text = row.try_get::<String, _>(place).map(Value::from);
        let value = text.or_else(|_| row.try_get::<i64, _>(place).map(Value::from));
        let value = if is_null {
            Value::Null
        } else {
            value.unwrap_or_default()
        };
        object.insert(column.name().to_owned(), value);
    }
    Value::Object(object)
}
