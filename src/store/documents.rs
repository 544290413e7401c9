//! Documents: taking them in piece by piece, replacing, sharing and removing them.
//!
//! A document is seen by nobody before it is whole: `finish_document` makes it visible and its older
//! version invisible in one transaction. What is gone is deleted piece by piece afterwards, so that no
//! transaction keeps the others waiting.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

use crate::model::{ArtistId, DocumentId, PersonId, Standing};

use super::asker::{Asker, Scope};
use super::conversations::same;
use super::db::{Sql, dialect};
use super::passages::DocumentRow;
use super::tx::{Bind, Tx, row, rows};
use super::{Store, lexical, vectors};

const KNOWN: Sql = same(
    "SELECT id, state FROM documents WHERE sha256 = $1 AND artist_id = $2 AND owner_id = $3
     AND ($4 = '' OR name = $4) AND state IN ('reading', 'ready') ORDER BY id LIMIT 1",
);
const OLDER_SCOPE: Sql = same(
    "SELECT id, scope FROM documents WHERE name = $1 AND artist_id = $2 AND owner_id = $3
     AND state = 'ready' ORDER BY id DESC LIMIT 1",
);
const BEGIN: Sql = dialect!(
    "INSERT INTO documents (id, artist_id, owner_id, scope, name, mime, sha256, path, bytes,
            created_at, updated_at)
     SELECT j.value ->> 'id', j.value ->> 'artist', j.value ->> 'owner', j.value ->> 'scope',
            j.value ->> 'name', j.value ->> 'mime', j.value ->> 'sha256', j.value ->> 'path',
            CAST(j.value ->> 'bytes' AS BIGINT), CAST(j.value ->> 'at' AS BIGINT),
            CAST(j.value ->> 'at' AS BIGINT) FROM" each
    "WHERE TRUE ON CONFLICT DO NOTHING RETURNING id, scope"
);
const READING: Sql = same("SELECT scope, state FROM documents WHERE id = $1 AND state = 'reading'");
const PUT: Sql = dialect!(
    "INSERT INTO chunks (document_id, ordinal, scope, path, start_at, text)
     SELECT j.value ->> 'document', CAST(j.value ->> 'ordinal' AS BIGINT), j.value ->> 'scope',
            j.value ->> 'path', CAST(j.value ->> 'start' AS BIGINT), j.value ->> 'text' FROM" each
    "WHERE TRUE ON CONFLICT (document_id, ordinal) DO NOTHING RETURNING id, ordinal"
);
const STANDING_CHUNKS: Sql = same("SELECT COUNT(*) FROM chunks WHERE document_id = $1");
const FINISH: Sql = dialect!(
    "UPDATE documents SET state = 'ready', error = '', title = j.value ->> 'title',
            language = j.value ->> 'language', pages = CAST(j.value ->> 'pages' AS BIGINT),
            chunks = CAST(j.value ->> 'chunks' AS BIGINT),
            mime = COALESCE(NULLIF(j.value ->> 'mime', ''), documents.mime),
            updated_at = CAST(j.value ->> 'at' AS BIGINT)
     FROM" each "WHERE documents.id = j.value ->> 'id' AND state IN ('reading', 'ready')
     RETURNING documents.id, documents.scope"
);
const REPLACE: Sql = same(
    "UPDATE documents SET state = 'gone', updated_at = $2 WHERE state = 'ready' AND id <> $1
     AND (artist_id, owner_id, name) = (SELECT artist_id, owner_id, name FROM documents WHERE id = $1)
     RETURNING id, scope",
);
const FAIL: Sql = same(
    "UPDATE documents SET state = 'failed', error = $2, updated_at = $3
     WHERE id = $1 AND state = 'reading'",
);
const RENAME: Sql = same("UPDATE documents SET name = $2, title = $2 WHERE id = $1");
const MOVE: Sql = same("UPDATE documents SET scope = $2 WHERE id = $1");
const MOVE_CHUNKS: Sql = same("UPDATE chunks SET scope = $2 WHERE document_id = $1");
const CHUNK_IDS: Sql =
    same("SELECT id, ordinal FROM chunks WHERE document_id = $1 ORDER BY ordinal");
const REMOVE: Sql =
    same("UPDATE documents SET state = 'gone', updated_at = $2 WHERE id = $1 AND state <> 'gone'");
