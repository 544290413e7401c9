//! Two persons become one, and one identity a person of its own again.
//!
//! What belongs to a person stands in many tables. [`COLUMNS`] names every column that holds a person, and how it
//! is brought from one to the other; a test walks over the tables of both databases and fails on one that is not
//! named there.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::json;

use crate::model::{Address, LinkId, PersonId, SessionId, Time};

use super::Store;
use super::asker::Scope;
use super::budgets::{day_of, lock};
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::documents::rescope;
use super::tx::{Bind, Tx, rows};

/// A column that holds a person, and the statements that bring it from `$1` to `$2`.
struct Column {
    table: &'static str,
    column: &'static str,
    steps: &'static [Sql],
}

/// Whatever has this person gets the other one.
macro_rules! moves {
    ($table:literal, $column:literal) => {
        Column {
            table: $table,
            column: $column,
            steps: &[same(concat!(
                "UPDATE ",
                $table,
                " SET ",
                $column,
                " = $2 WHERE ",
                $column,
                " = $1"
            ))],
        }
    };
}

/// The same where `$same` must stay unique for a person: what the other one has already is kept.
macro_rules! yields {
    ($table:literal, $column:literal, $same:literal) => {
        Column {
            table: $table,
            column: $column,
            steps: &[
                same(concat!(
                    "DELETE FROM ",
                    $table,
                    " WHERE ",
                    $column,
                    " = $1 AND EXISTS (SELECT 1 FROM ",
                    $table,
                    " k WHERE k.",
                    $column,
                    " = $2 AND ",
                    $same,
                    ")"
                )),
                same(concat!(
                    "UPDATE ",
                    $table,
                    " SET ",
                    $column,
                    " = $2 WHERE ",
                    $column,
                    " = $1"
                )),
            ],
        }
    };
}

