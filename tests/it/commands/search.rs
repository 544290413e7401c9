//! `toney search`: what is found and why, for an operator to read.

use toney::store::Scope;

use super::*;
use crate::retrieve::Desk;
use crate::store::{Home, on_both};

on_both! {
    passages_are_shown_with_what_found_them
    the_pages_are_loaded_by_whoever_looks_first
}

/// No gateway has run yet, so nobody holds a lease; and what was read stands in the ledger.
async fn the_pages_are_loaded_by_whoever_looks_first(home: Home) {
    let machine = Machine::new().set("DATABASE_URL", &home.url);
    let machine = machine.set("TONEY__KNOWLEDGE__STARTER", true);
    let ran = machine.run(&["search", "What is an ISRC?"]).await.with(0);
    assert!(ran.out.starts_with("1. isrc, piece"), "{ran:?}");
    let question = ["explain", "What does GEMA collect?"];
    let ran = machine.run(&question).await.with(0);
    assert!(ran.out.contains("gema-and-gvl"), "{ran:?}");
    let read = "SELECT why || ' ' || scopes || person_id FROM knowledge_reads
         WHERE passages LIKE '%\"document\"%' ORDER BY created_at";
    assert_eq!(home.read(read).await, ["toney search g", "toney explain g"]);
}

async fn passages_are_shown_with_what_found_them(home: Home) {
    let machine = Machine::new().set("DATABASE_URL", &home.url);
    let ran = machine.run(&["search", "What is an ISRC?"]).await.with(0);
    assert!(ran.out.starts_with("Nothing was found."), "{}", ran.out);
    let desk = Desk::at(&home.url).await;
    desk.trade().await;
    let ann = desk.process.store.make_artist("Ann").await.unwrap().id;
    // Where there are several, nobody is meant who is not named.
    desk.process.store.make_artist("Bob").await.unwrap();
    desk.take_in(
        Scope::Team(ann),
        "catalogue",
        &["The ISRC of Blue is QZ-AAA-26-00001."],
    )
    .await;

    let ran = machine.run(&["search", "What is an ISRC?"]).await.with(0);
    let first = ran.out.lines().next().unwrap();
    assert!(
        first.starts_with("1. isrc, piece 0, global, "),
        "{}",
        ran.out
    );
    assert!(first.contains("words #1 ("), "{}", ran.out);
    assert!(
        ran.out.contains("The ISRC names a recording."),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("catalogue"), "{}", ran.out);

    let question = ["search", "isrc of Blue", "--artist", "Ann", "--json"];
    let ran = machine.run(&question).await.with(0);
    let found: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(found["documents"][0]["name"], "catalogue");
    assert_eq!(found["passages"][0]["scope"], format!("t{}", ann.body()));
    assert_eq!(found["abstain"], false);
    let ran = machine
        .run(&["search", "x", "--artist", "Nobody"])
        .await
        .with(1);
    assert!(ran.err.contains("there is no artist Nobody"), "{}", ran.err);
}

/// `toney explain` says what the gateway would do, by the gateway's own plan.
#[tokio::test]
async fn what_would_be_done_is_explained() {
    let machine = Machine::new();
    for (text, next) in [
        ("i want to kill myself", "say where help is"),
        ("show me my documents", "do /docs"),
        (
            "pay me out 250 euros",
            "say that it can't pay money out yet",
        ),
        ("what is an isrc?", "say that nothing was found"),
        ("hi there", "talk"),
    ] {
        let ran = machine.run(&["explain", text]).await.with(0);
        let would = format!("would   {next}\n");
        assert!(ran.out.contains(&would), "{text}: {}", ran.out);
    }
}
