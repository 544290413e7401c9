//! Artists, and how people come to work for them.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::model::{ArtistId, PersonId, Standing, Time, hex};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::lanes::word;
use super::tx::{Bind, Tx, rows};
use super::watches;

const MAKE_ARTIST: Sql = dialect!(
    "INSERT INTO artists (id, name, created_at)
     SELECT j.value ->> 'id', j.value ->> 'name', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (name) DO NOTHING"
);
const ARTISTS: Sql = same("SELECT id, name FROM artists ORDER BY id");
const ARTIST: Sql = same("SELECT id, name FROM artists WHERE name = $1 OR id = $1 ORDER BY id");
const INVITE: Sql = dialect!(
    "INSERT INTO invitations (code_hash, artist_id, standing, expires_at, created_at)
     SELECT j.value ->> 'code', j.value ->> 'artist', j.value ->> 'standing',
            CAST(j.value ->> 'expires' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (code_hash) DO NOTHING"
);
const USE: Sql = same(
    "UPDATE invitations SET used_by = $2 WHERE code_hash = $1 AND used_by = '' AND expires_at > $3
     RETURNING artist_id, standing",
);
// Whoever used it may come with it again: the answer to the first time may have been lost.
const USED: Sql = same(
    "SELECT m.artist_id, m.standing FROM invitations i JOIN memberships m
     ON m.artist_id = i.artist_id AND m.person_id = i.used_by
     WHERE i.code_hash = $1 AND i.used_by = $2",
);
// Nobody loses by a code what they are: an artist who tries the manager's stays the artist.
const JOIN: Sql = dialect!(
    "INSERT INTO memberships (person_id, artist_id, standing, created_at)
     SELECT j.value ->> 'person', j.value ->> 'artist', j.value ->> 'standing',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (person_id, artist_id) DO UPDATE SET standing = CASE
            WHEN memberships.standing = 'artist' OR excluded.standing = 'fan'
            THEN memberships.standing ELSE excluded.standing END
     RETURNING artist_id, standing"
);
const SPEAK: Sql = same("UPDATE persons SET spoken_to = $2 WHERE id = $1");
const SPOKEN_TO: Sql = same("SELECT spoken_to FROM persons WHERE id = $1");
const MEMBERS: Sql = same("SELECT COUNT(*) FROM memberships");

/// Letters of a code: none that is taken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 12 letters of 5 bits: nobody guesses one within its time.
const CODE: usize = 12;

/// An artist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Artist {
    pub id: ArtistId,
    pub name: String,
}

impl Store {
    /// The artist of that name, made if there is none.
    pub async fn make_artist(&self, name: &str) -> Result<Artist> {
        let new = json!([{
            "id": ArtistId::new(&self.ids), "name": name, "at": self.clock.now(),
        }]);
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(MAKE_ARTIST, new.to_string(), &[]).await?;
        tx.commit().await?;
        let found = self.artist(name).await?;
        found.context("An artist who was just stored is not there")
    }

    /// Every artist, the oldest first.
    pub async fn artists(&self) -> Result<Vec<Artist>> {
        let rows: Vec<(String, String)> = reading!(&self.db, ARTISTS, |sql, pool| {
            sqlx::query_as(sql).fetch_all(pool).await?
        });
        rows.into_iter().map(Artist::parse).collect()
    }

    /// The artist with that name or id.
    pub async fn artist(&self, name: &str) -> Result<Option<Artist>> {
        let row: Option<(String, String)> = reading!(&self.db, ARTIST, |sql, pool| {
            sqlx::query_as(sql).bind(name).fetch_optional(pool).await?
        });
        row.map(Artist::parse).transpose()
    }

    /// Makes a code with which one person joins until `expires`.
    pub async fn invite(
        &self,
        artist: ArtistId,
        standing: Standing,
        expires: Time,
    ) -> Result<String> {
        let code = code(self.ids.random(), CODE);
        let new = [json!({
            "code": hash(&code), "artist": artist, "standing": standing, "expires": expires,
            "at": self.clock.now(),
        })];
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(INVITE, rows(&new)?, &[]).await?;
        tx.commit().await?;
        Ok(code)
    }

    /// Lets a person in by a code; `None` when it is unknown, too old, or another's.
    pub async fn join(&self, person: PersonId, code: &str) -> Result<Option<(Artist, Standing)>> {
        let (now, whom) = (self.clock.now(), person.to_string());
        let mut tx = Tx::begin(&self.db).await?;
        let binds = [Bind::Text(&whom), Bind::Int(now.ms())];
        let fresh: Vec<(String, String)> = tx.read(USE, hash(code), &binds).await?;
        let joined: Vec<(String, String)> = match fresh.into_iter().next() {
            Some((artist, standing)) => {
                let member = [json!({
                    "person": person, "artist": artist, "standing": standing, "at": now,
                })];
                let joined = tx.read(JOIN, rows(&member)?, &[]).await?;
                watches::begin(&mut tx, person, now).await?;
                joined
            }
            None => tx.read(USED, hash(code), &binds).await?,
        };
        tx.commit().await?;
        let Some((artist, standing)) = joined.into_iter().next() else {
            return Ok(None);
        };
        let artist = self.artist(&artist).await?;
        let artist = artist.context("A code leads to an artist who is not there")?;
        Ok(Some((artist, word(&standing)?)))
    }

    /// From now on voice notes of this person are answered with a voice, too, or no longer.
    pub async fn speaks_back(&self, person: PersonId, is_wanted: bool) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        let binds = [Bind::Int(i64::from(is_wanted))];
        tx.run(SPEAK, person.to_string(), &binds).await?;
        tx.commit().await
    }

    /// Whether this person wants to be spoken to.
    pub async fn is_spoken_to(&self, person: PersonId) -> Result<bool> {
        let found: Option<(i64,)> = reading!(&self.db, SPOKEN_TO, |sql, pool| {
            sqlx::query_as(sql)
                .bind(person.to_string())
                .fetch_optional(pool)
                .await?
        });
        Ok(found.is_some_and(|(spoken_to,)| spoken_to != 0))
    }

    /// Whether nobody has joined any artist yet.
    pub async fn is_unjoined(&self) -> Result<bool> {
        let (members,): (i64,) = reading!(&self.db, MEMBERS, |sql, pool| {
            sqlx::query_as(sql).fetch_one(pool).await?
        });
        Ok(members == 0)
    }
}

impl Artist {
    fn parse((id, name): (String, String)) -> Result<Self> {
        Ok(Self {
            id: id.parse()?,
            name,
        })
    }
}

/// A code of so many letters, at most 12.
pub(super) fn code(random: u64, letters: usize) -> String {
    let letter = |place: usize| {
        let index = usize::try_from(random >> (5 * place)).unwrap_or(0) % LETTERS.len();
        char::from(LETTERS.get(index).copied().unwrap_or(b'a'))
    };
    (0..letters).map(letter).collect()
}

/// People write codes by hand: case, blanks and dashes do not count.
pub(super) fn hash(code: &str) -> String {
    let counts = |letter: &char| !letter.is_whitespace() && *letter != '-';
    let plain = code
        .chars()
        .filter(counts)
        .collect::<String>()
        .to_lowercase();
    hex(Sha256::digest(plain.as_bytes()))
}
