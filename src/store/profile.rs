//! What is known of an artist, and how a person wants to be treated.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{ArtistId, GoalId, MessageId, PersonId, Time};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::lanes::word;
use super::write::Write;

const PUT_FIELD: Sql = dialect!(
    "INSERT INTO profiles (artist_id, field, value, source, person_id, message_id, set_at)
     SELECT j.value ->> 'artist', j.value ->> 'field', j.value ->> 'value', j.value ->> 'source',
            COALESCE(j.value ->> 'person', ''), COALESCE(j.value ->> 'message', ''),
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (artist_id, field) DO UPDATE SET value = excluded.value,
            source = excluded.source, person_id = excluded.person_id,
            message_id = excluded.message_id, set_at = excluded.set_at"
);
const DROP_FIELD: Sql = dialect!(
    "DELETE FROM profiles WHERE EXISTS (SELECT 1 FROM" each
    "WHERE profiles.artist_id = j.value ->> 'artist' AND profiles.field = j.value ->> 'field')"
);
const FIELDS: Sql = same(
    "SELECT field, value, source, person_id, message_id, set_at FROM profiles
     WHERE artist_id = $1 ORDER BY field",
);
// The same goal twice is one.
const PUT_GOAL: Sql = dialect!(
    "INSERT INTO goals (id, artist_id, kind, text, state, was_proposed, person_id, message_id,
            created_at, changed_at)
     SELECT j.value ->> 'id', j.value ->> 'artist', j.value ->> 'kind', j.value ->> 'text',
            j.value ->> 'state', CAST(j.value ->> 'was_proposed' AS BIGINT),
            COALESCE(j.value ->> 'person', ''), COALESCE(j.value ->> 'message', ''),
            CAST(j.value ->> 'created' AS BIGINT), CAST(j.value ->> 'changed' AS BIGINT) FROM" each
    "WHERE NOT EXISTS (SELECT 1 FROM goals g WHERE g.artist_id = j.value ->> 'artist'
            AND g.kind = j.value ->> 'kind' AND LOWER(g.text) = LOWER(j.value ->> 'text')
            AND g.state IN ('open', 'proposed') AND g.id <> j.value ->> 'id')
     ON CONFLICT (id) DO UPDATE SET text = excluded.text, state = excluded.state,
            changed_at = excluded.changed_at"
);
const DROP_GOAL: Sql = dialect!(
    "DELETE FROM goals WHERE id IN (SELECT j.value ->> 'id' FROM" each ")"
);
const GOALS: Sql = same(
    "SELECT id, artist_id, kind, text, state, was_proposed, person_id, message_id, created_at,
            changed_at FROM goals WHERE artist_id = $1 ORDER BY id",
);
const GOAL: Sql = same(
    "SELECT id, artist_id, kind, text, state, was_proposed, person_id, message_id, created_at,
            changed_at FROM goals WHERE id = $1",
);
const RENAME: Sql = dialect!(
    "UPDATE artists SET name = j.value ->> 'name' FROM" each
    "WHERE artists.id = j.value ->> 'artist' AND NOT EXISTS (SELECT 1 FROM artists a
            WHERE a.name = j.value ->> 'name')"
);
const TOUCH: Sql = dialect!(
    "INSERT INTO contexts (artist_id, version)
     SELECT j.value ->> 'artist', 1 FROM" each
    "WHERE TRUE ON CONFLICT (artist_id) DO UPDATE SET version = contexts.version + 1"
);
const VERSION: Sql = same("SELECT version FROM contexts WHERE artist_id = $1");
const MANNERS: Sql = same(
    "SELECT name, language, speaks, zone, artist_id, keeps_facts, reminders, spoken_to
     FROM persons WHERE id = $1",
);
const PUT_MANNERS: Sql = dialect!(
    "UPDATE persons SET speaks = j.value ->> 'speaks', zone = j.value ->> 'zone',
            artist_id = COALESCE(j.value ->> 'current', ''),
            keeps_facts = CAST(j.value ->> 'keeps_facts' AS BIGINT),
            reminders = CAST(j.value ->> 'reminders' AS BIGINT),
            spoken_to = CAST(j.value ->> 'spoken_to' AS BIGINT) FROM" each
    "WHERE persons.id = j.value ->> 'person'"
);
const SAID: Sql = same(
    "SELECT text, created_at FROM messages WHERE id = $1 AND person_id = $2 AND role = 'user'",
);
const FANS: Sql = same(
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN created_at > $2 THEN 1 ELSE 0 END), 0)
     FROM memberships WHERE artist_id = $1 AND standing = 'fan'",
);
const LAST_SEEN: Sql = same(
    "SELECT c.last_at, c.account FROM conversations c JOIN memberships m
         ON m.person_id = c.person_id AND m.artist_id = $1 AND m.standing = 'artist'
     WHERE c.person_id <> '' ORDER BY c.last_at DESC LIMIT 1",
);
const DOCUMENTS: Sql = same(
    "SELECT COUNT(*), COALESCE(MAX(updated_at), 0) FROM documents
     WHERE artist_id = $1 AND state = 'ready' AND scope = $2",
);

