//! Requests for approval, where they are shown, and who decided what. The rows become true with a [`super::Change`];
//! a request is read by its id, and whoever reads it holds the asker's standing against its artist.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

use crate::model::{
    Action, Address, ApprovalId, ArtistId, Decision, GrantId, Money, OutboundId, PersonId, Setting,
    Standing, Time,
};

use super::Store;
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::lanes::word;
use super::write::Write;

const PUT: Sql = dialect!(
    "INSERT INTO approvals (id, artist_id, asker_id, kind, subject, preview, reason, cost_minor,
            cost_currency, action_kind, action_body, action_hash, revision, state, roles, needed,
            asker_may, escalates, deadline_at, answer_to, asked_at, decided_at, decided_by,
            decided_via, note, grant_id)
     SELECT j.value ->> 'id', j.value ->> 'artist', j.value ->> 'asker', j.value ->> 'kind',
            j.value ->> 'subject', j.value ->> 'preview', j.value ->> 'reason',
            CAST(j.value ->> 'minor' AS BIGINT), j.value ->> 'currency',
            j.value ->> 'action_kind', j.value ->> 'action_body', j.value ->> 'hash',
            CAST(j.value ->> 'revision' AS BIGINT), j.value ->> 'state', j.value ->> 'roles',
            CAST(j.value ->> 'needed' AS BIGINT), CAST(j.value ->> 'asker_may' AS BIGINT),
            CAST(j.value ->> 'escalates' AS BIGINT), CAST(j.value ->> 'deadline' AS BIGINT),
            j.value ->> 'answer_to', CAST(j.value ->> 'asked_at' AS BIGINT),
            CAST(j.value ->> 'decided_at' AS BIGINT), j.value ->> 'decided_by',
            j.value ->> 'decided_via', j.value ->> 'note', j.value ->> 'grant' FROM" each
    "WHERE TRUE ON CONFLICT (id) DO UPDATE SET asker_id = excluded.asker_id,
            kind = excluded.kind, subject = excluded.subject, preview = excluded.preview,
            reason = excluded.reason, cost_minor = excluded.cost_minor,
            cost_currency = excluded.cost_currency, action_kind = excluded.action_kind,
            action_body = excluded.action_body, action_hash = excluded.action_hash,
            revision = excluded.revision, state = excluded.state, roles = excluded.roles,
            needed = excluded.needed, asker_may = excluded.asker_may,
            escalates = excluded.escalates, deadline_at = excluded.deadline_at,
            answer_to = excluded.answer_to, asked_at = excluded.asked_at,
            decided_at = excluded.decided_at, decided_by = excluded.decided_by,
            decided_via = excluded.decided_via, note = excluded.note,
            grant_id = excluded.grant_id"
);
const CARD: Sql = dialect!(
    "INSERT INTO approval_cards
            (key, approval_id, revision, outbound_id, address, setting, person_id, created_at)
     SELECT j.value ->> 'key', j.value ->> 'approval', CAST(j.value ->> 'revision' AS BIGINT),
            j.value ->> 'outbound', j.value ->> 'address', j.value ->> 'setting',
            COALESCE(j.value ->> 'person', ''), CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (key) DO NOTHING"
);
const VOTE: Sql = dialect!(
    "INSERT INTO approval_decisions (approval_id, revision, person_id, verb, via, note, created_at)
     SELECT j.value ->> 'approval', CAST(j.value ->> 'revision' AS BIGINT),
            COALESCE(j.value ->> 'person', ''), j.value ->> 'verb', j.value ->> 'via',
            j.value ->> 'note', CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (approval_id, revision, person_id) DO NOTHING"
);
const CHAT: Sql = dialect!(
    "INSERT INTO approval_chats (artist_id, address, person_id, created_at)
     SELECT j.value ->> 'artist', j.value ->> 'address', j.value ->> 'person',
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT (artist_id, address) DO NOTHING"
);
const NO_CHAT: Sql = dialect!(
    "DELETE FROM approval_chats WHERE (artist_id, address) IN
     (SELECT j.value ->> 'artist', j.value ->> 'address' FROM" each ")"
);
// A letter that was given up may be replayed; it must not offer what is decided.
const LOST: Sql = dialect!(
    "UPDATE outbound SET content = j.value ->> 'content' FROM" each
    "WHERE outbound.id = j.value ->> 'id' AND outbound.state = 'failed'"
);

macro_rules! columns {
    ($rest:literal) => {
        same(concat!(
            "SELECT id, artist_id, asker_id, kind, subject, preview, reason, cost_minor,
                    cost_currency, action_kind, action_body, action_hash, revision, state, roles,
                    needed, asker_may, escalates, deadline_at, answer_to, asked_at, decided_at,
                    decided_by, decided_via, note, grant_id FROM approvals ",
            $rest
        ))
    };
}

