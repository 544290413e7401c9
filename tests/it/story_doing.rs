//! Toney does things: what a model calls waits for a press, what a person orders is done, and what others must not
//! have is not offered to them.

use serde_json::json;
use toney::model::Standing;

use crate::sim::model::{Answer, Behaviour, Request};
use crate::world::{Engine, World, on_both};

on_both!(
    a_plan_that_a_model_lays_out_counts_after_a_press
    a_model_that_calls_and_calls_is_ended
    what_a_passage_wants_is_only_laid_out
    a_draft_grows_into_the_artists_voice
    without_a_model_there_are_forms_and_the_usual_way
    a_human_is_brought_in_and_takes_it_on
    of_two_who_press_at_once_one_takes_it_on
    a_thumb_down_is_asked_why
    thumbs_stand_under_what_rests_on_something
);

fn steps() -> serde_json::Value {
    json!({"goal": "Release the single", "steps": [
        {"step": "Fix the date", "in_days": 3},
        {"step": "Deliver the master", "in_days": 14},
    ]})
}

/// The names of the tools that a model was given.
pub(crate) fn offered(request: &Request) -> Vec<String> {
    let tools = request.body["tools"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let name = |tool: &serde_json::Value| tool["function"]["name"].as_str().unwrap().to_owned();
    tools.iter().map(name).collect()
}

/// A world with an artist in it, who sees everything.
pub(crate) async fn artist(engine: Engine) -> (World, crate::world::Person) {
    let world = World::on(engine).await;
    let ann = world
        .invited("ann", ("Ann Example", Standing::Artist))
        .await;
    world.sees(&ann);
    (world, ann)
}

async fn a_plan_that_a_model_lays_out_counts_after_a_press(engine: Engine) {
    let (mut world, ann) = artist(engine).await;
    world.model.push(Answer::tool("c1", "plan_save", &steps()));
    world.model.push(Answer::text("I laid it out below."));
    ann.says("Make me a plan to release my single in two weeks");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: Make me a plan to release my single in two weeks
    toney: I laid it out below.

    Shall I? Keep this as your plan (2 steps): Release the single. Open steps of an older plan are dropped. [Yes] [No]
    ");
    assert_eq!(world.read("SELECT step FROM milestones").await, [""; 0]);
    let requests = world.model.requests();
    let told = requests.last().unwrap();
    assert!(told.last("tool").contains("awaiting_confirmation"));
    world.restart().await;
    ann.presses("Yes");
    ann.presses("Yes");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: I laid it out below.

    Shall I? Keep this as your plan (2 steps): Release the single. Open steps of an older plan are dropped.
    toney: Done. The plan stands, with 2 steps; the first is due on 2026-11-25. /plan shows it.
    toney: That is done already.
    ");
    ann.says("/plan");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /plan
    toney: Plan: Release the single

    1. Fix the date – 2026-11-25
    2. Deliver the master – 2026-12-06 [1 is done] [2 is done] [Save as a document]
    ");
    ann.presses("1 is done");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @"toney: Well done: Fix the date. Next, by 2026-12-06: Deliver the master. [Undo]");
    ann.presses("Undo");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Well done: Fix the date. Next, by 2026-12-06: Deliver the master.
    toney: It is open again: Fix the date. [Undo]
    ");
    let events = "SELECT name FROM events WHERE name = 'milestone_reached'";
    assert_eq!(world.read(events).await.len(), 1);
    world.finish().await;
}

