//! What the words of a provider mean. Pure; they are proved before they come here.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::{ArtistId, Currency, Money, Time, hex};

use super::money::minor;
use super::step::{Fact, Giver};
use super::{COFFEE, KOFI, STRIPE, ask_id};

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Something about a payment, under the provider's own id of it.
    Tip {
        external: String,
        giver: Box<Giver>,
        fact: Fact,
    },
    /// A payment that was begun has failed.
    Failed { ask: String, external: String },
    /// Money went to the bank, or did not.
    Payout {
        external: String,
        gross: Option<Money>,
        paid: bool,
        artist: String,
    },
    /// This much can be paid out now, of the installation's one account.
    Available { external: String, sums: Vec<Money> },
    /// Nothing about a tip.
    Nothing,
}

/// Words that are not the provider's at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not understood")]
pub(super) struct Nonsense;

/// What is heard, and the provider's id of having said it, the same at every repetition.
pub(super) fn hear(provider: &str, body: &[u8], now: Time) -> Result<(Heard, String), Nonsense> {
    match provider {
        STRIPE => stripe(body),
        KOFI => kofi(body, now),
        COFFEE => coffee(body, now),
        _ => Err(Nonsense),
    }
}

impl Heard {
    /// The provider's id of the payment, by which its lane is named; `None` where there is nothing to do.
    pub(super) fn external(&self) -> Option<&str> {
        match self {
            Self::Tip { external, .. }
            | Self::Failed { external, .. }
            | Self::Payout { external, .. }
            | Self::Available { external, .. } => Some(external),
            Self::Nothing => None,
        }
    }
}

#[derive(Deserialize)]
struct StripeEvent<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    created: i64,
    #[serde(borrow)]
    data: StripeData<'a>,
}

#[derive(Deserialize)]
struct StripeData<'a> {
    #[serde(borrow)]
    object: &'a RawValue,
}

/// The fields of the few objects that matter here; each has some of them.
#[derive(Deserialize, Default)]
#[serde(default)]
struct StripeObject {
    id: String,
    amount: i64,
    amount_total: Option<i64>,
    amount_refunded: i64,
    currency: Option<String>,
    payment_status: String,
    status: Option<String>,
    payment_intent: Option<Expandable>,
    charge: Option<Expandable>,
    metadata: Option<Metadata>,
    customer_details: Option<Customer>,
    balance_transactions: Vec<BalanceTransaction>,
    available: Vec<Sum>,
}

