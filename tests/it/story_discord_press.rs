//! Slash commands, buttons, menus and forms on Discord: in time, once, and safe from forgers.

use std::time::Duration;

use toney::model::phrases;

use crate::sim::discord::{Discord, Interaction, Kind, When, route};
use crate::sim::model::Answer;
use crate::story_discord::{hears, introduced, one_model, square, stored, texts, thinks, world};
use crate::world::{Engine, PATIENCE, World, on_both};

on_both! {
    a_slash_command_is_deferred_and_filled
    a_command_beside_a_running_turn
    a_command_whose_acknowledgement_fails
    stop_by_command
    stop_by_button
    a_button_pressed_twice_and_after_a_restart
    a_forged_button_a_menu_and_a_form
}

/// Waits until the first answer of an interaction says this.
async fn filled(world: &World, interaction: Interaction, wanted: &str) {
    let discord = &world.discord;
    let is = |discord: &Discord| {
        let answer = discord.interaction(interaction);
        !answer.loading && answer.content.as_deref() == Some(wanted)
    };
    let came = discord.wait_until(PATIENCE, is).await;
    assert!(
        came,
        "{:#?}\n{}",
        discord.interaction(interaction),
        world.dump().await
    );
    let answer = discord.interaction(interaction);
    assert_eq!(answer.response, Some(5));
    assert!(answer.acked_after.unwrap() < Duration::from_secs(3));
}

async fn a_slash_command_is_deferred_and_filled(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    let (_, general) = square(discord);
    let why = discord.slash(ann, at_ann, "/why", &[]);
    filled(&world, why, phrases::NO_ANSWER_YET).await;
    world.settle().await;
    // The answer is the deferred one, and no message of its own.
    assert_eq!(discord.calls(route::EDIT_ORIGINAL).len(), 1);
    assert_eq!(discord.calls(route::SEND).len(), 0);
    let help = discord.slash(ann, general, "help", &[]);
    let is = |discord: &Discord| {
        let answer = discord.interaction(help).content;
        answer.is_some_and(|text| text.contains("/stop – "))
    };
    assert!(
        discord.wait_until(PATIENCE, is).await,
        "{}",
        world.dump().await
    );
    discord.whispers(ann, "hi");
    let said = [phrases::NO_ANSWER_YET.to_owned(), "hi".to_owned()];
    hears(&world, at_ann, &said.each_ref().map(String::as_str)).await;
    let why = discord.slash(ann, at_ann, "why", &[]);
    let is = |discord: &Discord| {
        let answer = discord.interaction(why).content;
        answer.is_some_and(|text| text.contains("openai/scripted"))
    };
    assert!(
        discord.wait_until(PATIENCE, is).await,
        "{}",
        world.dump().await
    );
    world.finish().await;
}

/// The lane is busy, but Discord is told in time that the answer will come.
async fn a_command_beside_a_running_turn(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    world.model.hold();
    discord.whispers(ann, "think");
    thinks(&world).await;
    let model = discord.slash(ann, at_ann, "model", &[]);
    let deferred = |discord: &Discord| discord.interaction(model).response == Some(5);
    assert!(discord.wait_until(PATIENCE, deferred).await);
    world.model.release();
    filled(&world, model, &one_model()).await;
    world.settle().await;
    assert!(texts(discord, at_ann).contains(&introduced("think")));
    world.finish().await;
}

async fn a_command_whose_acknowledgement_fails(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    discord.fail(route::CALLBACK, When::Times(2), Kind::Status(500));
    discord.slash(ann, at_ann, "why", &[]);
    hears(&world, at_ann, &[phrases::NO_ANSWER_YET]).await;
    world.finish().await;
}

async fn stop_by_command(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    world
        .model
        .push(Answer::pieces(["Once upon ", "a time ", "there was."]).pause_after(2));
    discord.whispers(ann, "a story");
    let begun = |discord: &Discord| {
        let said = texts(discord, at_ann);
        said.first()
            .is_some_and(|text| text.ends_with("Once upon a time"))
    };
    assert!(
        discord.wait_until(PATIENCE, begun).await,
        "{}",
        world.dump().await
    );
    let stop = discord.slash(ann, at_ann, "stop", &[]);
    filled(&world, stop, phrases::STOPPED).await;
    world.settle().await;
    let said = texts(discord, at_ann);
    assert_eq!(
        said[0],
        introduced("Once upon a time\n\n_(stopped)_"),
        "{said:#?}"
    );
    assert!(discord.bot_messages(at_ann)[0].buttons.is_empty());
    world
        .model
        .wait_until("the end of the question", |counts| counts.cancelled == 1)
        .await;
    let nothing = discord.slash(ann, at_ann, "stop", &[]);
    filled(&world, nothing, phrases::NOTHING_TO_STOP).await;
    world.finish().await;
}