/// Every column that holds a person. A new table with one adds a line.
const COLUMNS: &[Column] = &[
    moves!("identities", "person_id"),
    Column {
        table: "memberships",
        column: "person_id",
        steps: &[
            // The higher standing of the two counts; nobody is raised above it.
            same(
                "UPDATE memberships SET standing = (SELECT f.standing FROM memberships f
                     WHERE f.person_id = $1 AND f.artist_id = memberships.artist_id)
                 WHERE person_id = $2 AND EXISTS (SELECT 1 FROM memberships f
                     WHERE f.person_id = $1 AND f.artist_id = memberships.artist_id
                     AND ((f.standing = 'artist' AND memberships.standing <> 'artist')
                          OR (f.standing = 'manager' AND memberships.standing = 'fan')))",
            ),
            same(
                "DELETE FROM memberships WHERE person_id = $1 AND EXISTS (SELECT 1 FROM memberships k
                     WHERE k.person_id = $2 AND k.artist_id = memberships.artist_id)",
            ),
            same("UPDATE memberships SET person_id = $2 WHERE person_id = $1"),
        ],
    },
    moves!("invitations", "used_by"),
    moves!("conversations", "person_id"),
    moves!("messages", "person_id"),
    moves!("model_calls", "person_id"),
    moves!("attachments", "person_id"),
    moves!("knowledge_reads", "person_id"),
    moves!("budget_holds", "person_id"),
    yields!("model_choices", "person_id", "TRUE"),
    yields!("own_keys", "person_id", "k.provider = own_keys.provider"),
    Column {
        table: "documents",
        column: "owner_id",
        steps: &[
            // The same bytes twice are one document too many.
            same(
                "UPDATE documents SET state = 'gone' WHERE owner_id = $1
                 AND state IN ('reading', 'ready') AND EXISTS (SELECT 1 FROM documents k
                     WHERE k.owner_id = $2 AND k.artist_id = documents.artist_id
                     AND k.name = documents.name AND k.sha256 = documents.sha256
                     AND k.state IN ('reading', 'ready'))",
            ),
            same("UPDATE documents SET owner_id = $2 WHERE owner_id = $1"),
        ],
    },
    yields!("dialogues", "person_id", "k.conversation_id = dialogues.conversation_id"),
    moves!("link_codes", "person_id"),
    moves!("link_tries", "person_id"),
    moves!("links", "person_id"),
    moves!("links", "other_person_id"),
    moves!("workflows", "person_id"),
    moves!("workflow_runs", "person_id"),
    moves!("workflow_proposals", "person_id"),
    moves!("tasks", "person_id"),
    moves!("artist_notes", "person_id"),
    moves!("mails", "person_id"),
    yields!(
        "thanks",
        "fan",
        "k.artist_id = thanks.artist_id AND k.way = thanks.way"
    ),
    yields!(
        "fan_lists",
        "fan",
        "k.artist_id = fan_lists.artist_id AND k.list = fan_lists.list"
    ),
    moves!("profiles", "person_id"),
    moves!("goals", "person_id"),
    moves!("statements", "person_id"),
    moves!("statement_mappings", "set_by"),
    moves!("proposals", "person_id"),
    moves!("drafts", "person_id"),
    moves!("milestones", "person_id"),
    yields!(
        "feedback",
        "person_id",
        "k.turn_id = feedback.turn_id"
    ),
    moves!("human_requests", "person_id"),
    moves!("human_requests", "taken_by"),
    moves!("tips", "person_id"),
    moves!("tip_asks", "person_id"),
    moves!("approvals", "asker_id"),
    moves!("approvals", "decided_by"),
    moves!("approval_cards", "person_id"),
    // One person counts once, also for what both said before.
    yields!(
        "approval_decisions",
        "person_id",
        "k.approval_id = approval_decisions.approval_id AND k.revision = approval_decisions.revision"
    ),
    moves!("approval_chats", "person_id"),
    moves!("grants", "given_by"),
    moves!("grants", "withdrawn_by"),
    // The record says who it was then, and is signed.
    Column {
        table: "audit",
        column: "person_id",
        steps: &[],
    },
    moves!("releases", "person_id"),
    moves!("signs", "person_id"),
    moves!("pages", "person_id"),
    moves!("pages", "taken_by"),
    moves!("page_cards", "person_id"),
    // Of what both were told, one is left; a stop or a never of either is both's.
    yields!(
        "nudges",
        "person_id",
        "k.kind = nudges.kind AND k.episode = nudges.episode"
    ),
    moves!("recommendations", "person_id"),
    Column {
        table: "nudge_settings",
        column: "person_id",
        steps: &[
            same(
                "UPDATE nudge_settings SET
                    stopped_at = CASE WHEN f.stopped_at > nudge_settings.stopped_at THEN f.stopped_at
                                      ELSE nudge_settings.stopped_at END,
                    snoozed_until = CASE WHEN f.snoozed_until > nudge_settings.snoozed_until
                                         THEN f.snoozed_until ELSE nudge_settings.snoozed_until END,
                    agreed = CASE WHEN nudge_settings.answered_at = 0 THEN f.agreed
                                  ELSE nudge_settings.agreed END,
                    answered_at = CASE WHEN nudge_settings.answered_at = 0 THEN f.answered_at
                                       ELSE nudge_settings.answered_at END,
                    never = nudge_settings.never || ' ' || f.never
                 FROM nudge_settings AS f
                 WHERE nudge_settings.person_id = $2 AND f.person_id = $1 AND f.person_id <> $2",
            ),
            same(
                "DELETE FROM nudge_settings WHERE person_id = $1 AND EXISTS (SELECT 1 FROM
                 nudge_settings k WHERE k.person_id = $2 AND k.person_id <> $1)",
            ),
            same("UPDATE nudge_settings SET person_id = $2 WHERE person_id = $1"),
        ],
    },
    yields!("watches", "person_id", "k.kind = watches.kind"),
    yields!("habits", "person_id", "TRUE"),
    Column {
        table: "facts",
        column: "person_id",
        steps: &[
            same(
                "DELETE FROM facts WHERE person_id = $1 AND EXISTS (SELECT 1 FROM facts k
                     WHERE k.person_id = $2 AND k.same_as = facts.same_as AND k.state = 'kept'
                     AND facts.state = 'kept')",
            ),
            same("UPDATE facts SET person_id = $2 WHERE person_id = $1"),
            // Of what holds one thing at a time, what was said last counts.
            same(
                "UPDATE facts SET state = 'superseded' WHERE person_id = $2 AND person_id <> $1
                 AND slot <> '' AND state = 'kept' AND EXISTS (SELECT 1 FROM facts k
                     WHERE k.person_id = $2 AND k.slot = facts.slot AND k.state = 'kept'
                     AND (k.said_at > facts.said_at
                          OR (k.said_at = facts.said_at AND k.id > facts.id)))",
            ),
        ],
    },
];

