//! What somebody wants of how they are written to unasked, and what was suggested to them.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::model::{ArtistId, Minute, NudgeId, NudgeSettings, PersonId, RecommendationId, Time};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

const PUT: Sql = dialect!(
    "INSERT INTO nudge_settings (person_id, asked_at, answered_at, agreed, stopped_at,
            snoozed_until, less, quiet_from, quiet_to, never)
     SELECT j.value ->> 'person', CAST(j.value ->> 'asked' AS BIGINT),
            CAST(j.value ->> 'answered' AS BIGINT), j.value ->> 'agreed',
            CAST(j.value ->> 'stopped' AS BIGINT), CAST(j.value ->> 'snoozed' AS BIGINT),
            CAST(j.value ->> 'less' AS BIGINT), CAST(j.value ->> 'quiet_from' AS BIGINT),
            CAST(j.value ->> 'quiet_to' AS BIGINT), j.value ->> 'never' FROM" each
    "WHERE TRUE ON CONFLICT (person_id) DO UPDATE SET asked_at = excluded.asked_at,
            answered_at = excluded.answered_at, agreed = excluded.agreed,
            stopped_at = excluded.stopped_at, snoozed_until = excluded.snoozed_until,
            less = excluded.less, quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to,
            never = excluded.never"
);
const SETTINGS: Sql = same(
    "SELECT asked_at, answered_at, agreed, stopped_at, snoozed_until, less, quiet_from, quiet_to,
            never FROM nudge_settings WHERE person_id = $1",
);
const OFFER: Sql = dialect!(
    "INSERT INTO recommendations (id, nudge_id, person_id, artist_id, kind, capability, args, label,
            reason, expires_at, created_at)
     SELECT j.value ->> 'id', j.value ->> 'nudge', j.value ->> 'person',
            COALESCE(j.value ->> 'artist', ''), j.value ->> 'kind', j.value ->> 'capability',
            j.value ->> 'args', j.value ->> 'label', j.value ->> 'reason',
            CAST(j.value ->> 'expires' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const SETTLE: Sql = dialect!(
    "UPDATE recommendations SET state = j.value ->> 'state',
            ended_at = CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE recommendations.id = j.value ->> 'id' AND recommendations.state = 'pending'"
);
const EXPIRE: Sql = dialect!(
    "UPDATE recommendations SET state = 'expired', ended_at = CAST(j.value ->> 'at' AS BIGINT) FROM"
    each "WHERE recommendations.person_id = j.value ->> 'person' AND recommendations.state = 'pending'
     AND recommendations.expires_at <= CAST(j.value ->> 'at' AS BIGINT)"
);
const ONE: Sql = same(
    "SELECT id, nudge_id, person_id, kind, capability, args, label, state, expires_at
     FROM recommendations WHERE id = $1",
);
const PENDING: Sql = same(
    "SELECT DISTINCT kind FROM recommendations
     WHERE person_id = $1 AND state = 'pending' AND expires_at > $2",
);

/// Something that is suggested.
#[derive(Debug, Clone, Serialize)]
pub struct NewRecommendation {
    pub id: RecommendationId,
    pub nudge: NudgeId,
    pub person: PersonId,
    pub artist: Option<ArtistId>,
    /// The trigger's name.
    pub kind: String,
    pub capability: String,
    /// JSON.
    pub args: String,
    pub label: String,
    /// Why, with the facts that were used.
    pub reason: String,
    pub expires: Time,
    pub at: Time,
}

/// A suggestion as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recommendation {
    pub id: RecommendationId,
    pub nudge: NudgeId,
    pub person: PersonId,
    pub kind: String,
    pub capability: String,
    /// JSON.
    pub args: String,
    pub label: String,
    /// `pending`, `accepted`, `rejected` or `expired`.
    pub state: String,
    pub expires: Time,
}

