//! The Telegram adapter alone against the simulated Bot API: what it hands over and when it confirms,
//! how it takes outages and rivals, and what it makes of every kind of failed send.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures::TryStreamExt;
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toney::model::{
    Address, Button, Clock, Ids, Inbound, Membership, Message, OutboundId, Part, Span, Style, Time,
    What,
};
use toney::platform::telegram::{Settings, Telegram};
use toney::platform::{
    Delivery, Desk, Edit, Fatal, FetchError, Inbox, Letter, Lost, Notes, Platform, SendError,
    Webhook,
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
    async fn read(&self, account: &str, name: &str) -> Option<String> {
        let key = format!("{account}/{name}");
        self.0
            .lock()
            .unwrap()
            .iter()
            .rev()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value.clone())
    }

    async fn write(&self, account: &str, name: &str, value: &str) {
        self.0
            .lock()
            .unwrap()
            .push((format!("{account}/{name}"), value.to_owned()));
    }

    async fn conversations(
        &self,
        _account: &str,
        _limit: usize,
    ) -> Vec<(Address, Option<Message>)> {
        Vec::new()
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

#[tokio::test]
async fn what_is_said_arrives_in_order_and_is_confirmed_once_it_is_stored() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.items(0).await;
    rig.kept.full.store(true, Ordering::SeqCst);
    rig.sim.says(ann, ann, "one");
    rig.sim.says(ann, ann, "two");
    rig.until("a refusal", |kept| {
        kept.refused.load(Ordering::SeqCst).then_some(())
    })
    .await;
    assert_eq!(rig.sim.look(State::unconfirmed), 2);
    rig.kept.full.store(false, Ordering::SeqCst);

    let items = rig.items(2).await;
    assert_eq!(
        items
            .iter()
            .map(|item| item.what.clone())
            .collect::<Vec<_>>(),
        [text("one"), text("two")]
    );
    assert_eq!(items[0].key, "telegram:main:500001");
    rig.sim
        .until("the confirmation", |sim| sim.unconfirmed() == 0)
        .await;
    assert_eq!(rig.items(2).await.len(), 2);
    rig.sim.assert_done();
    rig.end().await;
}

#[tokio::test]
async fn kinds_that_do_not_exist_yet_are_skipped() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.push_raw(json!({"thought": {"text": "?"}}));
    rig.sim
        .push_raw(json!({"message": {"message_id": "odd", "chat": 5}}));
    rig.sim.says(ann, ann, "hello");
    assert_eq!(rig.last(1).await.what, text("hello"));
    rig.sim
        .until("the confirmation", |sim| sim.unconfirmed() == 0)
        .await;
    rig.sim.take_violations();
    rig.end().await;
}

#[tokio::test]
async fn a_press_is_answered_once_it_is_stored() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "hi");
    rig.items(1).await;
    let (address, part) = (address(ann), plain("Well?"));
    let buttons = vec![vec![Button {
        label: "Yes".to_owned(),
        data: "yes:1".to_owned(),
    }]];
    let card = rig
        .bot
        .send(&Letter {
            buttons: &buttons,
            ..letter(&address, "n", &part)
        })
        .await
        .unwrap();
    rig.kept.full.store(true, Ordering::SeqCst);
    let press = rig.sim.presses_last(ann, ann, "Yes");
    rig.until("a refusal", |kept| {
        kept.refused.load(Ordering::SeqCst).then_some(())
    })
    .await;
    assert!(rig.sim.answer(&press).is_none());
    rig.kept.full.store(false, Ordering::SeqCst);
    rig.sim.until_answered(&press).await;
    let What::Press {
        data,
        values,
        card: under,
    } = rig.last(2).await.what
    else {
        panic!("a press is expected");
    };
    assert_eq!(
        (data.as_str(), values.len(), under),
        ("yes:1", 0, Some(card))
    );
    rig.end().await;
}

