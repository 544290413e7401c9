//! People talk to Toney on Discord: alone, in a guild, in threads, and in more words than one message holds.

use toney::model::phrases;

use crate::sim::discord::{Channel, Discord, Guild, User, route};
use crate::sim::model::Answer;
use crate::world::{Engine, Options, PATIENCE, World, on_both};

on_both! {
    first_contact
    a_mention_is_answered_and_chatter_is_not_kept
    every_thread_has_its_own_memory
    without_the_message_content_intent
    a_long_answer_is_split
    three_messages_while_a_turn_runs
    an_edited_message
    no_model_answers
}

/// A world with Discord alone.
pub(crate) async fn world(engine: Engine) -> World {
    world_with(engine, |_| {}).await
}

pub(crate) async fn world_with(engine: Engine, choose: impl FnOnce(&mut Options)) -> World {
    let world = World::with(|options| {
        options.engine = engine;
        options.telegram = false;
        options.discord = true;
        choose(options);
    })
    .await;
    let offered = |discord: &Discord| !discord.commands().is_empty();
    assert!(world.discord.wait_until(PATIENCE, offered).await);
    world
}

/// What Toney says where it is met for the first time.
pub(crate) fn introduced(text: &str) -> String {
    format!("{}\n\n{text}", phrases::INTRODUCTION)
}

/// What `/model` says where there is one.
pub(crate) fn one_model() -> String {
    let hint = phrases::own_key_hint(false, true);
    format!("I answer with `openai/scripted`.\n\n{hint}")
}

pub(crate) fn texts(discord: &Discord, channel: Channel) -> Vec<String> {
    let said = discord.bot_messages(channel).into_iter();
    said.map(|msg| msg.content).collect()
}

/// Waits until Toney has said exactly this in the channel, and all is quiet.
pub(crate) async fn hears(world: &World, channel: Channel, wanted: &[&str]) {
    let come = |discord: &Discord| {
        let is = texts(discord, channel);
        is.len() >= wanted.len() && is.iter().zip(wanted).all(|(is, wanted)| is == wanted)
    };
    let came = world.discord.wait_until(PATIENCE, come).await;
    assert!(
        came,
        "{:#?} and not {wanted:#?}\n{}",
        texts(&world.discord, channel),
        world.dump().await
    );
    world.settle().await;
    assert_eq!(texts(&world.discord, channel), wanted);
}

/// Waits until so many things that people did are stored.
pub(crate) async fn stored(world: &World, count: usize) {
    let count = count.to_string();
    let jobs = "SELECT CAST(COUNT(*) AS TEXT) FROM jobs WHERE kind = 'turn'";
    world.until_stored(jobs, &[&count]).await;
}

pub(crate) async fn thinks(world: &World) {
    world
        .model
        .wait_until("a question", |counts| counts.waiting == 1)
        .await;
}

/// A guild with a channel.
pub(crate) fn square(discord: &Discord) -> (Guild, Channel) {
    let guild = discord.guild("Label");
    (guild, discord.channel(guild, "general"))
}

fn whispering(discord: &Discord, name: &str) -> (User, Channel) {
    let user = discord.user(name);
    (user, discord.dm(user))
}

async fn first_contact(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let (ann, at_ann) = whispering(discord, "ann");
    let (bob, at_bob) = whispering(discord, "bob");
    let hello = Answer::text("Hello **ann**, what is it _about_?");
    world
        .model
        .push(hello.when(|asked| asked.last("user") == "hi"));
    discord.whispers(ann, "hi");
    discord.whispers(bob, "hello there");
    let first = introduced("Hello **ann**, what is it _about_?");
    hears(&world, at_ann, &[&first]).await;
    hears(&world, at_bob, &[&introduced("hello there")]).await;
    discord.whispers(ann, "a tour");
    hears(&world, at_ann, &[&first, "a tour"]).await;
    let asked = world.model.requests();
    let last = asked.last().unwrap();
    assert!(last.mentions("what is it") && !last.mentions("hello there"));
    world.finish().await;
}

async fn a_mention_is_answered_and_chatter_is_not_kept(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let (ann, bob) = (discord.user("ann"), discord.user("bob"));
    let (_, general) = square(discord);
    discord.says(bob, general, "lovely weather");
    discord.says(bob, general, "@everyone lunch?");
    discord.mentions(ann, general, "what is next?");
    hears(&world, general, &["ann: what is next?"]).await;
    let answer = discord.bot_messages(general).remove(0);
    discord.says(bob, general, "more weather");
    discord.replies(bob, answer.id, "and after that?");
    let said = ["ann: what is next?", "bob: and after that?"];
    hears(&world, general, &said).await;
    let rendered = discord.render(general);
    let asked = rendered.lines().nth(2).unwrap();
    assert!(asked.ends_with("> what is next?"), "{rendered}");
    assert!(answer.reply_to.is_some() && !answer.pings_everyone);
    for table in ["SELECT payload FROM jobs", "SELECT text FROM messages"] {
        let kept = world.read(table).await.join("\n");
        assert!(
            !kept.contains("weather") && !kept.contains("lunch"),
            "{kept}"
        );
    }
    assert!(
        !world
            .model
            .requests()
            .iter()
            .any(|asked| asked.mentions("weather"))
    );
    world.finish().await;
}

