//! Who people are: what links their accounts.

use crate::config::Config;
use crate::delivery::Delivery;
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
