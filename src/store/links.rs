//! Codes by which somebody shows that two accounts are theirs, and what both sides said to it.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Address, Ids, LinkId, PersonId, Time};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::lanes::word;
use super::people::{code, hash};
use super::tx::{Bind, Tx, rows};
use super::write::Write;

/// Letters of a code: nobody guesses one in its five minutes with five tries.
const LETTERS: usize = 8;
/// Wrong codes that one person may bring within [`SPAN`].
const TRIES: usize = 5;
/// See [`TRIES`].
const SPAN: Duration = Duration::from_secs(3_600);

// A newer code takes the place of the older ones.
const PUT_CODE: Sql = dialect!(
    "INSERT INTO link_codes (code_hash, person_id, address, name, expires_at)
     SELECT j.value ->> 'code', j.value ->> 'person', j.value ->> 'address', j.value ->> 'name',
            CAST(j.value ->> 'expires' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (code_hash) DO NOTHING"
);
const TRIED: Sql = same("SELECT id FROM link_tries WHERE person_id = $1 AND tried_at > $2");
const TRY: Sql = dialect!(
    "INSERT INTO link_tries (id, person_id, tried_at)
     SELECT j.value ->> 'id', j.value ->> 'person', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
const TAKE: Sql = same(
    "UPDATE link_codes SET link_id = $2 WHERE code_hash = $1 AND link_id = '' AND expires_at > $3
     RETURNING code_hash",
);
const OWNER: Sql = same("SELECT person_id, link_id FROM link_codes WHERE code_hash = $1");
const ASK: Sql = dialect!(
    "INSERT INTO links (id, person_id, other_person_id, address, other_address, name, other_name,
            expires_at)
     SELECT j.value ->> 'id', c.person_id, j.value ->> 'person', c.address, j.value ->> 'address',
            c.name, j.value ->> 'name', CAST(j.value ->> 'expires' AS BIGINT) FROM" each
    "JOIN link_codes c ON c.code_hash = j.value ->> 'code' ON CONFLICT (id) DO NOTHING"
);
const LINK: Sql = same(
    "SELECT id, person_id, other_person_id, address, other_address, name, other_name,
            is_sure, other_is_sure, gone_id, state, expires_at FROM links WHERE id = $1",
);
const PUT: Sql = dialect!(
    "UPDATE links SET is_sure = CAST(j.value ->> 'is_sure' AS BIGINT),
            other_is_sure = CAST(j.value ->> 'other_is_sure' AS BIGINT),
            state = j.value ->> 'state' FROM" each "WHERE links.id = j.value ->> 'id'"
);

/// Where a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Both sides are asked.
    Asked,
    /// They are one person.
    Linked,
    /// One side said no.
    Refused,
    /// Nobody said enough in time.
    Late,
}

/// One side of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    pub person: PersonId,
    /// The chat with them.
    pub address: Address,
    /// What they are called there.
    pub name: String,
    /// Whether they said yes.
    pub is_sure: bool,
}

/// Two persons who may be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub id: LinkId,
    /// Who showed the code, and who brought it.
    pub sides: [Side; 2],
    /// Who is no person any more, once they are linked.
    pub gone: Option<PersonId>,
    pub state: LinkState,
    pub expires: Time,
}

/// What became of a code that somebody brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// Both sides can be asked now.
    Asked(Box<Link>),
    /// It is one's own.
    Own,
    /// It is none, too old, or used.
    Wrong,
    /// Too many wrong ones of late.
    TooOften,
}

#[derive(sqlx::FromRow)]
struct LinkRow {
    id: String,
    person_id: String,
    other_person_id: String,
    address: String,
    other_address: String,
    name: String,
    other_name: String,
    is_sure: i64,
    other_is_sure: i64,
    gone_id: String,
    state: String,
    expires_at: i64,
}