async fn stop_by_button(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    world
        .model
        .push(Answer::pieces(["Once upon ", "a time ", "there was."]).pause_after(2));
    discord.whispers(ann, "a story");
    let begun = |discord: &Discord| {
        let said = discord.bot_messages(at_ann);
        said.first().is_some_and(|msg| msg.buttons == ["Stop"])
    };
    assert!(
        discord.wait_until(PATIENCE, begun).await,
        "{}",
        world.dump().await
    );
    let press = discord.press(ann, at_ann, "Stop");
    let stopped = |discord: &Discord| {
        let said = discord.bot_messages(at_ann);
        said.first()
            .is_some_and(|msg| msg.content.ends_with("_(stopped)_") && msg.buttons.is_empty())
    };
    assert!(
        discord.wait_until(PATIENCE, stopped).await,
        "{}",
        world.dump().await
    );
    world.settle().await;
    let answer = discord.interaction(press);
    assert_eq!(answer.response, Some(6));
    assert!(answer.acked_after.unwrap() < Duration::from_secs(3));
    assert_eq!(discord.bot_messages(at_ann).len(), 1);
    world.finish().await;
}

async fn a_button_pressed_twice_and_after_a_restart(engine: Engine) {
    let mut world = world(engine).await;
    let discord = world.discord.clone();
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    world
        .model
        .push(Answer::pieces(["Once upon ", "a time ", "there was."]).pause_after(2));
    discord.whispers(ann, "a story");
    let begun = |discord: &Discord| {
        let said = discord.bot_messages(at_ann);
        said.first().is_some_and(|msg| msg.buttons == ["Stop"])
    };
    assert!(
        discord.wait_until(PATIENCE, begun).await,
        "{}",
        world.dump().await
    );
    let card = discord.bot_messages(at_ann)[0].id;
    let presses = [
        discord.press_on(ann, card, "Stop"),
        discord.press_on(ann, card, "Stop"),
    ];
    stored(&world, 3).await;
    world.settle().await;
    for press in presses {
        assert_eq!(discord.interaction(press).response, Some(6));
    }
    let said = texts(&discord, at_ann);
    assert!(said[0].ends_with("_(stopped)_"), "{said:#?}");
    // The second press came when there was nothing left to stop.
    let outdated = |said: &[String]| {
        let is = |text: &&String| text.as_str() == phrases::BUTTON_OUTDATED;
        said.iter().filter(is).count()
    };
    assert!(outdated(&said) <= 1, "{said:#?}");
    let before = outdated(&said);
    world.restart().await;
    let known: Vec<_> = discord.interactions();
    let custom_id = known.last().unwrap().name.clone();
    let late = discord.press_raw(ann, card, &custom_id);
    let answered = |discord: &Discord| outdated(&texts(discord, at_ann)) == before + 1;
    assert!(
        discord.wait_until(PATIENCE, answered).await,
        "{}",
        world.dump().await
    );
    world.settle().await;
    assert_eq!(discord.interaction(late).response, Some(6));
    assert!(discord.bot_messages(at_ann)[0].buttons.is_empty());
    world.finish().await;
}

async fn a_forged_button_a_menu_and_a_form(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let (ann, bob) = (discord.user("ann"), discord.user("bob"));
    let (_, general) = square(discord);
    discord.mentions(ann, general, "hi");
    hears(&world, general, &["ann: hi"]).await;
    let card = discord.bot_messages(general)[0].id;
    let nonsense = "🎵 '; DROP TABLE jobs --".to_owned();
    for (at, custom_id) in [nonsense, "x".repeat(100), "stop:".to_owned()]
        .iter()
        .enumerate()
    {
        let press = discord.press_raw(bob, card, custom_id);
        let come = |discord: &Discord| discord.bot_messages(general).len() == at + 2;
        assert!(
            discord.wait_until(PATIENCE, come).await,
            "{}",
            world.dump().await
        );
        world.settle().await;
        assert_eq!(discord.interaction(press).response, Some(6));
    }
    let choice = discord.choose_raw(bob, card, "colour:1", &["blue"]);
    let come = |discord: &Discord| discord.bot_messages(general).len() == 5;
    assert!(
        discord.wait_until(PATIENCE, come).await,
        "{}",
        world.dump().await
    );
    world.settle().await;
    assert_eq!(discord.interaction(choice).response, Some(6));
    let said = texts(discord, general);
    assert!(
        said[1..]
            .iter()
            .all(|text| text == phrases::BUTTON_OUTDATED),
        "{said:#?}"
    );

    let form = discord.press_raw(bob, card, "form:note:1");
    let opened = |discord: &Discord| discord.interaction(form).response == Some(9);
    assert!(discord.wait_until(PATIENCE, opened).await);
    let sent = discord.submit(form, &[("words", "Too loud")]);
    let come = |discord: &Discord| {
        texts(discord, general).last().map(String::as_str) == Some(phrases::FORM_OUTDATED)
    };
    assert!(
        discord.wait_until(PATIENCE, come).await,
        "{}",
        world.dump().await
    );
    assert!(discord.interaction(sent).acked_after.is_some());
    world.finish().await;
}
