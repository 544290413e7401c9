//! How an artist thanks, whom lately, and what workflows left behind: lists, tasks, notes. And the facts of a tip.

use std::collections::HashSet;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::model::{ArtistId, Money, PersonId, Time, TipFacts, TipId};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

const TIP: Sql = same(
    "SELECT t.artist_id, t.provider, t.person_id, t.payer, t.name, t.email, t.message, t.is_public,
            t.gross, t.currency, CAST(CASE WHEN EXISTS (SELECT 1 FROM tips o
                WHERE o.person_id = t.person_id AND o.person_id <> ''
                AND o.artist_id = t.artist_id AND o.paid = 1 AND o.id <> t.id
                AND (o.received_at < t.received_at OR (o.received_at = t.received_at AND o.id < t.id)))
            OR EXISTS (SELECT 1 FROM tips o
                WHERE o.provider = t.provider AND o.payer = t.payer AND o.payer <> ''
                AND o.artist_id = t.artist_id AND o.paid = 1 AND o.id <> t.id
                AND (o.received_at < t.received_at OR (o.received_at = t.received_at AND o.id < t.id)))
            OR EXISTS (SELECT 1 FROM tips o
                WHERE o.artist_id = t.artist_id AND o.email = t.email AND o.email <> ''
                AND o.paid = 1 AND o.id <> t.id
                AND (o.received_at < t.received_at OR (o.received_at = t.received_at AND o.id < t.id)))
            THEN 0 ELSE 1 END AS BIGINT) AS is_first
     FROM tips t WHERE t.id = $1 AND t.artist_id = $2",
);
const NAME: Sql = same("SELECT name FROM persons WHERE id = $1");
const VOICE: Sql = same(
    "SELECT artist_id, from_name, chat_text, mail_subject, mail_text, public_text, public_address,
            set_at FROM voices WHERE artist_id = $1",
);
const SPEAK: Sql = dialect!(
    "INSERT INTO voices (artist_id, from_name, chat_text, mail_subject, mail_text, public_text,
            public_address, set_at)
     SELECT j.value ->> 'artist_id', j.value ->> 'from_name', j.value ->> 'chat_text',
            j.value ->> 'mail_subject', j.value ->> 'mail_text', j.value ->> 'public_text',
            j.value ->> 'public_address',
            CAST(j.value ->> 'set_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (artist_id) DO UPDATE SET from_name = excluded.from_name,
            chat_text = excluded.chat_text, mail_subject = excluded.mail_subject,
            mail_text = excluded.mail_text, public_text = excluded.public_text,
            public_address = excluded.public_address, set_at = excluded.set_at"
);
const THANKED: Sql = same("SELECT way, thanked_at FROM thanks WHERE artist_id = $1 AND fan = $2");
const THANK: Sql = dialect!(
    "INSERT INTO thanks (artist_id, fan, way, thanked_at)
     SELECT j.value ->> 'artist_id', j.value ->> 'fan', j.value ->> 'way',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (artist_id, fan, way) DO UPDATE SET thanked_at = excluded.thanked_at"
);
// Whoever was thanked again since is left alone.
const UNTHANK: Sql = dialect!(
    "DELETE FROM thanks WHERE (artist_id, fan, way, thanked_at) IN
     (SELECT j.value ->> 'artist_id', j.value ->> 'fan', j.value ->> 'way',
             CAST(j.value ->> 'at' AS BIGINT) FROM" each ")"
);
const LIST: Sql = dialect!(
    "INSERT INTO fan_lists (artist_id, list, fan, name, added_at)
     SELECT j.value ->> 'artist_id', j.value ->> 'list', j.value ->> 'fan', j.value ->> 'name',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (artist_id, list, fan) DO NOTHING"
);
const TASK: Sql = dialect!(
    "INSERT INTO tasks (key, artist_id, text, person_id, created_at)
     SELECT j.value ->> 'key', j.value ->> 'artist_id', j.value ->> 'text', j.value ->> 'person_id',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (key) DO NOTHING"
);
const NOTE: Sql = dialect!(
    "INSERT INTO artist_notes (key, artist_id, text, minor, currency, person_id, at_once, created_at,
            told_at)
     SELECT j.value ->> 'key', j.value ->> 'artist_id', j.value ->> 'text',
            CAST(j.value ->> 'minor' AS BIGINT), j.value ->> 'currency', j.value ->> 'person_id',
            CAST(j.value ->> 'at_once' AS BIGINT), CAST(j.value ->> 'created_at' AS BIGINT),
            CAST(j.value ->> 'told_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (key) DO UPDATE SET told_at = excluded.told_at"
);
const WAITING: Sql = same(
    "SELECT key, artist_id, text, minor, currency, person_id, at_once, created_at, told_at
     FROM artist_notes WHERE artist_id = $1 AND told_at = 0 ORDER BY created_at, key",
);
const TOLD: Sql = same(
    "SELECT (SELECT COUNT(*) FROM artist_notes
             WHERE artist_id = $1 AND at_once = 1 AND created_at >= $2),
            CAST(EXISTS (SELECT 1 FROM artist_notes WHERE artist_id = $1 AND told_at = 0) AS INTEGER)",
);
const KNOWN: Sql = dialect!(
    "SELECT key FROM artist_notes WHERE key IN (SELECT j.value ->> 'key' FROM" each ")"
);

/// How an artist thanks; what is empty falls back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct VoiceRow {
    pub artist_id: String,
    /// Who stands as the sender of an e-mail.
    pub from_name: String,
    pub chat_text: String,
    pub mail_subject: String,
    pub mail_text: String,
    pub public_text: String,
    /// Where announcements go, or empty.
    pub public_address: String,
    pub set_at: i64,
}

