//! What is said unasked: what waits, what was sent, and what became of it.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

use crate::model::{Address, Impulse, NudgeId, PersonId, SessionId, Time};

use super::Store;
use super::approvals::filled;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

// One trigger speaks once of one episode.
const TAKE: Sql = dialect!(
    "INSERT INTO nudges (id, person_id, artist_id, category, kind, episode, priority, is_exempt,
            text, why, deed, expires_at, created_at)
     SELECT j.value ->> 'id', j.value ->> 'person', j.value ->> 'artist', j.value ->> 'category',
            j.value ->> 'kind', j.value ->> 'episode', CAST(j.value ->> 'priority' AS BIGINT),
            CAST(j.value ->> 'is_exempt' AS BIGINT), j.value ->> 'text', j.value ->> 'why',
            j.value ->> 'deed', CAST(j.value ->> 'expires' AS BIGINT),
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT DO NOTHING"
);
const PLAN: Sql = dialect!(
    "UPDATE nudges SET planned_at = CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE nudges.id = j.value ->> 'id' AND nudges.state = 'waiting'"
);
const HOLD: Sql = dialect!(
    "UPDATE nudges SET reason = j.value ->> 'reason', next_at = CAST(j.value ->> 'at' AS BIGINT)
     FROM" each "WHERE nudges.id = j.value ->> 'id' AND nudges.state = 'waiting'"
);
const END: Sql = dialect!(
    "UPDATE nudges SET state = j.value ->> 'state', reason = j.value ->> 'reason', next_at = 0 FROM"
    each "WHERE nudges.id = j.value ->> 'id' AND nudges.state = 'waiting'"
);
const SENT: Sql = dialect!(
    "UPDATE nudges SET state = 'sent', reason = '', next_at = 0, letter = j.value ->> 'letter',
            address = j.value ->> 'address', passed = j.value ->> 'passed',
            text = j.value ->> 'text', why = j.value ->> 'why',
            hour = CAST(j.value ->> 'hour' AS BIGINT), sent_at = CAST(j.value ->> 'at' AS BIGINT)
     FROM" each "WHERE nudges.id = j.value ->> 'id' AND nudges.state = 'waiting'"
);
// What was noted first counts; but whoever looked or waited first may say yes all the same.
const OUTCOME: Sql = dialect!(
    "UPDATE nudges SET outcome = j.value ->> 'outcome',
            outcome_at = CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE nudges.letter = j.value ->> 'letter' AND nudges.state = 'sent' AND (nudges.outcome = ''
     OR (nudges.outcome <> 'accepted' AND j.value ->> 'outcome' = 'accepted'))"
);
// A time that is still to come was written by a clock that went wrong since.
const CLAMP: Sql = dialect!(
    "UPDATE nudges SET sent_at = CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE nudges.person_id = j.value ->> 'person' AND nudges.state = 'sent'
     AND nudges.sent_at > CAST(j.value ->> 'at' AS BIGINT)"
);

macro_rules! columns {
    ($rest:literal) => {
        same(concat!(
            "SELECT id, person_id, artist_id, category, kind, episode, priority, is_exempt, text,
                    why, deed, state, reason, passed, letter, address, hour, planned_at, next_at,
                    expires_at, created_at, sent_at, outcome, outcome_at FROM nudges ",
            $rest
        ))
    };
}

const ONE: Sql = columns!("WHERE id = $1");
const TOGETHER: Sql = columns!("WHERE letter = $1 ORDER BY id");
const WAITING: Sql = columns!("WHERE person_id = $1 AND state = 'waiting' ORDER BY id LIMIT 200");
const OF_LATE: Sql =
    columns!("WHERE person_id = $1 AND state = 'sent' ORDER BY sent_at DESC, id LIMIT $2");
const ALL: Sql = columns!("ORDER BY id DESC LIMIT $1");
// What never got there was not said to anybody.
const LETTERS: Sql = same(
    "SELECT n.letter, MIN(n.is_exempt), MAX(n.sent_at), MAX(n.outcome) FROM nudges n
     LEFT JOIN outbound o ON o.key = 'nudge:' || n.letter
     WHERE n.person_id = $1 AND n.state = 'sent' AND COALESCE(o.state, '') <> 'failed'
     GROUP BY n.letter ORDER BY MAX(n.sent_at) DESC LIMIT $2",
);
const TALLIES_OF: Sql = same(
    "SELECT kind, hour, COUNT(*),
            SUM(CASE WHEN outcome IN ('accepted', 'answered') THEN 1 ELSE 0 END)
     FROM nudges WHERE person_id = $1 AND state = 'sent' AND outcome <> '' AND sent_at > $2
     GROUP BY kind, hour",
);
const TALLIES: Sql = same(
    "SELECT kind, hour, COUNT(*),
            SUM(CASE WHEN outcome IN ('accepted', 'answered') THEN 1 ELSE 0 END)
     FROM nudges WHERE state = 'sent' AND outcome <> '' AND sent_at > $1 GROUP BY kind, hour",
);
const NEWEST: Sql = same(
    "SELECT id FROM nudges WHERE person_id = $1 AND state = 'sent' AND address = $2 AND sent_at >
         COALESCE((SELECT MAX(created_at) FROM messages WHERE session_id = $3 AND why <> ''), 0)
     ORDER BY sent_at DESC, id LIMIT 1",
);
const SPOKE: Sql =
    same("SELECT MAX(last_at) FROM conversations WHERE person_id = $1 AND person_id <> ''");

