//! Interactions over REST: the first answer, follow-ups, and the original answer.

use std::time::Instant;

use serde_json::{Value, json};

use super::messages::answer_flags;
use super::rest::{Ask, Reply};
use super::spec::Fault;
use super::state::{Asked, Channel, Deed, EPHEMERAL, Interaction, LOADING, Message, State};

/// The first answer to an interaction.
pub struct Callback {
    id: Interaction,
    token: String,
    kind: u64,
    data: Value,
    with_response: bool,
}

impl Callback {
    pub fn read(ask: &Ask) -> Self {
        Self {
            id: Interaction(ask.id(0)),
            token: ask.text(1).to_owned(),
            kind: ask.body["type"].as_u64().unwrap_or(0),
            data: ask.body["data"].clone(),
            with_response: ask.query.get("with_response").is_some_and(|v| v == "true"),
        }
    }
}

impl State {
    pub fn callback(&mut self, callback: &Callback, ask: &Ask) -> Reply {
        let window = self.config.ack_window;
        let known = self
            .deeds
            .get(&callback.id)
            .filter(|d| d.token == callback.token);
        let Some(deed) = known.filter(|d| d.answered.is_some() || d.at.elapsed() <= window) else {
            if let Some(deed) = self.deeds.get_mut(&callback.id) {
                deed.refused = true;
            }
            return Reply::error(404, 10062, "Unknown interaction");
        };
        if deed.answered.is_some() {
            return Reply::error(400, 40060, "Interaction has already been acknowledged.");
        }
        let deed = deed.clone();
        let made = match self.first_answer(callback, &deed, ask) {
            Ok(made) => made,
            Err(reply) => return reply,
        };
        if let Some(deed) = self.deeds.get_mut(&callback.id) {
            deed.answered = Some((callback.kind, Instant::now()));
            deed.original = made.or(deed.original);
            if callback.kind == 9 {
                deed.modal = Some(callback.data.clone());
            }
        }
        if !callback.with_response {
            return Reply::none();
        }
        self.callback_response(callback, &deed, made)
    }

    /// Does what the first answer says; gives the message that is `@original` from now on.
    fn first_answer(
        &mut self,
        callback: &Callback,
        deed: &Deed,
        ask: &Ask,
    ) -> Result<Option<Message>, Reply> {
        let source = match &deed.asked {
            Asked::Component { message, .. } => Some(*message),
            Asked::Modal { message, .. } => *message,
            Asked::Command { .. } => None,
        };
        let wrong = |state: &mut Self| {
            Err(state.refuse(
                ask,
                &[Fault::new(
                    "type",
                    "BASE_TYPE_CHOICES",
                    "This type does not answer this interaction",
                )],
            ))
        };
        match (callback.kind, source) {
            (4, _) => {
                let message = self.compose_answer(ask, &callback.data, callback.id)?;
                Ok(Some(self.post(deed.channel, message)))
            }
            (5, _) => {
                let me = self.me();
                let mut message = self.draft(me, "");
                message.flags =
                    LOADING | (callback.data["flags"].as_u64().unwrap_or(0) & EPHEMERAL);
                message.interaction = Some(callback.id);
                Ok(Some(self.post(deed.channel, message)))
            }
            (6, Some(source)) => Ok(Some(source)),
            (7, Some(source)) => {
                let reply = self.change(ask, &callback.data, source);
                if reply.status == 200 {
                    Ok(Some(source))
                } else {
                    Err(reply)
                }
            }
            (9, _) if !matches!(deed.asked, Asked::Modal { .. }) => {
                self.open_modal(&callback.data, ask).map(|()| None)
            }
            _ => wrong(self),
        }
    }

    fn open_modal(&mut self, data: &Value, ask: &Ask) -> Result<(), Reply> {
        let rows = data["components"].as_array().map_or(0, Vec::len);
        if !(1..=5).contains(&rows) {
            let fault = Fault::new(
                "data.components",
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 5 in length.",
            );
            return Err(self.refuse(ask, &[fault]));
        }
        Ok(())
    }

    fn compose_answer(
        &mut self,
        ask: &Ask,
        body: &Value,
        id: Interaction,
    ) -> Result<super::state::Stored, Reply> {
        let mut message = self.compose(ask, body)?;
        message.flags = answer_flags(body);
        message.interaction = Some(id);
        Ok(message)
    }

