//! Everything the fake Telegram knows: people, chats, messages, updates. One lock around it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::{Value, json};

use super::faults::Faults;
use super::rates::Rates;
use super::spec::spec;
use super::{Chat, Msg, SimOptions, User};

/// A person, as the server knows them.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) username: String,
    pub(super) language: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Private,
    Group,
    Supergroup { forum: bool },
}

/// One chat with all its messages, the deleted ones included.
pub(super) struct Room {
    pub(super) id: i64,
    pub(super) kind: Kind,
    pub(super) title: String,
    pub(super) msgs: BTreeMap<i64, Msg>,
    pub(super) last_id: i64,
    pub(super) topics: BTreeMap<i64, String>,
    /// The bot may write here: it is a member, or the person has not blocked it.
    pub(super) open: bool,
    /// The person has written first.
    pub(super) begun: bool,
    pub(super) migrated_to: Option<i64>,
    pub(super) actions: Vec<(String, Instant)>,
}

/// An answer to a press comes at once if it comes within this time.
const PROMPT: Duration = Duration::from_secs(1);

pub(super) struct Press {
    pub(super) at: Instant,
    /// The update that tells of it, and when it was handed out last.
    pub(super) update: i64,
    pub(super) shown: Option<Instant>,
    /// When an answer came that was too late.
    pub(super) refused: Option<Instant>,
    pub(super) answer: Option<super::Answer>,
}

/// What a file holds; large ones are made up of zeros while they are sent.
#[derive(Clone)]
pub(super) enum Content {
    Bytes(bytes::Bytes),
    Zeros(u64),
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Zeros(n) => *n,
        }
    }
}

#[derive(Clone)]
pub(super) struct Stored {
    pub(super) path: String,
    pub(super) content: Content,
}

/// One update, serialised once.
pub(super) struct Update {
    pub(super) id: i64,
    /// Updates of one lane are delivered one after the other by webhook.
    pub(super) lane: i64,
    pub(super) json: String,
}

pub(super) struct Hook {
    pub(super) url: String,
    pub(super) secret: Option<String>,
    pub(super) max: usize,
    pub(super) last_error: Option<String>,
    pub(super) generation: u64,
}

/// The whole state, also what the conditions of `wait_until` look at.
pub struct State {
    pub(super) opts: SimOptions,
    pub(super) people: BTreeMap<i64, Person>,
    pub(super) rooms: HashMap<i64, Room>,
    /// The last message id of the bot's own box: private chats and basic groups share it.
    pub(super) box_last: i64,
    pub(super) last_update: i64,
    pub(super) pending: VecDeque<Arc<Update>>,
    pub(super) again: VecDeque<Arc<Update>>,
    /// Confirmed updates, kept for redelivery.
    pub(super) past: VecDeque<Arc<Update>>,
    pub(super) allowed: Option<HashSet<String>>,
    pub(super) presses: HashMap<String, Press>,
    pub(super) files: HashMap<String, Stored>,
    pub(super) commands: BTreeMap<String, Value>,
    pub(super) hook: Option<Hook>,
    pub(super) rates: Rates,
    pub(super) faults: Faults,
    pub(super) violations: Vec<String>,
    pub(super) calls: HashMap<String, u64>,
    pub(super) sent: u64,
    pub(super) edited: u64,
    pub(super) poll: u64,
    pub(super) polling: bool,
    pub(super) next_token: u64,
    pub(super) till: super::payments::Till,
}

const KEPT_PAST: usize = 1000;
const QUIET_KINDS: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

impl State {
    pub(super) fn new(opts: SimOptions) -> Self {
        Self {
            people: BTreeMap::new(),
            rooms: HashMap::new(),
            box_last: 0,
            last_update: opts.first_update - 1,
            pending: VecDeque::new(),
            again: VecDeque::new(),
            past: VecDeque::new(),
            allowed: None,
            presses: HashMap::new(),
            files: HashMap::new(),
            commands: BTreeMap::new(),
            hook: None,
            rates: Rates::new(opts.burst),
            faults: Faults::new(opts.seed),
            violations: Vec::new(),
            calls: HashMap::new(),
            sent: 0,
            edited: 0,
            poll: 0,
            polling: false,
            next_token: 0,
            till: super::payments::Till::default(),
            opts,
        }
    }

    pub(super) fn violation(&mut self, text: impl Into<String>) {
        self.violations.push(text.into());
    }

    /// A fresh number for file ids, callback ids and the like.
    pub(super) fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    pub(super) fn room(&self, chat: i64) -> &Room {
        self.rooms
            .get(&chat)
            .unwrap_or_else(|| panic!("chat {chat} was never made"))
    }

