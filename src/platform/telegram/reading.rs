use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::incoming::{
    CallbackQuery, Card, Chat, ChatMember, ChatMemberUpdated, Message, Numbered, PreCheckoutQuery,
    Replied, Update, User, kind,
};
use super::words::{self, Told};
use super::{NAME, counts_per_bot};
use crate::model::{
    self, Address, Clock, Inbound, Membership, Payment, Sender, Setting, Thread, Time, What,
};
use crate::platform::Checkout;

/// Who we are there, as `getMe` says.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct Me {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) username: String,
}

/// Turns updates into our nouns.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) bot: Arc<str>,
    pub(super) platform: Arc<str>,
    pub(super) me: Me,
    pub(super) clock: Clock,
}

/// What came of reading one update.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Its number; none if even that could not be read.
    pub(super) update: Option<i64>,
    /// What it says, if it says something to us.
    pub(super) inbound: Option<Inbound>,
    /// The press that Telegram wants to hear was received.
    pub(super) press: Option<String>,
    /// The payment that Telegram asks about.
    pub(super) asking: Option<Asking>,
    /// A message id of a chat whose ids count up per bot.
    pub(super) id: Option<i64>,
}

/// Somebody is about to pay, and Telegram asks whether that is right.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asking {
    /// The question's own id.
    pub(super) id: String,
    /// What is to be paid, as far as that could be read.
    pub(super) checkout: Option<Checkout>,
}

/// Why an update says nothing to us; the name it is counted under.
type Skip = &'static str;