/// A fresh code for a person in a chat; only its hash is kept.
pub fn link_code(
    ids: &Ids,
    person: PersonId,
    (address, name): (&Address, &str),
    expires: Time,
) -> Result<(String, Write)> {
    let code = code(ids.random(), LETTERS).to_uppercase();
    let row = json!({
        "code": hash(&code), "person": person, "address": address, "name": name,
        "expires": expires,
    });
    Ok((code, Write::new(PUT_CODE, &[row])?))
}

/// What was said to a link, and where it stands now.
pub fn put_link(link: &Link) -> Result<Write> {
    let [one, other] = &link.sides;
    let row = json!({
        "id": link.id, "is_sure": i64::from(one.is_sure), "other_is_sure": i64::from(other.is_sure),
        "state": link.state,
    });
    Write::new(PUT, &[row])
}

impl Store {
    /// Takes a code that somebody brought in a chat, once. `attempt` is the same whenever the same message is
    /// answered, so that a wrong code counts once and a right one comes back.
    pub async fn claim_link(
        &self,
        code: &str,
        (person, address, name): (PersonId, &Address, &str),
        (attempt, expires): (&str, Time),
    ) -> Result<Claimed> {
        let (now, whom) = (self.clock.now(), person.to_string());
        let fresh = LinkId::new(&self.ids);
        let mut tx = Tx::begin(&self.db).await?;
        let since = now.ms().saturating_sub(i64::try_from(SPAN.as_millis())?);
        let tried: Vec<(String,)> = tx.read(TRIED, whom.clone(), &[Bind::Int(since)]).await?;
        if tried.iter().filter(|(id,)| id != attempt).count() >= TRIES {
            return Ok(Claimed::TooOften);
        }
        let known: Vec<(String, String)> = tx.read(OWNER, hash(code), &[]).await?;
        let id = match known.into_iter().next() {
            Some((owner, _)) if owner == whom => return Ok(Claimed::Own),
            Some((_, link)) if !link.is_empty() => link.parse()?,
            Some(_) => {
                let id = fresh.to_string();
                let binds = [Bind::Text(&id), Bind::Int(now.ms())];
                let taken: Vec<(String,)> = tx.read(TAKE, hash(code), &binds).await?;
                if !taken.is_empty() {
                    let row = json!({
                        "id": fresh, "code": hash(code), "person": person, "address": address,
                        "name": name, "expires": expires,
                    });
                    tx.run(ASK, rows(&[row])?, &[]).await?;
                }
                fresh
            }
            None => fresh,
        };
        tx.commit().await?;
        match self.link(id).await? {
            // Whoever brought it may come with it again: the answer to the first time may have been lost.
            Some(link) if link.is_of(person) => Ok(Claimed::Asked(Box::new(link))),
            Some(_) | None => {
                let row = json!({"id": attempt, "person": person, "at": now});
                let mut tx = Tx::begin(&self.db).await?;
                tx.run(TRY, rows(&[row])?, &[]).await?;
                tx.commit().await?;
                Ok(Claimed::Wrong)
            }
        }
    }

    /// A link, as it stands.
    pub async fn link(&self, id: LinkId) -> Result<Option<Link>> {
        let row: Option<LinkRow> = reading!(&self.db, LINK, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_optional(pool).await?
        });
        row.map(LinkRow::parse).transpose()
    }
}

impl Link {
    /// Whether a person is one of its sides.
    pub fn is_of(&self, person: PersonId) -> bool {
        self.sides.iter().any(|side| side.person == person)
    }
}

impl LinkRow {
    fn parse(self) -> Result<Link> {
        let one = Side {
            person: self.person_id.parse()?,
            address: self.address.parse()?,
            name: self.name,
            is_sure: self.is_sure != 0,
        };
        let other = Side {
            person: self.other_person_id.parse()?,
            address: self.other_address.parse()?,
            name: self.other_name,
            is_sure: self.other_is_sure != 0,
        };
        let gone = Some(self.gone_id).filter(|id| !id.is_empty());
        Ok(Link {
            id: self.id.parse()?,
            sides: [one, other],
            gone: gone.map(|id| id.parse()).transpose()?,
            state: word(&self.state)?,
            expires: Time::from_ms(self.expires_at),
        })
    }
}
