//! What is kept about one person: handed out, or deleted for good.

mod approvals;
mod artist;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use sqlx::{Column, ValueRef};

use crate::model::{Address, PersonId, Time};

use super::Store;
use super::budgets::{day_of, lock};
use super::conversations::same;
use super::db::{Db, Sql, reading};
use super::passages::strike;
use super::personal;
use super::spoken::ordered;
use super::tx::{Bind, Tx};

const FIND: Sql = same(
    "SELECT id FROM persons WHERE id = $1
     UNION SELECT person_id FROM identities WHERE platform || ':' || platform_user = $1",
);

/// The sessions in which a person spoke.
macro_rules! sessions {
    () => {
        "(SELECT session_id FROM messages WHERE person_id = $1 AND person_id <> '')"
    };
}

/// Their turns.
macro_rules! turns {
    () => {
        "(SELECT turn_id FROM messages WHERE person_id = $1 AND person_id <> '' AND turn_id <> '')"
    };
}

/// The conversations in which a person spoke, if only a command of which nothing is remembered.
macro_rules! conversations {
    () => {
        "(SELECT conversation_id FROM messages WHERE person_id = $1 AND person_id <> ''
          UNION SELECT id FROM conversations WHERE person_id = $1 AND person_id <> '')"
    };
}

/// Those of them that are between the person and Toney, which go whole.
macro_rules! direct {
    ($column:literal) => {
        concat!(
            "(SELECT ",
            $column,
            " FROM conversations c WHERE c.setting = 'direct' AND c.id IN ",
            conversations!(),
            ")"
        )
    };
}

/// The jobs that brought what the person wrote, wherever that was; the person has no id in them yet.
macro_rules! brought {
    ($user:literal) => {
        concat!(
            "(SELECT b.id FROM identities i JOIN jobs b ON b.kind = 'turn'
              AND b.lane LIKE 'turn:' || i.platform || ':%' AND ",
            $user,
            " = i.platform_user WHERE i.person_id = $1)"
        )
    };
}

