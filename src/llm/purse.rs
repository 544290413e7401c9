use crate::model::{ArtistId, PersonId, Time};

use super::money::Cost;

/// Whom a call is for, and so who pays for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Payer {
    /// Who asked; none for what the installation does by itself.
    pub person: Option<PersonId>,
    /// The artist it is done for.
    pub artist: Option<ArtistId>,
}

/// What a call costs, or may cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bill {
    /// Money.
    pub cost: Cost,
    /// Tokens, in and out.
    pub tokens: u64,
}

impl Bill {
    /// Whether there is nothing to pay.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// The whole installation's.
    Installation,
    /// An artist's.
    Artist,
    /// A person's.
    Person,
}

/// Why a call may not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// It could go over this limit, which begins anew at that time.
    Spent { limit: Limit, until: Time },
    /// Nobody can say what was spent, so nothing is.
    Unknown,
}

/// What was set aside for one call. It is given back but for what the call really cost; one that is
/// dropped unsettled is held to have cost the most it could.
pub struct Hold {
    most: Bill,
    settle: Option<Box<dyn FnOnce(Bill) + Send>>,
}

impl Hold {
    /// Sets aside `most`; `settle` hears once, and never waits, what it came to.
    pub fn new(most: Bill, settle: impl FnOnce(Bill) + Send + 'static) -> Self {
        Self {
            most,
            settle: Some(Box::new(settle)),
        }
    }

    /// Sets nothing aside, where there is no limit.
    pub fn free() -> Self {
        Self {
            most: Bill::default(),
            settle: None,
        }
    }

    /// The call is over and cost this.
    pub fn settle(mut self, cost: Bill) {
        if let Some(settle) = self.settle.take() {
            settle(cost);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(settle) = self.settle.take() {
            settle(self.most);
        }
    }
}

/// Who keeps the money that models cost.
#[async_trait::async_trait]
pub trait Purse: Send + Sync {
    /// Whether so little is left for somebody that the cheap models come first; asks nobody.
    fn is_near(&self, payer: &Payer) -> bool;

    /// Sets aside what a call may cost at most, before it is made.
    ///
    /// # Errors
    /// When it could go over a limit.
    async fn reserve(&self, payer: &Payer, most: Bill) -> Result<Hold, Short>;
}

/// A purse that nobody counts.
pub struct Bottomless;

#[async_trait::async_trait]
impl Purse for Bottomless {
    fn is_near(&self, _: &Payer) -> bool {
        false
    }

    async fn reserve(&self, _: &Payer, _: Bill) -> Result<Hold, Short> {
        Ok(Hold::free())
    }
}