const ONE: Sql = columns!("WHERE id = $1");
const WAITING: Sql = columns!("WHERE artist_id = $1 AND state = 'open' ORDER BY id LIMIT $2");
const OVER: Sql =
    columns!("WHERE artist_id = $1 AND state <> 'open' ORDER BY decided_at DESC, id DESC LIMIT $2");
const ASKED: Sql = columns!("WHERE asker_id = $1 ORDER BY id DESC LIMIT $2");
const VOTES: Sql = same(
    "SELECT approval_id, revision, person_id, verb, via, note, created_at FROM approval_decisions
     WHERE approval_id = $1 ORDER BY created_at, person_id",
);
// Where a chat moved, its letter went on under a key of its own.
const COPIES: Sql = same(
    "SELECT c.key, c.revision, c.setting, c.person_id, o.id, o.address, o.state, o.content
     FROM approval_cards c JOIN outbound o ON o.key IN (c.key, c.key || ':moved')
     WHERE c.approval_id = $1 ORDER BY o.id",
);
const OPEN_AT: Sql = same(
    "SELECT DISTINCT a.id FROM approval_cards c JOIN approvals a ON a.id = c.approval_id
     AND a.state = 'open' WHERE c.address = $1 ORDER BY a.id",
);
const CHATS: Sql =
    same("SELECT address FROM approval_chats WHERE artist_id = $1 ORDER BY created_at, address");
// An artist whom nobody joined belongs to whoever sits at the terminal.
const TEAM: Sql = same(
    "SELECT person_id, standing FROM memberships WHERE artist_id = $1 AND standing <> 'fan'
     UNION ALL
     SELECT i.person_id, 'operator' FROM identities i WHERE i.platform = 'terminal'
     AND EXISTS (SELECT 1 FROM artists a WHERE a.id = $1)
     AND NOT EXISTS (SELECT 1 FROM memberships m
         WHERE m.artist_id = $1 AND (m.standing = 'artist' OR m.person_id = i.person_id))
     ORDER BY 1, 2",
);
const NAME: Sql = same("SELECT name FROM persons WHERE id = $1");

/// A request for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    pub id: ApprovalId,
    pub artist: ArtistId,
    pub asker: Option<PersonId>,
    pub kind: String,
    pub subject: String,
    pub preview: String,
    pub reason: String,
    pub cost: Option<Money>,
    pub action: Action,
    /// What a decision is bound to.
    pub hash: String,
    pub revision: i64,
    pub state: Decision,
    /// Who may decide.
    pub roles: Vec<Standing>,
    /// How many persons have to say yes.
    pub needed: i64,
    pub asker_may: bool,
    /// Whether the artist is asked, too, when nobody decided in time.
    pub escalates: bool,
    pub deadline: Option<Time>,
    pub answer_to: Option<Address>,
    pub asked_at: Time,
    pub decided_at: Option<Time>,
    pub decided_by: Option<PersonId>,
    /// Where: a platform, `cli`, or empty.
    pub decided_via: String,
    /// Why it was rejected or sent back, or empty.
    pub note: String,
    /// The standing permission that decided it.
    pub grant: Option<GrantId>,
}

/// A copy of a request in a chat.
#[derive(Debug, Clone, Serialize)]
pub struct NewCard {
    pub key: String,
    pub approval: ApprovalId,
    pub revision: i64,
    pub outbound: OutboundId,
    pub address: Address,
    pub setting: Setting,
    pub person: Option<PersonId>,
    pub at: Time,
}

/// What somebody said to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vote {
    pub approval: ApprovalId,
    pub revision: i64,
    /// Nobody: whoever runs Toney, on the command line.
    pub person: Option<PersonId>,
    /// `approve`, `reject`, `change`, `withdraw`.
    pub verb: String,
    /// The address at which it was said, or `cli`.
    pub via: String,
    pub note: String,
    pub at: Time,
}

/// A copy as it stands in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    pub revision: i64,
    pub setting: Setting,
    pub outbound: OutboundId,
    pub address: Address,
    /// As in the outbox.
    pub state: String,
    /// JSON.
    pub content: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    artist_id: String,
    asker_id: String,
    kind: String,
    subject: String,
    preview: String,
    reason: String,
    cost_minor: i64,
    cost_currency: String,
    action_kind: String,
    action_body: String,
    action_hash: String,
    revision: i64,
    state: String,
    roles: String,
    needed: i64,
    asker_may: i64,
    escalates: i64,
    deadline_at: i64,
    answer_to: String,
    asked_at: i64,
    decided_at: i64,
    decided_by: String,
    decided_via: String,
    note: String,
    grant_id: String,
}

