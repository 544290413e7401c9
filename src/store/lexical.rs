//! The lexical index: which passages say the words of a question.
//!
//! Candidates come from an inverted index whose entries are a term *within a scope*: FTS5 on SQLite, a GIN index on
//! PostgreSQL. A question in one scope never walks the entries of another, however many there are. Both rank by
//! [`super::bm25`]: SQLite here, from the terms kept beside each chunk, PostgreSQL by a product of sparse vectors
//! that hold the same weights. How rare a word is, is counted over what the asker reaches and nothing else, so no
//! score tells anything about other people's documents. Whatever is found is held against scope and state of its
//! document before it leaves.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use serde_json::json;

use crate::model::{Target, hex, terms::Query};

use super::Store;
use super::asker::{Asker, Scope};
use super::bm25::{pack, unpack, weight};
use super::db::{Db, Sql, dialect};
use super::documents::NewChunk;
use super::tx::{Tx, row, rows};

mod postgres;
mod sqlite;

const PUT: Sql = Sql {
    sqlite: "INSERT INTO chunk_terms (chunk_id, scope, length, terms)
        SELECT j.value ->> 'id', j.value ->> 'scope', j.value ->> 'length', unhex(j.value ->> 'terms')
        FROM jsonb_each($1) AS j",
    postgres: "INSERT INTO chunk_terms (chunk_id, scope, length, terms, keys, weights)
        SELECT CAST(j.value ->> 'id' AS BIGINT), j.value ->> 'scope', CAST(j.value ->> 'length' AS BIGINT),
               decode(j.value ->> 'terms', 'hex'), CAST(j.value ->> 'keys' AS INTEGER[]),
               CAST(j.value ->> 'weights' AS sparsevec)
        FROM json_array_elements(CAST($1 AS json)) AS j(value)",
};
// Only SQLite keeps the inverted index as a table of its own.
const PUT_TOKENS: Sql = Sql {
    sqlite: "INSERT INTO lexical (rowid, tokens) SELECT j.value ->> 'id', j.value ->> 'tokens'
        FROM jsonb_each($1) AS j",
    postgres: "",
};
const TAKE: Sql = dialect!(
    "DELETE FROM chunk_terms WHERE chunk_id IN (SELECT CAST(j.value ->> 'id' AS BIGINT) FROM" each
    ") RETURNING chunk_id, scope, length, terms"
);
const DROP_TOKENS: Sql = Sql {
    sqlite: "DELETE FROM lexical WHERE rowid IN (SELECT j.value ->> 'id' FROM jsonb_each($1) AS j)",
    postgres: "",
};
const COUNT_TERMS: Sql = dialect!(
    "INSERT INTO terms (term, chunks)
     SELECT CAST(j.value ->> 'term' AS BIGINT), CAST(j.value ->> 'by' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (term) DO UPDATE SET chunks = terms.chunks + excluded.chunks"
);
const DROP_TERMS: Sql = dialect!(
    "DELETE FROM terms WHERE chunks <= 0 AND term IN
     (SELECT CAST(j.value ->> 'term' AS BIGINT) FROM" each ")"
);
const COUNT_CHUNKS: Sql = dialect!(
    "INSERT INTO term_scopes (scope, chunks)
     SELECT j.value ->> 'scope', CAST(j.value ->> 'by' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (scope) DO UPDATE SET chunks = term_scopes.chunks + excluded.chunks"
);
const DROP_SCOPES: Sql = dialect!(
    "DELETE FROM term_scopes WHERE chunks <= 0 AND scope IN (SELECT j.value ->> 'scope' FROM" each ")"
);

/// A chunk that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub chunk: i64,
    /// The higher the better; comparable within one list only.
    pub score: f32,
}

/// What a search for words found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranked {
    /// The best first.
    pub hits: Vec<Hit>,
    /// What a passage scores that says everything that was asked about once. A best hit far below it says little
    /// of what was asked.
    pub whole: f32,
}

/// A chunk as the index keeps it.
#[derive(sqlx::FromRow)]
struct Kept {
    chunk_id: i64,
    scope: String,
    length: i64,
    terms: Vec<u8>,
}
row!(Kept {
    chunk_id,
    scope,
    length,
    terms
});

/// What one asker's question is held against.
#[derive(Debug, Default)]
struct Counts {
    /// How many chunks are reached.
    all: u64,
    /// How many chunks of the knowledge of the trade hold a term.
    global: HashMap<u32, u64>,
    /// How many of the asker's own do.
    personal: HashMap<u32, u64>,
}

impl Counts {
    fn global(&self, term: u32) -> u64 {
        self.global.get(&term).copied().unwrap_or_default()
    }

    fn personal(&self, term: u32) -> u64 {
        self.personal.get(&term).copied().unwrap_or_default()
    }

    fn holding(&self, term: u32) -> u64 {
        self.global(term) + self.personal(term)
    }
}

