//! What models may cost, put together.

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use crate::budget::{self, Limits, Till};
use crate::config::Config;
use crate::llm::Door;
use crate::model::{Clock, Ids};
use crate::store::Store;

/// What may be spent in a day.
pub(crate) fn limits(config: &Config) -> Result<Limits> {
    Ok(Limits::new(&config.section::<budget::Settings>("budgets")?))
}

/// Lets the door pay from what the store keeps, as long as the task runs that is answered.
pub(super) fn keep(
    limits: Limits,
    (store, door): (&Store, &Door),
    tools: &(Clock, Ids),
    stop: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let (till, task) = Till::open(store.clone(), limits, tools, stop);
    door.pay_from(till);
    task
}
