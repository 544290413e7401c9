//! Vectors: what a passage means, as each embedding model sees it.
//!
//! A chunk that a model does not take has an empty vector, so that it is not tried for ever. Vectors are
//! written for what can be read only, in the scope that the chunk has at that moment, and vanish in the
//! transaction that deletes the chunk.

mod cache;
mod dense;
mod index;
mod matrix;

use anyhow::Result;
use serde_json::json;

use crate::model::{DocumentId, hex};

use super::Store;
use super::asker::Scope;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::tx::{Bind, Tx, row, rows};

pub(super) use cache::Cache;

// Nobody drops the model while vectors of it are written.
const NOTED: Sql = Sql {
    sqlite: "SELECT id, dimensions FROM vector_models WHERE name = $1 AND gone = 0",
    postgres: "SELECT id, dimensions FROM vector_models WHERE name = $1 AND gone = 0 FOR SHARE",
};
const ADD_MODEL: Sql = same(
    "INSERT INTO vector_models (name, dimensions) VALUES ($1, $2)
     ON CONFLICT (name) WHERE gone = 0 DO UPDATE SET dimensions = CASE
         WHEN vector_models.dimensions = 0 THEN excluded.dimensions ELSE vector_models.dimensions END
     RETURNING id, dimensions",
);
const MODEL: Sql = same("SELECT id, dimensions FROM vector_models WHERE name = $1 AND gone = 0");
const MODELS: Sql = same("SELECT name FROM vector_models WHERE gone = $1 ORDER BY id");
const DROP_MODEL: Sql = same("UPDATE vector_models SET gone = 1 WHERE name = $1 AND gone = 0");
// `$1` is the chunks, `$2` the model.
const ADD_VERSION: Sql = dialect!(
    "INSERT INTO vector_scopes (model_id, scope, version)
     SELECT DISTINCT CAST($2 AS BIGINT), c.scope, 1 FROM" each
    "JOIN chunks c ON c.id = CAST(j.value ->> 'id' AS BIGINT)
     WHERE TRUE ON CONFLICT (model_id, scope) DO UPDATE SET version = vector_scopes.version + 1"
);
// The locks make whoever shares or removes the document at the same moment come before or after.
const PUT: Sql = Sql {
    sqlite: "INSERT INTO vectors (model_id, chunk_id, scope, version, vector)
         SELECT CAST($2 AS BIGINT), c.id, c.scope, s.version, unhex(j.value ->> 'vector')
         FROM jsonb_each($1) AS j JOIN chunks c ON c.id = CAST(j.value ->> 'id' AS BIGINT)
         JOIN documents d ON d.id = c.document_id AND d.state = 'ready'
         JOIN vector_scopes s ON s.model_id = CAST($2 AS BIGINT) AND s.scope = c.scope
         WHERE TRUE ON CONFLICT (model_id, chunk_id) DO UPDATE SET scope = excluded.scope,
             version = excluded.version, vector = excluded.vector",
    postgres: "INSERT INTO vectors (model_id, chunk_id, scope, embedding)
         SELECT CAST($2 AS BIGINT), c.id, c.scope, CAST(j.value ->> 'vector' AS vector)
         FROM json_array_elements(CAST($1 AS json)) AS j(value)
         JOIN chunks c ON c.id = CAST(j.value ->> 'id' AS BIGINT)
         JOIN documents d ON d.id = c.document_id AND d.state = 'ready'
         ORDER BY c.id FOR SHARE OF c, d
         ON CONFLICT (model_id, chunk_id) DO UPDATE SET scope = excluded.scope,
             embedding = excluded.embedding",
};
const MISSING: Sql = same(
    "SELECT c.id, c.ordinal, c.path, c.text FROM chunks c
     JOIN documents d ON d.id = c.document_id AND d.state = 'ready'
     WHERE c.id > $1 AND NOT EXISTS
         (SELECT 1 FROM vectors v WHERE v.model_id = $2 AND v.chunk_id = c.id)
     ORDER BY c.id LIMIT $3",
);
const MISSING_OF: Sql = same(
    "SELECT c.id, c.ordinal, c.path, c.text FROM documents d
     JOIN chunks c ON c.document_id = d.id AND c.ordinal > $1
     WHERE d.id = $4 AND d.state = 'ready' AND NOT EXISTS
         (SELECT 1 FROM vectors v WHERE v.model_id = $2 AND v.chunk_id = c.id)
     ORDER BY c.ordinal LIMIT $3",
);
const PROGRESS: Sql = same(
    "SELECT COUNT(v.chunk_id) AS done, COUNT(*) AS total FROM chunks c
     JOIN documents d ON d.id = c.document_id AND d.state = 'ready'
     LEFT JOIN vectors v ON v.model_id = $1 AND v.chunk_id = c.id",
);
// What follows up to `FORGET` and `ARRIVED` is for the cache, which SQLite alone has.
const REMOVED: Sql = same(
    "UPDATE vector_scopes SET removed = removed + 1 WHERE (model_id, scope) IN
         (SELECT v.model_id, v.scope FROM jsonb_each($1) AS j CROSS JOIN vector_models m
          CROSS JOIN vectors v ON v.model_id = m.id
          AND v.chunk_id = CAST(j.value ->> 'id' AS BIGINT))",
);
const FORGET: Sql = dialect!(
    "DELETE FROM vectors WHERE (model_id, chunk_id) IN
         (SELECT m.id, CAST(j.value ->> 'id' AS BIGINT) FROM" each "CROSS JOIN vector_models m)"
);
// `$2` is where the chunks go.
const ARRIVED: Sql = same(
    "INSERT INTO vector_scopes (model_id, scope, version)
     SELECT DISTINCT v.model_id, $2, 1 FROM jsonb_each($1) AS j CROSS JOIN vector_models m
     CROSS JOIN vectors v ON v.model_id = m.id AND v.chunk_id = CAST(j.value ->> 'id' AS BIGINT)
     WHERE TRUE ON CONFLICT (model_id, scope) DO UPDATE SET version = vector_scopes.version + 1",
);
const MOVE: Sql = Sql {
    sqlite: "UPDATE vectors SET scope = $2, version = (SELECT version FROM vector_scopes s
             WHERE s.model_id = vectors.model_id AND s.scope = $2)
         WHERE (model_id, chunk_id) IN (SELECT m.id, CAST(j.value ->> 'id' AS BIGINT)
             FROM jsonb_each($1) AS j CROSS JOIN vector_models m)",
    postgres: "UPDATE vectors SET scope = $2 WHERE (model_id, chunk_id) IN
         (SELECT m.id, CAST(j.value ->> 'id' AS BIGINT)
          FROM json_array_elements(CAST($1 AS json)) AS j(value) CROSS JOIN vector_models m)",
};
const FORGET_MARKS: Sql = Sql {
    sqlite: "DELETE FROM vectors WHERE model_id = CAST($1 AS BIGINT) AND length(vector) = 0",
    postgres: "DELETE FROM vectors WHERE model_id = CAST($1 AS BIGINT) AND embedding IS NULL",
};
const SWEEP: Sql = same(
    "DELETE FROM vectors WHERE (model_id, chunk_id) IN
         (SELECT v.model_id, v.chunk_id FROM vector_models m JOIN vectors v ON v.model_id = m.id
          WHERE m.gone = CAST($1 AS BIGINT) LIMIT $2)",
);
const SWEEP_SCOPES: Sql = same(
    "DELETE FROM vector_scopes WHERE model_id IN
         (SELECT id FROM vector_models WHERE gone = CAST($1 AS BIGINT))",
);
const SWEEP_MODELS: Sql = same("DELETE FROM vector_models WHERE gone = CAST($1 AS BIGINT)");

