//! Standing permissions, and the record of what was decided: append-only, chained and signed.

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::model::{ArtistId, GrantId, Money, PersonId, Time};

use super::Store;
use super::approvals::{filled, moment, money};
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

const GRANT: Sql = dialect!(
    "INSERT INTO grants (id, artist_id, kind, action_kind, most_minor, most_currency, given_by,
            given_at, until_at)
     SELECT j.value ->> 'id', j.value ->> 'artist', j.value ->> 'kind', j.value ->> 'action_kind',
            CAST(j.value ->> 'minor' AS BIGINT), j.value ->> 'currency', j.value ->> 'by',
            CAST(j.value ->> 'at' AS BIGINT), CAST(j.value ->> 'until' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const END: Sql = dialect!(
    "UPDATE grants SET withdrawn_at = CAST(j.value ->> 'at' AS BIGINT),
            withdrawn_by = j.value ->> 'by' FROM" each
    "WHERE grants.id = j.value ->> 'id' AND grants.artist_id = j.value ->> 'artist'
     AND grants.withdrawn_at = 0"
);
const GRANTS: Sql = same(
    "SELECT id, artist_id, kind, action_kind, most_minor, most_currency, given_by, given_at,
            until_at, withdrawn_at FROM grants
     WHERE artist_id = $1 AND until_at > $2 AND withdrawn_at = 0 ORDER BY id",
);
const GRANT_BY_ID: Sql = same(
    "SELECT id, artist_id, kind, action_kind, most_minor, most_currency, given_by, given_at,
            until_at, withdrawn_at FROM grants WHERE id = $1",
);
const AUDIT: Sql = dialect!(
    "INSERT INTO audit (artist_id, number, key, body, person_id, before, hash, receipt, created_at)
     SELECT j.value ->> 'artist', CAST(j.value ->> 'number' AS BIGINT), j.value ->> 'key',
            j.value ->> 'body', COALESCE(j.value ->> 'person', ''), j.value ->> 'before',
            j.value ->> 'hash', j.value ->> 'receipt', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.key = j.value ->> 'key')
     ON CONFLICT (artist_id, number) DO NOTHING"
);
const LAST: Sql = same(
    "SELECT artist_id, number, key, body, person_id, before, hash, receipt, created_at FROM audit
     WHERE artist_id = $1 ORDER BY number DESC LIMIT 1",
);
const KEYED: Sql = same("SELECT key FROM audit WHERE key = $1");
const ENTRIES: Sql = same(
    "SELECT artist_id, number, key, body, person_id, before, hash, receipt, created_at FROM audit
     WHERE artist_id = $1 AND number > $2 ORDER BY number LIMIT $3",
);

/// A standing permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    pub id: GrantId,
    pub artist: ArtistId,
    /// Requests of this kind,
    pub kind: String,
    /// for actions of this one,
    pub action_kind: String,
    /// that cost no more than this; nothing where there is none.
    pub most: Option<Money>,
    pub given_by: PersonId,
    pub given_at: Time,
    pub until: Time,
    pub withdrawn_at: Option<Time>,
}

/// A row of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct AuditRow {
    pub artist_id: String,
    /// From 1 on, without a gap.
    pub number: i64,
    pub key: String,
    /// JSON.
    pub body: String,
    /// Who acted, or empty.
    pub person_id: String,
    /// The hash of the row before it, or empty.
    pub before: String,
    pub hash: String,
    pub receipt: String,
    pub created_at: i64,
}

#[derive(sqlx::FromRow)]
struct GrantRow {
    id: String,
    artist_id: String,
    kind: String,
    action_kind: String,
    most_minor: i64,
    most_currency: String,
    given_by: String,
    given_at: i64,
    until_at: i64,
    withdrawn_at: i64,
}

impl GrantRow {
    fn read(self) -> Result<Option<Grant>> {
        // Nobody stands behind the permission of somebody who was erased.
        let Some(given_by) = filled(&self.given_by)? else {
            return Ok(None);
        };
        Ok(Some(Grant {
            id: self.id.parse()?,
            artist: self.artist_id.parse()?,
            kind: self.kind,
            action_kind: self.action_kind,
            most: money(self.most_minor, &self.most_currency)?,
            given_by,
            given_at: Time::from_ms(self.given_at),
            until: Time::from_ms(self.until_at),
            withdrawn_at: moment(self.withdrawn_at),
        }))
    }
}

impl Write {
    /// A standing permission that is given.
    pub fn grant(grant: &Grant) -> Result<Self> {
        let currency = grant.most.map(|most| most.currency.to_string());
        Self::new(
            GRANT,
            &[json!({
                "id": grant.id, "artist": grant.artist, "kind": grant.kind,
                "action_kind": grant.action_kind,
                "minor": grant.most.map_or(0, |most| most.minor),
                "currency": currency.unwrap_or_default(), "by": grant.given_by,
                "at": grant.given_at, "until": grant.until,
            })],
        )
    }

    /// Ends a standing permission of an artist.
    pub fn end_grant((artist, grant): (ArtistId, GrantId), by: PersonId, at: Time) -> Result<Self> {
        let row = json!({"artist": artist, "id": grant, "by": by, "at": at});
        Self::new(END, &[row])
    }

    /// A row of the record; only the lane of the artist's record writes one.
    pub fn audit(row: &AuditRow) -> Result<Self> {
        Self::new(
            AUDIT,
            &[json!({
                "artist": row.artist_id, "number": row.number, "key": row.key, "body": row.body,
                "person": row.person_id, "before": row.before, "hash": row.hash,
                "receipt": row.receipt, "at": row.created_at,
            })],
        )
    }
}

impl Store {
    /// The standing permissions of an artist that hold at that moment.
    pub async fn grants(&self, artist: ArtistId, at: Time) -> Result<Vec<Grant>> {
        let rows: Vec<GrantRow> = reading!(&self.db, GRANTS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string()).bind(at.ms());
            query.fetch_all(pool).await?
        });
        let grants: Result<Vec<_>> = rows.into_iter().map(GrantRow::read).collect();
        Ok(grants?.into_iter().flatten().collect())
    }

    /// A standing permission, whoever it belongs to: the caller holds who asks against its artist.
    pub async fn grant(&self, id: GrantId) -> Result<Option<Grant>> {
        let row: Option<GrantRow> = reading!(&self.db, GRANT_BY_ID, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        });
        Ok(row.map(GrantRow::read).transpose()?.flatten())
    }

    /// The last row of an artist's record.
    pub async fn last_audit(&self, artist: ArtistId) -> Result<Option<AuditRow>> {
        Ok(reading!(&self.db, LAST, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_optional(pool).await?
        }))
    }

    /// Whether an entry is in the record already.
    pub async fn is_audited(&self, key: &str) -> Result<bool> {
        let row: Option<(String,)> = reading!(&self.db, KEYED, |sql, pool| {
            sqlx::query_as(sql).bind(key).fetch_optional(pool).await?
        });
        Ok(row.is_some())
    }

    /// Rows of an artist's record behind that number, in order.
    pub async fn audit(
        &self,
        artist: ArtistId,
        (after, limit): (i64, i64),
    ) -> Result<Vec<AuditRow>> {
        Ok(reading!(&self.db, ENTRIES, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.bind(after).bind(limit).fetch_all(pool).await?
        }))
    }
}