#[tokio::test]
async fn a_rival_is_said_once_and_so_is_its_end() {
    let (log, _guard) = Log::listen();
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.until("a waiting poll", State::polling).await;
    let rival = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/bot{}/getUpdates", rig.sim.url(), rig.sim.token());
    for _ in 0..3 {
        rig.sim.until("a waiting poll", State::polling).await;
        rival
            .post(&url)
            .json(&json!({"timeout": 0}))
            .send()
            .await
            .unwrap();
    }
    rig.sim.says(ann, ann, "still there?");
    assert_eq!(rig.last(1).await.what, text("still there?"));
    log.until(&rig.sim, "Nobody else receives").await;
    assert_eq!(log.count("Another program receives"), 1);
    assert_eq!(log.count("Nobody else receives"), 1);
    rig.end().await;
}

#[tokio::test]
async fn a_poll_that_hangs_is_given_up() {
    let (log, _guard) = Log::listen();
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.until("a waiting poll", State::polling).await;
    rig.sim.fault(On::method("getUpdates"), Fault::Hang);
    rig.sim.says(ann, ann, "one");
    rig.sim.says(ann, ann, "two");
    rig.items(2).await;
    log.until(&rig.sim, "left a poll without an answer").await;
    log.until(&rig.sim, "are answered again").await;
    rig.sim.clear_faults();
    rig.end().await;
}

#[tokio::test]
async fn an_outage_is_said_once_and_nothing_is_lost() {
    let (log, _guard) = Log::listen();
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "one");
    rig.items(1).await;
    rig.sim.stop_listening();
    let failed = rig.send(ann, "n", "hello").await;
    assert!(matches!(failed, Err(SendError::NotSent(_))), "{failed:?}");
    rig.sim.says(ann, ann, "two");
    rig.sim.start_listening().await;
    assert_eq!(rig.last(2).await.what, text("two"));
    log.until(&rig.sim, "can be reached again").await;
    assert_eq!(log.count("cannot be reached"), 1);
    for code in [500, 502] {
        rig.sim
            .fault(On::method("getUpdates").times(2), Fault::Status(code));
    }
    rig.sim.says(ann, ann, "three");
    assert_eq!(rig.last(3).await.what, text("three"));
    assert_eq!(log.count(rig.sim.token()), 0);
    rig.end().await;
}

#[tokio::test]
async fn it_waits_for_a_telegram_that_is_not_there_at_start() {
    let sim = Sim::start(SimOptions::default()).await;
    sim.stop_listening();
    let rig = Rig::on(sim);
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "hello");
    rig.sim.start_listening().await;
    assert_eq!(rig.last(1).await.what, text("hello"));
    rig.end().await;
}

#[tokio::test]
async fn a_wrong_token_is_one_clear_sentence() {
    let sim = Sim::start(SimOptions::default()).await;
    let wrong = Settings {
        token: "7000:WRONG".to_owned(),
        ..settings(&sim)
    };
    let rig = Rig::with(sim, wrong);
    let Rig { running, bot, .. } = rig;
    let Fatal(said) = running.await.unwrap().unwrap_err();
    assert!(
        said.contains("TELEGRAM_BOT_TOKEN") && !said.contains("WRONG"),
        "{said}"
    );
    let Fatal(said) = bot.check().await.unwrap_err();
    assert!(
        said.contains("TELEGRAM_BOT_TOKEN") && !said.contains("WRONG"),
        "{said}"
    );
}

#[tokio::test]
async fn commands_are_told_when_they_changed_and_a_webhook_gives_way() {
    let rig = Rig::start().await;
    rig.sim
        .until("the commands", |sim| sim.calls("setMyCommands") == 1)
        .await;
    assert_eq!(
        rig.sim.commands(),
        [("help".to_owned(), "What I can do".to_owned())]
    );
    let said = rig.bot.check().await.unwrap();
    assert!(
        said.contains("@toney_bot") && said.contains("polled"),
        "{said}"
    );
    let sim = rig.sim.clone();
    rig.end().await;

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let hook = format!("{}/bot{}/setWebhook", sim.url(), sim.token());
    http.post(hook)
        .json(&json!({"url": "https://example.com/x"}))
        .send()
        .await
        .unwrap();
    let ann = sim.person("ann");
    sim.says(ann, ann, "kept");
    let again = Rig::on(sim);
    assert_eq!(again.last(1).await.what, text("kept"));
    again
        .sim
        .until("the commands", |sim| sim.calls("getMyCommands") == 2)
        .await;
    assert_eq!(
        (
            again.sim.calls("setMyCommands"),
            again.sim.calls("deleteWebhook")
        ),
        (1, 1)
    );
    again.end().await;
}

