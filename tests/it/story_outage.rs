//! Models and Telegram fail in every way; people get an answer all the same, and one only.

use std::time::Duration;

use crate::sim::model::{Answer, Behaviour, Fault as Trouble};
use crate::sim::telegram::{Fault, On};
use crate::world::World;

#[tokio::test]
async fn without_a_model_the_answer_is_honest_and_immediate() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world.model.stop().await;
    ann.says("are you there?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: are you there?
    toney: I can't reach a language model at the moment, so I can't talk this through with you. Your message is kept, nothing is lost. Commands like /help, /why and /privacy work meanwhile.
    ");
    ann.says("/why");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /why
    toney: My last answer

    • Written without a model: no model could be reached
    • What I had in mind: 1 message of this session
    • What I understood: chat, about nothing that stands in documents (98 % sure)
    • Documents used: none; I didn't look for any
    • Tried before: openai/scripted: down: no connection
    • Tried before: openai/scripted: down: no connection
    ");
    ann.says("/help");
    world.settle().await;
    assert!(world.sees(&ann).contains("/privacy"));
    world.finish().await;
}

#[tokio::test]
async fn offline_asks_nobody() {
    let world = World::with(|w| w.set("TONEY_OFFLINE", 1)).await;
    let ann = world.friend("ann").await;
    ann.says("are you there?");
    ann.says("/model");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: are you there?
    ann: /model
    toney: I run without a language model here, so I can't talk this through with you. Your message is kept. Commands like /help and /privacy work.
    toney: Whoever runs me has switched language models off, so I quote what stands in documents and answer commands; /help lists them.
    ");
    assert_eq!(world.model.counts().started, 0);
    world.finish().await;
}

/// The stream of the first model breaks in the middle; the second begins anew in the same message.
#[tokio::test]
async fn a_second_model_takes_over() {
    let world = World::with(|w| w.spare = true).await;
    let ann = world.friend("ann").await;
    let broken = Answer::pieces(["Half ", "a ", "sentence"]).every(Duration::from_millis(150));
    world
        .model
        .push(broken.fault(Trouble::Dropped { after: 2 }));
    world.spare.push(Answer::text("A whole sentence."));
    ann.says("go");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: A whole sentence.
    ");
    world.finish().await;
}

/// Whatever a model sends back, the person gets one clear sentence.
#[tokio::test]
async fn whatever_a_model_answers_the_person_hears_of_it() {
    let quick = |w: &mut crate::world::Options| {
        w.set("TONEY__MODELS__DEADLINES__FIRST_TOKEN_MS", 400);
        w.set("TONEY__MODELS__DEADLINES__NEXT_TOKEN_MS", 400);
        w.set("TONEY__MODELS__DEADLINES__ATTEMPT_MS", 1500);
        w.set("TONEY__MODELS__DEADLINES__TOTAL_MS", 1500);
    };
    let words = || Answer::text("Some words that go on for a while.");
    for (name, trouble) in [
        ("nothing", Answer::text("")),
        ("blanks", Answer::text(" \n\u{200b} ")),
        ("nonsense", words().fault(Trouble::BrokenJson { after: 0 })),
        (
            "half nonsense",
            words().fault(Trouble::BrokenJson { after: 1 }),
        ),
        ("half a stream", words().fault(Trouble::Cut { after: 1 })),
        ("a reset", words().fault(Trouble::Dropped { after: 1 })),
        ("silence", words().fault(Trouble::Stall { after: 1 })),
        ("no choices", words().fault(Trouble::EmptyChoices)),
        ("no end", words().fault(Trouble::Endless)),
        ("a page", words().fault(Trouble::Html(200))),
        ("a bad gateway", words().fault(Trouble::Html(502))),
        ("a hang", words().fault(Trouble::Hang)),
        ("an error", Answer::status(500)),
        ("no money", Answer::status(402)),
        ("a refusal", Answer::status(400)),
        ("a filter", Answer::text("").finish("content_filter")),
        (
            "a tool",
            Answer::tool("c1", "nothing", &serde_json::json!({})),
        ),
    ] {
        let world = World::with(quick).await;
        let ann = world.friend("ann").await;
        world.model.otherwise(Behaviour::answer(trouble));
        ann.says("go");
        world.settle().await;
        let seen = world.sees(&ann);
        let replies = seen.matches("toney:").count();
        let said = seen.replace("ann: go", "");
        println!("== {name}\n{}", said.chars().take(400).collect::<String>());
        assert!(replies >= 1, "{name}: {seen}");
        let about = ["(The connection", "language model", "(I stopped"];
        assert!(
            about.iter().any(|words| said.contains(words)),
            "{name}: {seen}"
        );
        world.finish().await;
    }
}

#[tokio::test]
async fn a_storm_of_refusals_is_sat_out() {
    let world = World::new().await;
    let (ann, bob) = (world.friend("ann").await, world.friend("bob").await);
    let storm = On::method("sendMessage").chat(&ann).times(3);
    world.telegram.fault(storm, Fault::TooMany(1));
    for number in 0..3 {
        ann.says(&format!("number {number}"));
        world
            .telegram
            .until("stored", |s| s.unconfirmed() == 0)
            .await;
    }
    bob.says("and me?");
    // Who is not concerned does not wait.
    world
        .telegram
        .until("bob's answer", |s| s.replies(&bob).len() == 2)
        .await;
    world.sees(&bob);
    world.settle().await;
    let seen = world.sees(&ann);
    for number in 0..3 {
        let lines = seen
            .lines()
            .filter(|l| l.contains(&format!("number {number}")));
        assert_eq!(lines.count(), 2, "{seen}");
    }
    world.finish().await;
}

