//! Stars: invoices, the question before a payment, charges, refunds, the list of all of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::answers::ApiError;
use super::methods::Done;
use super::net::Call;
use super::state::{State, unix_now};
use super::{Msg, Telegram, User};

/// The server breaks a payment off when nobody has answered for so long.
const CHECKOUT: Duration = Duration::from_secs(10);

/// An invoice behind a link; everybody who has the link can pay it, as often as it is approved.
#[derive(Clone)]
pub(super) struct Invoice {
    amount: i64,
    currency: String,
    payload: String,
}

/// A payment that somebody has begun.
pub(super) struct Checkout {
    user: i64,
    invoice: Invoice,
    at: Instant,
    answered: Option<Duration>,
    verdict: Option<Result<String, String>>,
}

/// Money that came or went.
#[derive(Clone, Debug)]
pub struct Charge {
    pub id: String,
    pub user: i64,
    pub amount: i64,
    pub payload: String,
    pub refunded: bool,
    date: i64,
    refunded_at: Option<i64>,
}

/// Everything about money.
#[derive(Default)]
pub(super) struct Till {
    invoices: Vec<Invoice>,
    checkouts: Vec<Checkout>,
    charges: Vec<Charge>,
}

impl Telegram {
    /// Somebody opens an invoice and confirms. Gives the number of the payment that is begun.
    pub fn begins_to_pay(&self, user: User, url: &str) -> usize {
        let mut state = self.inner.lock();
        let slug = url
            .strip_prefix("https://t.me/$inv")
            .expect("a link of an invoice");
        let invoice = state.till.invoices[slug.parse::<usize>().expect("a number")].clone();
        let number = state.ask(user.id, invoice);
        drop(state);
        self.inner.woke();
        number
    }

    /// Somebody whose app was tampered with pays another amount, or for something never asked.
    pub fn begins_to_forge(&self, user: User, amount: i64, currency: &str, payload: &str) -> usize {
        let invoice = Invoice {
            amount,
            currency: currency.to_owned(),
            payload: payload.to_owned(),
        };
        let number = self.inner.lock().ask(user.id, invoice);
        self.inner.woke();
        number
    }

    /// Waits for what becomes of a payment: its charge, or why it was refused.
    pub async fn until_paid(&self, payment: usize) -> Result<String, String> {
        let done = |s: &State| s.till.checkouts[payment].verdict.is_some();
        self.until("an answer to a payment", done).await;
        self.look(|s| s.till.checkouts[payment].verdict.clone().unwrap())
    }

    /// Somebody opens an invoice and pays it.
    pub async fn pays(&self, user: User, url: &str) -> Result<String, String> {
        let payment = self.begins_to_pay(user, url);
        self.until_paid(payment).await
    }

    /// A charge as the server makes it once it was approved; `told` = whether the bot hears of it.
    pub fn charges(&self, user: User, (amount, payload): (i64, &str), told: bool) -> String {
        let invoice = Invoice {
            amount,
            currency: "XTR".to_owned(),
            payload: payload.to_owned(),
        };
        let id = self.inner.lock().charge(user.id, &invoice, told);
        self.inner.woke();
        id
    }

    /// The server gives a charge back by itself and tells the bot.
    pub fn gives_back(&self, charge: &str) {
        let mut state = self.inner.lock();
        state.give_back(charge).expect("a charge");
        drop(state);
        self.inner.woke();
    }

    /// How long each answered question before a payment took.
    pub fn checkout_times(&self) -> Vec<Duration> {
        self.look(|s| {
            s.till
                .checkouts
                .iter()
                .filter_map(|one| one.answered)
                .collect()
        })
    }
}

impl State {
    /// All charges.
    pub fn charges(&self) -> &[Charge] {
        &self.till.charges
    }

    /// What the bot holds in Stars.
    pub fn stars(&self) -> i64 {
        let kept = self.till.charges.iter().filter(|charge| !charge.refunded);
        kept.map(|charge| charge.amount).sum()
    }