/// Something the artist is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct NoteRow {
    pub key: String,
    pub artist_id: String,
    pub text: String,
    pub minor: i64,
    pub currency: String,
    pub person_id: String,
    /// 1: it was told by itself.
    pub at_once: i64,
    pub created_at: i64,
    /// 0: it waits for the digest.
    pub told_at: i64,
}

/// How the telling of an artist stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling {
    /// So many were told by themselves since then.
    pub at_once: usize,
    /// Some wait for a digest.
    pub is_waiting: bool,
}

#[derive(sqlx::FromRow)]
struct TipRow {
    artist_id: String,
    provider: String,
    person_id: String,
    payer: String,
    name: String,
    email: String,
    message: String,
    is_public: i64,
    gross: i64,
    currency: String,
    is_first: i64,
}

impl Write {
    /// How artists thank.
    pub fn voices(rows: &[VoiceRow]) -> Result<Self> {
        Self::new(SPEAK, rows)
    }

    /// A fan was thanked.
    pub fn thanked(artist: ArtistId, (fan, way): (&str, &str), at: Time) -> Result<Self> {
        let row = serde_json::json!({"artist_id": artist, "fan": fan, "way": way, "at": at});
        Self::new(THANK, &[row])
    }

    /// What was put down then did not become thanks.
    pub fn unthanked(artist: ArtistId, (fan, way): (&str, &str), at: Time) -> Result<Self> {
        let row = serde_json::json!({"artist_id": artist, "fan": fan, "way": way, "at": at});
        Self::new(UNTHANK, &[row])
    }

    /// A fan stands on a list.
    pub fn listed(
        artist: ArtistId,
        list: &str,
        (fan, name): (&str, &str),
        at: Time,
    ) -> Result<Self> {
        let row = serde_json::json!({
            "artist_id": artist, "list": list, "fan": fan, "name": name, "at": at,
        });
        Self::new(LIST, &[row])
    }

    /// Something to do.
    pub fn task(key: &str, artist: ArtistId, (text, fan): (&str, &str), at: Time) -> Result<Self> {
        let row = serde_json::json!({
            "key": key, "artist_id": artist, "text": text, "person_id": fan, "at": at,
        });
        Self::new(TASK, &[row])
    }

    /// What artists are told.
    pub fn notes(rows: &[NoteRow]) -> Result<Self> {
        Self::new(NOTE, rows)
    }
}

impl Store {
    /// What is known of a tip of an artist.
    pub async fn tip_facts(&self, artist: ArtistId, tip: TipId) -> Result<Option<TipFacts>> {
        let row: Option<TipRow> = reading!(&self.db, TIP, |sql, pool| {
            let query = sqlx::query_as(sql)
                .bind(tip.to_string())
                .bind(artist.to_string());
            query.fetch_optional(pool).await.context("Reading a tip")?
        });
        let Some(row) = row else { return Ok(None) };
        Ok(Some(TipFacts {
            tip,
            artist: row.artist_id.parse()?,
            provider: row.provider,
            person: row.person_id.parse().ok(),
            payer: row.payer,
            name: row.name,
            email: row.email,
            message: row.message,
            is_public: row.is_public != 0,
            gross: Money {
                minor: row.gross,
                currency: row.currency.parse()?,
            },
            is_first: row.is_first != 0,
        }))
    }

    /// What a person is called, as far as that is known.
    pub async fn name_of(&self, person: PersonId) -> Result<Option<String>> {
        let row: Option<(String,)> = reading!(&self.db, NAME, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_optional(pool).await.context("Reading a name")?
        });
        Ok(row.map(|(name,)| name))
    }

    /// How an artist thanks.
    pub async fn voice_of(&self, artist: ArtistId) -> Result<VoiceRow> {
        let row: Option<VoiceRow> = reading!(&self.db, VOICE, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query
                .fetch_optional(pool)
                .await
                .context("Reading a voice")?
        });
        Ok(row.unwrap_or_else(|| VoiceRow {
            artist_id: artist.to_string(),
            ..VoiceRow::default()
        }))
    }

    /// When a fan was thanked last, by way.
    pub async fn thanked(&self, artist: ArtistId, fan: &str) -> Result<Vec<(String, i64)>> {
        Ok(reading!(&self.db, THANKED, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string()).bind(fan);
            query.fetch_all(pool).await.context("Reading thanks")?
        }))
    }

    /// What waits to be told to an artist, the oldest first.
    pub async fn waiting_notes(&self, artist: ArtistId) -> Result<Vec<NoteRow>> {
        Ok(reading!(&self.db, WAITING, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await.context("Reading notes")?
        }))
    }

    /// How the telling of an artist stands.
    pub async fn telling(&self, artist: ArtistId, since: Time) -> Result<Telling> {
        let (at_once, waits): (i64, i32) = reading!(&self.db, TOLD, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            let row = query.bind(since.ms()).fetch_one(pool).await;
            row.context("Reading what an artist was told")?
        });
        Ok(Telling {
            at_once: usize::try_from(at_once).unwrap_or_default(),
            is_waiting: waits != 0,
        })
    }

    /// Which of these notes are known already.
    pub async fn known_notes(&self, keys: &[&str]) -> Result<HashSet<String>> {
        let keys = keys.iter().map(|key| serde_json::json!({ "key": key }));
        let keys = serde_json::Value::Array(keys.collect()).to_string();
        let rows: Vec<(String,)> = reading!(&self.db, KNOWN, |sql, pool| {
            let rows = sqlx::query_as(sql).bind(keys).fetch_all(pool).await;
            rows.context("Reading which notes are known")?
        });
        Ok(rows.into_iter().map(|(key,)| key).collect())
    }
}
