//! What Toney would do once somebody presses, and what a press takes back again.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::model::{ArtistId, PersonId, ProposalId, Time};

use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::{Store, Write};

const PROPOSE: Sql = dialect!(
    "INSERT INTO proposals (id, person_id, artist_id, capability, args, kind, preview, expires_at,
            created_at)
     SELECT j.value ->> 'id', j.value ->> 'person', COALESCE(j.value ->> 'artist', ''),
            j.value ->> 'capability', j.value ->> 'args', j.value ->> 'kind',
            j.value ->> 'preview', CAST(j.value ->> 'expires_at' AS BIGINT),
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const SETTLE: Sql = dialect!(
    "UPDATE proposals SET state = j.value ->> 'state', ended_at = CAST(j.value ->> 'at' AS BIGINT)
     FROM" each "WHERE proposals.id = j.value ->> 'id' AND proposals.state = 'open'"
);
const FIND: Sql = same(
    "SELECT person_id, artist_id, capability, args, kind, state, preview, expires_at
     FROM proposals WHERE id = $1",
);
const NEWEST: Sql = same(
    "SELECT id FROM proposals WHERE person_id = $1 AND state = 'open' AND kind = 'confirm'
     AND expires_at > $2 ORDER BY id DESC LIMIT 1",
);

/// What Toney would do.
#[derive(Debug, Clone, Serialize)]
pub struct NewProposal {
    pub id: ProposalId,
    /// Who has to press.
    pub person: PersonId,
    pub artist: Option<ArtistId>,
    pub capability: String,
    /// JSON.
    pub args: String,
    /// `confirm` or `undo`.
    pub kind: &'static str,
    /// What a press does, in words.
    pub preview: String,
    pub expires_at: Time,
    pub at: Time,
}

/// A proposal as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub person: PersonId,
    pub capability: String,
    /// JSON.
    pub args: String,
    /// Whether it takes something back.
    pub undoes: bool,
    /// Whether nobody has pressed yet.
    pub is_open: bool,
    /// Whether it was done.
    pub is_done: bool,
    pub preview: String,
    pub expires_at: Time,
    pub artist: Option<ArtistId>,
}

#[derive(Serialize)]
struct Settled {
    id: ProposalId,
    state: &'static str,
    at: Time,
}

#[derive(sqlx::FromRow)]
struct Row {
    person_id: String,
    artist_id: String,
    capability: String,
    args: String,
    kind: String,
    state: String,
    preview: String,
    expires_at: i64,
}

impl NewProposal {
    /// Makes it stand.
    pub fn write(&self) -> Result<Write> {
        Write::new(PROPOSE, &[self])
    }
}

impl Store {
    /// A proposal that was taken up (`done`) or turned down ends.
    pub fn settle(id: ProposalId, done: bool, at: Time) -> Result<Write> {
        let state = if done { "done" } else { "declined" };
        Write::new(SETTLE, &[Settled { id, state, at }])
    }

    /// The proposal of that id.
    pub async fn proposal(&self, id: ProposalId) -> Result<Option<Proposal>> {
        let row: Option<Row> = reading!(&self.db, FIND, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        });
        row.map(|row| {
            Ok(Proposal {
                person: row.person_id.parse().context("Whose proposal")?,
                artist: row.artist_id.parse().ok(),
                capability: row.capability,
                args: row.args,
                undoes: row.kind == "undo",
                is_open: row.state == "open",
                is_done: row.state == "done",
                preview: row.preview,
                expires_at: Time::from_ms(row.expires_at),
            })
        })
        .transpose()
    }

    /// What waits for somebody's own press since last, if anything does.
    pub async fn newest_proposal(&self, person: PersonId, now: Time) -> Result<Option<ProposalId>> {
        let row: Option<(String,)> = reading!(&self.db, NEWEST, |sql, pool| {
            sqlx::query_as(sql)
                .bind(person.to_string())
                .bind(now.ms())
                .fetch_optional(pool)
                .await?
        });
        row.map(|(id,)| Ok(id.parse()?)).transpose()
    }
}
