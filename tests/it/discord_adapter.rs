//! The Discord adapter against the simulator: what comes in, what goes out, what breaks.

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
    Desk, Edit, Fatal, FetchError, Inbox, Letter, Lost, Notes, Platform, SendError,
};

use crate::sim::discord::{self as sim, Kind, When, route};

const SOON: Duration = Duration::from_secs(10);

/// The notes of an adapter, kept over its restarts.
#[derive(Default)]
struct Memory {
    notes: Mutex<BTreeMap<String, String>>,
    chats: Mutex<BTreeMap<Address, Message>>,
}

#[async_trait]
impl Notes for Memory {
    async fn read(&self, account: &str, name: &str) -> Option<String> {
        self.notes
            .lock()
            .unwrap()
            .get(&format!("{account}/{name}"))
            .cloned()
    }

    async fn write(&self, account: &str, name: &str, value: &str) {
        let key = format!("{account}/{name}");
        self.notes.lock().unwrap().insert(key, value.to_owned());
    }

    async fn conversations(&self, _: &str, limit: usize) -> Vec<(Address, Option<Message>)> {
        let chats = self.chats.lock().unwrap();
        chats
            .iter()
            .take(limit)
            .map(|(address, newest)| (address.clone(), Some(newest.clone())))
            .collect()
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
                let well = !*stored.refuse.lock().unwrap();
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
        }
    }

    fn lost<'a>(&'a self, stage: &Stage, after: Option<&'a Message>) -> Lost<'a> {
        Lost {
            letter: self.letter(),
            left_at: stage.clock.now(),
            after,
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

#[tokio::test]
async fn messages_come_in_whole_and_in_order() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let guild = stage.discord.guild("label");
    let channel = stage.discord.channel(guild, "general");
    let thread = stage.discord.thread(channel, "tour");
    stage.up().await;
    let first = stage.discord.whispers(ann, "hello");
    stage.discord.says(ann, channel, "among ourselves");
    stage.discord.mentions(ann, thread, "what now?");
    stage.discord.edits(first, "hello there");
    let items = stage.comes(4).await;
    assert_eq!(
        texts(&items),
        ["hello", "among ourselves", "what now?", "hello there"]
    );
    let addressed: Vec<bool> = items.iter().map(|item| item.addressed).collect();
    assert_eq!(addressed, [true, false, true, true]);
    assert_eq!(items[0].setting, Setting::Direct);
    assert_eq!(items[2].setting, Setting::Group);
    assert_eq!(items[2].address, stage.address(thread));
    assert!(matches!(items[3].what, What::Edited { .. }));
    assert_eq!(items[3].message, Some(Message::new(first)));
    assert!(items.windows(2).all(|pair| pair[0].order < pair[1].order));
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn without_the_content_intent_mentions_and_direct_messages_work() {
    let config = sim::Config {
        privileged_intents: 0,
        ..Default::default()
    };
    let mut stage = Stage::with(config, |settings| settings.message_content = false).await;
    let ann = stage.discord.user("ann");
    let guild = stage.discord.guild("label");
    let channel = stage.discord.channel(guild, "general");
    stage.up().await;
    stage.discord.says(ann, channel, "not for you");
    stage.discord.mentions(ann, channel, "for you");
    stage.discord.whispers(ann, "direct");
    assert_eq!(texts(&stage.comes(2).await), ["for you", "direct"]);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_forbidden_intent_is_explained_in_one_sentence() {
    let config = sim::Config {
        privileged_intents: 0,
        ..Default::default()
    };
    let mut stage = Stage::with(config, |_| {}).await;
    stage.start();
    assert!(
        stage
            .ended()
            .await
            .contains("discord.message_content = false")
    );
}

#[tokio::test]
async fn fatal_close_codes_end_it_and_name_the_setting() {
    for (code, setting) in [
        (4004, "discord.token"),
        (4010, "discord.shards"),
        (4011, "discord.shards"),
        (4012, "discord.api_url"),
        (4013, "discord.message_content"),
    ] {
        let mut stage = Stage::new().await;
        stage.up().await;
        stage.discord.close_gateway(code);
        let reason = stage.ended().await;
        assert!(reason.contains(setting), "{code}: {reason}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_before_the_gateway() {
    let mut stage = Stage::with(Default::default(), |s| s.token = "other".to_owned()).await;
    stage.start();
    let reason = stage.ended().await;
    assert!(reason.contains("discord.token") && !reason.contains("other"));
    assert!(stage.adapter.check().await.is_err());
}

#[tokio::test]
async fn a_gateway_on_another_host_never_sees_the_token() {
    let app = axum::Router::new().fallback(|| async {
        axum::Json(json!({ "url": "wss://gateway.discord.gg", "shards": 1 }))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let api = format!("http://127.0.0.1:{port}/api");
    let mut stage = Stage::with(Default::default(), |s| s.api_url = api).await;
    stage.start();
    assert!(
        stage
            .ended()
            .await
            .contains("is not on the host of `discord.api_url`")
    );
}

#[tokio::test]
async fn a_platform_that_is_away_at_the_start_is_waited_for() {
    let mut stage = Stage::new().await;
    stage
        .discord
        .fail(route::GATEWAY_BOT, When::Times(2), Kind::Status(503));
    stage.up().await;
    stage.down().await;
}

#[tokio::test]
async fn a_broken_line_is_resumed_and_nothing_is_lost() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    stage.up().await;
    stage.discord.whispers(ann, "one");
    stage.comes(1).await;
    for round in 1..=4 {
        match round {
            1 => stage.discord.drop_connections().await,
            2 => stage.discord.close_gateway(4000),
            3 => stage.discord.ask_reconnect(),
            _ => stage.discord.invalidate(true),
        }
        stage.discord.whispers(ann, "more");
        stage.comes(1 + round).await;
        assert!(
            stage
                .discord
                .wait_until(SOON, |d| d.resumes() == round)
                .await
        );
    }
    assert_eq!(stage.discord.identifies().len(), 1);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_silent_line_is_noticed_and_resumed() {
    let config = sim::Config {
        heartbeat: Duration::from_millis(200),
        withhold_acks: true,
        ..Default::default()
    };
    let mut stage = Stage::with(config, |_| {}).await;
    stage.up().await;
    assert!(stage.discord.wait_until(SOON, |d| d.resumes() == 1).await);
    stage.discord.withhold_acks(false);
    let ann = stage.discord.user("ann");
    stage.discord.whispers(ann, "still there?");
    stage.comes(1).await;
    assert_eq!(stage.discord.identifies().len(), 1);
    stage.down().await;
}

#[tokio::test]
async fn a_restarted_process_resumes_and_gets_the_press_it_missed() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    stage.discord.whispers(ann, "one");
    stage.comes(1).await;
    let mut draft = stage.letter(channel, "Approve?");
    draft.buttons = vec![vec![Button {
        label: "Yes".to_owned(),
        data: "yes:1".to_owned(),
    }]];
    stage.adapter.send(&draft.letter()).await.unwrap();
    stage.down().await;
    stage.discord.whispers(ann, "two");
    stage.discord.press(ann, channel, "Yes");
    stage.restart(|_| {}).await;
    let items = stage.comes(3).await;
    assert_eq!(texts(&items)[1], "two");
    assert!(matches!(&items[2].what, What::Press { data, .. } if data == "yes:1"));
    assert_eq!(
        (stage.discord.resumes(), stage.discord.identifies().len()),
        (1, 1)
    );
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_fresh_session_reads_up_what_was_said_meanwhile() {
    let mut stage = Stage::new().await;
    let (ann, bob) = (stage.discord.user("ann"), stage.discord.user("bob"));
    let guild = stage.discord.guild("label");
    let channel = stage.discord.channel(guild, "general");
    stage.up().await;
    stage.discord.whispers(ann, "one");
    stage.discord.mentions(bob, channel, "two");
    stage.comes(2).await;
    stage.down().await;
    stage.discord.forget_sessions();
    for number in 0..130 {
        stage.discord.whispers(ann, &format!("missed {number}"));
    }
    stage.discord.mentions(bob, channel, "missed too");
    stage
        .discord
        .fail(route::HISTORY, When::Times(1), Kind::Status(500));
    stage.restart(|_| {}).await;
    stage.discord.whispers(ann, "live");
    let items = stage.comes(134).await;
    let direct: Vec<_> = items
        .iter()
        .filter(|i| i.setting == Setting::Direct)
        .collect();
    assert_eq!(direct.len(), 132);
    let group: Vec<_> = items
        .iter()
        .filter(|i| i.setting == Setting::Group)
        .collect();
    assert_eq!(group.len(), 2);
    assert!(group.iter().all(|item| item.addressed));
    assert_eq!(stage.discord.identifies().len(), 2);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn what_cannot_be_stored_is_offered_again() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    stage.up().await;
    *stage.stored.refuse.lock().unwrap() = true;
    stage.discord.whispers(ann, "kept");
    stage.stored.changed.notified().await;
    *stage.stored.refuse.lock().unwrap() = false;
    assert_eq!(texts(&stage.comes(1).await), ["kept"]);
    stage.down().await;
}

#[tokio::test]
async fn events_nobody_knows_are_passed_over() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    stage.up().await;
    stage
        .discord
        .inject("BRAND_NEW_THING", None, json!({ "a": 1 }));
    stage
        .discord
        .inject("MESSAGE_CREATE", None, json!({ "id": "nonsense" }));
    stage.discord.inject_raw("{not json");
    stage.discord.whispers(ann, "after");
    assert_eq!(texts(&stage.comes(1).await), ["after"]);
    stage.down().await;
}

#[tokio::test]
async fn a_command_is_deferred_and_its_reply_filled() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.commands().len() == 2)
            .await
    );
    let asked = stage
        .discord
        .slash(ann, channel, "why", &[("words", json!("the last one"))]);
    let item = stage.comes(1).await.remove(0);
    let What::Command { name, args } = &item.what else {
        panic!("a command")
    };
    assert_eq!((name.as_str(), args.as_str()), ("why", "the last one"));
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.interaction(asked).response == Some(5))
            .await
    );
    let draft = stage.letter(channel, "Because.");
    let letter = Letter {
        interaction: item.interaction.as_ref(),
        ..draft.letter()
    };
    let message = stage.adapter.send(&letter).await.unwrap();
    // Doing it again is harmless.
    assert_eq!(stage.adapter.send(&letter).await.unwrap(), message);
    let answered = stage.discord.interaction(asked);
    assert_eq!(answered.content.as_deref(), Some("Because."));
    assert!(!answered.loading);
    let part = Part {
        text: "Because I read it.".to_owned(),
        spans: Vec::new(),
    };
    let edit = Edit {
        address: &draft.address,
        message: &message,
        part: &part,
        buttons: &[],
        growing: false,
        interaction: item.interaction.as_ref(),
    };
    stage.adapter.edit(&edit).await.unwrap();
    assert_eq!(stage.discord.bot_messages(channel).len(), 1);
    assert_eq!(
        stage.discord.bot_messages(channel)[0].content,
        "Because I read it."
    );
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_spent_interaction_becomes_an_ordinary_message() {
    let config = sim::Config {
        token_life: Duration::ZERO,
        ..Default::default()
    };
    let mut stage = Stage::with(config, |_| {}).await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.commands().len() == 2)
            .await
    );
    stage.discord.slash(ann, channel, "start", &[]);
    let item = stage.comes(1).await.remove(0);
    let draft = stage.letter(channel, "Hello.");
    let letter = Letter {
        interaction: item.interaction.as_ref(),
        ..draft.letter()
    };
    stage.adapter.send(&letter).await.unwrap();
    assert_eq!(stage.discord.calls(route::SEND).len(), 1);
    stage.clock.advance(Duration::from_secs(900));
    stage.adapter.send(&letter).await.unwrap();
    assert_eq!(stage.discord.calls(route::EDIT_ORIGINAL).len(), 1);
    stage.down().await;
}

