//! A transaction on either database, spoken to with one text and a JSON array of rows.
//!
//! SQLite is written through `rusqlite`, right on the thread that asks: `sqlx` hands every statement to
//! a thread of its own and back, which costs more than the statement.

use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::types::Value;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, Transaction};
use tokio::sync::OwnedMutexGuard;

use super::db::{Db, Sql};

/// A value bound behind the rows: `$2`, `$3` and so on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bind<'a> {
    Int(i64),
    Text(&'a str),
}

/// A transaction on either database; dropped without a commit it changes nothing.
pub(super) enum Tx {
    Sqlite(SqliteTx),
    Postgres(Transaction<'static, Postgres>),
}

/// The one writing connection, in a transaction.
pub(super) struct SqliteTx {
    conn: OwnedMutexGuard<rusqlite::Connection>,
}

/// What a statement returns, read from either database.
pub(super) trait Row: for<'r> FromRow<'r, PgRow> + Send + Unpin {
    fn from_sqlite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self>;
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

/// Implements [`Row`] for a struct whose fields are named like the columns.
macro_rules! row {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::store::tx::Row for $name {
            fn from_sqlite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                Ok(Self { $($field: row.get(stringify!($field))?),* })
            }
        }
    };
}

pub(super) use row;

impl Row for (String,) {
    fn from_sqlite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok((row.get(0)?,))
    }
}

impl Row for (String, String) {
    fn from_sqlite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok((row.get(0)?, row.get(1)?))
    }
}

impl Row for (Option<i64>,) {
    fn from_sqlite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok((row.get(0)?,))
    }
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

fn execute(conn: &rusqlite::Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.raw_execute().map(drop)
}

impl SqliteTx {
    /// Takes the write lock at once: a deferred transaction that reads first would fail instead of
    /// waiting. Another process of this machine may hold it for a moment.
    async fn begin(conn: OwnedMutexGuard<rusqlite::Connection>) -> Result<Self> {
        const PAUSE: Duration = Duration::from_millis(2);
        const PATIENCE: u32 = 2_500;
        for _ in 0..PATIENCE {
            match execute(&conn, "BEGIN IMMEDIATE") {
                Ok(()) => return Ok(Self { conn }),
                Err(error)
                    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        anyhow::bail!("Another process has been writing to the database for 5 s")
    }

    fn prepare(
        &self,
        sql: &str,
        rows: String,
        binds: &[Bind<'_>],
    ) -> rusqlite::Result<rusqlite::CachedStatement<'_>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let binds = binds.iter().map(|bind| match *bind {
            Bind::Int(number) => Value::Integer(number),
            Bind::Text(text) => Value::Text(text.to_owned()),
        });
        for (number, value) in (1..).zip(std::iter::once(Value::Text(rows)).chain(binds)) {
            // Parameters are numbered by their names, not by where they stand in the text.
            if let Some(index) = statement.parameter_index(&format!("${number}"))? {
                statement.raw_bind_parameter(index, value)?;
            }
        }
        Ok(statement)
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::warn!(error = %error, "A transaction could not be rolled back");
        }
    }
}

impl Tx {
    /// Begins a transaction that may write.
    pub(super) async fn begin(db: &Db) -> Result<Self> {
        Ok(match db {
            Db::Sqlite { write, .. } => {
                Self::Sqlite(SqliteTx::begin(write.clone().lock_owned().await).await?)
            }
            Db::Postgres { pool } => Self::Postgres(pool.begin().await?),
        })
    }

    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => execute(&tx.conn, "COMMIT").context("Committing")?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Runs a statement; answers how many rows it touched.
    pub(super) async fn run(&mut self, sql: Sql, rows: String, binds: &[Bind<'_>]) -> Result<u64> {
        Ok(match self {
            Self::Sqlite(tx) => tx.prepare(sql.sqlite, rows, binds)?.raw_execute()? as u64,
            Self::Postgres(tx) => bound!(sqlx::query(sql.postgres), rows, binds)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
        })
    }

    /// Runs a statement and reads what it returns.
    pub(super) async fn read<T: Row>(
        &mut self,
        sql: Sql,
        rows: String,
        binds: &[Bind<'_>],
    ) -> Result<Vec<T>> {
        match self {
            Self::Sqlite(tx) => {
                let mut statement = tx.prepare(sql.sqlite, rows, binds)?;
                let found = statement.raw_query().mapped(T::from_sqlite);
                Ok(found.collect::<rusqlite::Result<Vec<T>>>()?)
            }
            Self::Postgres(tx) => {
                let query = bound!(sqlx::query_as::<_, T>(sql.postgres), rows, binds);
                Ok(query.fetch_all(&mut **tx).await?)
            }
        }
    }
}
