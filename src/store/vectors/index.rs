//! Graphs that make large scopes quick to look through on PostgreSQL.
//!
//! A graph (HNSW) belongs to one model and one scope, so that no walk strays into what others may not
//! reach, and none is lost on them. Small scopes have none: looking at every vector is exact, and quick.

use std::collections::HashSet;

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection, PgPool};

use crate::store::Store;
use crate::store::db::Db;

use super::ModelRow;

const LARGE: &str = "SELECT scope FROM vectors WHERE model_id = $1 AND embedding IS NOT NULL
     GROUP BY scope HAVING COUNT(*) >= $2";
const GRAPHS: &str = "SELECT CAST(i.relname AS text), x.indisvalid FROM pg_index x
     JOIN pg_class i ON i.oid = x.indexrelid
     WHERE x.indrelid = CAST('vectors' AS regclass) AND i.relname LIKE 'vectors\\_near\\_%'";
const GONE: &str = "SELECT id FROM vector_models WHERE gone = 1";

/// From so many vectors on a scope gets a graph: some 8 ms of looking at every one.
const ENOUGH: i64 = 10_000;
/// pgvector's graphs take so many numbers of 32 bits, and so many of 16.
const MOST_WHOLE: i64 = 2_000;
const MOST_HALF: i64 = 4_000;
/// The lock under which one process at a time builds graphs.
const LOCK: i64 = 0x746f_6e65_7976;

impl Store {
    /// Gives each scope that has grown large for a model its graph, without keeping anybody from writing
    /// meanwhile. Nothing to do on SQLite, and nothing while another process is at it.
    pub async fn index_vectors(&self, model: &str) -> Result<()> {
        self.index_vectors_from(model, ENOUGH).await
    }

    /// The same from so many vectors on.
    pub async fn index_vectors_from(&self, model: &str, enough: i64) -> Result<()> {
        let Db::Postgres { pool } = &self.db else {
            return Ok(());
        };
        let Some(row) = self.vector_model(model).await? else {
            return Ok(());
        };
        let large: Vec<(String,)> = sqlx::query_as(LARGE)
            .bind(row.id)
            .bind(enough)
            .fetch_all(pool)
            .await?;
        let names = usable(pool, row.id).await?;
        let wanted = large.into_iter().map(|(scope,)| scope);
        let wanted = wanted.filter(|scope| !names.contains(&name(row.id, scope)));
        let wanted: Vec<String> = wanted.collect();
        if !wanted.is_empty() {
            build(pool, row, &wanted).await?;
        }
        Ok(())
    }

    /// Drops the graphs of models that were dropped.
    pub(super) async fn drop_indexes(&self) -> Result<()> {
        let Db::Postgres { pool } = &self.db else {
            return Ok(());
        };
        let gone: Vec<(i64,)> = sqlx::query_as(GONE).fetch_all(pool).await?;
        for (model,) in gone {
            for (name, _) in graphs(pool, model).await? {
                let sql = format!("DROP INDEX IF EXISTS {name}");
                sqlx::query(AssertSqlSafe(sql)).execute(pool).await?;
            }
        }
        Ok(())
    }
}

/// The names of a model's graphs that can be walked.
pub(super) async fn usable(pool: &PgPool, model: i64) -> Result<HashSet<String>> {
    let graphs = graphs(pool, model).await?.into_iter();
    Ok(graphs
        .filter(|(_, valid)| *valid)
        .map(|(name, _)| name)
        .collect())
}

async fn graphs(pool: &PgPool, model: i64) -> Result<Vec<(String, bool)>> {
    let mut all: Vec<(String, bool)> = sqlx::query_as(GRAPHS).fetch_all(pool).await?;
    let mine = name(model, "");
    all.retain(|(name, _)| name.starts_with(&mine));
    Ok(all)
}

/// How the graph of a scope is called.
pub(super) fn name(model: i64, scope: &str) -> String {
    format!("vectors_near_{model}_{scope}")
}

/// Whether a scope's token can stand in a statement and in a name: small letters and digits, and not
/// longer than PostgreSQL's names. The longer ones are those of single persons, who have no such heaps.
fn fits(scope: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=30).contains(&scope.len()) && scope.bytes().all(plain)
}

/// The expression that a graph is made of, and its sort of distance.
fn expression(model: ModelRow) -> Option<(String, &'static str)> {
    let size = model.dimensions;
    let (sort, ops) = match size {
        1..=MOST_WHOLE => ("vector", "vector_cosine_ops"),
        ..=MOST_HALF if size > 0 => ("halfvec", "halfvec_cosine_ops"),
        _ => return None,
    };
    Some((format!("{sort}({size})"), ops))
}

/// The statement that walks a graph for the nearest `most`; `$1` is the question. The number stands in
/// it, or the planner would reckon with thousands.
pub(super) fn walk(model: ModelRow, scope: &str, most: usize) -> String {
    let (sort, _) = expression(model).unwrap_or_else(|| ("vector".to_owned(), ""));
    let id = model.id;
    format!(
        "WITH near AS MATERIALIZED (SELECT chunk_id, embedding FROM vectors
             WHERE model_id = {id} AND scope = '{scope}' AND embedding IS NOT NULL
             ORDER BY CAST(embedding AS {sort}) <=> (SELECT CAST($1 AS {sort})) LIMIT {most})
         SELECT n.chunk_id, CAST(1 - (n.embedding <=> (SELECT CAST($1 AS vector))) AS real),
                d.id IS NOT NULL FROM near n
         LEFT JOIN chunks c ON c.id = n.chunk_id AND c.scope = '{scope}'
         LEFT JOIN documents d ON d.id = c.document_id AND d.state = 'ready'"
    )
}

async fn build(pool: &PgPool, model: ModelRow, scopes: &[String]) -> Result<()> {
    let Some((sort, ops)) = expression(model) else {
        return Ok(());
    };
    // A connection of its own, since it keeps a lock and waits for long.
    let mut connection = pool.acquire().await?.detach();
    let (alone,): (bool,) = sqlx::query_as("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut connection)
        .await?;
    if alone {
        sqlx::query("SET maintenance_work_mem = '256MB'")
            .execute(&mut connection)
            .await?;
        for scope in scopes.iter().filter(|scope| fits(scope)) {
            let (name, id) = (name(model.id, scope), model.id);
            // One that was begun and not finished stands in the way.
            for sql in [
                format!("DROP INDEX IF EXISTS {name}"),
                format!(
                    "CREATE INDEX CONCURRENTLY {name} ON vectors
                     USING hnsw (CAST(embedding AS {sort}) {ops})
                     WHERE model_id = {id} AND scope = '{scope}' AND embedding IS NOT NULL"
                ),
            ] {
                sqlx::query(AssertSqlSafe(sql))
                    .execute(&mut connection)
                    .await?;
            }
        }
    }
    connection.close().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_tokens_go_into_statements() {
        assert!(fits("g") && fits("t01hzx3v5p7k9m1n3q5r7t9w1xy"));
        assert!(!fits("") && !fits("G") && !fits("g'") && !fits(&"o".repeat(51)));
        let longest = name(i64::MAX, &"t".repeat(30));
        assert!(longest.len() <= 63, "{longest}");
    }

    #[test]
    fn long_vectors_are_halved_and_endless_ones_have_no_graph() {
        let sort = |dimensions| expression(ModelRow { id: 1, dimensions }).map(|(sort, _)| sort);
        assert_eq!(sort(384).unwrap(), "vector(384)");
        assert_eq!(sort(3_072).unwrap(), "halfvec(3072)");
        assert_eq!(sort(9_000), None);
        assert_eq!(sort(0), None);
    }
}