#[tokio::test]
async fn a_press_is_acknowledged_while_the_store_is_stuck() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    let mut draft = stage.letter(channel, "Well?");
    draft.buttons = vec![vec![
        Button {
            label: "Yes".to_owned(),
            data: "yes:1".to_owned(),
        },
        Button {
            label: "Tell".to_owned(),
            data: "form:note:1".to_owned(),
        },
    ]];
    let card = stage.adapter.send(&draft.letter()).await.unwrap();
    *stage.stored.refuse.lock().unwrap() = true;
    let press = stage.discord.press(ann, channel, "Yes");
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.interaction(press).response == Some(6))
            .await
    );
    *stage.stored.refuse.lock().unwrap() = false;
    let item = stage.comes(1).await.remove(0);
    assert_eq!(
        item.what,
        What::Press {
            data: "yes:1".to_owned(),
            values: Vec::new(),
            card: Some(card.clone())
        }
    );
    assert!(!item.interaction.as_ref().unwrap().deferred);
    let press = stage.discord.press(ann, channel, "Tell");
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.interaction(press).response == Some(9))
            .await
    );
    stage.discord.submit(press, &[("words", "Too loud")]);
    let item = stage.comes(2).await.remove(1);
    let fields = BTreeMap::from([("words".to_owned(), "Too loud".to_owned())]);
    assert_eq!(
        item.what,
        What::Form {
            data: "form:note:1".to_owned(),
            fields
        }
    );
    stage
        .adapter
        .set_buttons(&draft.address, &card, &[])
        .await
        .unwrap();
    let message = stage.discord.bot_messages(channel).remove(0);
    assert_eq!(
        (message.content.as_str(), message.buttons.len()),
        ("Well?", 0)
    );
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_failed_acknowledgement_loses_nothing() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.commands().len() == 2)
            .await
    );
    stage
        .discord
        .fail(route::CALLBACK, When::Times(1), Kind::Status(500));
    stage.discord.slash(ann, channel, "start", &[]);
    let item = stage.comes(1).await.remove(0);
    let draft = stage.letter(channel, "Hello.");
    let letter = Letter {
        interaction: item.interaction.as_ref(),
        ..draft.letter()
    };
    stage.adapter.send(&letter).await.unwrap();
    assert_eq!(stage.discord.bot_messages(channel).len(), 1);
    stage.down().await;
}