async fn a_model_that_calls_and_calls_is_ended(engine: Engine) {
    let (world, ann) = artist(engine).await;
    world.model.otherwise(Behaviour::call(|request| {
        match offered(request).is_empty() {
            true => Answer::text("That is all I can say."),
            false => Answer::tool("again", "plan_show", &json!({})),
        }
    }));
    ann.says("How is my plan for the single doing, what is next?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: How is my plan for the single doing, what is next?
    toney: That is all I can say.
    ");
    let rounds = world.model.requests().len();
    assert_eq!(rounds, 6);
    world.finish().await;
}

async fn what_a_passage_wants_is_only_laid_out(engine: Engine) {
    let (world, ann) = artist(engine).await;
    // What does not fit the schema, what is not there, and what is there: a model under somebody else's spell.
    world
        .model
        .push(Answer::tool("c1", "plan_save", &json!({"goal": 7})));
    world.model.push(Answer::tool(
        "c2",
        "pay_out_everything",
        &json!({"to": "me"}),
    ));
    world.model.push(Answer::tool(
        "c3",
        "human_help",
        &json!({"about": "send all money"}),
    ));
    world.model.push(Answer::text("As you wish."));
    ann.says("What does my contract say about the advance?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: What does my contract say about the advance?
    toney: As you wish.

    Shall I? Ask somebody of the team to write to you about: send all money [Yes] [No]
    ");
    let told: Vec<String> = world
        .model
        .requests()
        .iter()
        .map(|one| one.last("tool").to_owned())
        .collect();
    assert!(
        told.iter()
            .any(|one| one.contains("plan_save was not run: goal: invalid type")),
        "{told:#?}"
    );
    assert!(
        told.iter().any(|one| one.contains("There is no such tool")),
        "{told:#?}"
    );
    assert_eq!(world.read("SELECT id FROM human_requests").await, [""; 0]);
    // A stranger is not even offered what is the team's.
    let bob = world.friend("bob").await;
    bob.says("Make a plan for the release of her single and show me the old one");
    world.settle().await;
    world.sees(&bob);
    let last = world.model.requests();
    let tools = offered(last.last().unwrap());
    assert!(!tools.iter().any(|name| name.contains("plan")), "{tools:?}");
    world.finish().await;
}

async fn a_draft_grows_into_the_artists_voice(engine: Engine) {
    let (world, ann) = artist(engine).await;
    world.model.push(Answer::text(
        "First Light is out. I filmed it in Malmö, in the rain.",
    ));
    ann.says("/write caption First Light is out on Friday, filmed in Malmö");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /write caption First Light is out on Friday, filmed in Malmö
    toney: First Light is out. I filmed it in Malmö, in the rain. [Shorter] [Warmer] [Another one] [This sounds like me]
    ");
    world.model.push(Answer::text("First Light. Friday. Rain."));
    ann.presses("Shorter");
    world.settle().await;
    world.sees(&ann);
    let asked = world.model.requests();
    assert!(asked.last().unwrap().mentions("half as long"));
    ann.presses("This sounds like me");
    world.settle().await;
    world.sees(&ann);
    world
        .model
        .push(Answer::text("Ann Example writes songs in the rain."));
    ann.says("/write bio songwriter from Malmö");
    world.settle().await;
    world.sees(&ann);
    let asked = world.model.requests();
    assert!(asked.last().unwrap().mentions("First Light. Friday. Rain."));
    world.finish().await;
}

async fn without_a_model_there_are_forms_and_the_usual_way(engine: Engine) {
    let world = World::with(|options| {
        options.engine = engine;
        options.set("TONEY_OFFLINE", 1);
    })
    .await;
    let ann = world
        .invited("ann", ("Ann Example", Standing::Artist))
        .await;
    world.sees(&ann);
    ann.says("/write caption First Light is out");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /write caption First Light is out
    toney: First Light is out

    Out on [date]. Listen: [link]

    Thank you for being here.

    No language model answers at the moment, so this is a form with your facts in it. Fill the gaps in square brackets, or ask me again later for a draft in your voice.
    ");
    ann.says("Make me a plan to release my EP in 12 weeks");
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(
        seen.contains("Fix the release date") && seen.ends_with("[Yes] [No]"),
        "{seen}"
    );
    ann.presses("No");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Plan: release my EP in 12 weeks

    1. Fix the release date and tell everybody who works on it – 2026-11-25
    2. Agree on the splits in writing with everybody who wrote or played – 2026-11-29
    3. Have the final master and the artwork (3000 × 3000) in hand – 2026-12-06
    4. Hand the release in at the distributor, with ISRC, credits and lyrics – 2026-12-13
    5. Pitch the song to editors in the stores' artist tools – 2026-12-20
    6. Write bio, press text and three posts; plan who gets them when – 2026-12-27
    7. Announce it, with a link to save it before it is out – 2027-01-03
    8. Release day: answer everybody, thank the first fans by name – 2027-01-17
    9. Look at the first four weeks: what brought listeners, what comes next – 2027-02-14

    No language model answers at the moment, so this is the usual way to such a goal. Change what does not fit.

    Shall I? Keep this as your plan (9 steps): release my EP in 12 weeks. Open steps of an older plan are dropped.
    toney: All right, I leave it.
    ");
    assert_eq!(world.read("SELECT step FROM milestones").await, [""; 0]);
    world.finish().await;
}

async fn a_human_is_brought_in_and_takes_it_on(engine: Engine) {
    let (world, ann) = artist(engine).await;
    let max = world
        .invited("max", ("Ann Example", Standing::Manager))
        .await;
    world.sees(&max);
    ann.says("/human the label wants an answer today");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /human the label wants an answer today
    toney: I have asked a human of the team to get in touch with you. You will hear from me as soon as somebody takes it on.
    ");
    insta::assert_snapshot!(world.sees(&max), @r"
    toney: ann would like to talk to a human. In their words:

    the label wants an answer today [I take it on]
    ");
    max.presses("I take it on");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&max), @r"
    toney: ann would like to talk to a human. In their words:

    the label wants an answer today
    toney: Thank you. I have told them that you will get in touch.
    ");
    insta::assert_snapshot!(world.sees(&ann), @"toney: max has read your message and will get in touch with you.");
    world.finish().await;
}

async fn of_two_who_press_at_once_one_takes_it_on(engine: Engine) {
    let (world, ann) = artist(engine).await;
    let mut team = Vec::new();
    for name in ["max", "eve"] {
        let one = world
            .invited(name, ("Ann Example", Standing::Manager))
            .await;
        world.sees(&one);
        team.push(one);
    }
    ann.says("/human the label wants an answer today");
    world.settle().await;
    for one in &team {
        one.presses("I take it on");
    }
    world.settle().await;
    let seen: Vec<String> = team.iter().map(|one| world.sees(one)).collect();
    let told = |words: &str| seen.iter().filter(|one| one.contains(words)).count();
    assert_eq!(
        told("I have told them that you will get in touch"),
        1,
        "{seen:#?}"
    );
    assert_eq!(told("Somebody else has taken this on"), 1, "{seen:#?}");
    let comes = world.sees(&ann);
    assert_eq!(comes.matches("has read your message").count(), 1, "{comes}");
    assert_eq!(
        world
            .read("SELECT id FROM human_requests WHERE taken_by <> ''")
            .await
            .len(),
        1
    );
    world.finish().await;
}

async fn a_thumb_down_is_asked_why(engine: Engine) {
    let (world, ann) = artist(engine).await;
    world.model.push(Answer::text("Ask your label."));
    ann.says("Who should master it?");
    world.settle().await;
    ann.says("/feedback");
    world.settle().await;
    ann.presses("👎");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: Who should master it?
    toney: Ask your label.
    ann: /feedback
    toney: Did my last answer help? [👍] [👎]
    toney: Thank you for saying so. What was wrong? Press a button, or write it in your own words. [It is not true] [I did not understand it] [It was too long] [It did not sound right] [Skip]
    ");
    ann.presses("I did not understand it");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @"toney: Thank you. I keep that in mind.");
    let kept = "SELECT good || ' ' || reason FROM feedback";
    assert_eq!(world.read(kept).await, ["0 unclear"]);
    world.finish().await;
}

async fn thumbs_stand_under_what_rests_on_something(engine: Engine) {
    let mut world = World::with(|options| {
        options.engine = engine;
        options.set("TONEY__TURN__THUMBS", true);
    })
    .await;
    let ann = world
        .invited("ann", ("Ann Example", Standing::Artist))
        .await;
    world.sees(&ann);
    world.model.push(Answer::text("Hello Ann!"));
    ann.says("Good morning");
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(seen.ends_with("Hello Ann!"), "{seen}");
    world
        .model
        .push(Answer::tool("c1", "tips_status", &json!({})));
    world.model.push(Answer::text("No tips so far."));
    ann.says("What would be a good way to treat new fans?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: What would be a good way to treat new fans?
    toney: No tips so far. [👍] [👎]
    ");
    let kept = "SELECT good || ' ' || reason || ' ' || words FROM feedback";
    ann.presses("👍");
    ann.presses("👍");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Thank you, good to know.
    toney: Thank you, good to know.
    ");
    assert_eq!(world.read(kept).await, ["1  "]);
    // They think again; what they write next is why, over a restart.
    ann.presses("👎");
    world.settle().await;
    world.restart().await;
    ann.says("There was one in May");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Thank you for saying so. What was wrong? Press a button, or write it in your own words. [It is not true] [I did not understand it] [It was too long] [It did not sound right] [Skip]
    ann: There was one in May
    toney: Thank you. I keep that in mind.
    ");
    assert_eq!(world.read(kept).await, ["0  There was one in May"]);
    // Whoever asks something else is answered, and asked no more.
    ann.presses("👎");
    world.settle().await;
    world.model.push(Answer::text("Write to them by name."));
    ann.says("What would be a good way to treat old fans?");
    world.settle().await;
    world.model.push(Answer::text("I see."));
    ann.says("There are not many of them");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Thank you for saying so. What was wrong? Press a button, or write it in your own words. [It is not true] [I did not understand it] [It was too long] [It did not sound right] [Skip]
    ann: What would be a good way to treat old fans?
    toney: Write to them by name.
    ann: There are not many of them
    toney: I see.
    ");
    assert_eq!(world.read(kept).await, ["0  There was one in May"]);
    world.finish().await;
}
