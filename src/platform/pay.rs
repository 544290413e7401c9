//! Money inside a platform: what an adapter asks before somebody pays, and what it does about money.

use async_trait::async_trait;

use super::SendError;
use crate::model::{Payment, Time, User, phrases};

/// Says whether a payment that somebody is about to make is taken. A platform waits a few seconds for that, so it is
/// asked on a path of its own: no lane, no model, and an answer in any case.
#[async_trait]
pub trait Cashier: Send + Sync {
    /// `Err`: why it is not taken, in a sentence for whoever pays.
    async fn approve(&self, checkout: &Checkout) -> Result<(), String>;
}

/// A payment that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Who pays.
    pub payer: User,
    /// In the smallest unit of the currency.
    pub amount: i64,
    /// As the platform writes it.
    pub currency: String,
    /// What we wrote on the invoice.
    pub payload: String,
}

/// Takes no money at all.
#[derive(Debug, Clone, Copy)]
pub struct NoCashier;

#[async_trait]
impl Cashier for NoCashier {
    async fn approve(&self, _: &Checkout) -> Result<(), String> {
        Err(phrases::NO_PAYMENTS.to_owned())
    }
}

/// What an account can do about money, where its platform has money of its own.
#[async_trait]
pub trait Payments: Send + Sync {
    /// An address that opens a chat with the bot and says `/start WORD` there; `None` while the bot's own name is not known.
    async fn start_link(&self, word: &str) -> Option<String>;

    /// Makes an invoice and gives the address under which it is paid. An invoice that is made twice does no harm:
    /// nobody has paid by it.
    async fn invoice(&self, invoice: &Invoice<'_>) -> Result<String, SendError>;

    /// Gives a charge back whole. One that was given back already is success.
    async fn refund(&self, payer: &User, charge: &str) -> Result<(), SendError>;

    /// What came and went, the oldest first; at most `limit`, at most 100.
    async fn transactions(&self, offset: u64, limit: u64) -> Result<Vec<Transaction>, SendError>;

    /// What the account holds.
    async fn balance(&self) -> Result<i64, SendError>;
}

/// An invoice over the platform's own money.
#[derive(Debug, Clone, Copy)]
pub struct Invoice<'a> {
    /// At most 32 characters.
    pub title: &'a str,
    /// At most 255 characters.
    pub text: &'a str,
    /// What comes back with the payment; at most 128 bytes.
    pub payload: &'a str,
    /// How much of it.
    pub amount: i64,
}

/// Money that came from or went to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The charge, its amount and what stood on the invoice.
    pub payment: Payment,
    /// Who paid, or got it back; `None` where that was no user of the platform.
    pub payer: Option<User>,
    /// Whether it went rather than came.
    pub is_refund: bool,
    /// When.
    pub at: Time,
}
