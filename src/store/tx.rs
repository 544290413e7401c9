//! A transaction on either database, spoken to with one text and a JSON array of rows.

use anyhow::Result;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Postgres, Sqlite, Transaction};

use super::db::{Db, Sql};

/// A value bound behind the rows: `$2`, `$3` and so on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bind<'a> {
    Int(i64),
    Text(&'a str),
}

/// A transaction on either database.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

macro_rules! bound {
    ($query:expr, $rows:expr, $binds:expr) => {{
        let mut query = $query.bind($rows);
        for bind in $binds {
            query = match *bind {
                Bind::Int(number) => query.bind(number),
                Bind::Text(text) => query.bind(text.to_owned()),
            };
        }
        query
    }};
}

/// The rows as the JSON array that the statements unfold.
///
/// PostgreSQL stores no NUL in a text and SQLite cuts it off there, so one stands as U+FFFD.
pub(super) fn rows<T: Serialize>(items: &[T]) -> Result<String> {
    let text = serde_json::to_string(items)?;
    if !text.contains("\\u0000") {
        return Ok(text);
    }
    // `\\u0000` is a backslash and five characters, `\u0000` is the one that is meant.
    let pieces = text
        .split("\\\\")
        .map(|piece| piece.replace("\\u0000", "\u{fffd}"));
    Ok(pieces.collect::<Vec<_>>().join("\\\\"))
}

impl Tx {
    /// Begins a transaction that may write. On SQLite it takes the write lock at once: a deferred
    /// transaction that reads first would fail instead of waiting.
    pub(super) async fn begin(db: &Db) -> Result<Self> {
        Ok(match db {
            Db::Sqlite { write, .. } => Self::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Db::Postgres { pool } => Self::Postgres(pool.begin().await?),
        })
    }

    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Runs a statement; answers how many rows it touched.
    pub(super) async fn run(&mut self, sql: Sql, rows: String, binds: &[Bind<'_>]) -> Result<u64> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sqlx::query(sql.sqlite), rows, binds)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
            Self::Postgres(tx) => bound!(sqlx::query(sql.postgres), rows, binds)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
        })
    }

    /// Runs a statement and reads what it returns.
    pub(super) async fn read<T>(
        &mut self,
        sql: Sql,
        rows: String,
        binds: &[Bind<'_>],
    ) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(match self {
            Self::Sqlite(tx) => {
                bound!(sqlx::query_as::<_, T>(sql.sqlite), rows, binds)
                    .fetch_all(&mut **tx)
                    .await?
            }
            Self::Postgres(tx) => {
                bound!(sqlx::query_as::<_, T>(sql.postgres), rows, binds)
                    .fetch_all(&mut **tx)
                    .await?
            }
        })
    }
}