    fn ask(&mut self, user: i64, invoice: Invoice) -> usize {
        let number = self.till.checkouts.len();
        let query = json!({
            "id": format!("checkout{number}"), "from": self.user_json(user),
            "currency": invoice.currency, "total_amount": invoice.amount,
            "invoice_payload": invoice.payload,
        });
        self.till.checkouts.push(Checkout {
            user,
            invoice,
            at: Instant::now(),
            answered: None,
            verdict: None,
        });
        let update = self.push_update("pre_checkout_query", user, query);
        assert!(update > 0, "the bot did not ask for pre_checkout_query");
        number
    }

    fn charge(&mut self, user: i64, invoice: &Invoice, told: bool) -> String {
        let id = format!("charge_{}_{user}", self.till.charges.len());
        self.till.charges.push(Charge {
            id: id.clone(),
            user,
            amount: invoice.amount,
            payload: invoice.payload.clone(),
            refunded: false,
            date: unix_now(),
            refunded_at: None,
        });
        if told {
            let paid = json!({
                "currency": invoice.currency, "total_amount": invoice.amount,
                "invoice_payload": invoice.payload, "telegram_payment_charge_id": id,
                "provider_payment_charge_id": "",
            });
            self.tell(user, user, "successful_payment", paid);
        }
        id
    }

    /// A service message of a private chat.
    fn tell(&mut self, chat: i64, from: i64, field: &str, value: Value) {
        let mut msg = Msg::new(chat, from, Instant::now());
        msg.service = true;
        msg.extra.insert(field.to_owned(), value);
        let id = self.store(msg);
        let wire = self.message_json(&self.room(chat).msgs[&id]);
        self.push_update("message", chat, wire);
    }

    fn give_back(&mut self, id: &str) -> Option<()> {
        let charge = self
            .till
            .charges
            .iter_mut()
            .find(|charge| charge.id == id)?;
        charge.refunded = true;
        charge.refunded_at = Some(unix_now());
        let charge = charge.clone();
        let refunded = json!({
            "currency": "XTR", "total_amount": charge.amount, "invoice_payload": charge.payload,
            "telegram_payment_charge_id": charge.id, "provider_payment_charge_id": "",
        });
        let bot = self.opts.bot_id;
        self.tell(charge.user, bot, "refunded_payment", refunded);
        Some(())
    }

    /// The methods about money; `None` = another one.
    pub(super) fn pay(&mut self, call: &Call) -> Option<Done> {
        Some(match call.method.name.as_str() {
            "createInvoiceLink" => self.invoice_link(call),
            "answerPreCheckoutQuery" => self.answer_checkout(call),
            "refundStarPayment" => self.refund(call),
            "getStarTransactions" => Ok(self.transactions(call)),
            "getMyStarBalance" => Ok(json!({"amount": self.stars()})),
            _ => return None,
        })
    }

    fn invoice_link(&mut self, call: &Call) -> Done {
        let within = |key: &str, most: usize| {
            let count = call.text(key).unwrap_or_default().chars().count();
            (1..=most).contains(&count)
        };
        let payload = call.text("payload").unwrap_or_default();
        let prices = call.list("prices");
        let wrong = match (call.text("currency"), prices) {
            _ if !within("title", 32) => Some("INVOICE_TITLE_INVALID"),
            _ if !within("description", 255) => Some("INVOICE_DESCRIPTION_INVALID"),
            _ if !(1..=128).contains(&payload.len()) => Some("INVOICE_PAYLOAD_INVALID"),
            (Some("XTR"), [_]) => None,
            (Some("XTR"), _) => Some("STARS_INVOICE_INVALID"),
            (_, _) => Some("CURRENCY_INVALID"),
        };
        let provider = call.text("provider_token").unwrap_or_default();
        let amount = prices.first().and_then(|price| price["amount"].as_i64());
        let amount = amount.unwrap_or_default();
        let wrong = wrong
            .or((!provider.is_empty()).then_some("PAYMENT_PROVIDER_INVALID"))
            .or((!(1..=100_000).contains(&amount)).then_some("STARS_AMOUNT_INVALID"));
        if let Some(wrong) = wrong {
            self.violation(format!("createInvoiceLink: {wrong}"));
            return Err(ApiError::bad(wrong));
        }
        let number = self.till.invoices.len();
        self.till.invoices.push(Invoice {
            amount,
            currency: "XTR".to_owned(),
            payload: payload.to_owned(),
        });
        Ok(json!(format!("https://t.me/$inv{number}")))
    }

