use serde::{Deserialize, Serialize};

use super::{ArtistId, Money, PersonId, TipId};

/// What is known of a tip, for whoever thanks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TipFacts {
    pub tip: TipId,
    pub artist: ArtistId,
    /// The word under which it is booked: `stars`, `stripe`, `kofi`, `buymeacoffee`.
    pub provider: String,
    /// The fan, where one is known.
    pub person: Option<PersonId>,
    /// What the provider calls whoever paid, or empty.
    pub payer: String,
    /// As the fan wants to be called, or empty.
    pub name: String,
    /// Where to write, or empty.
    pub email: String,
    pub message: String,
    /// Whether the fan lets their name be shown.
    pub is_public: bool,
    pub gross: Money,
    /// Whether nobody knows of an earlier tip of the same fan.
    pub is_first: bool,
}
