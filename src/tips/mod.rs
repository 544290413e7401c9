//! Money that fans give to an artist: jars, what a fan says to give, what providers say was paid, and the ledger.
//!
//! Everything about one payment happens in its own lane (`tip:PROVIDER:ID`), whoever tells of it: a chat, a webhook,
//! a look into the provider's list. What is told may come in any order and more than once; what is booked follows from
//! all that is known (`step`, pure), and becomes true together with the end of the job that told it. The ledger is
//! double entry and only ever added to. This room never believes an amount of a chat, never books without a
//! provider's word, and never uses floating point. Start with [`step`], then [`Book`].

mod approve;
mod ask;
mod book;
mod command;
mod fan;
mod hear;
mod hook;
mod jar;
mod look;
mod money;
pub mod step;
mod team;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::delivery::Delivery;
use crate::external::stripe::Stripe;
use crate::model::{ArtistId, AskId, Clock, Ids, JobId, PersonId, Seal, Time, TipId};
use crate::platform::{Payments, Platform};
use crate::store::{NewJob, Store};

pub use approve::Till;
pub use ask::Ask;
pub use book::Book;
pub use command::{Said, Who};
pub use fan::Fan;
pub(crate) use fan::order as fan_order;
pub use hook::{HEADERS, Hooks, Verdict};
pub use jar::Jar;
pub use look::{Fees, Looked};

use step::{Fact, Giver};

/// The providers, as they stand in tables and accounts.
pub const STARS: &str = "stars";
pub const STRIPE: &str = "stripe";
pub const KOFI: &str = "kofi";
pub const COFFEE: &str = "buymeacoffee";

/// Settings of the section `[tips]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Most Stars that one tip can be.
    pub max_stars: i64,
    /// Most that one tip by card can be, in the smallest unit.
    pub max_card: i64,
    /// The secret key of Stripe; empty = no cards.
    pub stripe_key: String,
    /// The base of Stripe's API.
    pub stripe_url: String,
    /// So long after a payment Stripe is asked what it kept of it.
    pub fee_after_seconds: u64,
    /// Proves webhooks of Stripe.
    pub stripe_webhook_secret: String,
    /// Where a fan lands after paying by card.
    pub thanks_url: String,
    /// Proves webhooks of Ko-fi where one artist is looked after.
    pub kofi_token: String,
    /// Proves webhooks of Buy Me a Coffee where one artist is looked after.
    pub buymeacoffee_secret: String,
}

/// What takes tips; cheap to clone.
#[derive(Clone)]
pub struct Tips {
    pub store: Store,
    pub delivery: Delivery,
    /// The accounts, some of which have money of their own.
    pub platforms: Vec<Arc<dyn Platform>>,
    /// Cards, where they are set up.
    pub stripe: Option<Stripe>,
    pub settings: Arc<Settings>,
    pub seal: Seal,
    /// The place for which secrets that people write are sealed on their way in.
    pub sealed_in: &'static str,
    pub clock: Clock,
    pub ids: Ids,
}

/// What a job about one payment carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(crate) enum Order {
    /// Somebody who read it tells a fact.
    Told {
        provider: String,
        external: String,
        giver: Box<Giver>,
        fact: Fact,
    },
    /// A provider's own words, proved.
    Raw {
        provider: String,
        /// Whose secret proved them.
        artist: Option<ArtistId>,
        body: String,
        /// When they came.
        at: Time,
    },
    /// Somebody of the team gives it back.
    GiveBack {
        tip: TipId,
        by: PersonId,
        /// Where they said so.
        address: crate::model::Address,
    },
}

impl Tips {
    /// A job about one payment: all of them happen one after the other.
    pub(crate) fn order(&self, key: String, of: (&str, &str), order: &Order) -> NewJob {
        let (provider, external) = of;
        self.job(
            (book::KIND, key),
            format!("tip:{provider}:{external}"),
            order,
        )
    }

    fn job(&self, (kind, key): (&str, String), lane: String, payload: &impl Serialize) -> NewJob {
        let now = self.clock.now();
        NewJob {
            id: JobId::new(&self.ids),
            kind: kind.to_owned(),
            lane,
            key,
            ordering: 0,
            payload: serde_json::to_string(payload).unwrap_or_default(),
            run_at: now,
            at: now,
        }
    }

    fn later(&self, job: NewJob, after: Duration) -> NewJob {
        let run_at = job.run_at.plus(after);
        NewJob { run_at, ..job }
    }

    /// The first account that has money of its own.
    fn account(&self) -> Option<(&Arc<dyn Platform>, &dyn Payments)> {
        let mut all = self.platforms.iter();
        all.find_map(|platform| Some((platform, platform.payments()?)))
    }

    /// The account with this name.
    fn payments(&self, account: &str) -> Option<&dyn Payments> {
        let named = |one: &&Arc<dyn Platform>| format!("{}:{}", one.name(), one.bot()) == account;
        self.platforms.iter().find(named)?.payments()
    }

    /// The jar and the artist behind what was asked.
    async fn jar_of(&self, artist: &str) -> anyhow::Result<Option<Jar>> {
        Ok(self.store.tip_jar(artist).await?.map(Jar::read))
    }
}

/// An id of ours in what a provider or a button brings back; nothing where it is none.
fn ask_id(text: &str) -> Option<AskId> {
    text.parse().ok()
}
