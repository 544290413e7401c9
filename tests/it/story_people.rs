//! One person on two platforms: linked, asked the first questions, remembered.

use toney::model::{Standing, phrases};

use crate::sim::discord::{Channel, Discord, User};
use crate::world::{Engine, PATIENCE, Person, World, on_both};

on_both! {
    questions_begun_here_go_on_there
    whoever_is_not_meant_changes_nothing
    what_is_said_here_is_known_there_and_forgotten
    what_is_known_is_shown_changed_and_left
}

/// A world with both platforms.
async fn both(engine: Engine) -> World {
    let world = World::with(|options| {
        options.engine = engine;
        options.discord = true;
    })
    .await;
    let offered = |discord: &Discord| !discord.commands().is_empty();
    assert!(world.discord.wait_until(PATIENCE, offered).await);
    world
}

/// The newest thing that Toney said in a chat of the second platform, with its buttons.
async fn last(world: &World, channel: Channel) -> (String, Vec<String>) {
    world.settle().await;
    let said = world.discord.bot_messages(channel);
    let newest = said.last().expect("something said");
    (newest.content.clone(), newest.buttons.clone())
}

async fn whispers(world: &World, user: User, words: &str) -> (String, Vec<String>) {
    let channel = world.discord.dm(user);
    let jobs = "SELECT CAST(COUNT(*) AS TEXT) FROM jobs WHERE kind = 'turn'";
    let before: u32 = world.read(jobs).await[0].parse().unwrap();
    world.discord.whispers(user, words);
    world.until_stored(jobs, &[&(before + 1).to_string()]).await;
    last(world, channel).await
}

async fn presses(world: &World, user: User, label: &str) {
    let channel = world.discord.dm(user);
    let jobs = "SELECT CAST(COUNT(*) AS TEXT) FROM jobs WHERE kind = 'turn'";
    let before: u32 = world.read(jobs).await[0].parse().unwrap();
    world.discord.press(user, channel, label);
    world.until_stored(jobs, &[&(before + 1).to_string()]).await;
    world.settle().await;
}

/// Asks for a code here and brings it there; both are asked then.
async fn brings_a_code(world: &World, here: &Person, there: User) -> String {
    here.says("/link");
    world.settle().await;
    let shown = world.sees(here);
    let (_, code) = shown.split_once("/link ").unwrap();
    let code: String = code.chars().take(9).collect();
    let (card, buttons) = whispers(world, there, &format!("/link {code}")).await;
    assert!(card.contains("Is this you: **ann** on Telegram?"), "{card}");
    assert_eq!(buttons, [phrases::YES_ME, phrases::NO_NOT_ME]);
    let asked = world.sees(here);
    assert!(asked.contains("on Discord?"), "{asked}");
    code
}

async fn questions_begun_here_go_on_there(engine: Engine) {
    let mut world = both(engine).await;
    let ann = world.person("ann");
    let store = world.store().await;
    let artist = store.make_artist("Ann").await.unwrap();
    let expires = toney::model::Clock::System.now().plus(PATIENCE);
    let code = store
        .invite(artist.id, Standing::Artist, expires)
        .await
        .unwrap();
    ann.says(&format!("/start {code}"));
    world.settle().await;
    let hello = world.sees(&ann);
    assert!(hello.contains(phrases::ONBOARDING_OFFER), "{hello}");
    ann.presses(phrases::ONBOARDING_BEGIN);
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @"toney: 1 of 7. What is your artist name? [Keep “Ann”] [Skip] [Later]");
    ann.presses("Keep “Ann”");
    world.settle().await;
    let next = world.sees(&ann);
    assert!(next.contains("2 of 7. What kind of music"), "{next}");
    ann.says("dream pop, shoegaze");
    world.settle().await;
    assert!(world.sees(&ann).contains("3 of 7."));
    // A question is answered, and ours put again behind it, once.
    ann.says("what is a good tempo for that?");
    world.settle().await;
    let seen = world.sees(&ann);
    let lines: Vec<&str> = seen.lines().collect();
    assert!(lines[1].contains("what is a good tempo"), "{seen}");
    assert!(seen.contains("3 of 7."), "{seen}");
    ann.says("and of a slow one?");
    world.settle().await;
    assert!(!world.sees(&ann).contains("3 of 7."));
    world.restart().await;

    let other = world.discord.user("annie");
    whispers(&world, other, "/start").await;
    brings_a_code(&world, &ann, other).await;
    ann.presses(phrases::YES_ME);
    world.settle().await;
    assert!(world.sees(&ann).contains(phrases::LINK_WAITS));
    presses(&world, other, phrases::YES_ME).await;
    assert!(world.sees(&ann).contains("one person on both platforms"));
    assert_eq!(
        world
            .read("SELECT CAST(COUNT(*) AS TEXT) FROM persons")
            .await,
        ["1"]
    );
    go_on_there(world, ann, other).await;
}

