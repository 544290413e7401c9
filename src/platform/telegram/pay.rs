//! Stars: invoices, refunds, what came and went.
//!
//! An invoice is made by `createInvoiceLink` and sent as an ordinary message with a button, rather than by
//! `sendInvoice`: what became of a lost ordinary message is found by an edit to the same text, while an invoice that
//! was sent has no text that could be edited. A link that is made twice does no harm; each charge is approved and
//! booked by itself.

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::Telegram;
use super::call::{self, CallError};
use super::outgoing;
use crate::model::{Currency, Payment, Time, User};
use crate::platform::{Invoice, Payments, SendError, Transaction};

/// Longest title and description of an invoice, in characters, by the Bot API.
const TITLE: usize = 32;
const TEXT: usize = 255;

/// An answer comes within a second; this leaves room for a slow server.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(10);

#[derive(Deserialize)]
struct Transactions {
    transactions: Vec<StarTransaction>,
}

#[derive(Deserialize)]
struct StarTransaction {
    id: String,
    amount: i64,
    #[serde(default)]
    date: i64,
    #[serde(default)]
    source: Option<Value>,
    #[serde(default)]
    receiver: Option<Value>,
}

#[derive(Deserialize)]
struct Amount {
    amount: i64,
}

impl Telegram {
    async fn ask<R: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        fields: &Value,
    ) -> Result<R, CallError> {
        let body = self.api().ask(method, fields, ANSWER).await?;
        serde_json::from_str(call::result(&body)?.get())
            .map_err(|_| CallError::Nonsense(format!("{method} answered with something else")))
    }
}

#[async_trait]
impl Payments for Telegram {
    async fn start_link(&self, word: &str) -> Option<String> {
        let me = self.me().await.ok()?;
        (!me.username.is_empty()).then(|| format!("https://t.me/{}?start={word}", me.username))
    }

    async fn invoice(&self, invoice: &Invoice<'_>) -> Result<String, SendError> {
        let Invoice {
            title,
            text,
            payload,
            amount,
        } = invoice;
        let title: String = title.chars().take(TITLE).collect();
        let text: String = text.chars().take(TEXT).collect();
        // Stars are sold by Telegram itself: the token of a provider stays empty, and there is exactly one price.
        let fields = json!({
            "title": title,
            "description": text,
            "payload": payload,
            "provider_token": "",
            "currency": Currency::STARS,
            "prices": [{"label": title, "amount": amount}],
        });
        let made = self.ask("CreateInvoiceLink", &fields).await;
        made.map_err(outgoing::sort)
    }

    async fn refund(&self, payer: &User, charge: &str) -> Result<(), SendError> {
        let Some(user) = payer.number() else {
            let why = "the payer is no user of Telegram".to_owned();
            return Err(SendError::Rejected(why));
        };
        let user: i64 = user;
        let fields = json!({"user_id": user, "telegram_payment_charge_id": charge});
        match self.ask::<IgnoredAny>("RefundStarPayment", &fields).await {
            Ok(IgnoredAny) => Ok(()),
            Err(CallError::Refused { description, .. })
                if description.contains("CHARGE_ALREADY_REFUNDED") =>
            {
                Ok(())
            }
            Err(error) => Err(outgoing::sort(error)),
        }
    }

    async fn transactions(&self, offset: u64, limit: u64) -> Result<Vec<Transaction>, SendError> {
        let fields = json!({"offset": offset, "limit": limit.clamp(1, 100)});
        let found = self.ask("GetStarTransactions", &fields).await;
        let Transactions { transactions } = found.map_err(outgoing::sort)?;
        Ok(transactions.into_iter().map(transaction).collect())
    }

    async fn balance(&self) -> Result<i64, SendError> {
        let found = self.ask("GetMyStarBalance", &json!({})).await;
        let Amount { amount } = found.map_err(outgoing::sort)?;
        Ok(amount)
    }
}

/// The other side of a transaction stands as its source when money came, and as its receiver when it went.
fn transaction(found: StarTransaction) -> Transaction {
    let StarTransaction {
        id,
        amount,
        date,
        source,
        receiver,
    } = found;
    let is_refund = source.is_none();
    let partner = source.or(receiver).unwrap_or_default();
    let is_user = partner.get("type").and_then(Value::as_str) == Some("user");
    let user = partner.pointer("/user/id").and_then(Value::as_i64);
    let payload = partner.get("invoice_payload").and_then(Value::as_str);
    Transaction {
        payment: Payment {
            charge: id,
            amount,
            currency: Currency::STARS.to_string(),
            payload: payload.unwrap_or_default().to_owned(),
        },
        payer: user.filter(|_| is_user).map(User::new),
        is_refund,
        at: Time::from_ms(date.saturating_mul(1000)),
    }
}