/// Something said or to be said unasked, as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NudgeRow {
    pub id: NudgeId,
    pub impulse: Impulse,
    /// `waiting`, `sent`, `dropped` or `failed`.
    pub state: String,
    /// What it waits for, was dropped by or failed at.
    pub reason: String,
    /// The rules that let it through, as JSON.
    pub passed: String,
    /// The first of those that were said together.
    pub letter: Option<NudgeId>,
    pub address: Option<Address>,
    pub planned: Time,
    pub next: Time,
    pub created: Time,
    pub sent: Time,
    /// What became of it, or empty.
    pub outcome: String,
}

/// One that goes out.
#[derive(Debug, Clone, Serialize)]
pub struct NudgeSent {
    pub id: NudgeId,
    pub letter: NudgeId,
    pub address: Address,
    pub passed: String,
    pub text: String,
    pub why: String,
    pub hour: usize,
    pub at: Time,
}

/// One message that was said unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NudgeLetter {
    pub id: NudgeId,
    pub is_exempt: bool,
    pub sent: Time,
    /// What became of it, or empty.
    pub outcome: String,
}

/// How often nudges of a kind were tried at an hour, and how often they were taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NudgeTally {
    pub kind: String,
    /// Two hours of a day each.
    pub hour: i64,
    pub tried: i64,
    pub taken: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    person_id: String,
    artist_id: String,
    category: String,
    kind: String,
    episode: String,
    priority: i64,
    is_exempt: i64,
    text: String,
    why: String,
    deed: String,
    state: String,
    reason: String,
    passed: String,
    letter: String,
    address: String,
    planned_at: i64,
    next_at: i64,
    expires_at: i64,
    created_at: i64,
    sent_at: i64,
    outcome: String,
}

impl Row {
    fn read(self) -> Result<NudgeRow> {
        let deed = Some(self.deed).filter(|deed| !deed.is_empty());
        let deed = deed.map(|deed| serde_json::from_str(&deed)).transpose();
        Ok(NudgeRow {
            id: self.id.parse()?,
            impulse: Impulse {
                person: self.person_id.parse()?,
                artist: filled(&self.artist_id)?,
                category: self.category.parse()?,
                trigger: self.kind,
                episode: self.episode,
                priority: u8::try_from(self.priority).unwrap_or(u8::MAX),
                expires: Time::from_ms(self.expires_at),
                is_exempt: self.is_exempt != 0,
                text: self.text,
                why: self.why,
                deed: deed.with_context(|| format!("Reading the deed of {}", self.id))?,
            },
            state: self.state,
            reason: self.reason,
            passed: self.passed,
            letter: filled(&self.letter)?,
            address: filled(&self.address)?,
            planned: Time::from_ms(self.planned_at),
            next: Time::from_ms(self.next_at),
            created: Time::from_ms(self.created_at),
            sent: Time::from_ms(self.sent_at),
            outcome: self.outcome,
        })
    }
}

impl Write {
    /// Something worth saying was seen; nothing changes where the same was seen before.
    pub fn take_nudge((id, impulse): (NudgeId, &Impulse), at: Time) -> Result<Self> {
        let Impulse {
            person,
            artist,
            category,
            trigger,
            episode,
            priority,
            expires,
            is_exempt,
            text,
            why,
            deed,
        } = impulse;
        let artist = artist.map(|artist| artist.to_string()).unwrap_or_default();
        let deed = deed
            .as_ref()
            .map(serde_json::to_string)
            .transpose()?
            .unwrap_or_default();
        let row = json!({
            "id": id, "person": person, "artist": artist, "category": category, "kind": trigger,
            "episode": episode, "priority": priority, "is_exempt": i64::from(*is_exempt), "text": text,
            "why": why, "deed": deed, "expires": expires, "at": at,
        });
        Self::new(TAKE, &[row])
    }

    /// Hours were chosen for these.
    pub fn plan_nudges(planned: &[(NudgeId, Time)]) -> Result<Self> {
        let rows = planned.iter().map(|(id, at)| json!({"id": id, "at": at}));
        Self::new(PLAN, &rows.collect::<Vec<_>>())
    }

    /// These wait until then, for that.
    pub fn hold_nudges(held: &[(NudgeId, Time, &str)]) -> Result<Self> {
        let rows = held
            .iter()
            .map(|(id, at, reason)| json!({"id": id, "at": at, "reason": reason}));
        Self::new(HOLD, &rows.collect::<Vec<_>>())
    }

    /// These are not said, because of that.
    pub fn drop_nudges(dropped: &[(NudgeId, String)]) -> Result<Self> {
        let rows = dropped.iter();
        let rows = rows.map(|(id, reason)| json!({"id": id, "state": "dropped", "reason": reason}));
        Self::new(END, &rows.collect::<Vec<_>>())
    }