// The second word on the state names the index of what is gone.
const GONE: Sql =
    same("SELECT id, path FROM documents WHERE state = $1 AND state = 'gone' LIMIT 1");
const SOME_CHUNKS: Sql =
    same("SELECT id, ordinal FROM chunks WHERE document_id = $1 ORDER BY ordinal LIMIT $2");
const DELETE_CHUNKS: Sql = dialect!(
    "DELETE FROM chunks WHERE id IN (SELECT CAST(j.value ->> 'id' AS BIGINT) FROM" each ")"
);
const DELETE: Sql = same("DELETE FROM documents WHERE id = $1 AND state = 'gone'");

/// Chunks that are deleted or moved in one transaction: nobody else writes meanwhile.
const SLICE: i64 = 64;

/// A document to take in.
#[derive(Debug, Clone)]
pub struct NewDocument {
    pub id: DocumentId,
    /// Whose it is; `None` = knowledge of the trade.
    pub artist: Option<ArtistId>,
    /// Who brought it, if a person did.
    pub owner: Option<PersonId>,
    /// Who reaches it, unless an older version of it was shared.
    pub scope: Scope,
    pub name: String,
    pub mime: String,
    pub sha256: String,
    /// Where its bytes lie, or empty.
    pub path: String,
    pub bytes: i64,
    /// Whether the same bytes under another name are another document.
    pub copies: bool,
}

/// What became of taking in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is new; it gets this id and this scope.
    Fresh(DocumentId, Scope),
    /// Somebody began with it; so many chunks stand.
    Resumed(DocumentId, Scope, i64),
    /// The same bytes stand already.
    Known(DocumentId),
}

/// A piece of a document.
#[derive(Debug, Clone)]
pub struct NewChunk {
    /// Its place in the document, from 0.
    pub ordinal: i64,
    /// The title and the headings above it.
    pub path: String,
    pub text: String,
    /// Where it begins in the document's text, in characters.
    pub start: i64,
    /// Its terms and how often each occurs, by term.
    pub terms: Vec<(u32, u8)>,
    /// How many terms there are, for BM25.
    pub length: u32,
}

/// What is known of a document once it is read.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub title: String,
    pub pages: i64,
    pub chunks: i64,
    /// Two letters, or empty.
    pub language: String,
    /// What its bytes turned out to be; empty leaves what its name promised.
    pub mime: String,
}

#[derive(sqlx::FromRow)]
struct IdOrdinal {
    id: i64,
    ordinal: i64,
}
row!(IdOrdinal { id, ordinal });

#[derive(Serialize)]
struct ChunkRow<'a> {
    document: DocumentId,
    scope: &'a str,
    ordinal: i64,
    path: &'a str,
    start: i64,
    text: &'a str,
}

impl Store {
    /// Begins to take a document in, or takes up where somebody left off.
    pub async fn begin_document(&self, new: &NewDocument) -> Result<Begun> {
        let artist = new.artist.map(|id| id.to_string()).unwrap_or_default();
        let owner = new.owner.map(|id| id.to_string()).unwrap_or_default();
        let whose = [Bind::Text(&artist), Bind::Text(&owner)];
        let name = if new.copies { new.name.as_str() } else { "" };
        let known = [Bind::Text(&artist), Bind::Text(&owner), Bind::Text(name)];
        let mut tx = Tx::begin(&self.db).await?;
        let same: Vec<(String, String)> = tx.read(KNOWN, new.sha256.clone(), &known).await?;
        if let Some((id, state)) = same.into_iter().next() {
            if state == "ready" {
                return Ok(Begun::Known(id.parse()?));
            }
            return resumed(&mut tx, id.parse()?).await;
        }
        let older: Vec<(String, String)> = tx.read(OLDER_SCOPE, new.name.clone(), &whose).await?;
        let scope = match older.into_iter().next() {
            Some((_, scope)) => scope.parse()?,
            None => new.scope,
        };
        let document = json!({
            "id": new.id, "artist": artist, "owner": owner, "scope": scope.to_string(),
            "name": new.name, "mime": new.mime, "sha256": new.sha256, "path": new.path,
            "bytes": new.bytes, "at": self.clock.now(),
        });
        let fresh: Vec<(String, String)> = tx.read(BEGIN, rows(&[document])?, &[]).await?;
        tx.commit().await?;
        // Two processes may begin with the same bytes at once; the other one is ahead.
        match fresh.is_empty() {
            false => Ok(Begun::Fresh(new.id, scope)),
            true => Box::pin(self.begin_document(new)).await,
        }
    }

