//! The watch over the providers of models, put together.

use std::time::Duration;

use anyhow::Result;

use crate::config::Config;
use crate::health::{Settings, Watch};
use crate::llm::Door;
use crate::model::{Clock, Ids};
use crate::store::Store;

use super::misset;

/// What watches over the providers; asks nobody. None where one thing is asked: whoever does is gone before a
/// provider is back.
pub(super) fn watch(
    config: &Config,
    (store, door): (&Store, &Door),
    (clock, ids): &(Clock, Ids),
    own_work_only: bool,
) -> Result<Option<Watch>> {
    let settings: Settings = config.section("operator")?;
    let watch = Watch {
        store: store.clone(),
        door: door.clone(),
        chat: settings.chat().map_err(misset)?,
        settle: Duration::from_secs(settings.settle_seconds),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    Ok((!own_work_only).then_some(watch))
}
