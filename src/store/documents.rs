//! Documents: taking them in piece by piece, replacing, sharing and removing them.
//!
//! A document is seen by nobody before it is whole: `finish_document` makes it visible and its older
//! version invisible in one transaction. What is gone is deleted piece by piece afterwards, so that no
//! transaction keeps the others waiting.

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

use crate::model::{ArtistId, DocumentId, PersonId, terms};

use super::asker::{Asker, Scope};
use super::conversations::same;
use super::db::{Sql, dialect};
use super::passages::{DocumentRow, Struck, strike};
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
// Whoever adds pieces keeps the document until they stand: nobody may delete it as if it had none.
const READING: Sql = Sql {
    sqlite: "SELECT scope, state FROM documents WHERE id = $1 AND state = 'reading'",
    postgres: "SELECT scope, state FROM documents WHERE id = $1 AND state = 'reading' FOR SHARE",
};
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
    "UPDATE documents SET state = 'gone', error = $2, updated_at = $3
     WHERE id = $1 AND state = 'reading'",
);
// Two of one name would both vanish when a newer one of it comes.
const RENAME: Sql = same(
    "UPDATE documents SET name = $2, title = $2 WHERE id = $1 AND NOT EXISTS
     (SELECT 1 FROM documents o WHERE o.id <> $1 AND o.name = $2 AND o.state IN ('reading', 'ready')
      AND o.artist_id = documents.artist_id AND o.owner_id = documents.owner_id) RETURNING id",
);
const TEXTS: Sql = same(
    "SELECT id, ordinal, path, start_at, text FROM chunks WHERE document_id = $1 ORDER BY ordinal",
);
const RETITLE: Sql = dialect!(
    "UPDATE chunks SET path = j.value ->> 'path' FROM" each
    "WHERE chunks.id = CAST(j.value ->> 'id' AS BIGINT)"
);
const MOVE: Sql =
    same("UPDATE documents SET scope = $2 WHERE id = $1 AND state = 'ready' RETURNING id");
const SCOPE: Sql = same("UPDATE documents SET scope = $2 WHERE id = $1");
const MOVE_CHUNKS: Sql = same("UPDATE chunks SET scope = $2 WHERE document_id = $1");
const CHUNK_IDS: Sql =
    same("SELECT id, ordinal FROM chunks WHERE document_id = $1 ORDER BY ordinal");
const REMOVE: Sql =
    same("UPDATE documents SET state = 'gone', updated_at = $2 WHERE id = $1 AND state <> 'gone'");
// The second word on the state names the index of what is gone.
const GONE: Sql = Sql {
    sqlite: "SELECT id, path FROM documents WHERE state = $1 AND state = 'gone' AND id > $2
        ORDER BY id LIMIT 1",
    postgres: "SELECT id, path FROM documents WHERE state = $1 AND state = 'gone' AND id > $2
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
};
const SOME_CHUNKS: Sql =
    same("SELECT id, ordinal FROM chunks WHERE document_id = $1 ORDER BY ordinal LIMIT $2");
const DELETE_CHUNKS: Sql = dialect!(
    "DELETE FROM chunks WHERE id IN (SELECT CAST(j.value ->> 'id' AS BIGINT) FROM" each ")"
);
const DELETE: Sql = same("DELETE FROM documents WHERE id = $1 AND state = 'gone'");
const DELETE_ATTACHMENTS: Sql = same("DELETE FROM attachments WHERE path = $1 AND path <> ''");
// What is deleted stays in the index until its parts are merged into one, so many pages at a time. A negative number
// begins that, and would begin it again and again; a positive one goes on with what was begun.
const BEGIN_MERGE: Sql = Sql {
    sqlite: "INSERT INTO lexical (lexical, rank) VALUES ('merge', -100)",
    postgres: "",
};
const MERGE: Sql = Sql {
    sqlite: "INSERT INTO lexical (lexical, rank) VALUES ('merge', 100)",
    postgres: "",
};
const WRITTEN: Sql = Sql {
    sqlite: "SELECT total_changes()",
    postgres: "",
};

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

/// What became of another name for a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renamed {
    /// It has it.
    Done,
    /// The asker may not, or there is none.
    NotYours,
    /// Another one of the same owner has it.
    Taken,
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

