//! Where a person can be reached, and who works for an artist.

use anyhow::{Context, Result};

use crate::model::{Address, ArtistId, PersonId, Standing};

use super::Store;
use super::conversations::same;
use super::db::{Sql, reading};

const REACH: Sql = same(
    "SELECT c.address FROM conversations c
     LEFT JOIN addresses a ON a.address = c.address
     WHERE c.person_id = $1 AND c.person_id <> '' AND c.setting = 'direct'
     AND COALESCE(a.unreachable_at, 0) = 0 ORDER BY c.last_at DESC",
);
const TEAM: Sql = same(
    "SELECT person_id, standing FROM memberships WHERE artist_id = $1 ORDER BY created_at, person_id",
);

impl Store {
    /// The chats in which a person alone is reached, the one they used last first.
    pub async fn reach(&self, person: PersonId) -> Result<Vec<Address>> {
        let rows: Vec<(String,)> = reading!(&self.db, REACH, |sql, pool| {
            sqlx::query_as(sql)
                .bind(person.to_string())
                .fetch_all(pool)
                .await
                .with_context(|| format!("Reading where {person} is reached"))?
        });
        let rows = rows.into_iter();
        rows.map(|(address,)| Ok(address.parse()?)).collect()
    }

    /// Everybody who is something to an artist, fans included, the first one first.
    pub async fn members(&self, artist: ArtistId) -> Result<Vec<(PersonId, Standing)>> {
        let rows: Vec<(String, String)> = reading!(&self.db, TEAM, |sql, pool| {
            sqlx::query_as(sql)
                .bind(artist.to_string())
                .fetch_all(pool)
                .await
                .with_context(|| format!("Reading who belongs to {artist}"))?
        });
        let rows = rows.into_iter();
        rows.map(|(person, standing)| Ok((person.parse()?, standing.parse()?)))
            .collect()
    }
}