#[tokio::test]
async fn commands_are_written_only_when_they_changed() {
    let mut stage = Stage::new().await;
    stage.up().await;
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.command_writes() == 1)
            .await
    );
    stage.restart(|_| {}).await;
    let looks = |d: &sim::Discord| d.calls("GET /applications/{application_id}/commands").len();
    assert!(stage.discord.wait_until(SOON, |d| looks(d) == 2).await);
    stage.down().await;
    assert_eq!(stage.discord.command_writes(), 1);
    stage.clean();
}

#[tokio::test]
async fn a_message_says_what_it_should_and_rings_nobody() {
    let stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let guild = stage.discord.guild("label");
    let channel = stage.discord.channel(guild, "general");
    let asked = stage.discord.says(ann, channel, "hm");
    let draft = stage.letter(channel, &format!("@everyone <@{ann}> https://example.org"));
    let answered = Message::new(asked);
    let letter = Letter {
        reply_to: Some(&answered),
        ..draft.letter()
    };
    let message = stage.adapter.send(&letter).await.unwrap();
    stage.adapter.typing(&draft.address).await.unwrap();
    let seen = stage.discord.bot_messages(channel).remove(0);
    assert_eq!(message.as_str(), seen.id.to_string());
    assert_eq!(seen.reply_to, Some(asked));
    assert!(seen.pings.is_empty() && !seen.pings_everyone);
    assert_eq!(seen.nonce.as_deref(), Some(draft.nonce.as_str()));
    assert_eq!(stage.discord.calls(route::SEND)[0].body["flags"], 4);
    assert_eq!(stage.discord.typing_in(channel), 1);
    stage.clean();
}

