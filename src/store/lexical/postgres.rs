//! Searching PostgreSQL: a GIN index over terms names candidates, a product of sparse vectors ranks them there.

use std::fmt::Write as _;

use anyhow::Result;
use sqlx::PgPool;

use super::super::asker::Scope;
use super::super::bm25::{BUDGET, Fetch, Plan};
use super::{Counts, Entry, Hit};
use crate::model::terms::{LIMIT, Query};

const CHUNKS: &str =
    "SELECT CAST(COALESCE(SUM(chunks), 0) AS BIGINT) FROM term_scopes WHERE scope = ANY($1)";
const GLOBAL: &str = "SELECT term, chunks FROM terms WHERE term = ANY($1)";
const PERSONAL: &str = "SELECT wanted.term, CAST(SUM((SELECT COUNT(*) FROM chunk_terms t
         WHERE t.keys @> ARRAY[wanted.key] AND t.scope = wanted.scope)) AS BIGINT)
     FROM unnest($1, $2, $3) AS wanted(term, key, scope) GROUP BY wanted.term";
// Ranked before it is joined: only what may be shown is looked up. A row of which nothing may be read comes
// without its flag, so that whoever asks knows to ask for more.
const BEST: &str = "SELECT found.chunk_id, found.score, d.id IS NOT NULL AS readable FROM (
         SELECT f.chunk_id, f.scope, CAST(-(f.weights <#> CAST($4 AS sparsevec)) AS REAL) AS score
         FROM (SELECT chunk_id, scope, weights FROM chunk_terms
               WHERE keys && $1 AND (cardinality($2) = 0 OR keys && $2) AND scope = ANY($3) LIMIT $5) AS f
         ORDER BY score DESC, chunk_id LIMIT $6) AS found
     LEFT JOIN chunks c ON c.id = found.chunk_id AND c.scope = found.scope
     LEFT JOIN documents d ON d.id = c.document_id AND d.scope = c.scope AND d.state = 'ready'
     ORDER BY found.score DESC, found.chunk_id";

/// What stands in the inverted index for a term within a scope. Two may share a number: the scope of what is found
/// is compared as well.
fn key(scope: &str, term: u32) -> i32 {
    let key = if scope == "g" {
        term
    } else {
        let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        let hash = scope
            .bytes()
            .chain(term.to_le_bytes())
            .fold(0x811c_9dc5, mix);
        (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d)
    };
    i32::from_le_bytes(key.to_le_bytes())
}

fn keys_of(scopes: &[String], terms: &[u32]) -> Vec<i32> {
    let within = |term: &u32| {
        scopes
            .iter()
            .map(|scope| key(scope, *term))
            .collect::<Vec<_>>()
    };
    terms.iter().flat_map(within).collect()
}

/// The keys of a chunk as PostgreSQL writes an array.
pub(super) fn keys(scope: Scope, entry: &Entry) -> String {
    let terms: Vec<u32> = entry.terms.iter().map(|(term, _)| *term).collect();
    let mut text = String::from("{");
    for key in keys_of(&[scope.to_string()], &terms) {
        let comma = if text.len() > 1 { "," } else { "" };
        // Writing into a text never fails.
        write!(text, "{comma}{key}").ok();
    }
    text + "}"
}

/// Terms with their numbers as pgvector writes a sparse vector.
pub(super) fn vector(terms: &[(u32, f32)]) -> String {
    let mut text = String::from("{");
    for (term, number) in terms {
        let comma = if text.len() > 1 { "," } else { "" };
        write!(text, "{comma}{term}:{number}").ok();
    }
    write!(text, "}}/{LIMIT}").ok();
    text
}

pub(super) async fn search(
    pool: &PgPool,
    scopes: &[Scope],
    query: &Query,
    limit: usize,
) -> Result<Vec<Hit>> {
    let (global, personal): (Vec<Scope>, Vec<Scope>) =
        scopes.iter().partition(|scope| **scope == Scope::Global);
    let token = |scope: Scope| scope.to_string();
    let global: Vec<String> = global.into_iter().map(token).collect();
    let personal: Vec<String> = personal.into_iter().map(token).collect();
    let counts = counts(pool, &global, &personal, query).await?;
    let plan = Plan::new(query, counts.all, |term| counts.holding(term));
    let worth = vector(&plan.worth);
    let of_personal = Fetch::new(query, |term| counts.personal(term));
    let of_global = Fetch::new(query, |term| counts.global(term));
    let mut hits = best(pool, (&personal, &of_personal), &worth, limit).await?;
    hits.extend(best(pool, (&global, &of_global), &worth, limit).await?);
    Ok(hits)
}

async fn counts(
    pool: &PgPool,
    global: &[String],
    personal: &[String],
    query: &Query,
) -> Result<Counts> {
    let scopes: Vec<&String> = global.iter().chain(personal).collect();
    let (all,): (i64,) = sqlx::query_as(CHUNKS).bind(scopes).fetch_one(pool).await?;
    let mut counts = Counts {
        all: u64::try_from(all).unwrap_or_default(),
        ..Counts::default()
    };
    let number = |(term, chunks): (i64, i64)| {
        let term = u32::try_from(term).unwrap_or_default();
        (term, u64::try_from(chunks).unwrap_or_default())
    };
    let terms = query.terms();
    if !global.is_empty() {
        let terms: Vec<i64> = terms.iter().map(|term| i64::from(*term)).collect();
        let found = sqlx::query_as(GLOBAL).bind(terms).fetch_all(pool).await?;
        counts.global = found.into_iter().map(number).collect();
    }
    if !personal.is_empty() {
        let pairs: Vec<(u32, &String)> = terms
            .iter()
            .flat_map(|term| personal.iter().map(|scope| (*term, scope)))
            .collect();
        let terms: Vec<i64> = pairs.iter().map(|(term, _)| i64::from(*term)).collect();
        let keys: Vec<i32> = pairs
            .iter()
            .map(|(term, scope)| key(scope, *term))
            .collect();
        let scopes: Vec<&String> = pairs.iter().map(|(_, scope)| *scope).collect();
        let query = sqlx::query_as(PERSONAL).bind(terms).bind(keys).bind(scopes);
        counts.personal = query
            .fetch_all(pool)
            .await?
            .into_iter()
            .map(number)
            .collect();
    }
    Ok(counts)
}

/// The best chunks that may be read.
async fn best(
    pool: &PgPool,
    (scopes, fetch): (&[String], &Fetch),
    worth: &str,
    limit: usize,
) -> Result<Vec<Hit>> {
    let Fetch { essential, also } = fetch;
    if scopes.is_empty() || essential.is_empty() {
        return Ok(Vec::new());
    }
    let essential = keys_of(scopes, essential);
    let mut also = keys_of(scopes, also);
    let mut wanted = limit + limit / 2;
    loop {
        let found: Vec<(i64, f32, bool)> = sqlx::query_as(BEST)
            .bind(&essential)
            .bind(&also)
            .bind(scopes)
            .bind(worth)
            .bind(2 * i64::try_from(BUDGET)?)
            .bind(i64::try_from(wanted)?)
            .fetch_all(pool)
            .await?;
        if found.is_empty() && !also.is_empty() {
            also.clear();
            continue;
        }
        let all = found.len() < wanted || wanted > 2 * BUDGET;
        let readable = found.into_iter().filter(|(_, _, readable)| *readable);
        let hits: Vec<Hit> = readable
            .take(limit)
            .map(|(chunk, score, _)| Hit { chunk, score })
            .collect();
        if all || hits.len() == limit {
            return Ok(hits);
        }
        // Much of what was found belongs to documents that are being read or deleted.
        wanted *= 8;
    }
}
