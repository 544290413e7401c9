//! Artists and invitations: what an operator types to let people in.

use super::*;

/// The code that stands behind `/start` in what was printed.
fn code(out: &str) -> &str {
    let (_, rest) = out.split_once("/start ").expect("a code");
    rest.split_whitespace().next().expect("a code")
}

#[tokio::test]
async fn artists_are_made_by_inviting_them() {
    let machine = Machine::new();
    let ran = machine.run(&["artists"]).await.with(0);
    assert!(ran.out.starts_with("No artist yet"), "{}", ran.out);
    let ran = machine
        .run(&["invite", "artist", "--artist", "Ann"])
        .await
        .with(0);
    assert!(ran.out.contains("becomes artist for Ann."), "{}", ran.out);
    assert_eq!(code(&ran.out).len(), 12);
    let ran = machine.run(&["invite", "manager"]).await.with(0);
    assert!(
        ran.out.contains("becomes manager for Ann."),
        "the only one: {}",
        ran.out
    );
    machine
        .run(&["invite", "manager", "--artist", "Bob"])
        .await
        .with(0);
    let ran = machine.run(&["invite", "artist"]).await.with(1);
    assert!(
        ran.err.contains("add --artist and one of Ann, Bob"),
        "{}",
        ran.err
    );
    let ran = machine
        .run(&["invite", "fan", "--artist", "Ann"])
        .await
        .with(1);
    assert!(
        ran.err.contains("nobody needs an invitation to be a fan"),
        "{}",
        ran.err
    );
    machine.run(&["invite", "king"]).await.with(2);
    let ran = machine.run(&["artists", "--json"]).await.with(0);
    let artists: Vec<serde_json::Value> = serde_json::from_str(&ran.out).unwrap();
    let names: Vec<_> = artists.iter().map(|artist| &artist["name"]).collect();
    assert_eq!(names, ["Ann", "Bob"]);
}

/// A fresh installation says how its artist joins; once somebody has, it does not.
#[tokio::test]
async fn a_fresh_gateway_invites_its_artist() {
    let (telegram, port) = (Telegram::start(Default::default()).await, free_port());
    let machine = Machine::new().serving(&telegram, port);
    let running = machine.start(&["serve"]);
    until("an invitation", || running.out.text().contains("/start ")).await;
    let invitation = running.out.text();
    assert!(
        invitation.contains("becomes the artist (Home)"),
        "{invitation}"
    );
    let ann = telegram.person("ann");
    let greeting = format!("/start {}", code(&invitation).to_uppercase());
    telegram.says(ann, ann, &greeting);
    let said = |msg: &crate::sim::telegram::Msg| msg.text.contains("as Home");
    until("ann to be in", || telegram.transcript(ann).iter().any(said)).await;
    running.signal("TERM");
    running.ends().await.with(0);
    let again = machine.start(&["serve"]);
    until_ready(port, 200).await;
    assert!(
        !again.out.text().contains("/start "),
        "{}",
        again.out.text()
    );
}

/// What is kept about somebody is handed out, and is gone when it is erased; others keep theirs.
#[tokio::test]
async fn a_person_is_exported_and_erased() {
    let model = Model::start().await;
    let machine = Machine::new().with_model(&model);
    for person in ["ann", "bob"] {
        let talk = format!("a secret of {person}\n");
        machine
            .reads(&["chat", "--as", person], &talk)
            .await
            .with(0);
    }
    let own = "/model openai/scripted\n/model key openai sk-ann-0123456789abcdef\n";
    let chat = ["chat", "--as", "ann"];
    machine.reads(&chat, own).await.with(0);
    let ran = machine.run(&["export", "terminal:ann"]).await.with(0);
    let all: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(all["messages"][0]["text"], "a secret of ann");
    assert_eq!(all["model_choices"][0]["model"], "openai/scripted");
    assert_eq!(all["own_keys"][0]["provider"], "openai");
    assert!(all["own_keys"][0].get("sealed").is_none());
    assert_eq!(all["identities"][0]["platform_user"], "ann");
    let ran = machine.run(&["erase", "terminal:ann"]).await.with(1);
    assert!(ran.out.contains("Add --yes"), "{}", ran.out);
    let ran = machine
        .run(&["erase", "terminal:ann", "--yes"])
        .await
        .with(0);
    let left: Vec<&str> = ran.out.lines().skip(1).collect();
    assert!(
        left.len() > 5 && left.iter().all(|line| line.ends_with(" 0")),
        "{}",
        ran.out
    );
    let ran = machine.run(&["export", "terminal:ann"]).await.with(1);
    assert!(
        ran.err.contains("nobody is known as terminal:ann"),
        "{}",
        ran.err
    );
    let mut kept = std::fs::read(machine.folder.join("data/toney.db")).unwrap();
    kept.extend(std::fs::read(machine.folder.join("data/toney.db-wal")).unwrap_or_default());
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("a secret of bob") && !kept.contains("a secret of ann"));
    let ran = machine.run(&["export", "terminal:bob"]).await.with(0);
    assert!(ran.out.contains("a secret of bob"));
    assert!(!ran.out.contains("ann"), "{}", ran.out);
}
