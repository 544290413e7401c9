//! What comes in: made durable, once, in the lane of its conversation; and floods kept out.
//!
//! It takes deliveries from the adapters' inbox, stores what is meant for Toney and says so. It never
//! answers anything but a flood, and never looks into the words but for a key, which it seals. Start with [`Intake`].

mod flood;
mod hide;

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::delivery::Delivery;
use crate::jobs::in_trace_of;
use crate::model::{Clock, Content, Ids, Inbound, JobId, Priority, What, phrases};
use crate::platform;
use crate::store::{Change, NewJob, NewOutbound, Redis, Store, turn_lane};

pub use hide::{Hider, INBOUND as SEALED};

use flood::{Flood, Verdict};

/// Settings of the section `[intake]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What is done with messages that come while a turn runs.
    pub queue: Queue,
    /// How long it must be quiet before collected messages are answered.
    pub quiet_ms: u64,
    /// How many messages a person may send in a minute; 0 = as many as they like.
    pub flood_per_minute: u32,
}

/// What is done with messages that come while a turn runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// They are answered together, once it has been quiet for a moment.
    Collect,
    /// They are answered one after the other.
    Each,
    /// They end the running turn; its text is kept.
    Interrupt,
}

/// Makes what comes in durable.
pub struct Intake {
    store: Store,
    delivery: Delivery,
    redis: Option<Redis>,
    clock: Clock,
    ids: Ids,
    flood: Flood,
    hider: Hider,
}

/// How long a delivery may take to be stored before its adapter is told to try again.
const PATIENCE: Duration = Duration::from_secs(20);

impl Intake {
    /// An intake that lets each person send so many messages a minute.
    pub fn new(
        (store, redis): (Store, Option<Redis>),
        delivery: Delivery,
        (clock, ids): (Clock, Ids),
        per_minute: u32,
        hider: Hider,
    ) -> Self {
        Self {
            store,
            delivery,
            redis,
            clock,
            ids,
            flood: Flood::new(per_minute),
            hider,
        }
    }

