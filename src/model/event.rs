use serde::{Deserialize, Serialize};

use super::{Address, EventId, Payment, PersonId, Time};

/// Something that happened; stored in the transaction that made it true, then handed to everyone
/// who subscribed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Time,
    /// Whom it concerns.
    pub person: Option<PersonId>,
    /// Where it happened.
    pub address: Address,
    /// What happened.
    pub what: Happening,
}

/// What happened, in the past tense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// Somebody wrote for the first time.
    PersonMet,
    /// A session grew beyond its window.
    WindowExceeded { session: super::SessionId },
    /// A file came in and waits with the platform.
    AttachmentReceived { attachment: super::AttachmentId },
    /// A chat can no longer be reached.
    AddressLost,
    /// A chat can be reached again.
    AddressRegained,
    /// Money arrived.
    PaymentReceived { payment: Payment },
    /// A provider of models stopped answering.
    ProviderDown {
        provider: String,
        /// Those of its models that are left alone.
        models: Vec<String>,
        /// The word of the figures for what went wrong last.
        reason: String,
        since: Time,
    },
    /// A provider of models answers again, and stayed so.
    ProviderBack {
        provider: String,
        since: Time,
        until: Time,
        /// Calls that failed meanwhile.
        failed: u64,
        /// Calls that others answered meanwhile.
        saved: u64,
    },
}

impl Happening {
    /// The name it is stored and counted under.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PersonMet => "person_met",
            Self::WindowExceeded { .. } => "window_exceeded",
            Self::AttachmentReceived { .. } => "attachment_received",
            Self::AddressLost => "address_lost",
            Self::AddressRegained => "address_regained",
            Self::PaymentReceived { .. } => "payment_received",
            Self::ProviderDown { .. } => "provider_down",
            Self::ProviderBack { .. } => "provider_back",
        }
    }
}
