//! The Discord adapter against the simulator: what comes in, what goes out, what breaks.

mod dying;
mod interactions;
mod receiving;
mod sending;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use toney::model::{
    Address, Button, Clock, Ids, Inbound, Message, OutboundId, Part, Setting, What,
};
use toney::platform::discord::{Discord, Settings};
use toney::platform::{
    Desk, Edit, Fatal, FetchError, Inbox, Letter, Lost, NoCashier, Notes, Platform, SendError,
};

use crate::sim::discord::{self as sim, Kind, When, route};

const SOON: Duration = Duration::from_secs(10);

/// The notes of an adapter, kept over its restarts.
#[derive(Default)]
struct Memory {
    notes: Mutex<BTreeMap<String, String>>,
    chats: Mutex<BTreeMap<Address, Message>>,
    /// The store goes away after so many notes; `None`: it stays.
    writes_left: Mutex<Option<usize>>,
    /// Somebody asked while it was away.
    refused: Notify,
}

impl Memory {
    fn ask(&self) -> anyhow::Result<()> {
        if self.is_away() {
            self.refused.notify_one();
            anyhow::bail!("the store is away");
        }
        Ok(())
    }

    /// Waits until somebody asks in vain.
    async fn refuses(&self) {
        tokio::time::timeout(SOON, self.refused.notified())
            .await
            .unwrap();
    }

    fn is_away(&self) -> bool {
        *self.writes_left.lock().unwrap() == Some(0)
    }

    /// The store takes so many notes more and is away then.
    fn goes_away_after(&self, writes: usize) {
        *self.writes_left.lock().unwrap() = Some(writes);
    }

    fn is_back(&self) {
        *self.writes_left.lock().unwrap() = None;
    }
}

#[async_trait]
impl Notes for Memory {
    async fn read(&self, account: &str, name: &str) -> anyhow::Result<Option<String>> {
        self.ask()?;
        let key = format!("{account}/{name}");
        Ok(self.notes.lock().unwrap().get(&key).cloned())
    }

    async fn write(&self, account: &str, name: &str, value: &str) -> anyhow::Result<()> {
        self.ask()?;
        let key = format!("{account}/{name}");
        self.notes.lock().unwrap().insert(key, value.to_owned());
        let mut left = self.writes_left.lock().unwrap();
        *left = left.map(|left| left.saturating_sub(1));
        Ok(())
    }

    async fn conversations(
        &self,
        _: &str,
        limit: usize,
    ) -> anyhow::Result<Vec<(Address, Option<Message>)>> {
        self.ask()?;
        let chats = self.chats.lock().unwrap();
        Ok(chats
            .iter()
            .take(limit)
            .map(|(address, newest)| (address.clone(), Some(newest.clone())))
            .collect())
    }
}

/// What was stored, each thing once, in the order it came.
#[derive(Default)]
struct Stored {
    items: Mutex<Vec<Inbound>>,
    keys: Mutex<HashSet<String>>,
    changed: Notify,
    refuse: Mutex<bool>,
}

/// A Discord, an adapter, and what it handed in.
struct Stage {
    discord: sim::Discord,
    adapter: Arc<Discord>,
    clock: Clock,
    memory: Arc<Memory>,
    stored: Arc<Stored>,
    running: Option<(CancellationToken, JoinHandle<Result<(), Fatal>>)>,
}

fn commands() -> Vec<(String, String)> {
    [("start", "Begin"), ("why", "Why the last answer was given")]
        .map(|(name, about)| (name.to_owned(), about.to_owned()))
        .to_vec()
}

impl Stage {
    async fn new() -> Self {
        Self::with(sim::Config::default(), |_| {}).await
    }

    async fn with(config: sim::Config, change: impl FnOnce(&mut Settings)) -> Self {
        let discord = sim::Discord::with_config(config).await;
        let mut settings = Settings {
            token: discord.token(),
            api_url: discord.api_url(),
            ..Settings::default()
        };
        change(&mut settings);
        let clock = Clock::manual(Clock::System.now());
        let adapter = Discord::new(settings, clock.clone(), commands()).unwrap();
        Self {
            discord,
            adapter: Arc::new(adapter),
            clock,
            memory: Arc::default(),
            stored: Arc::default(),
            running: None,
        }
    }

    /// Starts receiving, and waits until it is connected.
    async fn up(&mut self) {
        self.start();
        assert!(self.discord.wait_until(SOON, |d| d.connected() == 1).await);
    }

