use anyhow::Result;

use crate::model::terms;
use crate::model::{DocumentId, Target};
use crate::store::{Asker, Scope, Store};

/// What is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    pub last: &'a str,
    pub previous: Option<&'a str>,
    pub answer: Option<&'a str>,
    pub rewrite: Option<&'a str>,
}

/// A passage that was found.
#[derive(Debug, Clone)]
pub struct Passage {
    pub document: DocumentId,
    pub ordinals: (i64, i64),
    pub scope: Scope,
    pub name: String,
    pub path: String,
    pub text: String,
    pub score: f32,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    pub passages: Vec<Passage>,
    pub abstain: bool,
}

impl Found {
    /// How was searched, one piece for each list.
    pub fn told(&self) -> Vec<String> {
        vec!["words".to_owned()]
    }
}

/// Finds.
#[derive(Clone)]
pub struct Knowledge {
    pub store: Store,
}

impl Knowledge {
    /// Finds passages.
    pub async fn find(&self, asker: &Asker, target: Target, question: &Question<'_>) -> Found {
        self.search(asker, target, question)
            .await
            .unwrap_or_default()
    }

    async fn search(
        &self,
        asker: &Asker,
        target: Target,
        question: &Question<'_>,
    ) -> Result<Found> {
        let query = terms::of_query(question.last);
        let hits = self.store.lexical(asker, target, &query, 6).await?;
        let ids: Vec<i64> = hits.iter().map(|hit| hit.chunk).collect();
        let chunks = self.store.chunks(asker, &ids).await?;
        let passages = hits.iter().filter_map(|hit| {
            let chunk = chunks.iter().find(|chunk| chunk.id == hit.chunk)?;
            Some(Passage {
                document: chunk.document,
                ordinals: (chunk.ordinal, chunk.ordinal),
                scope: chunk.scope,
                name: chunk.name.clone(),
                path: chunk.path.clone(),
                text: chunk.text.clone(),
                score: hit.score,
            })
        });
        Ok(Found {
            passages: passages.collect(),
            abstain: hits.is_empty(),
        })
    }

    /// The documents that speak of something.
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

    /// Deletes what is gone.
    pub async fn sweep(&self) -> Result<()> {
        while let (true, file) = self.store.sweep_documents().await? {
            if let Some(file) = file {
                tokio::fs::remove_file(file).await.ok();
            }
        }
        Ok(())
    }
}
