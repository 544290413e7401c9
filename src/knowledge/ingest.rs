//! Takes a document in: recognises it, has it read, cuts it, stores it piece by piece, shows it whole.
//!
//! It may be broken off at any moment. What stands stays, and the next attempt goes on behind it,
//! because the same bytes give the same pieces.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::sync::{Semaphore, mpsc};

use crate::model::terms::{self, Language};
use crate::model::{ArtistId, DocumentId, Ids, PersonId};
use crate::store::{Begun, Facts, NewChunk, NewDocument, Scope, Store};

use super::Settings;
use super::extract::{Extracted, Unreadable, extract};
use super::forget::sweep;
use super::split::{Sizes, split};

/// Pieces that are stored in one transaction.
const SLICE: usize = 64;

/// A document that somebody brings.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where its bytes lie.
    pub path: PathBuf,
    /// What people call it; a newer one of that name replaces it.
    pub name: String,
    /// Whose it is; `None` = knowledge of the trade.
    pub artist: Option<ArtistId>,
    /// Who brought it, if a person did.
    pub owner: Option<PersonId>,
    /// Who reaches it.
    pub scope: Scope,
    /// Whether the file belongs to the document and goes when it does.
    pub keeps: bool,
    /// Whether the same bytes under another name are another document.
    pub copies: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is being read.
    Reading,
    /// So many of a hundred parts are stored.
    Storing(u64),
}

/// What became of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The same bytes stand already.
    Known(DocumentId),
    /// It can be asked about from now on.
    Stored(Stored),
}

/// A document that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub document: DocumentId,
    /// Who reaches it: what was wanted, or what its older version had.
    pub scope: Scope,
    pub title: String,
    pub pages: u32,
    pub chunks: i64,
    /// `None` where it shows none of those that are told apart.
    pub language: Option<Language>,
    /// The older version that it replaced.
    pub replaced: Option<DocumentId>,
}

/// Why a document was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing that can be read from it, or not now.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It may work later.
    #[error("{0:#}")]
    Store(#[from] anyhow::Error),
}

/// Takes documents in; cheap to clone.
#[derive(Clone)]
pub struct Ingest {
    store: Store,
    settings: Settings,
    reader: PathBuf,
    ids: Ids,
    /// Each reader may use much memory.
    readers: Arc<Semaphore>,
}

impl Ingest {
    /// Takes documents into `store`, read by `settings.reader` or by the program that runs.
    ///
    /// # Errors
    ///
    /// When the system does not tell which program that is.
    pub fn new(store: Store, settings: Settings, ids: Ids) -> anyhow::Result<Self> {
        let reader = match settings.reader.as_os_str().is_empty() {
            true => std::env::current_exe().context("Finding the program that reads documents")?,
            false => settings.reader.clone(),
        };
        let readers = Arc::new(Semaphore::new(settings.read_side_by_side.max(1)));
        Ok(Self {
            store,
            settings,
            reader,
            ids,
            readers,
        })
    }

