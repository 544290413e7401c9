//! Discord's gateway breaks, forgets and repeats itself; every message is answered once and in order.

use serde_json::json;

use crate::story_discord::{hears, introduced, one_model, square, texts, world};
use crate::world::{Engine, PATIENCE, World, on_both};

on_both! {
    a_resumed_session_misses_nothing
    a_lost_session_is_caught_up_by_reading_back
    a_restart_misses_nothing
    a_death_misses_nothing
    repeated_events_are_answered_once
    events_that_nobody_understands
    the_gateway_asks_to_come_again
}

/// Waits until a session is open.
async fn connected(world: &World) {
    let open = world.discord.wait_until(PATIENCE, |d| d.connected() == 1);
    assert!(open.await, "{}", world.dump().await);
}

async fn a_resumed_session_misses_nothing(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    discord.whispers(ann, "one");
    hears(&world, at_ann, &[&introduced("one")]).await;
    discord.outage();
    discord.whispers(ann, "two");
    discord.resume_service().await;
    hears(&world, at_ann, &[&introduced("one"), "two"]).await;
    assert_eq!(discord.resumes(), 1);
    assert_eq!(discord.identifies().len(), 1);
    world.finish().await;
}

async fn a_lost_session_is_caught_up_by_reading_back(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let (ann, bob) = (discord.user("ann"), discord.user("bob"));
    let at_ann = discord.dm(ann);
    let (_, general) = square(discord);
    discord.whispers(ann, "one");
    hears(&world, at_ann, &[&introduced("one")]).await;
    discord.mentions(bob, general, "I");
    hears(&world, general, &["bob: I"]).await;
    discord.outage();
    for text in ["two", "three"] {
        discord.whispers(ann, text);
    }
    discord.says(bob, general, "nobody is meant");
    discord.mentions(bob, general, "II");
    discord.forget_sessions();
    discord.resume_service().await;
    connected(&world).await;
    let come = |discord: &crate::sim::discord::Discord| {
        let said = texts(discord, at_ann);
        said.last().is_some_and(|text| text.ends_with("three"))
    };
    assert!(
        discord.wait_until(PATIENCE, come).await,
        "{}",
        world.dump().await
    );
    hears(&world, general, &["bob: I", "bob: II"]).await;
    // One after the other or together, but in order and once.
    let said = texts(discord, at_ann).split_off(1).join("\n\n");
    assert_eq!(said, "two\n\nthree");
    assert_eq!(discord.identifies().len(), 2);
    let kept = world.read("SELECT payload FROM jobs").await.join("\n");
    assert!(!kept.contains("nobody is meant"), "{kept}");
    discord.whispers(ann, "four");
    let come = |discord: &crate::sim::discord::Discord| {
        texts(discord, at_ann).last().map(String::as_str) == Some("four")
    };
    assert!(
        discord.wait_until(PATIENCE, come).await,
        "{}",
        world.dump().await
    );
    world.finish().await;
}

async fn a_restart_misses_nothing(engine: Engine) {
    let mut world = world(engine).await;
    let discord = world.discord.clone();
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    discord.whispers(ann, "one");
    hears(&world, at_ann, &[&introduced("one")]).await;
    for round in ["two", "three"] {
        world.stop().await;
        discord.whispers(ann, round);
        if round == "three" {
            discord.forget_sessions();
        }
        world.start().await;
        world.until_ready().await;
        let come = |discord: &crate::sim::discord::Discord| {
            texts(discord, at_ann).last().map(String::as_str) == Some(round)
        };
        assert!(
            discord.wait_until(PATIENCE, come).await,
            "{}",
            world.dump().await
        );
        world.settle().await;
    }
    assert_eq!(
        texts(&discord, at_ann),
        [&introduced("one"), "two", "three"]
    );
    assert_eq!(discord.command_writes(), 1);
    world.finish().await;
}

async fn a_death_misses_nothing(engine: Engine) {
    let mut world = world(engine).await;
    let discord = world.discord.clone();
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    discord.whispers(ann, "one");
    hears(&world, at_ann, &[&introduced("one")]).await;
    for round in ["two", "three", "four"] {
        discord.whispers(ann, round);
        if round == "four" {
            discord.forget_sessions();
        }
        world.crash().await;
        let come = |discord: &crate::sim::discord::Discord| {
            texts(discord, at_ann).last().map(String::as_str) == Some(round)
        };
        assert!(
            discord.wait_until(PATIENCE, come).await,
            "{}",
            world.dump().await
        );
        world.settle().await;
    }
    let said = [&introduced("one"), "two", "three", "four"];
    assert_eq!(texts(&discord, at_ann), said);
    world.finish().await;
}

async fn repeated_events_are_answered_once(engine: Engine) {
    let mut world = world(engine).await;
    let discord = world.discord.clone();
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    let one = discord.whispers(ann, "one");
    discord.redeliver(one);
    discord.redeliver(one);
    hears(&world, at_ann, &[&introduced("one")]).await;
    let model = discord.slash(ann, at_ann, "model", &[]);
    discord.redeliver_interaction(model);
    let told = &one_model();
    hears(&world, at_ann, &[&introduced("one"), told]).await;
    world.restart().await;
    discord.redeliver(one);
    discord.whispers(ann, "two");
    hears(&world, at_ann, &[&introduced("one"), told, "two"]).await;
    // The second acknowledgement of one interaction is refused; that is all that may go wrong.
    for violation in discord.take_violations() {
        assert!(violation.contains("callback"), "{violation}");
    }
    world.finish().await;
}

async fn events_that_nobody_understands(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    discord.inject("SOMETHING_NEW", None, json!({"kind": {"of": ["thing"]}}));
    discord.inject("MESSAGE_CREATE", None, json!({"id": 5, "channel_id": []}));
    discord.inject("INTERACTION_CREATE", None, json!({"type": 99}));
    discord.inject_raw("{\"op\": 77, \"d\": null}");
    discord.inject_raw("no JSON at all");
    discord.whispers(ann, "one");
    discord.inject("MESSAGE_CREATE", None, json!(null));
    discord.whispers(ann, "two");
    let come = |discord: &crate::sim::discord::Discord| {
        texts(discord, at_ann)
            .last()
            .is_some_and(|text| text.ends_with("two"))
    };
    assert!(
        discord.wait_until(PATIENCE, come).await,
        "{}",
        world.dump().await
    );
    world.settle().await;
    let said = texts(discord, at_ann).join("\n\n");
    assert_eq!(said, introduced("one\n\ntwo"));
    world.finish().await;
}

async fn the_gateway_asks_to_come_again(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    discord.whispers(ann, "one");
    hears(&world, at_ann, &[&introduced("one")]).await;
    discord.ask_reconnect();
    discord.whispers(ann, "two");
    hears(&world, at_ann, &[&introduced("one"), "two"]).await;
    connected(&world).await;
    discord.invalidate(false);
    discord.whispers(ann, "three");
    hears(&world, at_ann, &[&introduced("one"), "two", "three"]).await;
    connected(&world).await;
    discord.close_gateway(4000);
    discord.whispers(ann, "four");
    hears(
        &world,
        at_ann,
        &[&introduced("one"), "two", "three", "four"],
    )
    .await;
    world.finish().await;
}
