//! What follows from what somebody wants, with a model and without.

use std::time::Duration;

use serde_json::json;
use toney::model::{Standing, phrases};

use crate::sim::model::Answer;
use crate::sim::telegram::Upload;
use crate::story_documents::{CONTRACT, artist, asks, drops, given};
use crate::world::{Engine, World};

/// A line of which the rules can make nothing.
const UNCLEAR: &str = "could the thing from tuesday go somewhere";

/// A world in which a model is asked what is wanted.
async fn unsure() -> World {
    World::with(|w| w.set("TONEY__TURN__SORT", "unsure")).await
}

/// What a model says that a line wants.
fn meant(act: &str, scope: &str) -> serde_json::Value {
    json!({"scope": scope, "act": act, "confidence": 0.9, "args": {}})
}

async fn calls(world: &World) -> Vec<String> {
    const CALLS: &str = "SELECT task || ' ' || result FROM model_calls ORDER BY id";
    world.read(CALLS).await
}

#[tokio::test]
async fn marks_without_a_word_are_no_answer() {
    let (world, ann) = artist(Engine::Sqlite).await;
    world.model.push(Answer::text("[1]"));
    let question = "what share of the net receipts do I get in my contract?";
    let said = asks(&world, &ann, question).await;
    assert!(said.ends_with(phrases::NO_WORDS), "{said}");
    world.finish().await;
}

/// A command in plain words: a newcomer learns who answers, and what it cost to understand is on record.
#[tokio::test]
async fn a_command_in_plain_words_is_a_talk_like_any_other() {
    let world = unsure().await;
    let ann = world.person("ann");
    world
        .model
        .push(Answer::tool("1", "sort", &meant("documents", "personal")));
    let said = asks(&world, &ann, UNCLEAR).await;
    let both = format!("{}\n\n{}", phrases::INTRODUCTION, phrases::NO_DOCS);
    assert!(said.ends_with(&both), "{said}");
    assert_eq!(calls(&world).await, ["classify answered"]);
    world.finish().await;
}

#[tokio::test]
async fn help_in_danger_is_never_a_models() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    let said = asks(&world, &ann, "i want to kill myself").await;
    assert!(said.contains("I'm Toney, an AI program"), "{said}");
    assert_eq!(world.model.counts().started, 0);
    let said = asks(&world, &ann, "/why").await;
    assert!(said.contains("Written without a model"), "{said}");
    world.finish().await;
}

#[tokio::test]
async fn an_edit_may_want_something_else() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    for (number, (words, answer)) in [
        ("show me my documents", phrases::NO_DOCS),
        ("\u{200b}", phrases::EMPTY),
    ]
    .into_iter()
    .enumerate()
    {
        world.model.hold();
        let message = ann.says("tell me a story");
        world
            .model
            .wait_until("a question", |counts| counts.started == number + 1)
            .await;
        ann.edits(message, words);
        world.settle().await;
        let said = world.sees(&ann);
        assert!(said.ends_with(answer), "{said}");
        world.model.release();
    }
    world.finish().await;
}

#[tokio::test]
async fn a_file_that_comes_with_words_is_none_of_them() {
    let world = unsure().await;
    let ann = world.friend("ann").await;
    world
        .model
        .push(Answer::tool("1", "sort", &meant("chat", "none")));
    world.model.push(Answer::text("Which thing?"));
    let photo = Upload::photo(vec![8; 100]).caption(UNCLEAR);
    world.telegram.sends(ann.user, &ann, photo);
    world.settle().await;
    world.sees(&ann);
    let requests = world.model.requests();
    let message = format!("<message>\n{UNCLEAR}\n</message>");
    assert!(requests[0].last("user").contains(&message));
    assert!(
        requests[1]
            .last("user")
            .ends_with("[sent with a photo that you cannot open]")
    );
    world.finish().await;
}

