//! Releases as far as they are asked for.

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::model::{ApprovalId, ArtistId, PersonId, ReleaseId, Time};

use super::Store;
use super::approvals::filled;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

const PUT: Sql = dialect!(
    "INSERT INTO releases (id, artist_id, person_id, title, released_on, notes, links, revision,
            state, approval_id, note, created_at, updated_at)
     SELECT j.value ->> 'id', j.value ->> 'artist', j.value ->> 'person', j.value ->> 'title',
            j.value ->> 'date', j.value ->> 'notes', j.value ->> 'links',
            CAST(j.value ->> 'revision' AS BIGINT), j.value ->> 'state', j.value ->> 'approval',
            '', CAST(j.value ->> 'at' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO UPDATE SET title = excluded.title,
            released_on = excluded.released_on, notes = excluded.notes, links = excluded.links,
            revision = excluded.revision, state = excluded.state, note = '',
            updated_at = excluded.updated_at WHERE releases.revision < excluded.revision"
);
// What was decided about an older revision says nothing about a newer one.
const DECIDED: Sql = dialect!(
    "UPDATE releases SET state = j.value ->> 'state', note = j.value ->> 'note',
            updated_at = CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE releases.approval_id = j.value ->> 'approval'
     AND releases.revision = CAST(j.value ->> 'revision' AS BIGINT)"
);

macro_rules! columns {
    ($rest:literal) => {
        same(concat!(
            "SELECT id, artist_id, person_id, title, released_on, notes, links, revision, state,
                    approval_id, note, updated_at FROM releases ",
            $rest
        ))
    };
}

const OF_ARTIST: Sql = columns!("WHERE artist_id = $1 ORDER BY id DESC LIMIT $2");
const OF_APPROVAL: Sql = columns!("WHERE approval_id = $1");
/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Release {
    pub id: ReleaseId,
    pub artist: ArtistId,
    /// Who asked for it; nobody where they were erased.
    pub person: Option<PersonId>,
    pub title: String,
    pub date: String,
    pub notes: String,
    /// Where the files are, with blanks between the links.
    pub links: String,
    pub revision: i64,
    /// `requested`, or what was decided.
    pub state: String,
    pub approval: ApprovalId,
    /// Why it was rejected or sent back, or empty.
    pub note: String,
    pub at: Time,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    artist_id: String,
    person_id: String,
    title: String,
    released_on: String,
    notes: String,
    links: String,
    revision: i64,
    state: String,
    approval_id: String,
    note: String,
    updated_at: i64,
}

impl Row {
    fn read(self) -> Result<Release> {
        Ok(Release {
            id: self.id.parse()?,
            artist: self.artist_id.parse()?,
            person: filled(&self.person_id)?,
            title: self.title,
            date: self.released_on,
            notes: self.notes,
            links: self.links,
            revision: self.revision,
            state: self.state,
            approval: self.approval_id.parse()?,
            note: self.note,
            at: Time::from_ms(self.updated_at),
        })
    }
}

impl Write {
    /// A release, or its next revision.
    pub fn release(release: &Release) -> Result<Self> {
        let person = release.person.map(|person| person.to_string());
        Self::new(
            PUT,
            &[json!({
                "id": release.id, "artist": release.artist, "person": person.unwrap_or_default(),
                "title": release.title, "date": release.date, "notes": release.notes,
                "links": release.links, "revision": release.revision, "state": release.state,
                "approval": release.approval, "at": release.at,
            })],
        )
    }

    /// What was decided about a revision of a release.
    pub fn release_decided(
        (approval, revision): (ApprovalId, i64),
        (state, note): (&str, &str),
        at: Time,
    ) -> Result<Self> {
        let row = json!({
            "approval": approval, "revision": revision, "state": state, "note": note, "at": at,
        });
        Self::new(DECIDED, &[row])
    }
}

impl Store {
    /// An artist's releases, the newest first.
    pub async fn releases(&self, artist: ArtistId, limit: i64) -> Result<Vec<Release>> {
        let rows: Vec<Row> = reading!(&self.db, OF_ARTIST, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string()).bind(limit);
            query.fetch_all(pool).await?
        });
        rows.into_iter().map(Row::read).collect()
    }

    /// The release that a request is about.
    pub async fn release_of(&self, approval: ApprovalId) -> Result<Option<Release>> {
        let row: Option<Row> = reading!(&self.db, OF_APPROVAL, |sql, pool| {
            let query = sqlx::query_as(sql).bind(approval.to_string());
            query.fetch_optional(pool).await?
        });
        row.map(Row::read).transpose()
    }
}
