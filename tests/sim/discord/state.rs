//! Everything the simulated Discord knows, as plain data behind one lock.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Config;
use super::faults::Planned;
use super::gateway::Session;
use super::rates::Rates;

macro_rules! handle {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
handle!(
    /// A user's snowflake.
    User,
    /// A channel's snowflake: a direct channel, a guild's text channel or a thread.
    Channel,
    /// A guild's snowflake.
    Guild,
    /// A message's snowflake.
    Message,
    /// An interaction's snowflake.
    Interaction
);

/// 2015-01-01, the zero of Discord's snowflakes, in milliseconds of Unix time.
const EPOCH_MS: u64 = 1_420_070_400_000;

pub struct Person {
    pub name: String,
    pub bot: bool,
    pub dm: Option<Channel>,
    /// The person does not take messages from the bot (50007).
    pub closed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    Dm(User),
    Text(Guild),
    Thread(Guild, Channel),
}

pub struct Room {
    pub name: String,
    pub place: Place,
    pub messages: Vec<Stored>,
    /// The bot cannot see the channel (50001).
    pub hidden: bool,
    /// The bot cannot write there (50013).
    pub read_only: bool,
}

impl Room {
    pub fn guild(&self) -> Option<Guild> {
        match self.place {
            Place::Dm(_) => None,
            Place::Text(guild) | Place::Thread(guild, _) => Some(guild),
        }
    }

    pub fn message(&self, id: Message) -> Option<&Stored> {
        let index = self.messages.binary_search_by_key(&id, |m| m.id).ok()?;
        self.messages.get(index)
    }

    pub fn message_mut(&mut self, id: Message) -> Option<&mut Stored> {
        let index = self.messages.binary_search_by_key(&id, |m| m.id).ok()?;
        self.messages.get_mut(index)
    }
}

#[derive(Clone, Debug)]
pub struct File {
    pub id: u64,
    pub name: String,
    pub content_type: String,
    pub bytes: Arc<Vec<u8>>,
    pub description: Option<String>,
}

/// One earlier text of a message.
#[derive(Clone, Debug)]
pub struct Edit {
    pub at: Instant,
    pub content: String,
}

#[derive(Clone, Debug)]
pub struct Stored {
    pub id: Message,
    pub author: User,
    pub content: String,
    pub components: Value,
    pub embeds: Value,
    pub files: Vec<File>,
    pub nonce: Option<Value>,
    pub reply_to: Option<Message>,
    pub flags: u64,
    /// Whom the message really notifies, after `allowed_mentions`.
    pub pings: Vec<User>,
    pub pings_everyone: bool,
    pub edits: Vec<Edit>,
    pub deleted: bool,
    pub interaction: Option<Interaction>,
    pub at: Instant,
}

pub const EPHEMERAL: u64 = 1 << 6;
pub const LOADING: u64 = 1 << 7;

#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    Command {
        name: String,
        data: Value,
    },
    Component {
        message: Message,
        custom_id: String,
        data: Value,
    },
    Modal {
        custom_id: String,
        message: Option<Message>,
        data: Value,
    },
}

#[derive(Clone, Debug)]
pub struct Deed {
    pub token: String,
    pub user: User,
    pub channel: Channel,
    pub asked: Asked,
    pub at: Instant,
    /// The type of the first answer and when it came.
    pub answered: Option<(u64, Instant)>,
    /// Whether a first answer came too late.
    pub refused: bool,
    pub original: Option<Message>,
    pub followups: Vec<Message>,
    pub modal: Option<Value>,
}

/// One REST request as it came.
#[derive(Clone, Debug)]
pub struct Call {
    pub route: String,
    pub path: String,
    pub body: Value,
    /// 0 while unanswered or when the connection was dropped.
    pub status: u16,
    pub at: Instant,
}

pub struct State {
    pub config: Config,
    pub url: String,
    pub people: HashMap<User, Person>,
    pub rooms: HashMap<Channel, Room>,
    pub guilds: HashMap<Guild, String>,
    pub files: HashMap<u64, File>,
    pub where_is: HashMap<Message, Channel>,
    pub nonces: HashMap<(User, String), (Message, Instant)>,
    pub deeds: HashMap<Interaction, Deed>,
    pub commands: Vec<Value>,
    pub command_writes: usize,
    pub typing: Vec<(Channel, Instant)>,
    pub sessions: Vec<Session>,
    pub identifies: Vec<Value>,
    pub resumes: usize,
    pub held: Option<Vec<super::gateway::Event>>,
    pub starts_left: u64,
    pub last_start: Option<Instant>,
    pub rates: Rates,
    pub planned: Vec<Planned>,
    pub calls: Vec<Call>,
    pub violations: Vec<String>,
    pub faults_struck: u64,
    pub enabled_intents: u64,
    pub recent_nonces: VecDeque<(User, String, Instant)>,
    last_snowflake: u64,
    last_person: u64,
    started: (Instant, SystemTime),
}

