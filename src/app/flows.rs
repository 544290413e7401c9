//! People's automations and their mail, put together.

use std::sync::Arc;

use anyhow::Result;

use crate::config::Config;
use crate::delivery::Delivery;
use crate::http;
use crate::jobs::Worker;
use crate::llm::{Door, Prompts};
use crate::mail::{self, Mail, Stops};
use crate::model::{Clock, Ids};
use crate::store::Store;
use crate::workflow::engine::Engine;
use crate::workflow::note::{Failed, Notes};
use crate::workflow::workers::{ApprovedSteps, Decisions, Events, Steps, Ticks};
use crate::workflow::{self, Workflows};

use super::entrusted;
use super::misset;

/// What workflows are done with.
pub(super) fn engine(
    config: &Config,
    (store, delivery): (&Store, &Delivery),
    (clock, ids): &(Clock, Ids),
) -> Result<Engine> {
    Ok(workflow::engine(
        (store.clone(), delivery.clone()),
        config.section("workflows")?,
        (clock.clone(), ids.clone()),
    ))
}

/// What people ask about them.
pub(super) fn workflows(engine: &Engine, door: &Door, prompts: &Arc<Prompts>) -> Workflows {
    Workflows::new(engine.clone(), door.clone(), prompts.clone())
}

/// Who takes a press on a mail's link.
pub(super) fn stops(config: &Config, store: &Store, clock: &Clock) -> Result<Stops> {
    let http: http::Settings = config.section("http")?;
    let filled = |url: &String| !url.trim().is_empty();
    Ok(Stops {
        store: store.clone(),
        seal: entrusted::seal(config),
        public_url: http.public_url.filter(filled),
        clock: clock.clone(),
    })
}

/// Who does their jobs. One piece each.
pub(super) fn workers(config: &Config, engine: &Engine) -> Result<Vec<Arc<dyn Worker>>> {
    let settings: mail::Settings = config.section("mail")?;
    let server = settings.server().map_err(|wrong| misset(wrong.into()))?;
    let mail = Mail {
        store: engine.store.clone(),
        server,
        stops: stops(config, &engine.store, &engine.clock)?,
        clock: engine.clock.clone(),
        ids: engine.ids.clone(),
    };
    Ok(vec![
        Arc::new(Events(engine.clone())),
        Arc::new(Steps(engine.clone())),
        Arc::new(Ticks(engine.clone())),
        Arc::new(ApprovedSteps(engine.clone())),
        Arc::new(Decisions(engine.clone())),
        Arc::new(Notes(engine.clone())),
        Arc::new(Failed(engine.clone())),
        Arc::new(mail),
    ])
}
