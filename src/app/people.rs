//! Who people are: what links their accounts, and what is kept in mind of them.

use std::sync::Arc;

use crate::budget::Limits;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::llm::{Door, Prompts};
use crate::memory::{How, Remember};
use crate::model::{Clock, Ids};
use crate::people::Linker;
use crate::store::Store;

use super::entrusted;

/// Links accounts, one link at a time.
pub(super) fn linker(
    config: &Config,
    (store, delivery): (&Store, &Delivery),
    (clock, ids): &(Clock, Ids),
) -> Linker {
    Linker {
        store: store.clone(),
        seal: entrusted::seal(config),
        delivery: delivery.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
    }
}

/// Keeps in mind what people say of themselves.
pub(super) fn remember(
    (store, door, prompts): (&Store, &Door, &Arc<Prompts>),
    (limits, how): (Limits, How),
    (clock, ids): &(Clock, Ids),
) -> Remember {
    Remember {
        store: store.clone(),
        door: door.clone(),
        prompts: Arc::clone(prompts),
        limits,
        how,
        clock: clock.clone(),
        ids: ids.clone(),
    }
}
