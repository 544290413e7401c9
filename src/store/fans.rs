//! How many fans each artist was told of.

use anyhow::Result;
use serde::Serialize;

use crate::model::{ArtistId, Time};

use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::{Store, Write};

const TELL: Sql = dialect!(
    "INSERT INTO fan_milestones (artist_id, fans, reached_at)
     SELECT j.value ->> 'artist', CAST(j.value ->> 'fans' AS BIGINT),
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (artist_id, fans) DO NOTHING"
);
const TOLD: Sql = same("SELECT MAX(fans) FROM fan_milestones WHERE artist_id = $1");

#[derive(Serialize)]
struct Told {
    artist: ArtistId,
    fans: u64,
    at: Time,
}

impl Store {
    /// An artist hears of so many fans.
    pub fn tell_fans(artist: ArtistId, fans: u64, at: Time) -> Result<Write> {
        Write::new(TELL, &[Told { artist, fans, at }])
    }

    /// The largest number of fans that an artist was told of.
    pub async fn fans_told(&self, artist: ArtistId) -> Result<u64> {
        let (fans,): (Option<i64>,) = reading!(&self.db, TOLD, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_one(pool).await?
        });
        Ok(u64::try_from(fans.unwrap_or_default()).unwrap_or_default())
    }
}
