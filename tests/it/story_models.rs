//! People choose the model that answers them, and bring keys of their own.

use std::path::Path;

use toney::model::{Standing, phrases};

use crate::sim::discord::Discord;
use crate::sim::model::{Answer, Server};
use crate::story_discord::{hears, one_model};
use crate::world::{Engine, PATIENCE, World, on_both};

on_both!(
    a_chosen_model_answers_until_it_is_given_back
    a_key_of_ones_own_is_used_and_read_by_nobody
    a_key_on_discord_comes_by_a_form
);

const KEY: &str = "sk-ann-0123456789abcdef";
/// Some providers' keys begin with nothing of their own.
const BARE: &str = "abcdefghijklmnopqrstuvwxyzabcdef";
const OTHER: &str = "sk-bob-0123456789abcdef";

fn asked(model: &Server) -> Vec<String> {
    let requests = model.requests();
    let words = requests
        .iter()
        .map(|request| request.last("user").to_owned());
    words.collect()
}

/// Two models: `openai/scripted`, which answers by itself, and `spare/scripted`.
async fn two(engine: Engine) -> World {
    World::with(|options| {
        options.engine = engine;
        options.spare = true;
    })
    .await
}

async fn a_chosen_model_answers_until_it_is_given_back(engine: Engine) {
    let mut world = two(engine).await;
    let (ann, bob) = (world.friend("ann").await, world.friend("bob").await);
    ann.says("/model spare/scripted");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /model spare/scripted
    toney: From now on I answer you with spare/scripted. /model auto goes back.
    ");
    ann.says("one");
    bob.says("two");
    world.settle().await;
    assert_eq!(asked(&world.spare), ["one"]);
    assert_eq!(asked(&world.model), ["two"]);
    world.restart().await;
    ann.says("three");
    world.settle().await;
    assert_eq!(asked(&world.spare), ["one", "three"]);
    world.sees(&ann);
    world.sees(&bob);

    // What does not answer is not taken, and what nobody knows is not found.
    world.model.stop().await;
    ann.says("/model openai/scripted");
    ann.says("/model nightingale");
    ann.says("/model scripted");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /model openai/scripted
    ann: /model nightingale
    ann: /model scripted
    toney: I stay with spare/scripted: openai/scripted can't be used at the moment, since it cannot be reached, or fails inside.
    toney: You have no model to choose that is called “nightingale”. /model lists them.
    toney: Several models are called so: openai/scripted, spare/scripted. Which one?
    ");
    world.model.resume().await;
    ann.says("/model");
    world.settle().await;
    let list = world.sees(&ann);
    assert!(
        list.contains(
            "I answer you with spare/scripted. If it fails, I go on with the usual ones."
        ),
        "{list}"
    );
    assert!(list.contains("openai/scripted: price unknown, "), "{list}");
    assert!(list.contains(", yours"), "{list}");
    assert!(
        list.ends_with("[openai/scripted] [spare/scripted] [You choose]"),
        "{list}"
    );
    ann.presses("openai/scripted");
    world.settle().await;
    ann.says("four");
    world.settle().await;
    assert_eq!(asked(&world.model), ["two", "four"]);
    ann.presses("You choose");
    world.settle().await;
    let chosen = "SELECT model FROM model_choices";
    assert_eq!(world.read(chosen).await, [""; 0]);
    assert!(
        world
            .sees(&ann)
            .ends_with("I choose the model again from now on.")
    );
    world.finish().await;
}

/// Nothing of these stands in any file.
fn assert_nowhere(folder: &Path, secrets: &[&str]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere(&path, secrets);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in secrets {
            let stands = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!stands, "{secret} in {}", path.display());
        }
    }
}

async fn assert_unreadable(world: &World, secrets: &[&str]) {
    assert_nowhere(&world.folder, secrets);
    for table in [
        "SELECT payload FROM jobs",
        "SELECT text FROM messages",
        "SELECT content FROM outbound",
        "SELECT body FROM events",
        "SELECT sealed FROM own_keys",
    ] {
        let rows = world.read(table).await.concat();
        assert!(
            secrets.iter().all(|secret| !rows.contains(secret)),
            "{table}: {rows}"
        );
    }
}

