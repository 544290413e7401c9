//! Who works for an artist, and how that ends.

use anyhow::Result;
use serde::Serialize;

use crate::model::{ArtistId, PersonId, Standing};

use super::conversations::same;
use super::db::{Sql, reading};
use super::tx::{Bind, Tx};
use super::{Acting, Store};

const TEAM: Sql = same(
    "SELECT m.person_id, m.standing, p.name FROM memberships m
     LEFT JOIN persons p ON p.id = m.person_id
     WHERE m.artist_id = $1 AND m.standing <> 'fan' ORDER BY m.created_at, m.person_id",
);
// The last artist stays: somebody has to be able to let others in.
const LEAVE: Sql = same(
    "DELETE FROM memberships WHERE person_id = $1 AND artist_id = $2 AND (standing <> 'artist'
     OR EXISTS (SELECT 1 FROM memberships k WHERE k.artist_id = $2 AND k.standing = 'artist'
         AND k.person_id <> $1)) RETURNING person_id",
);
const UNCHOOSE: Sql = same("UPDATE persons SET artist_id = '' WHERE id = $1 AND artist_id = $2");
const RENAME: Sql = same(
    "UPDATE artists SET name = $2 WHERE id = $1
     AND NOT EXISTS (SELECT 1 FROM artists a WHERE a.name = $2) RETURNING id",
);
const PEOPLE: Sql = same(
    "SELECT p.id, p.name,
         (SELECT COALESCE(MIN(i.platform), '') FROM identities i WHERE i.person_id = p.id),
         (SELECT COUNT(*) FROM identities i WHERE i.person_id = p.id),
         (SELECT COUNT(*) FROM memberships m WHERE m.person_id = p.id AND m.standing <> 'fan')
     FROM persons p ORDER BY p.id DESC LIMIT $1",
);

/// Somebody who works for an artist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub person: PersonId,
    pub standing: Standing,
    pub name: String,
}

/// A person in the operator's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonRow {
    pub id: String,
    pub name: String,
    /// One of the platforms they are known on.
    pub platform: String,
    /// By how many accounts they are known.
    pub accounts: i64,
    /// For how many artists they work.
    pub works_for: i64,
}

impl Store {
    /// Those who work for an artist, the first one first; fans are none of them.
    pub async fn team(&self, acting: &Acting) -> Result<Vec<Member>> {
        let rows: Vec<(String, String, Option<String>)> = reading!(&self.db, TEAM, |sql, pool| {
            let query = sqlx::query_as(sql).bind(acting.artist().to_string());
            query.fetch_all(pool).await?
        });
        let rows = rows.into_iter();
        rows.map(|(person, standing, name)| {
            Ok(Member {
                person: person.parse()?,
                standing: standing.parse()?,
                name: name.unwrap_or_default(),
            })
        })
        .collect()
    }

    /// Ends what a person is to an artist; false when they are nothing to the artist, or the last artist.
    pub async fn leave_artist(&self, person: PersonId, artist: ArtistId) -> Result<bool> {
        let artist = artist.to_string();
        let binds = [Bind::Text(&artist)];
        let mut tx = Tx::begin(&self.db).await?;
        let gone: Vec<(String,)> = tx.read(LEAVE, person.to_string(), &binds).await?;
        tx.run(UNCHOOSE, person.to_string(), &binds).await?;
        tx.commit().await?;
        Ok(!gone.is_empty())
    }

    /// Gives an artist another name; false when somebody has it.
    pub async fn rename(&self, artist: ArtistId, name: &str) -> Result<bool> {
        let mut tx = Tx::begin(&self.db).await?;
        let binds = [Bind::Text(name)];
        let named: Vec<(String,)> = tx.read(RENAME, artist.to_string(), &binds).await?;
        tx.commit().await?;
        Ok(!named.is_empty())
    }

    /// People, those met last first.
    pub async fn people(&self, limit: i64) -> Result<Vec<PersonRow>> {
        let rows: Vec<(String, String, String, i64, i64)> =
            reading!(&self.db, PEOPLE, |sql, pool| {
                sqlx::query_as(sql).bind(limit).fetch_all(pool).await?
            });
        let rows = rows.into_iter();
        let row = |(id, name, platform, accounts, works_for)| PersonRow {
            id,
            name,
            platform,
            accounts,
            works_for,
        };
        Ok(rows.map(row).collect())
    }
}
