//! Questions that Toney asked and whose answers it waits for: one for each person in a conversation.
//!
//! Only the turns of a conversation open and end them, so that they are at hand with its window.

use anyhow::Result;
use serde_json::json;

use crate::model::{ConversationId, Dialogue, PersonId, Time};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::write::Write;

const OPEN: Sql = dialect!(
    "INSERT INTO dialogues (person_id, conversation_id, kind, state, repeated, asked_at)
     SELECT j.value ->> 'person', j.value ->> 'conversation', j.value ->> 'kind',
            j.value ->> 'state', CAST(j.value ->> 'repeated' AS BIGINT),
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (person_id, conversation_id) DO UPDATE SET kind = excluded.kind,
            state = excluded.state, repeated = excluded.repeated, asked_at = excluded.asked_at"
);
const END: Sql = dialect!(
    "DELETE FROM dialogues WHERE EXISTS (SELECT 1 FROM" each
    "WHERE dialogues.person_id = j.value ->> 'person'
     AND dialogues.conversation_id = j.value ->> 'conversation')"
);
const IN: Sql = same(
    "SELECT person_id, kind, state, repeated, asked_at FROM dialogues WHERE conversation_id = $1",
);
const OF: Sql = same(
    "SELECT conversation_id, kind, state, repeated, asked_at FROM dialogues
     WHERE person_id = $1 AND kind = $2 ORDER BY asked_at DESC",
);

/// Asks a person something in a conversation, in place of whatever was open there.
pub fn open_dialogue(
    person: PersonId,
    conversation: ConversationId,
    dialogue: &Dialogue,
) -> Result<Write> {
    let Dialogue {
        kind,
        state,
        repeated,
        asked_at,
    } = dialogue;
    let row = json!({
        "person": person, "conversation": conversation, "kind": kind, "state": state,
        "repeated": repeated, "at": asked_at,
    });
    Write::new(OPEN, &[row])
}

/// Waits for no answer any more.
pub fn end_dialogue(person: PersonId, conversation: ConversationId) -> Result<Write> {
    Write::new(
        END,
        &[json!({"person": person, "conversation": conversation})],
    )
}

type Row = (String, String, String, i64, i64);

fn parse((id, kind, state, repeated, asked_at): Row) -> (String, Dialogue) {
    let asked_at = Time::from_ms(asked_at);
    let dialogue = Dialogue {
        kind,
        state,
        repeated,
        asked_at,
    };
    (id, dialogue)
}

impl Store {
    /// What is open in a conversation, and with whom.
    pub async fn dialogues_in(&self, at: ConversationId) -> Result<Vec<(PersonId, Dialogue)>> {
        let rows: Vec<Row> = reading!(&self.db, IN, |sql, pool| {
            let query = sqlx::query_as(sql).bind(at.to_string());
            query.fetch_all(pool).await?
        });
        let rows = rows.into_iter().map(parse);
        rows.map(|(person, dialogue)| Ok((person.parse()?, dialogue)))
            .collect()
    }

    /// Where a person is being asked something of this kind, the newest first.
    pub async fn dialogues_of(
        &self,
        person: PersonId,
        kind: &str,
    ) -> Result<Vec<(ConversationId, Dialogue)>> {
        let rows: Vec<Row> = reading!(&self.db, OF, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string()).bind(kind);
            query.fetch_all(pool).await?
        });
        let rows = rows.into_iter().map(parse);
        rows.map(|(at, dialogue)| Ok((at.parse()?, dialogue)))
            .collect()
    }
}