#[tokio::test]
async fn a_message_goes_out_and_changes() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    let asked = rig.sim.says(ann, ann, "hi");
    rig.items(1).await;
    let address = address(ann);
    let part = Part {
        text: "🎵 bold".to_owned(),
        spans: vec![Span {
            start: 3,
            len: 4,
            style: Style::Bold,
        }],
    };
    let buttons = vec![vec![Button {
        label: "Yes".to_owned(),
        data: "yes:1".to_owned(),
    }]];
    let reply = Message::new(asked);
    let sent = Letter {
        buttons: &buttons,
        reply_to: Some(&reply),
        ..letter(&address, "n", &part)
    };
    let message = rig.bot.send(&sent).await.unwrap();
    let seen = rig.sim.transcript(ann).pop().unwrap();
    assert_eq!(seen.id.to_string(), message.as_str());
    assert_eq!(
        seen.entities,
        [json!({"type": "bold", "offset": 3, "length": 4})]
    );
    assert_eq!((seen.reply_to, seen.buttons.len()), (Some(asked), 1));

    let new = plain("other");
    let edit = Edit {
        address: &address,
        message: &message,
        part: &new,
        buttons: &buttons,
        growing: false,
        interaction: None,
    };
    assert_eq!(rig.bot.edit(&edit).await, Ok(()));
    assert_eq!(rig.bot.edit(&edit).await, Ok(()));
    assert_eq!(rig.bot.set_buttons(&address, &message, &[]).await, Ok(()));
    assert_eq!(rig.bot.set_buttons(&address, &message, &[]).await, Ok(()));
    assert_eq!(rig.bot.typing(&address).await, Ok(()));
    assert_eq!(rig.sim.render(ann), "ann: hi\ntoney: other");
    let nowhere = Message::new(99_999);
    let failed = rig
        .bot
        .edit(&Edit {
            message: &nowhere,
            ..edit
        })
        .await;
    assert!(matches!(failed, Err(SendError::Rejected(_))), "{failed:?}");
    rig.end().await;
}

#[tokio::test]
async fn a_send_that_fails_says_what_is_to_be_done() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "hi");
    rig.items(1).await;

    rig.sim.fault(On::method("sendMessage"), Fault::TooMany(37));
    let slow = rig.send(ann, "n", "x").await;
    assert_eq!(
        slow,
        Err(SendError::RateLimited {
            after: Duration::from_secs(37),
            all: false
        })
    );
    rig.sim.forget_rates();
    for fault in [
        Fault::Status(500),
        Fault::Html(502),
        Fault::Html(200),
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::HalfAnswer,
    ] {
        rig.sim.fault(On::method("sendMessage"), fault);
        let failed = rig.send(ann, "n", "x").await;
        assert!(
            matches!(failed, Err(SendError::Unknown(_))),
            "{fault:?}: {failed:?}"
        );
    }
    let long = rig.send(ann, "n", &"x".repeat(4097)).await;
    assert!(matches!(long, Err(SendError::Rejected(_))), "{long:?}");
    rig.sim.take_violations();

    rig.sim.blocks(ann);
    let gone = rig.send(ann, "n", "x").await;
    assert!(matches!(gone, Err(SendError::Gone(_))), "{gone:?}");
    assert_eq!(
        rig.last(2).await.what,
        What::Membership {
            change: Membership::Gone
        }
    );
    rig.sim.unblocks(ann);
    assert_eq!(
        rig.last(3).await.what,
        What::Membership {
            change: Membership::Back
        }
    );
    rig.end().await;
}

