//! Searching SQLite: FTS5 names candidates, the terms kept beside each chunk give their scores.

use std::collections::HashMap;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension};

use super::super::asker::Scope;
use super::super::bm25::{BUDGET, Fetch, Plan};
use super::{Counts, Entry, Hit};
use crate::model::terms::Query;

/// Most candidates that are scored.
const MOST: i64 = 2 * BUDGET as i64;

const CHUNKS: &str = "SELECT chunks FROM term_scopes WHERE scope = ?1";
const HOLDING: &str = "SELECT chunks FROM terms WHERE term = ?1";
const COUNT: &str = "SELECT COUNT(*) FROM lexical WHERE lexical MATCH ?1";
// The newest first, where there are too many.
const CANDIDATES: &str =
    "SELECT rowid FROM lexical WHERE lexical MATCH ?1 ORDER BY rowid DESC LIMIT ?2";
// The scope stood in the index already; this is the row itself.
const TERMS: &str = "SELECT length, terms, scope FROM chunk_terms WHERE chunk_id = ?1";
const READABLE: &str = "SELECT 1 FROM chunks c JOIN documents d ON d.id = c.document_id
     WHERE c.id = ?1 AND c.scope = ?2 AND d.scope = c.scope AND d.state = 'ready'";

/// What stands in the inverted index for a chunk: each of its terms, within its scope.
pub(super) fn tokens(scope: &str, entry: &Entry) -> String {
    let mut tokens = String::with_capacity(entry.terms.len() * (scope.len() + 8));
    for (term, _) in &entry.terms {
        token(scope, *term, &mut tokens);
        tokens.push(' ');
    }
    tokens
}

/// Letters and digits alone, so that a token can be no syntax; a scope's length follows from its first letter.
fn token(scope: &str, term: u32, to: &mut String) {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    to.push_str(scope);
    let mut left = term as usize;
    while left > 0 {
        to.push(char::from(DIGITS.get(left % 36).copied().unwrap_or(b'0')));
        left /= 36;
    }
}

/// Any of the terms in any of the scopes, as FTS5 writes it.
fn any(scopes: &[String], terms: &[u32]) -> String {
    let mut text = String::new();
    for term in terms {
        for scope in scopes {
            text.push_str(if text.is_empty() { "\"" } else { " OR \"" });
            token(scope, *term, &mut text);
            text.push('"');
        }
    }
    text
}

pub(super) fn search(
    conn: &Connection,
    scopes: &[Scope],
    query: &Query,
    limit: usize,
) -> Result<Vec<Hit>> {
    let (global, personal): (Vec<Scope>, Vec<Scope>) =
        scopes.iter().partition(|scope| **scope == Scope::Global);
    let token = |scope: Scope| scope.to_string();
    let global: Vec<String> = global.into_iter().map(token).collect();
    let personal: Vec<String> = personal.into_iter().map(token).collect();
    let counts = counts(conn, &global, &personal, query)?;
    let plan = Plan::new(query, counts.all, |term| counts.holding(term));
    let mut hits = Vec::new();
    for (scopes, fetch) in [
        (&personal, Fetch::new(query, |term| counts.personal(term))),
        (&global, Fetch::new(query, |term| counts.global(term))),
    ] {
        let candidates = candidates(conn, scopes, &fetch)?;
        hits.extend(best(conn, (&plan, scopes), candidates, limit)?);
    }
    Ok(hits)
}

fn counts(
    conn: &Connection,
    global: &[String],
    personal: &[String],
    query: &Query,
) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut chunks = conn.prepare_cached(CHUNKS)?;
    for scope in global.iter().chain(personal) {
        counts.all += number(chunks.query_row([scope], first).optional()?);
    }
    let mut holding = conn.prepare_cached(HOLDING)?;
    let mut count = conn.prepare_cached(COUNT)?;
    for term in query.terms() {
        if !global.is_empty() {
            let chunks = holding.query_row([term], first).optional()?;
            counts.global.insert(term, number(chunks));
        }
        if !personal.is_empty() {
            let chunks = count.query_row([any(personal, &[term])], first)?;
            counts.personal.insert(term, number(Some(chunks)));
        }
    }
    Ok(counts)
}

fn first(row: &rusqlite::Row<'_>) -> rusqlite::Result<i64> {
    row.get(0)
}

fn number(count: Option<i64>) -> u64 {
    count
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or_default()
}

fn candidates(conn: &Connection, scopes: &[String], fetch: &Fetch) -> Result<Vec<i64>> {
    let Fetch { essential, also } = fetch;
    if scopes.is_empty() || essential.is_empty() {
        return Ok(Vec::new());
    }
    let essential = any(scopes, essential);
    let mut statement = conn.prepare_cached(CANDIDATES)?;
    let mut ask = |text: &str| -> Result<Vec<i64>> {
        let found = statement.query_map((text, MOST), |row| row.get(0))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    };
    if also.is_empty() {
        return ask(&essential);
    }
    let found = ask(&format!("({essential}) AND ({})", any(scopes, also)))?;
    if found.is_empty() {
        ask(&essential)
    } else {
        Ok(found)
    }
}

/// The best of the candidates that may be read.
fn best(
    conn: &Connection,
    (plan, scopes): (&Plan, &[String]),
    candidates: Vec<i64>,
    limit: usize,
) -> Result<Vec<Hit>> {
    let mut terms = conn.prepare_cached(TERMS)?;
    let mut scored: Vec<(Hit, usize)> = Vec::with_capacity(candidates.len());
    let known: HashMap<&str, usize> = scopes.iter().map(String::as_str).zip(0..).collect();
    for chunk in candidates {
        let mut rows = terms.query([chunk])?;
        let Some(row) = rows.next()? else { continue };
        let scope = known.get(row.get_ref(2)?.as_str()?);
        let score = plan.score(row.get_ref(1)?.as_blob()?, row.get(0)?);
        if let (Some(&scope), Some(score)) = (scope, score) {
            scored.push((Hit { chunk, score }, scope));
        }
    }
    scored.sort_by(|(one, _), (other, _)| {
        other
            .score
            .total_cmp(&one.score)
            .then(one.chunk.cmp(&other.chunk))
    });
    let mut readable = conn.prepare_cached(READABLE)?;
    let mut hits = Vec::with_capacity(limit);
    for (hit, scope) in scored {
        if hits.len() == limit {
            break;
        }
        if readable.exists((hit.chunk, scopes.get(scope)))? {
            hits.push(hit);
        }
    }
    Ok(hits)
}
