//! Stripe: payments by card, what was kept of them, balance and payouts.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HeaderName, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::model::{Currency, Failure, Money, Time};

/// Stripe answers within a second or two; a card network behind it may be slow.
const ANSWER: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(5);
/// Most items of a list, by the reference.
const PAGE: usize = 100;

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It may work later; a request with the same key is done once however often it is sent.
    #[error("Stripe does not answer: {why}")]
    Later {
        why: String,
        after: Option<Duration>,
    },
    /// It will never work like this.
    #[error("Stripe refuses: {0}")]
    Refused(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Later { after, .. } => Self::Retry {
                cause: error.into(),
                after,
            },
            Error::Refused(_) => Self::GiveUp(error.into()),
        }
    }
}

/// The account of one secret key; cheap to clone.
#[derive(Clone)]
pub struct Stripe {
    client: Client,
    base: String,
    key: String,
}

/// A page on which somebody pays once.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// What comes back with every event about it.
    pub tip: &'a str,
    pub artist: &'a str,
    /// What stands on the page and on the receipt.
    pub name: &'a str,
    pub gross: Money,
    /// Where somebody lands who has paid.
    pub thanks: &'a str,
}

/// What an account holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Can be paid out.
    pub available: Vec<Money>,
    /// Came, and cannot be paid out yet.
    pub pending: Vec<Money>,
    /// Was paid out, as far as the last hundred payouts tell.
    pub withdrawn: Vec<Money>,
}

/// A payment as Stripe lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub id: String,
    /// Its payment, by which tips are called; the charge itself where there is none.
    pub payment: String,
    pub gross: Money,
    pub refunded: i64,
    pub paid: bool,
    /// What we wrote on it.
    pub tip: Option<String>,
    /// What Stripe kept, where that is known and in the same currency.
    pub fee: Option<i64>,
    pub at: Time,
}

#[derive(Deserialize)]
struct SessionMade {
    url: Option<String>,
}

#[derive(Deserialize)]
struct Amount {
    amount: i64,
    currency: String,
}

impl Amount {
    fn money(self) -> Option<Money> {
        let currency: Currency = self.currency.parse().ok()?;
        let minor = self.amount;
        Some(Money { minor, currency })
    }
}

#[derive(Deserialize)]
struct BalanceTold {
    available: Vec<Amount>,
    pending: Vec<Amount>,
}

#[derive(Deserialize)]
struct List<T> {
    data: Vec<T>,
    #[serde(default)]
    has_more: bool,
}

#[derive(Deserialize)]
struct Payout {
    #[serde(flatten)]
    amount: Amount,
    status: String,
}

#[derive(Deserialize)]
struct Intent {
    #[serde(default)]
    latest_charge: Option<ChargeTold>,
}

#[derive(Deserialize)]
struct ChargeTold {
    id: String,
    #[serde(flatten)]
    amount: Amount,
    #[serde(default)]
    amount_refunded: i64,
    #[serde(default)]
    paid: bool,
    #[serde(default)]
    created: i64,
    #[serde(default)]
    payment_intent: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    balance_transaction: Option<BalanceTransaction>,
}