impl Store {
    /// The chunks that say most of a question, the best first: at most `limit` personal ones and as many of the
    /// knowledge of the trade, as far as the target wants them and the asker reaches them.
    pub async fn lexical(
        &self,
        asker: &Asker,
        target: Target,
        query: &Query,
        limit: usize,
    ) -> Result<Ranked> {
        let scopes = asker.scopes(target);
        if query.is_empty() || scopes.is_empty() || limit == 0 {
            return Ok(Ranked::default());
        }
        let mut ranked = match &self.db {
            Db::Sqlite { search, .. } => {
                let query = query.clone();
                let look =
                    move |conn: &rusqlite::Connection| sqlite::search(conn, &scopes, &query, limit);
                search.run(look).await?
            }
            Db::Postgres { pool } => postgres::search(pool, &scopes, query, limit).await?,
        };
        ranked.hits.sort_by(|one, other| {
            other
                .score
                .total_cmp(&one.score)
                .then(one.chunk.cmp(&other.chunk))
        });
        Ok(ranked)
    }
}

/// Adds chunks that were just stored.
pub(super) async fn index(tx: &mut Tx, scope: Scope, chunks: &[(i64, &NewChunk)]) -> Result<()> {
    let entry = |(id, chunk): &(i64, &NewChunk)| Entry {
        id: *id,
        length: chunk.length,
        terms: chunk.terms.clone(),
    };
    let entries: Vec<Entry> = chunks.iter().map(entry).collect();
    put(tx, scope, &entries).await
}

/// Removes chunks, and every trace of their words.
pub(super) async fn forget(tx: &mut Tx, chunks: &[i64]) -> Result<()> {
    take(tx, chunks).await.map(drop)
}

/// Lets others find chunks, and those who found them no longer.
pub(super) async fn move_to(tx: &mut Tx, chunks: &[i64], scope: Scope) -> Result<()> {
    let entries = take(tx, chunks).await?;
    put(tx, scope, &entries).await
}

struct Entry {
    id: i64,
    length: u32,
    terms: Vec<(u32, u8)>,
}

async fn put(tx: &mut Tx, scope: Scope, entries: &[Entry]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let token = scope.to_string();
    let on_postgres = matches!(tx, Tx::Postgres(_));
    let row = |entry: &Entry| {
        let mut row = json!({
            "id": entry.id, "scope": token, "length": entry.length, "terms": hex(pack(&entry.terms)),
        });
        if on_postgres && let Some(row) = row.as_object_mut() {
            row.insert("keys".to_owned(), postgres::keys(scope, entry).into());
            row.insert(
                "weights".to_owned(),
                postgres::vector(&entry.weights()).into(),
            );
        }
        row
    };
    let new: Vec<_> = entries.iter().map(row).collect();
    tx.run(PUT, rows(&new)?, &[]).await?;
    if !on_postgres {
        let tokens =
            |entry: &Entry| json!({"id": entry.id, "tokens": sqlite::tokens(&token, entry)});
        let tokens: Vec<_> = entries.iter().map(tokens).collect();
        tx.run(PUT_TOKENS, rows(&tokens)?, &[]).await?;
    }
    count(tx, scope, entries, 1).await
}

/// Takes chunks out of the index; answers what it kept of them.
async fn take(tx: &mut Tx, chunks: &[i64]) -> Result<Vec<Entry>> {
    let ids: Vec<_> = chunks.iter().map(|id| json!({"id": id})).collect();
    let ids = rows(&ids)?;
    if matches!(tx, Tx::Sqlite(_)) {
        tx.run(DROP_TOKENS, ids.clone(), &[]).await?;
    }
    let kept: Vec<Kept> = tx.read(TAKE, ids, &[]).await?;
    let mut by_scope: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for Kept {
        chunk_id,
        scope,
        length,
        terms,
    } in kept
    {
        by_scope.entry(scope).or_default().push(Entry {
            id: chunk_id,
            length: u32::try_from(length).unwrap_or_default(),
            terms: unpack(&terms).flatten().collect(),
        });
    }
    let mut all = Vec::new();
    for (scope, entries) in by_scope {
        count(tx, scope.parse()?, &entries, -1).await?;
        all.extend(entries);
    }
    Ok(all)
}

/// Keeps the counts: how many chunks a scope has, and how many chunks of the knowledge of the trade hold a term.
/// Rows are touched in the order of their keys, so that two who count never wait for each other.
async fn count(tx: &mut Tx, scope: Scope, entries: &[Entry], by: i64) -> Result<()> {
    let chunks = i64::try_from(entries.len())?;
    let change = rows(&[json!({"scope": scope.to_string(), "by": by * chunks})])?;
    tx.run(COUNT_CHUNKS, change.clone(), &[]).await?;
    if by < 0 {
        tx.run(DROP_SCOPES, change, &[]).await?;
    }
    if scope != Scope::Global {
        return Ok(());
    }
    let mut terms: BTreeMap<u32, i64> = BTreeMap::new();
    for (term, _) in entries.iter().flat_map(|entry| &entry.terms) {
        *terms.entry(*term).or_default() += by;
    }
    let change = |(term, by)| json!({"term": term, "by": by});
    let change = rows(&terms.into_iter().map(change).collect::<Vec<_>>())?;
    tx.run(COUNT_TERMS, change.clone(), &[]).await?;
    if by < 0 {
        tx.run(DROP_TERMS, change, &[]).await?;
    }
    Ok(())
}

impl Entry {
    /// How much the chunk says each of its terms.
    fn weights(&self) -> Vec<(u32, f32)> {
        let weight = |&(term, count): &(u32, u8)| (term, weight(count, self.length));
        self.terms.iter().map(weight).collect()
    }
}