/// The rest of the questions, and the account taken out again.
async fn go_on_there(world: World, ann: Person, other: User) {
    // Days later, on the other platform.
    let (hello, buttons) = whispers(&world, other, "/start").await;
    assert!(hello.contains("We stopped at question 3 of 7."), "{hello}");
    assert_eq!(buttons, [phrases::ONBOARDING_GO_ON]);
    presses(&world, other, phrases::ONBOARDING_GO_ON).await;
    for (say, wanted) in [
        ("touring a lot", "4 of 7"),
        ("sell out the Lido", "5 of 7"),
        ("skip", "6 of 7"),
        ("Berlin", "Europe/Berlin, where it is"),
        ("yes", "7 of 7"),
        ("English", "That's all, thank you."),
    ] {
        let (said, _) = whispers(&world, other, say).await;
        assert!(said.contains(wanted), "{say}: {said}");
    }
    // Here nothing is open any more.
    ann.says("touring is fun");
    world.settle().await;
    assert!(world.sees(&ann).contains("toney: touring is fun"));
    let profile = "SELECT field || ': ' || value FROM profiles ORDER BY field";
    assert_eq!(
        world.read(profile).await,
        [
            "genres: dream pop, shoegaze",
            "language: English",
            "name: Ann",
            "stage: touring a lot",
            "zone: Europe/Berlin",
        ]
    );
    assert_eq!(
        world.read("SELECT text || ' ' || state FROM goals").await,
        ["sell out the Lido open"]
    );
    // And taken out again.
    whispers(&world, other, "/unlink").await;
    let (_, buttons) = last(&world, world.discord.dm(other)).await;
    let label = buttons.iter().find(|label| label.starts_with("Discord"));
    presses(&world, other, &label.unwrap().clone()).await;
    presses(&world, other, phrases::UNLINK_YES).await;
    let (hello, _) = whispers(&world, other, "/start").await;
    assert!(!hello.contains("questions"), "{hello}");
    let people = "SELECT CAST(COUNT(*) AS TEXT) FROM persons";
    assert_eq!(world.read(people).await, ["2"]);
    world.finish().await;
}

async fn whoever_is_not_meant_changes_nothing(engine: Engine) {
    let world = both(engine).await;
    let ann = world.friend("ann").await;
    let other = world.discord.user("mallory");
    whispers(&world, other, "/start").await;
    let code = brings_a_code(&world, &ann, other).await;
    presses(&world, other, phrases::YES_ME).await;
    ann.presses(phrases::NO_NOT_ME);
    world.settle().await;
    assert!(world.sees(&ann).contains(phrases::LINK_REFUSED));
    let (told, _) = last(&world, world.discord.dm(other)).await;
    assert_eq!(told, phrases::LINK_REFUSED);
    // The code is used up, and guessing ends.
    let bob = world.friend("bob").await;
    bob.says(&format!("/link {code}"));
    world.settle().await;
    assert!(world.sees(&bob).contains(phrases::LINK_WRONG_CODE));
    for _ in 0..4 {
        bob.says("/link AAAA-BBBB");
        world.settle().await;
        assert!(world.sees(&bob).contains(phrases::LINK_WRONG_CODE));
    }
    bob.says("/link AAAA-BBBB");
    world.settle().await;
    assert!(world.sees(&bob).contains(phrases::LINK_TOO_OFTEN));
    let people = "SELECT CAST(COUNT(*) AS TEXT) FROM persons";
    assert_eq!(world.read(people).await, ["3"]);
    world.finish().await;
}

/// Brings an account here and one there together.
async fn links(world: &World, here: &Person, there: User) {
    brings_a_code(world, here, there).await;
    here.presses(phrases::YES_ME);
    world.settle().await;
    presses(world, there, phrases::YES_ME).await;
    let seen = world.sees(here);
    assert!(seen.contains(phrases::LINKED), "{seen}");
}

/// What the model was told of whoever asked last.
fn told(world: &World) -> String {
    let asked = world.model.requests();
    asked.last().expect("a question").last("system").to_owned()
}

