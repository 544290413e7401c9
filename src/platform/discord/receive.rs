//! Receiving: the shards write into one ordered queue, and one pump empties it into the inbox.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serenity::builder::{
    CreateActionRow, CreateInputText, CreateInteractionResponse, CreateInteractionResponseMessage,
    CreateModal,
};
use serenity::model::application::{InputTextStyle, Interaction as Wire};
use serenity::model::channel::Message as Post;
use serenity::model::event::MessageUpdateEvent;
use serenity::model::gateway::GatewayIntents;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::gateway::{Dispatch, Session, Shard, Watcher};
use super::login::{Closed, Gate};
use super::rest::{Route, Trouble};
use super::settings::Shards;
use super::wire::{FORM, NAME, Reader, setting_of};
use super::{Core, skipped};
use crate::model::{Inbound, Time};
use crate::platform::{Desk, Fatal};

/// Dispatches between the shards and the pump.
const QUEUE: usize = 1_024;
/// Most dispatches that are stored in one go.
const BATCH: usize = 256;
/// How often the place in the session is noted; a crash replays at most that much, and what is
/// replayed is recognised by its key.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How long an interaction's handle is worth anything (15 minutes by the reference), less a margin
/// for the request that uses it.
const HANDLE_LIFE: Duration = Duration::from_secs(14 * 60 + 30);
/// The longest wait between two attempts at something that failed.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// How long the stop waits for what is under way.
const LAST_CALLS: Duration = Duration::from_secs(5);

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

impl Core {
    pub(super) async fn receive(
        self: &Arc<Self>,
        desk: Desk,
        stop: CancellationToken,
    ) -> Result<(), Fatal> {
        let Some(total) = self.shard_count(&stop).await? else {
            return Ok(());
        };
        let (sender, receiver) = mpsc::channel(QUEUE);
        let tracker = TaskTracker::new();
        // A shard that cannot go on takes the others with it.
        let shards_stop = stop.child_token();
        let front = Front {
            core: Arc::clone(self),
            tracker: tracker.clone(),
            up: Mutex::new(BTreeSet::new()),
            total,
        };
        front.gauge(0);
        let gate = Gate::new(self);
        let mut running = FuturesUnordered::new();
        for id in 0..total {
            let shard = Shard {
                id,
                total,
                token: self.settings.token.trim(),
                intents: self.intents().bits(),
                gate: &gate,
                watcher: &front,
                queue: sender.clone(),
                stop: shards_stop.clone(),
            };
            let session = self.read_session(&desk, id, total).await;
            running.push(async move { shard.run(session).await });
        }
        drop(sender);
        let shards = async {
            let mut outcome = Ok(());
            while let Some(ended) = running.next().await {
                shards_stop.cancel();
                outcome = outcome.and(ended);
            }
            outcome
        };
        let pump = Pump {
            core: Arc::clone(self),
            desk,
            stop: shards_stop.clone(),
            tracker: tracker.clone(),
            total,
            places: HashMap::new(),
            noted: None,
            put_up: false,
        };
        let (outcome, ()) = tokio::join!(shards, pump.run(receiver));
        tracker.close();
        // Whatever is still under way listens to the same stop.
        let _ = timeout(LAST_CALLS, tracker.wait()).await;
        outcome
    }