    /// Adds pieces to a document that is being read, at most some dozens at a time; what stands already
    /// is left as it is.
    pub async fn put_chunks(&self, id: DocumentId, chunks: &[NewChunk]) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        let Some(scope) = reading_scope(&mut tx, id).await? else {
            anyhow::bail!("{id} is not being read");
        };
        let token = scope.to_string();
        let new: Vec<_> = chunks
            .iter()
            .map(|chunk| ChunkRow {
                document: id,
                scope: &token,
                ordinal: chunk.ordinal,
                path: &chunk.path,
                start: chunk.start,
                text: &chunk.text,
            })
            .collect();
        let fresh: Vec<IdOrdinal> = tx.read(PUT, rows(&new)?, &[]).await?;
        let mut pieces = Vec::with_capacity(fresh.len());
        for IdOrdinal { id, ordinal } in fresh {
            pieces.extend(
                chunks
                    .iter()
                    .find(|chunk| chunk.ordinal == ordinal)
                    .map(|chunk| (id, chunk)),
            );
        }
        lexical::index(&mut tx, scope, &pieces).await?;
        tx.commit().await
    }

    /// Makes a document visible that has been read whole, and its older version invisible; answers who reaches it,
    /// and the older one.
    pub async fn finish_document(
        &self,
        id: DocumentId,
        facts: &Facts,
    ) -> Result<(Scope, Option<DocumentId>)> {
        let now = self.clock.now();
        let Facts {
            title,
            pages,
            chunks,
            language,
            mime,
        } = facts;
        let new = json!({
            "id": id, "title": title, "pages": pages, "chunks": chunks, "language": language, "mime": mime,
            "at": now,
        });
        let mut tx = Tx::begin(&self.db).await?;
        let ready: Vec<(String, String)> = tx.read(FINISH, rows(&[new])?, &[]).await?;
        let Some((_, scope)) = ready.into_iter().next() else {
            anyhow::bail!("{id} was removed while it was read");
        };
        let mut scope: Scope = scope.parse()?;
        let older: Vec<(String, String)> = tx
            .read(REPLACE, id.to_string(), &[Bind::Int(now.ms())])
            .await?;
        let mut replaced = None;
        if let Some((older, shared)) = older.into_iter().next() {
            replaced = Some(older.parse()?);
            let shared = shared.parse()?;
            // It was shared, or no longer, while this one was read.
            if shared != scope {
                move_document(&mut tx, id, shared).await?;
                scope = shared;
            }
        }
        tx.commit().await?;
        Ok((scope, replaced))
    }

    /// Gives up on a document.
    pub async fn fail_document(&self, id: DocumentId, error: &str) -> Result<()> {
        let binds = [Bind::Text(error), Bind::Int(self.clock.now().ms())];
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(FAIL, id.to_string(), &binds).await?;
        tx.commit().await
    }

    /// Gives a document another name; false when the asker may not, or there is none.
    pub async fn rename_document(&self, asker: &Asker, id: DocumentId, name: &str) -> Result<bool> {
        if self.changeable(asker, id).await?.is_none() {
            return Ok(false);
        }
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(RENAME, id.to_string(), &[Bind::Text(name)]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lets others reach a document, or no longer; false when the asker may not, or there is none.
    pub async fn share_document(&self, asker: &Asker, id: DocumentId, to: Scope) -> Result<bool> {
        let Some(document) = self.changeable(asker, id).await? else {
            return Ok(false);
        };
        if !document.may_go_to(to) {
            return Ok(false);
        }
        let mut tx = Tx::begin(&self.db).await?;
        move_document(&mut tx, id, to).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Makes a document invisible at once and for good; [`Store::sweep_documents`] deletes it. False when
    /// the asker may not, or there is none.
    pub async fn remove_document(&self, asker: &Asker, id: DocumentId) -> Result<bool> {
        if self.changeable(asker, id).await?.is_none() {
            return Ok(false);
        }
        self.drop_document(id).await?;
        Ok(true)
    }

    /// Removes a document without an asker: the starter pages that are no longer there.
    pub async fn drop_document(&self, id: DocumentId) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        let at = Bind::Int(self.clock.now().ms());
        tx.run(REMOVE, id.to_string(), &[at]).await?;
        tx.commit().await
    }

    /// Deletes one slice of what is gone. Answers false when nothing is left of it, and the files of
    /// documents that are deleted whole.
    pub async fn sweep_documents(&self) -> Result<(bool, Option<String>)> {
        let mut tx = Tx::begin(&self.db).await?;
        let gone: Vec<(String, String)> = tx.read(GONE, "gone".to_owned(), &[]).await?;
        let Some((id, path)) = gone.into_iter().next() else {
            return Ok((false, None));
        };
        let chunks: Vec<IdOrdinal> = tx
            .read(SOME_CHUNKS, id.clone(), &[Bind::Int(SLICE)])
            .await?;
        let chunks: Vec<i64> = chunks.into_iter().map(|chunk| chunk.id).collect();
        let gone: Vec<_> = chunks.iter().map(|id| json!({"id": id})).collect();
        if chunks.is_empty() {
            tx.run(DELETE, id, &[]).await?;
            tx.commit().await?;
            return Ok((true, Some(path).filter(|path| !path.is_empty())));
        }
        lexical::forget(&mut tx, &chunks).await?;
        vectors::forget(&mut tx, &chunks).await?;
        tx.run(DELETE_CHUNKS, rows(&gone)?, &[]).await?;
        tx.commit().await?;
        Ok((true, None))
    }

    /// The document, if it is one that the asker may change: one's own, or any of the artist one is.
    async fn changeable(&self, asker: &Asker, id: DocumentId) -> Result<Option<DocumentRow>> {
        let found = self.document(asker, id).await?;
        Ok(found.filter(|document| {
            let is_own = document.owner.is_some() && document.owner == asker.person();
            let leads = |(artist, standing): &(ArtistId, Standing)| {
                Some(*artist) == document.artist
                    && matches!(standing, Standing::Artist | Standing::Operator)
            };
            is_own || asker.standings().iter().any(leads)
        }))
    }
}

impl DocumentRow {
    /// Whether it can be reached by those of a scope and nobody else: its owner, or its artist's team.
    fn may_go_to(&self, scope: Scope) -> bool {
        match scope {
            Scope::Global => false,
            Scope::Team(artist) => self.artist == Some(artist),
            Scope::Own(artist, person) => self.artist == Some(artist) && self.owner == Some(person),
        }
    }
}

/// Lets those of another scope reach a document, and nobody else.
async fn move_document(tx: &mut Tx, id: DocumentId, to: Scope) -> Result<()> {
    let token = to.to_string();
    tx.run(MOVE, id.to_string(), &[Bind::Text(&token)]).await?;
    let chunks: Vec<IdOrdinal> = tx.read(CHUNK_IDS, id.to_string(), &[]).await?;
    let chunks: Vec<i64> = chunks.into_iter().map(|chunk| chunk.id).collect();
    tx.run(MOVE_CHUNKS, id.to_string(), &[Bind::Text(&token)])
        .await?;
    lexical::move_to(tx, &chunks, to).await?;
    vectors::move_to(tx, &chunks, to).await
}

async fn reading_scope(tx: &mut Tx, id: DocumentId) -> Result<Option<Scope>> {
    let found: Vec<(String, String)> = tx.read(READING, id.to_string(), &[]).await?;
    let found = found.into_iter().next();
    Ok(found.map(|(scope, _)| scope.parse()).transpose()?)
}

async fn resumed(tx: &mut Tx, id: DocumentId) -> Result<Begun> {
    let scope = reading_scope(tx, id).await?;
    let scope = scope.with_context(|| format!("{id} vanished while it was looked at"))?;
    let stand: Vec<(Option<i64>,)> = tx.read(STANDING_CHUNKS, id.to_string(), &[]).await?;
    let chunks = stand
        .first()
        .and_then(|(count,)| *count)
        .unwrap_or_default();
    Ok(Begun::Resumed(id, scope, chunks))
}
