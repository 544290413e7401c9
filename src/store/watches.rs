//! Who is looked at next for something worth a word: one row for each person and trigger, found by when it is due.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::model::{ArtistId, PersonId, Standing, Time};

use super::Store;
use super::conversations::same;
use super::db::{Db, Sql, dialect, reading};
use super::tx::{Tx, rows};
use super::write::Write;

/// What stands in the place of a trigger's name for somebody who is to be watched from now on.
pub const NEWCOMER: &str = "";

// The index gives them in this order, so that nobody sorts those that are due at the same time.
const DUE: Sql = same(
    "SELECT person_id, kind, due_at, episode FROM watches WHERE due_at <= $1
     ORDER BY due_at, person_id, kind LIMIT $2",
);
const PLAN: Sql = Sql {
    sqlite: "EXPLAIN QUERY PLAN SELECT person_id, kind, due_at, episode FROM watches
             WHERE due_at <= $1 ORDER BY due_at, person_id, kind LIMIT $2",
    postgres: "EXPLAIN SELECT person_id, kind, due_at, episode FROM watches
               WHERE due_at <= $1 ORDER BY due_at, person_id, kind LIMIT $2",
};
// Whoever was erased meanwhile is not watched again.
const BEGIN: Sql = dialect!(
    "INSERT INTO watches (person_id, kind, due_at)
     SELECT p.id, j.value ->> 'kind', CAST(j.value ->> 'due' AS BIGINT) FROM" each
    "JOIN persons p ON p.id = j.value ->> 'person'
     WHERE TRUE ON CONFLICT (person_id, kind) DO NOTHING"
);
// Only as it was found: what was brought forward meanwhile is looked at again.
const ARM: Sql = dialect!(
    "UPDATE watches SET due_at = CAST(j.value ->> 'due' AS BIGINT), episode = j.value ->> 'episode'
     FROM" each
    "WHERE watches.person_id = j.value ->> 'person' AND watches.kind = j.value ->> 'kind'
     AND watches.due_at = CAST(j.value ->> 'was' AS BIGINT)"
);
const END: Sql = dialect!(
    "DELETE FROM watches WHERE (person_id, kind, due_at) IN
         (SELECT j.value ->> 'person', j.value ->> 'kind', CAST(j.value ->> 'was' AS BIGINT) FROM" each
    ")"
);
const FORWARD: Sql = dialect!(
    "UPDATE watches SET due_at = CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "JOIN memberships m ON m.artist_id = j.value ->> 'artist' AND m.standing <> 'fan'
     WHERE watches.person_id = m.person_id AND watches.kind = j.value ->> 'kind'"
);
// For whom somebody works, the one they chose first; and when they were last heard of in a direct chat.
const SEATS: Sql = dialect!(
    "SELECT m.person_id, m.artist_id, m.standing, a.name, p.zone, p.keeps_facts,
         COALESCE((SELECT MAX(c.last_at) FROM conversations c WHERE c.person_id = m.person_id
                   AND c.person_id <> '' AND c.setting = 'direct'), 0) AS last_at FROM" each
    "JOIN memberships m ON m.person_id = j.value ->> 'person' AND m.standing IN ('artist', 'manager')
     JOIN persons p ON p.id = m.person_id JOIN artists a ON a.id = m.artist_id
     ORDER BY m.person_id, CASE WHEN m.artist_id = p.artist_id THEN 0 ELSE 1 END, m.standing,
         m.created_at, m.artist_id"
);
const STEPS: Sql = same(
    "SELECT id, plan, goal, step, due_at, state, created_at, ended_at FROM milestones
     WHERE artist_id = $1 AND state <> 'dropped' ORDER BY due_at, place",
);
const TIPPED: Sql = same(
    "SELECT received_at, currency, net FROM tips
     WHERE artist_id = $1 AND received_at >= $2 AND state IN ('received', 'partly')
     ORDER BY received_at",
);

/// Somebody who is watched for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    pub person: PersonId,
    /// The trigger's name, or [`NEWCOMER`].
    pub kind: String,
    pub due: Time,
    /// What was said of last; empty = nothing yet.
    pub episode: String,
}

/// When a watch is due next.
#[derive(Debug, Clone, Serialize)]
pub struct Armed<'a> {
    pub person: PersonId,
    pub kind: &'a str,
    /// When it was due.
    pub was: Time,
    pub due: Time,
    pub episode: &'a str,
}

/// Somebody of an artist's team, as far as it matters for what is said unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    pub person: PersonId,
    /// For whom they work and as what, the artist they chose first.
    pub roles: Vec<Role>,
    /// Their time zone; empty = not known.
    pub zone: String,
    /// Whether what they say is kept in mind.
    pub keeps_facts: bool,
    /// When they were last heard of in a direct chat; 0 = never.
    pub last: Time,
}

/// What somebody is to an artist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub artist: ArtistId,
    pub standing: Standing,
    /// The artist's name.
    pub name: String,
}

/// A step of a plan with when it was made and done.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PlanStep {
    pub id: String,
    /// The same for all steps of one plan.
    pub plan: String,
    pub goal: String,
    pub step: String,
    pub due_at: i64,
    /// `open` or `done`.
    pub state: String,
    pub created_at: i64,
    pub ended_at: i64,
}