#[derive(Deserialize)]
struct Sum {
    amount: i64,
    currency: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    tip_id: Option<String>,
    artist_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Customer {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct BalanceTransaction {
    fee: i64,
}

/// An id, or the whole thing.
#[derive(Deserialize)]
#[serde(untagged)]
enum Expandable {
    Id(String),
    Whole { id: String },
}

impl Expandable {
    fn id(self) -> String {
        match self {
            Self::Id(id) | Self::Whole { id } => id,
        }
    }
}

fn stripe(body: &[u8]) -> Result<(Heard, String), Nonsense> {
    let event: StripeEvent<'_> = serde_json::from_slice(body).map_err(|_| Nonsense)?;
    let (id, at) = (event.id, event.created.saturating_mul(1000));
    let known = [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "charge.refunded",
        "charge.dispute.created",
        "charge.dispute.closed",
        "payout.paid",
        "payout.failed",
        "balance.available",
    ];
    if !known.contains(&event.kind.as_str()) {
        return Ok((Heard::Nothing, id));
    }
    let raw = event.data.object.get();
    let object: StripeObject = serde_json::from_str(raw).map_err(|_| Nonsense)?;
    if event.kind == "balance.available" {
        let sums = object.available.into_iter().filter_map(|sum| {
            let currency = sum.currency.parse().ok()?;
            let minor = sum.amount;
            (minor > 0).then_some(Money { minor, currency })
        });
        let sums: Vec<Money> = sums.collect();
        let external = id.clone();
        return Ok((Heard::Available { external, sums }, id));
    }
    match stripe_object(&event.kind, object, at) {
        // What has no name of its own cannot be told from others.
        heard if heard.external() == Some("") => Err(Nonsense),
        heard => Ok((heard, id)),
    }
}

fn stripe_object(kind: &str, object: StripeObject, at: i64) -> Heard {
    let StripeObject {
        id,
        amount,
        amount_total,
        amount_refunded,
        currency,
        payment_status,
        status,
        payment_intent,
        charge,
        metadata,
        customer_details,
        balance_transactions,
        available: _,
    } = object;
    let Metadata { tip_id, artist_id } = metadata.unwrap_or_default();
    let customer = customer_details.unwrap_or_default();
    let currency = currency.unwrap_or_default();
    let external = payment_intent.map(Expandable::id);
    let external = external.or_else(|| charge.map(Expandable::id));
    let external = external.unwrap_or_else(|| id.clone());
    let artist = artist_id.filter(|id| id.parse::<ArtistId>().is_ok());
    let giver = Giver {
        artist: artist.unwrap_or_default(),
        ask: tip_id
            .clone()
            .filter(|id| ask_id(id).is_some())
            .unwrap_or_default(),
        name: customer.name.unwrap_or_default(),
        email: customer.email.unwrap_or_default(),
        ..Giver::default()
    };
    let tip = |fact| Heard::Tip {
        external: external.clone(),
        giver: Box::new(giver.clone()),
        fact,
    };
    let status = status.unwrap_or_default();
    match kind {
        // What else is sold by the same account is no tip.
        "checkout.session.completed" | "checkout.session.async_payment_succeeded"
            if tip_id.is_some() =>
        {
            // Some ways to pay take days: only then it is paid.
            if payment_status != "paid" && kind == "checkout.session.completed" {
                return Heard::Nothing;
            }
            tip(Fact::Paid {
                gross: amount_total.unwrap_or_default(),
                currency,
                at: Time::from_ms(at),
            })
        }
        "checkout.session.async_payment_failed" if tip_id.is_some() => Heard::Failed {
            ask: giver.ask,
            external,
        },
        "charge.refunded" => tip(Fact::Refunded {
            total: amount_refunded,
            currency,
        }),
        "charge.dispute.created" | "charge.dispute.closed" => tip(dispute(
            (amount, currency),
            &status,
            &balance_transactions,
            (kind, at),
        )),
        "payout.paid" | "payout.failed" => Heard::Payout {
            gross: currency.parse().ok().map(|currency| Money {
                minor: amount,
                currency,
            }),
            external: id,
            paid: kind == "payout.paid",
            artist: giver.artist,
        },
        _ => Heard::Nothing,
    }
}

fn dispute(
    (amount, currency): (i64, String),
    status: &str,
    moves: &[BalanceTransaction],
    (kind, at): (&str, i64),
) -> Fact {
    // An inquiry moves no money until it becomes a dispute.
    let moved = !status.starts_with("warning") || !moves.is_empty();
    let fee = moves
        .iter()
        .fold(0_i64, |sum, one| sum.saturating_add(one.fee));
    Fact::Disputed {
        minor: if moved { amount } else { 0 },
        currency,
        fee: fee.max(0),
        won: (kind == "charge.dispute.closed").then_some(status != "lost"),
        at,
    }
}

#[derive(Deserialize)]
pub(super) struct Kofi<'a> {
    #[serde(default)]
    pub(super) verification_token: String,
    #[serde(default)]
    message_id: String,
    #[serde(default)]
    timestamp: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    is_public: Option<bool>,
    #[serde(default)]
    from_name: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(borrow, default)]
    amount: Option<&'a RawValue>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    currency: Option<String>,
}

/// The JSON inside the form that Ko-fi sends.
pub(super) fn kofi_data(body: &[u8]) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(body);
    let (_, data) = fields.find(|(name, _)| name == "data")?;
    Some(data.into_owned())
}