#[tokio::test]
async fn a_group_that_moves_takes_its_messages_along() {
    let rig = Rig::start().await;
    let bob = rig.sim.person("bob");
    let old = rig.sim.group("band");
    let new = rig.sim.migrate_to_supergroup(bob, old);
    let items = rig.items(1).await;
    let moved = items
        .iter()
        .find(|item| matches!(item.what, What::Migrated { .. }))
        .unwrap();
    assert_eq!(moved.address, address(old));
    assert_eq!(
        moved.what,
        What::Migrated {
            to: address(new).chat
        }
    );
    assert_eq!(
        rig.send(old, "n", "x").await,
        Err(SendError::Moved(address(new).chat))
    );
    rig.send(new, "n", "x").await.unwrap();
    rig.end().await;
}

#[tokio::test]
async fn a_lost_message_is_found_among_others() {
    let rig = Rig::start().await;
    let (ann, bob) = (rig.sim.person("ann"), rig.sim.person("bob"));
    let asked = rig.sim.says(ann, ann, "hi");
    rig.items(1).await;
    // Ids of private chats count up for all of them: bob's lines lie between.
    for line in 0..3 {
        rig.sim.says(bob, bob, &format!("line {line}"));
    }
    rig.send(bob, "b", "for bob").await.unwrap();
    rig.sim.fault(On::method("sendMessage"), Fault::ResetAfter);
    let lost = rig.send(ann, "a", "for ann").await;
    assert!(matches!(lost, Err(SendError::Unknown(_))), "{lost:?}");
    rig.sim
        .fault(On::method("editMessageText"), Fault::TooMany(1));
    let slow = rig.find(ann, "a", "for ann", Some(asked)).await;
    assert!(
        matches!(slow, Err(SendError::RateLimited { .. })),
        "{slow:?}"
    );
    rig.sim.forget_rates();
    let found = rig
        .find(ann, "a", "for ann", Some(asked))
        .await
        .unwrap()
        .unwrap();
    let stands = rig.sim.transcript(ann).pop().unwrap();
    assert_eq!(
        (found.as_str(), stands.text.as_str()),
        (stands.id.to_string().as_str(), "for ann")
    );
    assert_eq!(rig.sim.render(bob).lines().last(), Some("toney: for bob"));
    rig.end().await;
}

#[tokio::test]
async fn a_message_that_was_never_taken_is_not_found() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    let group = rig.sim.supergroup("band");
    let asked = rig.sim.says(ann, group, "/help");
    rig.items(1).await;
    rig.sim.fault(On::method("sendMessage"), Fault::ResetBefore);
    let lost = rig.send(group, "a", "for all").await;
    assert!(matches!(lost, Err(SendError::Unknown(_))), "{lost:?}");
    assert_eq!(rig.find(group, "a", "for all", Some(asked)).await, Ok(None));
    assert_eq!(rig.find(group, "a", "for all", None).await, Ok(None));
    // Answered but not recorded: the adapter still knows, even with nothing to begin after.
    let sent = rig.send(group, "c", "known").await.unwrap();
    assert_eq!(rig.find(group, "c", "known", None).await, Ok(Some(sent)));
    rig.end().await;
}