    /// Takes a file in and tells how far it is.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or not now. Nothing of it can be seen then.
    pub async fn file(
        &self,
        source: &Source,
        progress: &(dyn Fn(Step) + Sync),
    ) -> Result<Done, Error> {
        progress(Step::Reading);
        let (sha256, bytes) = hash(&source.path).await?;
        let new = self.document(source, sha256, bytes);
        let (id, scope, standing) = match self.store.begin_document(&new).await? {
            Begun::Known(id) => return Ok(Done::Known(id)),
            Begun::Fresh(id, scope) => (id, scope, 0),
            Begun::Resumed(id, scope, standing) => (id, scope, standing),
        };
        let read = {
            let _permit = self
                .readers
                .acquire()
                .await
                .context("Waiting for a reader")?;
            let limits = self.settings.limits();
            extract(&self.reader, &source.path, &source.name, &limits).await
        };
        let extracted = match read {
            Ok(extracted) => extracted,
            Err(error) if error.may_pass() => return Err(error.into()),
            Err(error) => {
                self.store.fail_document(id, &error.to_string()).await?;
                sweep(&self.store).await?;
                return Err(error.into());
            }
        };
        let stored = self.put(id, (extracted, standing), progress).await?;
        if stored.replaced.is_some() {
            sweep(&self.store).await?;
        }
        Ok(Done::Stored(Stored { scope, ..stored }))
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn ids(&self) -> &Ids {
        &self.ids
    }

    /// Takes in a text that needs no reader.
    ///
    /// # Errors
    ///
    /// When the store does not take it now.
    pub(super) async fn text(
        &self,
        new: &NewDocument,
        extracted: Extracted,
    ) -> anyhow::Result<Done> {
        let (id, scope, standing) = match self.store.begin_document(new).await? {
            Begun::Known(id) => return Ok(Done::Known(id)),
            Begun::Fresh(id, scope) => (id, scope, 0),
            Begun::Resumed(id, scope, standing) => (id, scope, standing),
        };
        let stored = self.put(id, (extracted, standing), &|_| {}).await?;
        Ok(Done::Stored(Stored { scope, ..stored }))
    }

    fn document(&self, source: &Source, sha256: String, bytes: u64) -> NewDocument {
        let Source {
            path,
            name,
            artist,
            owner,
            scope,
            keeps,
            copies,
        } = source;
        NewDocument {
            id: DocumentId::new(&self.ids),
            artist: *artist,
            owner: *owner,
            scope: *scope,
            name: name.clone(),
            mime: super::extract::Kind::of_name(name).mime().to_owned(),
            sha256,
            path: keeps
                .then(|| path.display().to_string())
                .unwrap_or_default(),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            copies: *copies,
        }
    }

    /// Cuts beside the runtime and stores what comes; at no time are more than some slices at hand.
    async fn put(
        &self,
        id: DocumentId,
        (extracted, standing): (Extracted, i64),
        progress: &(dyn Fn(Step) + Sync),
    ) -> anyhow::Result<Stored> {
        let Extracted {
            kind: _,
            title,
            pages,
            text,
        } = extracted;
        let sizes = self.settings.sizes();
        let (slices, mut cut) = mpsc::channel(2);
        let cutting = {
            let title = title.clone();
            tokio::task::spawn_blocking(move || cut_up(&text, &title, (sizes, standing), &slices))
        };
        while let Some(Slice { chunks, percent }) = cut.recv().await {
            self.store.put_chunks(id, &chunks).await?;
            progress(Step::Storing(percent));
        }
        let (chunks, language) = cutting.await.context("Cutting a document")?;
        let facts = Facts {
            title: title.clone(),
            pages: i64::from(pages),
            chunks,
            language: language.map(Language::code).unwrap_or_default().to_owned(),
        };
        let replaced = self.store.finish_document(id, &facts).await?;
        tracing::info!(
            document.id = %id,
            document.pages = pages,
            document.chunks = chunks,
            "A document was taken in"
        );
        Ok(Stored {
            document: id,
            scope: Scope::Global,
            title,
            pages,
            chunks,
            language,
            replaced,
        })
    }
}

/// Pieces that are stored together.
struct Slice {
    chunks: Vec<NewChunk>,
    percent: u64,
}

/// Cuts a text and hands out what does not stand yet; answers how many pieces there are, and the language.
fn cut_up(
    text: &str,
    title: &str,
    (sizes, standing): (Sizes, i64),
    slices: &mpsc::Sender<Slice>,
) -> (i64, Option<Language>) {
    let language = terms::language(text);
    let code = language.map(Language::code).unwrap_or_default();
    let letters = text.chars().count().max(1) as u64;
    let mut ordinal = 0;
    let mut chunks = Vec::with_capacity(SLICE);
    let mut percent = 0;
    for piece in split(text, title, sizes) {
        ordinal += 1;
        if ordinal <= standing {
            continue;
        }
        percent = piece.start as u64 * 100 / letters;
        let (terms, length) = terms::of_passage(&piece.path, piece.text, code);
        chunks.push(NewChunk {
            ordinal: ordinal - 1,
            path: piece.path,
            text: piece.text.to_owned(),
            start: i64::try_from(piece.start).unwrap_or(i64::MAX),
            terms,
            length,
        });
        if chunks.len() == SLICE {
            let chunks = std::mem::replace(&mut chunks, Vec::with_capacity(SLICE));
            // Nobody listens any more when storing failed.
            if slices.blocking_send(Slice { chunks, percent }).is_err() {
                return (ordinal, language);
            }
        }
    }
    if !chunks.is_empty() {
        percent = percent.max(99);
        drop(slices.blocking_send(Slice { chunks, percent }));
    }
    (ordinal, language)
}

/// The SHA-256 of a file in hexadecimal digits, and its size.
async fn hash(path: &Path) -> Result<(String, u64), Unreadable> {
    let not_read = |error: std::io::Error| Unreadable::NotRun(error.to_string());
    let mut file = tokio::fs::File::open(path).await.map_err(not_read)?;
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0_u8; 64 << 10];
    loop {
        let count = file.read(&mut buffer).await.map_err(not_read)?;
        if count == 0 {
            return Ok((hex(hash), size));
        }
        size += count as u64;
        hash.update(buffer.get(..count).unwrap_or_default());
    }
}

/// The digits of a finished hash.
pub(super) fn hex(hash: Sha256) -> String {
    let digits = hash.finalize();
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}
