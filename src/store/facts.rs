//! What people said of themselves, kept until they want it forgotten.

use anyhow::Result;
use serde_json::json;

use crate::model::{ArtistId, FactId, MessageId, PersonId, Standing, Time};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

// What is said now takes the place of what held until now.
const SUPERSEDE: Sql = dialect!(
    "UPDATE facts SET state = 'superseded', changed_at = CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE facts.person_id = j.value ->> 'person' AND facts.slot = j.value ->> 'slot'
     AND facts.slot <> '' AND facts.state = 'kept' AND facts.same_as <> j.value ->> 'same'
     AND facts.said_at <= CAST(j.value ->> 'at' AS BIGINT)"
);
// Only while the line stands in which it was said: whoever was erased meanwhile leaves nothing.
const KEEP: Sql = dialect!(
    "INSERT INTO facts (id, person_id, slot, text, same_as, state, source, message_id, place, said_at,
            changed_at)
     SELECT j.value ->> 'id', m.person_id, j.value ->> 'slot', j.value ->> 'text',
            j.value ->> 'same', 'kept', j.value ->> 'source', m.id, j.value ->> 'place',
            CAST(j.value ->> 'at' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "JOIN messages m ON m.id = j.value ->> 'message' AND m.person_id <> ''
     JOIN persons p ON p.id = m.person_id AND p.keeps_facts = 1
     WHERE NOT EXISTS (SELECT 1 FROM facts f WHERE f.person_id = m.person_id
            AND f.same_as = j.value ->> 'same' AND f.state = 'kept') ON CONFLICT (id) DO NOTHING"
);
// With what stood there before: a thing that is forgotten was never said.
const FORGET: Sql = dialect!(
    "DELETE FROM facts WHERE EXISTS (SELECT 1 FROM" each
    "JOIN facts k ON k.id = j.value ->> 'id' WHERE facts.person_id = j.value ->> 'person'
     AND k.person_id = facts.person_id
     AND (facts.id = k.id OR (k.slot <> '' AND facts.slot = k.slot)))"
);
const FORGET_ALL: Sql = dialect!(
    "DELETE FROM facts WHERE person_id IN (SELECT j.value ->> 'person' FROM" each ")"
);
const FACTS: Sql = same(
    "SELECT id, slot, text, source, message_id, said_at FROM facts
     WHERE person_id = $1 AND state = 'kept' ORDER BY id",
);
// One reading for all that an answer may need to know of whoever asks.
const OF: Sql = same(
    "SELECT 'fact' AS kind, f.id AS id, f.slot AS one, f.text AS other, f.said_at AS at FROM facts f
         JOIN persons p ON p.id = f.person_id AND p.keeps_facts = 1
         WHERE f.person_id = $1 AND f.state = 'kept'
     UNION ALL SELECT 'role', artist_id, standing, '', 0 FROM memberships
         WHERE person_id = $1 AND standing <> 'fan'
     UNION ALL SELECT 'manners', id, speaks, zone, care_until FROM persons
         WHERE id = $1 AND (speaks <> '' OR zone <> '' OR care_until > 0)
     UNION ALL SELECT 'style', h.person_id, CASE WHEN p.keeps_facts = 1 THEN h.style ELSE '' END,
         h.said, 0 FROM habits h JOIN persons p ON p.id = h.person_id WHERE h.person_id = $1
     ORDER BY 1, 2",
);

/// Something that a person said of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub id: FactId,
    pub person: PersonId,
    /// What it is about, where one thing at a time holds; empty otherwise.
    pub slot: String,
    /// Their words.
    pub text: String,
    /// Who found it: `rules` or `model`.
    pub source: String,
    /// The line in which it was said.
    pub message: Option<MessageId>,
    pub said: Time,
}

/// A fact that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFact {
    pub id: FactId,
    pub person: PersonId,
    pub slot: String,
    pub text: String,
    /// What makes it the same as another.
    pub same: String,
    pub source: &'static str,
    pub message: MessageId,
    /// The platform on which it was said.
    pub place: String,
    pub said: Time,
}

/// What an answer may need to know of whoever asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acquaintance {
    pub facts: Vec<Fact>,
    /// For whom they work, and as what.
    pub roles: Vec<(ArtistId, Standing)>,
    /// The language they chose; empty = the one they write in.
    pub speaks: String,
    /// Their time zone; empty = not known.
    pub zone: String,
    /// Until when they are left alone with talk of money; the beginning of time = they are not.
    pub care_until: Time,
    /// How they write, and how they said they want to be written to; JSON, or empty.
    pub style: (String, String),
}

/// Keeps facts, each in place of what held until now.
pub fn keep_facts(facts: &[NewFact]) -> Result<Vec<Write>> {
    let rows: Vec<_> = facts
        .iter()
        .map(|fact| {
            let NewFact {
                id,
                person,
                slot,
                text,
                same,
                source,
                message,
                place,
                said,
            } = fact;
            json!({
                "id": id, "person": person, "slot": slot, "text": text, "same": same,
                "source": source, "message": message, "place": place, "at": said,
            })
        })
        .collect();
    Ok(vec![
        Write::new(SUPERSEDE, &rows)?,
        Write::new(KEEP, &rows)?,
    ])
}

/// Forgets facts of a person, and what they took the place of.
pub fn forget_facts(person: PersonId, facts: &[FactId]) -> Result<Write> {
    let row = |id: &FactId| json!({"person": person, "id": id});
    Write::new(FORGET, &facts.iter().map(row).collect::<Vec<_>>())
}

/// Forgets all that a person said of themselves.
pub fn forget_all_facts(person: PersonId) -> Result<Write> {
    Write::new(FORGET_ALL, &[json!({"person": person})])
}

type Row = (String, String, String, String, String, i64);

impl Store {
    /// What a person said of themselves, the oldest first.
    pub async fn facts(&self, person: PersonId) -> Result<Vec<Fact>> {
        let rows: Vec<Row> = reading!(&self.db, FACTS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_all(pool).await?
        });
        let rows = rows.into_iter();
        rows.map(|(id, slot, text, source, message, said)| {
            let message = Some(message).filter(|id| !id.is_empty());
            Ok(Fact {
                id: id.parse()?,
                person,
                slot,
                text,
                source,
                message: message.map(|id| id.parse()).transpose()?,
                said: Time::from_ms(said),
            })
        })
        .collect()
    }

    /// What an answer may need to know of a person, in one reading.
    pub async fn acquaintance(&self, person: PersonId) -> Result<Acquaintance> {
        let rows: Vec<(String, String, String, String, i64)> =
            reading!(&self.db, OF, |sql, pool| {
                let query = sqlx::query_as(sql).bind(person.to_string());
                query.fetch_all(pool).await?
            });
        let mut all = Acquaintance::default();
        for (kind, id, one, other, at) in rows {
            match kind.as_str() {
                "fact" => all.facts.push(Fact {
                    id: id.parse()?,
                    person,
                    slot: one,
                    text: other,
                    source: String::new(),
                    message: None,
                    said: Time::from_ms(at),
                }),
                "role" => all.roles.push((id.parse()?, one.parse()?)),
                "style" => all.style = (one, other),
                _ => (all.speaks, all.zone, all.care_until) = (one, other, Time::from_ms(at)),
            }
        }
        Ok(all)
    }
}
