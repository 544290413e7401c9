//! Buttons: pressed twice, after a restart, forged, outdated.

use crate::sim::model::Answer;
use crate::world::{Person, World};

async fn growing(world: &World, ann: &Person, replies: usize) {
    let answer = Answer::pieces(["First ", "things ", "first."]).pause_after(2);
    world.model.push(answer);
    ann.says("go");
    let grows = |s: &crate::sim::telegram::State| s.replies(ann).len() == replies;
    world.telegram.until("it grows", grows).await;
}

#[tokio::test]
async fn a_button_pressed_twice_counts_once() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    growing(&world, &ann, 2).await;
    let (first, second) = (ann.presses("Stop"), ann.presses("Stop"));
    world.telegram.until_answered(&first).await;
    world.telegram.until_answered(&second).await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: First things

    (stopped)
    toney: That button belongs to something that is over.
    ");
    world.finish().await;
}

/// The program dies under a growing answer. The answer is made anew in the same message, and the button that was
/// shown before still stops it.
#[tokio::test]
async fn a_button_outlives_a_crash() {
    let mut world = World::new().await;
    let ann = world.friend("ann").await;
    growing(&world, &ann, 2).await;
    let shown = world.telegram.look(|s| s.replies(&ann)[1].clone());
    world.die().await;
    world.model.hold();
    let press = ann.presses("Stop");
    world.start().await;
    world.telegram.until_answered(&press).await;
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: Stopped.
    ");
    let now = world.telegram.look(|s| s.replies(&ann)[1].clone());
    assert_eq!(now.id, shown.id);
    assert!(now.buttons.is_empty());
    world.finish().await;
}

#[tokio::test]
async fn forged_and_outdated_buttons_are_answered_and_do_nothing() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    growing(&world, &ann, 2).await;
    let old = world.telegram.look(|s| s.replies(&ann)[1].clone());
    let data = old.buttons[0][0].data.clone().unwrap();
    world.model.proceed();
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: First things first.
    ");
    // While another answer grows, the old button and inventions come in.
    growing(&world, &ann, 3).await;
    for forged in [
        data.as_str(),
        "stop:",
        "stop:job_00000000000000000000000000",
        "approve:all",
        "💥",
        "",
    ] {
        let press = world.telegram.presses_data(ann.user, &ann, old.id, forged);
        world.telegram.until_answered(&press).await;
    }
    world
        .telegram
        .until("all are stored", |s| s.unconfirmed() == 0)
        .await;
    world.model.proceed();
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: First things first.
    toney: That button belongs to something that is over.
    toney: That button belongs to something that is over.
    toney: That button belongs to something that is over.
    toney: That button belongs to something that is over.
    toney: That button belongs to something that is over.
    toney: That button belongs to something that is over.
    ");
    world.finish().await;
}

/// The message under the button was deleted meanwhile.
#[tokio::test]
async fn a_button_of_a_deleted_message_is_answered() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    growing(&world, &ann, 2).await;
    let card = world.telegram.look(|s| s.replies(&ann)[1].id);
    world.telegram.deletes(&ann, card);
    let press = world.telegram.presses_data(ann.user, &ann, card, "stop:x");
    world.telegram.until_answered(&press).await;
    world.model.proceed();
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: go
    toney: First things first.
    toney: That button belongs to something that is over.
    ");
    world.finish().await;
}
