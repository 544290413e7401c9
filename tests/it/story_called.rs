//! What a model calls ends where words, commands and buttons end: in the same proposal, the same press, the same people
//! who decide.

use serde_json::{Value, json};
use toney::model::Standing;

use crate::sim::model::Answer;
use crate::story_doing::{artist, offered};
use crate::world::{Engine, Person, World, on_both};

on_both!(
    a_workflow_that_a_model_lays_out_is_the_one_that_words_make
    what_a_model_makes_of_a_wish_is_held_against_the_rules
    a_model_looks_at_workflows_and_pauses_none_by_itself
    a_fans_model_reaches_nothing_of_the_team
    what_a_model_sets_counts_after_a_press_and_goes_back
    a_release_that_a_model_hands_in_waits_for_the_manager
    tips_are_told_by_currency
    thanks_are_said_in_the_artists_words
);

/// A question that no rule takes for an order.
const ASKED: &str = "What would be a good way to treat new fans?";

/// What the last tool gave back in each request that followed one.
fn told(world: &World) -> Vec<String> {
    let all = world.model.requests();
    let told = all.iter().map(|one| one.last("tool").to_owned());
    told.filter(|one| !one.is_empty()).collect()
}

/// Asks something that the model answers with this call and these words; what can be seen then.
async fn called(
    (world, person): (&World, &Person),
    (name, args): (&str, &Value),
    words: &str,
) -> String {
    world.model.push(Answer::tool("c1", name, args));
    world.model.push(Answer::text(words));
    person.says(ASKED);
    world.settle().await;
    let seen = world.sees(person);
    let (_, answer) = seen.split_once("toney: ").unwrap_or(("", &seen));
    answer.to_owned()
}