/// Where something that is known came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// `said`, `asked`, `settings`, `operator` or the name of a source.
    pub source: String,
    /// Who said it.
    pub person: Option<PersonId>,
    /// The line in which it was said.
    pub message: Option<MessageId>,
    pub at: Time,
}

/// A field of an artist's profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileField {
    pub field: String,
    pub value: String,
    pub origin: Origin,
}

/// Whether something is wanted or in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalKind {
    Goal,
    Pain,
}

/// Where a goal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalState {
    /// Toney has asked whether to note it.
    Proposed,
    Open,
    Done,
    /// It does not count any more.
    Dropped,
    /// It was proposed, and is none.
    Refused,
}

/// What an artist wants to reach, or what is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    pub id: GoalId,
    pub artist: ArtistId,
    pub kind: GoalKind,
    pub text: String,
    pub state: GoalState,
    pub was_proposed: bool,
    pub person: Option<PersonId>,
    pub message: Option<MessageId>,
    pub created: Time,
    pub changed: Time,
}

/// How a person wants to be treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    pub person: PersonId,
    pub name: String,
    /// The language of the platform's menus, as it told; may be empty.
    pub language: String,
    /// The language they chose; empty = the one they write in.
    pub speaks: String,
    /// The name of their time zone; empty = not known.
    pub zone: String,
    /// For whom they work now, where they work for several.
    pub current: Option<ArtistId>,
    /// Whether what they say of themselves is kept in mind.
    pub keeps_facts: bool,
    /// Whether they want to be reminded of what is open.
    pub reminders: bool,
    /// Whether voice notes are answered with a voice, too.
    pub spoken_to: bool,
}

/// What an artist's last days looked like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// When the artist wrote last, and over which account.
    pub last: Option<(Time, String)>,
    /// How many documents the team shares, and when the newest came.
    pub documents: (i64, Time),
}

#[derive(sqlx::FromRow)]
struct GoalRow {
    id: String,
    artist_id: String,
    kind: String,
    text: String,
    state: String,
    was_proposed: i64,
    person_id: String,
    message_id: String,
    created_at: i64,
    changed_at: i64,
}

#[derive(sqlx::FromRow)]
struct MannersRow {
    name: String,
    language: String,
    speaks: String,
    zone: String,
    artist_id: String,
    keeps_facts: i64,
    reminders: i64,
    spoken_to: i64,
}

/// Notes a field of an artist's profile, in place of what stood there.
pub fn put_field(artist: ArtistId, field: &ProfileField) -> Result<Write> {
    let ProfileField {
        field,
        value,
        origin,
    } = field;
    let row = json!({
        "artist": artist, "field": field, "value": value, "source": origin.source,
        "person": origin.person, "message": origin.message, "at": origin.at,
    });
    Write::new(PUT_FIELD, &[row])
}

/// Forgets a field.
pub fn drop_field(artist: ArtistId, field: &str) -> Result<Write> {
    Write::new(DROP_FIELD, &[json!({"artist": artist, "field": field})])
}

/// Notes a goal as it is now.
pub fn put_goal(goal: &Goal) -> Result<Write> {
    let Goal {
        id,
        artist,
        kind,
        text,
        state,
        was_proposed,
        person,
        message,
        created,
        changed,
    } = goal;
    let row = json!({
        "id": id, "artist": artist, "kind": kind, "text": text, "state": state,
        "was_proposed": i64::from(*was_proposed), "person": person, "message": message,
        "created": created, "changed": changed,
    });
    Write::new(PUT_GOAL, &[row])
}

/// Forgets a goal.
pub fn drop_goal(id: GoalId) -> Result<Write> {
    Write::new(DROP_GOAL, &[json!({"id": id})])
}

/// Gives an artist another name, unless somebody else has it.
pub fn rename_artist(artist: ArtistId, name: &str) -> Result<Write> {
    Write::new(RENAME, &[json!({"artist": artist, "name": name})])
}

/// What is kept in RAM about an artist is no longer true.
pub fn touch_context(artist: ArtistId) -> Result<Write> {
    Write::new(TOUCH, &[json!({"artist": artist})])
}

