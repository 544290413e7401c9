//! What became of mail, and who wants none. No address stands here, only its hash.

use anyhow::{Context, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::{Time, hex};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

const NOTE: Sql = dialect!(
    "INSERT INTO mails (key, artist_id, person_id, address_hash, message_id, state, reply, at)
     SELECT j.value ->> 'key', j.value ->> 'artist_id', j.value ->> 'person_id',
            j.value ->> 'address_hash', j.value ->> 'message_id', j.value ->> 'state',
            j.value ->> 'reply', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (key) DO UPDATE SET state = excluded.state, reply = excluded.reply,
            at = excluded.at"
);
const STOP: Sql = dialect!(
    "INSERT INTO mail_stops (address_hash, stopped_at)
     SELECT j.value ->> 'address_hash', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (address_hash) DO NOTHING"
);
const IS_STOPPED: Sql = same("SELECT stopped_at FROM mail_stops WHERE address_hash = $1");
const STATE: Sql = same("SELECT state FROM mails WHERE key = $1");
// An address in the words of a job is not kept longer than it is needed.
const EMPTY: Sql = dialect!(
    "UPDATE jobs SET payload = '{}' WHERE id IN (SELECT j.value ->> 'id' FROM" each ")"
);

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailRow {
    pub key: String,
    pub artist_id: String,
    pub person_id: String,
    pub address_hash: String,
    pub message_id: String,
    /// `sent`, `bounced`, `stopped` or `failed`.
    pub state: String,
    /// What the server said, without the address.
    pub reply: String,
    pub at: Time,
}

/// The hash under which an address is known.
pub fn address_hash(address: &str) -> String {
    let plain = address.trim().to_lowercase();
    hex(Sha256::digest(format!("toney-mail:{plain}").as_bytes()))
}

impl Write {
    /// What became of mails.
    pub fn mails(rows: &[MailRow]) -> Result<Self> {
        Self::new(NOTE, rows)
    }

    /// Nobody writes to the address with this hash again.
    pub fn stop_mail(address_hash: &str, at: Time) -> Result<Self> {
        Self::new(
            STOP,
            &[serde_json::json!({"address_hash": address_hash, "at": at})],
        )
    }

    /// Takes the words out of a job that is over.
    pub fn empty_job(id: crate::model::JobId) -> Result<Self> {
        Self::new(EMPTY, &[serde_json::json!({ "id": id })])
    }
}

impl Store {
    /// Whether nobody may write to the address with this hash.
    pub async fn is_mail_stopped(&self, address_hash: &str) -> Result<bool> {
        let row: Option<(i64,)> = reading!(&self.db, IS_STOPPED, |sql, pool| {
            let query = sqlx::query_as(sql).bind(address_hash);
            query
                .fetch_optional(pool)
                .await
                .context("Reading who wants no mail")?
        });
        Ok(row.is_some())
    }

    /// What became of a mail, if that is known.
    pub async fn mail_state(&self, key: &str) -> Result<Option<String>> {
        let row: Option<(String,)> = reading!(&self.db, STATE, |sql, pool| {
            let query = sqlx::query_as(sql).bind(key);
            query.fetch_optional(pool).await.context("Reading a mail")?
        });
        Ok(row.map(|(state,)| state))
    }
}