#[tokio::test]
async fn a_429_is_told_in_full_and_nothing_is_sent_before_it_passed() {
    let stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    let refusal = Kind::RateLimited {
        after: 30.25,
        global: false,
    };
    stage.discord.fail(route::SEND, When::Times(1), refusal);
    let draft = stage.letter(channel, "Hello.");
    let first = stage.adapter.send(&draft.letter()).await.unwrap_err();
    let after = Duration::from_millis(30_250);
    assert_eq!(first, SendError::RateLimited { after, all: false });
    let second = stage.adapter.send(&draft.letter()).await.unwrap_err();
    assert!(
        matches!(second, SendError::RateLimited { after, all: false } if after.as_secs() >= 29)
    );
    assert_eq!(stage.discord.calls(route::SEND).len(), 1);
    let other = stage.discord.dm(stage.discord.user("bob"));
    stage
        .adapter
        .send(&stage.letter(other, "Hello.").letter())
        .await
        .unwrap();
    let refusal = Kind::RateLimited {
        after: 20.0,
        global: true,
    };
    stage.discord.fail(route::SEND, When::Times(1), refusal);
    let global = stage
        .adapter
        .send(&stage.letter(other, "More.").letter())
        .await
        .unwrap_err();
    assert!(matches!(global, SendError::RateLimited { all: true, .. }));
    assert!(stage.adapter.typing(&stage.address(other)).await.is_err());
    stage.clean();
}

