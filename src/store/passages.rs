//! Reading documents and their pieces, never without an asker; and the ledger of who read what.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{
    ArtistId, DocumentId, PersonId, ReadId, SessionId, Target, Time, TurnId, phrases,
};

use super::Store;
use super::asker::{Asker, Scope};
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

const READERS: Sql = same(
    "SELECT session_id, turn_id FROM knowledge_reads WHERE session_id <> '' AND passages LIKE $1",
);
const STRIKE: Sql = dialect!(
    "UPDATE messages SET text = $2, why = '' FROM" each "WHERE messages.session_id = j.value ->> 'session'
     AND messages.turn_id = j.value ->> 'turn' AND messages.role = 'toney'"
);
const FORGET_SUMMARIES: Sql = dialect!(
    "UPDATE sessions SET summary = '' WHERE summary <> ''
     AND id IN (SELECT j.value ->> 'session' FROM" each ")"
);
// What anybody has at hand of these conversations is no longer true.
const STALE: Sql = dialect!(
    "UPDATE lanes SET turns = turns + 1 WHERE lane IN (SELECT 'turn:' || c.address FROM" each
    "JOIN sessions s ON s.id = j.value ->> 'session' JOIN conversations c ON c.id = s.conversation_id)"
);

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

    /// Takes the answers that a document was read for out of what is remembered, and the summaries that may
    /// hold them; answers how many answers there were.
    pub async fn strike(&self, document: DocumentId) -> Result<u64> {
        let found: Vec<(String, String)> = reading!(&self.db, READERS, |sql, pool| {
            sqlx::query_as(sql)
                .bind(format!("%{document}%"))
                .fetch_all(pool)
                .await?
        });
        let turns: Vec<_> = found
            .iter()
            .map(|(session, turn)| json!({"session": session, "turn": turn}))
            .collect();
        let turns = rows(&turns)?;
        let mut tx = Tx::begin(&self.db).await?;
        let text = [Bind::Text(phrases::STRUCK)];
        let struck = tx.run(STRIKE, turns.clone(), &text).await?;
        tx.run(FORGET_SUMMARIES, turns.clone(), &[]).await?;
        tx.run(STALE, turns, &[]).await?;
        tx.commit().await?;
        Ok(struck)
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