/// A statement that asks for these jobs.
macro_rules! by_job {
    ($before:literal, $after:literal) => {
        Sql {
            sqlite: concat!($before, brought!("b.payload ->> '$.sender.user'"), $after),
            postgres: concat!(
                $before,
                brought!("CAST(b.payload AS json) -> 'sender' ->> 'user'"),
                $after
            ),
        }
    };
}

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
        "invitations",
        same(
            "SELECT i.standing, i.created_at, a.name AS artist FROM invitations i
             JOIN artists a ON a.id = i.artist_id WHERE i.used_by = $1",
        ),
    ),
    (
        "conversations",
        same(concat!(
            "SELECT c.id, c.address, c.setting, c.created_at FROM conversations c WHERE c.id IN ",
            conversations!()
        )),
    ),
    (
        "statements",
        same(
            "SELECT s.id, s.name, s.source, s.state, s.row_count, s.first_month, s.last_month, s.created_at,
             a.name AS artist FROM statements s JOIN artists a ON a.id = s.artist_id WHERE s.person_id = $1",
        ),
    ),
    (
        "statement_lines",
        same(
            "SELECT l.statement_id, l.month, l.store, l.territory, l.title, l.isrc, l.kind, l.currency, l.quantity,
             l.millionths, l.rest FROM statement_lines l JOIN statements s ON s.id = l.statement_id
             WHERE s.person_id = $1",
        ),
    ),
    (
        "summaries",
        same(concat!(
            "SELECT s.id, s.summary FROM sessions s WHERE s.summary <> '' AND s.conversation_id IN ",
            direct!("c.id")
        )),
    ),
    (
        "messages",
        same(concat!(
            "SELECT m.id, m.session_id, m.role, m.text, m.created_at FROM messages m
             WHERE m.session_id IN ",
            sessions!(),
            " AND (m.person_id = $1 OR m.turn_id IN ",
            turns!(),
            ") ORDER BY m.id"
        )),
    ),
    (
        "model_choices",
        same("SELECT * FROM model_choices WHERE person_id = $1"),
    ),
    // What was entrusted is not handed out, but that it was.
    (
        "own_keys",
        same("SELECT provider, set_at FROM own_keys WHERE person_id = $1 ORDER BY provider"),
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
    (
        "tips",
        same("SELECT * FROM tips WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "tip_asks",
        same("SELECT * FROM tip_asks WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "model_calls",
        same(concat!(
            "SELECT * FROM model_calls WHERE (person_id = $1 AND person_id <> '') OR turn_id IN ",
            turns!(),
            " ORDER BY id"
        )),
    ),
    (
        "budgets",
        same("SELECT * FROM budgets WHERE scope = $1 ORDER BY day"),
    ),
    (
        "workflows",
        same("SELECT * FROM workflows WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "workflow_proposals",
        same("SELECT * FROM workflow_proposals WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "workflow_runs",
        same("SELECT * FROM workflow_runs WHERE person_id = $1 AND person_id <> '' ORDER BY id"),
    ),
    ("thanks", same("SELECT * FROM thanks WHERE fan = $1")),
    ("fan_lists", same("SELECT * FROM fan_lists WHERE fan = $1")),
    (
        "tasks",
        same("SELECT * FROM tasks WHERE person_id = $1 AND person_id <> ''"),
    ),
    (
        "artist_notes",
        same("SELECT * FROM artist_notes WHERE person_id = $1 AND person_id <> ''"),
    ),
    (
        "mails",
        same("SELECT * FROM mails WHERE person_id = $1 AND person_id <> ''"),
    ),
    (
        "proposals",
        same("SELECT * FROM proposals WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "drafts",
        same("SELECT * FROM drafts WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "milestones",
        same("SELECT * FROM milestones WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "feedback",
        same("SELECT * FROM feedback WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "human_requests",
        same("SELECT * FROM human_requests WHERE person_id = $1 ORDER BY id"),
    ),
    (
        "events",
        same("SELECT * FROM events WHERE body LIKE '%' || $1 || '%' ORDER BY id"),
    ),
    (
        "jobs",
        by_job!(
            "SELECT id, kind, lane, payload, state, created_at FROM jobs
             WHERE payload LIKE '%' || $1 || '%' OR id IN ",
            " ORDER BY id"
        ),
    ),
    (
        "outbound",
        same(concat!(
            "SELECT id, address, content, state, created_at FROM outbound WHERE address IN ",
            direct!("c.address"),
            " ORDER BY id"
        )),
    ),
];

/// Deletes what is kept, dependants first: a conversation between the person and Toney goes whole, of
/// one in a group what the person said and what was answered to it. The lane of a conversation stays with its
/// count: by that everybody knows that what they have at hand of it is no longer true.
const ERASE: &[Sql] = &[
    same(concat!(
        "DELETE FROM outbound WHERE address IN ",
        direct!("c.address")
    )),
    by_job!(
        "DELETE FROM outbound WHERE key IN (SELECT 'answer:' || a.id FROM jobs a WHERE a.id IN ",
        ")"
    ),
    same(concat!("DELETE FROM outbound AS o WHERE ", ordered!())),
    by_job!(
        "DELETE FROM jobs WHERE payload LIKE '%' || $1 || '%' OR id IN ",
        ""
    ),
    same(concat!(
        "DELETE FROM jobs WHERE lane IN ",
        direct!("'turn:' || c.address")
    )),
    same(concat!(
        "DELETE FROM lanes WHERE holder = '' AND (lane IN ",
        direct!("'out:' || c.address"),
        " OR lane IN ",
        direct!("'ingest:' || c.address"),
        ")"
    )),
    same(concat!(
        "DELETE FROM addresses WHERE address IN ",
        direct!("c.address")
    )),
    same(concat!(
        "UPDATE lanes SET turns = turns + 1 WHERE lane IN (SELECT 'turn:' || c.address
         FROM conversations c WHERE c.id IN ",
        conversations!(),
        ")"
    )),
    same(concat!(
        "UPDATE sessions SET summary = '' WHERE id IN ",
        sessions!()
    )),
    // What was paid stays in the installation's sums; for whom does not.
    same(concat!(
        "UPDATE model_calls SET person_id = '', turn_id = ''
         WHERE (person_id = $1 AND person_id <> '') OR (turn_id <> '' AND turn_id IN ",
        turns!(),
        ")"
    )),
    same("DELETE FROM events WHERE body LIKE '%' || $1 || '%'"),
    same(concat!(
        "DELETE FROM messages WHERE role <> 'user' AND session_id IN ",
        sessions!(),
        " AND turn_id IN ",
        turns!()
    )),
    same(concat!(
        "DELETE FROM messages WHERE person_id = '' AND session_id IN
         (SELECT s.id FROM sessions s WHERE s.conversation_id IN ",
        direct!("c.id"),
        ")"
    )),
    same(concat!(
        "DELETE FROM sessions WHERE conversation_id IN ",
        direct!("c.id")
    )),
    same(concat!(
        "DELETE FROM conversations WHERE setting = 'direct' AND id IN ",
        conversations!()
    )),
    same("DELETE FROM messages WHERE person_id = $1 AND person_id <> ''"),
    same("DELETE FROM attachments WHERE person_id = $1"),
    // An automation belongs to its artist; who made it is forgotten.
    same("UPDATE workflows SET person_id = '' WHERE person_id = $1"),
    same("DELETE FROM workflow_proposals WHERE person_id = $1"),
    same(
        "DELETE FROM workflow_steps WHERE run_id IN
         (SELECT id FROM workflow_runs WHERE person_id = $1 AND person_id <> '')",
    ),
    same("DELETE FROM workflow_runs WHERE person_id = $1 AND person_id <> ''"),
    same("DELETE FROM thanks WHERE fan = $1"),
    same("DELETE FROM fan_lists WHERE fan = $1"),
    same("DELETE FROM tasks WHERE person_id = $1 AND person_id <> ''"),
    same("DELETE FROM artist_notes WHERE person_id = $1 AND person_id <> ''"),
    same("UPDATE mails SET person_id = '' WHERE person_id = $1 AND person_id <> ''"),
    same(
        "DELETE FROM statement_lines WHERE statement_id IN (SELECT id FROM statements WHERE person_id = $1)",
    ),
    same(
        "DELETE FROM statement_marks WHERE statement_id IN (SELECT id FROM statements WHERE person_id = $1)",
    ),
    same("DELETE FROM statements WHERE person_id = $1"),
    same("UPDATE statement_mappings SET set_by = '' WHERE set_by = $1"),
    same("DELETE FROM knowledge_reads WHERE person_id = $1"),
    same("DELETE FROM memberships WHERE person_id = $1"),
    // What was given stays in the artist's books; by whom does not.
    same(
        "UPDATE tips SET person_id = '', payer = '', name = '', email = '', message = '', address = '',
                is_public = 0 WHERE person_id = $1 AND person_id <> ''",
    ),
    same("DELETE FROM tip_asks WHERE person_id = $1 AND person_id <> ''"),
    same("DELETE FROM model_choices WHERE person_id = $1"),
    same("DELETE FROM own_keys WHERE person_id = $1"),
    same("DELETE FROM proposals WHERE person_id = $1"),
    same("DELETE FROM drafts WHERE person_id = $1"),
    same("DELETE FROM feedback WHERE person_id = $1"),
    same("DELETE FROM human_requests WHERE person_id = $1"),
    // The plan is the artist's; who had it made is not told any more.
    same("UPDATE milestones SET person_id = '' WHERE person_id = $1"),
    // Not '', which would let somebody else in by it.
    same("UPDATE invitations SET used_by = 'erased' WHERE used_by = $1"),
    same("DELETE FROM identities WHERE person_id = $1"),
    same("DELETE FROM persons WHERE id = $1"),
];
const FILES: Sql = same(
    "SELECT path FROM attachments WHERE person_id = $1 AND path <> ''
     UNION SELECT path FROM documents WHERE owner_id = $1 AND path <> ''",
);
const CHATS: Sql = same(concat!(
    "SELECT address FROM conversations WHERE id IN ",
    conversations!()
));
const DOCUMENTS_GO: Sql = same(
    "UPDATE documents SET state = 'gone', updated_at = $2 WHERE owner_id = $1 AND state <> 'gone'
     RETURNING id",
);
const ALL_DAYS: Sql = same("SELECT DISTINCT day FROM budgets WHERE $1 <> ''");
const FORGET: [Sql; 2] = [
    same("DELETE FROM budgets WHERE scope = $1"),
    same("UPDATE budget_holds SET person_id = '' WHERE person_id = $1 AND person_id <> ''"),
];

impl Store {
    /// The person of that id, or behind `platform:user`.
    pub async fn find_person(&self, name: &str) -> Result<Option<PersonId>> {
        let row: Option<(String,)> = reading!(&self.db, FIND, |sql, pool| {
            sqlx::query_as(sql).bind(name).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| id.parse()).transpose()?)
    }

    /// What is kept about a person: one array of rows for each table.
    pub async fn export_person(&self, person: PersonId) -> Result<Value> {
        let mut all = Map::new();
        for (table, sql) in KEPT.iter().chain(personal::KEPT).chain(approvals::KEPT) {
            let rows = self.rows_of(*sql, &person.to_string()).await;
            let rows = rows.with_context(|| format!("Reading {table} of {person}"))?;
            all.insert((*table).to_owned(), Value::Array(rows));
        }
        Ok(Value::Object(all))
    }

    /// The files that belong to a person.
    pub async fn files_of(&self, person: PersonId) -> Result<Vec<String>> {
        let files: Vec<(String,)> = reading!(&self.db, FILES, |sql, pool| {
            sqlx::query_as(sql)
                .bind(person.to_string())
                .fetch_all(pool)
                .await?
        });
        Ok(files.into_iter().map(|(path,)| path).collect())
    }

    /// Deletes every row that is kept about a person, and strikes the answers that others got from the person's
    /// documents. The files are the caller's to delete, before it. Documents are invisible at once and swept by
    /// [`Store::sweep_documents`]. Answers the conversations of which nothing may be kept elsewhere.
    pub async fn erase_person(&self, person: PersonId) -> Result<Vec<Address>> {
        let whom = person.to_string();
        let now = Bind::Int(self.clock.now().ms());
        let mut tx = Tx::begin(&self.db).await?;
        let gone: Vec<(String,)> = tx.read(DOCUMENTS_GO, whom.clone(), &[now]).await?;
        let gone: Vec<String> = gone.into_iter().map(|(id,)| id).collect();
        let mut chats = strike(&mut tx, &gone).await?.chats;
        let own: Vec<(String,)> = tx.read(CHATS, whom.clone(), &[]).await?;
        for (address,) in own {
            chats.push(address.parse()?);
        }
        for sql in approvals::ERASE.iter().chain(personal::ERASE).chain(ERASE) {
            tx.run(*sql, whom.clone(), &[]).await?;
        }
        forget_spender(&mut tx, &whom, self.clock.now()).await?;
        tx.commit().await?;
        self.db.empty_journal().await;
        Ok(chats)
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

/// Deletes what was spent by somebody who is erased; what is set aside for them stays the installation's.
/// Nobody else may have looked at the same days before and write after it: that would bring them back.
async fn forget_spender(tx: &mut Tx, whom: &str, now: Time) -> Result<()> {
    let days: Vec<(Option<i64>,)> = tx.read(ALL_DAYS, "x".to_owned(), &[]).await?;
    let mut days: BTreeSet<Time> = days
        .into_iter()
        .filter_map(|(day,)| day.map(Time::from_ms))
        .collect();
    days.insert(day_of(now));
    lock(tx, &days).await?;
    for sql in FORGET {
        tx.run(sql, whom.to_owned(), &[]).await?;
    }
    Ok(())
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
