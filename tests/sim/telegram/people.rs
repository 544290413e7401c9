//! What people do: write, edit, press, send files, block, gather in groups.

use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};

use super::account::media_json;
use super::state::{Content, Kind, Person, Press, State, Update, unix_now};
use super::text;
use super::{Chat, Media, Msg, Place, Telegram, User};

/// A file that a person sends.
#[derive(Clone)]
pub struct Upload {
    kind: &'static str,
    name: String,
    mime: String,
    content: Content,
    caption: String,
}

/// What looks like a picture of that size as far as this server looks.
pub fn png(wide: u32, high: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(wide.to_be_bytes());
    bytes.extend(high.to_be_bytes());
    bytes.extend(b"\x08\x02\0\0\0\0\0\0\0\0\0\0\0IEND\xaeB`\x82");
    bytes
}

impl Upload {
    pub fn document(name: &str, mime: &str, bytes: impl Into<Bytes>) -> Self {
        Self::new("document", name, mime, bytes)
    }

    pub fn photo(bytes: impl Into<Bytes>) -> Self {
        Self::new("photo", "photo.jpg", "image/jpeg", bytes)
    }

    pub fn voice(bytes: impl Into<Bytes>) -> Self {
        Self::new("voice", "voice.oga", "audio/ogg", bytes)
    }

    pub fn sticker(bytes: impl Into<Bytes>) -> Self {
        Self::new("sticker", "sticker.webp", "image/webp", bytes)
    }

    fn new(kind: &'static str, name: &str, mime: &str, bytes: impl Into<Bytes>) -> Self {
        let (name, mime) = (name.to_owned(), mime.to_owned());
        let content = Content::Bytes(bytes.into());
        Self {
            kind,
            name,
            mime,
            content,
            caption: String::new(),
        }
    }

    /// A file of this many zero bytes, which takes no memory.
    #[must_use]
    pub fn of_size(self, bytes: u64) -> Self {
        Self {
            content: Content::Zeros(bytes),
            ..self
        }
    }

    #[must_use]
    pub fn caption(self, caption: &str) -> Self {
        Self {
            caption: caption.to_owned(),
            ..self
        }
    }
}

impl Telegram {
    /// A new person with an empty private chat. Ids: 1000, 2000, 3000, …
    pub fn person(&self, name: &str) -> User {
        let mut state = self.inner.lock();
        let id = 1000 * (i64::try_from(state.people.len()).unwrap_or(0) + 1);
        let id = if id >= state.opts.bot_id {
            id + 1000
        } else {
            id
        };
        let person = Person {
            name: name.to_owned(),
            username: format!("{name}_{id}"),
            language: "en".to_owned(),
        };
        state.people.insert(id, person);
        state.add_room(id, Kind::Private, name);
        User { id }
    }

    /// A basic group with the bot in it.
    pub fn group(&self, title: &str) -> Chat {
        self.make(title, Kind::Group)
    }

    /// A supergroup with the bot in it.
    pub fn supergroup(&self, title: &str) -> Chat {
        self.make(title, Kind::Supergroup { forum: false })
    }

    /// A supergroup with topics, the bot in it.
    pub fn forum(&self, title: &str) -> Chat {
        self.make(title, Kind::Supergroup { forum: true })
    }

    fn make(&self, title: &str, kind: Kind) -> Chat {
        self.inner.lock().make_chat(title, kind)
    }

    /// A person opens a topic in a forum.
    pub fn topic(&self, user: User, forum: Chat, name: &str) -> Place {
        let extra = json!({"forum_topic_created": {"name": name, "icon_color": 7_322_096}});
        let id = self.service(user, forum.id, extra);
        let mut state = self.inner.lock();
        let room = state.room_mut(forum.id);
        assert!(
            matches!(room.kind, Kind::Supergroup { forum: true }),
            "topics need a forum"
        );
        room.topics.insert(id, name.to_owned());
        Place {
            chat: forum.id,
            thread: Some(id),
        }
    }