/// Texts in which a person is named.
const TEXTS: [Sql; 3] = [
    same(
        "UPDATE events SET body = REPLACE(body, $1, $2)
         WHERE name <> 'person_linked' AND body LIKE '%' || $1 || '%'",
    ),
    same(
        "UPDATE jobs SET payload = REPLACE(payload, $1, $2)
         WHERE payload LIKE '%' || $1 || '%' AND payload NOT LIKE '%person_linked%'",
    ),
    same(
        "UPDATE budgets SET spent_nano_usd = budgets.spent_nano_usd + f.spent_nano_usd,
                spent_tokens = budgets.spent_tokens + f.spent_tokens,
                held_nano_usd = budgets.held_nano_usd + f.held_nano_usd,
                held_tokens = budgets.held_tokens + f.held_tokens
         FROM budgets AS f WHERE budgets.scope = $2 AND f.scope = $1 AND f.day = budgets.day",
    ),
];
const BUDGETS: [Sql; 2] = [
    same(
        "DELETE FROM budgets WHERE scope = $1
         AND EXISTS (SELECT 1 FROM budgets k WHERE k.scope = $2 AND k.day = budgets.day)",
    ),
    same("UPDATE budgets SET scope = $2 WHERE scope = $1"),
];
// What one of them wanted counts where the other said nothing; what one of them did not want, neither wants.
const PERSONS: [Sql; 2] = [
    same(
        "UPDATE persons SET
            name = CASE WHEN persons.name = '' THEN f.name ELSE persons.name END,
            artist_id = CASE WHEN persons.artist_id = '' THEN f.artist_id ELSE persons.artist_id END,
            speaks = CASE WHEN persons.speaks = '' THEN f.speaks ELSE persons.speaks END,
            zone = CASE WHEN persons.zone = '' THEN f.zone ELSE persons.zone END,
            spoken_to = CASE WHEN f.spoken_to > persons.spoken_to THEN f.spoken_to ELSE persons.spoken_to END,
            care_until = CASE WHEN f.care_until > persons.care_until THEN f.care_until ELSE persons.care_until END,
            noticed_at = CASE WHEN f.noticed_at > persons.noticed_at THEN f.noticed_at ELSE persons.noticed_at END,
            keeps_facts = CASE WHEN f.keeps_facts < persons.keeps_facts THEN f.keeps_facts ELSE persons.keeps_facts END,
            reminders = CASE WHEN f.reminders < persons.reminders THEN f.reminders ELSE persons.reminders END
         FROM persons AS f WHERE persons.id = $2 AND f.id = $1",
    ),
    same("DELETE FROM persons WHERE id = $1 AND id <> $2"),
];
const THERE: Sql = same("SELECT id FROM persons WHERE id IN ($1, $2)");
const WENT: Sql = same("UPDATE links SET gone_id = $2 WHERE id = $1 AND gone_id = ''");
const CHATS: Sql = same(
    "SELECT address FROM conversations WHERE person_id = $1
     OR id IN (SELECT conversation_id FROM messages WHERE person_id = $1 AND person_id <> '')",
);
// What anybody has at hand of these conversations is no longer true.
const STALE: Sql = dialect!(
    "UPDATE lanes SET turns = turns + 1 WHERE lane IN (SELECT 'turn:' || (j.value ->> 'address') FROM"
    each ")"
);
const OWN: Sql = same("SELECT id, scope FROM documents WHERE scope LIKE 'o%' || $1");
const OWN_READS: Sql = same(
    "UPDATE knowledge_reads SET scopes = REPLACE(scopes, $1, $2) WHERE scopes LIKE '%' || $1 || '%'",
);
const DAYS: Sql = same("SELECT DISTINCT day FROM budgets WHERE scope = $1");
const IDENTITIES: Sql = same(
    "SELECT platform, platform_user FROM identities WHERE person_id = $1 ORDER BY created_at, platform",
);
const TAKE_OUT: Sql = same(
    "UPDATE identities SET person_id = $2 WHERE person_id = $1 AND platform = $3
     AND platform_user = $4 AND EXISTS (SELECT 1 FROM identities k
         WHERE k.person_id = $1 AND (k.platform <> $3 OR k.platform_user <> $4))
     RETURNING platform",
);
const NEWCOMER: Sql = same(
    "INSERT INTO persons (id, name, language, created_at)
     SELECT $2, f.name, f.language, CAST($3 AS BIGINT) FROM persons f WHERE f.id = $1
     ON CONFLICT (id) DO NOTHING",
);
const ALONE_THERE: Sql = same(
    "SELECT id, address FROM conversations
     WHERE setting = 'direct' AND person_id = $1 AND address LIKE $2 || ':%'",
);
const BEGIN_AGAIN: Sql = dialect!(
    "INSERT INTO sessions (id, conversation_id, started_at)
     SELECT j.value ->> 'session', j.value ->> 'conversation', CAST(j.value ->> 'at' AS BIGINT) FROM"
    each "WHERE TRUE ON CONFLICT (id) DO NOTHING"
);
// Whoever writes there next says whose it is.
const HAND_OVER: Sql = dialect!(
    "UPDATE conversations SET session_id = j.value ->> 'session', person_id = '' FROM" each
    "WHERE conversations.id = j.value ->> 'conversation'"
);
const END_DIALOGUES: Sql = dialect!(
    "DELETE FROM dialogues WHERE conversation_id IN (SELECT j.value ->> 'conversation' FROM" each ")"
);