impl Reader {
    /// Reads one update. What cannot be read is counted and skipped, never an error.
    pub(super) fn read(&self, raw: &str) -> Reading {
        let Ok(update) = serde_json::from_str::<Update<'_>>(raw) else {
            skipped("malformed");
            // A number that can be read at all must move on, or the same update would come for ever.
            let number = serde_json::from_str::<Numbered>(raw).ok();
            let update = number.map(|numbered| numbered.update_id);
            return Reading {
                update,
                ..Reading::default()
            };
        };
        let mut reading = Reading {
            update: Some(update.update_id),
            ..Reading::default()
        };
        match self.sort(&update, raw, &mut reading) {
            Ok(inbound) => reading.inbound = inbound,
            Err(why) => skipped(why),
        }
        reading
    }

    fn sort(
        &self,
        update: &Update<'_>,
        raw: &str,
        reading: &mut Reading,
    ) -> Result<Option<Inbound>, Skip> {
        let Update {
            update_id,
            message,
            edited_message,
            callback_query,
            my_chat_member,
            pre_checkout_query,
        } = update;
        if let Some(raw) = message {
            return self.message(*update_id, raw, reading).map(Some);
        }
        if let Some(raw) = edited_message {
            return self
                .edited(*update_id, &parse(raw, "edited_message_malformed")?)
                .map(Some);
        }
        if let Some(raw) = callback_query {
            let query = parse::<CallbackQuery>(raw, "callback_query_malformed")?;
            reading.press = Some(query.id.clone());
            return self.press(*update_id, query).map(Some);
        }
        if let Some(raw) = my_chat_member {
            let change = parse::<ChatMemberUpdated>(raw, "my_chat_member_malformed")?;
            return Ok(Some(self.membership(*update_id, &change)));
        }
        if let Some(raw) = pre_checkout_query {
            let query = parse::<PreCheckoutQuery>(raw, "pre_checkout_query_malformed")?;
            reading.asking = Some(asking(query));
            return Ok(None);
        }
        Err(kind(raw))
    }

    fn message(&self, update: i64, raw: &RawValue, reading: &mut Reading) -> Result<Inbound, Skip> {
        let Ok(message) = serde_json::from_str::<Message>(raw.get()) else {
            // Money must not be lost over a field that we do not understand.
            return self.rescue(update, raw.get()).ok_or("message_malformed");
        };
        if counts_per_bot(message.chat.id) {
            reading.id = Some(message.message_id);
        }
        // Money counts wherever it was paid.
        if let Some(what) = money(raw.get()) {
            let sender = sender(&message).unwrap_or_else(|_| chat_as_sender(&message.chat));
            return Ok(self.inbound(update, &message, sender, (true, what)));
        }
        if message.successful_payment.is_some() || message.refunded_payment.is_some() {
            tracing::error!(
                update.id = update,
                "Telegram told of money in a way that cannot be read: look after it"
            );
            return Err("payment_malformed");
        }
        if message.business_connection_id.is_some() || message.guest_query_id.is_some() {
            return Err("message_of_others");
        }
        if let Some(to) = message.migrate_to_chat_id {
            let what = What::Migrated {
                to: model::Chat::new(to),
            };
            let sender = sender(&message).unwrap_or_else(|_| chat_as_sender(&message.chat));
            return Ok(self.inbound(update, &message, sender, (false, what)));
        }
        let sender = sender(&message)?;
        let Told { what, meant } = words::told(&message, &self.me)?;
        let addressed = message.chat.is_private() || meant || self.is_answered(&message);
        Ok(self.inbound(update, &message, sender, (addressed, what)))
    }

    fn edited(&self, update: i64, message: &Message) -> Result<Inbound, Skip> {
        if message.business_connection_id.is_some() || message.guest_query_id.is_some() {
            return Err("message_of_others");
        }
        let sender = sender(message)?;
        let (text, meant) = words::edited(message, &self.me).ok_or("edited_without_words")?;
        let addressed = message.chat.is_private() || meant || self.is_answered(message);
        Ok(self.inbound(update, message, sender, (addressed, What::Edited { text })))
    }

    fn press(&self, update: i64, query: CallbackQuery) -> Result<Inbound, Skip> {
        let CallbackQuery {
            id: _,
            from,
            message,
            data,
        } = query;
        let Card {
            message_id,
            chat,
            message_thread_id,
            is_topic_message,
        } = message.ok_or("press_without_message")?;
        let data = data.ok_or("press_without_data")?;
        let card = Some(model::Message::new(message_id));
        let thread = message_thread_id.filter(|_| is_topic_message == Some(true));
        Ok(Inbound {
            forwarded: false,
            key: self.key(update),
            address: self.address(chat.id, thread),
            setting: setting(&chat),
            sender: person(&from),
            at: self.clock.now(),
            order: update,
            addressed: true,
            message: card.clone(),
            reply_to: None,
            interaction: None,
            what: What::Press {
                data,
                values: Vec::new(),
                card,
            },
        })
    }

    fn membership(&self, update: i64, change: &ChatMemberUpdated) -> Inbound {
        let ChatMemberUpdated {
            chat,
            from,
            date,
            new_chat_member,
        } = change;
        Inbound {
            forwarded: false,
            key: self.key(update),
            address: self.address(chat.id, None),
            setting: setting(chat),
            sender: person(from),
            at: Time::from_ms(date.saturating_mul(1000)),
            order: update,
            addressed: chat.is_private(),
            message: None,
            reply_to: None,
            interaction: None,
            what: What::Membership {
                change: standing(new_chat_member),
            },
        }
    }

    /// Reads a payment out of a message of which only the raw text can be relied on.
    fn rescue(&self, update: i64, raw: &str) -> Option<Inbound> {
        let what = money(raw)?;
        let value = serde_json::from_str::<Value>(raw).ok()?;
        let number = |path: &str| value.pointer(path).and_then(Value::as_i64);
        let payer = number("/from/id").or_else(|| number("/chat/id"))?;
        let chat = number("/chat/id").unwrap_or(payer);
        let name = value.pointer("/from/first_name").and_then(Value::as_str);
        let sent = number("/date").map(|date| Time::from_ms(date.saturating_mul(1000)));
        Some(Inbound {
            forwarded: false,
            key: self.key(update),
            address: self.address(chat, None),
            setting: if chat > 0 {
                Setting::Direct
            } else {
                Setting::Group
            },
            sender: Sender {
                user: model::User::new(payer),
                name: words::clean(name.unwrap_or_default()),
                language: None,
            },
            at: sent.unwrap_or_else(|| self.clock.now()),
            order: update,
            addressed: true,
            message: number("/message_id").map(model::Message::new),
            reply_to: None,
            interaction: None,
            what,
        })
    }

    fn inbound(
        &self,
        update: i64,
        message: &Message,
        sender: Sender,
        (addressed, what): (bool, What),
    ) -> Inbound {
        Inbound {
            forwarded: message.forward_origin.is_some(),
            key: self.key(update),
            address: self.address(message.chat.id, topic(message)),
            setting: setting(&message.chat),
            sender,
            at: Time::from_ms(message.date.saturating_mul(1000)),
            order: update,
            addressed,
            message: Some(model::Message::new(message.message_id)),
            reply_to: replied(message).map(|replied| model::Message::new(replied.message_id)),
            interaction: None,
            what,
        }
    }

    fn is_answered(&self, message: &Message) -> bool {
        replied(message)
            .and_then(|replied| replied.from.as_ref())
            .is_some_and(|from| from.id == self.me.id)
    }

    fn key(&self, update: i64) -> String {
        format!("{}:{}:{update}", self.platform, self.bot)
    }

    fn address(&self, chat: i64, thread: Option<i64>) -> Address {
        Address {
            platform: Arc::clone(&self.platform),
            bot: Arc::clone(&self.bot),
            chat: model::Chat::new(chat),
            thread: thread.map(Thread::new),
        }
    }
}

