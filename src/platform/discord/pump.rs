//! The pump empties the queue of dispatches, in order, into the inbox.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serenity::model::application::Interaction as Wire;
use serenity::model::channel::Message as Post;
use serenity::model::event::MessageUpdateEvent;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::gateway::{Dispatch, Session};
use super::receive::{Backoff, session_name};
use super::wire::{FORM, Reader, setting_of};
use super::{Core, skipped};
use crate::model::{Inbound, Time};
use crate::platform::Desk;

/// Most dispatches that are stored in one go.
const BATCH: usize = 256;
/// How often the place in the session is noted; a crash replays at most that much, and what is
/// replayed is recognised by its key.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How long an interaction's handle is worth anything (15 minutes by the reference), less a margin
/// for the request that uses it.
const HANDLE_LIFE: Duration = Duration::from_secs(14 * 60 + 30);

/// Events of the intents we ask for that carry nothing for us.
const KNOWN: [&str; 34] = [
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

/// Empties the queue, in order, into the inbox.
pub(super) struct Pump {
    core: Arc<Core>,
    desk: Desk,
    stop: CancellationToken,
    tracker: TaskTracker,
    total: u32,
    /// How far each shard's session is stored.
    places: HashMap<u32, Session>,
    noted: Option<Instant>,
    /// Whether the slash commands are seen to.
    put_up: bool,
    /// Whether it was looked for what the last process left unread.
    taken_over: bool,
}

impl Pump {
    pub(super) fn new(
        core: Arc<Core>,
        desk: Desk,
        stop: &CancellationToken,
        tracker: &TaskTracker,
        total: u32,
    ) -> Self {
        Self {
            core,
            desk,
            stop: stop.clone(),
            tracker: tracker.clone(),
            total,
            places: HashMap::new(),
            noted: None,
            put_up: false,
            taken_over: false,
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Dispatch>) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let mut items = Vec::new();
            for dispatch in batch.drain(..) {
                self.core.me.store(dispatch.session.me, Ordering::Relaxed);
                self.put_up(&dispatch);
                if matches!(dispatch.kind.as_str(), "READY" | "RESUMED") {
                    if !self.store(std::mem::take(&mut items)).await {
                        return;
                    }
                    self.read_up(dispatch.kind == "READY").await;
                } else {
                    items.append(&mut self.core.read(&dispatch));
                }
                self.places.insert(dispatch.shard, dispatch.session);
            }
            // What is not stored is not noted either: the next process has it replayed.
            if !self.store(items).await {
                return;
            }
            self.note(false).await;
        }
        self.note(true).await;
    }

    /// When a session began afresh, what was said in between is read first; a process that resumed
    /// one takes over what the last process had still to read.
    async fn read_up(&mut self, fresh: bool) {
        let taken_over = std::mem::replace(&mut self.taken_over, true);
        if taken_over && !fresh {
            return;
        }
        let gaps = self.core.find_gaps(&self.desk, taken_over, fresh).await;
        self.core
            .catch_up(gaps, &self.desk, &self.tracker, &self.stop)
            .await;
    }

    /// Hands over until it is durable; false when it was stopped before that.
    async fn store(&self, items: Vec<Inbound>) -> bool {
        let mut backoff = Backoff::default();
        loop {
            if self.desk.inbox.accept(items.clone()).await {
                return true;
            }
            if backoff.is_first() {
                tracing::warn!(
                    inbound.count = items.len(),
                    "Messages from Discord cannot be stored; trying on"
                );
            }
            if !backoff.pause(&self.stop).await {
                return false;
            }
        }
    }

    async fn note(&mut self, last: bool) {
        let due = self.noted.is_none_or(|at| at.elapsed() >= NOTE_EVERY);
        if !(due || last) || self.places.is_empty() {
            return;
        }
        self.noted = Some(Instant::now());
        let account = self.core.account();
        for (shard, session) in self.places.drain() {
            if let Ok(text) = serde_json::to_string(&session) {
                let name = session_name(shard, self.total);
                self.desk.notes.write(&account, &name, &text).await;
            }
        }
    }

    /// Sees to the slash commands, once per process and on one shard only.
    fn put_up(&mut self, dispatch: &Dispatch) {
        if self.put_up || dispatch.shard != 0 {
            return;
        }
        self.put_up = true;
        let (core, stop) = (Arc::clone(&self.core), self.stop.clone());
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
