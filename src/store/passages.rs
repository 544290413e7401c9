//! Reading documents and their pieces, never without an asker; and the ledger of who read what.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{
    Address, ArtistId, Content, DocumentId, PersonId, ReadId, SessionId, Target, Time, TurnId,
    phrases,
};

use super::Store;
use super::asker::{Asker, Scope};
use super::change::{ingest_lane, out_lane, turn_lane};
use super::conversations::same;
use super::db::{Sql, dialect, reading};
use super::tx::{Bind, Tx, rows};

// `$1` is the scopes that the asker reaches; `$2` one document or '' for all.
const DOCUMENTS: Sql = dialect!(
    "SELECT d.id, d.artist_id, d.owner_id, d.scope, d.name, d.title, d.mime, d.path, d.bytes,
            d.pages, d.chunks, d.language, d.created_at, d.updated_at
     FROM" each "JOIN documents d ON d.scope = j.value ->> 'scope' AND d.state = 'ready'
     WHERE $2 = '' OR d.id = $2 ORDER BY d.updated_at DESC, d.id"
);
// Each row that leaves is held against the scopes once more, however it was found.
const CHUNKS: Sql = dialect!(
    "SELECT c.id, c.document_id, c.scope, c.ordinal, c.path, c.start_at, c.text, d.name, d.title,
            d.updated_at
     FROM" each "JOIN chunks c ON c.id = CAST(j.value ->> 'id' AS BIGINT)
     AND c.scope = j.value ->> 'scope'
     JOIN documents d ON d.id = c.document_id AND d.state = 'ready'"
);
const AROUND: Sql = dialect!(
    "SELECT c.id, c.document_id, c.scope, c.ordinal, c.path, c.start_at, c.text, d.name, d.title,
            d.updated_at
     FROM" each "JOIN chunks c ON c.document_id = $2 AND c.scope = j.value ->> 'scope'
     AND c.ordinal BETWEEN $3 AND $4
     JOIN documents d ON d.id = c.document_id AND d.state = 'ready' ORDER BY c.ordinal"
);
const READS: Sql = same(
    "SELECT id, turn_id, query_hash, target, why, scopes, passages, created_at FROM knowledge_reads
     WHERE person_id = $1 ORDER BY id DESC LIMIT $2",
);
const READS_OF_TURN: Sql = same(
    "SELECT id, turn_id, query_hash, target, why, scopes, passages, created_at FROM knowledge_reads
     WHERE person_id = $1 AND turn_id = $2 ORDER BY id",
);

const READS_SINCE: Sql = same(
    "WITH last AS (SELECT turn_id, created_at FROM messages WHERE session_id = $2 AND why <> ''
        ORDER BY id DESC LIMIT 1)
     SELECT id, turn_id, query_hash, target, why, scopes, passages, created_at FROM knowledge_reads
     WHERE person_id = $1 AND session_id = $2 AND (NOT EXISTS (SELECT 1 FROM last)
        OR turn_id = (SELECT turn_id FROM last) OR created_at > (SELECT created_at FROM last))
     ORDER BY id",
);

const READERS: Sql = same(
    "SELECT session_id, turn_id FROM knowledge_reads WHERE session_id <> '' AND passages LIKE $1",
);
const CHATS: Sql = dialect!(
    "SELECT DISTINCT c.address, c.setting FROM" each "JOIN sessions s ON s.id = j.value ->> 'session'
     JOIN conversations c ON c.id = s.conversation_id"
);
// What anybody has at hand of these conversations is no longer true.
const STALE: Sql = dialect!(
    "UPDATE lanes SET turns = turns + 1 WHERE lane IN (SELECT j.value ->> 'turns' FROM" each ")"
);
const STRIKE: Sql = dialect!(
    "UPDATE messages SET text = CASE WHEN role = 'toney' THEN $2 ELSE text END, why = '' FROM" each
    "WHERE messages.session_id = j.value ->> 'session' AND messages.turn_id = j.value ->> 'turn'
     AND messages.role <> 'user' RETURNING messages.id, messages.role"
);
const FORGET_SUMMARIES: Sql = dialect!(
    "UPDATE sessions SET summary = '' WHERE summary <> ''
     AND id IN (SELECT j.value ->> 'session' FROM" each ")"
);
// Which row was made by which answer is not kept, so everything that was said there goes.
const BLANK: Sql = dialect!(
    "UPDATE outbound SET content = $2 FROM" each "WHERE outbound.lane = j.value ->> 'sends'
     AND outbound.address = j.value ->> 'address' AND outbound.state IN ('sent', 'failed')"
);
// What waits to be said aloud there is not said any more.
const UNSAY: Sql = dialect!(
    "UPDATE outbound SET content = $2, state = 'failed', error = 'struck', ended_at = next_at FROM" each
    "WHERE outbound.lane = j.value ->> 'sends' AND outbound.address = j.value ->> 'address'
     AND outbound.state IN ('pending', 'unknown') AND outbound.content LIKE '%\"kind\":\"voice\"%'"
);
const UNORDER: Sql = dialect!(
    "DELETE FROM jobs WHERE kind = 'speak' AND lane IN (SELECT j.value ->> 'orders' FROM" each ")"
);
// Whoever removes a document waits until the reading is on record, or was there first.
const STANDING: Sql = Sql {
    sqlite: "SELECT id, state FROM documents WHERE state = 'ready'
        AND id IN (SELECT j.value ->> 'id' FROM jsonb_each($1) AS j)",
    postgres: "SELECT id, state FROM documents WHERE state = 'ready' AND id IN
        (SELECT j.value ->> 'id' FROM json_array_elements(CAST($1 AS json)) AS j(value))
        ORDER BY id FOR SHARE",
};

