//! What artists, producers, songwriters and managers come with, from the pages on the trade: with a model
//! that rests its answers on them, and with none at all.

use serde::Deserialize;
use toney::model::Standing;

use crate::sim::model::{Answer, Behaviour};
use crate::world::{Person, World, until_so};

const CASES: &str = include_str!("../data/use-cases.jsonl");

/// A dialogue.
#[derive(Deserialize)]
struct Case {
    case: String,
    persona: String,
    turns: Vec<Turn>,
}

#[derive(Deserialize)]
struct Turn {
    says: String,
    /// The title of the page that answers.
    page: String,
    model: String,
}

fn cases() -> Vec<Case> {
    let lines = CASES.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Every use case that was asked for has a dialogue.
#[test]
fn every_use_case_has_a_dialogue() {
    let cases = cases();
    for wanted in [
        "release",
        "marketing",
        "audience",
        "networking",
        "trends",
        "equipment",
        "clients",
        "pricing",
        "lyrics",
        "genre adaptation",
        "publishing",
        "co-writers",
        "12-month plan",
        "revenue",
        "team",
        "markets",
        "budgets/ROI",
    ] {
        assert!(cases.iter().any(|case| case.case == wanted), "{wanted}");
    }
    assert!(cases.iter().all(|case| case.turns.len() >= 2));
}

async fn world(offline: bool) -> World {
    let world = World::with(|w| {
        w.set("TONEY__KNOWLEDGE__STARTER", true);
        if offline {
            w.set("TONEY_OFFLINE", 1);
        }
    })
    .await;
    let loaded = "SELECT value FROM bots WHERE account = 'knowledge' AND name = 'starter'";
    until_so("the pages are loaded", async || {
        !world.read(loaded).await.is_empty()
    })
    .await;
    world
}

async fn somebody(world: &World, number: usize, persona: &str) -> Person {
    let standing = match persona {
        "manager" => Standing::Manager,
        _ => Standing::Artist,
    };
    let name = format!("{persona}{number}");
    world.invited(&name, (&name, standing)).await
}

/// Plays every dialogue, and names whatever was not answered as it should be.
async fn everybody_is_answered(world: &World, is_right: impl Fn(&Turn, &str) -> bool) {
    let mut wrong = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        let who = somebody(world, number, &case.persona).await;
        for turn in &case.turns {
            who.says(&turn.says);
            world.settle().await;
            let said = world.sees(&who);
            if !is_right(turn, &said) {
                let Turn { says, page, .. } = turn;
                wrong.push(format!("{}: {says} ({page}): {said}", case.case));
            }
        }
    }
    let all = wrong.join("\n\n");
    assert!(wrong.is_empty(), "{} wrong:\n{all}", wrong.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_model_each_answer_shows_where_it_stands() {
    let world = world(false).await;
    // The model cites the passage that it was given of the page, whatever its number.
    world.model.otherwise(Behaviour::call(|request| {
        let (said, given) = (request.last("user"), request.last("system"));
        let turns = cases().into_iter().flat_map(|case| case.turns);
        let turn = turns.into_iter().find(|turn| turn.says == said);
        let Some(turn) = turn else {
            return Answer::text("Hello.");
        };
        let page = format!(">\n{}", turn.page);
        let number = given.split("<passage-").find_map(|rest| {
            let (number, text) = rest.split_at(rest.find('>')?);
            text.starts_with(&page).then(|| number.to_owned())
        });
        Answer::text(
            turn.model
                .replace("[1]", &format!("[{}]", number.unwrap_or_default())),
        )
    }));
    everybody_is_answered(&world, |turn, said| {
        let (answer, sources) = said.split_once("Sources").unwrap_or((said, ""));
        answer.contains("[1]") && sources.contains(&turn.page) && !answer.contains("no source")
    })
    .await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_model_the_page_itself_answers() {
    let world = world(true).await;
    everybody_is_answered(&world, |turn, said| said.contains(&turn.page)).await;
    world.finish().await;
}
