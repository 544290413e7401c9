//! The program ends and comes back, in order or not, and so do PostgreSQL and Redis.

use crate::sim::model::Answer;
use crate::world::{Engine, World, on_both};

on_both!(memory_survives a_dying_turn_is_run_again a_turn_is_finished_or_handed_back what_came_meanwhile);

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
    insta::assert_snapshot!(world.sees(&ann), @"");
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
    insta::assert_snapshot!(world.sees(&ann), @"");
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
    world.restart().await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @"");
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
    insta::assert_snapshot!(world.sees(&ann), @"");
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
    insta::assert_snapshot!(world.sees(&ann), @"");
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
    insta::assert_snapshot!(world.sees(&ann), @"");
    world.finish().await;
}
