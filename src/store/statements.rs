//! Statements of earnings: their lines, what is asked about them, and the figures they add up to.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::model::{ArtistId, Currency, Money, PersonId, StatementId, Time};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::tx::{Bind, Tx, rows};
use super::write::Write;

/// What a statement is, apart from its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementRow {
    pub id: StatementId,
    pub artist: ArtistId,
    pub person: PersonId,
    pub name: String,
    /// Who made it; empty = not known.
    pub source: String,
    pub profile: String,
    pub sha256: String,
    pub header_hash: String,
    /// `reading`, `asking`, `ready` or `removed`.
    pub state: String,
    /// Where its file is, while it is kept.
    pub path: String,
    /// JSON, while somebody is asked.
    pub question: String,
    pub row_count: i64,
    pub known_rows: i64,
    pub bad_rows: i64,
    /// JSON.
    pub wrongs: String,
    /// 202608; 0 = none.
    pub first_month: i64,
    pub last_month: i64,
    pub reported: String,
    pub created_at: Time,
    pub imported_at: Time,
}

/// A line of a statement.
#[derive(Debug, Clone, Serialize)]
pub struct StatementLine {
    pub statement: StatementId,
    pub artist: ArtistId,
    pub ordinal: i64,
    pub month: i64,
    pub store: String,
    pub territory: String,
    pub title: String,
    pub isrc: String,
    pub kind: &'static str,
    pub currency: String,
    pub quantity: i64,
    pub millionths: i64,
    pub rest: i64,
}

/// What lines are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinesBy {
    Nothing,
    Store,
    Territory,
    Title,
}

/// Which lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinesOf {
    pub artist: ArtistId,
    /// From one month to the other, as 202608.
    pub months: (i64, i64),
    pub by: LinesBy,
    /// In lower case; empty = everything.
    pub only: String,
}

/// Lines added up.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LineSum {
    pub currency: String,
    pub month: i64,
    pub name: String,
    pub millionths: i64,
    pub rest: i64,
}

/// A month of which a source sent something.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CoveredMonth {
    pub source: String,
    pub month: i64,
}

macro_rules! columns {
    () => {
        "SELECT id, artist_id, person_id, name, source, profile, sha256, header_hash, state, path, question,
         row_count, known_rows, bad_rows, wrongs, first_month, last_month, reported, created_at, imported_at
         FROM statements "
    };
}

const LIST: Sql = same(concat!(
    columns!(),
    "WHERE artist_id = $1 AND state IN ('ready', 'asking') ORDER BY created_at DESC, id DESC"
));
const ONE: Sql = same(concat!(columns!(), "WHERE artist_id = $1 AND id = $2"));
const ALIKE: Sql = same(concat!(
    columns!(),
    "WHERE artist_id = $1 AND sha256 = $2 AND state = 'ready' ORDER BY created_at LIMIT 1"
));
const OWNER: Sql = same("SELECT artist_id FROM statements WHERE id = $1 AND state <> 'removed'");
const MARKS: Sql = same(
    "SELECT m.marks FROM statement_marks m JOIN statements s ON s.id = m.statement_id
     WHERE s.artist_id = $1 AND s.state = 'ready' AND s.id <> $2",
);
const MAPPINGS: Sql =
    same("SELECT header_hash, mapping FROM statement_mappings WHERE artist_id = $1");
const COVERED: Sql = same(
    "SELECT DISTINCT s.source AS source, l.month AS month FROM statement_lines l
     JOIN statements s ON s.id = l.statement_id AND s.state = 'ready' WHERE l.artist_id = $1",
);
const REACHED: Sql = same("SELECT currency, minor FROM earnings_marks WHERE artist_id = $1");

macro_rules! sums {
    ($name:literal) => {
        same(concat!(
            "SELECT l.currency AS currency, l.month AS month, ",
            $name,
            " AS name, CAST(SUM(l.millionths) AS BIGINT) AS millionths, CAST(SUM(l.rest) AS BIGINT) AS rest
             FROM statement_lines l JOIN statements s ON s.id = l.statement_id AND s.state = 'ready'
             WHERE l.artist_id = $1 AND l.month BETWEEN $2 AND $3
             AND ($4 = '' OR lower(l.store) LIKE '%' || $4 || '%' OR lower(l.title) LIKE '%' || $4 || '%'
                  OR lower(l.territory) = $4 OR lower(l.isrc) = $4 OR lower(s.source) = $4)
             GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        ))
    };
}