    /// Takes deliveries until `stop`. Several are on their way into the store at once; each adapter
    /// hands over its own in order, and order inside a conversation comes from the items.
    pub async fn run(
        self: std::sync::Arc<Self>,
        mut deliveries: mpsc::Receiver<platform::Delivery>,
        stop: CancellationToken,
    ) {
        let tasks = TaskTracker::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                delivery = deliveries.recv() => match delivery {
                    Some(platform::Delivery { items, stored }) => {
                        let this = self.clone();
                        tasks.spawn(async move {
                            let kept = tokio::time::timeout(PATIENCE, this.keep(items)).await;
                            let lanes = kept.unwrap_or_default();
                            stored.send(lanes.is_some()).ok();
                            this.ring(lanes.unwrap_or_default()).await;
                        });
                    }
                    None => break,
                },
            }
        }
        tasks.close();
        drop(tokio::time::timeout(Duration::from_secs(2), tasks.wait()).await);
    }

    /// Stores what is meant for Toney; gives the lanes that got work once it is durable.
    async fn keep(&self, items: Vec<Inbound>) -> Option<Vec<String>> {
        let now = self.clock.now();
        let mut change = Change::default();
        // Each lasts until everything is stored.
        let mut updates = Vec::new();
        for mut item in items {
            if let Some(message) = item.newest() {
                self.delivery.saw(&item.address, message);
            }
            metrics::counter!("toney_inbound_total", "platform" => item.address.platform.to_string())
                .increment(1);
            // What people say to each other in a group is none of our business, and is not kept.
            if !is_for_us(&item) {
                continue;
            }
            let held_key = self.hider.hide(&mut item);
            let verdict = match item.what {
                What::Text { .. }
                | What::Command { .. }
                | What::Media { .. }
                | What::Press { .. }
                | What::Form { .. } => self.flood.judge(&item),
                What::Edited { .. }
                | What::Membership { .. }
                | What::Migrated { .. }
                | What::Payment { .. }
                | What::Refunded { .. } => Verdict::Fine,
            };
            let Verdict::TooFast { tell } = verdict else {
                if let Some(job) = self.job(&item) {
                    let platform = &*item.address.platform;
                    let update = tracing::info_span!("update", inbound.platform = platform);
                    updates.push(in_trace_of(job.id, update));
                    change.jobs.push(job);
                }
                continue;
            };
            // A key does not stay where it is, however fast it came.
            if held_key {
                change.outbound.extend(self.taken_away(&item));
            }
            match tell {
                true => change.outbound.push(self.notice(item)),
                false => metrics::counter!("toney_flood_refused_total").increment(1),
            }
        }
        let lanes = change.jobs.iter().map(|job| job.lane.clone()).collect();
        let applied = self.store.apply(change).await;
        drop(updates);
        match applied {
            Ok(_) => Some(lanes),
            Err(error) => {
                tracing::debug!(
                    error = format!("{error:#}"),
                    at = %now,
                    "What came in could not be stored; the platform keeps it"
                );
                None
            }
        }
    }

    /// A lane may be at work in another process, which hears of it this way.
    async fn ring(&self, lanes: Vec<String>) {
        if let Some(redis) = &self.redis {
            for lane in lanes {
                redis.ring(&lane).await;
            }
        }
    }

    fn job(&self, item: &Inbound) -> Option<NewJob> {
        let id = JobId::new(&self.ids);
        match NewJob::inbound(id, item, self.clock.now()) {
            Ok(job) => Some(job),
            Err(error) => {
                tracing::error!(%error, lane = turn_lane(&item.address), "An item has no JSON");
                None
            }
        }
    }

    /// Warns whoever wrote a key, at most once a minute, and takes the message away where the platform lets us.
    fn taken_away(&self, item: &Inbound) -> Vec<NewOutbound> {
        let letter = |key: String, content: Content| {
            let address = item.address.clone();
            self.delivery.letter(address, key, Priority::Reply, content)
        };
        let features = self.delivery.features(&item.address);
        let deletes = features.is_some_and(|features| features.deletes);
        let message = item.message.clone().filter(|_| deletes);
        let warning = match message {
            Some(_) => phrases::KEY_TAKEN_AWAY.to_owned(),
            None => format!("{} {}", phrases::KEY_UNREAD, phrases::KEY_TO_DELETE),
        };
        let minute = self.clock.now().ms() / 60_000;
        let key = format!("key:{}:{}:{minute}", item.address, item.sender.user);
        let warning = Content::Message {
            text: warning,
            buttons: Vec::new(),
            reply_to: None,
            interaction: None,
        };
        let mut letters = vec![letter(key, warning)];
        letters.extend(message.map(|message| {
            let refused = phrases::KEY_TO_DELETE.to_owned();
            let delete = Content::Delete { message, refused };
            letter(format!("key:{}:delete", item.key), delete)
        }));
        letters
    }

    fn notice(&self, item: Inbound) -> NewOutbound {
        let minute = self.clock.now().ms() / 60_000;
        let key = format!("flood:{}:{}:{minute}", item.address, item.sender.user);
        let content = Content::Message {
            text: phrases::TOO_FAST.to_owned(),
            buttons: Vec::new(),
            reply_to: None,
            interaction: item.interaction,
        };
        self.delivery
            .letter(item.address, key, Priority::Reply, content)
    }
}

fn is_for_us(item: &Inbound) -> bool {
    match item.what {
        What::Text { .. } | What::Media { .. } => item.addressed,
        // An edit counts only if its message was for us; then it finds it, otherwise nothing.
        What::Edited { .. } => item.addressed,
        What::Command { .. }
        | What::Press { .. }
        | What::Form { .. }
        | What::Membership { .. }
        | What::Migrated { .. }
        | What::Payment { .. }
        | What::Refunded { .. } => true,
    }
}
