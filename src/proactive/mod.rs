//! What Toney says unasked: triggers see that something is worth a word, and one gate decides whether and when it is
//! said.
//!
//! A [`Trigger`] makes an [`Impulse`], a job in its person's lane; it never sends. Begin at [`Trigger`].

pub mod answer;
pub mod gate;
mod hours;
pub mod learn;
mod letter;
pub mod outreach;
pub mod rule;
pub mod triggers;
pub mod wish;

use async_trait::async_trait;

use crate::model::{Category, Impulse, PersonId, Time};

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