const SUMS: [Sql; 4] = [
    sums!("''"),
    sums!("l.store"),
    sums!("l.territory"),
    sums!("CASE WHEN l.title <> '' THEN l.title ELSE l.isrc END"),
];

const PUT: Sql = dialect!(
    "INSERT INTO statements (id, artist_id, person_id, name, source, profile, sha256, header_hash, state, path, question,
         row_count, known_rows, bad_rows, wrongs, first_month, last_month, reported, created_at, imported_at)
     SELECT j.value ->> 'id', j.value ->> 'artist', j.value ->> 'person', j.value ->> 'name', j.value ->> 'source',
         j.value ->> 'profile', j.value ->> 'sha256', j.value ->> 'header_hash', j.value ->> 'state',
         j.value ->> 'path', j.value ->> 'question', CAST(j.value ->> 'row_count' AS BIGINT),
         CAST(j.value ->> 'known_rows' AS BIGINT), CAST(j.value ->> 'bad_rows' AS BIGINT), j.value ->> 'wrongs',
         CAST(j.value ->> 'first_month' AS BIGINT), CAST(j.value ->> 'last_month' AS BIGINT),
         j.value ->> 'reported', CAST(j.value ->> 'created_at' AS BIGINT),
         CAST(j.value ->> 'imported_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO UPDATE SET source = excluded.source, profile = excluded.profile,
         header_hash = excluded.header_hash, state = excluded.state, path = excluded.path,
         question = excluded.question, row_count = excluded.row_count, known_rows = excluded.known_rows,
         bad_rows = excluded.bad_rows, wrongs = excluded.wrongs, first_month = excluded.first_month,
         last_month = excluded.last_month, reported = excluded.reported, imported_at = excluded.imported_at
         WHERE statements.state <> 'removed'"
);
const PUT_LINES: Sql = dialect!(
    "INSERT INTO statement_lines (statement_id, ordinal, artist_id, month, store, territory, title, isrc, kind,
         currency, quantity, millionths, rest)
     SELECT j.value ->> 'statement', CAST(j.value ->> 'ordinal' AS BIGINT), j.value ->> 'artist',
         CAST(j.value ->> 'month' AS BIGINT), j.value ->> 'store', j.value ->> 'territory', j.value ->> 'title',
         j.value ->> 'isrc', j.value ->> 'kind', j.value ->> 'currency', CAST(j.value ->> 'quantity' AS BIGINT),
         CAST(j.value ->> 'millionths' AS BIGINT), CAST(j.value ->> 'rest' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (statement_id, ordinal) DO NOTHING"
);
const PUT_MARKS: Sql = dialect!(
    "INSERT INTO statement_marks (statement_id, part, marks)
     SELECT j.value ->> 'statement', CAST(j.value ->> 'part' AS BIGINT), j.value ->> 'marks' FROM" each
    "WHERE TRUE ON CONFLICT (statement_id, part) DO NOTHING"
);
const MAP: Sql = dialect!(
    "INSERT INTO statement_mappings (artist_id, header_hash, mapping, set_by, set_at)
     SELECT j.value ->> 'artist', j.value ->> 'header_hash', j.value ->> 'mapping', j.value ->> 'person',
         CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (artist_id, header_hash) DO UPDATE SET mapping = excluded.mapping,
         set_by = excluded.set_by, set_at = excluded.set_at"
);
const REACH: Sql = dialect!(
    "INSERT INTO earnings_marks (artist_id, currency, minor, reached_at)
     SELECT j.value ->> 'artist', j.value ->> 'currency', CAST(j.value ->> 'minor' AS BIGINT),
         CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (artist_id, currency, minor) DO NOTHING"
);
const REMOVE: Sql = same(
    "UPDATE statements SET state = 'removed', question = '' WHERE artist_id = $1 AND id = $2 AND state <> 'removed'",
);
const SWEEP_LINES: Sql = same(
    "DELETE FROM statement_lines WHERE statement_id = $1 AND ordinal IN
     (SELECT ordinal FROM statement_lines WHERE statement_id = $1 LIMIT 5000)",
);
const SWEEP_MARKS: Sql = same("DELETE FROM statement_marks WHERE statement_id = $1");
const SWEEP: Sql = same("DELETE FROM statements WHERE id = $1 AND state = 'removed'");
const REMOVED: Sql = same("SELECT id FROM statements WHERE artist_id = $1 AND state = 'removed'");