/// A document that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentRow {
    pub id: DocumentId,
    /// `None` = knowledge of the trade.
    pub artist: Option<ArtistId>,
    pub owner: Option<PersonId>,
    #[serde(serialize_with = "as_text")]
    pub scope: Scope,
    pub name: String,
    pub title: String,
    pub mime: String,
    pub path: String,
    pub bytes: i64,
    pub pages: i64,
    pub chunks: i64,
    pub language: String,
    pub created_at: Time,
    pub updated_at: Time,
}

/// A piece of a document that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub id: i64,
    pub document: DocumentId,
    pub scope: Scope,
    pub ordinal: i64,
    /// The title and the headings above it.
    pub path: String,
    /// Where it begins in the document's text, in characters.
    pub start: i64,
    pub text: String,
    pub name: String,
    pub title: String,
    pub updated_at: Time,
}

/// What became of the answers that were made with a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Struck {
    /// How many answers there were.
    pub answers: u64,
    /// The conversations in which they stood: what is kept of these elsewhere is no longer true.
    pub chats: Vec<Address>,
}

/// One reading of knowledge, for the ledger.
#[derive(Debug, Clone, Serialize)]
pub struct NewRead {
    pub id: ReadId,
    pub person: Option<PersonId>,
    pub session: Option<SessionId>,
    pub turn: Option<TurnId>,
    /// A keyed or plain hash of what was looked for; never its words.
    pub query_hash: String,
    pub target: Target,
    /// Why that target: what was understood, in a few words.
    pub why: String,
    /// The tokens of the scopes that were searched, with blanks between.
    pub scopes: String,
    pub passages: Vec<ReadPassage>,
    pub at: Time,
}

/// A passage that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadPassage {
    pub document: DocumentId,
    /// The first and the last of its chunks.
    pub ordinals: (i64, i64),
    pub score: f32,
    /// Whether the answer cites it.
    pub cited: bool,
}

/// A reading as it is read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub id: ReadId,
    pub turn: Option<TurnId>,
    pub query_hash: String,
    pub target: Target,
    pub why: String,
    pub scopes: Vec<Scope>,
    pub passages: Vec<ReadPassage>,
    pub at: Time,
}

#[derive(sqlx::FromRow)]
struct RawDocument {
    id: String,
    artist_id: String,
    owner_id: String,
    scope: String,
    name: String,
    title: String,
    mime: String,
    path: String,
    bytes: i64,
    pages: i64,
    chunks: i64,
    language: String,
    created_at: i64,
    updated_at: i64,
}

#[derive(sqlx::FromRow)]
struct RawChunk {
    id: i64,
    document_id: String,
    scope: String,
    ordinal: i64,
    path: String,
    start_at: i64,
    text: String,
    name: String,
    title: String,
    updated_at: i64,
}

#[derive(sqlx::FromRow)]
struct RawRead {
    id: String,
    turn_id: String,
    query_hash: String,
    target: String,
    why: String,
    scopes: String,
    passages: String,
    created_at: i64,
}

impl Store {
    /// The documents of a target that the asker reaches, the newest first.
    pub async fn documents(&self, asker: &Asker, target: Target) -> Result<Vec<DocumentRow>> {
        let scopes = asker.scopes(target);
        let wanted = scopes
            .into_iter()
            .filter(|scope| target != Target::Personal || scope.is_personal());
        self.some_documents(wanted.collect(), "").await
    }

    /// A document, if the asker reaches it.
    pub async fn document(&self, asker: &Asker, id: DocumentId) -> Result<Option<DocumentRow>> {
        let scopes = asker.scopes(Target::Hybrid);
        let found = self.some_documents(scopes, &id.to_string()).await?;
        Ok(found.into_iter().next())
    }

