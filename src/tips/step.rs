//! What is known about a tip, and what follows from it. Pure.
//!
//! Providers tell the parts of a tip's life in any order and more than once. So nothing is booked for having been
//! told: what was told is gathered ([`fold`]), what the ledger must hold follows from all that is known
//! ([`target`]), and what is booked is the difference ([`entries`]). The same parts in another order end in the same
//! sums, and a part that is told twice changes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Currency, Happening, Money, Time, TipId};
use crate::store::TipRow;

/// Above this no tip is believed, in the smallest unit: far more than anybody gives, far below what a sum can hold.
pub const MOST: i64 = 1_000_000_000_000;

/// Something that a provider says about a tip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// It was paid.
    Paid {
        /// In the smallest unit; 0 where that could not be read.
        gross: i64,
        /// As the provider writes it.
        currency: String,
        /// When.
        at: Time,
    },
    /// What the provider kept of it.
    Fee { minor: i64, currency: String },
    /// So much of it went back until now, all refunds together.
    Refunded { total: i64, currency: String },
    /// The payer's bank disputes it.
    Disputed {
        /// How much of it.
        minor: i64,
        currency: String,
        /// What the dispute costs besides.
        fee: i64,
        /// `None` while it is open.
        won: Option<bool>,
        /// When the provider said so, in milliseconds: of two that contradict each other the later counts.
        at: i64,
    },
}

/// Who gave, as far as whoever tells knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Giver {
    pub artist: String,
    pub ask: String,
    pub person: String,
    pub payer: String,
    pub account: String,
    pub name: String,
    pub email: String,
    pub message: String,
    pub is_public: bool,
    pub address: String,
}

/// Where a tip stands; its word stands in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its payment is not known yet, or cannot be booked.
    Pending,
    /// Paid.
    Received,
    /// Paid, and a part of it went back.
    Partly,
    /// All of it went back.
    Refunded,
    /// The payer's bank disputes it.
    Disputed,
    /// A dispute took it.
    Lost,
}

impl State {
    /// The word of the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Received => "received",
            Self::Partly => "partly",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
            Self::Lost => "lost",
        }
    }
}

/// Why a payment cannot be booked; the words stand in the table.
const NO_AMOUNT: &str = "the amount is no amount";
const NO_CURRENCY: &str = "the currency is unknown";
const NO_ARTIST: &str = "nobody knows for which artist it is";

/// Adds what is known about the giver; what is known already stays.
pub fn meet(tip: &mut TipRow, giver: &Giver) {
    let fill = |known: &mut String, told: &str| {
        if known.is_empty() {
            told.clone_into(known);
        }
    };
    let Giver {
        artist,
        ask,
        person,
        payer,
        account,
        name,
        email,
        message,
        is_public,
        address,
    } = giver;
    fill(&mut tip.artist_id, artist);
    fill(&mut tip.ask_id, ask);
    fill(&mut tip.person_id, person);
    fill(&mut tip.payer, payer);
    fill(&mut tip.account, account);
    fill(&mut tip.name, name);
    fill(&mut tip.email, email);
    fill(&mut tip.message, message);
    fill(&mut tip.address, address);
    tip.is_public = tip.is_public.max(i64::from(*is_public));
}

/// Adds a fact to what is known, whatever came before it.
pub fn fold(tip: &mut TipRow, fact: &Fact) {
    match fact {
        Fact::Paid {
            gross,
            currency,
            at,
        } => {
            if tip.paid == 0 {
                tip.paid = 1;
                tip.gross = *gross;
                tip.received_at = at.ms();
                tip.month = month(*at);
                if !in_currency(tip, currency) {
                    // What came before spoke of other money than was paid.
                    (tip.fee, tip.refunded) = (0, 0);
                    (tip.disputed, tip.dispute_fee, tip.dispute_at) = (0, 0, 0);
                    tip.dispute.clear();
                    tip.currency = named(currency);
                }
            }
        }
        Fact::Fee { minor, currency } => {
            if in_currency(tip, currency) {
                tip.fee = tip.fee.max(sane(*minor));
            }
        }
        Fact::Refunded { total, currency } => {
            if in_currency(tip, currency) {
                tip.refunded = tip.refunded.max(sane(*total));
            }
        }
        Fact::Disputed {
            minor,
            currency,
            fee,
            won,
            at,
        } => {
            let rank = |dispute: &str| match dispute {
                "" => 0,
                "open" => 1,
                _ => 2,
            };
            let told = match won {
                None => "open",
                Some(true) => "won",
                Some(false) => "lost",
            };
            let (minor, fee) = (sane(*minor), sane(*fee));
            let newer = (rank(told), *at, told, minor, fee);
            let known = tip.dispute.as_str();
            let known = (
                rank(known),
                tip.dispute_at,
                known,
                tip.disputed,
                tip.dispute_fee,
            );
            if newer > known && in_currency(tip, currency) {
                told.clone_into(&mut tip.dispute);
                tip.disputed = minor;
                tip.dispute_fee = fee;
                tip.dispute_at = *at;
            }
        }
    }
    settle(tip);
}

