//! Documents for one evaluation: a folder of Markdown as knowledge of the trade, in a database that goes with it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use futures::StreamExt;

use crate::app;
use crate::config::Config;
use crate::knowledge::embed::Embed;
use crate::knowledge::ingest::{Ingest, Source};
use crate::knowledge::{self, Knowledge};
use crate::llm::Embedder;
use crate::model::{Clock, Ids, JobId};
use crate::store::{Scope, Settings, Store};

const SUFFIX: &str = ".md";

/// A folder that was taken in.
pub(super) struct Shelf {
    knowledge: Knowledge,
    folder: Folder,
}

/// A folder that is deleted with this.
pub(super) struct Folder(PathBuf);

impl Shelf {
    /// Takes in every page of `pages`, as `toney ingest` would.
    pub(super) async fn load(config: &Config, pages: &Path, offline: bool) -> Result<Self> {
        let clock = Clock::System;
        let ids = Ids::new(clock.clone(), None);
        // Whatever fails from here on, it is deleted.
        let folder = Folder(std::env::temp_dir().join(format!("toney-{}", JobId::new(&ids))));
        let settings = Settings {
            url: format!("sqlite://{}/toney.db", folder.0.display()),
            redis_url: String::new(),
            ..config.section("store")?
        };
        let (store, _writer, _news) = Store::open(&settings, clock.clone(), ids.clone()).await?;
        let mut shelf = Self {
            knowledge: app::knowledge_of(config, &store, &clock)?,
            folder,
        };
        store.migrate().await?;
        let settings: knowledge::Settings = config.section("knowledge")?;
        let side_by_side = settings.read_side_by_side.max(1);
        let ingest = Ingest::new(store.clone(), settings, ids.clone())?;
        let mut done = futures::stream::iter(sources(pages)?)
            .map(|source| take(&ingest, source))
            .buffer_unordered(side_by_side);
        while let Some(result) = done.next().await {
            result?;
        }
        if offline {
            shelf.knowledge.embedder = Embedder::none();
        }
        let embedder = shelf.knowledge.embedder.clone();
        if !embedder.models().is_empty() {
            let embed = Embed {
                store,
                embedder,
                clock,
                ids,
            };
            embed.reindex(&mut |_| {}).await?;
        }
        Ok(shelf)
    }

    /// What finds its documents, and what keeps them.
    pub(super) fn into_parts(self) -> (Knowledge, Folder) {
        (self.knowledge, self.folder)
    }

    /// What a document of the folder is called there: its name without the ending.
    pub(super) fn stem(name: &str) -> &str {
        name.strip_suffix(SUFFIX).unwrap_or(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

async fn take(ingest: &Ingest, source: Source) -> Result<()> {
    let name = source.name.clone();
    let done = ingest.file(&source, &|_| {}).await;
    done.map(drop).with_context(|| format!("Reading {name}"))
}

fn sources(pages: &Path) -> Result<Vec<Source>> {
    let reading = || format!("{} cannot be read", pages.display());
    let mut all = Vec::new();
    for entry in std::fs::read_dir(pages).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(SUFFIX) && path.is_file() {
            all.push(Source {
                name: name.into_owned(),
                path,
                artist: None,
                owner: None,
                scope: Scope::Global,
                keeps: false,
                copies: true,
            });
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}