/// Rows that are deleted in one transaction: nobody else writes meanwhile.
const SLICE: i64 = 500;

/// What became of vectors that were to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// They stand, as far as their chunks still do.
    Stored,
    /// Nothing was changed: the model's vectors have so many dimensions, so it is another model now.
    OtherDimensions(usize),
}

/// A chunk without a vector.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Unembedded {
    pub id: i64,
    pub ordinal: i64,
    /// The title and the headings above it.
    pub path: String,
    pub text: String,
}

/// How far a model is with what can be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct VectorProgress {
    /// Chunks that have a vector, or are known to get none.
    pub done: i64,
    /// All chunks.
    pub total: i64,
}

/// A model as its rows know it.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct ModelRow {
    id: i64,
    dimensions: i64,
}
row!(ModelRow { id, dimensions });

impl Store {
    /// Stores the vectors of chunks as a model sees them, in one transaction and over those that stand.
    /// They have to be of length one; an empty one says that the model does not take the chunk. Chunks
    /// that are no longer there or not readable are left out.
    pub async fn put_vectors(&self, model: &str, vectors: &[(i64, Vec<f32>)]) -> Result<Put> {
        let lengths = || vectors.iter().map(|(_, vector)| vector.len());
        let wanted = lengths().max().unwrap_or_default();
        anyhow::ensure!(
            lengths().all(|length| length == 0 || length == wanted),
            "Vectors of one model have different dimensions"
        );
        let mut tx = Tx::begin(&self.db).await?;
        let mut found: Vec<ModelRow> = tx.read(NOTED, model.to_owned(), &[]).await?;
        found.retain(|row| row.dimensions > 0);
        if found.is_empty() {
            let size = Bind::Int(i64::try_from(wanted)?);
            found = tx.read(ADD_MODEL, model.to_owned(), &[size]).await?;
        }
        let Some(ModelRow { id, dimensions }) = found.into_iter().next() else {
            anyhow::bail!("The model {model} could not be noted");
        };
        let dimensions = usize::try_from(dimensions)?;
        if wanted > 0 && dimensions != wanted {
            return Ok(Put::OtherDimensions(dimensions));
        }
        let is_postgres = self.db.is_postgres();
        let text = |vector: &[f32]| match is_postgres {
            true => dense::literal(vector),
            false => Some(digits(vector)),
        };
        let new: Vec<_> = vectors
            .iter()
            .map(|(id, vector)| json!({"id": id, "vector": text(vector)}))
            .collect();
        let new = rows(&new)?;
        if !is_postgres {
            tx.run(ADD_VERSION, new.clone(), &[Bind::Int(id)]).await?;
        }
        tx.run(PUT, new, &[Bind::Int(id)]).await?;
        tx.commit().await?;
        Ok(Put::Stored)
    }

