//! A model that searches the web by itself answers, and its pages stand behind the answer.

use crate::sim::model::Answer;
use crate::world::{Engine, World, on_both};

on_both!(found_pages);

async fn found_pages(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.person("ann");
    ann.says("/start");
    world.settle().await;
    world.sees(&ann);
    let pages = [
        "https://a.example/one",
        "https://b.example/two",
        "https://c.example/three",
    ];
    let answer = Answer::text("It rains in Lisbon [1], and [3] says why.").cites(&pages);
    world.model.push(answer);
    ann.says("hi");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: hi
    toney: It rains in Lisbon [1], and [3] says why.

    Sources
    [1] Page at https://a.example/one: https://a.example/one
    [3] Page at https://c.example/three: https://c.example/three
    ");
    // The pages are shown, and not said again to the next model.
    ann.says("thanks");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: thanks
    toney: thanks
    ");
    let asked = world.model.requests();
    let before = asked.last().unwrap().last("assistant").to_owned();
    assert_eq!(before, "It rains in Lisbon [1], and [3] says why.");
    world.finish().await;
}