/// A tip, as far as it is counted.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Tipped {
    pub received_at: i64,
    pub currency: String,
    /// In the smallest unit.
    pub net: i64,
}

#[derive(Serialize)]
struct Begun<'a> {
    person: PersonId,
    kind: &'a str,
    due: Time,
}

#[derive(Serialize)]
struct Forward<'a> {
    artist: ArtistId,
    kind: &'a str,
    at: Time,
}

/// Watches somebody for these from now on, unless they are already.
pub fn begin_watches(person: PersonId, kinds: &[&str], due: Time) -> Result<Write> {
    let rows: Vec<_> = kinds
        .iter()
        .map(|kind| Begun { person, kind, due })
        .collect();
    Write::new(BEGIN, &rows)
}

/// Watches somebody from now on, in the transaction in which they join.
pub(super) async fn begin(tx: &mut Tx, person: PersonId, due: Time) -> Result<()> {
    let newcomer = [Begun {
        person,
        kind: NEWCOMER,
        due,
    }];
    tx.run(BEGIN, rows(&newcomer)?, &[]).await.map(drop)
}

/// Arms watches again that are as they were found.
pub fn arm_watches(watches: &[Armed<'_>]) -> Result<Write> {
    Write::new(ARM, watches)
}

/// Ends watches that are as they were found.
pub fn end_watches(watches: &[Armed<'_>]) -> Result<Write> {
    Write::new(END, watches)
}

/// Has an artist's team looked at for these at once.
pub fn bring_forward(artist: ArtistId, kinds: &[&str], at: Time) -> Result<Write> {
    let rows: Vec<_> = kinds
        .iter()
        .map(|kind| Forward { artist, kind, at })
        .collect();
    Write::new(FORWARD, &rows)
}

impl Store {
    /// The watches that are due, those that have waited longest first.
    pub async fn due_watches(&self, now: Time, limit: i64) -> Result<Vec<Watch>> {
        let rows: Vec<(String, String, i64, String)> = reading!(&self.db, DUE, |sql, pool| {
            sqlx::query_as(sql)
                .bind(now.ms())
                .bind(limit)
                .fetch_all(pool)
                .await
                .context("Reading which watches are due")?
        });
        let rows = rows.into_iter();
        rows.map(|(person, kind, due, episode)| {
            Ok(Watch {
                person: person.parse()?,
                kind,
                due: Time::from_ms(due),
                episode,
            })
        })
        .collect()
    }

    /// How the database finds the watches that are due, a line each.
    pub async fn plan_of_due_watches(&self, now: Time, limit: i64) -> Result<Vec<String>> {
        // Each tells it in columns of its own.
        Ok(match &self.db {
            Db::Sqlite { read, .. } => {
                let query = sqlx::query_as(PLAN.sqlite).bind(now.ms()).bind(limit);
                let rows: Vec<(i64, i64, i64, String)> = query.fetch_all(read).await?;
                rows.into_iter().map(|(_, _, _, line)| line).collect()
            }
            Db::Postgres { pool } => {
                let query = sqlx::query_as(PLAN.postgres).bind(now.ms()).bind(limit);
                let rows: Vec<(String,)> = query.fetch_all(pool).await?;
                rows.into_iter().map(|(line,)| line).collect()
            }
        })
    }

    /// Somebody of an artist's team; `None` where they work for nobody.
    pub async fn seat(&self, person: PersonId) -> Result<Option<Seat>> {
        Ok(self.seats(&[person]).await?.pop())
    }

    /// Those of these people who work for an artist, in one reading.
    pub async fn seats(&self, people: &[PersonId]) -> Result<Vec<Seat>> {
        type Row = (String, String, String, String, String, i64, i64);
        let asked: Vec<_> = people
            .iter()
            .map(|person| serde_json::json!({ "person": person }))
            .collect();
        let asked = rows(&asked)?;
        let found: Vec<Row> = reading!(&self.db, SEATS, |sql, pool| {
            let read = sqlx::query_as(sql).bind(asked).fetch_all(pool).await;
            read.context("Reading for whom people work")?
        });
        let mut seats: Vec<Seat> = Vec::new();
        for (person, artist, standing, name, zone, keeps_facts, last) in found {
            let person = person.parse()?;
            let role = Role {
                artist: artist.parse()?,
                standing: standing.parse()?,
                name,
            };
            match seats.last_mut().filter(|seat| seat.person == person) {
                Some(seat) => seat.roles.push(role),
                None => seats.push(Seat {
                    person,
                    roles: vec![role],
                    zone,
                    keeps_facts: keeps_facts != 0,
                    last: Time::from_ms(last),
                }),
            }
        }
        Ok(seats)
    }

    /// The steps of an artist's plan, what is due first leading.
    pub async fn plan_steps(&self, artist: ArtistId) -> Result<Vec<PlanStep>> {
        Ok(reading!(&self.db, STEPS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await?
        }))
    }

    /// The tips of an artist that came since, the oldest first.
    pub async fn tipped(&self, artist: ArtistId, since: Time) -> Result<Vec<Tipped>> {
        Ok(reading!(&self.db, TIPPED, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.bind(since.ms()).fetch_all(pool).await?
        }))
    }
}
