//! What reads, keeps and finds documents, put together.

use std::sync::Arc;

use anyhow::Result;

use crate::config::Config;
use crate::delivery::Delivery;
use crate::jobs::Worker;
use crate::knowledge::embed::{self, Embed};
use crate::knowledge::forget::sweep;
use crate::knowledge::ingest::Ingest;
use crate::knowledge::worker::TakeIn;
use crate::knowledge::{self, Knowledge, starter};
use crate::llm::{self, Embedder};
use crate::model::{Clock, Ids};
use crate::store::{Change, Store};

/// What reads documents and gives them their vectors.
pub(super) struct Library {
    knowledge: Knowledge,
    ingest: Ingest,
    /// Whether the pages that come with Toney are wanted.
    starter: bool,
    clock: Clock,
    ids: Ids,
}

/// What finds passages; asks nobody.
pub(crate) fn knowledge_of(config: &Config, store: &Store, clock: &Clock) -> Result<Knowledge> {
    let models: llm::Settings = config.sections(&["offline", "models", "providers"])?;
    Ok(Knowledge {
        store: store.clone(),
        embedder: Embedder::open(&models, clock.clone())?,
        settings: config.section("retrieve")?,
    })
}

/// Brings the pages on the trade up to date, for a command that looks into them without a gateway.
pub(crate) async fn load_starter(config: &Config, store: &Store, ids: &Ids) -> Result<()> {
    let settings: knowledge::Settings = config.section("knowledge")?;
    if settings.starter {
        starter::load(&Ingest::new(store.clone(), settings, ids.clone())?).await?;
    }
    Ok(())
}

impl Library {
    /// Asks nobody.
    pub(super) fn open(
        config: &Config,
        store: &Store,
        (clock, ids): &(Clock, Ids),
    ) -> Result<Self> {
        let settings: knowledge::Settings = config.section("knowledge")?;
        store.set_vector_cache(settings.vector_cache_mb);
        Ok(Self {
            knowledge: knowledge_of(config, store, clock)?,
            starter: settings.starter,
            ingest: Ingest::new(store.clone(), settings, ids.clone())?,
            clock: clock.clone(),
            ids: ids.clone(),
        })
    }

    /// What finds passages. Its embedding models, which may be large, are those that the library's workers use.
    pub(super) fn knowledge(&self) -> Knowledge {
        self.knowledge.clone()
    }

    /// Who does which kind of job. One piece each.
    pub(super) fn workers(&self, delivery: &Delivery) -> Vec<Arc<dyn Worker>> {
        let take_in = TakeIn {
            ingest: self.ingest.clone(),
            store: self.knowledge.store.clone(),
            delivery: delivery.clone(),
            models: self.knowledge.embedder.models(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        };
        let embed = Embed {
            store: self.knowledge.store.clone(),
            embedder: self.knowledge.embedder.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        };
        vec![Arc::new(take_in), Arc::new(embed)]
    }

    /// Deletes what the last process left to be deleted, and brings the pages on the trade up to date; the next
    /// start tries again what did not work. Unless `is_brief`, vectors that are missing are made and those that
    /// nobody sees are deleted.
    pub(super) async fn tend(self, is_brief: bool) {
        let tended = async {
            sweep(&self.knowledge.store).await?;
            match self.starter {
                true => drop(starter::load(&self.ingest).await?),
                false => starter::unload(&self.ingest).await?,
            }
            if is_brief {
                return Ok(());
            }
            while self.knowledge.store.sweep_vectors().await? {}
            let models = self.knowledge.embedder.models();
            let missing = embed::catch_up(&models, (&self.clock, &self.ids));
            if !missing.is_empty() {
                self.knowledge.store.apply(Change::jobs(missing)).await?;
            }
            anyhow::Ok(())
        };
        if let Err(error) = tended.await {
            tracing::warn!(
                error = format!("{error:#}"),
                "Knowledge could not be brought up to date"
            );
        }
    }
}
