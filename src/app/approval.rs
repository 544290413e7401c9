//! Requests for approval, put together.

use std::sync::Arc;

use anyhow::Result;

use crate::approval::{Approvals, Ask, Decide, Keeper, Lost, Settings, Timers};
use crate::config::Config;
use crate::delivery::Delivery;
use crate::jobs::Worker;
use crate::model::{Clock, Ids, Seal};
use crate::store::Store;
use crate::turn::{ReleaseApproved, ReleaseDecided};

use super::entrusted;

/// The handle for a command that runs beside the gateway: it orders, and sends nothing.
pub(crate) fn approvals_of(
    config: &Config,
    store: &Store,
    tools: (Clock, Ids),
) -> Result<Approvals> {
    let how = config.section("delivery")?;
    let delivery = Delivery::new((store.clone(), None), how, tools.clone(), &[]);
    approvals(config, (store, &delivery), &tools)
}

/// The seal with which the record is signed.
pub(crate) fn seal_of(config: &Config) -> Seal {
    entrusted::seal(config)
}

/// The handle of the room.
pub(super) fn approvals(
    config: &Config,
    (store, delivery): (&Store, &Delivery),
    (clock, ids): &(Clock, Ids),
) -> Result<Approvals> {
    let settings: Settings = config.section("approval")?;
    Ok(Approvals {
        store: store.clone(),
        delivery: delivery.clone(),
        settings: Arc::new(settings),
        clock: clock.clone(),
        ids: ids.clone(),
    })
}

/// Who does the work around requests, and around the releases that are asked for.
pub(super) fn workers(config: &Config, approvals: &Approvals) -> Vec<Arc<dyn Worker>> {
    let store = approvals.store.clone();
    vec![
        Arc::new(Decide(approvals.clone())),
        Arc::new(Ask(approvals.clone())),
        Arc::new(Timers(approvals.clone())),
        Arc::new(Lost(approvals.clone())),
        Arc::new(Keeper {
            store: store.clone(),
            seal: entrusted::seal(config),
        }),
        Arc::new(ReleaseApproved {
            store: store.clone(),
            clock: approvals.clock.clone(),
        }),
        Arc::new(ReleaseDecided { store }),
    ]
}
