//! Discord refuses, delays or loses what is sent; each answer stands there once.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use toney::model::phrases;
use toney::platform::terminal::Streams;

use crate::sim::discord::{Discord, Kind, When, route};
use crate::sim::model::Answer;
use crate::story_discord::{hears, introduced, texts, thinks, world, world_with};
use crate::world::{Engine, PATIENCE, on_both, tell, until};

on_both! {
    a_limit_is_honoured_in_full
    a_storm_of_limits
    a_send_that_was_taken_and_not_answered
    a_send_that_was_not_taken
    a_platform_that_is_away
    closed_direct_messages
}

async fn a_limit_is_honoured_in_full(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    discord.fail(
        route::SEND,
        When::Times(2),
        Kind::RateLimited {
            after: 0.7,
            global: false,
        },
    );
    discord.whispers(ann, "hi");
    hears(&world, at_ann, &[&introduced("hi")]).await;
    let calls = discord.calls(route::SEND);
    assert_eq!(calls.len(), 3);
    for pair in calls.windows(2) {
        let apart = pair[1].at - pair[0].at;
        assert!(apart >= Duration::from_millis(700), "{apart:?}");
    }
    world.finish().await;
}

async fn a_storm_of_limits(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let people: Vec<_> = (0..12).map(|n| discord.user(&format!("ann{n}"))).collect();
    discord.fail(
        route::SEND,
        When::Probability(0.5),
        Kind::RateLimited {
            after: 0.05,
            global: false,
        },
    );
    discord.fail(
        route::SEND,
        When::Times(1),
        Kind::RateLimited {
            after: 0.5,
            global: true,
        },
    );
    for round in ["one", "two", "three"] {
        for person in &people {
            discord.whispers(*person, round);
        }
    }
    for person in people {
        let channel = discord.dm(person);
        let come = |discord: &Discord| {
            let said = texts(discord, channel);
            said.last().is_some_and(|text| text.ends_with("three"))
        };
        assert!(
            discord.wait_until(PATIENCE, come).await,
            "{}",
            world.dump().await
        );
        let said = texts(discord, channel).join("\n\n");
        assert_eq!(said, introduced("one\n\ntwo\n\nthree"));
    }
    world.finish().await;
}

async fn a_send_that_was_taken_and_not_answered(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    let mut wanted = Vec::new();
    for (round, kind) in [
        ("one", Kind::ApplyThenReset),
        ("two", Kind::ApplyThenStatus(502)),
        ("three", Kind::ApplyThenReset),
    ] {
        discord.fail(route::SEND, When::Times(1), kind);
        discord.whispers(ann, round);
        let text = match round {
            "one" => introduced(round),
            round => round.to_owned(),
        };
        wanted.push(text);
        let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
        hears(&world, at_ann, &wanted).await;
    }
    world.finish().await;
}

async fn a_send_that_was_not_taken(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    for kind in [Kind::Reset, Kind::Status(500), Kind::Html(503)] {
        discord.fail(route::SEND, When::Times(1), kind);
    }
    discord.whispers(ann, "hi");
    hears(&world, at_ann, &[&introduced("hi")]).await;
    world.finish().await;
}

async fn a_platform_that_is_away(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    world.model.hold();
    discord.whispers(ann, "hi");
    thinks(&world).await;
    discord.outage();
    world.model.release();
    world
        .model
        .wait_until("an answer", |counts| counts.finished == 1)
        .await;
    until("readiness to say so", || !world.is_ready()).await;
    discord.resume_service().await;
    hears(&world, at_ann, &[&introduced("hi")]).await;
    world.until_ready().await;
    // An outage that answers, but never well.
    discord.fail(route::ANY, When::Always, Kind::Status(503));
    discord.whispers(ann, "still there?");
    let tried = |discord: &Discord| {
        let calls = discord.calls(route::ANY);
        calls.iter().filter(|call| call.status == 503).count() >= 3
    };
    assert!(
        discord.wait_until(PATIENCE, tried).await,
        "{}",
        world.dump().await
    );
    discord.heal();
    hears(&world, at_ann, &[&introduced("hi"), "still there?"]).await;
    world.finish().await;
}

async fn closed_direct_messages(engine: Engine) {
    let mut world = world(engine).await;
    let discord = world.discord.clone();
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    discord.close_dms(ann, true);
    discord.whispers(ann, "hi");
    world
        .until_stored("SELECT state FROM outbound", &["failed"])
        .await;
    world.settle().await;
    assert!(texts(&discord, at_ann).is_empty());
    let unreachable = "SELECT address FROM addresses WHERE unreachable_at > 0";
    assert_eq!(
        world.read(unreachable).await,
        [format!("discord:main:{at_ann}")]
    );
    assert_eq!(discord.calls(route::SEND).len(), 1);
    discord.close_dms(ann, false);
    discord.whispers(ann, "again");
    hears(&world, at_ann, &["again"]).await;
    assert!(world.read(unreachable).await.is_empty());
    world.expect_unsent(1);
    world.finish().await;
}

