//! What Toney says unasked: triggers see that something is worth a word, and one gate decides whether and when it is
//! said.
//!
//! A [`Trigger`] makes an [`Impulse`], a job in its person's lane; it never sends. Begin at [`Trigger`]. What time makes
//! true is [`Watched`]: the [`Sweep`] looks at it when it is due and at nothing else.

pub mod answer;
pub mod gate;
mod hours;
pub mod learn;
mod learning;
mod letter;
pub mod outreach;
pub mod rule;
mod sweep;
pub mod triggers;
pub mod wish;

use async_trait::async_trait;
use serde::Deserialize;

use crate::model::{Category, Impulse, PersonId, Time};
use crate::store::{Seat, Write};

pub use learning::Learning;
pub use sweep::{Look, Sweep};

/// Sees when something is worth a word. One file each.
#[async_trait]
pub trait Trigger: Send + Sync {
    /// The name that tables and figures know it by.
    fn name(&self) -> &'static str;

    /// What it is about.
    fn category(&self) -> Category;

    /// What is worth saying to the person at this time, if anything. It is asked again in the moment of sending: an
    /// impulse whose episode does not come again then has lost its reason and is not said.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn look(&self, person: PersonId, now: Time) -> anyhow::Result<Option<Impulse>>;
}

/// Somebody is looked at for this from time to time.
#[async_trait]
pub trait Watched: Send + Sync {
    /// The word of the watch; a trigger's is its name.
    fn kind(&self) -> &'static str;

    /// What is to be seen of somebody at this time. Where they sit was read with that of many others; what can be told
    /// from it alone costs nothing.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    async fn watch(&self, seat: &Seat, now: Time) -> anyhow::Result<Sight>;
}

/// What was seen of somebody.
#[derive(Debug, Default)]
pub struct Sight {
    /// What is worth a word; whether it was said before is not its business.
    pub impulse: Option<Impulse>,
    /// What becomes true besides.
    pub writes: Vec<Write>,
    /// When there could be something else to see; `None`: never any more.
    pub again: Option<Time>,
}

/// Settings of the section `[triggers]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How often those that are due are looked at, in minutes; 0 = never.
    pub sweep_minutes: u64,
    /// After so many hours of silence Toney asks how things are.
    pub inactivity_hours: u64,
    /// After so many days without a step towards goals or plan.
    pub stagnation_days: u64,
    /// So much of the plan is due and not done, from 0 to 1.
    pub goal_deviation: f64,
    /// The mood fell by so much, from 0 to 1.
    pub motivation_drop: f64,
    /// So many days before a step of the plan is due.
    pub milestone_days: u64,
    /// So many days before a release.
    pub release_days: Vec<u16>,
    /// From this day of the month on a statement is missing.
    pub statement_day: u8,
    /// A day has so many times the tips of a usual one.
    pub tip_spike: f64,
}