#[tokio::test]
async fn an_exhausted_bucket_is_not_knocked_at() {
    let config = sim::Config {
        enforce_rates: true,
        ..Default::default()
    };
    let stage = Stage::with(config, |_| {}).await;
    let channel = stage.discord.dm(stage.discord.user("ann"));
    let mut refused = 0;
    for _ in 0..8 {
        let draft = stage.letter(channel, "Hello.");
        if stage.adapter.send(&draft.letter()).await.is_err() {
            refused += 1;
        }
    }
    assert_eq!(refused, 3);
    assert_eq!(stage.discord.calls(route::SEND).len(), 5);
    assert_eq!(stage.discord.invalid_requests(), 0);
    stage.clean();
}

#[tokio::test]
async fn failures_are_sorted() {
    let stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let dm = stage.discord.dm(ann);
    let guild = stage.discord.guild("label");
    let channel = stage.discord.channel(guild, "general");
    let send = async |channel| {
        stage
            .adapter
            .send(&stage.letter(channel, "Hi.").letter())
            .await
    };
    stage.discord.close_dms(ann, true);
    assert!(matches!(send(dm).await, Err(SendError::Gone(_))));
    stage.discord.read_only(channel, true);
    assert!(matches!(send(channel).await, Err(SendError::Rejected(_))));
    stage.discord.hide(channel, true);
    assert!(matches!(send(channel).await, Err(SendError::Gone(_))));
    assert!(matches!(
        send(sim::Channel(77)).await,
        Err(SendError::Gone(_))
    ));
    stage.discord.close_dms(ann, false);
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::Html(502));
    assert!(matches!(send(dm).await, Err(SendError::Unknown(_))));
    stage.discord.fail(route::SEND, When::Times(1), Kind::Reset);
    assert!(matches!(send(dm).await, Err(SendError::Unknown(_))));
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::ApplyThenReset);
    assert!(matches!(send(dm).await, Err(SendError::Unknown(_))));
    let long = "x".repeat(2_001);
    let refused = stage.adapter.send(&stage.letter(dm, &long).letter()).await;
    assert!(matches!(refused, Err(SendError::Rejected(_))));
}

#[tokio::test]
async fn the_nonce_keeps_a_lost_letter_single() {
    let stage = Stage::new().await;
    let channel = stage.discord.dm(stage.discord.user("ann"));
    let draft = stage.letter(channel, "Only once.");
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::ApplyThenReset);
    assert!(stage.adapter.send(&draft.letter()).await.is_err());
    let lost = draft.lost(&stage, None);
    assert_eq!(stage.adapter.find(&lost).await.unwrap(), None);
    let message = stage.adapter.send(&draft.letter()).await.unwrap();
    let standing = stage.discord.bot_messages(channel);
    assert_eq!(standing.len(), 1);
    assert_eq!(standing[0].id.to_string(), message.as_str());
}

#[tokio::test]
async fn an_old_lost_letter_is_found_in_the_history() {
    let stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    let before = Message::new(stage.discord.whispers(ann, "Hello?"));
    let taken = stage.letter(channel, "Found again.");
    let taken = stage.adapter.send(&taken.letter()).await.unwrap();
    let draft = stage.letter(channel, "Found again.");
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::ApplyThenReset);
    assert!(stage.adapter.send(&draft.letter()).await.is_err());
    for _ in 0..150 {
        stage.discord.whispers(ann, "and on");
    }
    let lost = Lost {
        taken: std::slice::from_ref(&taken),
        ..draft.lost(&stage, Some(&before))
    };
    stage.clock.advance(Duration::from_secs(3_600));
    let found = stage.adapter.find(&lost).await.unwrap().unwrap();
    assert_ne!(found, taken);
    assert!(
        stage
            .discord
            .bot_messages(channel)
            .iter()
            .any(|m| m.id.to_string() == found.as_str())
    );
    let never = stage.letter(channel, "Never sent.");
    let lost = Lost {
        left_at: lost.left_at,
        taken: &[taken, found],
        ..never.lost(&stage, Some(&before))
    };
    assert_eq!(stage.adapter.find(&lost).await.unwrap(), None);
}