fn kofi(body: &[u8], now: Time) -> Result<(Heard, String), Nonsense> {
    let data = kofi_data(body).ok_or(Nonsense)?;
    let told: Kofi<'_> = serde_json::from_str(&data).map_err(|_| Nonsense)?;
    if told.message_id.is_empty() {
        return Err(Nonsense);
    }
    // An order of a shop or a commission is a sale; its goods and addresses are none of ours.
    if !matches!(told.kind.as_str(), "Donation" | "Subscription") {
        return Ok((Heard::Nothing, told.message_id));
    }
    let at = chrono::DateTime::parse_from_rfc3339(&told.timestamp);
    let at = at.map_or(now, |at| Time::from_ms(at.timestamp_millis()));
    let currency = told.currency.unwrap_or_default();
    let fact = Fact::Paid {
        gross: amount(told.amount, &currency),
        currency,
        at,
    };
    let is_public = told.is_public.unwrap_or_default();
    let giver = Giver {
        name: told.from_name.unwrap_or_default(),
        email: told.email.unwrap_or_default(),
        message: told.message.unwrap_or_default(),
        is_public,
        ..Giver::default()
    };
    let heard = Heard::Tip {
        external: told.message_id.clone(),
        giver: Box::new(giver),
        fact,
    };
    Ok((heard, told.message_id))
}

/// The number as it was written, in quotes or without.
fn amount(raw: Option<&RawValue>, currency: &str) -> i64 {
    let text = raw.map(|raw| raw.get().trim_matches('"'));
    let currency = currency.parse::<Currency>().ok();
    let read = text
        .zip(currency)
        .and_then(|(text, currency)| minor(text, currency));
    // 0 says that it could not be read, and is never booked.
    read.unwrap_or_default()
}

#[derive(Deserialize)]
struct Coffee<'a> {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    created: i64,
    #[serde(borrow, default)]
    data: Option<CoffeeData<'a>>,
    /// The form that was sent before there were events.
    #[serde(borrow, default)]
    response: Option<CoffeeData<'a>>,
}

#[derive(Deserialize)]
struct CoffeeData<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "total_amount")]
    amount: Option<&'a RawValue>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    supporter_name: Option<String>,
    #[serde(default)]
    supporter_email: Option<String>,
    #[serde(default, alias = "message")]
    support_note: Option<String>,
    #[serde(default)]
    transaction_id: Option<String>,
}

/// The names of the older form are not published, so that one is kept and not booked unless it says enough.
fn coffee(body: &[u8], now: Time) -> Result<(Heard, String), Nonsense> {
    let told: Coffee<'_> = serde_json::from_slice(body).map_err(|_| Nonsense)?;
    let print = hex(<sha2::Sha256 as sha2::Digest>::digest(body));
    let Coffee {
        kind,
        created,
        data,
        response,
    } = told;
    let is_old = data.is_none();
    let data = data.or(response).ok_or(Nonsense)?;
    let about_tips = is_old
        || ["donation.", "recurring_donation.", "membership."]
            .iter()
            .any(|word| kind.starts_with(word));
    let id = data.id.map(|id| id.get().trim_matches('"').to_owned());
    let external = data.transaction_id.or(id);
    let external = external
        .filter(|id| !id.is_empty())
        .unwrap_or(print.clone());
    let currency = data.currency.unwrap_or_default();
    let gross = amount(data.amount, &currency);
    let refunded = kind.ends_with(".refunded") || data.status.as_deref() == Some("refunded");
    let begun = kind.ends_with(".created") || kind.ends_with(".started");
    let failed = data.status.as_deref() == Some("failed");
    let fact = match refunded {
        true => Fact::Refunded {
            total: gross,
            currency,
        },
        false => Fact::Paid {
            gross,
            currency,
            at: match created {
                ..=0 => now,
                created => Time::from_ms(created.saturating_mul(1000)),
            },
        },
    };
    if !about_tips || failed || !(refunded || begun || is_old) {
        return Ok((Heard::Nothing, print));
    }
    let giver = Giver {
        name: data.supporter_name.unwrap_or_default(),
        email: data.supporter_email.unwrap_or_default(),
        message: data.support_note.unwrap_or_default(),
        ..Giver::default()
    };
    let heard = Heard::Tip {
        external,
        giver: Box::new(giver),
        fact,
    };
    Ok((heard, print))
}

#[cfg(test)]
mod tests;
