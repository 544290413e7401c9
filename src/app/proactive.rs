//! What is said unasked, put together.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::config::Config;
use crate::jobs::Worker;
use crate::model::{Clock, Ids};
use crate::proactive::triggers::{self, BY_EVENT, Eyes};
use crate::proactive::{Learning, Look, Settings, Sweep, Trigger, Watched};
use crate::store::{Change, Store};

fn eyes(config: &Config, store: &Store) -> Result<(Eyes, Duration)> {
    let how: Settings = config.section("triggers")?;
    let every = Duration::from_secs(how.sweep_minutes * 60);
    let eyes = Eyes {
        store: store.clone(),
        how: Arc::new(how),
    };
    Ok((eyes, every))
}

/// Every trigger that time or an event makes true, for whoever asks it again in the moment of sending.
pub(crate) fn triggers(config: &Config, store: &Store) -> Result<Vec<Arc<dyn Trigger>>> {
    Ok(triggers::all(&eyes(config, store)?.0))
}

/// What looks at those who are due.
pub(crate) fn sweeper(
    config: &Config,
    store: &Store,
    (clock, ids): &(Clock, Ids),
) -> Result<Sweep> {
    let (eyes, every) = eyes(config, store)?;
    let mut watched: Vec<Arc<dyn Watched>> = triggers::watched(&eyes);
    watched.push(Arc::new(Learning(store.clone())));
    Ok(Sweep {
        store: store.clone(),
        watched,
        every,
        clock: clock.clone(),
        ids: ids.clone(),
    })
}

/// Who does which kind of job. One piece each.
pub(super) fn watchers(
    config: &Config,
    store: &Store,
    tools: &(Clock, Ids),
) -> Result<Vec<Arc<dyn Worker>>> {
    let look = Look {
        kinds: BY_EVENT,
        clock: tools.0.clone(),
    };
    Ok(vec![
        Arc::new(sweeper(config, store, tools)?),
        Arc::new(look),
    ])
}

/// Sees to it that there is a next sweep; each orders the one after it.
pub(super) async fn begin(sweep: Sweep) {
    if sweep.every.is_zero() {
        return;
    }
    let next = match sweep.next(sweep.clock.now()) {
        Ok(next) => next,
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "Nobody is watched");
            return;
        }
    };
    if let Err(error) = sweep.store.insist(Change::jobs(vec![next])).await {
        tracing::debug!(error = format!("{error:#}"), "The next sweep has to wait");
    }
}
