//! The pump empties the queue of dispatches, in order, into the inbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serenity::model::application::Interaction as Wire;
use serenity::model::channel::Message as Post;
use serenity::model::event::MessageUpdateEvent;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::catchup::{FOREGROUND, Gap};
use super::clerk::Clerk;
use super::gateway::{Dispatch, Session};
use super::receive::session_name;
use super::wire::{FORM, Reader, setting_of};
use super::{Core, skipped};
use crate::model::{Inbound, Message, Time};

/// Most dispatches that are stored in one go.
const BATCH: usize = 256;
/// How often the place in the session is noted; a crash replays at most that much, and what is
/// replayed is recognised by its key.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// An interaction behind the noted place is not replayed, so it is noted when all are acknowledged; but
/// no later than this.
const NOTE_AT_LATEST: Duration = Duration::from_secs(10);
/// How long an interaction's handle is worth anything (15 minutes by the reference), less a margin
/// for the request that uses it.
const HANDLE_LIFE: Duration = Duration::from_secs(14 * 60 + 30);

/// Events of the intents we ask for that carry nothing for us.
const KNOWN: [&str; 35] = [
    "READY",
    "RESUMED",
    "APPLICATION_COMMAND_PERMISSIONS_UPDATE",
    "CHANNEL_CREATE",
    "CHANNEL_DELETE",
    "CHANNEL_PINS_UPDATE",
    "CHANNEL_UPDATE",
    "CHANNEL_INFO",
    "ENTITLEMENT_CREATE",
    "ENTITLEMENT_DELETE",
    "ENTITLEMENT_UPDATE",
    "GUILD_CREATE",
    "GUILD_DELETE",
    "GUILD_ROLE_CREATE",
    "GUILD_ROLE_DELETE",
    "GUILD_ROLE_UPDATE",
    "GUILD_UPDATE",
    "INTEGRATION_CREATE",
    "MESSAGE_DELETE",
    "MESSAGE_DELETE_BULK",
    "PRESENCE_UPDATE",
    "STAGE_INSTANCE_CREATE",
    "STAGE_INSTANCE_DELETE",
    "STAGE_INSTANCE_UPDATE",
    "SUBSCRIPTION_CREATE",
    "SUBSCRIPTION_DELETE",
    "SUBSCRIPTION_UPDATE",
    "THREAD_CREATE",
    "THREAD_DELETE",
    "THREAD_LIST_SYNC",
    "THREAD_MEMBERS_UPDATE",
    "THREAD_MEMBER_UPDATE",
    "THREAD_UPDATE",
    "USER_UPDATE",
    "VOICE_CHANNEL_STATUS_UPDATE",
];

/// How far a shard is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// The session, once one has begun.
    #[serde(flatten)]
    pub(super) session: Option<Session>,
    /// The newest message that was looked at, of all chats.
    #[serde(default)]
    pub(super) seen: u64,
}

/// What the beginning of a session tells of its guilds.
#[derive(Deserialize)]
struct Ready {
    #[serde(default)]
    guilds: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// Empties the queue, in order, into the inbox.
pub(super) struct Pump {
    core: Arc<Core>,
    clerk: Clerk,
    tracker: TaskTracker,
    /// Of every shard.
    places: BTreeMap<u32, Place>,
    /// The shards that have moved on since they were noted.
    moved: BTreeSet<u32>,
    noted: Option<Time>,
    /// Until when live messages wait for what was said before them.
    foreground: Instant,
    /// Whether the slash commands are seen to.
    put_up: bool,
    /// Whether it was looked for what the last process left unread.
    taken_over: bool,
}

impl Pump {
    pub(super) fn new(
        core: Arc<Core>,
        clerk: Clerk,
        tracker: &TaskTracker,
        places: BTreeMap<u32, Place>,
    ) -> Self {
        Self {
            core,
            clerk,
            tracker: tracker.clone(),
            places,
            moved: BTreeSet::new(),
            noted: None,
            foreground: Instant::now(),
            put_up: false,
            taken_over: false,
        }
    }

    /// Until it is stopped. What is not stored is not noted either: the next process has it replayed.
    pub(super) async fn run(mut self, queue: mpsc::Receiver<Dispatch>) {
        if self.empty(queue).await.is_some() {
            let _ = self.note().await;
        }
    }

    /// `None` when it was stopped before everything was stored.
    async fn empty(&mut self, mut queue: mpsc::Receiver<Dispatch>) -> Option<()> {
        self.core.take_over(&self.clerk).await?;
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let mut items = Vec::new();
            for dispatch in batch.drain(..) {
                self.core.me.store(dispatch.session.me, Ordering::Relaxed);
                match dispatch.kind.as_str() {
                    "READY" => {
                        self.clerk.accept(&std::mem::take(&mut items)).await?;
                        self.begin_anew(&dispatch).await?;
                    }
                    "RESUMED" => {
                        self.clerk.accept(&std::mem::take(&mut items)).await?;
                        self.go_on().await;
                    }
                    "GUILD_CREATE" => {
                        let guild = dispatch.data.get();
                        let gaps = self.core.hear_of(guild, &self.clerk).await?;
                        self.read_up(gaps).await;
                    }
                    _ => {}
                }
                self.put_up(&dispatch);
                items.append(&mut self.take(dispatch));
            }
            self.clerk.accept(&items).await?;
            if self.is_due() {
                self.note().await?;
            }
        }
        Some(())
    }

