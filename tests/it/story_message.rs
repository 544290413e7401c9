//! People write to Toney on Telegram and are answered.

use crate::sim::model::Answer;
use crate::world::{Engine, World, on_both};

on_both!(first_contact);

async fn first_contact(engine: Engine) {
    let world = World::on(engine).await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    ann.says("/start");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /start
    toney: Hi, I'm Toney, an AI that works as an artist's manager. I can be wrong; ask /why about any answer.

    Tell me what you are working on, or what is in your way: a release, a show, money, fans, a plan. Just write as you would to a manager.

    /help shows what else I can do.
    ");
    let hello = Answer::text("Hello **ann**, what is it about?");
    world
        .model
        .push(hello.when(|asked| asked.last("user") == "hi"));
    ann.says("hi");
    bob.says("hello there");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /start
    toney: Hi, I'm Toney, an AI that works as an artist's manager. I can be wrong; ask /why about any answer.

    Tell me what you are working on, or what is in your way: a release, a show, money, fans, a plan. Just write as you would to a manager.

    /help shows what else I can do.
    ann: hi
    toney: Hello ann, what is it about?
    ");
    insta::assert_snapshot!(world.sees(&bob), @r"
    bob: hello there
    toney: Hi, I'm Toney, an AI that works as an artist's manager. I can be wrong; ask /why about any answer.

    hello there
    ");
    world.finish().await;
}
