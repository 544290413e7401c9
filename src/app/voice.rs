//! What hears and speaks, put together.

use std::path::PathBuf;

use anyhow::Result;

use crate::config::Config;
use crate::delivery::Delivery;
use crate::llm::{self, Voices};
use crate::model::{Clock, Ids};
use crate::store::Store;
use crate::turn::{Recordings, Speak};

/// The models that hear and speak; asks nobody.
pub(crate) fn voices(config: &Config, clock: &Clock) -> Result<Voices> {
    let settings: llm::Settings = config.sections(&["offline", "models", "providers"])?;
    Ok(Voices::open(&settings, clock.clone())?)
}

/// Who says answers aloud.
pub(super) fn speak(
    config: &Config,
    voices: &Voices,
    delivery: &Delivery,
    (clock, ids): (Clock, Ids),
) -> Result<Speak> {
    Ok(Speak {
        voices: voices.clone(),
        delivery: delivery.clone(),
        folder: folder(config)?,
        clock,
        ids,
    })
}

/// Who deletes what was said aloud and left behind.
pub(super) fn recordings(
    config: &Config,
    (store, delivery): (&Store, &Delivery),
    clock: &Clock,
) -> Result<Recordings> {
    Ok(Recordings {
        store: store.clone(),
        delivery: delivery.clone(),
        folder: folder(config)?,
        outgoing: outgoing(config)?,
        clock: clock.clone(),
    })
}

/// Where pictures and files are put that are made to be sent.
pub(super) fn outgoing(config: &Config) -> Result<PathBuf> {
    Ok(config.data()?.dir.join("files").join("outgoing"))
}

fn folder(config: &Config) -> Result<PathBuf> {
    Ok(config.data()?.dir.join("files").join("spoken"))
}