    async fn some_documents(&self, scopes: Vec<Scope>, id: &str) -> Result<Vec<DocumentRow>> {
        let scopes = rows(&tokens(scopes))?;
        let found: Vec<RawDocument> = reading!(&self.db, DOCUMENTS, |sql, pool| {
            sqlx::query_as(sql)
                .bind(scopes)
                .bind(id)
                .fetch_all(pool)
                .await?
        });
        found.into_iter().map(RawDocument::parse).collect()
    }

    /// Those of the chunks that the asker reaches, in no particular order.
    pub async fn chunks(&self, asker: &Asker, ids: &[i64]) -> Result<Vec<Chunk>> {
        let scopes = asker.scopes(Target::Hybrid);
        let wanted: Vec<_> = ids
            .iter()
            .flat_map(|id| {
                let pair = |scope: &Scope| json!({"id": id, "scope": scope.to_string()});
                scopes.iter().map(pair).collect::<Vec<_>>()
            })
            .collect();
        let wanted = rows(&wanted)?;
        let found: Vec<RawChunk> = reading!(&self.db, CHUNKS, |sql, pool| {
            sqlx::query_as(sql).bind(wanted).fetch_all(pool).await?
        });
        found.into_iter().map(RawChunk::parse).collect()
    }

    /// The chunks of a document from one ordinal to another, if the asker reaches it.
    pub async fn around(
        &self,
        asker: &Asker,
        document: DocumentId,
        (from, to): (i64, i64),
    ) -> Result<Vec<Chunk>> {
        let scopes = rows(&tokens(asker.scopes(Target::Hybrid)))?;
        let found: Vec<RawChunk> = reading!(&self.db, AROUND, |sql, pool| {
            sqlx::query_as(sql)
                .bind(scopes)
                .bind(document.to_string())
                .bind(from)
                .bind(to)
                .fetch_all(pool)
                .await?
        });
        found.into_iter().map(RawChunk::parse).collect()
    }