/// How a person wants to be treated from now on.
pub fn put_manners(manners: &Manners) -> Result<Write> {
    let row = json!({
        "person": manners.person, "speaks": manners.speaks, "zone": manners.zone,
        "current": manners.current, "keeps_facts": i64::from(manners.keeps_facts),
        "reminders": i64::from(manners.reminders), "spoken_to": i64::from(manners.spoken_to),
    });
    Write::new(PUT_MANNERS, &[row])
}

impl Store {
    /// What is known of an artist.
    pub async fn profile(&self, artist: ArtistId) -> Result<Vec<ProfileField>> {
        let rows: Vec<(String, String, String, String, String, i64)> =
            reading!(&self.db, FIELDS, |sql, pool| {
                let query = sqlx::query_as(sql).bind(artist.to_string());
                query.fetch_all(pool).await?
            });
        let rows = rows.into_iter();
        rows.map(|(field, value, source, person, message, at)| {
            let origin = Origin {
                source,
                person: some(person).map(|id| id.parse()).transpose()?,
                message: some(message).map(|id| id.parse()).transpose()?,
                at: Time::from_ms(at),
            };
            Ok(ProfileField {
                field,
                value,
                origin,
            })
        })
        .collect()
    }

    /// What an artist wants to reach and what is in the way, the oldest first; also what is over.
    pub async fn goals(&self, artist: ArtistId) -> Result<Vec<Goal>> {
        let rows: Vec<GoalRow> = reading!(&self.db, GOALS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await?
        });
        rows.into_iter().map(GoalRow::parse).collect()
    }

    /// One of them; whose it is, is the caller's to look at.
    pub async fn goal(&self, id: GoalId) -> Result<Option<Goal>> {
        let row: Option<GoalRow> = reading!(&self.db, GOAL, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        });
        row.map(GoalRow::parse).transpose()
    }

    /// The version of what is known about an artist.
    pub async fn context_version(&self, artist: ArtistId) -> Result<i64> {
        let found: Option<(i64,)> = reading!(&self.db, VERSION, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_optional(pool).await?
        });
        Ok(found.map_or(0, |(version,)| version))
    }

    /// How a person wants to be treated.
    pub async fn manners(&self, person: PersonId) -> Result<Manners> {
        let row: Option<MannersRow> = reading!(&self.db, MANNERS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_optional(pool).await?
        });
        let row = row.with_context(|| format!("{person} is nobody"))?;
        Ok(Manners {
            person,
            name: row.name,
            language: row.language,
            speaks: row.speaks,
            zone: row.zone,
            current: some(row.artist_id).map(|id| id.parse()).transpose()?,
            keeps_facts: row.keeps_facts != 0,
            reminders: row.reminders != 0,
            spoken_to: row.spoken_to != 0,
        })
    }

    /// What a person said in a line, and when; nobody else's words are shown.
    pub async fn said(&self, person: PersonId, line: MessageId) -> Result<Option<(String, Time)>> {
        let found: Option<(String, i64)> = reading!(&self.db, SAID, |sql, pool| {
            let query = sqlx::query_as(sql).bind(line.to_string());
            query.bind(person.to_string()).fetch_optional(pool).await?
        });
        Ok(found.map(|(text, at)| (text, Time::from_ms(at))))
    }

    /// How many fans an artist has, and how many of them came after `since`.
    pub async fn fans(&self, artist: ArtistId, since: Time) -> Result<(i64, i64)> {
        let found: (i64, i64) = reading!(&self.db, FANS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.bind(since.ms()).fetch_one(pool).await?
        });
        Ok(found)
    }

    /// What an artist did of late; of documents only those that the team shares.
    pub async fn activity(&self, artist: ArtistId) -> Result<Activity> {
        let last: Option<(i64, String)> = reading!(&self.db, LAST_SEEN, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_optional(pool).await?
        });
        let team = super::Scope::Team(artist).to_string();
        let documents: (i64, i64) = reading!(&self.db, DOCUMENTS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.bind(&team).fetch_one(pool).await?
        });
        Ok(Activity {
            last: last.map(|(at, account)| (Time::from_ms(at), account)),
            documents: (documents.0, Time::from_ms(documents.1)),
        })
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

impl GoalRow {
    fn parse(self) -> Result<Goal> {
        Ok(Goal {
            id: self.id.parse()?,
            artist: self.artist_id.parse()?,
            kind: word(&self.kind)?,
            text: self.text,
            state: word(&self.state)?,
            was_proposed: self.was_proposed != 0,
            person: some(self.person_id).map(|id| id.parse()).transpose()?,
            message: some(self.message_id).map(|id| id.parse()).transpose()?,
            created: Time::from_ms(self.created_at),
            changed: Time::from_ms(self.changed_at),
        })
    }
}