#[tokio::test]
async fn a_lost_preview_is_adopted_and_finished() {
    let stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    let before = Message::new(stage.discord.whispers(ann, "Tell me"));
    let mut draft = stage.letter(channel, "Your single is");
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::ApplyThenReset);
    assert!(stage.adapter.send(&draft.letter()).await.is_err());
    draft.part.text = "Your single is out on Friday.".to_owned();
    let lost = draft.lost(&stage, Some(&before));
    stage.clock.advance(Duration::from_secs(3_600));
    stage.adapter.find(&lost).await.unwrap().unwrap();
    let standing = stage.discord.bot_messages(channel);
    assert_eq!(standing.len(), 1);
    assert_eq!(standing[0].content, "Your single is out on Friday.");
    stage.clean();
}

#[tokio::test]
async fn files_are_streamed_up_to_the_limit() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    stage.discord.attaches(
        ann,
        channel,
        "my statement",
        ("a.csv", "text/csv", b"1,2,3"),
    );
    let item = stage.comes(1).await.remove(0);
    let What::Media {
        mut file, caption, ..
    } = item.what
    else {
        panic!("a file")
    };
    assert_eq!(
        (caption.as_str(), file.name.as_deref()),
        ("my statement", Some("a.csv"))
    );
    let pieces: Vec<_> = stage
        .adapter
        .fetch(&file, 5)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(pieces.concat(), b"1,2,3");
    let over = stage.adapter.fetch(&file, 4).await;
    assert!(matches!(over, Err(FetchError::TooLarge { limit: 4 })));
    file.size = None;
    let over = match stage.adapter.fetch(&file, 4).await {
        Ok(stream) => stream.try_collect::<Vec<_>>().await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(over, Err(FetchError::TooLarge { limit: 4 })));
    let known = file.handle.clone();
    file.handle = format!("{}/gone", known);
    let fresh = stage.adapter.fetch(&file, 5).await.unwrap();
    assert_eq!(
        fresh.try_collect::<Vec<_>>().await.unwrap().concat(),
        b"1,2,3"
    );
    file.handle = "http://127.0.0.1:1/etc/passwd".to_owned();
    assert!(matches!(
        stage.adapter.fetch(&file, 5).await,
        Err(FetchError::Failed(_))
    ));
    stage.down().await;
}

#[tokio::test]
async fn doctor_hears_who_we_are_or_what_is_wrong() {
    let stage = Stage::new().await;
    assert!(stage.adapter.check().await.unwrap().contains("toney"));
    stage.discord.grant_intents(0);
    let wrong = stage.adapter.check().await.unwrap_err().0;
    assert!(wrong.contains("discord.message_content = false"));
}

#[tokio::test]
async fn a_gap_that_was_not_read_up_is_left_to_the_next_process() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    stage.up().await;
    stage.discord.whispers(ann, "one");
    stage.comes(1).await;
    stage.down().await;
    stage.discord.forget_sessions();
    stage.discord.whispers(ann, "missed");
    stage
        .discord
        .fail(route::HISTORY, When::Always, Kind::Status(500));
    stage.restart(|_| {}).await;
    // The newest message known now lies behind the gap.
    stage.discord.whispers(ann, "live");
    assert_eq!(texts(&stage.comes(2).await), ["one", "live"]);
    stage.down().await;
    stage.discord.heal();
    stage.restart(|_| {}).await;
    assert_eq!(texts(&stage.comes(3).await), ["one", "live", "missed"]);
    assert_eq!(stage.discord.resumes(), 1);
    stage.down().await;
    let noted = stage
        .memory
        .notes
        .lock()
        .unwrap()
        .get("discord:main/gaps")
        .cloned();
    assert_eq!(noted.as_deref(), Some("{}"));
}