impl State {
    pub fn new(config: Config, url: String) -> Self {
        let mut state = Self {
            rates: Rates::default(),
            starts_left: config.session_starts,
            enabled_intents: config.privileged_intents,
            config,
            url,
            people: HashMap::new(),
            rooms: HashMap::new(),
            guilds: HashMap::new(),
            files: HashMap::new(),
            where_is: HashMap::new(),
            nonces: HashMap::new(),
            deeds: HashMap::new(),
            commands: Vec::new(),
            command_writes: 0,
            typing: Vec::new(),
            sessions: Vec::new(),
            identifies: Vec::new(),
            resumes: 0,
            held: None,
            last_start: None,
            planned: Vec::new(),
            calls: Vec::new(),
            violations: Vec::new(),
            faults_struck: 0,
            recent_nonces: VecDeque::new(),
            last_snowflake: 0,
            last_person: 0,
            started: (Instant::now(), SystemTime::now()),
        };
        let me = state.me();
        let name = state.config.bot_name.clone();
        state.people.insert(
            me,
            Person {
                name,
                bot: true,
                dm: None,
                closed: false,
            },
        );
        state
    }

    pub fn me(&self) -> User {
        User(self.config.application_id)
    }

    /// The next id: unique, rising, with the time in its upper bits like the real ones.
    pub fn snowflake(&mut self) -> u64 {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = (unix.as_millis() as u64).saturating_sub(EPOCH_MS) << 22;
        self.last_snowflake = now.max(self.last_snowflake + 1);
        self.last_snowflake
    }

    /// People's ids stand a thousand apart, so that a mixed-up id shows at once.
    pub fn add_person(&mut self, name: &str) -> User {
        self.last_person += 1000;
        let user = User(200_000_000_000_000_000 + self.last_person);
        self.people.insert(
            user,
            Person {
                name: name.to_owned(),
                bot: false,
                dm: None,
                closed: false,
            },
        );
        user
    }

    pub fn add_room(&mut self, name: &str, place: Place) -> Channel {
        let channel = Channel(self.snowflake());
        let room = Room {
            name: name.to_owned(),
            place,
            messages: Vec::new(),
            hidden: false,
            read_only: false,
        };
        self.rooms.insert(channel, room);
        channel
    }

    /// The direct channel with a person, opened when it does not exist yet.
    pub fn dm(&mut self, user: User) -> Channel {
        if let Some(channel) = self.people[&user].dm {
            return channel;
        }
        let channel = self.add_room("", Place::Dm(user));
        self.people.get_mut(&user).expect("a known person").dm = Some(channel);
        channel
    }

    pub fn room(&self, channel: Channel) -> &Room {
        self.rooms.get(&channel).expect("a known channel")
    }

    pub fn stored(&self, id: Message) -> Option<(Channel, &Stored)> {
        let channel = *self.where_is.get(&id)?;
        Some((channel, self.rooms.get(&channel)?.message(id)?))
    }

    pub fn stored_mut(&mut self, id: Message) -> Option<&mut Stored> {
        let channel = self.where_is.get(&id)?;
        self.rooms.get_mut(channel)?.message_mut(id)
    }

    pub fn keep(&mut self, channel: Channel, message: Stored) {
        self.where_is.insert(message.id, channel);
        for file in &message.files {
            self.files.insert(file.id, file.clone());
        }
        self.rooms
            .get_mut(&channel)
            .expect("a known channel")
            .messages
            .push(message);
    }

    /// A message as a person or the bot writes it, not kept yet.
    pub fn draft(&mut self, author: User, content: &str) -> Stored {
        Stored {
            id: Message(self.snowflake()),
            author,
            content: content.to_owned(),
            components: json!([]),
            embeds: json!([]),
            files: Vec::new(),
            nonce: None,
            reply_to: None,
            flags: 0,
            pings: mentioned(content),
            pings_everyone: false,
            edits: Vec::new(),
            deleted: false,
            interaction: None,
            at: Instant::now(),
        }
    }

    pub fn violate(&mut self, text: impl Into<String>) {
        self.violations.push(text.into());
    }

    /// RFC 3339 text of a moment of the monotonic clock.
    pub fn timestamp(&self, at: Instant) -> String {
        let moment = self.started.1 + at.saturating_duration_since(self.started.0);
        let moment: chrono::DateTime<chrono::Utc> = moment.into();
        moment.to_rfc3339_opts(chrono::SecondsFormat::Micros, false)
    }

    /// The message that carries this enforced nonce, while the window lasts.
    pub fn by_nonce(&mut self, author: User, nonce: &str) -> Option<Message> {
        let window: Duration = self.config.nonce_window;
        while let Some((user, text, at)) = self.recent_nonces.front() {
            if at.elapsed() < window {
                break;
            }
            let key = (*user, text.clone());
            if self
                .nonces
                .get(&key)
                .is_some_and(|(_, since)| since.elapsed() >= window)
            {
                self.nonces.remove(&key);
            }
            self.recent_nonces.pop_front();
        }
        let (message, at) = self.nonces.get(&(author, nonce.to_owned()))?;
        (at.elapsed() < window).then_some(*message)
    }

    pub fn remember_nonce(&mut self, author: User, nonce: String, message: Message) {
        self.recent_nonces
            .push_back((author, nonce.clone(), Instant::now()));
        self.nonces
            .insert((author, nonce), (message, Instant::now()));
    }
}

/// The users that a text mentions as `<@id>` or `<@!id>`, each once.
pub fn mentioned(content: &str) -> Vec<User> {
    let mut found = Vec::new();
    for part in content.split("<@").skip(1) {
        let digits = part
            .trim_start_matches('!')
            .split('>')
            .next()
            .unwrap_or_default();
        if let Ok(id) = digits.parse() {
            let user = User(id);
            if part.contains('>') && !found.contains(&user) {
                found.push(user);
            }
        }
    }
    found
}