/// The columns that are handled when two persons become one: table and column.
pub fn person_columns() -> Vec<(&'static str, &'static str)> {
    COLUMNS.iter().map(|one| (one.table, one.column)).collect()
}

impl Store {
    /// Makes one person of two: whatever is `from`'s becomes `to`'s. It may be done again, which brings what was
    /// still under way meanwhile. Answers the conversations of which nothing may be kept elsewhere.
    pub async fn merge_persons(
        &self,
        (from, to): (PersonId, PersonId),
        link: LinkId,
    ) -> Result<Vec<Address>> {
        let (whom, heir) = (from.to_string(), to.to_string());
        let heir_bind = [Bind::Text(&heir)];
        let mut tx = Tx::begin(&self.db).await?;
        let there: Vec<(String,)> = tx.read(THERE, whom.clone(), &heir_bind).await?;
        if from == to || !there.iter().any(|(id,)| *id == heir) {
            return Ok(Vec::new());
        }
        tx.run(WENT, link.to_string(), &[Bind::Text(&whom)]).await?;
        let chats: Vec<(String,)> = tx.read(CHATS, whom.clone(), &[]).await?;
        lock_days(&mut tx, &whom, self.clock.now()).await?;
        for sql in COLUMNS.iter().flat_map(|column| column.steps) {
            tx.run(*sql, whom.clone(), &heir_bind).await?;
        }
        for sql in TEXTS.iter().chain(&BUDGETS).chain(&PERSONS) {
            tx.run(*sql, whom.clone(), &heir_bind).await?;
        }
        hand_over_scopes(&mut tx, (from, to)).await?;
        let chats: Vec<String> = chats.into_iter().map(|(address,)| address).collect();
        stale(&mut tx, &chats).await?;
        tx.commit().await?;
        chats.iter().map(|chat| Ok(chat.parse()?)).collect()
    }