/// An id, unless the whole was asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum BalanceTransaction {
    Whole { fee: i64, currency: String },
    Id(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Refusal {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    code: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

impl Stripe {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(base: &str, key: &str) -> anyhow::Result<Self> {
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(Policy::none())
            .build()?;
        Ok(Self {
            client,
            base: base.trim_end_matches('/').to_owned(),
            key: key.to_owned(),
        })
    }

    /// Makes a page on which somebody pays once, and gives its address. The same tip gives the same page.
    pub async fn checkout(&self, session: &NewSession<'_>) -> Result<String, Error> {
        let NewSession {
            tip,
            artist,
            name,
            gross,
            thanks,
        } = session;
        let (minor, currency) = (
            gross.minor.to_string(),
            gross.currency.code().to_lowercase(),
        );
        // What stands on the session does not stand on its charge, which refunds and disputes speak of.
        let form = [
            ("mode", "payment"),
            ("submit_type", "donate"),
            ("success_url", thanks),
            ("client_reference_id", tip),
            ("metadata[tip_id]", tip),
            ("metadata[artist_id]", artist),
            ("payment_intent_data[metadata][tip_id]", tip),
            ("payment_intent_data[metadata][artist_id]", artist),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", &currency),
            ("line_items[0][price_data][unit_amount]", &minor),
            ("line_items[0][price_data][product_data][name]", name),
        ];
        let request = self.request(Method::POST, "checkout/sessions");
        let key = HeaderName::from_static("idempotency-key");
        let request = request.header(key, format!("toney-{tip}")).form(&form);
        let SessionMade { url } = answered(request).await?;
        url.ok_or_else(|| Error::Refused("the session has no page".to_owned()))
    }

    /// What the account holds.
    pub async fn balance(&self) -> Result<Balance, Error> {
        let told: BalanceTold = answered(self.request(Method::GET, "balance")).await?;
        let request = self.request(Method::GET, "payouts");
        let payouts: List<Payout> = answered(request.query(&[("limit", PAGE)])).await?;
        let mut withdrawn: BTreeMap<Currency, i64> = BTreeMap::new();
        let paid = payouts.data.into_iter().filter(|one| one.status == "paid");
        for Money { minor, currency } in paid.filter_map(|one| one.amount.money()) {
            let sum = withdrawn.entry(currency).or_default();
            *sum = sum.saturating_add(minor);
        }
        let all = |amounts: Vec<Amount>| amounts.into_iter().filter_map(Amount::money).collect();
        let withdrawn = withdrawn.into_iter();
        Ok(Balance {
            available: all(told.available),
            pending: all(told.pending),
            withdrawn: withdrawn
                .map(|(currency, minor)| Money { minor, currency })
                .collect(),
        })
    }

    /// The charge of a payment, with what Stripe kept of it.
    pub async fn charge_of(&self, payment: &str) -> Result<Option<Charge>, Error> {
        let path = format!("payment_intents/{payment}");
        let request = self.request(Method::GET, &path);
        let expand = [("expand[]", "latest_charge.balance_transaction")];
        let intent: Intent = answered(request.query(&expand)).await?;
        Ok(intent.latest_charge.and_then(charge))
    }

    /// Charges, the newest first, with the id behind which the next page begins, if there is one.
    pub async fn charges(
        &self,
        after: Option<&str>,
    ) -> Result<(Vec<Charge>, Option<String>), Error> {
        let request = self.request(Method::GET, "charges");
        let mut query = vec![
            ("limit", PAGE.to_string()),
            ("expand[]", "data.balance_transaction".to_owned()),
        ];
        query.extend(after.map(|after| ("starting_after", after.to_owned())));
        let told: List<ChargeTold> = answered(request.query(&query)).await?;
        let last = told.data.last().map(|charge| charge.id.clone());
        let next = last.filter(|_| told.has_more);
        Ok((told.data.into_iter().filter_map(charge).collect(), next))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/v1/{path}", self.base);
        self.client.request(method, url).bearer_auth(&self.key)
    }
}

fn charge(told: ChargeTold) -> Option<Charge> {
    let ChargeTold {
        id,
        amount,
        amount_refunded,
        paid,
        created,
        payment_intent,
        mut metadata,
        balance_transaction,
    } = told;
    let gross = amount.money()?;
    let fee = match balance_transaction {
        Some(BalanceTransaction::Whole { fee, currency }) => {
            (currency.parse() == Ok(gross.currency)).then_some(fee)
        }
        Some(BalanceTransaction::Id(serde::de::IgnoredAny)) | None => None,
    };
    Some(Charge {
        payment: payment_intent.unwrap_or_else(|| id.clone()),
        id,
        gross,
        refunded: amount_refunded,
        paid,
        tip: metadata.remove("tip_id"),
        fee,
        at: Time::from_ms(created.saturating_mul(1000)),
    })
}

/// The address of the request is taken off every error; the key stands in none.
async fn answered<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Error> {
    let later = |error: reqwest::Error| Error::Later {
        why: error.without_url().to_string(),
        after: None,
    };
    let response = request.send().await.map_err(later)?;
    let status = response.status();
    let wait = response.headers().get(RETRY_AFTER);
    let wait = wait.and_then(|value| value.to_str().ok()?.parse().ok());
    let body = response.bytes().await.map_err(later)?;
    if status.is_success() {
        let read = serde_json::from_slice(&body);
        return read.map_err(|_| Error::Refused("an answer of another shape".to_owned()));
    }
    let reason = serde_json::from_slice::<Refusal>(&body).ok();
    let reason = reason.and_then(|told| told.error.code.or(told.error.kind));
    let why = format!("{} {}", status.as_u16(), reason.unwrap_or_default());
    // 409: a request with the same key is still under way.
    match status.as_u16() {
        409 | 429 | 500.. => Err(Error::Later {
            why,
            after: wait.map(Duration::from_secs),
        }),
        _ => Err(Error::Refused(why)),
    }
}
