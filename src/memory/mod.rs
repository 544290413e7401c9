//! What is remembered of a conversation: who talks, which session it is, and the newest lines.
//!
//! It reads the store and keeps the windows of the conversations that talked last at hand. Beside
//! newcomers it writes nothing: what a turn adds becomes true with the turn's own commit. Start with
//! [`Memory::recall`].

pub mod context;
pub mod facts;
pub mod habits;
mod remember;
mod summarise;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::model::{
    Address, ConversationId, Dialogue, Event, EventId, Happening, Ids, PersonId, Sender, SessionId,
    Time,
};
use crate::store::{Change, Known, Line, NewPerson, Redis, Store, Window};

pub use context::{Contexts, Part};
pub use remember::{How, Remember, Remembering};
pub use summarise::Summarise;

/// How many exchanges (a person's lines and the answer) a model sees word for word.
pub const EXCHANGES: usize = 10;
/// Lines of the window.
pub const LINES: usize = 2 * EXCHANGES;
/// Without a model nothing is summarised; then the oldest of so many lines fall silent.
const MOST_LINES: usize = 3 * LINES;
/// How long a window stays in Redis without being used.
const KEPT_FOR: Duration = Duration::from_secs(6 * 3_600);

/// Reads and keeps windows; cheap to clone.
#[derive(Clone)]
pub struct Memory {
    store: Store,
    redis: Option<Redis>,
    ids: Ids,
    windows: moka::sync::Cache<String, Arc<Kept>>,
}

/// A conversation's window at one version of its lane.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Kept {
    turns: i64,
    conversation: ConversationId,
    session: SessionId,
    window: Window,
    /// Who spoke last, by the platform's id. Erasing somebody counts every lane they spoke in, so that this is
    /// theirs as long as the rest is.
    #[serde(default)]
    speaker: Option<(String, PersonId)>,
    /// What Toney asked here and waits for, and of whom.
    #[serde(default)]
    dialogues: Vec<(PersonId, Dialogue)>,
}

/// A conversation as a turn finds it.
#[derive(Debug, Clone)]
pub struct Recalled {
    /// Who talks.
    pub person: PersonId,
    /// Their id on the platform.
    user: String,
    /// The conversation.
    pub conversation: ConversationId,
    /// True until the first turn of the conversation is committed.
    pub is_new: bool,
    /// Its running session.
    pub session: SessionId,
    /// True when the session begins now.
    pub begins: bool,
    /// Its newest lines.
    pub window: Window,
    /// How many of them there were before this turn.
    pub found: usize,
    /// What Toney asked here and waits for, and of whom.
    pub dialogues: Vec<(PersonId, Dialogue)>,
}

impl Memory {
    /// Keeps about `bytes` of windows at hand.
    pub fn new(store: Store, redis: Option<Redis>, ids: Ids, bytes: u64) -> Self {
        let windows = moka::sync::Cache::builder()
            .max_capacity(bytes)
            .weigher(|key: &String, kept: &Arc<Kept>| {
                let text: usize = kept
                    .window
                    .lines
                    .iter()
                    .map(|line| line.text.len() + 64)
                    .sum();
                u32::try_from(text + kept.window.summary.len() + 2 * key.len() + 256)
                    .unwrap_or(u32::MAX)
            })
            .build();
        Self {
            store,
            redis,
            ids,
            windows,
        }
    }

    /// Finds or makes the person, the conversation and its window. `turns` is the lane's version: what
    /// is at hand counts only if nobody has released the lane since.
    pub async fn recall(
        &self,
        address: &Address,
        sender: &Sender,
        (turns, now): (i64, Time),
    ) -> Result<Recalled> {
        let key = address.to_string();
        let user = sender.user.to_string();
        let at_hand = self.at_hand(&key, turns).await;
        let spoke = at_hand.as_ref().and_then(|kept| kept.speaker.as_ref());
        let person = match spoke {
            Some((last, person)) if *last == user => *person,
            Some(_) | None => self.person(address, sender, now).await?,
        };
        let kept = match at_hand {
            Some(kept) => Some(kept),
            None => self.read(address, turns).await?,
        };
        Ok(match kept {
            Some(Kept {
                conversation,
                session,
                window,
                dialogues,
                ..
            }) => Recalled {
                person,
                user,
                conversation,
                is_new: false,
                session,
                begins: false,
                found: window.lines.len(),
                window,
                dialogues,
            },
            None => Recalled {
                person,
                user,
                conversation: ConversationId::new(&self.ids),
                is_new: true,
                session: SessionId::new(&self.ids),
                begins: true,
                window: Window::default(),
                found: 0,
                dialogues: Vec::new(),
            },
        })
    }

