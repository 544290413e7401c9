//! Recordings of answers, and pictures and files that were made to be sent: they are deleted by whoever sent them,
//! and here where nobody did.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::delivery::Delivery;
use crate::model::Clock;
use crate::store::{Spoken, Store};

/// How often is looked for leftovers.
const EVERY: Duration = Duration::from_hours(1);
/// A younger recording may belong to an answer that is about to be stored.
const YOUNG: Duration = Duration::from_mins(10);
/// Recordings are kept until they are surely sent, and no longer than this.
const KEPT: Duration = Duration::from_hours(24);

/// The folder of recordings.
pub struct Recordings {
    /// Knows who waits for which.
    pub store: Store,
    /// Knows who takes a copy.
    pub delivery: Delivery,
    /// Where they are.
    pub folder: PathBuf,
    /// Where pictures and files are that wait to be sent.
    pub outgoing: PathBuf,
    /// The time.
    pub clock: Clock,
}

impl Recordings {
    /// Deletes those that nobody needs, now and then every hour.
    pub async fn tend(self) {
        loop {
            if let Err(error) = self.sweep().await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "Recordings could not be tidied up"
                );
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Pictures and files are kept for a day, sent or not.
    async fn sweep_outgoing(&self) -> Result<()> {
        let Ok(mut files) = tokio::fs::read_dir(&self.outgoing).await else {
            return Ok(());
        };
        while let Some(file) = files.next_entry().await.context("Listing files")? {
            if self.age_of(&file).await.is_some_and(|age| age > KEPT) {
                drop(tokio::fs::remove_file(file.path()).await);
            }
        }
        Ok(())
    }

    async fn sweep(&self) -> Result<()> {
        self.sweep_outgoing().await?;
        let Ok(mut files) = tokio::fs::read_dir(&self.folder).await else {
            // Nothing was ever said aloud.
            return Ok(());
        };
        let spoken = self.store.spoken().await?;
        let spoken: HashMap<&str, &Spoken> =
            spoken.iter().map(|one| (one.job.as_str(), one)).collect();
        while let Some(file) = files.next_entry().await.context("Listing recordings")? {
            let path = file.path();
            let job = path.file_stem().and_then(|name| name.to_str());
            let of = job.and_then(|job| spoken.get(job)).copied();
            let age = self.age_of(&file).await;
            if age.is_some_and(|age| age > self.lasts(of)) {
                // What cannot be deleted now can be later.
                drop(tokio::fs::remove_file(path).await);
            }
        }
        Ok(())
    }

    /// How long a recording is kept.
    fn lasts(&self, of: Option<&Spoken>) -> Duration {
        let is_needed = of.is_some_and(|one| {
            let features = self.delivery.features(&one.address);
            one.waits || features.is_none_or(|features| !features.takes_files)
        });
        if is_needed { KEPT } else { YOUNG }
    }

    async fn age_of(&self, file: &tokio::fs::DirEntry) -> Option<Duration> {
        let changed = file.metadata().await.and_then(|known| known.modified());
        changed.ok().and_then(|at| self.age(at))
    }

    fn age(&self, born: std::time::SystemTime) -> Option<Duration> {
        let born = born.duration_since(std::time::UNIX_EPOCH).ok()?;
        let now = u64::try_from(self.clock.now().ms()).ok()?;
        Some(Duration::from_millis(now).saturating_sub(born))
    }
}
