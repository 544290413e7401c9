//! What is said unasked, put together.

use std::sync::{Arc, Mutex};

use anyhow::Result;

use crate::approval::Approvals;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::jobs::Worker;
use crate::model::{Clock, Ids, Time};
use crate::proactive::answer::Sayings;
use crate::proactive::gate::Settings;
use crate::proactive::outreach::{Back, Impulses, Looks, Outreach};
use crate::proactive::triggers::{ApprovalWaiting, Waits};
use crate::store::Store;

use super::proactive;

/// How people are written to unasked.
pub(super) fn settings(config: &Config) -> Result<Settings> {
    Ok(config.section("nudges")?)
}

/// Who does their jobs. One piece each.
pub(super) fn workers(
    config: &Config,
    (store, delivery): (&Store, &Delivery),
    approvals: &Approvals,
    (clock, ids): &(Clock, Ids),
) -> Result<Vec<Arc<dyn Worker>>> {
    let waiting = ApprovalWaiting {
        store: store.clone(),
        approvals: approvals.clone(),
    };
    let mut triggers = proactive::triggers(config, store)?;
    triggers.push(Arc::new(waiting.clone()));
    let outreach = Outreach {
        store: store.clone(),
        delivery: delivery.clone(),
        triggers: Arc::new(triggers),
        settings: Arc::new(settings(config)?),
        shared: Arc::new(Mutex::new((Time::default(), Arc::default()))),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    Ok(vec![
        Arc::new(Impulses(outreach.clone())),
        Arc::new(Looks(outreach.clone())),
        Arc::new(Back(outreach.clone())),
        Arc::new(Sayings(outreach)),
        Arc::new(Waits(waiting)),
    ])
}