async fn a_workflow_that_a_model_lays_out_is_the_one_that_words_make(engine: Engine) {
    let (mut world, ann) = artist(engine).await;
    let wish = "When there is a new fan, send them a chat message";
    let call = ("workflow_generation", &json!({"wish": wish}));
    let seen = called((&world, &ann), call, "A word from you means a lot to them.").await;
    insta::assert_snapshot!(seen, @r"
    A word from you means a lot to them.

    I can do this for you:

    When somebody becomes a fan, I send them a chat message.

    Shall I set it up? [Yes, do it] [Rehearse] [No]
    ");
    assert!(
        told(&world)
            .last()
            .unwrap()
            .contains("awaiting_confirmation")
    );
    assert_eq!(world.read("SELECT name FROM workflows").await, [""; 0]);
    world.restart().await;
    ann.presses("Yes, do it");
    ann.presses("Yes, do it");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: A word from you means a lot to them.

    I can do this for you:

    When somebody becomes a fan, I send them a chat message.

    Shall I set it up?
    toney: Done, and congratulations: Message for new fans works for you from now on. /workflows shows how it does.
    toney: That is settled already. /workflows shows what you have.
    ");
    // The same in words.
    ann.says(wish);
    world.settle().await;
    ann.presses("Yes, do it");
    world.settle().await;
    let made = world.read("SELECT definition FROM workflows").await;
    assert_eq!(made.len(), 2);
    assert_eq!(made[0], made[1]);
    world.sees(&ann);
    world.finish().await;
}

async fn what_a_model_makes_of_a_wish_is_held_against_the_rules(engine: Engine) {
    let (world, ann) = artist(engine).await;
    let whole = |actions: Value| {
        json!({"wish": "Greet new fans", "definition":
            {"name": "Greeting", "trigger": {"kind": "new_fan"}, "actions": actions}})
    };
    let call = |args: Value| {
        let (world, ann) = (&world, &ann);
        async move { called((world, ann), ("workflow_generation", &args), "So be it.").await }
    };
    // Whole and right.
    let seen = call(whole(json!([{"kind": "send_chat", "text": "Hi {fan}!"}]))).await;
    insta::assert_snapshot!(seen, @r"
    So be it.

    I can do this for you:

    When somebody becomes a fan, I send them a chat message (“Hi {fan}!”).

    Shall I set it up? [Yes, do it] [Rehearse] [No]
    ");
    // Outside the schema, against the rules of a definition, against the guards.
    for (actions, why) in [
        (json!([{"kind": "rm_rf"}]), "definition.actions[0]"),
        (json!([]), "at least one action"),
        (
            json!([{"kind": "send_chat", "text": "Hi {password}"}]),
            "password",
        ),
        (
            json!([{"kind": "create_task", "text": "buy 1000 followers"}]),
            "the stores take music down",
        ),
    ] {
        let seen = call(whole(actions)).await;
        assert_eq!(seen, "So be it.", "nothing to press");
        assert!(
            told(&world).last().unwrap().contains(why),
            "{:?}",
            told(&world).last()
        );
    }
    // What is missing is asked back; a model that is asked what is meant does not know either.
    world.model.push(Answer::tool(
        "c1",
        "workflow_generation",
        &json!({"wish": "Do something when a fan tips"}),
    ));
    world.model.push(Answer::text("I have no idea"));
    world.model.push(Answer::text("What would you like?"));
    ann.says(ASKED);
    world.settle().await;
    let seen = world.sees(&ann);
    assert!(
        seen.ends_with(
            "What would you like? [E-mail the fan] [Chat message] [Tell me] [Post, once approved]"
        ),
        "{seen}"
    );
    ann.presses("Tell me");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: What would you like?
    toney: I can do this for you:

    When a fan tips, I tell you.

    Shall I set it up? [Yes, do it] [Rehearse] [No]
    ");
    assert_eq!(world.read("SELECT name FROM workflows").await, [""; 0]);
    world.finish().await;
}

async fn a_model_looks_at_workflows_and_pauses_none_by_itself(engine: Engine) {
    let (world, ann) = artist(engine).await;
    for wish in [
        "When there is a new fan, send them a chat message",
        "Every monday at 9 tell me",
    ] {
        ann.says(wish);
        world.settle().await;
        ann.presses("Yes, do it");
        world.settle().await;
    }
    world.sees(&ann);
    let both = (&world, &ann);
    let seen = called(both, ("workflow_status", &json!({})), "Two of them.").await;
    insta::assert_snapshot!(seen, @"Two of them. [Message for new fans] [Note to you every week]");
    assert!(told(&world).last().unwrap().contains("has not run yet"));
    // Somebody else's words in a document make it want to: it is only laid out.
    let all = json!({"workflow": "everything there is", "action": "delete"});
    let seen = called(both, ("workflow_control", &all), "Gone!").await;
    insta::assert_snapshot!(seen, @r"
    Gone!

    Shall I? Delete the workflow: everything there is [Yes] [No]
    ");
    ann.presses("Yes");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Gone!

    Shall I? Delete the workflow: everything there is
    toney: Which one do you mean? [Message for new fans] [Note to you every week]
    ");
    let one = json!({"workflow": "new fan", "action": "pause"});
    called(both, ("workflow_control", &one), "As you like.").await;
    assert_eq!(
        world
            .read("SELECT state FROM workflows WHERE state <> 'active'")
            .await,
        [""; 0]
    );
    ann.presses("Yes");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: As you like.

    Shall I? Pause the workflow: new fan
    toney: Message for new fans is paused. Nothing happens until you resume it. [Undo]
    ");
    let paused = "SELECT trigger_kind FROM workflows WHERE state = 'paused'";
    assert_eq!(world.read(paused).await, ["new_fan"]);
    ann.presses("Undo");
    world.settle().await;
    world.sees(&ann);
    assert_eq!(world.read(paused).await, [""; 0]);
    // One that is there changes only after its own yes.
    let change = json!({"wish": "make it friday at 5pm", "changes": "monday"});
    let seen = called(both, ("workflow_generation", &change), "Friday it is.").await;
    insta::assert_snapshot!(seen, @r"
    Friday it is.

    Note to you every week would then be:

    Every Friday at 17:00, I tell you. Times are those of UTC.

    Shall I change it? [Yes, do it] [Rehearse] [No]
    ");
    world.finish().await;
}

async fn a_fans_model_reaches_nothing_of_the_team(engine: Engine) {
    let (world, ann) = artist(engine).await;
    ann.says("When there is a new fan, send them a chat message");
    world.settle().await;
    ann.presses("Yes, do it");
    world.settle().await;
    world.sees(&ann);
    let kim = world.friend("kim").await;
    const TEAMS: [&str; 9] = [
        "workflow_status",
        "workflow_control",
        "workflow_generation",
        "goal_change",
        "profile_change",
        "artist_profile",
        "release_request",
        "approvals_status",
        "tips_status",
    ];
    for name in TEAMS {
        let args =
            json!({"workflow": "new fan", "action": "delete", "title": "X", "date": "2027-01-01"});
        called((&world, &kim), (name, &args), "No.").await;
        let told = told(&world);
        assert!(told.last().unwrap().contains("There is no such tool"));
    }
    let requests = world.model.requests();
    let tools = offered(requests.last().unwrap());
    assert!(
        tools.iter().any(|name| name == "settings_change"),
        "their own"
    );
    assert!(
        !tools.iter().any(|name| TEAMS.contains(&name.as_str())),
        "{tools:?}"
    );
    assert_eq!(world.read("SELECT state FROM workflows").await, ["active"]);
    assert_eq!(world.read("SELECT title FROM releases").await, [""; 0]);
    world.finish().await;
}

async fn what_a_model_sets_counts_after_a_press_and_goes_back(engine: Engine) {
    let (world, ann) = artist(engine).await;
    let both = (&world, &ann);
    let zone = "SELECT zone FROM persons WHERE zone <> ''";
    // Outside the schema.
    for args in [
        json!({"setting": "colour", "value": "red"}),
        json!({"setting": "zone"}),
        json!({"setting": "zone", "value": "Lisbon", "person": "per_1"}),
    ] {
        let seen = called(both, ("settings_change", &args), "Hm.").await;
        assert_eq!(seen, "Hm.");
        let told = told(&world);
        assert!(told.last().unwrap().contains("settings_change was not run"));
    }
    let args = json!({"setting": "zone", "value": "Lisbon"});
    let seen = called(both, ("settings_change", &args), "Lisbon is lovely.").await;
    insta::assert_snapshot!(seen, @r"
    Lisbon is lovely.

    Shall I? Set zone to: Lisbon [Yes] [No]
    ");
    assert_eq!(world.read(zone).await, [""; 0]);
    ann.presses("Yes");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Lisbon is lovely.

    Shall I? Set zone to: Lisbon
    toney: Noted, zone: Europe/Lisbon [Undo]
    ");
    assert_eq!(world.read(zone).await, ["Europe/Lisbon"]);
    ann.presses("Undo");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Noted, zone: Europe/Lisbon
    toney: Noted, zone: unset [Undo]
    ");
    assert_eq!(world.read(zone).await, [""; 0]);
    // A goal, reached and not reached after all.
    let goals = "SELECT text || ': ' || state FROM goals";
    let args = json!({"action": "add", "goal": "Play the Roxy"});
    called(both, ("goal_change", &args), "A good one.").await;
    ann.presses("Yes");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: A good one.

    Shall I? Note this goal: Play the Roxy
    toney: Noted. /goals shows all of them. [Undo]
    ");
    assert_eq!(world.read(goals).await, ["Play the Roxy: open"]);
    let args = json!({"action": "done", "goal": "roxy"});
    called(both, ("goal_change", &args), "Congratulations.").await;
    ann.presses("Yes");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Congratulations.

    Shall I? Note that this goal is reached: roxy
    toney: Congratulations! I marked it as reached. [Undo]
    ");
    assert_eq!(world.read(goals).await, ["Play the Roxy: done"]);
    ann.presses("Undo");
    world.settle().await;
    world.sees(&ann);
    assert_eq!(world.read(goals).await, ["Play the Roxy: open"]);
    let seen = called(
        both,
        ("artist_profile", &json!({})),
        "You want to play the Roxy.",
    )
    .await;
    assert_eq!(seen, "You want to play the Roxy.");
    assert!(told(&world).last().unwrap().contains("Play the Roxy"));
    world.finish().await;
}

async fn a_release_that_a_model_hands_in_waits_for_the_manager(engine: Engine) {
    let (mut world, ann) = artist(engine).await;
    let max = world
        .invited("max", ("Ann Example", Standing::Manager))
        .await;
    world.sees(&max);
    let both = (&world, &ann);
    let vague = json!({"title": "Night Drive", "date": "soon"});
    let seen = called(both, ("release_request", &vague), "When exactly?").await;
    assert_eq!(
        seen, "When exactly?",
        "what could not be done is not laid out"
    );
    let whole = json!({"title": "Night Drive", "date": "2026-12-24", "notes": "mixed by Ben",
        "links": ["https://a.example/x.wav"]});
    let seen = called(both, ("release_request", &whole), "Here it is.").await;
    insta::assert_snapshot!(seen, @r"
    Here it is.

    Shall I? Hand this release in, so that whoever manages it decides:
    Title: Night Drive
    Date: 2026-12-24
    Notes: mixed by Ben
    File: https://a.example/x.wav [Yes] [No]
    ");
    assert_eq!(world.read("SELECT title FROM releases").await, [""; 0]);
    assert_eq!(world.sees(&max), "");
    ann.presses("Yes");
    ann.presses("Yes");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    toney: Here it is.

    Shall I? Hand this release in, so that whoever manages it decides:
    Title: Night Drive
    Date: 2026-12-24
    Notes: mixed by Ben
    File: https://a.example/x.wav
    toney: “Night Drive” is handed in. I'll tell you as soon as it is decided; /releases shows where it stands.
    toney: That is done already.
    ");
    let asked = world.sees(&max);
    assert!(
        asked.starts_with("toney: Release “Night Drive” for Ann Example (release)")
            && asked.contains("File: https://a.example/x.wav"),
        "{asked}"
    );
    world.restart().await;
    let both = (&world, &max);
    let seen = called(both, ("approvals_status", &json!({})), "One waits for you.").await;
    insta::assert_snapshot!(seen, @"One waits for you. [Show 1] [History]");
    assert!(told(&world).last().unwrap().contains("Night Drive"));
    max.presses("Approve");
    world.settle().await;
    world.sees(&max);
    world.sees(&ann);
    let state = "SELECT title || ': ' || state FROM releases";
    assert_eq!(world.read(state).await, ["Night Drive: approved"]);
    let late = json!({"decided": true});
    called((&world, &max), ("approvals_status", &late), "Approved.").await;
    let told = told(&world);
    assert!(told.last().unwrap().contains("Approved by"), "{told:?}");
    world.finish().await;
}

async fn tips_are_told_by_currency(engine: Engine) {
    let (world, ann) = artist(engine).await;
    let artist = world.read("SELECT id FROM artists").await[0].clone();
    let now = toney::model::Clock::System.now().ms();
    let month = chrono::DateTime::from_timestamp_millis(now)
        .unwrap()
        .format("%Y-%m");
    for (number, (provider, gross, fee, currency)) in [
        ("stripe", 2_500, 103, "USD"),
        ("stripe", 500, 45, "USD"),
        ("stars", 100, 0, "XTR"),
    ]
    .into_iter()
    .enumerate()
    {
        let net = gross - fee;
        let booked = format!(
            "INSERT INTO tips (id, provider, external_id, artist_id, state, paid, gross, fee, net, month,
                    currency, received_at, changed_at)
             VALUES ('tip_{number}', '{provider}', 'x{number}', '{artist}', 'received', 1, {gross}, {fee},
                    {net}, '{month}', '{currency}', {now}, {now})"
        );
        world.write(&booked).await;
    }
    let both = (&world, &ann);
    called(both, ("tips_status", &json!({})), "Here are your tips.").await;
    let told = told(&world);
    let told = told.last().unwrap().replace(&month.to_string(), "MONTH");
    insta::assert_snapshot!(told, @r#"{"note":null,"result":"**Tips for Ann Example** (the jar is closed)\n- MONTH, Card (Stripe): 2 tips, **30.00 USD**, fees 1.48 USD, 28.52 USD left\n- MONTH, Stars: 1 tip, **100 Stars**\nLeft in all: **28.52 USD, 100 Stars**.\nLink for fans: https://t.me/toney_bot?start=tip_ann-example","status":"done"}"#);
    world.finish().await;
}

async fn thanks_are_said_in_the_artists_words(engine: Engine) {
    let (world, ann) = artist(engine).await;
    let kept = "SELECT chat_text FROM voices";
    for (words, answer) in [
        ("/thanks chat", "Write the words behind it"),
        (
            "/thanks chat Cheers {password}",
            "I cannot fill in {password}",
        ),
    ] {
        ann.says(words);
        world.settle().await;
        let seen = world.sees(&ann);
        assert!(seen.contains(answer), "{seen}");
    }
    assert_eq!(world.read(kept).await, [""; 0]);
    ann.says("/thanks chat Cheers, {name}! {amount} is huge.");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /thanks chat Cheers, {name}! {amount} is huge.
    toney: Noted. From now on I thank fans so (chat):

    Cheers, {fan}! {amount} is huge. [Undo]
    ");
    assert_eq!(world.read(kept).await, ["Cheers, {fan}! {amount} is huge."]);
    // A model only lays it out.
    let args = json!({"part": "chat", "text": "Send me your password, {fan}"});
    let seen = called((&world, &ann), ("thanks_change", &args), "Done!").await;
    insta::assert_snapshot!(seen, @r"
    Done!

    Shall I? Thank fans with these words (chat): Send me your password, {fan} [Yes] [No]
    ");
    assert_eq!(world.read(kept).await, ["Cheers, {fan}! {amount} is huge."]);
    ann.says("/thanks");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: /thanks
    toney: With these words fans are thanked for a tip, where a workflow has none of its own:

    chat (yours):

    Cheers, {fan}! {amount} is huge.

    subject (mine):

    Thank you from {artist}

    mail (mine):

    Hi {fan},

    thank you for {amount}. It means a lot to me, and it helps me to make more music.

    {artist}

    public (mine):

    A big thank-you to {fan} for the support!

    Set them like this: /thanks chat Thank you for {amount}, {name}!; /thanks chat default brings mine back. I fill in {name}, {amount}, {artist} and {message}.
    ");
    ann.presses("Undo");
    world.settle().await;
    world.sees(&ann);
    assert_eq!(world.read(kept).await, [""]);
    let kim = world.friend("kim").await;
    kim.says("/thanks chat Mine!");
    world.settle().await;
    let seen = world.sees(&kim);
    assert!(seen.contains("belong to artists"), "{seen}");
    assert_eq!(world.read(kept).await, [""]);
    world.finish().await;
}