    fn post(&mut self, channel: Channel, message: super::state::Stored) -> Message {
        let id = message.id;
        self.keep(channel, message);
        self.emit_message("MESSAGE_CREATE", channel, id);
        id
    }

    fn callback_response(&self, callback: &Callback, deed: &Deed, made: Option<Message>) -> Reply {
        let kind = match deed.asked {
            Asked::Command { .. } => 2,
            Asked::Component { .. } => 3,
            Asked::Modal { .. } => 5,
        };
        let mut body = json!({"interaction": {"id": callback.id.to_string(), "type": kind}});
        let message = made.and_then(|id| self.stored(id));
        if let Some((channel, message)) = message {
            body["interaction"]["response_message_id"] = json!(message.id.to_string());
            body["interaction"]["response_message_loading"] = json!(message.flags & LOADING != 0);
            body["interaction"]["response_message_ephemeral"] =
                json!(message.flags & EPHEMERAL != 0);
            if matches!(callback.kind, 4 | 7) {
                body["resource"] =
                    json!({"type": callback.kind, "message": self.message_json(channel, message)});
            }
        }
        Reply::ok(body)
    }

    /// The answered interaction that a webhook address names.
    fn webhook(&self, ask: &Ask) -> Result<Interaction, Reply> {
        if ask.id(0) != self.me().0 {
            return Err(Reply::error(404, 10015, "Unknown Webhook"));
        }
        let Some(id) = self.deed_by_token(ask.text(1)) else {
            return Err(Reply::error(401, 50027, "Invalid Webhook Token"));
        };
        let deed = &self.deeds[&id];
        if deed.at.elapsed() > self.config.token_life {
            return Err(Reply::error(401, 50027, "Invalid Webhook Token"));
        }
        if deed.answered.is_none() {
            return Err(Reply::error(404, 10015, "Unknown Webhook"));
        }
        Ok(id)
    }

    pub fn follow_up(&mut self, ask: &Ask) -> Reply {
        let id = match self.webhook(ask) {
            Ok(id) => id,
            Err(reply) => return reply,
        };
        let (channel, original) = (self.deeds[&id].channel, self.deeds[&id].original);
        let loading = original.filter(|m| {
            self.stored(*m)
                .is_some_and(|(_, m)| m.flags & LOADING != 0 && !m.deleted)
        });
        if let Some(waiting) = loading {
            // The first follow-up after a deferred answer becomes that answer.
            return self.change(ask, &ask.body, waiting);
        }
        match self.compose_answer(ask, &ask.body, id) {
            Err(reply) => reply,
            Ok(message) => {
                let message = self.post(channel, message);
                if let Some(deed) = self.deeds.get_mut(&id) {
                    deed.followups.push(message);
                }
                self.one_message(channel, message)
            }
        }
    }

    pub fn webhook_message(&mut self, ask: &Ask) -> Reply {
        let id = match self.webhook(ask) {
            Ok(id) => id,
            Err(reply) => return reply,
        };
        let deed = &self.deeds[&id];
        let channel = deed.channel;
        let wanted = match ask.values.get(2) {
            None => deed.original,
            Some(_) => Some(Message(ask.id(2)))
                .filter(|m| deed.followups.contains(m) || deed.original == Some(*m)),
        };
        let alive = wanted.filter(|m| self.stored(*m).is_some_and(|(_, m)| !m.deleted));
        let Some(message) = alive else {
            return Reply::error(404, 10008, "Unknown Message");
        };
        match ask.operation.method.as_str() {
            "PATCH" => self.change(ask, &ask.body, message),
            "DELETE" => {
                self.erase(channel, message);
                Reply::none()
            }
            _ => self.one_message(channel, message),
        }
    }

    /// Registers an interaction and sends it to the gateway.
    pub fn ask_bot(
        &mut self,
        user: super::state::User,
        channel: Channel,
        asked: Asked,
    ) -> Interaction {
        let id = Interaction(self.snowflake());
        let token = format!(
            "aW50ZXJhY3Rpb246{:x}.{id}",
            id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        );
        let deed = Deed {
            token,
            user,
            channel,
            asked,
            at: Instant::now(),
            answered: None,
            refused: false,
            original: None,
            followups: Vec::new(),
            modal: None,
        };
        self.deeds.insert(id, deed);
        self.emit_interaction(id);
        id
    }
}