/// A model puts the question so that it stands alone; that is searched for, and nobody sees it.
#[tokio::test]
async fn a_models_question_is_searched_for_and_never_shown() {
    let world = unsure().await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    drops(&world, &ann, "contract.md", CONTRACT).await;
    let mut asked = meant("ask", "personal");
    asked["query"] = json!("what share of the net receipts does Ann receive?");
    world.model.push(Answer::tool("1", "sort", &asked));
    world
        .model
        .push(Answer::text("You receive 60 % of the net receipts [1]."));
    let said = asks(&world, &ann, UNCLEAR).await;
    assert!(said.contains("60 % of the net receipts. [1]"), "{said}");
    assert!(given(&world).contains("Ann receives 60 %"));
    let why = asks(&world, &ann, "/why").await;
    assert!(why.contains("words, rewritten (1)"), "{why}");
    assert!(!why.contains("what share") && !said.contains("what share"));
    world.finish().await;
}

/// The label tells whose a source is, and the model who asks.
#[tokio::test]
async fn a_manager_is_known_as_one() {
    let world = unsure().await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    drops(&world, &ann, "contract.md", CONTRACT).await;
    let meg = world.invited("meg", ("Ann", Standing::Manager)).await;
    let shared = asks(&world, &ann, "/docs share contract.md").await;
    assert!(shared.contains("shared with the team"), "{shared}");
    let mut asked = meant("ask", "personal");
    asked["query"] = json!("what share of the net receipts does Ann receive?");
    world.model.push(Answer::tool("1", "sort", &asked));
    world
        .model
        .push(Answer::text("Ann receives 60 % of the net receipts [1]."));
    let said = asks(&world, &meg, UNCLEAR).await;
    assert!(
        said.contains("[1] Label contract (shared with the team)"),
        "{said}"
    );
    let requests = world.model.requests();
    let sorting = requests[requests.len() - 2].last("user");
    assert!(sorting.contains("Who writes: manager"), "{sorting}");
    world.finish().await;
}

/// The rules' word counts when a model is late, and that it was asked is on record.
#[tokio::test]
async fn a_late_model_is_on_record() {
    let world = World::with(|w| {
        w.set("TONEY__TURN__SORT", "unsure");
        w.set("TONEY__TURN__SORT_MS", 50);
    })
    .await;
    let ann = world.friend("ann").await;
    let late = Answer::tool("1", "sort", &meant("chat", "none"));
    world.model.push(late.after(Duration::from_secs(20)));
    world.model.push(Answer::text("Which thing?"));
    let said = asks(&world, &ann, UNCLEAR).await;
    assert!(said.ends_with("Which thing?"), "{said}");
    const CALLS: &str = "SELECT task || ' ' || result FROM model_calls ORDER BY task";
    let both = ["chat answered", "classify cancelled"];
    world.until_stored(CALLS, &both).await;
    world.finish().await;
}

/// What is private is not looked up in a group; whoever asks learns where to ask.
#[tokio::test]
async fn a_private_question_in_a_group_is_sent_to_the_direct_chat() {
    let world = World::with(|w| w.set("TONEY_OFFLINE", 1)).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    drops(&world, &ann, "contract.md", CONTRACT).await;
    let band = world.telegram.group("band");
    world.telegram.adds_bot(ann.user, band);
    ann.says_in(
        band,
        "@toney_bot what share of the net receipts do I get in my contract?",
    );
    world.settle().await;
    let said = world.sees(band);
    assert!(said.contains(phrases::ASK_ALONE), "{said}");
    world.finish().await;
}

/// Understanding takes its time, too; whoever waits for it sees that something is done.
#[tokio::test]
async fn who_waits_to_be_understood_sees_typing() {
    let world = World::with(|w| {
        w.set("TONEY__TURN__SORT", "unsure");
        w.set("TONEY__TURN__SORT_MS", 10_000);
    })
    .await;
    let ann = world.friend("ann").await;
    let slow = Answer::tool("1", "sort", &meant("documents", "personal"));
    world.model.push(slow.after(Duration::from_millis(1_300)));
    let said = asks(&world, &ann, UNCLEAR).await;
    assert!(said.ends_with(phrases::NO_DOCS), "{said}");
    assert!(world.telegram.calls("sendChatAction") > 0);
    world.finish().await;
}