    /// A session began afresh. What it cannot tell is noted as unread and the session itself is noted
    /// before anything is taken from it: from then on the platform replays what a death leaves over.
    async fn begin_anew(&mut self, dispatch: &Dispatch) -> Option<()> {
        let ready: Option<Ready> = serde_json::from_str(dispatch.data.get()).ok();
        let guilds = ready.map(|ready| ready.guilds).unwrap_or_default();
        let guilds: Vec<u64> = guilds
            .iter()
            .filter_map(|guild| guild.id.parse().ok())
            .collect();
        let place = self.places.entry(dispatch.shard).or_default();
        place.session = Some(dispatch.session.clone());
        let seen = place.seen;
        let gaps = self.core.begin_anew(&guilds, seen, &self.clerk).await?;
        self.moved.insert(dispatch.shard);
        self.note().await?;
        self.taken_over = true;
        self.foreground = Instant::now() + FOREGROUND;
        self.read_up(gaps).await;
        Some(())
    }

    /// A session goes on; a process that took it up takes over what the last process had still to read.
    async fn go_on(&mut self) {
        if !std::mem::replace(&mut self.taken_over, true) {
            self.foreground = Instant::now() + FOREGROUND;
            self.read_up(self.core.open_gaps().await).await;
        }
    }

    async fn read_up(&self, gaps: Vec<Gap>) {
        self.core
            .catch_up(gaps, self.foreground, &self.clerk, &self.tracker)
            .await;
    }

    /// Reads a dispatch, and moves its shard on behind it.
    fn take(&mut self, dispatch: Dispatch) -> Vec<Inbound> {
        let items = self.core.read(&dispatch);
        let messages = items.iter().filter_map(|item| item.message.as_ref());
        let newest = messages.filter_map(Message::number).max().unwrap_or(0);
        let place = self.places.entry(dispatch.shard).or_default();
        place.seen = place.seen.max(newest);
        place.session = Some(dispatch.session);
        self.moved.insert(dispatch.shard);
        items
    }

    fn is_due(&self) -> bool {
        self.noted.is_none_or(|at| {
            let patience = if self.core.underway.is_idle() {
                NOTE_EVERY
            } else {
                NOTE_AT_LATEST
            };
            self.core.clock.now().since(at) >= patience
        })
    }

    /// Notes how far it is.
    async fn note(&mut self) -> Option<()> {
        self.noted = Some(self.core.clock.now());
        let total = u32::try_from(self.places.len()).ok()?;
        while let Some(shard) = self.moved.pop_first() {
            let text = serde_json::to_string(self.places.get(&shard)?).ok()?;
            self.clerk.write(&session_name(shard, total), &text).await?;
        }
        Some(())
    }

    /// Sees to the slash commands, once per process and on one shard only.
    fn put_up(&mut self, dispatch: &Dispatch) {
        if self.put_up || dispatch.shard != 0 {
            return;
        }
        self.put_up = true;
        let (core, stop) = (Arc::clone(&self.core), self.clerk.stop.clone());
        let application = dispatch.session.application;
        self.tracker
            .spawn(async move { core.put_up(application, &stop).await });
    }
}

impl Core {
    fn expiry(&self) -> Time {
        self.clock.now().plus(HANDLE_LIFE)
    }

    pub(super) fn reader(&self) -> Reader {
        Reader {
            bot: self.settings.bot.as_str().into(),
            me: self.me.load(Ordering::Relaxed),
            answer: Arc::clone(&self.answer),
        }
    }

    /// One dispatch in our words; several for a message with several files.
    fn read(&self, dispatch: &Dispatch) -> Vec<Inbound> {
        let reader = self.reader();
        let text = dispatch.data.get();
        let read = match dispatch.kind.as_str() {
            "MESSAGE_CREATE" => serde_json::from_str::<Post>(text)
                .map(|post| reader.post(&post, setting_of(post.guild_id.is_some())))
                .ok(),
            "MESSAGE_UPDATE" => serde_json::from_str::<MessageUpdateEvent>(text)
                .map(|update| reader.edited(&update).into_iter().collect())
                .ok(),
            "INTERACTION_CREATE" => serde_json::from_str::<Wire>(text)
                .map(|interaction| self.interacted(&reader, &interaction))
                .ok(),
            kind if KNOWN.contains(&kind) => Some(Vec::new()),
            _ => None,
        };
        read.unwrap_or_else(|| {
            skipped(&dispatch.kind);
            Vec::new()
        })
    }

    fn interacted(&self, reader: &Reader, interaction: &Wire) -> Vec<Inbound> {
        let expires = self.expiry();
        match interaction {
            Wire::Command(command) => vec![reader.command(command, expires)],
            // Its form is on the person's screen; what matters comes when it is filled.
            Wire::Component(press) if press.data.custom_id.starts_with(FORM) => Vec::new(),
            Wire::Component(press) => vec![reader.press(press, expires)],
            Wire::Modal(form) => vec![reader.form(form, expires)],
            _ => {
                skipped("interaction");
                Vec::new()
            }
        }
    }
}
