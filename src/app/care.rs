//! What looks after people who may be in danger, put together.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::capability::{PageTimers, Pages, Paging, SafetySettings};
use crate::config::Config;
use crate::delivery::Delivery;
use crate::health;
use crate::jobs::Worker;
use crate::model::{Clock, Ids};
use crate::safety::Help;
use crate::store::Store;
use crate::turn::Care;

use super::{approval, misset};

/// The rules are read so long after the start, unless somebody writes before.
const LATER: Duration = Duration::from_millis(400);

/// What looks after people; nothing is read yet.
pub(super) fn care(
    config: &Config,
    (store, delivery): (&Store, &Delivery),
    tools: &(Clock, Ids),
) -> Result<Care> {
    let settings: SafetySettings = config.section("safety")?;
    let operator: health::Settings = config.section("operator")?;
    let named = settings.chats().context("safety.pages").map_err(misset)?;
    Ok(Care::new(Pages {
        approvals: approval::approvals(config, (store, delivery), tools)?,
        help: Arc::new(Help::new()?),
        named,
        operator: operator.chat().map_err(misset)?,
        settings: Arc::new(settings),
    }))
}

/// Who does the work around pages.
pub(super) fn workers(care: &Care) -> [Arc<dyn Worker>; 2] {
    let pages = care.pages();
    [
        Arc::new(Paging(pages.clone())),
        Arc::new(PageTimers(pages.clone())),
    ]
}

/// Reads the rules beside everything else, so that neither the start nor the first message waits for them.
pub(super) async fn warm(care: Care) {
    tokio::time::sleep(LATER).await;
    if let Err(error) = care.safety().await {
        tracing::error!(
            error = format!("{error:#}"),
            "The safety rules cannot be read"
        );
    }
}
