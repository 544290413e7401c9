//! Which passages mean about the same as a question.

use anyhow::Result;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use crate::model::Target;
use crate::store::Store;
use crate::store::asker::Asker;
use crate::store::db::Db;
use crate::store::lexical::Hit;

use super::matrix::{Best, exact};
use super::{ModelRow, index, numbers};

/// So many are chosen by their rounded vectors at least, to be measured by the whole ones.
const CHOSEN: usize = 100;
/// So many times as many are chosen where too many of them cannot be read any more.
const MORE: usize = 8;
/// How far pgvector's graph is walked: at 200 it finds 94 of 100 in 50,000 rows.
const WALK: usize = 200;
/// The furthest that it goes.
const FURTHEST: usize = 1_000;

// Whatever the cache believes, only what stands in a wanted scope and can be read comes out.
const WHOLE: &str = "SELECT v.chunk_id, v.vector FROM json_each($1) AS j
     CROSS JOIN vectors v ON v.model_id = $2 AND v.chunk_id = j.value
     AND v.scope IN (SELECT value FROM json_each($3))
     CROSS JOIN chunks c ON c.id = v.chunk_id AND c.scope = v.scope
     CROSS JOIN documents d ON d.id = c.document_id AND d.state = 'ready'";
// The question is read once, in a subquery: a general plan would read its text again for every row. Each
// row says whether it can be read: what was removed and not deleted yet is among them.
const EXACT: &str = "WITH near AS MATERIALIZED (SELECT chunk_id, scope,
         embedding <=> (SELECT CAST($1 AS vector)) AS far FROM vectors
         WHERE model_id = $2 AND scope = ANY($3) AND embedding IS NOT NULL
         ORDER BY far, chunk_id LIMIT $4)
     SELECT n.chunk_id, CAST(1 - n.far AS real), d.id IS NOT NULL FROM near n
     LEFT JOIN chunks c ON c.id = n.chunk_id AND c.scope = n.scope
     LEFT JOIN documents d ON d.id = c.document_id AND d.state = 'ready'";

/// A chunk, how near it is, and whether it can be read.
type Near = (i64, f32, bool);

impl Store {
    /// The chunks that the asker reaches and that are nearest to a vector of length one as a model sees
    /// them, the nearest first, with the cosine as score. Nothing for a model without vectors.
    pub async fn dense(
        &self,
        asker: &Asker,
        target: Target,
        (model, vector): (&str, &[f32]),
        limit: usize,
    ) -> Result<Vec<Hit>> {
        let scopes = asker.scopes(target);
        let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        let row = self.vector_model(model).await?;
        let fits = |row: &ModelRow| usize::try_from(row.dimensions) == Ok(vector.len());
        let Some(row) = row.filter(fits).filter(|_| limit > 0 && !scopes.is_empty()) else {
            return Ok(Vec::new());
        };
        match &self.db {
            Db::Sqlite { read, .. } => self.measured(read, (row.id, &scopes), vector, limit).await,
            Db::Postgres { pool } => nearest(pool, (row, &scopes), vector, limit).await,
        }
    }

    /// Chooses by rounded vectors and measures the chosen by their whole ones. What was removed and not
    /// deleted yet may take the places of what can be read: then more are chosen.
    async fn measured(
        &self,
        pool: &SqlitePool,
        (model, scopes): (i64, &[String]),
        asked: &[f32],
        limit: usize,
    ) -> Result<Vec<Hit>> {
        let mut most = limit.saturating_mul(2).max(CHOSEN);
        loop {
            let chosen = self.vectors.best(pool, (model, scopes), asked, most);
            let chosen = chosen.await?;
            let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(WHOLE)
                .bind(serde_json::to_string(&chosen)?)
                .bind(model)
                .bind(serde_json::to_string(scopes)?)
                .fetch_all(pool)
                .await?;
            if rows.len() < limit && chosen.len() >= most {
                most = most.saturating_mul(MORE);
                continue;
            }
            let mut best = Best::new(limit);
            for (id, bytes) in rows {
                let vector = numbers(&bytes);
                if vector.len() == asked.len() {
                    best.offer(id, exact(asked, vector));
                }
            }
            return Ok(hits(best));
        }
    }

    /// Sets how many megabytes of vectors are kept in RAM, on SQLite.
    pub fn set_vector_cache(&self, megabytes: u64) {
        let bytes = megabytes.saturating_mul(1024 * 1024);
        self.vectors
            .set_most(usize::try_from(bytes).unwrap_or(usize::MAX));
    }

    /// Bytes of vectors in RAM.
    pub fn vector_cache_bytes(&self) -> usize {
        self.vectors.bytes()
    }

    /// Drops from RAM what was deleted or moved in the database since it was read.
    pub async fn trim_vectors(&self) -> Result<()> {
        match &self.db {
            Db::Sqlite { read, .. } => self.vectors.trim(read).await,
            Db::Postgres { .. } => Ok(()),
        }
    }
}

/// Looks through small scopes one by one, and through each large one along its graph.
async fn nearest(
    pool: &PgPool,
    (model, scopes): (ModelRow, &[String]),
    asked: &[f32],
    limit: usize,
) -> Result<Vec<Hit>> {
    let Some(literal) = literal(asked) else {
        return Ok(Vec::new());
    };
    let graphs = index::usable(pool, model.id).await?;
    let (large, mut small): (Vec<_>, Vec<_>) = scopes
        .iter()
        .cloned()
        .partition(|scope| graphs.contains(&index::name(model.id, scope)));
    let mut best = Best::new(limit);
    if !large.is_empty() {
        let mut tx = pool.begin().await?;
        let far = limit.saturating_mul(2).clamp(WALK, FURTHEST);
        let walk = format!("SET LOCAL hnsw.ef_search = {far}");
        sqlx::query(AssertSqlSafe(walk)).execute(&mut *tx).await?;
        for scope in large {
            let sql = index::walk(model, &scope, far);
            let query = sqlx::query_as(AssertSqlSafe(sql)).bind(&literal);
            let rows = query.fetch_all(&mut *tx).await?;
            if !offer(rows, (limit, far), &mut best) {
                small.push(scope);
            }
        }
        tx.commit().await?;
    }
    let mut most = limit.saturating_mul(2).max(CHOSEN);
    while !small.is_empty() {
        let query = sqlx::query_as(EXACT).bind(&literal).bind(model.id);
        let query = query.bind(&small).bind(i64::try_from(most)?);
        if offer(query.fetch_all(pool).await?, (limit, most), &mut best) {
            break;
        }
        most = most.saturating_mul(MORE);
    }
    Ok(hits(best))
}

/// Offers what can be read, unless that is too little of the `most` that were asked for.
fn offer(rows: Vec<Near>, (limit, most): (usize, usize), best: &mut Best) -> bool {
    let readable = rows.iter().filter(|(.., readable)| *readable).count();
    if readable < limit && rows.len() >= most {
        return false;
    }
    for (id, score, _) in rows.into_iter().filter(|(.., readable)| *readable) {
        best.offer(id, score);
    }
    true
}

fn hits(best: Best) -> Vec<Hit> {
    let sorted = best.into_sorted().into_iter();
    sorted.map(|(chunk, score)| Hit { chunk, score }).collect()
}

/// A vector as pgvector reads it; none for an empty one.
pub(super) fn literal(vector: &[f32]) -> Option<String> {
    let numbers: Vec<String> = vector.iter().map(ToString::to_string).collect();
    (!numbers.is_empty()).then(|| format!("[{}]", numbers.join(",")))
}
