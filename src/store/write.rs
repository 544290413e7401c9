//! A statement over rows that a file of this room prepared: how the tables that no message needs become true with
//! a [`super::Change`] without a place of their own in it.

use anyhow::Result;
use serde::Serialize;

use super::db::Sql;
use super::tx::{Tx, rows};

/// A statement and its rows, run behind everything else of its change. Like every change it may be applied twice and
/// must change nothing then.
#[derive(Debug, Clone)]
pub struct Write {
    sql: Sql,
    rows: String,
}

impl Write {
    /// `sql` unfolds `items` as `$1` and takes nothing besides.
    pub(super) fn new<T: Serialize>(sql: Sql, items: &[T]) -> Result<Self> {
        let rows = rows(items)?;
        Ok(Self { sql, rows })
    }

    pub(super) async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.run(self.sql, self.rows.clone(), &[]).await.map(drop)
    }
}
