//! The program ends and comes back, in order or not, and so do PostgreSQL and Redis.

use std::time::Duration;

use crate::sim::model::{Answer, Behaviour};
use crate::sim::telegram::{Fault, On};
use crate::world::{Engine, World, on_both};

on_both!(memory_survives a_dying_turn_is_run_again a_turn_is_finished_or_handed_back what_came_meanwhile a_send_dies_on_its_way
    an_answer_waits_for_who_is_connected what_is_in_doubt_stays_so_elsewhere a_long_answer_dies_half_sent
    a_press_dies_before_it_is_acknowledged an_old_button_leads_no_search_astray);

/// What stands in the outbox.
const UNSENT: &str = "SELECT state || ' ' || error FROM outbound WHERE state <> 'sent'";

async fn memory_survives(engine: Engine) {
    let mut world = World::on(engine).await;
    let ann = world.friend("ann").await;
    ann.says("remember the blue one");
    world.settle().await;
    world.restart().await;
    ann.says("which one?");
    world.settle().await;
    world.crash().await;
    ann.says("and again?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: remember the blue one
    toney: remember the blue one
    ann: which one?
    toney: which one?
    ann: and again?
    toney: and again?
    ");
    let asked = world.model.requests().pop().unwrap();
    assert!(asked.mentions("blue") && asked.mentions("which one?"));
    world.finish().await;
}

/// The turn dies while its answer grows: it is run again and grows on in the same message.
async fn a_dying_turn_is_run_again(engine: Engine) {
    let mut world = World::on(engine).await;
    let ann = world.friend("ann").await;
    world
        .model
        .push(Answer::pieces(["First ", "things ", "first."]).pause_after(2));
    ann.says("go");
    world
        .telegram
        .until("it grows", |s| s.replies(&ann).len() == 2)
        .await;
    world.model.push(Answer::text("Second try."));
    world.crash().await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: Second try.
    ");
    world.finish().await;
}

/// A restart in the middle of an answer waits for it.
async fn a_turn_is_finished_or_handed_back(engine: Engine) {
    let mut world = World::on(engine).await;
    let ann = world.friend("ann").await;
    let slow = Answer::pieces(["First ", "things ", "first."]);
    world
        .model
        .push(slow.every(std::time::Duration::from_millis(300)));
    ann.says("go");
    world
        .telegram
        .until("it grows", |s| s.replies(&ann).len() == 2)
        .await;
    // What is finished at the end goes out at the end, not with the next start.
    world.stop().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: First things first.
    ");
    world.start().await;
    world.settle().await;
    assert_eq!(world.sees(&ann), "");
    assert_eq!(world.model.counts().started, 1);
    world.finish().await;
}

async fn what_came_meanwhile(engine: Engine) {
    let mut world = World::on(engine).await;
    let ann = world.friend("ann").await;
    world.stop().await;
    ann.says("are you up?");
    world.start().await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: are you up?
    toney: are you up?
    ");
    world.finish().await;
}

/// PostgreSQL is killed in the middle of an answer and comes back.
#[tokio::test]
async fn postgres_dies_and_returns() {
    let world = World::on(Engine::OwnPostgres).await;
    let ann = world.friend("ann").await;
    world.model.hold();
    ann.says("one");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    let postgres = world.postgres.as_ref().unwrap();
    postgres.kill();
    world.model.release();
    ann.says("two");
    crate::world::until("it says so", || !world.is_ready()).await;
    postgres.restart().await;
    world.settle().await;
    world.until_ready().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: one
    ann: two
    toney: one
    toney: two
    ");
    world.finish().await;
}

/// Redis is killed and comes back empty; nobody notices.
#[tokio::test]
async fn redis_dies_and_returns() {
    let world = World::on(Engine::Postgres).await;
    let ann = world.friend("ann").await;
    ann.says("remember the blue one");
    world.settle().await;
    let redis = world.redis.as_ref().unwrap();
    redis.kill();
    ann.says("which one?");
    world.settle().await;
    assert!(world.model.requests().pop().unwrap().mentions("blue"));
    redis.restart().await;
    ann.says("and again?");
    world.settle().await;
    assert!(world.model.requests().pop().unwrap().mentions("blue"));
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: remember the blue one
    toney: remember the blue one
    ann: which one?
    toney: which one?
    ann: and again?
    toney: and again?
    ");
    world.finish().await;
}

/// The program dies while a send is on its way, which was taken or was not: it stands once.
async fn a_send_dies_on_its_way(engine: Engine) {
    for fault in [Fault::Hang, Fault::HangAfter] {
        let mut world = World::on(engine).await;
        let (ann, bob) = (world.friend("ann").await, world.friend("bob").await);
        world
            .telegram
            .fault(On::method("sendMessage").chat(&ann), fault);
        ann.says("to be");
        world
            .telegram
            .wait_until(crate::world::PATIENCE, |s| s.calls("sendMessage") == 3)
            .await;
        world.die().await;
        world.telegram.clear_faults();
        bob.says("hello");
        world.start().await;
        world.settle().await;
        assert_eq!(world.sees(&ann), "ann: to be\ntoney: to be", "{fault:?}");
        world.sees(&bob);
        world.finish().await;
    }
}

/// Somebody goes on with the work of a dead program who cannot send what comes of it: the answer is made, and waits
/// for the one who can.
async fn an_answer_waits_for_who_is_connected(engine: Engine) {
    let mut world = World::on(engine).await;
    let ann = world.friend("ann").await;
    world.model.hold();
    ann.says("anybody?");
    world.model.wait_until("a turn", |c| c.waiting == 1).await;
    world.die().await;
    world.model.release();
    world.start_elsewhere().await;
    let waits = "pending telegram:main is not connected where this was to be sent";
    world.until_stored(UNSENT, &[waits]).await;
    assert_eq!(world.sees(&ann), "ann: anybody?");
    world.restart().await;
    world.settle().await;
    assert_eq!(world.sees(&ann), "toney: anybody?");
    assert_eq!(world.model.counts().started, 2);
    world.finish().await;
}

/// A send was on its way when the program died: whoever cannot look for it leaves it in doubt.
async fn what_is_in_doubt_stays_so_elsewhere(engine: Engine) {
    for fault in [Fault::Hang, Fault::HangAfter] {
        let mut world = World::on(engine).await;
        let ann = world.friend("ann").await;
        world
            .telegram
            .fault(On::method("sendMessage").chat(&ann), fault);
        ann.says("to be");
        world
            .telegram
            .until("a send", |s| s.calls("sendMessage") == 2)
            .await;
        world.die().await;
        world.telegram.clear_faults();
        world.start_elsewhere().await;
        let waits = "unknown telegram:main is not connected where this was to be sent";
        world.until_stored(UNSENT, &[waits]).await;
        world.restart().await;
        world.settle().await;
        assert_eq!(world.sees(&ann), "ann: to be\ntoney: to be", "{fault:?}");
        world.finish().await;
    }
}

/// It dies between the parts of a long answer, which had been growing or not: every part stands once, in order.
async fn a_long_answer_dies_half_sent(engine: Engine) {
    let long: String = (0..2_400).map(|n| format!("{n:04} ")).collect();
    let whole: Vec<u32> = (0..2_400).collect();
    for (fault, slow) in [
        (Fault::Hang, 0),
        (Fault::HangAfter, 0),
        (Fault::Hang, 1),
        (Fault::HangAfter, 1),
    ] {
        let mut world = World::on(engine).await;
        let ann = world.friend("ann").await;
        let answer = Answer::text(&long).chunked(60);
        let answer = answer.every(Duration::from_millis(slow));
        world.model.otherwise(Behaviour::answer(answer));
        let second = On::method("sendMessage").after(1);
        world.telegram.fault(second, fault);
        ann.says("go");
        world
            .telegram
            .until("a second part", |s| s.calls("sendMessage") == 3)
            .await;
        world.die().await;
        world.telegram.clear_faults();
        world.start().await;
        world.settle().await;
        let seen = world.sees(&ann);
        let numbers = seen.split_whitespace().filter_map(|word| word.parse().ok());
        let numbers: Vec<u32> = numbers.collect();
        let heads: Vec<_> = seen
            .lines()
            .map(|l| l.chars().take(40).collect::<String>())
            .collect();
        let rows = "SELECT state || ' ' || error || ' ' || parts || ' ' || CAST(revision AS TEXT) FROM outbound";
        assert!(
            numbers == whole,
            "{fault:?} {slow}: {} of {heads:#?} {:#?}",
            numbers.len(),
            world.read(rows).await
        );
        world.finish().await;
    }
}

/// Nothing is there when the program starts; it says so, waits, and serves when they are.
#[tokio::test]
async fn services_may_come_later() {
    let mut world = World::with(|w| {
        w.engine = Engine::OwnPostgres;
        w.http = true;
    })
    .await;
    let ann = world.friend("ann").await;
    world.stop().await;
    world.telegram.stop_listening();
    world.postgres.as_ref().unwrap().kill();
    world.redis.as_ref().unwrap().kill();
    ann.says("anybody?");
    world.start().await;
    let health = format!("{}/readyz", world.http);
    let client = reqwest::Client::builder().build().unwrap();
    let mut report = String::new();
    while !report.contains("database") {
        if let Ok(answer) = client.get(&health).send().await {
            assert_eq!(answer.status(), 503);
            report = answer.text().await.unwrap();
        }
        crate::world::pause().await;
    }
    world.postgres.as_ref().unwrap().restart().await;
    world.telegram.start_listening().await;
    world.settle().await;
    world.redis.as_ref().unwrap().restart().await;
    world.until_ready().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: anybody?
    toney: anybody?
    ");
    world.finish().await;
}

/// Two programs share the work; one dies in the middle of an answer, and the other goes on with everything.
#[tokio::test]
async fn two_programs_share_the_work() {
    let mut world = World::on(Engine::Postgres).await;
    let (ann, bob) = (world.friend("ann").await, world.friend("bob").await);
    world.join().await;
    for number in 0..3 {
        ann.says(&format!("number {number}"));
        bob.says(&format!("number {number}"));
        world.settle().await;
    }
    world.sees(&bob);
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: number 0
    toney: number 0
    ann: number 1
    toney: number 1
    ann: number 2
    toney: number 2
    ");
    world
        .model
        .push(Answer::pieces(["First ", "things ", "first."]).pause_after(2));
    ann.says("go");
    world
        .telegram
        .until("it grows", |s| s.replies(&ann).len() == 5)
        .await;
    world.model.push(Answer::text("Second try."));
    world.die().await;
    world.settle().await;
    ann.says("still there?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: Second try.
    ann: still there?
    toney: still there?
    ");
    world.finish().await;
}

/// The press is stored and answered, but its acknowledgement never left: the next process makes up for it.
async fn a_press_dies_before_it_is_acknowledged(engine: Engine) {
    let mut world = World::on(engine).await;
    let ann = world.friend("ann").await;
    let card = world.telegram.look(|s| s.replies(&ann)[0].id);
    world
        .telegram
        .fault(On::method("answerCallbackQuery"), Fault::Hang);
    let press = world.telegram.presses_data(ann.user, &ann, card, "gone:1");
    let answered = |s: &crate::sim::telegram::State| s.replies(&ann).len() == 2;
    world.telegram.until("it is over", answered).await;
    world.die().await;
    world.telegram.clear_faults();
    assert!(world.telegram.answer(&press).is_none());
    world.start().await;
    world.telegram.until_answered(&press).await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @"toney: That button belongs to something that is over.");
    world.finish().await;
}

/// A process that knows of no newer message than the one under an old button searches for its lost answer: it finds
/// it if it was taken, and touches none of the answers in between, known or long forgotten.
async fn an_old_button_leads_no_search_astray(engine: Engine) {
    let mut world = World::on(engine).await;
    let ann = world.friend("ann").await;
    let card = world.telegram.look(|s| s.replies(&ann)[0].id);
    ann.says("stay as you are");
    world.settle().await;
    for (fault, forgotten) in [
        (Fault::ResetAfter, false),
        (Fault::ResetBefore, false),
        (Fault::ResetBefore, true),
    ] {
        world.crash().await;
        if forgotten {
            world.read("DELETE FROM outbound RETURNING id").await;
        }
        world.telegram.fault(On::method("sendMessage"), fault);
        world.telegram.presses_data(ann.user, &ann, card, "gone:1");
        world.settle().await;
    }
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: stay as you are
    toney: stay as you are
    toney: That button belongs to something that is over.
    toney: That button belongs to something that is over.
    toney: That button belongs to something that is over.
    ");
    world.finish().await;
}