    /// Keeps at hand what will be true once the turn is committed and its lane released.
    pub async fn keep(&self, address: &Address, turns: i64, recalled: &Recalled) {
        let Recalled {
            person,
            user,
            conversation,
            session,
            window,
            dialogues,
            ..
        } = recalled;
        let mut window = window.clone();
        let surplus = window.lines.len().saturating_sub(MOST_LINES);
        window.lines.drain(..surplus);
        let kept = Kept {
            turns: turns + 1,
            conversation: *conversation,
            session: *session,
            window,
            speaker: Some((user.clone(), *person)),
            dialogues: dialogues.clone(),
        };
        let key = address.to_string();
        if let Some(redis) = &self.redis
            && let Ok(text) = serde_json::to_string(&kept)
        {
            redis
                .keep(&window_name(&key), kept.turns, &text, KEPT_FOR)
                .await;
        }
        self.windows.insert(key, Arc::new(kept));
    }

    async fn at_hand(&self, key: &str, turns: i64) -> Option<Kept> {
        if let Some(kept) = self.windows.get(key)
            && kept.turns == turns
        {
            return Some(self.refreshed((*kept).clone()).await);
        }
        let text = self
            .redis
            .as_ref()?
            .recall(&window_name(key), turns)
            .await?;
        Some(self.refreshed(serde_json::from_str(&text).ok()?).await)
    }

    /// A summary may have come in the meantime; the lines that it covers leave the window.
    async fn refreshed(&self, mut kept: Kept) -> Kept {
        if kept.window.lines.len() > LINES
            && let Ok(Some((summary, through))) = self.store.summary(kept.session).await
        {
            kept.window.lines.retain(|line| line.id > through);
            kept.window.summary = summary;
        }
        kept
    }

    async fn read(&self, address: &Address, turns: i64) -> Result<Option<Kept>> {
        let limit = i64::try_from(MOST_LINES).unwrap_or(i64::MAX);
        let found = self
            .store
            .conversation(address, limit)
            .await
            .with_context(|| format!("Loading the conversation at {address}"))?;
        let Some((known, window)) = found else {
            return Ok(None);
        };
        let Known {
            conversation,
            session,
        } = known;
        Ok(Some(Kept {
            turns,
            conversation,
            session,
            window,
            speaker: None,
            dialogues: self.store.dialogues_in(conversation).await?,
        }))
    }

    /// Keeps nothing at hand of these conversations any more.
    pub async fn forget(&self, chats: &[Address]) {
        for chat in chats {
            let key = chat.to_string();
            self.windows.invalidate(&key);
        }
        if let Some(redis) = &self.redis {
            forget(redis, chats).await;
        }
    }

    /// The person behind a sender; a new one is stored at once, so that two chats of the same newcomer agree
    /// on who it is. It is read unless they spoke last here: whoever was erased meanwhile is somebody new.
    async fn person(&self, address: &Address, sender: &Sender, now: Time) -> Result<PersonId> {
        match self.store.person(&address.platform, &sender.user).await? {
            Some(person) => Ok(person),
            None => self.meet(address, sender, now).await,
        }
    }

    async fn meet(&self, address: &Address, sender: &Sender, now: Time) -> Result<PersonId> {
        let person = PersonId::new(&self.ids);
        // With the person and not with the answer, which may have to be begun again.
        let met = Event {
            id: EventId::new(&self.ids),
            at: now,
            person: Some(person),
            artist: None,
            address: Some(address.clone()),
            what: Happening::PersonMet,
        };
        let newcomer = NewPerson {
            person,
            platform: address.platform.to_string(),
            user: sender.user.to_string(),
            name: sender.name.clone(),
            language: sender.language.clone().unwrap_or_default(),
            at: now,
        };
        self.store
            .apply(Change {
                people: vec![newcomer],
                events: vec![met],
                ..Change::default()
            })
            .await?;
        self.store
            .person(&address.platform, &sender.user)
            .await?
            .context("A person who was just stored is not there")
    }
}

impl Recalled {
    /// Begins a new session.
    pub fn begin_session(&mut self, ids: &Ids) {
        self.session = SessionId::new(ids);
        self.begins = true;
        self.window = Window::default();
    }

    /// What whoever talks was asked here.
    pub fn dialogue(&self) -> Option<&Dialogue> {
        let mut dialogues = self.dialogues.iter();
        dialogues.find_map(|(of, dialogue)| (*of == self.person).then_some(dialogue))
    }

    /// The lines that a model sees, oldest first.
    pub fn visible(&self) -> &[Line] {
        let lines = &self.window.lines;
        lines
            .get(lines.len().saturating_sub(LINES)..)
            .unwrap_or_default()
    }

    /// True when it is time to fold the lines beyond the window into the summary: every five
    /// exchanges, so that a summary is worth its price; and at every answer once the oldest lines
    /// would fall silent, since then earlier summaries must have failed.
    pub fn wants_summary(&self) -> bool {
        let batch = |lines: usize| lines.saturating_sub(LINES) / EXCHANGES;
        let lines = self.window.lines.len();
        batch(lines) > batch(self.found) || lines > MOST_LINES
    }
}

/// Leaves nothing of these conversations in Redis.
pub async fn forget(redis: &Redis, chats: &[Address]) {
    for chat in chats {
        redis.forget(&window_name(&chat.to_string())).await;
    }
}

fn window_name(address: &str) -> String {
    format!("window:{address}")
}