#[tokio::test]
async fn a_file_is_streamed_up_to_a_limit() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.sends(
        ann,
        ann,
        Upload::document("a.txt", "text/plain", vec![b'x'; 300_000]).caption("see"),
    );
    rig.sim.sends(
        ann,
        ann,
        Upload::document("b.bin", "application/octet-stream", vec![]).of_size(21 << 20),
    );
    let items = rig.items(2).await;
    let files: Vec<_> = items
        .iter()
        .map(|item| match &item.what {
            What::Media { file, .. } => file.clone(),
            other => panic!("a file is expected, not {other:?}"),
        })
        .collect();
    let limit = rig.bot.features().max_download;
    let pieces: Vec<_> = rig
        .bot
        .fetch(&files[0], limit)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(pieces.iter().map(bytes::Bytes::len).sum::<usize>(), 300_000);

    let mut unsized_file = files[0].clone();
    unsized_file.size = None;
    let early = rig.bot.fetch(&unsized_file, 1_000).await.err();
    assert!(
        matches!(early, Some(FetchError::TooLarge { limit: 1_000 })),
        "{early:?}"
    );
    let big = toney::model::File {
        size: None,
        ..files[1].clone()
    };
    let refused = rig.bot.fetch(&big, limit).await.err();
    assert!(
        matches!(refused, Some(FetchError::TooLarge { .. })),
        "{refused:?}"
    );
    let unknown = toney::model::File {
        handle: "nothing".to_owned(),
        ..files[0].clone()
    };
    let gone = rig.bot.fetch(&unknown, limit).await.err();
    assert!(matches!(gone, Some(FetchError::Gone)), "{gone:?}");
    rig.sim.take_violations();
    rig.end().await;
}

type Door = Arc<Mutex<Option<(Arc<Telegram>, Desk)>>>;

async fn knock(Shared(door): Shared<Door>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let open = door.lock().unwrap().clone();
    let Some((bot, desk)) = open else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    let secret = headers
        .get("x-telegram-bot-api-secret-token")
        .map(|value| value.to_str().unwrap());
    match bot.webhook(&desk, secret, &body).await {
        Webhook::Stored => StatusCode::OK,
        Webhook::Stranger => StatusCode::UNAUTHORIZED,
        Webhook::Malformed => StatusCode::BAD_REQUEST,
        Webhook::Later => StatusCode::SERVICE_UNAVAILABLE,
        Webhook::NotHere => StatusCode::NOT_FOUND,
    }
}

#[tokio::test]
async fn updates_are_brought_to_the_webhook() {
    let door = Door::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new()
        .route("/webhook/telegram/main", post(knock))
        .with_state(Arc::clone(&door));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let sim = Sim::start(SimOptions::default()).await;
    let settings = Settings {
        webhook_url: Some(url),
        webhook_secret: Some("s3cret".to_owned()),
        ..settings(&sim)
    };
    let rig = Rig::with(sim, settings);
    *door.lock().unwrap() = Some((Arc::clone(&rig.bot), rig.desk.clone()));
    rig.sim
        .until("the webhook", |sim| sim.calls("setWebhook") == 1)
        .await;

    let ann = rig.sim.person("ann");
    rig.kept.full.store(true, Ordering::SeqCst);
    rig.sim.says(ann, ann, "hello");
    rig.until("a refusal", |kept| {
        kept.refused.load(Ordering::SeqCst).then_some(())
    })
    .await;
    rig.kept.full.store(false, Ordering::SeqCst);
    assert_eq!(rig.last(1).await.what, text("hello"));

    for wrong in [None, Some(""), Some("s3creT"), Some("s3cret ")] {
        assert_eq!(
            rig.bot
                .webhook(&rig.desk, wrong, b"{\"update_id\":1}")
                .await,
            Webhook::Stranger
        );
    }
    for body in [
        &b""[..],
        b"nonsense",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"{\"update_id\":\"1\"}",
    ] {
        assert_eq!(
            rig.bot.webhook(&rig.desk, Some("s3cret"), body).await,
            Webhook::Malformed
        );
    }
    let unknown = b"{\"update_id\":9,\"thought\":{}}";
    assert_eq!(
        rig.bot.webhook(&rig.desk, Some("s3cret"), unknown).await,
        Webhook::Stored
    );
    assert_eq!(rig.items(1).await.len(), 1);

    let sim = rig.sim.clone();
    rig.end().await;
    assert_eq!(
        (sim.calls("deleteWebhook"), sim.calls("getUpdates")),
        (0, 0)
    );
}

#[tokio::test]
async fn a_polling_bot_takes_no_webhook() {
    let rig = Rig::start().await;
    assert_eq!(
        rig.bot
            .webhook(&rig.desk, Some("x"), b"{\"update_id\":1}")
            .await,
        Webhook::NotHere
    );
    rig.end().await;
}