    pub(super) fn room_mut(&mut self, chat: i64) -> &mut Room {
        self.rooms
            .get_mut(&chat)
            .unwrap_or_else(|| panic!("chat {chat} was never made"))
    }

    pub(super) fn add_room(&mut self, id: i64, kind: Kind, title: &str) {
        let room = Room {
            id,
            kind,
            title: title.to_owned(),
            msgs: BTreeMap::new(),
            last_id: 0,
            topics: BTreeMap::new(),
            open: true,
            begun: false,
            migrated_to: None,
            actions: Vec::new(),
        };
        self.rooms.insert(id, room);
    }

    /// The id of the next message in this chat. Supergroups count for themselves; all private
    /// chats and basic groups of the bot share one count.
    pub(super) fn next_message_id(&mut self, chat: i64) -> i64 {
        if let Kind::Supergroup { .. } = self.room(chat).kind {
            let room = self.room_mut(chat);
            room.last_id += 1;
            room.last_id
        } else {
            self.box_last += 1;
            self.box_last
        }
    }

    /// Queues an update for the bot, unless `allowed_updates` leaves its kind out.
    /// Returns its id (0 when it was left out).
    pub(super) fn push_update(&mut self, kind: &str, lane: i64, body: Value) -> i64 {
        let wanted = match &self.allowed {
            Some(kinds) => kinds.contains(kind),
            None => !QUIET_KINDS.contains(&kind),
        };
        if !wanted {
            return 0;
        }
        self.last_update += 1;
        let id = self.last_update;
        let mut update = serde_json::Map::new();
        update.insert("update_id".to_owned(), json!(id));
        update.insert(kind.to_owned(), body);
        let update = Value::Object(update);
        if self.opts.check_spec
            && let Err(e) = spec().check_update(&update)
        {
            self.violation(format!("the simulator itself: {e}"));
        }
        self.queue(Update {
            id,
            lane,
            json: update.to_string(),
        });
        id
    }

    pub(super) fn queue(&mut self, update: Update) {
        self.pending.push_back(Arc::new(update));
    }

    /// Drops confirmed updates, keeping the latest for redelivery.
    pub(super) fn confirm(&mut self, below: i64) {
        while self.pending.front().is_some_and(|u| u.id < below) {
            if let Some(update) = self.pending.pop_front() {
                self.keep_past(update);
            }
        }
    }

    pub(super) fn keep_past(&mut self, update: Arc<Update>) {
        if self.past.len() >= KEPT_PAST {
            self.past.pop_front();
        }
        self.past.push_back(update);
    }

    pub(super) fn user_json(&self, id: i64) -> Value {
        if id == self.opts.bot_id {
            return json!({
                "id": id, "is_bot": true, "first_name": self.opts.bot_name,
                "username": self.opts.bot_username,
            });
        }
        let person = &self.people[&id];
        json!({
            "id": id, "is_bot": false, "first_name": person.name,
            "username": person.username, "language_code": person.language,
        })
    }

    pub(super) fn name(&self, id: i64) -> &str {
        match self.people.get(&id) {
            Some(person) => &person.name,
            None => &self.opts.bot_name,
        }
    }

    pub(super) fn chat_json(&self, chat: i64) -> Value {
        let room = self.room(chat);
        match room.kind {
            Kind::Private => {
                let person = &self.people[&chat];
                json!({
                    "id": chat, "type": "private", "first_name": person.name,
                    "username": person.username,
                })
            }
            Kind::Group => json!({"id": chat, "type": "group", "title": room.title}),
            Kind::Supergroup { forum: false } => {
                json!({"id": chat, "type": "supergroup", "title": room.title})
            }
            Kind::Supergroup { forum: true } => json!({
                "id": chat, "type": "supergroup", "title": room.title, "is_forum": true,
            }),
        }
    }

    /// The wire form of a message, with the message it answers one level deep.
    pub(super) fn message_json(&self, msg: &Msg) -> Value {
        let mut out = self.shallow_json(msg);
        let replied = msg
            .reply_to
            .and_then(|id| self.room(msg.chat).msgs.get(&id));
        if let Some(replied) = replied.filter(|m| !m.deleted) {
            out["reply_to_message"] = self.shallow_json(replied);
        }
        out
    }