/// A lost send that is older than any nonce is looked for in the chat's history.
#[test]
fn a_lost_send_older_than_its_nonce() {
    tell(async {
        for taken in [true, false] {
            let mut world = world_with(Engine::Sqlite, |options| {
                options.discord_api.nonce_window = Duration::ZERO;
            })
            .await;
            let discord = world.discord.clone();
            let ann = discord.user("ann");
            let at_ann = discord.dm(ann);
            discord.whispers(ann, "hi");
            hears(&world, at_ann, &[&introduced("hi")]).await;
            let kind = if taken {
                Kind::ApplyThenHang
            } else {
                Kind::Hang
            };
            discord.fail(route::SEND, When::Times(1), kind);
            discord.whispers(ann, "lost?");
            let left = |discord: &Discord| discord.calls(route::SEND).len() == 2;
            assert!(discord.wait_until(PATIENCE, left).await);
            if taken {
                let come = |discord: &Discord| texts(discord, at_ann).len() == 2;
                assert!(discord.wait_until(PATIENCE, come).await);
            }
            world.die().await;
            let url = format!("sqlite://{}/toney.db", world.folder.display());
            let mut database = SqliteConnection::connect(&url).await.unwrap();
            let older = "UPDATE outbound SET left_at = left_at - 600000 WHERE left_at > 0";
            let rows = sqlx::query(AssertSqlSafe(older.to_owned()));
            let rows = rows.execute(&mut database).await.unwrap();
            assert!(rows.rows_affected() >= 1);
            database.close().await.unwrap();
            world.start().await;
            world.until_ready().await;
            hears(&world, at_ann, &[&introduced("hi"), "lost?"]).await;
            assert!(!discord.calls(route::HISTORY).is_empty());
            world.finish().await;
        }
    });
}

/// The answer grew before it was lost sight of; what stands there is given its end.
#[test]
fn an_answer_that_grew_over_a_death() {
    tell(async {
        let mut world = world(Engine::Sqlite).await;
        let discord = world.discord.clone();
        let ann = discord.user("ann");
        let at_ann = discord.dm(ann);
        let story = ["Once upon ", "a time ", "there was."];
        world.model.push(Answer::pieces(story).pause_after(2));
        discord.whispers(ann, "a story");
        let begun = |discord: &Discord| {
            let said = texts(discord, at_ann);
            said.first().is_some_and(|text| text.ends_with("a time"))
        };
        assert!(
            discord.wait_until(PATIENCE, begun).await,
            "{}",
            world.dump().await
        );
        world.model.push(Answer::pieces(story));
        world.crash().await;
        hears(
            &world,
            at_ann,
            &[&introduced("Once upon a time there was.")],
        )
        .await;
        assert!(discord.bot_messages(at_ann)[0].buttons.is_empty());
        assert!(!texts(&discord, at_ann)[0].contains(phrases::BROKE_OFF));
        world.finish().await;
    });
}

/// What the terminal shows.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Telegram, Discord and the terminal in one gateway; nobody hears what another says.
#[test]
fn three_platforms_at_once() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        tell(three_at_once(engine));
    }
}

async fn three_at_once(engine: Engine) {
    let (input, mut keys) = std::io::pipe().unwrap();
    let paper = Paper::default();
    let output = paper.clone();
    let world = world_with(engine, |options| {
        options.telegram = true;
        options.terminal = Some(Streams {
            input: Box::new(std::io::BufReader::new(input)),
            output: Box::new(output),
            live: false,
        });
    })
    .await;
    let discord = &world.discord;
    let (ann, dee) = (world.person("ann"), discord.user("dee"));
    let at_dee = discord.dm(dee);
    world.model.hold();
    ann.says("from Telegram");
    discord.whispers(dee, "from Discord");
    keys.write_all(b"from the terminal\n").unwrap();
    // All three are thought about side by side.
    let three = |counts: crate::sim::model::Counts| counts.waiting == 3;
    world.model.wait_until("three questions", three).await;
    world.model.release();
    hears(&world, at_dee, &[&introduced("from Discord")]).await;
    let shown = format!("{}\n", introduced("from the terminal"));
    until("an answer at the terminal", || paper.text() == shown).await;
    world.settle().await;
    let told = format!("ann: from Telegram\ntoney: {}", introduced("from Telegram"));
    assert_eq!(world.sees(&ann).trim_end(), told);
    // Whoever leaves the terminal ends the program.
    drop(keys);
    world.finish().await;
    assert_eq!(paper.text(), shown);
}
