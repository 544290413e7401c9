//! What models may cost, put together.

use anyhow::Result;
use tokio_util::task::TaskTracker;

use crate::budget::{self, Limits, Till};
use crate::config::Config;
use crate::llm::Voices;
use crate::model::{Clock, Ids};

use super::Gateway;

/// What may be spent in a day.
pub(crate) fn limits(config: &Config) -> Result<Limits> {
    Ok(Limits::new(&config.section::<budget::Settings>("budgets")?))
}

/// Lets whoever asks models pay from what the store keeps, until the gateway ends.
pub(super) fn keep(
    config: &Config,
    (gateway, voices): (&Gateway, &Voices),
    tasks: &TaskTracker,
    tools: &(Clock, Ids),
) -> Result<()> {
    let (store, stop) = (gateway.store.clone(), gateway.serving.clone());
    let (till, task) = Till::open(store, limits(config)?, tools, stop);
    gateway.door.pay_from(till.clone());
    voices.pay_from(till);
    tasks.spawn(task);
    let (store, stop) = (gateway.store.clone(), gateway.serving.clone());
    let (tell, task) = budget::strays(store, tools, stop);
    gateway.door.tell_strays(tell);
    tasks.spawn(task);
    Ok(())
}
