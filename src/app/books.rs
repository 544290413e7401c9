//! What takes statements in and looks into them, put together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::config::Config;
use crate::delivery::Delivery;
use crate::jobs::Worker;
use crate::knowledge;
use crate::model::{Clock, Ids};
use crate::money::reading::Limits;
use crate::money::worker::{LookAtThresholds, TakeStatement};
use crate::money::{self, Books};
use crate::store::Store;

/// What looks into statements.
pub(super) fn books(store: &Store, clock: &Clock) -> Books {
    Books {
        store: store.clone(),
        clock: clock.clone(),
    }
}

/// Who does which kind of job. One piece each.
pub(super) fn workers(
    config: &Config,
    (books, delivery): (&Books, &Delivery),
    ids: &Ids,
) -> Result<Vec<Arc<dyn Worker>>> {
    let settings: money::Settings = config.section("money")?;
    let reader: knowledge::Settings = config.section("knowledge")?;
    let take = TakeStatement {
        books: books.clone(),
        delivery: delivery.clone(),
        program: program(reader.reader)?,
        limits: Limits {
            wall: Duration::from_secs(settings.read_seconds),
            memory: reader.read_memory_bytes,
            file: reader.max_file_bytes,
        },
        thresholds: settings.thresholds()?,
        ids: ids.clone(),
    };
    let look = LookAtThresholds {
        clock: books.clock.clone(),
        ids: ids.clone(),
    };
    Ok(vec![Arc::new(take), Arc::new(look)])
}

/// The program that reads files.
fn program(reader: PathBuf) -> Result<PathBuf> {
    match reader.as_os_str().is_empty() {
        true => std::env::current_exe().context("Finding the program that reads files"),
        false => Ok(reader),
    }
}