    /// By which accounts a person is known, the first one first: platform and id there.
    pub async fn identities(&self, person: PersonId) -> Result<Vec<(String, String)>> {
        Ok(reading!(&self.db, IDENTITIES, |sql, pool| {
            let query = sqlx::query_as(sql).bind(person.to_string());
            query.fetch_all(pool).await?
        }))
    }

    /// Makes an account a person of its own, of whom nothing is known; `None` when the person has no other account,
    /// or not this one. What was said there stays with the person who keeps it, and out of sight there. Answers the
    /// conversations of which nothing may be kept elsewhere.
    pub async fn unlink(
        &self,
        person: PersonId,
        (platform, user): (&str, &str),
    ) -> Result<Option<(PersonId, Vec<Address>)>> {
        let newcomer = PersonId::new(&self.ids);
        let (whom, fresh) = (person.to_string(), newcomer.to_string());
        let now = self.clock.now();
        let mut tx = Tx::begin(&self.db).await?;
        let binds = [Bind::Text(&fresh), Bind::Text(platform), Bind::Text(user)];
        let taken: Vec<(String,)> = tx.read(TAKE_OUT, whom.clone(), &binds).await?;
        if taken.is_empty() {
            return Ok(None);
        }
        let binds = [Bind::Text(&fresh), Bind::Int(now.ms())];
        tx.run(NEWCOMER, whom.clone(), &binds).await?;
        let there: Vec<(String, String)> = tx
            .read(ALONE_THERE, whom.clone(), &[Bind::Text(platform)])
            .await?;
        let sessions: Vec<_> = there
            .iter()
            .map(|(conversation, _)| {
                let session = SessionId::new(&self.ids);
                json!({"session": session, "conversation": conversation, "at": now})
            })
            .collect();
        let sessions = rows(&sessions)?;
        for sql in [BEGIN_AGAIN, HAND_OVER, END_DIALOGUES] {
            tx.run(sql, sessions.clone(), &[]).await?;
        }
        let chats: Vec<String> = there.into_iter().map(|(_, address)| address).collect();
        stale(&mut tx, &chats).await?;
        tx.commit().await?;
        let chats = chats.iter().map(|chat| Ok(chat.parse()?));
        Ok(Some((newcomer, chats.collect::<Result<_>>()?)))
    }
}

/// Lets the one reach what was the other's alone, in every index.
async fn hand_over_scopes(tx: &mut Tx, (from, to): (PersonId, PersonId)) -> Result<()> {
    let own: Vec<(String, String)> = tx.read(OWN, from.body(), &[]).await?;
    for (id, scope) in own {
        let scope: Scope = scope.parse()?;
        let Scope::Own(artist, _) = scope else {
            continue;
        };
        let moved = rescope(tx, id.parse()?, Scope::Own(artist, to)).await;
        moved.with_context(|| format!("Handing {id} over"))?;
    }
    let heir = to.body();
    tx.run(OWN_READS, from.body(), &[Bind::Text(&heir)]).await?;
    Ok(())
}

/// Nobody else may look at the same days and write after it: that would bring back what is moved.
async fn lock_days(tx: &mut Tx, whom: &str, now: Time) -> Result<()> {
    let days: Vec<(Option<i64>,)> = tx.read(DAYS, whom.to_owned(), &[]).await?;
    let mut days: BTreeSet<Time> = days
        .into_iter()
        .filter_map(|(day,)| day.map(Time::from_ms))
        .collect();
    days.insert(day_of(now));
    lock(tx, &days).await
}

async fn stale(tx: &mut Tx, chats: &[String]) -> Result<()> {
    let chats: Vec<_> = chats
        .iter()
        .map(|address| json!({"address": address}))
        .collect();
    tx.run(STALE, rows(&chats)?, &[]).await.map(drop)
}
