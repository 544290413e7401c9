//! A provider of models goes down and comes back: people notice nothing, whoever runs Toney is told once.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use tokio_util::task::AbortOnDropHandle;
use toney::health::{KIND, Watch};
use toney::llm::{self, Door, Heard, Request, Role, Task};
use toney::model::{Clock, Ids};
use toney::store::Subscription;

use crate::sim::discord::Discord;
use crate::sim::model::{Answer, Behaviour, Server};
use crate::world::{Engine, Options, PATIENCE, World, on_both, until_so};

on_both!(the_operator_is_told_once_when_it_goes_and_once_when_it_is_back);

const EVENTS: &str =
    "SELECT name FROM events WHERE name IN ('provider_down', 'provider_back') ORDER BY id";

fn watched(options: &mut Options) {
    options.spare = true;
    options.set("TONEY__OPERATOR__SETTLE_SECONDS", 1);
}

/// Every question is answered by the spare model.
fn turned_away() -> Behaviour {
    // Longer than it has to be well for, so that this is an outage; short enough for a test.
    Behaviour::answer(Answer::busy(2))
}

async fn the_operator_is_told_once_when_it_goes_and_once_when_it_is_back(engine: Engine) {
    let world = World::with(|options| {
        watched(options);
        options.engine = engine;
        // The first person on Telegram.
        options.set("TONEY_OPERATOR_CHAT", "telegram:main:1000");
    })
    .await;
    let (olga, ann) = (world.friend("olga").await, world.friend("ann").await);
    world.model.otherwise(turned_away());
    for words in ["one", "two", "three"] {
        ann.says(words);
        world.settle().await;
    }
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: one
    toney: one
    ann: two
    toney: two
    ann: three
    toney: three
    ");
    world.until_stored(EVENTS, &["provider_down"]).await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&olga), @"toney: openai is down (openai/scripted): it takes no more requests for the time being. The other models answer in its place as far as there are any, and I'll tell you once it is back.");
    world.model.otherwise(Behaviour::Echo);
    let asked = world.model.counts().started;
    until_so("it is asked again", async || {
        ann.says("hello");
        world.settle().await;
        world.model.counts().started > asked
    })
    .await;
    world.sees(&ann);
    world
        .until_stored(EVENTS, &["provider_down", "provider_back"])
        .await;
    world.settle().await;
    let back = world.sees(&olga);
    assert!(
        back.starts_with("toney: openai is back after ") && back.contains(" answered by others."),
        "{back}"
    );
    assert!(back.contains("1 call failed meanwhile"), "{back}");
    let shown = world
        .read("SELECT state FROM provider_health WHERE provider = 'openai' ORDER BY model")
        .await;
    assert_eq!(shown, ["well", "up"]);
    world.finish().await;
}

/// The same where the operator reads on Discord; and what was down before a restart is told back after it.
#[tokio::test]
async fn on_discord_and_over_a_restart() {
    let mut world = World::with(|options| {
        watched(options);
        options.discord = true;
    })
    .await;
    let olga = world.discord.user("olga");
    let at_olga = world.discord.dm(olga);
    let chat = format!("discord:main:{at_olga}");
    world.restart_with("operator.chat", &chat).await;
    let ann = world.friend("ann").await;
    world.model.otherwise(turned_away());
    ann.says("one");
    let said = |count: usize| {
        let discord = world.discord.clone();
        async move {
            let come = |discord: &Discord| discord.bot_messages(at_olga).len() == count;
            assert!(discord.wait_until(PATIENCE, come).await);
            discord.bot_messages(at_olga).pop().unwrap().content
        }
    };
    let down = said(1).await;
    assert!(
        down.starts_with("**openai is down** (`openai/scripted`)"),
        "{down}"
    );
    world.settle().await;
    world.restart().await;
    world.model.otherwise(Behaviour::Echo);
    ann.says("two");
    let come = |discord: &Discord| discord.bot_messages(at_olga).len() == 2;
    assert!(world.discord.wait_until(PATIENCE, come).await);
    let back = world.discord.bot_messages(at_olga).pop().unwrap().content;
    assert!(back.starts_with("**openai is back** after "), "{back}");
    world.settle().await;
    world.sees(&ann);
    world.finish().await;
}

/// Two processes of their own breakers, each of which sees it go and come back: one of them tells it.
#[tokio::test]
async fn two_processes_tell_it_once() {
    let mut world = World::on(Engine::Postgres).await;
    world.stop().await;
    let clock = Clock::manual(Clock::System.now());
    let (first, second) = (
        process(&world, &clock, 1).await,
        process(&world, &clock, 2).await,
    );
    world.model.otherwise(turned_away());
    for _ in 0..3 {
        tokio::join!(ask(&first.door), ask(&second.door));
        clock.advance(Duration::from_secs(3));
    }
    world.until_stored(EVENTS, &["provider_down"]).await;
    world.model.otherwise(Behaviour::Echo);
    tokio::join!(ask(&first.door), ask(&second.door));
    let mending = "SELECT state FROM provider_health WHERE model = ''";
    world.until_stored(mending, &["mending"]).await;
    clock.advance(Duration::from_secs(2));
    let both = ["provider_down", "provider_back"];
    world.until_stored(EVENTS, &both).await;
    // Time goes on, and nobody says it again.
    clock.advance(Duration::from_secs(600));
    let told = "SELECT CAST(COUNT(*) AS TEXT) FROM provider_health WHERE told_at > 0";
    world.until_stored(told, &["1"]).await;
    assert_eq!(world.read(EVENTS).await, both);
    let jobs = format!("SELECT kind FROM jobs WHERE kind = '{KIND}'");
    assert_eq!(world.read(&jobs).await, [KIND, KIND]);
    drop((first, second));
    world.write("DELETE FROM jobs").await;
    world.write("UPDATE lanes SET holder = ''").await;
}

/// What watches in one process, and the models that it asks.
struct Process {
    door: Door,
    _tasks: [AbortOnDropHandle<()>; 2],
}

async fn process(world: &World, clock: &Clock, seed: u64) -> Process {
    let settings = llm::Settings {
        models: llm::Models {
            chat: vec!["openai/scripted".to_owned()],
            ..llm::Models::default()
        },
        providers: BTreeMap::from([("openai".to_owned(), at(&world.model))]),
        offline: false,
    };
    let door = Door::open(&settings, clock.clone()).unwrap();
    let ids = Ids::new(clock.clone(), Some(seed));
    let (store, writer) = world.store_of(clock.clone(), ids.clone()).await;
    store.subscribe(
        ["provider_down", "provider_back"]
            .map(|event| Subscription {
                event,
                worker: KIND,
            })
            .to_vec(),
    );
    let watch = Watch {
        store,
        door: door.clone(),
        chat: Some("telegram:main:1000".parse().unwrap()),
        settle: Duration::from_secs(1),
        clock: clock.clone(),
        ids,
    };
    let watching = AbortOnDropHandle::new(tokio::task::spawn(watch.run()));
    Process {
        door,
        _tasks: [writer, watching],
    }
}

fn at(server: &Server) -> llm::Provider {
    llm::Provider {
        base_url: Some(server.base_url()),
        ..llm::Provider::default()
    }
}

async fn ask(door: &Door) {
    let request = Request {
        messages: vec![llm::Line::new(Role::Person, "hello")],
        ..Request::default()
    };
    let heard: Vec<Heard> = door.answer(Task::Chat, request).collect().await;
    assert!(!heard.is_empty());
}
