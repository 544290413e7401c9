//! Finding what is to be forgotten, and leaving nothing of it.

use anyhow::Result;

use crate::model::Target;
use crate::store::{Asker, Store};

use super::{Found, Knowledge, Question};

impl Knowledge {
    /// What speaks of something among the asker's own documents and what everybody knows, and nothing where
    /// nothing really does.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn documents_about(&self, asker: &Asker, what: &str) -> Result<Found> {
        let question = Question {
            last: what,
            strict: true,
            ..Question::default()
        };
        self.search(asker, Target::Personal, &question).await
    }
}

/// Deletes what is left of documents that were replaced or removed, slice by slice: pieces, index, vectors,
/// and the files that belonged to them. A file that cannot be deleted keeps its row, for the next time.
///
/// # Errors
/// When the store does not let go of them; the rest goes with the next call.
pub async fn sweep(store: &Store) -> Result<()> {
    let (mut swept, mut after) = (false, None);
    while let Some((id, file)) = store.sweep_documents(after).await? {
        swept = true;
        let Some(file) = file else {
            continue;
        };
        // The file before the row: whoever is broken off between them finds it again by the row.
        match remove_file(&file).await {
            Ok(()) => store.delete_document(id, &file).await?,
            Err(error) => {
                tracing::warn!(document.id = %id, error = %error, "The file of a document could not be deleted");
                after = Some(id);
            }
        }
    }
    if swept {
        store.trim_vectors().await?;
        store.scrub().await?;
    }
    Ok(())
}

/// Deletes a file, if there is one.
pub(super) async fn remove_file(file: &str) -> std::io::Result<()> {
    if file.is_empty() {
        return Ok(());
    }
    match tokio::fs::remove_file(file).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