fn skipped(kind: &'static str) {
    metrics::counter!("toney_updates_skipped_total", "platform" => NAME, "kind" => kind)
        .increment(1);
    tracing::debug!(update.kind = kind, "An update of Telegram was skipped.");
}

fn parse<T: DeserializeOwned>(raw: &RawValue, otherwise: Skip) -> Result<T, Skip> {
    serde_json::from_str(raw.get()).map_err(|_| otherwise)
}

/// The topic of a forum. Replies in plain groups carry a thread too, which is none; the General topic
/// carries nothing.
fn topic(message: &Message) -> Option<i64> {
    message
        .message_thread_id
        .filter(|_| message.is_topic_message == Some(true))
}

/// The message that is answered. In a topic everything "answers" the message that opened the topic,
/// which nobody meant.
fn replied(message: &Message) -> Option<&Replied> {
    let root = topic(message);
    message
        .reply_to_message
        .as_ref()
        .filter(|replied| Some(replied.message_id) != root)
}

fn setting(chat: &Chat) -> Setting {
    if chat.is_private() {
        Setting::Direct
    } else {
        Setting::Group
    }
}

fn sender(message: &Message) -> Result<Sender, Skip> {
    let Message {
        from,
        sender_chat,
        is_automatic_forward,
        ..
    } = message;
    if *is_automatic_forward == Some(true) {
        return Err("automatic_forward");
    }
    // Anonymous admins and people who write as their channel come with a placeholder bot in `from`.
    if let Some(chat) = sender_chat {
        return Ok(chat_as_sender(chat));
    }
    match from {
        Some(user) if user.is_bot => Err("message_of_bot"),
        Some(user) => Ok(person(user)),
        None => Err("message_of_nobody"),
    }
}

fn person(user: &User) -> Sender {
    let User {
        id,
        is_bot: _,
        first_name,
        last_name,
        language_code,
    } = user;
    let name = match last_name {
        Some(last) => format!("{first_name} {last}"),
        None => first_name.clone(),
    };
    Sender {
        user: model::User::new(id),
        name: words::clean(name.trim()),
        language: language_code.clone(),
    }
}

fn chat_as_sender(chat: &Chat) -> Sender {
    let Chat { id, kind: _, title } = chat;
    Sender {
        user: model::User::new(id),
        name: words::clean(title.as_deref().unwrap_or_default()),
        language: None,
    }
}

fn standing(member: &ChatMember) -> Membership {
    let ChatMember {
        status,
        is_member,
        can_send_messages,
    } = member;
    match status.as_str() {
        "left" | "kicked" => Membership::Gone,
        "restricted" if *is_member == Some(false) || *can_send_messages == Some(false) => {
            Membership::Gone
        }
        _ => Membership::Back,
    }
}

/// What is to be paid; nothing where a part of it is missing.
fn asking(query: PreCheckoutQuery) -> Asking {
    let PreCheckoutQuery {
        id,
        from,
        currency,
        total_amount,
        invoice_payload,
    } = query;
    let checkout = from.zip(total_amount).zip(invoice_payload);
    let checkout = checkout.map(|((from, amount), payload)| Checkout {
        payer: model::User::new(from.id),
        amount,
        currency: currency.unwrap_or_default(),
        payload,
    });
    Asking { id, checkout }
}

/// Reads what a message says about money, if it does.
fn money(raw: &str) -> Option<What> {
    let value = serde_json::from_str::<Value>(raw).ok()?;
    let read = |name: &str| value.get(name).and_then(payment);
    let paid = read("successful_payment").map(|payment| What::Payment { payment });
    paid.or_else(|| read("refunded_payment").map(|payment| What::Refunded { payment }))
}

/// Reads a payment leniently: only the charge must be there. An amount that is none stays 0, and whoever books it
/// will say so.
fn payment(paid: &Value) -> Option<Payment> {
    let text = |name: &str| paid.get(name).and_then(Value::as_str).map(words::clean);
    let amount = paid.get("total_amount").and_then(Value::as_i64);
    Some(Payment {
        charge: text("telegram_payment_charge_id").filter(|charge| !charge.is_empty())?,
        amount: amount.unwrap_or_default(),
        currency: text("currency").unwrap_or_default(),
        payload: text("invoice_payload").unwrap_or_default(),
    })
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