#[derive(sqlx::FromRow)]
struct SettingsRow {
    asked_at: i64,
    answered_at: i64,
    agreed: String,
    stopped_at: i64,
    snoozed_until: i64,
    less: i64,
    quiet_from: i64,
    quiet_to: i64,
    never: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    nudge_id: String,
    person_id: String,
    kind: String,
    capability: String,
    args: String,
    label: String,
    state: String,
    expires_at: i64,
}

impl Write {
    /// What somebody wants from now on.
    pub fn nudge_settings(wants: &NudgeSettings) -> Result<Self> {
        let NudgeSettings {
            person,
            asked_at,
            answered_at,
            agreed,
            stopped_at,
            snoozed_until,
            less,
            quiet,
            never,
        } = wants;
        let agreed: Vec<&str> = agreed.iter().map(|category| category.as_str()).collect();
        let never: Vec<&str> = never.iter().map(String::as_str).collect();
        let minutes = |minute: Minute| i64::from(minute.minutes());
        let (from, to) = quiet.map_or((-1, -1), |(from, to)| (minutes(from), minutes(to)));
        let row = json!({
            "person": person, "asked": asked_at, "answered": answered_at, "agreed": agreed.join(" "),
            "stopped": stopped_at, "snoozed": snoozed_until, "less": less, "quiet_from": from,
            "quiet_to": to, "never": never.join(" "),
        });
        Self::new(PUT, &[row])
    }

    /// These are suggested.
    pub fn recommend(all: &[NewRecommendation]) -> Result<Self> {
        Self::new(OFFER, all)
    }

    /// A suggestion was taken up or not; only the first word counts.
    pub fn settle_recommendation(id: RecommendationId, accepted: bool, at: Time) -> Result<Self> {
        let state = if accepted { "accepted" } else { "rejected" };
        Self::new(SETTLE, &[json!({"id": id, "state": state, "at": at})])
    }

    /// What nobody said anything about is over.
    pub fn expire_recommendations(person: PersonId, now: Time) -> Result<Self> {
        Self::new(EXPIRE, &[json!({"person": person, "at": now})])
    }
}

impl Store {
    /// What somebody wants of how they are written to unasked.
    pub async fn nudge_settings(&self, person: PersonId) -> Result<NudgeSettings> {
        let row: Option<SettingsRow> = reading!(&self.db, SETTINGS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_optional(pool).await?
        });
        let Some(row) = row else {
            return Ok(NudgeSettings::new(person));
        };
        let agreed = row.agreed.split_whitespace().map(str::parse);
        Ok(NudgeSettings {
            person,
            asked_at: Time::from_ms(row.asked_at),
            answered_at: Time::from_ms(row.answered_at),
            agreed: agreed.collect::<Result<BTreeSet<_>, _>>()?,
            stopped_at: Time::from_ms(row.stopped_at),
            snoozed_until: Time::from_ms(row.snoozed_until),
            less: u32::try_from(row.less).unwrap_or_default(),
            quiet: Minute::new(row.quiet_from).zip(Minute::new(row.quiet_to)),
            never: row.never.split_whitespace().map(str::to_owned).collect(),
        })
    }

    /// A suggestion; whose it is, is the caller's to look at.
    pub async fn recommendation(&self, id: RecommendationId) -> Result<Option<Recommendation>> {
        let row: Option<Row> = reading!(&self.db, ONE, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        });
        row.map(|row| {
            Ok(Recommendation {
                id: row.id.parse()?,
                nudge: row.nudge_id.parse()?,
                person: row.person_id.parse()?,
                kind: row.kind,
                capability: row.capability,
                args: row.args,
                label: row.label,
                state: row.state,
                expires: Time::from_ms(row.expires_at),
            })
        })
        .transpose()
    }

    /// The kinds of what was suggested to a person and is not answered.
    pub async fn pending_kinds(&self, person: PersonId, now: Time) -> Result<BTreeSet<String>> {
        let rows: Vec<(String,)> = reading!(&self.db, PENDING, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.bind(now.ms()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(kind,)| kind).collect())
    }
}