#[derive(Serialize)]
struct Marks<'a> {
    statement: StatementId,
    part: usize,
    marks: &'a str,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    artist_id: String,
    person_id: String,
    name: String,
    source: String,
    profile: String,
    sha256: String,
    header_hash: String,
    state: String,
    path: String,
    question: String,
    row_count: i64,
    known_rows: i64,
    bad_rows: i64,
    wrongs: String,
    first_month: i64,
    last_month: i64,
    reported: String,
    created_at: i64,
    imported_at: i64,
}

impl TryFrom<Raw> for StatementRow {
    type Error = anyhow::Error;

    fn try_from(raw: Raw) -> Result<Self> {
        Ok(Self {
            id: raw.id.parse()?,
            artist: raw.artist_id.parse()?,
            person: raw.person_id.parse()?,
            name: raw.name,
            source: raw.source,
            profile: raw.profile,
            sha256: raw.sha256,
            header_hash: raw.header_hash,
            state: raw.state,
            path: raw.path,
            question: raw.question,
            row_count: raw.row_count,
            known_rows: raw.known_rows,
            bad_rows: raw.bad_rows,
            wrongs: raw.wrongs,
            first_month: raw.first_month,
            last_month: raw.last_month,
            reported: raw.reported,
            created_at: Time::from_ms(raw.created_at),
            imported_at: Time::from_ms(raw.imported_at),
        })
    }
}

impl Write {
    /// A statement as it is now; one that was removed stays so.
    pub fn statement(row: &StatementRow) -> Result<Self> {
        Self::new(PUT, std::slice::from_ref(row))
    }

    /// How tables with these headers are to be read for an artist.
    pub fn mapping(
        artist: ArtistId,
        (header_hash, mapping): (&str, &str),
        (person, at): (PersonId, Time),
    ) -> Result<Self> {
        let row = serde_json::json!({
            "artist": artist, "header_hash": header_hash, "mapping": mapping, "person": person, "at": at,
        });
        Self::new(MAP, &[row])
    }

    /// An artist's earnings went over these.
    pub fn reached(artist: ArtistId, thresholds: &[Money], at: Time) -> Result<Self> {
        let row = |Money { minor, currency }: &Money| serde_json::json!({"artist": artist, "currency": currency, "minor": minor, "at": at});
        let rows: Vec<_> = thresholds.iter().map(row).collect();
        Self::new(REACH, &rows)
    }
}