    fn shallow_json(&self, msg: &Msg) -> Value {
        let mut out = json!({
            "message_id": msg.id,
            "date": msg.date,
            "chat": self.chat_json(msg.chat),
            "from": self.user_json(msg.from),
        });
        if let Some(thread) = msg.thread {
            out["message_thread_id"] = json!(thread);
            out["is_topic_message"] = json!(true);
        }
        if let Some(date) = msg.edit_date {
            out["edit_date"] = json!(date);
        }
        if let Some(markup) = msg
            .markup
            .as_ref()
            .filter(|m| m.get("inline_keyboard").is_some())
        {
            out["reply_markup"] = markup.clone();
        }
        for (key, value) in &msg.extra {
            out[key.as_str()] = value.clone();
        }
        let media = msg.media.is_some();
        if !msg.text.is_empty() && !msg.service {
            out[if media { "caption" } else { "text" }] = json!(msg.text);
        }
        if !msg.entities.is_empty() {
            out[if media {
                "caption_entities"
            } else {
                "entities"
            }] = json!(msg.entities);
        }
        out
    }

    /// Adds a message to its chat and returns its id. Tells nobody.
    pub(super) fn store(&mut self, mut msg: Msg) -> i64 {
        msg.id = self.next_message_id(msg.chat);
        let id = msg.id;
        if msg.from_bot {
            self.sent += 1;
        }
        self.room_mut(msg.chat).msgs.insert(id, msg);
        id
    }
}

/// What conditions and tests may ask.
impl State {
    /// All messages of a chat in order, the deleted ones included.
    pub fn messages(&self, chat: impl Into<super::Place>) -> impl DoubleEndedIterator<Item = &Msg> {
        let place = chat.into();
        let room = self.rooms.get(&place.chat);
        let all = room.into_iter().flat_map(|r| r.msgs.values());
        all.filter(move |m| place.thread.is_none() || m.thread == place.thread)
    }

    /// What the bot wrote in a chat and did not delete, in order.
    pub fn replies(&self, chat: impl Into<super::Place>) -> Vec<&Msg> {
        self.messages(chat)
            .filter(|m| m.from_bot && !m.deleted)
            .collect()
    }

    /// How often a method was called, faulty calls included.
    pub fn calls(&self, method: &str) -> u64 {
        self.calls
            .get(&method.to_ascii_lowercase())
            .copied()
            .unwrap_or(0)
    }

    /// Messages the bot has sent in all chats.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Edits that the bot made to messages.
    pub fn edited(&self) -> u64 {
        self.edited
    }

    /// Updates that the bot has not confirmed.
    pub fn unconfirmed(&self) -> usize {
        self.pending.len() + self.again.len()
    }

    /// The first of the updates that the bot has not confirmed.
    pub fn unconfirmed_first(&self) -> Option<i64> {
        self.pending.front().map(|update| update.id)
    }

    /// Whether a `getUpdates` waits at this moment.
    pub fn polling(&self) -> bool {
        self.polling
    }

    /// The answer to a button press, once the bot gave one.
    pub fn answer(&self, press: &str) -> Option<&super::Answer> {
        self.presses.get(press).and_then(|p| p.answer.as_ref())
    }

    /// Button presses without an answer so far.
    pub fn unanswered(&self) -> usize {
        self.presses.values().filter(|p| p.answer.is_none()).count()
    }

    /// Button presses that nobody took in while they could be answered: the bot tried as soon as it was told.
    pub fn outdated(&self) -> usize {
        let prompt = |p: &&Press| {
            let (Some(shown), Some(refused)) = (p.shown, p.refused) else {
                return false;
            };
            p.answer.is_none() && refused.saturating_duration_since(shown) < PROMPT
        };
        self.presses.values().filter(prompt).count()
    }

    /// Every message of every chat, for measuring; order of chats is arbitrary.
    pub fn all(&self) -> impl Iterator<Item = &Msg> {
        self.rooms.values().flat_map(|r| r.msgs.values())
    }

    /// The chat actions ("typing") shown in a chat, in order.
    pub fn actions(&self, chat: impl Into<super::Place>) -> &[(String, Instant)] {
        self.rooms
            .get(&chat.into().chat)
            .map_or(&[], |r| &r.actions)
    }
}

/// Seconds since 1970.
pub(super) fn unix_now() -> i64 {
    let since = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    i64::try_from(since).unwrap_or(0)
}

impl From<User> for super::Place {
    fn from(user: User) -> Self {
        Self {
            chat: user.id,
            thread: None,
        }
    }
}

impl From<Chat> for super::Place {
    fn from(chat: Chat) -> Self {
        Self {
            chat: chat.id,
            thread: None,
        }
    }
}

impl From<i64> for super::Place {
    fn from(chat: i64) -> Self {
        Self { chat, thread: None }
    }
}