#[derive(sqlx::FromRow)]
struct Text {
    id: i64,
    ordinal: i64,
    path: String,
    start_at: i64,
    text: String,
}
row!(Text {
    id,
    ordinal,
    path,
    start_at,
    text
});

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
                move_to(&mut tx, id, shared).await?;
                scope = shared;
            }
        }
        tx.commit().await?;
        Ok((scope, replaced))
    }

    /// Gives up on a document; [`Store::sweep_documents`] deletes it.
    pub async fn fail_document(&self, id: DocumentId, error: &str) -> Result<()> {
        let binds = [Bind::Text(error), Bind::Int(self.clock.now().ms())];
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(FAIL, id.to_string(), &binds).await?;
        tx.commit().await
    }

    /// Gives a document another name, which its passages show from then on and are found by.
    pub async fn rename_document(
        &self,
        asker: &Asker,
        id: DocumentId,
        name: &str,
    ) -> Result<Renamed> {
        let Some(document) = self.changeable(asker, id).await? else {
            return Ok(Renamed::NotYours);
        };
        let mut tx = Tx::begin(&self.db).await?;
        let text = [Bind::Text(name)];
        let renamed: Vec<(String,)> = tx.read(RENAME, id.to_string(), &text).await?;
        if renamed.is_empty() {
            return Ok(Renamed::Taken);
        }
        retitle(&mut tx, &document, name).await?;
        tx.commit().await?;
        Ok(Renamed::Done)
    }

    /// Lets others reach a document, or no longer; false when the asker may not, or there is none.
    pub async fn share_document(&self, asker: &Asker, id: DocumentId, to: Scope) -> Result<bool> {
        let Some(document) = self.changeable(asker, id).await? else {
            return Ok(false);
        };
        if !document.may_go_to(to, asker) {
            return Ok(false);
        }
        let mut tx = Tx::begin(&self.db).await?;
        let stands = move_to(&mut tx, id, to).await?;
        tx.commit().await?;
        Ok(stands)
    }

    /// Makes a document invisible at once and for good, and strikes the answers that were made with it;
    /// [`Store::sweep_documents`] deletes it. `None` when the asker may not, or there is none.
    pub async fn remove_document(&self, asker: &Asker, id: DocumentId) -> Result<Option<Struck>> {
        if self.changeable(asker, id).await?.is_none() {
            return Ok(None);
        }
        let mut tx = Tx::begin(&self.db).await?;
        let at = Bind::Int(self.clock.now().ms());
        tx.run(REMOVE, id.to_string(), &[at]).await?;
        let struck = strike(&mut tx, &[id.to_string()]).await?;
        tx.commit().await?;
        Ok(Some(struck))
    }

    /// Removes a document without an asker: the starter pages that are no longer there.
    pub async fn drop_document(&self, id: DocumentId) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        let at = Bind::Int(self.clock.now().ms());
        tx.run(REMOVE, id.to_string(), &[at]).await?;
        tx.commit().await
    }

    /// Deletes one slice of what is gone, in the order of ids behind `after`. `None` when nothing is left;
    /// else the document, and its file, or an empty text, once nothing but that and its row is left: then the
    /// file is the caller's to delete, and [`Store::delete_document`] ends it.
    pub async fn sweep_documents(
        &self,
        after: Option<DocumentId>,
    ) -> Result<Option<(DocumentId, Option<String>)>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let mut tx = Tx::begin(&self.db).await?;
        let gone: Vec<(String, String)> = tx
            .read(GONE, "gone".to_owned(), &[Bind::Text(&after)])
            .await?;
        let Some((id, path)) = gone.into_iter().next() else {
            return Ok(None);
        };
        let document = id.parse()?;
        let chunks: Vec<IdOrdinal> = tx.read(SOME_CHUNKS, id, &[Bind::Int(SLICE)]).await?;
        if chunks.is_empty() {
            return Ok(Some((document, Some(path))));
        }
        let chunks: Vec<i64> = chunks.into_iter().map(|chunk| chunk.id).collect();
        let gone: Vec<_> = chunks.iter().map(|id| json!({"id": id})).collect();
        lexical::forget(&mut tx, &chunks).await?;
        vectors::forget(&mut tx, &chunks).await?;
        tx.run(DELETE_CHUNKS, rows(&gone)?, &[]).await?;
        tx.commit().await?;
        Ok(Some((document, None)))
    }

    /// Deletes the row of a document of which nothing else is left, and what is known of its file.
    pub async fn delete_document(&self, id: DocumentId, file: &str) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(DELETE, id.to_string(), &[]).await?;
        tx.run(DELETE_ATTACHMENTS, file.to_owned(), &[]).await?;
        tx.commit().await
    }

    /// Deletes what is known of a file that somebody sent.
    pub async fn delete_attachment(&self, file: &str) -> Result<()> {
        let mut tx = Tx::begin(&self.db).await?;
        tx.run(DELETE_ATTACHMENTS, file.to_owned(), &[]).await?;
        tx.commit().await
    }

    /// Leaves no trace of what was deleted in SQLite's index of words and in its journal. PostgreSQL does so
    /// by itself.
    pub async fn scrub(&self) -> Result<()> {
        if self.db.is_postgres() {
            return Ok(());
        }
        let mut step = BEGIN_MERGE;
        loop {
            let mut tx = Tx::begin(&self.db).await?;
            let before = written(&mut tx).await?;
            tx.run(step, String::new(), &[]).await?;
            step = MERGE;
            let wrote = written(&mut tx).await? - before;
            tx.commit().await?;
            // What did nothing counts as one change itself.
            if wrote < 2 {
                break;
            }
        }
        self.db.empty_journal().await;
        Ok(())
    }

    /// The document, if it is one that the asker may change: one's own, or any of the artist one is.
    async fn changeable(&self, asker: &Asker, id: DocumentId) -> Result<Option<DocumentRow>> {
        let found = self.document(asker, id).await?;
        Ok(found.filter(|document| asker.may_change(document)))
    }
}

