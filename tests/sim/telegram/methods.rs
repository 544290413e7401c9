//! What each sending, editing and answering method does to the state.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::answers::ApiError;
use super::net::Call;
use super::state::{Kind, State, unix_now};
use super::{Answer, Button, Media, Msg, text};

pub(super) type Done = Result<Value, ApiError>;

const MAX_TEXT: usize = 4096;
const MAX_CAPTION: usize = 1024;
const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];
const UNMODIFIED: &str = "message is not modified: specified new message content and reply markup \
    are exactly the same as a current content and reply markup of the message";
const TOO_OLD: &str = "query is too old and response timeout expired or query ID is invalid";

impl Call {
    pub(super) fn int(&self, key: &str) -> Option<i64> {
        self.params.get(key).and_then(Value::as_i64)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.params.get(key).and_then(Value::as_str)
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.params
            .get(key)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    pub(super) fn list(&self, key: &str) -> &[Value] {
        self.params
            .get(key)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

impl State {
    /// Applies one call that has passed the checks.
    pub(super) fn dispatch(&mut self, call: &Call) -> Done {
        match call.method.name.as_str() {
            "sendMessage" => self.send_message(call),
            "sendPhoto" => self.send_file(call, "photo"),
            "sendDocument" => self.send_file(call, "document"),
            "sendVoice" => self.send_file(call, "voice"),
            "sendChatAction" => self.send_action(call),
            "editMessageText" => self.edit_text(call),
            "editMessageCaption" => self.edit_caption(call),
            "editMessageReplyMarkup" => self.edit_markup(call),
            "deleteMessage" => self.delete_message(call),
            "answerCallbackQuery" => self.answer_press(call),
            _ => match self.pay(call) {
                Some(done) => done,
                None => self.account(call),
            },
        }
    }

    /// The chat a call names, which must exist.
    pub(super) fn chat_of(&self, call: &Call) -> Result<i64, ApiError> {
        let known = call.chat().and_then(|chat| self.rooms.get(&chat));
        let room = known.ok_or_else(|| ApiError::bad("chat not found"))?;
        match room.migrated_to {
            Some(to) => Err(ApiError::migrated(to)),
            None => Ok(room.id),
        }
    }

    /// The chat a call names, in which the bot may write.
    fn writable(&self, call: &Call) -> Result<i64, ApiError> {
        let chat = self.chat_of(call)?;
        let room = self.room(chat);
        let why = match room.kind {
            Kind::Private if !room.open => "bot was blocked by the user",
            Kind::Private if !room.begun => "bot can't initiate conversation with a user",
            Kind::Group if !room.open => "bot was kicked from the group chat",
            Kind::Supergroup { .. } if !room.open => "bot was kicked from the supergroup chat",
            _ => return Ok(chat),
        };
        Err(ApiError::new(403, format!("Forbidden: {why}")))
    }

    fn send_message(&mut self, call: &Call) -> Done {
        let body = call.text("text").unwrap_or_default();
        let (body, entities) = self.formatted(call, body, "entities")?;
        if text::blank(&body) {
            return Err(ApiError::bad("message text is empty"));
        }
        if text::units(&body) > MAX_TEXT {
            return Err(ApiError::bad("message is too long"));
        }
        let mut msg = self.draft(call)?;
        msg.text = body;
        msg.entities = entities;
        Ok(self.sent_json(msg))
    }

    fn send_file(&mut self, call: &Call, kind: &str) -> Done {
        let caption = call.text("caption").unwrap_or_default();
        let (caption, entities) = self.formatted(call, caption, "caption_entities")?;
        if text::units(&caption) > MAX_CAPTION {
            return Err(ApiError::bad("message caption is too long"));
        }
        let mut msg = self.draft(call)?;
        let (media, extra) = self.uploaded(call, kind)?;
        if kind == "photo" && !self.is_seen(&media) {
            return Err(ApiError::bad("IMAGE_PROCESS_FAILED"));
        }
        if kind == "voice" && !self.is_playable(&media) {
            self.violation("sendVoice: a file that is not played as a voice note");
        }
        msg.text = caption;
        msg.entities = entities;
        msg.media = Some(media);
        msg.extra = extra;
        Ok(self.sent_json(msg))
    }

    fn sent_json(&mut self, msg: Msg) -> Value {
        let chat = msg.chat;
        let id = self.store(msg);
        self.message_json(&self.room(chat).msgs[&id])
    }

    /// The text of a request, checked and cleaned.
    fn formatted(
        &mut self,
        call: &Call,
        body: &str,
        key: &str,
    ) -> Result<(String, Vec<Value>), ApiError> {
        if call.params.contains_key("parse_mode") {
            self.violation("parse_mode is not simulated: send entities");
            return Err(ApiError::bad("parse_mode is not simulated"));
        }
        let entities = call.list(key);
        if let Err(e) = text::check_entities(body, entities) {
            self.violation(format!("{}: {e}", call.method.name));
            return Err(ApiError::bad(e));
        }
        Ok(text::clean(body, entities))
    }

    /// A message of the bot in the chat, thread and place that a call names, still empty.
    fn draft(&mut self, call: &Call) -> Result<Msg, ApiError> {
        let chat = self.writable(call)?;
        let room = self.room(chat);
        let thread = call.int("message_thread_id");
        if let Some(thread) = thread.filter(|t| !room.topics.contains_key(t)) {
            return Err(ApiError::bad(format!(
                "message thread not found ({thread})"
            )));
        }
        let reply = call.params.get("reply_parameters");
        let mut reply_to = reply.and_then(|r| r["message_id"].as_i64());
        let exists = |id: &i64| room.msgs.get(id).is_some_and(|m| !m.deleted);
        if reply_to.is_some_and(|id| !exists(&id)) {
            if reply.is_some_and(|r| r["allow_sending_without_reply"] == true) {
                reply_to = None;
            } else {
                return Err(ApiError::bad("message to be replied not found"));
            }
        }
        let markup = call.params.get("reply_markup").cloned();
        let buttons = self.buttons(markup.as_ref())?;
        Ok(Msg {
            from_bot: true,
            buttons,
            reply_to,
            thread,
            markup,
            ..Msg::new(chat, self.opts.bot_id, call.arrived)
        })
    }

    /// The buttons of an inline keyboard, held to the server's rules.
    fn buttons(&mut self, markup: Option<&Value>) -> Result<Vec<Vec<Button>>, ApiError> {
        let rows = markup.and_then(|m| m["inline_keyboard"].as_array());
        let mut out = Vec::new();
        for row in rows.into_iter().flatten() {
            let row = row.as_array().into_iter().flatten();
            out.push(
                row.map(button)
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|e| {
                        self.violation(format!("inline keyboard: {e}"));
                        ApiError::bad(e)
                    })?,
            );
        }
        if out.iter().map(Vec::len).sum::<usize>() > 100 {
            return Err(ApiError::bad("REPLY_MARKUP_TOO_LONG"));
        }
        Ok(out)
    }

    /// The bot's own message that an edit names.
    fn editable(&self, call: &Call) -> Result<(i64, i64), ApiError> {
        let chat = self.chat_of(call)?;
        let id = call.int("message_id").unwrap_or_default();
        let room = self.room(chat);
        let Some(msg) = room.msgs.get(&id).filter(|m| !m.deleted) else {
            return Err(ApiError::bad("message to edit not found"));
        };
        if !room.open && room.kind != Kind::Private {
            return Err(ApiError::new(
                403,
                "Forbidden: bot is not a member of the group chat",
            ));
        }
        if !msg.from_bot || msg.service {
            return Err(ApiError::bad("message can't be edited"));
        }
        Ok((chat, id))
    }

    fn edit_text(&mut self, call: &Call) -> Done {
        let body = call.text("text").unwrap_or_default();
        let (body, entities) = self.formatted(call, body, "entities")?;
        if text::blank(&body) {
            return Err(ApiError::bad("message text is empty"));
        }
        if text::units(&body) > MAX_TEXT {
            return Err(ApiError::bad("message is too long"));
        }
        let (chat, id) = self.editable(call)?;
        let markup = call.params.get("reply_markup").cloned();
        let buttons = self.buttons(markup.as_ref())?;
        let msg = self.room(chat).msgs[&id].clone();
        if msg.media.is_some() {
            return Err(ApiError::bad("there is no text in the message to edit"));
        }
        if msg.text == body && same(&msg.entities, &entities) && msg.buttons == buttons {
            return Err(ApiError::bad(UNMODIFIED));
        }
        Ok(self.replace(
            call,
            Msg {
                text: body,
                entities,
                buttons,
                markup,
                ..msg
            },
        ))
    }

    /// The words under a file; those of a file without any can be given.
    fn edit_caption(&mut self, call: &Call) -> Done {
        let caption = call.text("caption").unwrap_or_default();
        let (caption, entities) = self.formatted(call, caption, "caption_entities")?;
        if text::units(&caption) > MAX_CAPTION {
            return Err(ApiError::bad("message caption is too long"));
        }
        let (chat, id) = self.editable(call)?;
        let markup = call.params.get("reply_markup").cloned();
        let buttons = self.buttons(markup.as_ref())?;
        let msg = self.room(chat).msgs[&id].clone();
        if msg.media.is_none() {
            return Err(ApiError::bad("there is no caption in the message to edit"));
        }
        if msg.text == caption && same(&msg.entities, &entities) && msg.buttons == buttons {
            return Err(ApiError::bad(UNMODIFIED));
        }
        Ok(self.replace(
            call,
            Msg {
                text: caption,
                entities,
                buttons,
                markup,
                ..msg
            },
        ))
    }

    /// Clients play Opus in Ogg, MP3 and M4A; this server sees the first alone.
    fn is_playable(&self, media: &Media) -> bool {
        let bytes = self.bytes_of(&media.file_id).unwrap_or_default();
        let is_opus = bytes.windows(8).take(80).any(|at| at == b"OpusHead");
        is_opus && bytes.starts_with(b"OggS") && media.mime == "audio/ogg"
    }

    /// A picture as the server takes it: PNG, whose sides add up to 10,000 at most and are not 20 times as long as
    /// one another.
    fn is_seen(&self, media: &Media) -> bool {
        let bytes = self.bytes_of(&media.file_id).unwrap_or_default();
        let side = |at: usize| {
            let four = bytes.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_be_bytes(four))
        };
        let (Some(wide), Some(high)) = (side(16), side(20)) else {
            return false;
        };
        let is_png = bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.ends_with(b"IEND\xaeB`\x82");
        let fits = wide.min(high) > 0 && wide + high <= 10_000;
        is_png && fits && wide.max(high) <= 20 * wide.min(high)
    }

    fn edit_markup(&mut self, call: &Call) -> Done {
        let (chat, id) = self.editable(call)?;
        let markup = call.params.get("reply_markup").cloned();
        let buttons = self.buttons(markup.as_ref())?;
        let msg = self.room(chat).msgs[&id].clone();
        if msg.buttons == buttons {
            return Err(ApiError::bad(UNMODIFIED));
        }
        Ok(self.replace(
            call,
            Msg {
                buttons,
                markup,
                ..msg
            },
        ))
    }

    fn replace(&mut self, call: &Call, mut msg: Msg) -> Value {
        msg.edits += 1;
        msg.edited_at = Some(call.arrived);
        msg.edit_date = Some(unix_now());
        self.edited += 1;
        let out = self.message_json(&msg);
        self.room_mut(msg.chat).msgs.insert(msg.id, msg);
        out
    }

    fn delete_message(&mut self, call: &Call) -> Done {
        let chat = self.chat_of(call)?;
        let id = call.int("message_id").unwrap_or_default();
        let private = self.room(chat).kind == Kind::Private;
        let Some(msg) = self.room_mut(chat).msgs.get_mut(&id).filter(|m| !m.deleted) else {
            return Err(ApiError::bad("message to delete not found"));
        };
        if !msg.from_bot && !private {
            return Err(ApiError::bad("message can't be deleted"));
        }
        msg.deleted = true;
        Ok(json!(true))
    }

    fn send_action(&mut self, call: &Call) -> Done {
        let chat = self.writable(call)?;
        let action = call.text("action").unwrap_or_default();
        if !ACTIONS.contains(&action) {
            return Err(ApiError::bad("wrong parameter action in request"));
        }
        let thread = call.int("message_thread_id");
        let room = self.room_mut(chat);
        if thread.is_some_and(|t| !room.topics.contains_key(&t)) {
            return Err(ApiError::bad("message thread not found"));
        }
        room.actions.push((action.to_owned(), call.arrived));
        Ok(json!(true))
    }

    fn answer_press(&mut self, call: &Call) -> Done {
        let ttl = self.opts.press_ttl;
        let words = call.text("text").map(str::to_owned);
        if words.as_deref().is_some_and(|t| t.chars().count() > 200) {
            return Err(ApiError::bad("MESSAGE_TOO_LONG"));
        }
        let id = call.text("callback_query_id").unwrap_or_default();
        let press = self.presses.get_mut(id);
        let press = press.ok_or_else(|| ApiError::bad(TOO_OLD))?;
        if press.answer.is_some() || press.at.elapsed() > ttl {
            press.refused.get_or_insert_with(Instant::now);
            return Err(ApiError::bad(TOO_OLD));
        }
        press.answer = Some(Answer {
            text: words,
            alert: call.flag("show_alert"),
            url: call.text("url").map(str::to_owned),
            pressed_at: press.at,
            answered_at: Instant::now(),
        });
        Ok(json!(true))
    }
}

fn button(wire: &Value) -> Result<Button, String> {
    let label = wire["text"].as_str().unwrap_or_default();
    if label.trim().is_empty() {
        return Err("text buttons are unallowed to be empty".to_owned());
    }
    let styling = ["text", "icon_custom_emoji_id", "style"];
    let actions = wire.as_object().map_or(0, |m: &Map<String, Value>| {
        m.keys().filter(|k| !styling.contains(&k.as_str())).count()
    });
    if actions != 1 {
        return Err(format!("button {label:?} needs exactly one action"));
    }
    let data = wire["callback_data"].as_str().map(str::to_owned);
    if data.as_ref().is_some_and(|d| !(1..=64).contains(&d.len())) {
        return Err("BUTTON_DATA_INVALID".to_owned());
    }
    let url = wire["url"].as_str().map(str::to_owned);
    if url.as_ref().is_some_and(|u| url::Url::parse(u).is_err()) {
        return Err("BUTTON_URL_INVALID".to_owned());
    }
    Ok(Button {
        label: label.to_owned(),
        data,
        url,
    })
}

/// Whether two entity lists mark the same places, in any order.
fn same(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().all(|e| b.contains(e))
}