    /// Somebody writes. Returns the message id. `place`: the person themself for the private
    /// chat, a chat, or a topic.
    pub fn says(&self, user: User, place: impl Into<Place>, words: &str) -> i64 {
        self.post(user, place.into(), |msg| words.clone_into(&mut msg.text))
    }

    /// Somebody posts something with further fields of the wire's `Message`, e.g. a forwarded
    /// post (`forward_origin`), a `location` or a `successful_payment`.
    pub fn says_with(
        &self,
        user: User,
        place: impl Into<Place>,
        words: &str,
        fields: Value,
    ) -> i64 {
        let Value::Object(fields) = fields else {
            panic!("fields of a message")
        };
        self.post(user, place.into(), |msg| {
            words.clone_into(&mut msg.text);
            msg.extra = fields;
        })
    }

    /// Sets the language of the person's app (IETF tag).
    pub fn speaks(&self, user: User, language: &str) {
        let mut state = self.inner.lock();
        let person = state.people.get_mut(&user.id).expect("a person");
        language.clone_into(&mut person.language);
    }

    /// Somebody answers a message.
    pub fn replies(&self, user: User, place: impl Into<Place>, to: i64, words: &str) -> i64 {
        self.post(user, place.into(), |msg| {
            words.clone_into(&mut msg.text);
            msg.reply_to = Some(to);
        })
    }

    /// Somebody opens the bot by a deep link.
    pub fn opens_link(&self, user: User, payload: &str) -> i64 {
        self.says(user, user, &format!("/start {payload}"))
    }

    /// Somebody sends a file.
    pub fn sends(&self, user: User, place: impl Into<Place>, upload: Upload) -> i64 {
        let Upload {
            kind,
            name,
            mime,
            content,
            caption,
        } = upload;
        let size = content.len();
        let file_id = self.inner.lock().keep_file(kind, &name, content);
        let media = Media {
            kind: kind.to_owned(),
            name,
            mime,
            file_id,
            size,
        };
        self.post(user, place.into(), |msg| {
            msg.extra = media_json(&media);
            msg.media = Some(media);
            msg.text = caption;
        })
    }

    /// Somebody changes the text of their message.
    pub fn edits(&self, user: User, place: impl Into<Place>, id: i64, words: &str) {
        let chat = place.into().chat;
        let mut state = self.inner.lock();
        let msg = state
            .room_mut(chat)
            .msgs
            .get_mut(&id)
            .expect("a message to edit");
        assert_eq!(msg.from, user.id, "people edit their own messages only");
        words.clone_into(&mut msg.text);
        msg.entities = text::detect(words);
        msg.edits += 1;
        msg.edited_at = Some(Instant::now());
        msg.edit_date = Some(unix_now());
        let msg = msg.clone();
        if state.sees(&msg) {
            let wire = state.message_json(&msg);
            state.push_update("edited_message", chat, wire);
        }
        drop(state);
        self.inner.woke();
    }

    /// Somebody deletes a message for everyone; bots are not told.
    pub fn deletes(&self, place: impl Into<Place>, id: i64) {
        let mut state = self.inner.lock();
        let msg = state.room_mut(place.into().chat).msgs.get_mut(&id);
        msg.expect("a message to delete").deleted = true;
        drop(state);
        self.inner.woke();
    }

    /// Somebody presses the button with this label or data. Returns the press id for `answer`.
    pub fn presses(&self, user: User, place: impl Into<Place>, id: i64, button: &str) -> String {
        let place = place.into();
        let data = {
            let state = self.inner.lock();
            let msg = state
                .room(place.chat)
                .msgs
                .get(&id)
                .expect("a message with buttons");
            let mut buttons = msg.buttons.iter().flatten();
            let found = buttons.find(|b| b.label == button || b.data.as_deref() == Some(button));
            let found = found.unwrap_or_else(|| {
                panic!("no button {button:?} on message {id}: {:?}", msg.buttons)
            });
            found.data.clone().expect("a button with data, not a link")
        };
        self.presses_data(user, place, id, &data)
    }

