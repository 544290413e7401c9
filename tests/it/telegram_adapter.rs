//! The Telegram adapter alone against the simulated Bot API: what it hands over and when it confirms,
//! how it takes outages and rivals, and what it makes of every kind of failed send.

mod files;
mod receiving;
mod sending;
mod webhook;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toney::model::{
    Address, Button, Clock, Ids, Inbound, Membership, Message, OutboundId, Part, Span, Style, Time,
    What,
};
use toney::platform::telegram::{Settings, Telegram};
use toney::platform::{
    Delivery, Desk, Edit, Fatal, FetchError, Inbox, Letter, Lost, NoCashier, Notes, Platform,
    SendError, Webhook,
};

use crate::sim::telegram::{Fault, On, Place, SimOptions, State, Telegram as Sim, Upload};

/// An adapter that receives from a simulator, and what it handed over.
struct Rig {
    sim: Sim,
    bot: Arc<Telegram>,
    desk: Desk,
    kept: Arc<Kept>,
    stop: CancellationToken,
    running: JoinHandle<Result<(), Fatal>>,
}

#[derive(Default)]
struct Kept {
    items: Mutex<Vec<Inbound>>,
    full: AtomicBool,
    refused: AtomicBool,
    changed: Notify,
}

#[derive(Default)]
struct Memory(Mutex<Vec<(String, String)>>);

#[async_trait]
impl Notes for Memory {
    async fn read(&self, account: &str, name: &str) -> anyhow::Result<Option<String>> {
        let key = format!("{account}/{name}");
        let notes = self.0.lock().unwrap();
        let found = notes.iter().rev().find(|(known, _)| *known == key);
        Ok(found.map(|(_, value)| value.clone()))
    }

    async fn write(&self, account: &str, name: &str, value: &str) -> anyhow::Result<()> {
        let key = format!("{account}/{name}");
        self.0.lock().unwrap().push((key, value.to_owned()));
        Ok(())
    }

    async fn conversations(
        &self,
        _account: &str,
        _limit: usize,
    ) -> anyhow::Result<Vec<(Address, Option<Message>)>> {
        Ok(Vec::new())
    }
}

fn settings(sim: &Sim) -> Settings {
    Settings {
        token: sim.token().to_owned(),
        api_url: sim.url(),
        poll_timeout: 1,
        ..Settings::default()
    }
}

impl Rig {
    async fn start() -> Self {
        Self::on(Sim::start(SimOptions::default()).await)
    }

    fn on(sim: Sim) -> Self {
        let settings = settings(&sim);
        Self::with(sim, settings)
    }

    fn with(sim: Sim, settings: Settings) -> Self {
        let commands = vec![("help".to_owned(), "What I can do".to_owned())];
        let bot = Arc::new(Telegram::new(settings, commands, Clock::System).unwrap());
        let (inbox, mut deliveries) = Inbox::new(8);
        let kept = Arc::new(Kept::default());
        let desk = Desk {
            inbox,
            notes: Arc::new(Memory::default()),
            cashier: Arc::new(NoCashier),
        };
        let keeper = Arc::clone(&kept);
        tokio::spawn(async move {
            while let Some(Delivery { items, stored }) = deliveries.recv().await {
                let full = keeper.full.load(Ordering::SeqCst);
                keeper.refused.fetch_or(full, Ordering::SeqCst);
                if !full {
                    keeper.items.lock().unwrap().extend(items);
                }
                stored.send(!full).ok();
                keeper.changed.notify_waiters();
            }
        });
        let stop = CancellationToken::new();
        let running = {
            let (bot, desk, stop) = (Arc::clone(&bot), desk.clone(), stop.clone());
            tokio::spawn(async move { bot.receive(desk, stop).await })
        };
        Self {
            sim,
            bot,
            desk,
            kept,
            stop,
            running,
        }
    }

    async fn until<T>(&self, what: &str, mut look: impl FnMut(&Kept) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let changed = self.kept.changed.notified();
                if let Some(found) = look(&self.kept) {
                    return found;
                }
                changed.await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        found.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    async fn items(&self, count: usize) -> Vec<Inbound> {
        self.until("items", |kept| {
            let items = kept.items.lock().unwrap();
            (items.len() >= count).then(|| items.clone())
        })
        .await
    }

    async fn last(&self, count: usize) -> Inbound {
        self.items(count).await.pop().unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(3), self.running).await;
        assert_eq!(ended.expect("a quick end").unwrap(), Ok(()));
        self.sim.assert_clean();
    }

    async fn send(
        &self,
        to: impl Into<Place>,
        nonce: &str,
        text: &str,
    ) -> Result<Message, SendError> {
        let (address, part) = (address(to), plain(text));
        self.bot.send(&letter(&address, nonce, &part)).await
    }

    async fn find(
        &self,
        to: impl Into<Place>,
        nonce: &str,
        text: &str,
        after: Option<i64>,
    ) -> Result<Option<Message>, SendError> {
        let (address, part) = (address(to), plain(text));
        let after = after.map(Message::new);
        let letter = letter(&address, nonce, &part);
        let lost = Lost {
            letter,
            left_at: Time::from_ms(0),
            after: after.as_ref(),
            newest: None,
            taken: &[],
        };
        self.bot.find(&lost).await
    }
}

fn address(place: impl Into<Place>) -> Address {
    let Place { chat, thread } = place.into();
    match thread {
        Some(thread) => format!("telegram:main:{chat}:{thread}"),
        None => format!("telegram:main:{chat}"),
    }
    .parse()
    .unwrap()
}

fn plain(text: &str) -> Part {
    Part {
        text: text.to_owned(),
        spans: Vec::new(),
    }
}

fn letter<'a>(address: &'a Address, nonce: &'a str, part: &'a Part) -> Letter<'a> {
    let id = OutboundId::new(&Ids::new(Clock::System, Some(1)));
    Letter {
        id,
        nonce,
        address,
        part,
        buttons: &[],
        reply_to: None,
        interaction: None,
        attached: None,
    }
}

fn text(text: &str) -> What {
    What::Text {
        text: text.to_owned(),
    }
}

/// What is logged on this thread while the guard lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        crate::world::hear_every_line();
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn count(&self, words: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap())
            .matches(words)
            .count()
    }

    /// Waits until a line was logged; the simulator's own news are the occasions to look.
    async fn until(&self, sim: &Sim, words: &str) {
        sim.until(words, |_| self.count(words) > 0).await;
    }
}