    fn start(&mut self) {
        let (inbox, mut deliveries) = Inbox::new(16);
        let (memory, stored) = (Arc::clone(&self.memory), Arc::clone(&self.stored));
        tokio::spawn(async move {
            while let Some(delivery) = deliveries.recv().await {
                let well = !*stored.refuse.lock().unwrap() && !memory.is_away();
                if well {
                    for item in delivery.items {
                        if let Some(message) = &item.message {
                            let mut chats = memory.chats.lock().unwrap();
                            let newest =
                                chats.entry(item.address.clone()).or_insert(message.clone());
                            if newest.number::<u64>() < message.number::<u64>() {
                                *newest = message.clone();
                            }
                        }
                        if stored.keys.lock().unwrap().insert(item.key.clone()) {
                            stored.items.lock().unwrap().push(item);
                        }
                    }
                }
                let _ = delivery.stored.send(well);
                stored.changed.notify_waiters();
            }
        });
        let desk = Desk {
            inbox,
            notes: self.memory.clone(),
            cashier: Arc::new(NoCashier),
        };
        let (stop, adapter) = (CancellationToken::new(), Arc::clone(&self.adapter));
        let token = stop.clone();
        let task = tokio::spawn(async move { adapter.receive(desk, token).await });
        self.running = Some((stop, task));
    }

    async fn down(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        stop.cancel();
        tokio::time::timeout(SOON, task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }

    /// One message comes in, and the program ends in order.
    async fn hears_one(&mut self, from: sim::User) {
        self.up().await;
        self.discord.whispers(from, "one");
        self.comes(1).await;
        self.down().await;
    }

    /// SIGKILL: nothing is handed over, nothing is noted.
    async fn killed(&mut self) {
        let (_, task) = self.running.take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    /// Waits for receiving to end by itself, and returns why.
    async fn ended(&mut self) -> String {
        let (_, task) = self.running.take().unwrap();
        let ended = tokio::time::timeout(SOON, task).await.unwrap().unwrap();
        ended.unwrap_err().0
    }

    /// A new process on the same notes.
    async fn restart(&mut self, change: impl FnOnce(&mut Settings)) {
        if self.running.is_some() {
            self.down().await;
        }
        let mut settings = Settings {
            token: self.discord.token(),
            api_url: self.discord.api_url(),
            ..Settings::default()
        };
        change(&mut settings);
        let adapter = Discord::new(settings, self.clock.clone(), commands()).unwrap();
        self.adapter = Arc::new(adapter);
        self.up().await;
    }

    /// Waits until so many things are stored.
    async fn comes(&self, count: usize) -> Vec<Inbound> {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let mut changed = std::pin::pin!(self.stored.changed.notified());
            changed.as_mut().enable();
            let items = self.stored.items.lock().unwrap().clone();
            if items.len() >= count {
                return items;
            }
            if tokio::time::timeout_at(deadline, changed).await.is_err() {
                panic!("{} of {count} came: {:?}", items.len(), texts(&items));
            }
        }
    }

    fn address(&self, channel: sim::Channel) -> Address {
        format!("discord:main:{channel}").parse().unwrap()
    }

    fn letter(&self, channel: sim::Channel, text: &str) -> Draft {
        let ids = Ids::new(self.clock.clone(), None);
        let id = OutboundId::new(&ids);
        Draft {
            id,
            nonce: id.nonce(0),
            address: self.address(channel),
            part: Part {
                text: text.to_owned(),
                spans: Vec::new(),
            },
            buttons: Vec::new(),
        }
    }

    fn clean(&self) {
        assert_eq!(self.discord.violations(), Vec::<String>::new());
    }
}

/// What a letter borrows from.
struct Draft {
    id: OutboundId,
    nonce: String,
    address: Address,
    part: Part,
    buttons: Vec<Vec<Button>>,
}

impl Draft {
    fn letter(&self) -> Letter<'_> {
        Letter {
            id: self.id,
            nonce: &self.nonce,
            address: &self.address,
            part: &self.part,
            buttons: &self.buttons,
            reply_to: None,
            interaction: None,
            attached: None,
        }
    }

    fn lost<'a>(&'a self, stage: &Stage, after: Option<&'a Message>) -> Lost<'a> {
        Lost {
            letter: self.letter(),
            left_at: stage.clock.now(),
            after,
            newest: None,
            taken: &[],
        }
    }
}

fn texts(items: &[Inbound]) -> Vec<String> {
    items
        .iter()
        .map(|item| match &item.what {
            What::Text { text } | What::Edited { text } => text.clone(),
            other => format!("{other:?}"),
        })
        .collect()
}
