//! What artists, producers, songwriters and managers come with, from the pages on the trade: with a model
//! that rests its answers on them, and with none at all.

use serde::Deserialize;
use toney::model::Standing;

use crate::sim::model::Answer;
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
    heading: Option<String>,
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_model_each_answer_shows_where_it_stands() {
    let world = world(false).await;
    let mut wrong = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        let who = somebody(&world, number, &case.persona).await;
        for turn in &case.turns {
            let (page, heading) = (turn.page.clone(), turn.heading.clone().unwrap_or_default());
            let answer = turn.model.clone();
            // The model cites the passage that it was given of the page.
            world.model.push(Answer::text(&answer));
            who.says(&turn.says);
            world.settle().await;
            let given = world.model.requests();
            let given = given
                .last()
                .map(|last| last.last("system").to_owned())
                .unwrap_or_default();
            let said = world.sees(&who);
            let is_given = given.contains(&format!("\n{page}")) && given.contains(&heading);
            let is_shown = said.contains("Sources") && said.contains(&page);
            if !is_given || !is_shown {
                wrong.push(format!("{}: {} ({page}): {said}", case.case, turn.says));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_model_the_page_itself_answers() {
    let world = world(true).await;
    let mut wrong = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        let who = somebody(&world, number, &case.persona).await;
        for turn in &case.turns {
            who.says(&turn.says);
            world.settle().await;
            let said = world.sees(&who);
            if !said.contains(&turn.page) {
                wrong.push(format!(
                    "{}: {} ({}): {said}",
                    case.case, turn.says, turn.page
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
    world.finish().await;
}