/// A text that may be empty.
pub(super) fn filled<T: std::str::FromStr>(text: &str) -> Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text = Some(text).filter(|text| !text.is_empty());
    Ok(text.map(str::parse).transpose()?)
}

/// A moment that may be none.
pub(super) fn moment(ms: i64) -> Option<Time> {
    (ms > 0).then(|| Time::from_ms(ms))
}

/// What was spent or may be, where the currency says of what.
pub(super) fn money(minor: i64, currency: &str) -> Result<Option<Money>> {
    let currency = filled(currency)?;
    Ok(currency.map(|currency| Money { minor, currency }))
}

fn text<T: ToString>(thing: Option<&T>) -> String {
    thing.map(ToString::to_string).unwrap_or_default()
}

impl Row {
    fn read(self) -> Result<Approval> {
        let roles = self.roles.split_whitespace().map(str::parse);
        Ok(Approval {
            id: self.id.parse()?,
            artist: self.artist_id.parse()?,
            asker: filled(&self.asker_id)?,
            kind: self.kind,
            subject: self.subject,
            preview: self.preview,
            reason: self.reason,
            cost: money(self.cost_minor, &self.cost_currency)?,
            action: Action {
                kind: self.action_kind,
                body: serde_json::from_str(&self.action_body)
                    .with_context(|| format!("Reading the action of {}", self.id))?,
            },
            hash: self.action_hash,
            revision: self.revision,
            state: self.state.parse()?,
            roles: roles.collect::<Result<_, _>>()?,
            needed: self.needed,
            asker_may: self.asker_may != 0,
            escalates: self.escalates != 0,
            deadline: moment(self.deadline_at),
            answer_to: filled(&self.answer_to)?,
            asked_at: Time::from_ms(self.asked_at),
            decided_at: moment(self.decided_at),
            decided_by: filled(&self.decided_by)?,
            decided_via: self.decided_via,
            note: self.note,
            grant: filled(&self.grant_id)?,
        })
    }
}

impl Approval {
    /// Whether the action that stands here is the one that was bound when it was asked for.
    pub fn is_whole(&self) -> bool {
        self.action.hash(self.artist, self.revision) == self.hash
    }

    /// The row as it is from now on.
    pub fn write(&self) -> Result<Write> {
        let roles: Vec<&str> = self.roles.iter().map(|role| role.as_str()).collect();
        let currency = self.cost.map(|cost| cost.currency);
        Write::new(
            PUT,
            &[json!({
                "id": self.id, "artist": self.artist, "asker": text(self.asker.as_ref()),
                "kind": self.kind, "subject": self.subject, "preview": self.preview,
                "reason": self.reason, "minor": self.cost.map_or(0, |cost| cost.minor),
                "currency": text(currency.as_ref()), "action_kind": self.action.kind,
                "action_body": self.action.body.to_string(), "hash": self.hash,
                "revision": self.revision, "state": self.state, "roles": roles.join(" "),
                "needed": self.needed, "asker_may": i64::from(self.asker_may),
                "escalates": i64::from(self.escalates),
                "deadline": self.deadline.unwrap_or_default(),
                "answer_to": text(self.answer_to.as_ref()), "asked_at": self.asked_at,
                "decided_at": self.decided_at.unwrap_or_default(),
                "decided_by": text(self.decided_by.as_ref()), "decided_via": self.decided_via,
                "note": self.note, "grant": text(self.grant.as_ref()),
            })],
        )
    }
}

impl Write {
    /// Copies of a request that are on their way.
    pub fn cards(cards: &[NewCard]) -> Result<Self> {
        Self::new(CARD, cards)
    }

    /// What somebody said to a request.
    pub fn vote(vote: &Vote) -> Result<Self> {
        Self::new(VOTE, std::slice::from_ref(vote))
    }

    /// From now on requests of the artist are shown in this chat, too, or no longer.
    pub fn approval_chat(
        (artist, address): (ArtistId, &Address),
        by: PersonId,
        at: Option<Time>,
    ) -> Result<Self> {
        let sql = if at.is_some() { CHAT } else { NO_CHAT };
        let row = json!({"artist": artist, "address": address, "person": by, "at": at});
        Self::new(sql, &[row])
    }

    /// What letters say that were given up, should they be sent all the same.
    pub fn lost_copies(copies: &[(OutboundId, String)]) -> Result<Self> {
        let row = |(id, content): &(OutboundId, String)| json!({"id": id, "content": content});
        let rows: Vec<_> = copies.iter().map(row).collect();
        Self::new(LOST, &rows)
    }
}