/// Our own pace keeps within what Telegram asks for: a strict simulator never says 429.
#[tokio::test]
async fn the_pace_is_kept() {
    let world = World::with(|w| {
        w.bot_api.enforce_rates = true;
        w.set("TONEY__DELIVERY__PACE", true);
    })
    .await;
    let ann = world.friend("ann").await;
    let band = world.telegram.supergroup("the band");
    for number in 0..4 {
        ann.says(&format!("number {number}"));
        ann.says_in(band, &format!("@toney_bot number {number}"));
        world
            .telegram
            .until("stored", |s| s.unconfirmed() == 0)
            .await;
        world.settle().await;
    }
    world.sees(&ann);
    world.sees(band);
    world.finish().await;
}

/// Telegram is away while an answer is made; it arrives when Telegram is back, once.
#[tokio::test]
async fn an_outage_of_telegram_is_outlived() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world.model.hold();
    ann.says("go");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    world.telegram.stop_listening();
    world.model.release();
    world
        .until_stored(
            "SELECT CAST(attempts > 1 AS TEXT) FROM outbound WHERE state = 'pending'",
            &["1"],
        )
        .await;
    assert!(!world.is_ready());
    world.telegram.start_listening().await;
    world.settle().await;
    world.until_ready().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: go
    ");
    world.finish().await;
}

/// Requests that may or may not have been taken are resolved: never lost, never doubled.
#[tokio::test]
async fn what_has_no_answer_is_looked_for() {
    for fault in [
        Fault::Status(500),
        Fault::Html(502),
        Fault::Html(200),
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::HalfAnswer,
    ] {
        let world = World::new().await;
        let (ann, bob) = (world.friend("ann").await, world.friend("bob").await);
        world
            .telegram
            .fault(On::method("sendMessage").chat(&ann), fault);
        ann.says("to be or not to be");
        ann.says("/model");
        bob.says("hello");
        world.settle().await;
        let seen = world.sees(&ann);
        world.sees(&bob);
        assert_eq!(
            seen.matches("toney: to be or not to be").count(),
            1,
            "{fault:?}: {seen}"
        );
        assert_eq!(
            seen.matches("toney: I answer with").count(),
            1,
            "{fault:?}: {seen}"
        );
        world.finish().await;
    }
}

/// The same in the edits of a growing answer.
#[tokio::test]
async fn edits_that_fail_end_in_the_right_text() {
    for fault in [
        Fault::Status(500),
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::TooMany(1),
    ] {
        let world = World::new().await;
        let ann = world.friend("ann").await;
        world
            .telegram
            .fault(On::method("editMessageText").times(2), fault);
        let words = (0..20).map(|n| format!("word{n} "));
        world
            .model
            .push(Answer::pieces(words).every(Duration::from_millis(25)));
        ann.says("go");
        world.settle().await;
        let seen = world.sees(&ann);
        let whole: String = (0..20).map(|n| format!("word{n} ")).collect();
        assert_eq!(
            seen,
            format!("ann: go\ntoney: {}", whole.trim()),
            "{fault:?}"
        );
        world.finish().await;
    }
}

/// Somebody deletes the message in which an answer grows; the answer comes all the same.
#[tokio::test]
async fn a_growing_answer_that_is_deleted_comes_anew() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world
        .model
        .push(Answer::pieces(["First ", "things ", "first."]).pause_after(2));
    ann.says("go");
    world
        .telegram
        .until("it grows", |s| s.replies(&ann).len() == 2)
        .await;
    let card = world.telegram.look(|s| s.replies(&ann)[1].id);
    world.telegram.deletes(&ann, card);
    world.model.proceed();
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: First things first.
    ");
    world.finish().await;
}

#[tokio::test]
async fn another_program_polls_the_same_bot() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world
        .telegram
        .fault(On::method("getUpdates").times(2), Fault::Status(409));
    ann.says("hello");
    world.settle().await;
    world.until_ready().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: hello
    toney: hello
    ");
    world.finish().await;
}

#[tokio::test]
async fn who_blocks_and_comes_back() {
    let mut world = World::new().await;
    let ann = world.friend("ann").await;
    world.model.hold();
    ann.says("go");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    world.telegram.blocks(ann.user);
    world
        .telegram
        .until("it is known", |s| s.unconfirmed() == 0)
        .await;
    world.model.release();
    world.settle().await;
    let unreachable = "SELECT address FROM addresses WHERE unreachable_at > 0";
    assert_eq!(world.read(unreachable).await, ["telegram:main:1000"]);
    world.telegram.unblocks(ann.user);
    ann.says("I am back");
    world.settle().await;
    assert!(world.read(unreachable).await.is_empty());
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    ann: I am back
    toney: I am back
    ");
    world.expect_unsent(1);
    world.finish().await;
}

#[tokio::test]
async fn a_flood_is_told_once() {
    let world = World::with(|w| w.set("TONEY__INTAKE__FLOOD_PER_MINUTE", 20)).await;
    let (ann, bob) = (world.friend("ann").await, world.friend("bob").await);
    world
        .model
        .otherwise(Behaviour::answer(Answer::text("yes")));
    for number in 0..60 {
        ann.says(&format!("number {number}"));
    }
    bob.says("am I heard?");
    world.settle().await;
    assert_eq!(world.sees(&bob), "bob: am I heard?\ntoney: yes");
    let seen = world.sees(&ann);
    assert_eq!(seen.matches("You write faster").count(), 1, "{seen}");
    world.finish().await;
}
