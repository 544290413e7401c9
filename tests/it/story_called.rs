//! What a model calls ends where words, commands and buttons end: in the same proposal, the same press, the same people
//! who decide.

use serde_json::{Value, json};
use toney::model::Standing;

use crate::sim::model::{Answer, Request};
use crate::world::{Engine, Person, World, on_both};

on_both!(
    a_workflow_that_a_model_lays_out_is_the_one_that_words_make
    what_a_model_makes_of_a_wish_is_held_against_the_rules
    a_model_looks_at_workflows_and_pauses_none_by_itself
    a_fans_model_reaches_no_workflow
);

/// A question that no rule takes for an order.
const ASKED: &str = "What would be a good way to treat new fans?";

async fn artist(engine: Engine) -> (World, Person) {
    let world = World::on(engine).await;
    let ann = world
        .invited("ann", ("Ann Example", Standing::Artist))
        .await;
    world.sees(&ann);
    (world, ann)
}

/// What the last tool gave back in each request that followed one.
fn told(world: &World) -> Vec<String> {
    let all = world.model.requests();
    let told = all.iter().map(|one| one.last("tool").to_owned());
    told.filter(|one| !one.is_empty()).collect()
}

fn offered(request: &Request) -> Vec<String> {
    let tools = request.body["tools"].as_array().cloned();
    let name = |tool: &Value| tool["function"]["name"].as_str().unwrap().to_owned();
    tools.unwrap_or_default().iter().map(name).collect()
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

async fn a_fans_model_reaches_no_workflow(engine: Engine) {
    let (world, ann) = artist(engine).await;
    ann.says("When there is a new fan, send them a chat message");
    world.settle().await;
    ann.presses("Yes, do it");
    world.settle().await;
    world.sees(&ann);
    let kim = world.friend("kim").await;
    for name in ["workflow_status", "workflow_control", "workflow_generation"] {
        let args =
            json!({"workflow": "new fan", "action": "delete", "wish": "When a fan tips, tell me"});
        called((&world, &kim), (name, &args), "No.").await;
        assert!(
            told(&world)
                .last()
                .unwrap()
                .contains("There is no such tool")
        );
    }
    let requests = world.model.requests();
    let tools = offered(requests.last().unwrap());
    assert!(!tools.is_empty());
    assert!(
        !tools.iter().any(|name| name.contains("workflow")),
        "{tools:?}"
    );
    assert_eq!(world.read("SELECT state FROM workflows").await, ["active"]);
    world.finish().await;
}