async fn every_thread_has_its_own_memory(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let (ann, at_ann) = whispering(discord, "ann");
    let (_, general) = square(discord);
    let (red, blue) = (
        discord.thread(general, "red"),
        discord.thread(general, "blue"),
    );
    discord.whispers(ann, "my secret is a whale");
    hears(&world, at_ann, &[&introduced("my secret is a whale")]).await;
    discord.mentions(ann, red, "I like red");
    hears(&world, red, &["ann: I like red"]).await;
    discord.mentions(ann, blue, "what do I like?");
    hears(&world, blue, &["ann: what do I like?"]).await;
    discord.mentions(ann, general, "and here?");
    hears(&world, general, &["ann: and here?"]).await;
    let asked = world.model.requests();
    for other in &asked[2..] {
        assert!(!other.mentions("I like red") && !other.mentions("whale"));
    }
    discord.mentions(ann, red, "say it again");
    hears(&world, red, &["ann: I like red", "ann: say it again"]).await;
    let asked = world.model.requests();
    assert!(asked.last().unwrap().mentions("I like red"));
    assert!(!asked.last().unwrap().mentions("whale"));
    world.finish().await;
}

async fn without_the_message_content_intent(engine: Engine) {
    let world = world_with(engine, |options| {
        options.set("TONEY__DISCORD__MESSAGE_CONTENT", false);
        options.discord_api.privileged_intents = 0;
    })
    .await;
    let discord = &world.discord;
    let (ann, at_ann) = whispering(discord, "ann");
    let (_, general) = square(discord);
    discord.whispers(ann, "alone");
    hears(&world, at_ann, &[&introduced("alone")]).await;
    discord.says(ann, general, "nobody can read this");
    discord.mentions(ann, general, "but this");
    hears(&world, general, &["ann: but this"]).await;
    let command = discord.slash(ann, general, "new", &[]);
    let fresh = ["ann: but this", phrases::NEW_SESSION];
    hears(&world, general, &fresh).await;
    assert_eq!(discord.interaction(command).response, Some(5));
    world.finish().await;
}

async fn a_long_answer_is_split(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let (ann, at_ann) = whispering(discord, "ann");
    let code: String = (0..150).map(|n| format!("let line{n} = {n};\n")).collect();
    let prose: String = (0..120)
        .map(|n| format!("Sentence {n} 🎵 of **many**. "))
        .collect();
    let answer = format!("{prose}\n\n```rust\n{code}```\n\nThe _end_.");
    world.model.push(Answer::text(&answer).chunked(200));
    discord.whispers(ann, "tell me all");
    let whole = |discord: &Discord| {
        let last = texts(discord, at_ann).pop();
        last.is_some_and(|text| text.ends_with("The _end_."))
    };
    assert!(
        discord.wait_until(PATIENCE, whole).await,
        "{}",
        world.dump().await
    );
    world.settle().await;
    let parts = texts(discord, at_ann);
    assert!(parts.len() >= 4, "{parts:#?}");
    let mut lines = Vec::new();
    for part in &parts {
        assert!(part.chars().count() <= 2000, "{}", part.chars().count());
        assert_eq!(part.matches("```").count() % 2, 0, "{part}");
        assert_eq!(part.matches("**").count() % 2, 0, "{part}");
        lines.extend(part.lines().filter(|line| line.starts_with("let line")));
    }
    let wanted: Vec<&str> = code.lines().collect();
    assert_eq!(lines, wanted);
    let joined = parts.join(" ");
    for n in 0..120 {
        assert_eq!(
            joined.matches(&format!("Sentence {n} 🎵")).count(),
            1,
            "{n}"
        );
    }
    world.finish().await;
}

async fn three_messages_while_a_turn_runs(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let (ann, at_ann) = whispering(discord, "ann");
    world.model.hold();
    discord.whispers(ann, "one");
    thinks(&world).await;
    for text in ["two", "three", "four"] {
        discord.whispers(ann, text);
    }
    stored(&world, 4).await;
    world.model.release();
    let both = [introduced("one"), "two\n\nthree\n\nfour".to_owned()];
    hears(&world, at_ann, &both.each_ref().map(String::as_str)).await;
    assert_eq!(world.model.counts().started, 2);
    world.finish().await;
}

async fn an_edited_message(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let (ann, at_ann) = whispering(discord, "ann");
    world.model.hold();
    let message = discord.whispers(ann, "hwo?");
    thinks(&world).await;
    discord.edits(message, "how?");
    // The question with the old words is given up.
    world
        .model
        .wait_until("another question", |counts| counts.started == 2)
        .await;
    world.model.release();
    hears(&world, at_ann, &[&introduced("how?")]).await;
    // What is answered stays answered.
    discord.edits(message, "why?");
    stored(&world, 3).await;
    discord.whispers(ann, "go on");
    hears(&world, at_ann, &[&introduced("how?"), "go on"]).await;
    assert!(
        !world
            .model
            .requests()
            .iter()
            .any(|asked| asked.mentions("why?"))
    );
    world.finish().await;
}

async fn no_model_answers(engine: Engine) {
    let world = world(engine).await;
    let discord = &world.discord;
    let (ann, at_ann) = whispering(discord, "ann");
    world.model.stop().await;
    discord.whispers(ann, "are you there?");
    hears(&world, at_ann, &[&introduced(phrases::OFFLINE)]).await;
    discord.slash(ann, at_ann, "privacy", &[]);
    let told = |discord: &Discord| {
        let said = texts(discord, at_ann);
        said.get(1).is_some_and(|text| text.contains("What I keep"))
    };
    assert!(
        discord.wait_until(PATIENCE, told).await,
        "{}",
        world.dump().await
    );
    world.settle().await;
    assert_eq!(discord.calls(route::EDIT_ORIGINAL).len(), 1);
    world.model.resume().await;
    world.finish().await;
}
