//! People who may be in danger: what was seen in their messages, the humans who were told, and how long they are left
//! alone with what can wait.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

use crate::model::{Address, ArtistId, OutboundId, PageId, PersonId, Setting, Time};

use super::approvals::filled;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::lanes::word;
use super::{Store, Write};

const CARE_UNTIL: Sql = same("SELECT care_until FROM persons WHERE id = $1");
const BEGIN_CARE: Sql = dialect!(
    "UPDATE persons SET care_until = CAST(j.value ->> 'until' AS BIGINT) FROM" each
    "WHERE persons.id = j.value ->> 'person'
     AND persons.care_until < CAST(j.value ->> 'until' AS BIGINT)"
);
const TOLD: Sql = same("SELECT noticed_at, talking_since FROM persons WHERE id = $1");
const TELL: Sql = dialect!(
    "UPDATE persons SET noticed_at = CAST(j.value ->> 'noticed' AS BIGINT),
            talking_since = CAST(j.value ->> 'since' AS BIGINT) FROM" each
    "WHERE persons.id = j.value ->> 'person'"
);
const SIGN: Sql = dialect!(
    "INSERT INTO signs (key, person_id, sign, seen_at)
     SELECT j.value ->> 'key', j.value ->> 'person', j.value ->> 'sign',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (key) DO NOTHING"
);
// What faded long ago is not kept.
const FADE: Sql = dialect!(
    "DELETE FROM signs WHERE EXISTS (SELECT 1 FROM" each
    "WHERE signs.person_id = j.value ->> 'person'
     AND signs.seen_at < CAST(j.value ->> 'before' AS BIGINT))"
);
const SIGNS: Sql = same(
    "SELECT sign FROM signs WHERE person_id = $1 AND seen_at >= $2
     ORDER BY seen_at DESC, key DESC LIMIT $3",
);
const PUT_PAGE: Sql = dialect!(
    "INSERT INTO pages (id, person_id, artist_id, level, topic, other, signs, address, setting,
            excerpt, language, state, circle, opened_at, changed_at, taken_by, taken_at)
     SELECT j.value ->> 'id', j.value ->> 'person', COALESCE(j.value ->> 'artist', ''),
            j.value ->> 'level', j.value ->> 'topic', CAST(j.value ->> 'other' AS BIGINT),
            CAST(j.value ->> 'signs' AS BIGINT), j.value ->> 'address', j.value ->> 'setting',
            j.value ->> 'excerpt', j.value ->> 'language', j.value ->> 'state',
            CAST(j.value ->> 'circle' AS BIGINT),
            CAST(j.value ->> 'opened_at' AS BIGINT), CAST(j.value ->> 'changed_at' AS BIGINT),
            COALESCE(j.value ->> 'taken_by', ''), CAST(j.value ->> 'taken_at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO UPDATE SET level = excluded.level, topic = excluded.topic,
            other = excluded.other, signs = excluded.signs, address = excluded.address,
            setting = excluded.setting, excerpt = excluded.excerpt,
            language = excluded.language, state = excluded.state,
            circle = excluded.circle, changed_at = excluded.changed_at,
            taken_by = excluded.taken_by, taken_at = excluded.taken_at"
);

macro_rules! page {
    ($rest:literal) => {
        same(concat!(
            "SELECT id, person_id, artist_id, level, topic, other, signs, address, setting, excerpt,
                    language, state, circle, opened_at, changed_at, taken_by, taken_at FROM pages ",
            $rest
        ))
    };
}

const PAGE: Sql = page!("WHERE id = $1");
const LAST_PAGE: Sql = page!("WHERE person_id = $1 ORDER BY id DESC LIMIT 1");
const CARD: Sql = dialect!(
    "INSERT INTO page_cards (key, page_id, person_id, outbound_id, address, created_at)
     SELECT j.value ->> 'key', j.value ->> 'page', COALESCE(j.value ->> 'person', ''),
            j.value ->> 'outbound', j.value ->> 'address', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (key) DO NOTHING"
);
// Where a chat moved, its letter went on under a key of its own.
const CARDS: Sql = same(
    "SELECT c.person_id, o.id, o.address FROM page_cards c
     JOIN outbound o ON o.key IN (c.key, c.key || ':moved') WHERE c.page_id = $1 ORDER BY o.id",
);

/// A page: humans are told that somebody may be in danger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    pub id: PageId,
    /// Who may be in danger, or wrote of somebody who is.
    pub person: PersonId,
    /// For whom they work.
    pub artist: Option<ArtistId>,
    /// `high` or `imminent`.
    pub level: String,
    pub topic: String,
    /// 1: it is about somebody else; 0 otherwise.
    pub other: i64,
    /// How many signs there were.
    pub signs: i64,
    /// Where the last one was.
    pub address: Address,
    pub setting: Setting,
    /// As few words as are needed to judge it; may be empty.
    pub excerpt: String,
    /// The code of the language in which they are told that somebody is there; may be empty.
    pub language: String,
    /// `open` or `taken`.
    pub state: String,
    /// How often more people were told.
    pub circle: i64,
    pub opened_at: Time,
    pub changed_at: Time,
    pub taken_by: Option<PersonId>,
    /// 0 = nobody has.
    pub taken_at: Time,
}