    fn answer_checkout(&mut self, call: &Call) -> Done {
        const GONE: &str = "query is too old and response timeout expired or query ID is invalid";
        let id = call.text("pre_checkout_query_id").unwrap_or_default();
        let number = id
            .strip_prefix("checkout")
            .and_then(|id| id.parse::<usize>().ok());
        let found = number.and_then(|number| self.till.checkouts.get_mut(number));
        let Some(checkout) = found.filter(|one| one.verdict.is_none()) else {
            return Err(ApiError::bad(GONE));
        };
        let took = checkout.at.elapsed();
        checkout.answered = Some(took);
        if took > CHECKOUT {
            checkout.verdict = Some(Err("BOT_PRECHECKOUT_TIMEOUT".to_owned()));
            self.violation("answerPreCheckoutQuery: after more than ten seconds");
            return Err(ApiError::bad(GONE));
        }
        let (user, invoice) = (checkout.user, checkout.invoice.clone());
        let reason = call.text("error_message").unwrap_or_default().to_owned();
        let verdict = match (call.flag("ok"), reason.is_empty()) {
            (true, _) => Ok(self.charge(user, &invoice, true)),
            (false, false) => Err(reason),
            (false, true) => {
                self.violation("answerPreCheckoutQuery: a refusal without a reason");
                return Err(ApiError::bad("error message is required"));
            }
        };
        let found = number.and_then(|number| self.till.checkouts.get_mut(number));
        found.expect("it was there").verdict = Some(verdict);
        Ok(json!(true))
    }

    fn refund(&mut self, call: &Call) -> Done {
        let id = call.text("telegram_payment_charge_id").unwrap_or_default();
        let user = call.int("user_id").unwrap_or_default();
        let charge = self.till.charges.iter().find(|charge| charge.id == id);
        match charge {
            None => Err(ApiError::bad("CHARGE_NOT_FOUND")),
            Some(charge) if charge.user != user => Err(ApiError::bad("USER_ID_INVALID")),
            Some(charge) if charge.refunded => Err(ApiError::bad("CHARGE_ALREADY_REFUNDED")),
            Some(_) => {
                let id = id.to_owned();
                self.give_back(&id);
                Ok(json!(true))
            }
        }
    }

    /// Every charge, and every refund as an entry of its own with the same id, in the order of time.
    fn transactions(&self, call: &Call) -> Value {
        let partner = |charge: &Charge| {
            json!({"type": "user", "transaction_type": "invoice_payment",
                "user": self.user_json(charge.user), "invoice_payload": charge.payload})
        };
        let mut all = Vec::new();
        for charge in &self.till.charges {
            all.push((
                charge.date,
                json!({"id": charge.id, "amount": charge.amount,
                "date": charge.date, "source": partner(charge)}),
            ));
            if let Some(date) = charge.refunded_at {
                all.push((
                    date,
                    json!({"id": charge.id, "amount": charge.amount,
                    "date": date, "receiver": partner(charge)}),
                ));
            }
        }
        all.sort_by_key(|(date, _)| *date);
        let skip = usize::try_from(call.int("offset").unwrap_or(0)).unwrap_or(0);
        let most = usize::try_from(call.int("limit").unwrap_or(100)).unwrap_or(100);
        let page = all.into_iter().skip(skip).take(most.clamp(1, 100));
        let page: Vec<_> = page.map(|(_, one)| one).collect();
        json!({ "transactions": page })
    }
}
