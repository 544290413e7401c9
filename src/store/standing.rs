//! What stands of a document that was broken off while it was read.

use anyhow::Result;

use crate::model::DocumentId;

use super::Store;
use super::conversations::same;
use super::db::{Sql, reading};
use super::lexical;
use super::tx::{Bind, Tx, row};

const STANDING: Sql = same(
    "SELECT c.path, c.start_at, c.text FROM chunks c
     JOIN documents d ON d.id = c.document_id AND d.state = 'reading'
     WHERE c.document_id = $1 ORDER BY c.ordinal",
);
const TAKE_BACK: Sql = same(
    "DELETE FROM chunks WHERE id IN (SELECT c.id FROM chunks c
     JOIN documents d ON d.id = c.document_id AND d.state = 'reading'
     WHERE c.document_id = $1 LIMIT $2) RETURNING id",
);

/// Pieces that are deleted in one transaction: nobody else writes meanwhile.
const SLICE: i64 = 64;

/// A piece of a document that nobody sees yet.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    /// The title and the headings above it.
    pub path: String,
    /// Where it begins in the document's text, in characters.
    pub start_at: i64,
    pub text: String,
}

#[derive(sqlx::FromRow)]
struct Id {
    id: i64,
}
row!(Id { id });

impl Store {
    /// The pieces that stand of a document that is being read, in order.
    pub async fn standing(&self, id: DocumentId) -> Result<Vec<Standing>> {
        Ok(reading!(&self.db, STANDING, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_all(pool).await?
        }))
    }

    /// Deletes the pieces of a document that is being read, so that it can be begun anew.
    pub async fn begin_anew(&self, id: DocumentId) -> Result<()> {
        loop {
            let mut tx = Tx::begin(&self.db).await?;
            let slice = [Bind::Int(SLICE)];
            let taken: Vec<Id> = tx.read(TAKE_BACK, id.to_string(), &slice).await?;
            if taken.is_empty() {
                return Ok(());
            }
            let taken: Vec<i64> = taken.into_iter().map(|Id { id }| id).collect();
            lexical::forget(&mut tx, &taken).await?;
            tx.commit().await?;
        }
    }
}
