//! Receiving: the shards write into one ordered queue, and one pump empties it into the inbox.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serenity::model::gateway::GatewayIntents;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Core;
use super::acknowledge::Front;
use super::clerk::Clerk;
use super::gateway::Shard;
use super::login::{Closed, Gate, Gateway};
use super::pump::{Place, Pump};
use super::rest::Trouble;
use super::settings::Shards;
use super::wire::{NAME, snowflake};
use crate::platform::{Desk, Fatal};

/// Dispatches between the shards and the pump.
const QUEUE: usize = 1_024;
/// The longest wait between two attempts at something that failed.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// How long the stop waits for what is under way.
const LAST_CALLS: Duration = Duration::from_secs(5);

impl Core {
    pub(super) async fn receive(
        self: &Arc<Self>,
        desk: Desk,
        stop: CancellationToken,
    ) -> Result<(), Fatal> {
        let tracker = TaskTracker::new();
        let front = Front::new(Arc::clone(self), tracker.clone());
        let Some((total, first)) = self.shard_count(&stop).await? else {
            return Ok(());
        };
        front.expect(total);
        let (sender, receiver) = mpsc::channel(QUEUE);
        // A shard that cannot go on takes the others with it.
        let shards_stop = stop.child_token();
        let clerk = Clerk {
            desk,
            account: self.account(),
            stop: shards_stop.clone(),
        };
        let gate = Gate::new(self, first);
        let mut running = FuturesUnordered::new();
        let mut places = BTreeMap::new();
        for id in 0..total {
            let Some(place) = self.place(&clerk, id, total).await else {
                return Ok(());
            };
            let shard = Shard {
                id,
                total,
                token: self.settings.token.trim(),
                intents: self.intents().bits(),
                gate: &gate,
                front: &front,
                queue: sender.clone(),
                stop: shards_stop.clone(),
            };
            let session = place.session.clone();
            places.insert(id, place);
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
        let pump = Pump::new(Arc::clone(self), clerk, &tracker, places);
        let (outcome, ()) = tokio::join!(shards, pump.run(receiver));
        tracker.close();
        // Whatever is still under way listens to the same stop.
        let _ = timeout(LAST_CALLS, tracker.wait()).await;
        outcome
    }

    /// How many shards to run, and the answer that said so, if it had to be asked for; `None` when
    /// it was stopped before anybody knew.
    async fn shard_count(
        &self,
        stop: &CancellationToken,
    ) -> Result<Option<(u32, Option<Gateway>)>, Fatal> {
        if let Shards::Fixed(number) = self.settings.shards {
            return Ok(Some((number, None)));
        }
        let mut backoff = Backoff::default();
        loop {
            let gateway = tokio::select! {
                gateway = self.gateway() => gateway,
                () = stop.cancelled() => return Ok(None),
            };
            match gateway {
                Ok(gateway) => {
                    let number = gateway.shards.unwrap_or(1).max(1);
                    return Ok(Some((number, Some(gateway))));
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

    /// Where the last process was with this shard; `None` when it was stopped before the store told.
    ///
    /// The very first time, the present moment is noted: what is said from now on counts, even if this
    /// process dies before it can note its session.
    async fn place(&self, clerk: &Clerk, shard: u32, total: u32) -> Option<Place> {
        let name = session_name(shard, total);
        let text = clerk.read(&name).await?;
        let noted = text.and_then(|text| serde_json::from_str::<Place>(&text).ok());
        let mut place = noted.unwrap_or_default();
        // The note may be older than `discord.api_url`.
        place.session = place
            .session
            .filter(|session| self.rest.base.trusts_gateway(&session.url));
        if place.seen == 0 {
            place.seen = snowflake(self.clock.now());
            clerk
                .write(&name, &serde_json::to_string(&place).ok()?)
                .await?;
        }
        Some(place)
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

impl Core {
    /// Registers the slash commands, for as long as it takes.
    pub(super) async fn put_up(&self, application: u64, stop: &CancellationToken) {
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
}

pub(super) fn session_name(shard: u32, total: u32) -> String {
    format!("session:{shard}/{total}")
}
