//! Texts that were written for artists, what people think of answers, and who asked for a human.

use anyhow::Result;
use serde::Serialize;

use crate::model::{Address, ArtistId, DraftId, FeedbackId, PersonId, RequestId, Time, TurnId};

use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::{Store, Write};

const DRAFT: Sql = dialect!(
    "INSERT INTO drafts (id, person_id, artist_id, kind, brief, manner, text, before, created_at)
     SELECT j.value ->> 'id', j.value ->> 'person', COALESCE(j.value ->> 'artist', ''),
            j.value ->> 'kind', j.value ->> 'brief', j.value ->> 'manner', j.value ->> 'text',
            COALESCE(j.value ->> 'before', ''), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const KEEP: Sql = dialect!(
    "UPDATE drafts SET kept = 1 FROM" each "WHERE drafts.id = j.value ->> 'id'"
);
const FIND: Sql =
    same("SELECT id, kind, brief, manner, text FROM drafts WHERE id = $1 AND person_id = $2");
const KEPT: Sql = same(
    "SELECT id, kind, brief, manner, text FROM drafts
     WHERE artist_id = $1 AND artist_id <> '' AND kept = 1 ORDER BY id DESC LIMIT $2",
);
const FEEDBACK: Sql = dialect!(
    "INSERT INTO feedback (id, person_id, turn_id, good, reason, words, created_at)
     SELECT j.value ->> 'id', j.value ->> 'person', j.value ->> 'turn',
            CAST(j.value ->> 'good' AS BIGINT), j.value ->> 'reason', j.value ->> 'words',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (turn_id, person_id) DO UPDATE SET good = excluded.good,
            reason = CASE WHEN excluded.reason = '' AND excluded.good = feedback.good
                     THEN feedback.reason ELSE excluded.reason END,
            words = CASE WHEN excluded.words = '' AND excluded.good = feedback.good
                    THEN feedback.words ELSE excluded.words END"
);
const REQUEST: Sql = dialect!(
    "INSERT INTO human_requests (id, person_id, artist_id, address, words, created_at)
     SELECT j.value ->> 'id', j.value ->> 'person', COALESCE(j.value ->> 'artist', ''),
            j.value ->> 'address', j.value ->> 'words', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const TAKE: Sql = dialect!(
    "UPDATE human_requests SET state = 'taken', taken_by = j.value ->> 'by' FROM" each
    "WHERE human_requests.id = j.value ->> 'id' AND human_requests.state = 'open'"
);
const OPEN: Sql = same(
    "SELECT person_id, artist_id, address, words, state, taken_by FROM human_requests WHERE id = $1",
);

const LAST: Sql = same(
    "SELECT m.turn_id FROM messages m JOIN conversations c ON c.session_id = m.session_id
     WHERE c.address = $1 AND m.role = 'toney' AND m.turn_id <> '' ORDER BY m.id DESC LIMIT 1",
);

/// A text that was written for an artist.
#[derive(Debug, Clone, Serialize)]
pub struct NewDraft {
    pub id: DraftId,
    pub person: PersonId,
    pub artist: Option<ArtistId>,
    pub kind: String,
    pub brief: String,
    /// How it was to be, as JSON.
    pub manner: String,
    pub text: String,
    /// The draft that it changes.
    pub before: Option<DraftId>,
    pub at: Time,
}

/// A draft as it stands.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Draft {
    pub id: String,
    pub kind: String,
    pub brief: String,
    /// JSON.
    pub manner: String,
    pub text: String,
}

/// What somebody thinks of an answer.
#[derive(Debug, Clone, Serialize)]
pub struct NewFeedback {
    pub id: FeedbackId,
    pub person: PersonId,
    pub turn: TurnId,
    /// 1: it helped; 0: it did not.
    pub good: i64,
    /// What was wrong in a word of ours, or empty.
    pub reason: String,
    /// What was wrong in the person's words, or empty.
    pub words: String,
    pub at: Time,
}

/// Somebody asks for a human.
#[derive(Debug, Clone, Serialize)]
pub struct NewHumanRequest {
    pub id: RequestId,
    pub person: PersonId,
    pub artist: Option<ArtistId>,
    /// Where they asked.
    pub address: Address,
    pub words: String,
    pub at: Time,
}

/// A request for a human as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HumanRequest {
    pub person: PersonId,
    pub artist: Option<ArtistId>,
    pub address: Address,
    pub words: String,
    /// Who took it on.
    pub taken_by: Option<PersonId>,
}

#[derive(Serialize)]
struct Id<T: Serialize> {
    id: T,
}

#[derive(Serialize)]
struct Taken {
    id: RequestId,
    by: PersonId,
}

#[derive(sqlx::FromRow)]
struct RequestRow {
    person_id: String,
    artist_id: String,
    address: String,
    words: String,
    state: String,
    taken_by: String,
}

impl NewDraft {
    /// Makes it stand.
    pub fn write(&self) -> Result<Write> {
        Write::new(DRAFT, &[self])
    }
}

impl NewFeedback {
    /// Makes it stand in the place of what the person thought before.
    pub fn write(&self) -> Result<Write> {
        Write::new(FEEDBACK, &[self])
    }
}

impl NewHumanRequest {
    /// Makes it stand.
    pub fn write(&self) -> Result<Write> {
        Write::new(REQUEST, &[self])
    }
}

impl Store {
    /// The turn that answered last at an address.
    pub async fn last_answer(&self, address: &Address) -> Result<Option<TurnId>> {
        let row: Option<(String,)> = reading!(&self.db, LAST, |sql, pool| {
            let query = sqlx::query_as(sql).bind(address.to_string());
            query.fetch_optional(pool).await?
        });
        row.map(|(turn,)| Ok(turn.parse()?)).transpose()
    }

    /// A draft is good: the next ones are to sound like it.
    pub fn keep_draft(id: DraftId) -> Result<Write> {
        Write::new(KEEP, &[Id { id }])
    }

    /// A draft that was written for this person.
    pub async fn draft(&self, id: DraftId, person: PersonId) -> Result<Option<Draft>> {
        Ok(reading!(&self.db, FIND, |sql, pool| {
            sqlx::query_as(sql)
                .bind(id.to_string())
                .bind(person.to_string())
                .fetch_optional(pool)
                .await?
        }))
    }

    /// The newest drafts that were good, which say how the artist sounds.
    pub async fn kept_drafts(&self, artist: ArtistId, most: i64) -> Result<Vec<Draft>> {
        Ok(reading!(&self.db, KEPT, |sql, pool| {
            sqlx::query_as(sql)
                .bind(artist.to_string())
                .bind(most)
                .fetch_all(pool)
                .await?
        }))
    }

    /// Somebody took a request for a human on.
    pub fn take_request(id: RequestId, by: PersonId) -> Result<Write> {
        Write::new(TAKE, &[Taken { id, by }])
    }

    /// The request for a human of that id.
    pub async fn human_request(&self, id: RequestId) -> Result<Option<HumanRequest>> {
        let row: Option<RequestRow> = reading!(&self.db, OPEN, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        });
        row.map(|row| {
            Ok(HumanRequest {
                person: row.person_id.parse()?,
                artist: row.artist_id.parse().ok(),
                address: row.address.parse()?,
                words: row.words,
                taken_by: match row.state.as_str() {
                    "taken" => row.taken_by.parse().ok(),
                    _ => None,
                },
            })
        })
        .transpose()
    }
}