    /// Presses the button on the bot's latest message in that place that has one of this name.
    pub fn presses_last(&self, user: User, place: impl Into<Place>, button: &str) -> String {
        let place = place.into();
        let found = {
            let state = self.inner.lock();
            let mut messages = state.messages(place).rev().filter(|m| !m.deleted);
            let found = messages.find(|m| m.buttons.iter().flatten().any(|b| b.label == button));
            found.map(|m| m.id)
        };
        let id = found
            .unwrap_or_else(|| panic!("nobody shows a button {button:?}:\n{}", self.render(place)));
        self.presses(user, place, id, button)
    }

    /// A press with any data, also forged or of a keyboard that has gone.
    pub fn presses_data(&self, user: User, place: impl Into<Place>, id: i64, data: &str) -> String {
        let chat = place.into().chat;
        let mut state = self.inner.lock();
        let press = format!("{}{:06}", user.id, state.token());
        let msg = state
            .room(chat)
            .msgs
            .get(&id)
            .expect("a message with buttons")
            .clone();
        let message = if msg.deleted {
            json!({"chat": state.chat_json(chat), "message_id": id, "date": 0})
        } else {
            state.message_json(&msg)
        };
        let query = json!({
            "id": press, "from": state.user_json(user.id), "message": message,
            "chat_instance": format!("{}", chat.wrapping_mul(31)), "data": data,
        });
        let update = state.push_update("callback_query", chat, query);
        state.presses.insert(
            press.clone(),
            Press {
                at: Instant::now(),
                update,
                shown: None,
                refused: None,
                answer: None,
            },
        );
        drop(state);
        self.inner.woke();
        press
    }

    /// The person blocks the bot.
    pub fn blocks(&self, user: User) {
        self.membership(user, user.id, false);
    }

    /// The person lets the bot write again.
    pub fn unblocks(&self, user: User) {
        self.membership(user, user.id, true);
    }

    /// The person adds the bot to a chat.
    pub fn adds_bot(&self, user: User, chat: Chat) {
        self.membership(user, chat.id, true);
    }

    /// The person throws the bot out of a chat.
    pub fn removes_bot(&self, user: User, chat: Chat) {
        self.membership(user, chat.id, false);
    }

    fn membership(&self, user: User, chat: i64, open: bool) {
        let mut state = self.inner.lock();
        let bot = state.user_json(state.opts.bot_id);
        let private = state.room(chat).kind == Kind::Private;
        let member = |is: bool| match (is, private) {
            (true, _) => json!({"status": "member", "user": bot}),
            (false, true) => json!({"status": "kicked", "user": bot, "until_date": 0}),
            (false, false) => json!({"status": "left", "user": bot}),
        };
        let was = state.room(chat).open;
        state.room_mut(chat).open = open;
        let update = json!({
            "chat": state.chat_json(chat), "from": state.user_json(user.id),
            "date": unix_now(), "old_chat_member": member(was), "new_chat_member": member(open),
        });
        state.push_update("my_chat_member", chat, update);
        drop(state);
        self.inner.woke();
    }

    /// A basic group becomes a supergroup with a new id; the old id is dead from here on.
    pub fn migrate_to_supergroup(&self, user: User, group: Chat) -> Chat {
        let (title, new) = {
            let mut state = self.inner.lock();
            let title = state.room(group.id).title.clone();
            let new = state.make_chat(&title, Kind::Supergroup { forum: false });
            (title, new)
        };
        assert!(
            group.id > -1_000_000_000_000,
            "{title} is a supergroup already"
        );
        self.service(user, group.id, json!({"migrate_to_chat_id": new.id}));
        self.inner.lock().room_mut(group.id).migrated_to = Some(new.id);
        self.service(user, new.id, json!({"migrate_from_chat_id": group.id}));
        new
    }

    fn service(&self, user: User, chat: i64, extra: Value) -> i64 {
        let Value::Object(extra) = extra else {
            panic!("fields of a message")
        };
        self.post(user, Place { chat, thread: None }, |msg| {
            msg.service = true;
            msg.text = extra.keys().cloned().collect::<Vec<_>>().join(" ");
            msg.extra = extra;
        })
    }