impl Store {
    /// The statements of an artist, the newest first; those that are asked about with them.
    pub async fn statements(&self, artist: ArtistId) -> Result<Vec<StatementRow>> {
        let rows: Vec<Raw> = reading!(&self.db, LIST, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await.context("Reading statements")?
        });
        rows.into_iter().map(StatementRow::try_from).collect()
    }

    /// A statement of an artist, whatever became of it.
    pub async fn statement(
        &self,
        artist: ArtistId,
        id: StatementId,
    ) -> Result<Option<StatementRow>> {
        self.one_statement(ONE, artist, &id.to_string()).await
    }

    /// The statement of an artist that was made of the same file.
    pub async fn statement_of(
        &self,
        artist: ArtistId,
        sha256: &str,
    ) -> Result<Option<StatementRow>> {
        self.one_statement(ALIKE, artist, sha256).await
    }

    async fn one_statement(
        &self,
        sql: Sql,
        artist: ArtistId,
        what: &str,
    ) -> Result<Option<StatementRow>> {
        let row: Option<Raw> = reading!(&self.db, sql, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string()).bind(what);
            query
                .fetch_optional(pool)
                .await
                .context("Reading a statement")?
        });
        row.map(StatementRow::try_from).transpose()
    }

    /// Whose a statement is. Who may see it is asked of the asker.
    pub async fn artist_of_statement(&self, id: StatementId) -> Result<Option<ArtistId>> {
        let row: Option<(String,)> = reading!(&self.db, OWNER, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        });
        row.map(|(artist,)| Ok(artist.parse()?)).transpose()
    }

    /// The marks of all rows that count for an artist but those of one statement.
    pub async fn statement_marks(&self, artist: ArtistId, but: StatementId) -> Result<Vec<String>> {
        let rows: Vec<(String,)> = reading!(&self.db, MARKS, |sql, pool| {
            let query = sqlx::query_as(sql)
                .bind(artist.to_string())
                .bind(but.to_string());
            query.fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(marks,)| marks).collect())
    }

    /// How people said that tables are to be read: by the hash of their headers, JSON.
    pub async fn statement_mappings(&self, artist: ArtistId) -> Result<Vec<(String, String)>> {
        Ok(reading!(&self.db, MAPPINGS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await?
        }))
    }

    /// Puts some lines of a statement; they count once it is ready.
    pub async fn put_statement_lines(&self, lines: &[StatementLine]) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(PUT_LINES, rows(lines)?, &[]).await?;
        tx.commit().await
    }

    /// Puts the marks of a statement's rows.
    pub async fn put_statement_marks(
        &self,
        statement: StatementId,
        parts: &[String],
    ) -> Result<()> {
        for (part, marks) in parts.iter().enumerate() {
            let mut tx = Tx::begin(&self.db).await?;
            let row = Marks {
                statement,
                part,
                marks,
            };
            tx.run(PUT_MARKS, rows(&[row])?, &[]).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Deletes what stands of a statement, slice by slice, so that it can be begun anew.
    pub async fn clear_statement(&self, id: StatementId) -> Result<()> {
        loop {
            let mut tx = Tx::begin(&self.db).await?;
            let gone = tx.run(SWEEP_LINES, id.to_string(), &[]).await?;
            tx.commit().await?;
            if gone == 0 {
                break;
            }
        }
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(SWEEP_MARKS, id.to_string(), &[]).await?;
        tx.commit().await
    }

    /// Forgets a statement: its figures are gone at once, its lines slice by slice. False when it is gone already.
    pub async fn remove_statement(&self, artist: ArtistId, id: StatementId) -> Result<bool> {
        let mut tx = Tx::begin(&self.db).await?;
        let told = id.to_string();
        let gone = tx
            .run(REMOVE, artist.to_string(), &[Bind::Text(&told)])
            .await?;
        tx.commit().await?;
        self.sweep_statements(artist).await?;
        Ok(gone > 0)
    }

    /// Deletes what is left of the statements that were removed.
    pub async fn sweep_statements(&self, artist: ArtistId) -> Result<()> {
        let removed: Vec<(String,)> = reading!(&self.db, REMOVED, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await?
        });
        for (id,) in removed {
            self.clear_statement(id.parse()?).await?;
            let mut tx = Tx::begin(&self.db).await?;
            tx.run(SWEEP, id, &[]).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Lines added up by currency, month, and what is asked for.
    pub async fn statement_sums(&self, of: &LinesOf) -> Result<Vec<LineSum>> {
        let LinesOf {
            artist,
            months,
            by,
            only,
        } = of;
        let at = match by {
            LinesBy::Nothing => 0,
            LinesBy::Store => 1,
            LinesBy::Territory => 2,
            LinesBy::Title => 3,
        };
        let sql = SUMS.get(at).copied().context("Finding how to add up")?;
        Ok(reading!(&self.db, sql, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            let query = query.bind(months.0).bind(months.1).bind(only.as_str());
            query
                .fetch_all(pool)
                .await
                .context("Adding statements up")?
        }))
    }

    /// The months of which each source sent something.
    pub async fn statement_months(&self, artist: ArtistId) -> Result<Vec<CoveredMonth>> {
        Ok(reading!(&self.db, COVERED, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await?
        }))
    }

    /// The thresholds that an artist's earnings went over.
    pub async fn thresholds_reached(&self, artist: ArtistId) -> Result<Vec<Money>> {
        let rows: Vec<(String, i64)> = reading!(&self.db, REACHED, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await?
        });
        let money = |(currency, minor): (String, i64)| {
            let currency: Currency = currency.parse()?;
            Ok(Money { minor, currency })
        };
        rows.into_iter().map(money).collect()
    }
}
