//! The models that people chose, the keys that they brought, and how fast models were of late.

use anyhow::Result;
use serde_json::json;

use crate::model::PersonId;

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::tx::{Bind, Tx, rows};

const MODELS: Sql = same("SELECT person_id, model FROM model_choices");
const KEYS: Sql =
    same("SELECT person_id, provider, sealed FROM own_keys ORDER BY person_id, provider");
const KEYS_OF: Sql =
    same("SELECT provider, sealed FROM own_keys WHERE person_id = $1 ORDER BY provider");
const CHOOSE: Sql = dialect!(
    "INSERT INTO model_choices (person_id, model, set_at)
     SELECT j.value ->> 'person', j.value ->> 'model', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (person_id) DO UPDATE SET model = excluded.model, set_at = excluded.set_at"
);
const LEAVE: Sql = same("DELETE FROM model_choices WHERE person_id = $1");
const KEEP: Sql = dialect!(
    "INSERT INTO own_keys (person_id, provider, sealed, set_at)
     SELECT j.value ->> 'person', j.value ->> 'provider', j.value ->> 'sealed',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (person_id, provider) DO UPDATE SET sealed = excluded.sealed,
            set_at = excluded.set_at"
);
const DROP: Sql = same("DELETE FROM own_keys WHERE person_id = $1 AND provider = $2");
const LEAVE_OF: Sql = same(
    "DELETE FROM model_choices WHERE person_id = $1
     AND substr(model, 1, length(CAST($2 AS TEXT)) + 1) = CAST($2 AS TEXT) || '/'",
);
// Ids count up with time.
const SPEEDS: Sql = same(
    "SELECT model, CAST(SUM(first_token_ms) / COUNT(*) AS BIGINT) FROM
         (SELECT model, first_token_ms FROM model_calls WHERE result = 'answered' AND task = 'chat'
          ORDER BY id DESC LIMIT 500) AS newest
     GROUP BY model",
);

/// Everything that people chose.
#[derive(Debug, Default)]
pub struct Choices {
    /// Who wants which model.
    pub models: Vec<(PersonId, String)>,
    /// Whose key, for which provider, sealed.
    pub keys: Vec<(PersonId, String, String)>,
}

impl Store {
    /// What everybody chose. Few do, so that it is cheaper to know all of them than to ask for each.
    pub async fn choices(&self) -> Result<Choices> {
        let models: Vec<(String, String)> = reading!(&self.db, MODELS, |sql, pool| {
            sqlx::query_as(sql).fetch_all(pool).await?
        });
        let keys: Vec<(String, String, String)> = reading!(&self.db, KEYS, |sql, pool| {
            sqlx::query_as(sql).fetch_all(pool).await?
        });
        let models = models.into_iter();
        let keys = keys.into_iter();
        Ok(Choices {
            models: models
                .map(|(person, model)| Ok((person.parse()?, model)))
                .collect::<Result<_>>()?,
            keys: keys
                .map(|(person, provider, sealed)| Ok((person.parse()?, provider, sealed)))
                .collect::<Result<_>>()?,
        })
    }

    /// The sealed keys of one person, by their providers.
    pub async fn sealed_keys(&self, person: PersonId) -> Result<Vec<(String, String)>> {
        Ok(reading!(&self.db, KEYS_OF, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_all(pool).await?
        }))
    }

    /// Somebody wants this model from now on, or none in particular.
    pub async fn choose_model(&self, person: PersonId, model: Option<&str>) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        match model {
            Some(model) => {
                let row = [json!({"person": person, "model": model, "at": self.clock.now()})];
                tx.run(CHOOSE, rows(&row)?, &[]).await?;
            }
            None => {
                tx.run(LEAVE, person.to_string(), &[]).await?;
            }
        }
        tx.commit().await
    }

    /// Keeps a sealed key of somebody's for a provider, in place of an older one.
    pub async fn keep_key(&self, person: PersonId, provider: &str, sealed: &str) -> Result<()> {
        let row = [json!({
            "person": person, "provider": provider, "sealed": sealed, "at": self.clock.now(),
        })];
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(KEEP, rows(&row)?, &[]).await?;
        tx.commit().await
    }

    /// Forgets somebody's key for a provider, and which of its models they chose: others would pay for that from
    /// now on. `None` when there was no key; otherwise whether there was a choice.
    pub async fn drop_key(&self, person: PersonId, provider: &str) -> Result<Option<bool>> {
        let mut tx = Tx::begin(&self.db).await?;
        let provider = [Bind::Text(provider)];
        if tx.run(DROP, person.to_string(), &provider).await? == 0 {
            return Ok(None);
        }
        let left = tx.run(LEAVE_OF, person.to_string(), &provider).await?;
        tx.commit().await?;
        Ok(Some(left > 0))
    }

    /// How many milliseconds models took of late until their first words, on the average.
    pub async fn first_words(&self) -> Result<Vec<(String, i64)>> {
        Ok(reading!(&self.db, SPEEDS, |sql, pool| {
            sqlx::query_as(sql).fetch_all(pool).await?
        }))
    }
}