    /// This one could not be said, because of that.
    pub fn fail_nudge(id: NudgeId, reason: &str) -> Result<Self> {
        Self::new(
            END,
            &[json!({"id": id, "state": "failed", "reason": reason})],
        )
    }

    /// These go out.
    pub fn send_nudges(sent: &[NudgeSent]) -> Result<Self> {
        Self::new(SENT, sent)
    }

    /// What became of a message; what was noted first counts.
    pub fn nudge_outcome(letter: NudgeId, outcome: &str, at: Time) -> Result<Self> {
        Self::new(
            OUTCOME,
            &[json!({"letter": letter, "outcome": outcome, "at": at})],
        )
    }

    /// Nothing was sent later than now.
    pub fn clamp_nudges(person: PersonId, now: Time) -> Result<Self> {
        Self::new(CLAMP, &[json!({"person": person, "at": now})])
    }
}

impl Store {
    /// One of them; whose it is, is the caller's to look at.
    pub async fn nudge(&self, id: NudgeId) -> Result<Option<NudgeRow>> {
        let row: Option<Row> = reading!(&self.db, ONE, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        });
        row.map(Row::read).transpose()
    }

    /// Those that were said in one message.
    pub async fn nudges_together(&self, letter: NudgeId) -> Result<Vec<NudgeRow>> {
        let rows: Vec<Row> = reading!(&self.db, TOGETHER, |sql, pool| {
            let query = sqlx::query_as(sql).bind(letter.to_string());
            query.fetch_all(pool).await?
        });
        rows.into_iter().map(Row::read).collect()
    }

    /// What waits to be said to a person, the oldest first.
    pub async fn waiting_nudges(&self, person: PersonId) -> Result<Vec<NudgeRow>> {
        let rows: Vec<Row> = reading!(&self.db, WAITING, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_all(pool).await?
        });
        rows.into_iter().map(Row::read).collect()
    }

    /// What was said to a person, the newest first.
    pub async fn sent_nudges(&self, person: PersonId, limit: i64) -> Result<Vec<NudgeRow>> {
        let rows: Vec<Row> = reading!(&self.db, OF_LATE, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string()).bind(limit);
            query.fetch_all(pool).await?
        });
        rows.into_iter().map(Row::read).collect()
    }

    /// What was seen for anybody, the newest first.
    pub async fn nudges(&self, limit: i64) -> Result<Vec<NudgeRow>> {
        let rows: Vec<Row> = reading!(&self.db, ALL, |sql, pool| {
            sqlx::query_as(sql).bind(limit).fetch_all(pool).await?
        });
        rows.into_iter().map(Row::read).collect()
    }

    /// The messages that were said unasked to a person, the newest first.
    pub async fn nudge_letters(&self, person: PersonId, limit: i64) -> Result<Vec<NudgeLetter>> {
        let rows: Vec<(String, i64, i64, String)> = reading!(&self.db, LETTERS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string()).bind(limit);
            query.fetch_all(pool).await?
        });
        let rows = rows.into_iter().map(|(id, is_exempt, sent, outcome)| {
            Ok(NudgeLetter {
                id: id.parse()?,
                is_exempt: is_exempt != 0,
                sent: Time::from_ms(sent),
                outcome,
            })
        });
        rows.collect()
    }

    /// What was said unasked in a chat, if nothing that can be explained was answered there since.
    pub async fn nudge_last_said(
        &self,
        person: PersonId,
        address: &Address,
        session: SessionId,
    ) -> Result<Option<NudgeId>> {
        let found: Option<(String,)> = reading!(&self.db, NEWEST, |sql, pool| {
            sqlx::query_as(sql)
                .bind(person.to_string())
                .bind(address.to_string())
                .bind(session.to_string())
                .fetch_optional(pool)
                .await?
        });
        found.map(|(id,)| Ok(id.parse()?)).transpose()
    }

    /// How nudges fared since then: those to one person, or all.
    pub async fn nudge_tallies(
        &self,
        person: Option<PersonId>,
        since: Time,
    ) -> Result<Vec<NudgeTally>> {
        let rows: Vec<(String, i64, i64, i64)> = match person {
            Some(person) => reading!(&self.db, TALLIES_OF, |sql, pool| {
                let query = sqlx::query_as(sql).bind(person.to_string());
                query.bind(since.ms()).fetch_all(pool).await?
            }),
            None => reading!(&self.db, TALLIES, |sql, pool| {
                sqlx::query_as(sql).bind(since.ms()).fetch_all(pool).await?
            }),
        };
        let rows = rows.into_iter();
        let tally = |(kind, hour, tried, taken)| NudgeTally {
            kind,
            hour,
            tried,
            taken,
        };
        Ok(rows.map(tally).collect())
    }

    /// When a person said something last, wherever that was.
    pub async fn last_spoke(&self, person: PersonId) -> Result<Time> {
        let row: (Option<i64>,) = reading!(&self.db, SPOKE, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_one(pool).await?
        });
        Ok(Time::from_ms(row.0.unwrap_or_default()))
    }
}