/// A copy of a page in a chat.
#[derive(Debug, Clone, Serialize)]
pub struct NewPageCard {
    pub key: String,
    pub page: PageId,
    /// Nobody: whoever reads along in a chat that was named in the settings.
    pub person: Option<PersonId>,
    pub outbound: OutboundId,
    pub address: Address,
    pub at: Time,
}

/// A copy of a page as it stands in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageCard {
    pub person: Option<PersonId>,
    pub outbound: OutboundId,
    pub address: Address,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    person_id: String,
    artist_id: String,
    level: String,
    topic: String,
    other: i64,
    signs: i64,
    address: String,
    setting: String,
    excerpt: String,
    language: String,
    state: String,
    circle: i64,
    opened_at: i64,
    changed_at: i64,
    taken_by: String,
    taken_at: i64,
}

impl Row {
    fn read(self) -> Result<Page> {
        Ok(Page {
            id: self.id.parse()?,
            person: self.person_id.parse()?,
            artist: filled(&self.artist_id)?,
            level: self.level,
            topic: self.topic,
            other: self.other,
            signs: self.signs,
            address: self.address.parse()?,
            setting: word(&self.setting)?,
            excerpt: self.excerpt,
            language: self.language,
            state: self.state,
            circle: self.circle,
            opened_at: Time::from_ms(self.opened_at),
            changed_at: Time::from_ms(self.changed_at),
            taken_by: filled(&self.taken_by)?,
            taken_at: Time::from_ms(self.taken_at),
        })
    }
}

impl Page {
    /// The row as it is from now on.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn write(&self) -> Result<Write> {
        Write::new(PUT_PAGE, std::slice::from_ref(self))
    }
}

impl Write {
    /// Copies of a page that are on their way.
    pub fn page_cards(cards: &[NewPageCard]) -> Result<Self> {
        Self::new(CARD, cards)
    }

    /// Until then a person is left alone with what can wait; never shortens it.
    pub fn begin_care(person: PersonId, until: Time) -> Result<Self> {
        Self::new(BEGIN_CARE, &[json!({"person": person, "until": until})])
    }

    /// When a person was told last that Toney is an AI, and since when they have been talking.
    pub fn told_of_ai(person: PersonId, noticed: Time, since: Time) -> Result<Self> {
        let row = json!({"person": person, "noticed": noticed, "since": since});
        Self::new(TELL, &[row])
    }

    /// What was seen in a message, as JSON without a word of it; the same `key` is the same message.
    pub fn sign((person, key): (PersonId, &str), sign: &str, at: Time) -> Result<Self> {
        let row = json!({"key": key, "person": person, "sign": sign, "at": at});
        Self::new(SIGN, &[row])
    }

    /// Forgets what was seen in a person's messages before that.
    pub fn fade_signs(person: PersonId, before: Time) -> Result<Self> {
        Self::new(FADE, &[json!({"person": person, "before": before})])
    }
}

impl Store {
    /// Until when a person is left alone with nudges and with talk of money; the beginning of time = they are not.
    pub async fn care_until(&self, person: PersonId) -> Result<Time> {
        let found: Option<(i64,)> = reading!(&self.db, CARE_UNTIL, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_optional(pool).await?
        });
        Ok(found.map_or_else(Time::default, |(until,)| Time::from_ms(until)))
    }

    /// When a person was told last that Toney is an AI, and since when they have been talking.
    pub async fn told_of_ai(&self, person: PersonId) -> Result<(Time, Time)> {
        let found: Option<(i64, i64)> = reading!(&self.db, TOLD, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_optional(pool).await?
        });
        let (noticed, since) = found.unwrap_or_default();
        Ok((Time::from_ms(noticed), Time::from_ms(since)))
    }

    /// What was seen in a person's last messages since then, the oldest first; JSON.
    pub async fn signs(&self, person: PersonId, since: Time, most: usize) -> Result<Vec<String>> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows: Vec<(String,)> = reading!(&self.db, SIGNS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            let query = query.bind(since.ms()).bind(most);
            query.fetch_all(pool).await?
        });
        Ok(rows.into_iter().rev().map(|(sign,)| sign).collect())
    }

    /// A page.
    pub async fn page(&self, id: PageId) -> Result<Option<Page>> {
        let row: Option<Row> = reading!(&self.db, PAGE, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query
                .fetch_optional(pool)
                .await
                .with_context(|| format!("Reading {id}"))?
        });
        row.map(Row::read).transpose()
    }

    /// The newest page about a person.
    pub async fn last_page(&self, person: PersonId) -> Result<Option<Page>> {
        let row: Option<Row> = reading!(&self.db, LAST_PAGE, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_optional(pool).await?
        });
        row.map(Row::read).transpose()
    }

    /// Every copy of a page that is in the outbox, wherever its sending stands.
    pub async fn page_cards(&self, id: PageId) -> Result<Vec<PageCard>> {
        let rows: Vec<(String, String, String)> = reading!(&self.db, CARDS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_all(pool).await?
        });
        let rows = rows.into_iter();
        rows.map(|(person, outbound, address)| {
            Ok(PageCard {
                person: filled(&person)?,
                outbound: outbound.parse()?,
                address: address.parse()?,
            })
        })
        .collect()
    }
}