/// Brings what follows from the rest up to date.
pub fn settle(tip: &mut TipRow) {
    if tip.paid == 1 {
        let trouble = match () {
            () if !(1..=MOST).contains(&tip.gross) => NO_AMOUNT,
            () if tip.currency.parse::<Currency>().is_err() => NO_CURRENCY,
            () if tip.artist_id.is_empty() => NO_ARTIST,
            () => "",
        };
        trouble.clone_into(&mut tip.trouble);
    }
    state(tip).as_str().clone_into(&mut tip.state);
    let lost = if tip.dispute == "lost" {
        disputed(tip)
    } else {
        0
    };
    tip.net = match is_booked(tip) {
        true => tip.gross - tip.fee - tip.dispute_fee - back(tip) - lost,
        false => 0,
    };
}

/// Whether it stands in the ledger.
pub fn is_booked(tip: &TipRow) -> bool {
    tip.paid == 1 && tip.trouble.is_empty()
}

/// Where it stands.
pub fn state(tip: &TipRow) -> State {
    match tip.dispute.as_str() {
        _ if !is_booked(tip) => State::Pending,
        "lost" => State::Lost,
        "open" => State::Disputed,
        _ if back(tip) >= tip.gross => State::Refunded,
        _ if tip.refunded > 0 => State::Partly,
        _ => State::Received,
    }
}

/// What the accounts hold because of this tip; sums to 0.
pub fn target(tip: &TipRow) -> BTreeMap<String, i64> {
    let mut held = BTreeMap::new();
    if !is_booked(tip) {
        return held;
    }
    let provider = &tip.provider;
    let cash = format!("{provider}:cash");
    let artist = format!("artist:{}:tips", tip.artist_id);
    let mut book = |from: &str, to: &str, minor: i64| {
        *held.entry(from.to_owned()).or_default() -= minor;
        *held.entry(to.to_owned()).or_default() += minor;
    };
    let fees = format!("fees:{provider}");
    book(&artist, &cash, tip.gross);
    book(&cash, &fees, tip.fee);
    book(&cash, &artist, back(tip));
    match tip.dispute.as_str() {
        "open" => book(&cash, &format!("{provider}:disputed"), disputed(tip)),
        "lost" => book(&cash, &artist, disputed(tip)),
        _ => {}
    }
    book(&cash, &fees, tip.dispute_fee);
    held.retain(|_, minor| *minor != 0);
    held
}

/// What has to be booked so that the ledger holds what follows from `after` rather than from `before`.
pub fn entries(before: &TipRow, after: &TipRow) -> Vec<(String, i64)> {
    let mut due = target(after);
    for (account, minor) in target(before) {
        *due.entry(account).or_default() -= minor;
    }
    due.into_iter().filter(|(_, minor)| *minor != 0).collect()
}

/// What happened between `before` and `after`. Nobody hears of a tip that had gone back before it came.
pub fn happened(id: TipId, before: &TipRow, after: &TipRow) -> Vec<Happening> {
    let Ok(currency) = after.currency.parse() else {
        return Vec::new();
    };
    let money = |minor| Money { minor, currency };
    let mut events = Vec::new();
    if !is_booked(after) {
        return events;
    }
    let is_new = !is_booked(before);
    if is_new {
        match state(after) {
            State::Refunded | State::Lost | State::Pending => return events,
            State::Received | State::Partly | State::Disputed => {}
        }
        let gross = money(after.gross);
        events.push(Happening::TipReceived { tip: id, gross });
    }
    let went = back(after) - if is_new { 0 } else { back(before) };
    if went > 0 {
        let gross = money(went);
        events.push(Happening::TipRefunded { tip: id, gross });
    }
    let known = if is_new { "" } else { before.dispute.as_str() };
    if after.dispute != known {
        let won = match after.dispute.as_str() {
            "won" => Some(true),
            "lost" => Some(false),
            _ => None,
        };
        events.push(Happening::TipDisputed { tip: id, won });
    }
    events
}

/// Nothing goes back that did not come.
fn back(tip: &TipRow) -> i64 {
    tip.refunded.min(tip.gross)
}

fn disputed(tip: &TipRow) -> i64 {
    tip.disputed.min(tip.gross)
}

fn sane(minor: i64) -> i64 {
    minor.clamp(0, MOST)
}

/// Whether a fact speaks of the tip's own currency, which is that of the payment once it is known. What speaks of
/// another is not believed.
fn in_currency(tip: &mut TipRow, told: &str) -> bool {
    let told = named(told);
    if tip.currency.is_empty() {
        tip.currency.clone_from(&told);
    }
    tip.currency == told
}

fn named(currency: &str) -> String {
    match currency.parse::<Currency>() {
        Ok(currency) => currency.to_string(),
        Err(_) => currency.chars().take(8).collect(),
    }
}

fn month(at: Time) -> String {
    let date = chrono::DateTime::from_timestamp_millis(at.ms());
    date.map_or_else(String::new, |date| date.format("%Y-%m").to_string())
}

#[cfg(test)]
mod tests;
