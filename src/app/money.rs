//! What models may cost, put together.

use anyhow::Result;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::{self, Limits, Till};
use crate::config::Config;
use crate::llm::{Door, Voices};
use crate::model::{Clock, Ids};
use crate::store::Store;

/// What may be spent in a day.
pub(crate) fn limits(config: &Config) -> Result<Limits> {
    Ok(Limits::new(&config.section::<budget::Settings>("budgets")?))
}

/// Lets whoever asks models pay from what the store keeps, until `stop`.
pub(super) fn keep(
    config: &Config,
    (store, tasks): (&Store, &TaskTracker),
    (door, voices): (&Door, &Voices),
    tools: &(Clock, Ids),
    stop: &CancellationToken,
) -> Result<()> {
    let (till, task) = Till::open(store.clone(), limits(config)?, tools, stop.clone());
    door.pay_from(till.clone());
    voices.pay_from(till);
    tasks.spawn(task);
    Ok(())
}