async fn a_key_of_ones_own_is_used_and_read_by_nobody(engine: Engine) {
    let mut world = two(engine).await;
    let (ann, bob) = (world.friend("ann").await, world.friend("bob").await);
    world.model.accept_keys(&["first", KEY]);
    let message = ann.says(&format!("/model key openai {KEY}"));
    bob.says(&format!("/model key openai {OTHER}"));
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Your key for openai works. I keep it encrypted and answer you with openai/scripted from now on, which openai bills to you. /model lists what else it brings, /model key openai off forgets it.

    I delete your message with the key.
    ");
    insta::assert_snapshot!(world.sees(&bob), @r"
    toney: I didn't keep your key for openai, for it was turned down.

    I delete your message with the key.
    ");
    let transcript = world.telegram.transcript(&ann);
    let held = transcript.iter().find(|msg| msg.id == message);
    assert!(held.is_none_or(|msg| msg.deleted));
    assert_eq!(
        world.read("SELECT provider FROM own_keys").await,
        ["openai"]
    );
    ann.says("mine");
    bob.says("yours");
    world.settle().await;
    let used = |words: &str| {
        let requests = world.model.requests();
        let one = requests.iter().find(|one| one.last("user") == words);
        one.and_then(|one| one.key.clone())
    };
    assert_eq!(used("mine").as_deref(), Some(KEY));
    assert_eq!(used("yours").as_deref(), Some("first"));
    assert_unreadable(&world, &[KEY, OTHER]).await;
    world.restart().await;
    ann.says("again");
    world.settle().await;
    let requests = world.model.requests();
    let again = requests.iter().find(|one| one.last("user") == "again");
    assert_eq!(again.unwrap().key.as_deref(), Some(KEY));
    world.sees(&ann);
    world.sees(&bob);
    // The key was revoked: the usual ones answer, and their breakers know nothing of it.
    world.model.accept_keys(&["first"]);
    ann.says("still there?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: still there?
    toney: still there?

    (Your own key for openai was turned down, so I went on without it. /model key openai off forgets it.)
    ");
    // It is told once, and the key rests.
    ann.says("and now?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: and now?
    toney: and now?
    ");
    let requests = world.model.requests();
    let mut tried = requests.iter().filter(|one| one.last("user") == "and now?");
    assert!(tried.all(|one| one.key.as_deref() == Some("first")));
    ann.says("/model key openai off");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /model key openai off
    toney: Your key for openai is deleted here. Revoke it there, too, if nobody else uses it.
    ");
    assert_eq!(world.read("SELECT provider FROM own_keys").await, [""; 0]);
    assert_unreadable(&world, &[KEY, OTHER]).await;
    world.finish().await;
}

/// A message that is nothing but a key, a provider that nobody knows, and a key where others read along.
#[tokio::test]
async fn a_key_in_the_wrong_place_is_taken_away() {
    let mut world = World::new().await;
    let ann = world.friend("ann").await;
    world.model.accept_keys(&["first"]);
    ann.says(KEY);
    ann.says(&format!("/model key nobody {KEY}"));
    ann.says("/model key");
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(!seen.contains(KEY), "{seen}");
    assert!(seen.contains(phrases::KEY_WITHOUT_PROVIDER), "{seen}");
    assert!(
        seen.contains("These are the providers for which I can use a key: "),
        "{seen}"
    );
    assert!(
        seen.contains("/model key openai YOUR-KEY (I delete that message)."),
        "{seen}"
    );
    // Words that may be a key are not said again.
    ann.says(&format!("/model openai {KEY}"));
    ann.says(&format!("/model key {BARE}"));
    ann.says(&format!("/model {BARE}"));
    ann.says(&format!("/{KEY}"));
    ann.says(&format!("my key is `{KEY}`, is it safe?"));
    world.settle().await;
    let seen = world.telegram.transcript(&ann);
    let said = seen.iter().filter(|msg| msg.from_bot);
    for said in said {
        let said = format!("{said:?}");
        assert!(!said.contains(KEY) && !said.contains(BARE), "{said}");
    }
    world.sees(&ann);
    let group = world.telegram.group("Band");
    ann.says_in(group, &format!("/model key openai {KEY}"));
    world.settle().await;
    let seen = world.sees(group);
    assert!(
        seen.contains("Please revoke it at your provider now"),
        "{seen}"
    );
    // Here the bot may delete nothing of others, and says so.
    assert!(seen.contains(phrases::KEY_TO_DELETE), "{seen}");
    world.expect_unsent(1);
    assert_eq!(world.read("SELECT provider FROM own_keys").await, [""; 0]);
    assert_eq!(
        world.model.requests().len(),
        0,
        "no model was shown the key"
    );
    assert_unreadable(&world, &[KEY]).await;
    world.finish().await;
}

/// A list of models that everybody may read proves no key, and a model that is not there is not chosen.
#[tokio::test]
async fn a_key_counts_when_a_model_answers_with_it() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    world.model.push(Answer::status(401));
    ann.says(&format!("/model key openai {KEY}"));
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(seen.contains("I didn't keep your key for openai"), "{seen}");
    assert_eq!(world.read("SELECT provider FROM own_keys").await, [""; 0]);
    ann.says(&format!("/model key openai {KEY}"));
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(seen.contains("Your key for openai works."), "{seen}");
    world.model.push(Answer::status(404));
    ann.says("/model openai/nonsense");
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(seen.contains("I stay with openai/scripted"), "{seen}");
    let chosen = "SELECT model FROM model_choices";
    assert_eq!(world.read(chosen).await, [""; 0]);
    // What was chosen for the key goes with it.
    ann.says("/model openai/other");
    world.settle().await;
    assert_eq!(world.read(chosen).await, ["openai/other"]);
    ann.says("/model key openai off");
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(seen.contains(phrases::MODEL_AUTO), "{seen}");
    assert_eq!(world.read(chosen).await, [""; 0]);
    world.finish().await;
}

/// Who works for an artist chooses from more.
#[tokio::test]
async fn those_who_work_for_an_artist_choose_from_more() {
    let world = World::with(|options| {
        options.set("TONEY__PROVIDERS__SPARE__BASE_URL", "http://127.0.0.1:1/v1");
        options.set("TONEY__MODELS__CHOICES", "openai/other");
    })
    .await;
    let mia = world.invited("mia", ("Ada", Standing::Manager)).await;
    let ann = world.friend("ann").await;
    for who in [&mia, &ann] {
        who.says("/model other");
    }
    world.settle().await;
    let of_mia = world.sees(&mia);
    assert!(
        of_mia.contains("From now on I answer you with openai/other."),
        "{of_mia}"
    );
    let of_ann = world.sees(&ann);
    assert!(
        of_ann.contains("no model to choose that is called “other”"),
        "{of_ann}"
    );
    mia.says("hello");
    world.settle().await;
    assert_eq!(world.model.requests().pop().unwrap().model, "other");
    // Whoever does not work for the artist any more is answered like everybody.
    world.write("DELETE FROM memberships").await;
    mia.says("bye");
    world.settle().await;
    assert_eq!(world.model.requests().pop().unwrap().model, "scripted");
    world.sees(&mia);
    world.finish().await;
}

async fn a_key_on_discord_comes_by_a_form(engine: Engine) {
    let world = crate::story_discord::world(engine).await;
    let discord = &world.discord;
    let ann = discord.user("ann");
    let at_ann = discord.dm(ann);
    world.model.accept_keys(&["first", KEY]);
    discord.whispers(ann, "/model");
    let list = one_model();
    hears(&world, at_ann, &[&list]).await;
    let press = discord.press(ann, at_ann, phrases::KEY_BUTTON);
    let opened = |discord: &Discord| discord.interaction(press).response == Some(9);
    assert!(discord.wait_until(PATIENCE, opened).await);
    discord.submit(press, &[("provider", "OpenAI"), ("key", KEY)]);
    let kept = phrases::key_kept("openai", "openai/scripted");
    hears(&world, at_ann, &[&list, &kept]).await;
    discord.whispers(ann, "hello");
    hears(&world, at_ann, &[&list, &kept, "hello"]).await;
    let requests = world.model.requests();
    assert_eq!(requests.last().unwrap().key.as_deref(), Some(KEY));
    assert_unreadable(&world, &[KEY]).await;
    world.finish().await;
}