impl Store {
    /// A request, whoever it belongs to: the caller holds who asks against its artist.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>> {
        let row: Option<Row> = reading!(&self.db, ONE, |sql, pool| {
            sqlx::query_as(sql)
                .bind(id.to_string())
                .fetch_optional(pool)
                .await
                .with_context(|| format!("Reading {id}"))?
        });
        row.map(Row::read).transpose()
    }

    /// What waits for a decision about an artist, the oldest first.
    pub async fn open_approvals(&self, artist: ArtistId, limit: i64) -> Result<Vec<Approval>> {
        self.approvals(WAITING, (artist.to_string(), limit)).await
    }

    /// What is over or was sent back, the newest first.
    pub async fn decided_approvals(&self, artist: ArtistId, limit: i64) -> Result<Vec<Approval>> {
        self.approvals(OVER, (artist.to_string(), limit)).await
    }

    /// What a person asked for, the newest first.
    pub async fn asked_approvals(&self, person: PersonId, limit: i64) -> Result<Vec<Approval>> {
        self.approvals(ASKED, (person.to_string(), limit)).await
    }

    async fn approvals(&self, which: Sql, (of, limit): (String, i64)) -> Result<Vec<Approval>> {
        let rows: Vec<Row> = reading!(&self.db, which, |sql, pool| {
            let query = sqlx::query_as(sql).bind(of).bind(limit);
            query.fetch_all(pool).await?
        });
        rows.into_iter().map(Row::read).collect()
    }

    /// What was said to a request, all its revisions, the oldest first.
    pub async fn votes(&self, id: ApprovalId) -> Result<Vec<Vote>> {
        type Row = (String, i64, String, String, String, String, i64);
        let rows: Vec<Row> = reading!(&self.db, VOTES, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_all(pool).await?
        });
        rows.into_iter()
            .map(|(approval, revision, person, verb, via, note, at)| {
                Ok(Vote {
                    approval: approval.parse()?,
                    revision,
                    person: filled(&person)?,
                    verb,
                    via,
                    note,
                    at: Time::from_ms(at),
                })
            })
            .collect()
    }

    /// Every copy of a request that is in the outbox, wherever it stands.
    pub async fn copies(&self, id: ApprovalId) -> Result<Vec<Copy>> {
        type Row = (String, i64, String, String, String, String, String, String);
        let rows: Vec<Row> = reading!(&self.db, COPIES, |sql, pool| {
            let query = sqlx::query_as(sql).bind(id.to_string());
            query.fetch_all(pool).await?
        });
        rows.into_iter()
            .map(
                |(_key, revision, setting, _person, outbound, address, state, content)| {
                    Ok(Copy {
                        revision,
                        setting: word(&setting)?,
                        outbound: outbound.parse()?,
                        address: address.parse()?,
                        state,
                        content,
                    })
                },
            )
            .collect()
    }

    /// The requests that are open and were shown in a chat.
    pub async fn open_at(&self, address: &Address) -> Result<Vec<ApprovalId>> {
        let rows: Vec<(String,)> = reading!(&self.db, OPEN_AT, |sql, pool| {
            let query = sqlx::query_as(sql).bind(address.to_string());
            query.fetch_all(pool).await?
        });
        let rows = rows.into_iter();
        rows.map(|(id,)| Ok(id.parse()?)).collect()
    }

    /// The groups and channels in which requests of an artist are shown.
    pub async fn approval_chats(&self, artist: ArtistId) -> Result<Vec<Address>> {
        let rows: Vec<(String,)> = reading!(&self.db, CHATS, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await?
        });
        let rows = rows.into_iter();
        rows.map(|(address,)| Ok(address.parse()?)).collect()
    }

    /// Everybody who works for an artist; whoever sits at the terminal for one whom nobody joined.
    pub async fn deciders(&self, artist: ArtistId) -> Result<Vec<(PersonId, Standing)>> {
        let rows: Vec<(String, String)> = reading!(&self.db, TEAM, |sql, pool| {
            let query = sqlx::query_as(sql).bind(artist.to_string());
            query.fetch_all(pool).await?
        });
        let rows = rows.into_iter();
        rows.map(|(person, standing)| Ok((person.parse()?, standing.parse()?)))
            .collect()
    }

    /// What people call themselves.
    pub async fn names(&self, people: &[PersonId]) -> Result<HashMap<PersonId, String>> {
        let mut names = HashMap::new();
        for person in people.iter().copied() {
            if names.contains_key(&person) {
                continue;
            }
            let row: Option<(String,)> = reading!(&self.db, NAME, |sql, pool| {
                let query = sqlx::query_as(sql).bind(person.to_string());
                query.fetch_optional(pool).await?
            });
            names.insert(person, row.map(|(name,)| name).unwrap_or_default());
        }
        Ok(names)
    }
}