    /// What a person's questions made Toney read, the newest first.
    pub async fn reads(&self, person: PersonId, limit: i64) -> Result<Vec<Read>> {
        let found: Vec<RawRead> = reading!(&self.db, READS, |sql, pool| {
            sqlx::query_as(sql)
                .bind(person.to_string())
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        found.into_iter().map(RawRead::parse).collect()
    }

    /// What was read for a person in a session by its last answer and since.
    pub async fn reads_since_answer(
        &self,
        person: PersonId,
        session: SessionId,
    ) -> Result<Vec<Read>> {
        let found: Vec<RawRead> = reading!(&self.db, READS_SINCE, |sql, pool| {
            sqlx::query_as(sql)
                .bind(person.to_string())
                .bind(session.to_string())
                .fetch_all(pool)
                .await?
        });
        found.into_iter().map(RawRead::parse).collect()
    }

    /// What was read for one turn of a person.
    pub async fn reads_of_turn(&self, person: PersonId, turn: TurnId) -> Result<Vec<Read>> {
        let found: Vec<RawRead> = reading!(&self.db, READS_OF_TURN, |sql, pool| {
            sqlx::query_as(sql)
                .bind(person.to_string())
                .bind(turn.to_string())
                .fetch_all(pool)
                .await?
        });
        found.into_iter().map(RawRead::parse).collect()
    }
}

/// Takes the answers that documents were read for out of what is remembered and of what was sent, and the
/// summaries that may hold them.
pub(super) async fn strike(tx: &mut Tx, documents: &[String]) -> Result<Struck> {
    let mut turns = Vec::new();
    for document in documents {
        let found = tx.read(READERS, format!("%{document}%"), &[]).await?;
        turns.extend::<Vec<(String, String)>>(found);
    }
    strike_turns(tx, turns).await
}

/// Does so with the answers of a change that were made with what is gone by now.
pub(super) async fn strike_late(
    tx: &mut Tx,
    (reads, gone): (&[NewRead], &BTreeSet<DocumentId>),
) -> Result<Struck> {
    let is_gone = |read: &&NewRead| {
        let mut passages = read.passages.iter();
        passages.any(|passage| gone.contains(&passage.document))
    };
    let turn = |read: &NewRead| Some((read.session?.to_string(), read.turn?.to_string()));
    let turns = reads.iter().filter(is_gone).filter_map(turn);
    strike_turns(tx, turns.collect()).await
}

async fn strike_turns(tx: &mut Tx, turns: Vec<(String, String)>) -> Result<Struck> {
    if turns.is_empty() {
        return Ok(Struck::default());
    }
    let turns = turns
        .iter()
        .map(|(session, turn)| json!({"session": session, "turn": turn}));
    let turns = rows(&turns.collect::<Vec<_>>())?;
    let found: Vec<(String, String)> = tx.read(CHATS, turns.clone(), &[]).await?;
    let chats = found.into_iter().map(|(address, _)| Ok(address.parse()?));
    let chats = chats.collect::<Result<Vec<Address>>>()?;
    let mut lanes: Vec<String> = chats.iter().map(turn_lane).collect();
    lanes.sort();
    // Lanes before everything else, and in their order, as the writer takes them.
    super::lanes::lock(tx, &lanes).await?;
    let chat = |chat: &Address| {
        let (turns, sends, orders) = (turn_lane(chat), out_lane(chat), ingest_lane(chat));
        json!({"address": chat, "turns": turns, "sends": sends, "orders": orders})
    };
    let lanes = rows(&chats.iter().map(chat).collect::<Vec<_>>())?;
    tx.run(STALE, lanes.clone(), &[]).await?;
    tx.run(FORGET_SUMMARIES, turns.clone(), &[]).await?;
    let text = [Bind::Text(phrases::STRUCK)];
    let struck: Vec<(String, String)> = tx.read(STRIKE, turns, &text).await?;
    let blank = serde_json::to_string(&Content::Message {
        text: phrases::STRUCK.to_owned(),
        buttons: Vec::new(),
        reply_to: None,
        interaction: None,
    })?;
    tx.run(UNORDER, lanes.clone(), &[]).await?;
    tx.run(UNSAY, lanes.clone(), &[Bind::Text(&blank)]).await?;
    tx.run(BLANK, lanes, &[Bind::Text(&blank)]).await?;
    let answers = struck.iter().filter(|(_, role)| role == "toney").count();
    Ok(Struck {
        answers: answers.try_into()?,
        chats,
    })
}

/// Those of the documents which were read that are gone by now; the others stay until this is committed.
pub(super) async fn gone(tx: &mut Tx, reads: &[NewRead]) -> Result<BTreeSet<DocumentId>> {
    let passages = reads.iter().flat_map(|read| &read.passages);
    let mut read: BTreeSet<DocumentId> = passages.map(|one| one.document).collect();
    if !read.is_empty() {
        let ids: Vec<_> = read.iter().map(|id| json!({"id": id})).collect();
        let standing: Vec<(String, String)> = tx.read(STANDING, rows(&ids)?, &[]).await?;
        for (id, _) in standing {
            read.remove(&id.parse()?);
        }
    }
    Ok(read)
}

fn tokens(scopes: Vec<Scope>) -> Vec<serde_json::Value> {
    let token = |scope: Scope| json!({"scope": scope.to_string()});
    scopes.into_iter().map(token).collect()
}

fn as_text<S: serde::Serializer>(scope: &Scope, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(scope)
}

/// An id that may be missing, which stands as an empty text.
fn maybe<T: std::str::FromStr>(text: &str) -> Result<Option<T>, T::Err> {
    Some(text)
        .filter(|text| !text.is_empty())
        .map(str::parse)
        .transpose()
}

impl RawDocument {
    fn parse(self) -> Result<DocumentRow> {
        Ok(DocumentRow {
            id: self.id.parse()?,
            artist: maybe(&self.artist_id)?,
            owner: maybe(&self.owner_id)?,
            scope: self.scope.parse()?,
            name: self.name,
            title: self.title,
            mime: self.mime,
            path: self.path,
            bytes: self.bytes,
            pages: self.pages,
            chunks: self.chunks,
            language: self.language,
            created_at: Time::from_ms(self.created_at),
            updated_at: Time::from_ms(self.updated_at),
        })
    }
}

impl RawChunk {
    fn parse(self) -> Result<Chunk> {
        Ok(Chunk {
            id: self.id,
            document: self.document_id.parse()?,
            scope: self.scope.parse()?,
            ordinal: self.ordinal,
            path: self.path,
            start: self.start_at,
            text: self.text,
            name: self.name,
            title: self.title,
            updated_at: Time::from_ms(self.updated_at),
        })
    }
}

impl RawRead {
    fn parse(self) -> Result<Read> {
        Ok(Read {
            id: self.id.parse()?,
            turn: maybe(&self.turn_id)?,
            query_hash: self.query_hash,
            target: self.target.parse()?,
            why: self.why,
            scopes: self
                .scopes
                .split(' ')
                .filter(|token| !token.is_empty())
                .map(str::parse)
                .collect::<Result<_, _>>()?,
            passages: serde_json::from_str(&self.passages)?,
            at: Time::from_ms(self.created_at),
        })
    }
}