async fn what_is_said_here_is_known_there_and_forgotten(engine: Engine) {
    let world = both(engine).await;
    let ann = world.friend("ann").await;
    let other = world.discord.user("annie");
    whispers(&world, other, "/start").await;
    links(&world, &ann, other).await;
    ann.says("I live in Berlin. What a day!");
    world.settle().await;
    world.sees(&ann);
    ann.says("my doctor gave me pills and I live in fear");
    world.settle().await;
    world.sees(&ann);
    // Somebody else's words, passed on.
    let from = serde_json::json!({
        "forward_origin": {"type": "hidden_user", "sender_user_name": "x", "date": 1},
    });
    let passed_on = "I live in Paris.";
    world.telegram.says_with(ann.user, &ann, passed_on, from);
    world.settle().await;
    world.sees(&ann);
    let kept = "SELECT slot || ': ' || text FROM facts WHERE state = 'kept'";
    assert_eq!(world.read(kept).await, ["home: I live in Berlin"]);
    whispers(
        &world,
        other,
        "a venue near where I live, for a hundred people",
    )
    .await;
    let prompt = told(&world);
    assert!(
        prompt.contains("<remembered>") && prompt.contains("I live in Berlin"),
        "{prompt}"
    );
    // A stranger is told nothing of it.
    let eve = world.friend("eve").await;
    eve.says("where do I live?");
    world.settle().await;
    world.sees(&eve);
    assert!(!told(&world).contains("Berlin"));
    // What is said now takes the place of what was.
    whispers(&world, other, "I live in Lisbon now.").await;
    assert_eq!(world.read(kept).await, ["home: I live in Lisbon now"]);
    let before = "SELECT text FROM facts WHERE state = 'superseded'";
    assert_eq!(world.read(before).await, ["I live in Berlin"]);
    ann.says("/me facts");
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(seen.contains("1. I live in Lisbon now"), "{seen}");
    ann.says("Forget that I live in Lisbon.");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: Forget that I live in Lisbon.
    toney: Forgotten: I live in Lisbon now
    ");
    assert_eq!(world.read("SELECT id FROM facts").await, [""; 0]);
    whispers(&world, other, "/new").await;
    whispers(&world, other, "any venue near where I live?").await;
    assert!(!told(&world).contains("<remembered>"));
    // Whoever wants nothing kept is believed.
    whispers(&world, other, "/settings memory off").await;
    whispers(&world, other, "I play the viola").await;
    assert_eq!(world.read("SELECT id FROM facts").await, [""; 0]);
    world.finish().await;
}

async fn what_is_known_is_shown_changed_and_left(engine: Engine) {
    let world = both(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    ann.says("My goal is to sell out the Lido.");
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(
        seen.contains("Shall I note that as your goal: “sell out the Lido”? [Yes, note it] [No]"),
        "{seen}"
    );
    assert_eq!(world.read("SELECT state FROM goals").await, ["proposed"]);
    ann.presses(phrases::BUTTON_NOTE);
    world.settle().await;
    assert!(world.sees(&ann).contains(phrases::GOAL_NOTED));
    ann.says("/me genres dream pop");
    world.settle().await;
    world.sees(&ann);
    ann.says("/settings zone Lisbon");
    world.settle().await;
    assert!(world.sees(&ann).contains("Europe/Lisbon, where it is"));
    ann.says("what next?");
    world.settle().await;
    world.sees(&ann);
    let prompt = told(&world);
    assert!(
        prompt.contains("genres: dream pop") && prompt.contains("goal: sell out the Lido"),
        "{prompt}"
    );
    assert!(prompt.contains("Where the person lives it is"), "{prompt}");
    ann.says("my goal is now to tour Japan");
    world.settle().await;
    assert!(world.sees(&ann).contains("Your goal is now: “tour Japan”."));
    ann.says("/me");
    world.settle().await;
    let me = world.sees(&ann);
    assert!(me.contains("genres: dream pop (you said so on"), "{me}");
    assert!(me.contains("goal: tour Japan (you said so on"), "{me}");
    assert!(!me.contains("Lido"), "{me}");
    ann.says("/goals");
    world.settle().await;
    world.sees(&ann);
    ann.presses("1");
    world.settle().await;
    let goal = world.sees(&ann);
    assert!(
        goal.contains("you wrote:") && goal.contains("my goal is now to tour Japan"),
        "{goal}"
    );
    comes_and_goes(world, ann).await;
}

/// Somebody else of the team, and somebody who is none of it.
async fn comes_and_goes(world: World, ann: Person) {
    // A manager comes by a code that was made in the chat, sees it, and may not change it.
    ann.says("/invite manager");
    world.settle().await;
    let invited = world.sees(&ann);
    let (_, code) = invited.split_once("/start ").unwrap();
    let code: String = code.chars().take(12).collect();
    let link = format!("https://t.me/toney_bot?start={code}");
    assert!(invited.contains(&link), "{invited}");
    let bob = world.person("bob");
    bob.says(&format!("/start {code}"));
    world.settle().await;
    assert!(world.sees(&bob).contains("as a manager for Ann"));
    bob.says("/me");
    world.settle().await;
    let seen = world.sees(&bob);
    assert!(
        seen.contains("goal: tour Japan (said by the artist's team on"),
        "{seen}"
    );
    bob.says("/me genres polka");
    world.settle().await;
    assert!(world.sees(&bob).contains(phrases::NOT_YOURS_TO_DO));
    // And goes again.
    ann.says("/invite");
    world.settle().await;
    assert!(world.sees(&ann).contains("[Remove bob]"));
    ann.presses("Remove bob");
    world.settle().await;
    world.sees(&ann);
    ann.presses(phrases::BUTTON_REALLY_REMOVE);
    world.settle().await;
    assert!(
        world
            .sees(&ann)
            .contains("bob doesn't work for Ann any more.")
    );
    bob.says("/goals");
    world.settle().await;
    assert!(world.sees(&bob).contains(phrases::FOR_NO_ARTIST));
    // A stranger, and a group, see nothing.
    let eve = world.friend("eve").await;
    eve.says("/me");
    world.settle().await;
    let seen = world.sees(&eve);
    assert!(
        !seen.contains("Japan") && seen.contains("I know you by"),
        "{seen}"
    );
    world.finish().await;
}
