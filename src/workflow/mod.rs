//! People's automations: what one is, what words ask for, what it would do, and the engine that does it.
//!
//! A [`Definition`] is checked before it is stored and shown in words before anybody says yes to it. An event starts a
//! run of each workflow that waits for it, once; a run goes step by step in a lane of its own. It never writes to fans
//! but one by one, for what they did themselves; never posts without approval; never sends anything by itself but
//! through the outbox and jobs. Start with [`Workflows`] and [`engine::Engine`].

mod begin;
pub mod card;
mod check;
mod define;
mod definition;
mod edit;
pub mod engine;
mod handle;
pub mod note;
mod read;
mod rehearse;
mod say;
mod seen;
mod step;
mod steps;
#[cfg(test)]
mod tests;
mod text;
mod timer;
mod triggers;
mod understand;
mod words;
pub mod workers;

use serde::Deserialize;

pub use check::wrong_text;
pub use definition::{
    Action, Amount, Clocktime, Condition, Day, Definition, Every, Provider, Trigger, Valid, schema,
};
pub use handle::{Answer, Shown, Taken, Workflows, engine};
pub use read::{Draft, Question, Refusal, Rules, Wish};
pub use rehearse::{Rehearsal, Rehearsed};
pub use say::OURS;
pub use understand::Understanding;

/// Settings of the section `[workflows]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A fan is thanked once in so many hours by each way.
    pub thanks_hours: u64,
    /// So many notes an hour reach an artist at once; the rest comes as a digest.
    pub notes_at_once: usize,
    /// How long a model may think about a wish, in milliseconds.
    pub understand_ms: u64,
}
