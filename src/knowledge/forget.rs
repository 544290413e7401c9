//! Finding what is to be forgotten, and leaving nothing of it.

use anyhow::Result;

use crate::model::{DocumentId, Target};
use crate::store::{Asker, Store};

use super::{Knowledge, Question};

impl Knowledge {
    /// The asker's own documents that speak of something, the best first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn documents_about(&self, asker: &Asker, what: &str) -> Result<Vec<DocumentId>> {
        let question = Question {
            last: what,
            ..Question::default()
        };
        let found = self.search(asker, Target::Personal, &question).await?;
        let personal = found
            .passages
            .iter()
            .filter(|passage| passage.scope.is_personal());
        Ok(personal.map(|passage| passage.document).collect())
    }
}

/// Deletes what is left of documents that were replaced or removed, slice by slice: pieces, index,
/// vectors, and the files that belonged to them.
///
/// # Errors
/// When the store does not let go of them; the rest goes with the next call.
pub async fn sweep(store: &Store) -> Result<()> {
    let mut swept = false;
    while let (true, file) = store.sweep_documents().await? {
        swept = true;
        if let Some(file) = file
            && let Err(error) = tokio::fs::remove_file(&file).await
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(error = %error, "The file of a document could not be deleted");
        }
    }
    if swept {
        store.trim_vectors().await?;
    }
    Ok(())
}
