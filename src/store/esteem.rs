//! What somebody's thumbs say of documents and of how Toney writes.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use crate::model::{DocumentId, PersonId};

use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::passages::ReadPassage;
use super::{Store, Write};

/// So many of the newest thumbs count: what was thought long ago fades.
const NEWEST: i64 = 200;

const OF_ANSWERS: Sql = same(
    "SELECT f.good, f.reason, COALESCE(k.passages, '') AS passages FROM feedback f
     LEFT JOIN knowledge_reads k ON k.turn_id = f.turn_id AND k.person_id = f.person_id
       AND (f.good = 1 OR f.reason = 'wrong')
     WHERE f.person_id = $1 ORDER BY f.created_at DESC LIMIT $2",
);
const FORGET: Sql =
    dialect!("DELETE FROM feedback WHERE person_id IN (SELECT j.value ->> 'person' FROM" each ")");

/// What thumbs came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Esteem {
    /// Answers that helped less answers that were wrong, by the document that they cited.
    pub documents: BTreeMap<DocumentId, i64>,
    /// How often something was wrong with an answer, by the word for it: `long`, `tone`, `unclear`, `wrong`.
    pub wrong: BTreeMap<String, i64>,
    /// Answers that helped.
    pub good: i64,
}

#[derive(Serialize)]
struct Whose {
    person: PersonId,
}

impl Store {
    /// What the newest thumbs of somebody came to. How an answer sounded is no fault of the document behind it.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub async fn esteem(&self, person: PersonId) -> Result<Esteem> {
        let rows: Vec<(i64, String, String)> = reading!(&self.db, OF_ANSWERS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.bind(NEWEST).fetch_all(pool).await?
        });
        let mut esteem = Esteem::default();
        for (good, reason, passages) in rows {
            let is_good = good == 1;
            if is_good {
                esteem.good += 1;
            } else {
                *esteem.wrong.entry(reason.clone()).or_default() += 1;
            }
            let passages: Vec<ReadPassage> = match passages.as_str() {
                "" => Vec::new(),
                passages => serde_json::from_str(passages)?,
            };
            let cited = passages.into_iter().filter(|passage| passage.cited);
            let mut cited: Vec<DocumentId> = cited.map(|passage| passage.document).collect();
            cited.sort();
            cited.dedup();
            for document in cited {
                *esteem.documents.entry(document).or_default() += if is_good { 1 } else { -1 };
            }
        }
        Ok(esteem)
    }
}

/// Forgets what somebody thought of answers.
///
/// # Errors
/// Never with a person's id.
pub fn forget_feedback(person: PersonId) -> Result<Write> {
    Write::new(FORGET, &[Whose { person }])
}