    /// Chunks that a model has no vector of, in order. `after` is the last one's id, or its ordinal where
    /// one document is asked for; -1 begins.
    pub async fn unembedded(
        &self,
        model: &str,
        document: Option<DocumentId>,
        (after, limit): (i64, i64),
    ) -> Result<Vec<Unembedded>> {
        // No row has this number, so everything is without a vector for a model nobody noted.
        let model = self.vector_model(model).await?.map_or(0, |row| row.id);
        Ok(match document {
            None => reading!(&self.db, MISSING, |sql, pool| {
                let query = sqlx::query_as(sql).bind(after).bind(model).bind(limit);
                query.fetch_all(pool).await?
            }),
            Some(document) => reading!(&self.db, MISSING_OF, |sql, pool| {
                let query = sqlx::query_as(sql).bind(after).bind(model).bind(limit);
                query.bind(document.to_string()).fetch_all(pool).await?
            }),
        })
    }

    /// How far a model is. Counts everything, so it is nothing for every question.
    pub async fn vector_progress(&self, model: &str) -> Result<VectorProgress> {
        let model = self.vector_model(model).await?.map_or(0, |row| row.id);
        Ok(reading!(&self.db, PROGRESS, |sql, pool| {
            sqlx::query_as(sql).bind(model).fetch_one(pool).await?
        }))
    }

    /// The models that have vectors.
    pub async fn vector_models(&self) -> Result<Vec<String>> {
        let names: Vec<(String,)> = reading!(&self.db, MODELS, |sql, pool| {
            sqlx::query_as(sql).bind(0_i64).fetch_all(pool).await?
        });
        Ok(names.into_iter().map(|(name,)| name).collect())
    }

    /// Makes all vectors of a model invisible; [`Store::sweep_vectors`] deletes them.
    pub async fn drop_vectors(&self, model: &str) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(DROP_MODEL, model.to_owned(), &[]).await?;
        tx.commit().await
    }

    /// Has the chunks tried again that a model did not take.
    pub async fn retry_vectors(&self, model: &str) -> Result<()> {
        let Some(ModelRow { id, .. }) = self.vector_model(model).await? else {
            return Ok(());
        };
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(FORGET_MARKS, id.to_string(), &[]).await?;
        tx.commit().await
    }

    /// Deletes one slice of the vectors of dropped models; false when nothing is left of them.
    pub async fn sweep_vectors(&self) -> Result<bool> {
        let gone = [Bind::Int(SLICE)];
        self.drop_indexes().await?;
        let mut tx = Tx::begin(&self.db).await?;
        let yes = || "1".to_owned();
        let more = tx.run(SWEEP, yes(), &gone).await? > 0;
        if !more {
            if !self.db.is_postgres() {
                tx.run(SWEEP_SCOPES, yes(), &[]).await?;
            }
            tx.run(SWEEP_MODELS, yes(), &[]).await?;
        }
        tx.commit().await?;
        Ok(more)
    }

    async fn vector_model(&self, name: &str) -> Result<Option<ModelRow>> {
        Ok(reading!(&self.db, MODEL, |sql, pool| {
            sqlx::query_as(sql).bind(name).fetch_optional(pool).await?
        }))
    }
}

/// Deletes the vectors of chunks that are about to be deleted.
pub(super) async fn forget(tx: &mut Tx, chunks: &[i64]) -> Result<()> {
    let chunks = ids(chunks)?;
    if let Tx::Sqlite(_) = tx {
        tx.run(REMOVED, chunks.clone(), &[]).await?;
    }
    tx.run(FORGET, chunks, &[]).await?;
    Ok(())
}

/// Lets those of another scope find chunks, which have that scope by now, and nobody else.
pub(super) async fn move_to(tx: &mut Tx, chunks: &[i64], scope: Scope) -> Result<()> {
    let (chunks, scope) = (ids(chunks)?, scope.to_string());
    let to = [Bind::Text(&scope)];
    if let Tx::Sqlite(_) = tx {
        tx.run(REMOVED, chunks.clone(), &[]).await?;
        tx.run(ARRIVED, chunks.clone(), &to).await?;
    }
    tx.run(MOVE, chunks, &to).await?;
    Ok(())
}

fn ids(chunks: &[i64]) -> Result<String> {
    let chunks: Vec<_> = chunks.iter().map(|id| json!({"id": id})).collect();
    rows(&chunks)
}

/// The bytes of a vector as SQLite's `unhex` reads them.
fn digits(vector: &[f32]) -> String {
    hex(vector.iter().flat_map(|number| number.to_le_bytes()))
}

/// The numbers of a stored vector.
fn numbers(bytes: &[u8]) -> impl ExactSizeIterator<Item = f32> + Clone {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|bytes| f32::from_le_bytes(*bytes))
}