    /// How many shards to run; `None` when it was stopped before anybody knew.
    async fn shard_count(&self, stop: &CancellationToken) -> Result<Option<u32>, Fatal> {
        let mut backoff = Backoff::default();
        loop {
            let gateway = tokio::select! {
                gateway = self.gateway() => gateway,
                () = stop.cancelled() => return Ok(None),
            };
            match gateway {
                Ok(gateway) => {
                    return Ok(Some(match self.settings.shards {
                        Shards::Fixed(number) => number,
                        Shards::Auto => gateway.shards.unwrap_or(1).max(1),
                    }));
                }
                Err(Closed::Fatal(fatal)) => return Err(fatal),
                Err(Closed::Stopped) => return Ok(None),
                Err(Closed::Later(reason)) => {
                    if backoff.is_first() {
                        tracing::warn!(reason, "Discord cannot be reached; trying on");
                    }
                    if !backoff.pause(stop).await {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// The session that the last process left behind, if it may still be asked for.
    async fn read_session(&self, desk: &Desk, shard: u32, total: u32) -> Option<Session> {
        let name = session_name(shard, total);
        let text = desk.notes.read(&self.account(), &name).await?;
        let session: Session = serde_json::from_str(&text).ok()?;
        // The note may be older than `discord.api_url`.
        self.rest
            .base
            .trusts_gateway(&session.url)
            .then_some(session)
    }

    fn intents(&self) -> GatewayIntents {
        let mut intents = GatewayIntents::GUILDS
            | GatewayIntents::GUILD_MESSAGES
            | GatewayIntents::DIRECT_MESSAGES;
        intents.set(
            GatewayIntents::MESSAGE_CONTENT,
            self.settings.message_content,
        );
        intents
    }

    pub(super) fn account(&self) -> String {
        format!("{NAME}:{}", self.settings.bot)
    }

    fn expiry(&self) -> Time {
        self.clock.now().plus(HANDLE_LIFE)
    }
}

/// Growing pauses between attempts, ended by `stop`.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    pub(super) fn is_first(&self) -> bool {
        self.tries == 0
    }

    /// Waits; false when it was stopped meanwhile.
    pub(super) async fn pause(&mut self, stop: &CancellationToken) -> bool {
        let span = Duration::from_millis(250 << self.tries.min(7)).min(LONGEST_BACKOFF);
        self.tries += 1;
        tokio::select! {
            () = sleep(span) => true,
            () = stop.cancelled() => false,
        }
    }

    /// Waits as long as `trouble` asks for, or the next pause.
    pub(super) async fn wait_out(&mut self, trouble: &Trouble, stop: &CancellationToken) -> bool {
        match trouble {
            Trouble::Limited { after, all: _ } => tokio::select! {
                () = sleep(*after) => true,
                () = stop.cancelled() => false,
            },
            _ => self.pause(stop).await,
        }
    }
}

/// Stands beside the shards: counts who is connected and answers interactions within their three
/// seconds, whatever the store is doing.
struct Front {
    core: Arc<Core>,
    tracker: TaskTracker,
    up: Mutex<BTreeSet<u32>>,
    total: u32,
}

impl Front {
    fn gauge(&self, up: usize) {
        let whole = usize::try_from(self.total).is_ok_and(|total| up >= total);
        let bot = self.core.settings.bot.clone();
        metrics::gauge!("toney_platform_connected", "platform" => NAME, "bot" => bot)
            .set(if whole { 1.0 } else { 0.0 });
    }
}

impl Watcher for Front {
    fn connected(&self, shard: u32, yes: bool) {
        let mut up = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        if yes {
            up.insert(shard);
        } else {
            up.remove(&shard);
        }
        self.gauge(up.len());
    }

    fn glance(&self, dispatch: &Dispatch) {
        if dispatch.kind != "INTERACTION_CREATE" {
            return;
        }
        let Ok(interaction) = serde_json::from_str::<Wire>(dispatch.data.get()) else {
            // The pump counts it.
            return;
        };
        if let Some(answer) = first_answer(&interaction) {
            let core = Arc::clone(&self.core);
            let id = interaction.id().to_string();
            let token = interaction.token().to_owned();
            self.tracker
                .spawn(async move { core.acknowledge(&id, &token, answer).await });
        }
    }
}

/// What is said at once, before anybody has thought about it.
fn first_answer(interaction: &Wire) -> Option<CreateInteractionResponse> {
    let defer = || CreateInteractionResponse::Defer(CreateInteractionResponseMessage::new());
    match interaction {
        Wire::Command(_) => Some(defer()),
        Wire::Component(press) if press.data.custom_id.starts_with(FORM) => {
            let words = CreateInputText::new(InputTextStyle::Paragraph, "Your words", "words")
                .required(true);
            let modal = CreateModal::new(&press.data.custom_id, "Tell Toney")
                .components(vec![CreateActionRow::InputText(words)]);
            Some(CreateInteractionResponse::Modal(modal))
        }
        Wire::Component(_) => Some(CreateInteractionResponse::Acknowledge),
        Wire::Modal(form) if form.message.is_some() => Some(CreateInteractionResponse::Acknowledge),
        Wire::Modal(_) => Some(defer()),
        _ => None,
    }
}

impl Core {
    async fn acknowledge(&self, id: &str, token: &str, answer: CreateInteractionResponse) {
        let result = match serde_json::to_value(&answer) {
            Ok(body) => {
                let route = Route::callback(id, token);
                self.rest
                    .call::<serde_json::Value>(route, Some(&body))
                    .await
                    .map(drop)
            }
            Err(error) => Err(Trouble::NotSent(error.to_string())),
        };
        if let Err(trouble) = result {
            metrics::counter!("toney_acknowledgements_failed_total", "platform" => NAME)
                .increment(1);
            tracing::warn!(
                reason = %trouble,
                "An interaction could not be acknowledged; its answer comes as a plain message"
            );
        }
    }
}

/// Empties the queue, in order, into the inbox.
struct Pump {
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
}

impl Pump {
    async fn run(mut self, mut queue: mpsc::Receiver<Dispatch>) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let mut items = Vec::new();
            for dispatch in batch.drain(..) {
                self.core.me.store(dispatch.session.me, Ordering::Relaxed);
                self.put_up(&dispatch);
                if dispatch.kind == "READY" {
                    if !self.store(std::mem::take(&mut items)).await {
                        return;
                    }
                    // A session began afresh: what was said in between is read up first.
                    self.core
                        .catch_up(&self.desk, &self.tracker, &self.stop)
                        .await;
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
    /// Registers the slash commands, for as long as it takes.
    async fn put_up(&self, application: u64, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            match self.register(application).await {
                Ok(changed) => {
                    tracing::info!(discord.changed = changed, "The slash commands are in place");
                    return;
                }
                Err(trouble) => {
                    let (first, refused) = (backoff.is_first(), trouble.is_refusal());
                    if first || refused {
                        tracing::warn!(reason = %trouble, "The slash commands could not be registered");
                    }
                    if refused || !backoff.wait_out(&trouble, stop).await {
                        return;
                    }
                }
            }
        }
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

fn session_name(shard: u32, total: u32) -> String {
    format!("session:{shard}/{total}")
}