    /// Queues an update of any shape. A missing `update_id` is filled in. Returns the id.
    pub fn push_raw(&self, mut update: Value) -> i64 {
        let mut state = self.inner.lock();
        let id = update["update_id"]
            .as_i64()
            .unwrap_or(state.last_update + 1);
        update["update_id"] = json!(id);
        state.last_update = state.last_update.max(id);
        state.queue(Update {
            id,
            lane: 0,
            json: update.to_string(),
        });
        drop(state);
        self.inner.woke();
        id
    }

    /// Queues bytes that need not be JSON at all, under the next update id.
    pub fn push_garbage(&self, text: &str) -> i64 {
        let mut state = self.inner.lock();
        state.last_update += 1;
        let id = state.last_update;
        state.queue(Update {
            id,
            lane: 0,
            json: text.to_owned(),
        });
        drop(state);
        self.inner.woke();
        id
    }

    /// Hands an update out once more under its old id, confirmed or not.
    pub fn redeliver(&self, update: i64) {
        let mut state = self.inner.lock();
        let found = state
            .pending
            .iter()
            .chain(&state.past)
            .find(|u| u.id == update)
            .cloned();
        state
            .again
            .push_back(found.expect("an update of the last thousand"));
        drop(state);
        self.inner.woke();
    }

    fn post(&self, user: User, place: Place, fill: impl FnOnce(&mut Msg)) -> i64 {
        let mut state = self.inner.lock();
        let mut msg = Msg::new(place.chat, user.id, Instant::now());
        msg.thread = place.thread;
        fill(&mut msg);
        let id = state.post(msg);
        drop(state);
        self.inner.woke();
        id
    }
}

impl State {
    fn make_chat(&mut self, title: &str, kind: Kind) -> Chat {
        let n = i64::try_from(self.rooms.len()).unwrap_or(0) + 1;
        let id = match kind {
            Kind::Supergroup { .. } => -1_001_000_000_000 - n,
            _ => -100_000 - n,
        };
        self.add_room(id, kind, title);
        Chat { id }
    }

    /// Stores a person's message and tells the bot if it may know.
    fn post(&mut self, mut msg: Msg) -> i64 {
        let private = self.room(msg.chat).kind == Kind::Private;
        if private {
            assert_eq!(msg.chat, msg.from, "a private chat belongs to its person");
            assert!(
                self.room(msg.chat).open,
                "who blocked the bot unblocks it before writing"
            );
        }
        if !msg.service {
            msg.entities = text::detect(&msg.text);
        }
        self.room_mut(msg.chat).begun = true;
        let chat = msg.chat;
        let told = self.sees(&msg);
        let id = self.store(msg);
        if told {
            let wire = self.message_json(&self.room(chat).msgs[&id]);
            let update = self.push_update("message", chat, wire);
            if let Some(msg) = self.room_mut(chat).msgs.get_mut(&id) {
                msg.update = update;
                msg.at = Instant::now();
            }
        }
        id
    }

    /// Whether the bot is told of a person's message.
    fn sees(&self, msg: &Msg) -> bool {
        let room = self.room(msg.chat);
        if !room.open {
            return false;
        }
        if room.kind == Kind::Private || msg.service || !self.opts.privacy {
            return true;
        }
        let replied = msg.reply_to.and_then(|id| room.msgs.get(&id));
        if replied.is_some_and(|m| m.from_bot) {
            return true;
        }
        let wide: Vec<u16> = msg.text.encode_utf16().collect();
        let me = format!("@{}", self.opts.bot_username).to_lowercase();
        msg.entities.iter().any(|e| {
            let marked = slice(&wide, e).to_lowercase();
            match e["type"].as_str() {
                Some("bot_command") => !marked.contains('@') || marked.ends_with(&me),
                Some("mention") => marked == me,
                _ => false,
            }
        })
    }
}

/// The text that an entity marks.
fn slice(wide: &[u16], entity: &Value) -> String {
    let number = |key: &str| usize::try_from(entity[key].as_u64().unwrap_or(0)).unwrap_or(0);
    let start = number("offset").min(wide.len());
    let end = (start + number("length")).min(wide.len());
    String::from_utf16_lossy(&wide[start..end])
}
