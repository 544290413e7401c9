//! `toney search`: what is found and why, for an operator to read.

use toney::store::Scope;

use super::*;
use crate::retrieve::Desk;

#[tokio::test]
async fn passages_are_shown_with_what_found_them() {
    let machine = Machine::new();
    let ran = machine.run(&["search", "What is an ISRC?"]).await.with(0);
    assert!(ran.out.starts_with("Nothing was found."), "{}", ran.out);
    let url = format!("sqlite://{}/data/toney.db", machine.folder.display());
    let desk = Desk::at(&url).await;
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