impl DocumentRow {
    /// Whether it can be reached by those of a scope and nobody else: its owner, or its artist's team.
    /// Only its owner takes it away from the others.
    fn may_go_to(&self, scope: Scope, asker: &Asker) -> bool {
        match scope {
            Scope::Global => false,
            Scope::Team(artist) => self.artist == Some(artist),
            Scope::Own(artist, person) => {
                let is_owners = self.artist == Some(artist) && self.owner == Some(person);
                is_owners && asker.is_own(self)
            }
        }
    }
}

/// Lets others find a document; false when it does not stand any more.
async fn move_to(tx: &mut Tx, id: DocumentId, scope: Scope) -> Result<bool> {
    let token = scope.to_string();
    let to = [Bind::Text(&token)];
    let moved: Vec<(String,)> = tx.read(MOVE, id.to_string(), &to).await?;
    if moved.is_empty() {
        return Ok(false);
    }
    rescope(tx, id, scope).await?;
    Ok(true)
}

/// Brings a document, whole or not yet, and all that is found of it into a scope.
pub(super) async fn rescope(tx: &mut Tx, id: DocumentId, scope: Scope) -> Result<()> {
    let token = scope.to_string();
    let to = [Bind::Text(&token)];
    let chunks: Vec<IdOrdinal> = tx.read(CHUNK_IDS, id.to_string(), &[]).await?;
    let chunks: Vec<i64> = chunks.into_iter().map(|chunk| chunk.id).collect();
    tx.run(SCOPE, id.to_string(), &to).await?;
    tx.run(MOVE_CHUNKS, id.to_string(), &to).await?;
    lexical::move_to(tx, &chunks, scope).await?;
    vectors::move_to(tx, &chunks, scope).await
}

/// Puts another title at the beginning of every path, and into what a passage is found by.
async fn retitle(tx: &mut Tx, document: &DocumentRow, title: &str) -> Result<()> {
    let texts: Vec<Text> = tx.read(TEXTS, document.id.to_string(), &[]).await?;
    let retitled = |text: Text| {
        let Text {
            id,
            ordinal,
            path,
            start_at,
            text,
        } = text;
        let rest = path.strip_prefix(&document.title).unwrap_or(&path);
        let path = format!("{title}{rest}");
        let (terms, length) = terms::of_passage(&path, &text, &document.language);
        let chunk = NewChunk {
            ordinal,
            path,
            text,
            start: start_at,
            terms,
            length,
        };
        (id, chunk)
    };
    let chunks: Vec<(i64, NewChunk)> = texts.into_iter().map(retitled).collect();
    let paths = chunks
        .iter()
        .map(|(id, chunk)| json!({"id": id, "path": chunk.path}));
    tx.run(RETITLE, rows(&paths.collect::<Vec<_>>())?, &[])
        .await?;
    let ids: Vec<i64> = chunks.iter().map(|(id, _)| *id).collect();
    lexical::forget(tx, &ids).await?;
    let chunks: Vec<(i64, &NewChunk)> = chunks.iter().map(|(id, chunk)| (*id, chunk)).collect();
    lexical::index(tx, document.scope, &chunks).await
}

async fn written(tx: &mut Tx) -> Result<i64> {
    let count: Vec<(Option<i64>,)> = tx.read(WRITTEN, String::new(), &[]).await?;
    let count = count.first().and_then(|(count,)| *count);
    Ok(count.unwrap_or_default())
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
