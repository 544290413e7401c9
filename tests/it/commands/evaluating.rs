//! `toney eval`: lines in, predictions out.

use super::*;

/// What it printed, line by line.
fn predictions(ran: &Ran) -> Vec<serde_json::Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap();
    ran.out.lines().map(line).collect()
}

#[tokio::test]
async fn lines_are_sorted_by_rules_alone() {
    let lines = [
        r#"{"id":"a","text":"spela nästa"}"#,
        r#"{"id":7,"text":"don't pay me out yet","role":"artist"}"#,
        r#"{"id":"c","text":"pay me out 250 euros","lang":"en"}"#,
        r#"{"id":"d","text":"ja","history":[{"from":"user","text":"reich sie ein"},{"from":"toney","text":"Soll ich die Single am Freitag einreichen?"}]}"#,
        r#"{"id":"e","text":"what is an isrc?"}"#,
    ]
    .join("\n");
    let machine = Machine::new();
    let ran = machine.reads(&["eval", "act", "--offline"], &lines).await;
    let ran = ran.with(0);
    let all = predictions(&ran);
    let acts: Vec<_> = all.iter().map(|one| one["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["skip", "chat", "payout", "approve", "ask"]);
    assert_eq!(all[0]["id"], "a");
    assert_eq!(all[1]["id"], 7);
    let args = serde_json::json!({"amount": "250", "currency": "EUR"});
    assert_eq!(all[2]["args"], args);

    let ran = machine.reads(&["eval", "intent"], &lines).await.with(0);
    let scopes = predictions(&ran);
    let scopes: Vec<_> = scopes.iter().map(|one| &one["scope"]).collect();
    assert_eq!(scopes, ["none", "none", "personal", "none", "global"]);
    assert!(ran.out.starts_with("{\"id\":\"a\",\"scope\":\"none\"}\n"));
}

/// A single message of it would show nothing: the sequence does.
#[tokio::test]
async fn a_conversation_is_judged_by_its_last_message() {
    let said = [
        "nobody came to the show",
        "what's the point of any of this",
        "I gave my guitars away today",
        "thanks for everything, take care of my songs",
    ];
    let whole = serde_json::json!({"id": 1, "conversation": said});
    let last = serde_json::json!({"id": 2, "text": said[3]});
    let lines = format!("{whole}\n{last}\n");
    let ran = Machine::new().reads(&["eval", "safety"], &lines).await;
    let ran = ran.with(0);
    let labels: Vec<_> = predictions(&ran)
        .into_iter()
        .map(|one| one["label"].clone())
        .collect();
    assert_eq!(labels, ["crisis", "safe"]);
}

#[tokio::test]
async fn a_bad_line_is_named_and_the_others_go_on() {
    let lines = "{\"id\":1,\"text\":\"pause\"}\n{\"id\":2}\n\nnonsense\n{\"id\":5,\"text\":\"weiter\",\
        \"history\":[{\"from\":\"nobody\",\"text\":\"x\"}]}\n{\"id\":6,\"text\":\"next song\"}\n";
    let ran = Machine::new().reads(&["eval", "act"], lines).await.with(1);
    let all = predictions(&ran);
    let ids: Vec<_> = all.iter().map(|one| one["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [1, 6]);
    let complaints: Vec<&str> = ran
        .err
        .lines()
        .filter(|line| line.starts_with("toney: "))
        .collect();
    assert_eq!(complaints.len(), 3, "{ran:#?}");
    assert!(
        complaints[0].starts_with("toney: line 2 is left out: missing field `text`"),
        "{complaints:?}"
    );
    assert!(
        complaints[1].starts_with("toney: line 4 is left out: "),
        "{complaints:?}"
    );
    assert!(
        complaints[2].starts_with("toney: line 5 is left out: unknown variant `nobody`"),
        "{complaints:?}"
    );
}

/// The model is asked where the rules are unsure, and nowhere else; the guards hold for its word.
#[tokio::test]
async fn a_model_is_asked_when_the_rules_are_unsure() {
    let model = Model::start().await;
    let machine = Machine::new().with_model(&model);
    let unsure = r#"{"id":1,"text":"blorp the wibble"}"#;
    let sure = r#"{"id":2,"text":"pay me out 250 euros"}"#;
    let word = r#"{"scope":"personal","act":"payout","confidence":1,"args":{"amount":"9"}}"#;

    // As in the gateway, the rules are left alone unless a model is wanted.
    machine.reads(&["eval", "intent"], unsure).await.with(0);
    assert_eq!(model.requests().len(), 0);
    let machine = machine.set("TONEY__TURN__SORT", "unsure");

    model.push(Answer::text(
        r#"{"scope":"hybrid","act":"career_plan","confidence":0.9,"args":{}}"#,
    ));
    let ran = machine.reads(&["eval", "intent"], unsure).await.with(0);
    assert_eq!(predictions(&ran)[0]["scope"], "hybrid");
    let asked = model.requests();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0]
            .last("user")
            .contains("<message>\nblorp the wibble\n</message>")
    );

    let ran = machine.reads(&["eval", "act"], sure).await.with(0);
    assert_eq!(predictions(&ran)[0]["args"]["amount"], "250");
    assert_eq!(model.requests().len(), 1);

    let ran = machine
        .reads(&["eval", "act", "--offline"], unsure)
        .await
        .with(0);
    assert_ne!(predictions(&ran)[0]["act"], "career_plan");
    assert_eq!(model.requests().len(), 1);

    model.push(Answer::text(word));
    let forbidden = r#"{"id":3,"text":"blorp, and do not withdraw the wibble flumps"}"#;
    let ran = machine.reads(&["eval", "act"], forbidden).await.with(0);
    assert_ne!(predictions(&ran)[0]["act"], "payout");
    model.assert_clean();
}

#[tokio::test]
async fn documents_are_retrieved_from_a_folder() {
    let machine = Machine::new();
    let pages = machine.folder.join("pages");
    std::fs::create_dir(&pages).unwrap();
    for (name, text) in [
        (
            "sync.md",
            "# Sync\n\nA sync licence lets a film use a song.\n",
        ),
        (
            "isrc.md",
            "# ISRC\n\nAn ISRC names a recording. A distributor gives one.\n",
        ),
        ("notes.txt", "An ISRC that is no page."),
    ] {
        std::fs::write(pages.join(name), text).unwrap();
    }
    let lines = [
        r#"{"id":"a","text":"what is an ISRC?"}"#,
        r#"{"id":"b","text":"and who gives me one?","history":[{"from":"user","text":"what is an ISRC"},{"from":"toney","text":"It names a recording."}]}"#,
        r#"{"id":"c","text":"xyzzy"}"#,
    ]
    .join("\n");
    let arguments = ["eval", "retrieval", "--offline", "--load", "pages"];
    let ran = machine.reads(&arguments, &lines).await.with(0);
    assert_eq!(
        ran.out,
        "{\"id\":\"a\",\"retrieved\":[\"isrc\"]}\n\
         {\"id\":\"b\",\"retrieved\":[\"isrc\"]}\n\
         {\"id\":\"c\",\"retrieved\":[]}\n"
    );
    let ran = machine.reads(&["eval", "retrieval"], &lines).await.with(1);
    assert!(ran.err.contains("--load DIR"), "{}", ran.err);
    let nowhere = ["eval", "retrieval", "--load", "nowhere"];
    machine.reads(&nowhere, &lines).await.with(1);
}
