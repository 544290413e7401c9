//! `toney ingest`: what it takes in, and what it says about the rest.

use crate::commands::Machine;
use crate::commands::until_ready;
use crate::sim::model::Server as Model;
use crate::sim::servers::free_port;
use crate::sim::telegram::Telegram;
use crate::store::{Home, on_both};
use crate::world::until_so;

on_both! {
    the_gateway_makes_the_vectors
}

const WORDS: &str = "The label pays a share of twenty percent. The artist keeps the masters.";

#[tokio::test]
async fn a_folder_is_taken_in_with_everything_in_it() {
    let machine = Machine::new();
    let write = |name: &str, bytes: &[u8]| {
        let path = machine.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write("papers/deal.txt", WORDS.as_bytes());
    write(
        "papers/old/deal.md",
        format!("# Old deal\n\n{WORDS}").as_bytes(),
    );
    write("papers/cover.jpg", b"\xff\xd8\xff\xe0");
    write("papers/.hidden.txt", b"nobody's");
    let ran = machine
        .run(&["ingest", "papers", "--artist", "Ann"])
        .await
        .with(0);
    let mut lines: Vec<&str> = ran.out.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "2 of 2 taken in, 1 of other kinds left aside.",
            "papers/deal.txt: pages 1, pieces 1, language en",
            "papers/old/deal.md: pages 1, pieces 1, language en",
        ]
    );
    assert_eq!(ran.err, "");
    write("papers/deal.txt", format!("{WORDS} Signed.").as_bytes());
    write("papers/bad.pdf", b"\x89PNG\r\n\x1a\n\0");
    let again = machine
        .run(&["ingest", "papers", "--artist", "Ann"])
        .await
        .with(1);
    assert!(
        again
            .out
            .contains("papers/deal.txt: pages 1, pieces 1, language en, replaces the older one"),
        "{again:?}"
    );
    assert!(
        again.out.contains("papers/old/deal.md: known already"),
        "{again:?}"
    );
    assert!(
        again
            .out
            .ends_with("2 of 3 taken in, 1 of other kinds left aside.\n"),
        "{again:?}"
    );
    assert_eq!(
        again.err,
        "“papers/bad.pdf” is a picture, which I can't read. I read PDF, Word (.docx), web pages, CSV, Markdown and plain text.\n"
    );
}

/// Two papers of one name in two folders are two papers, in one run and in the next.
#[tokio::test]
async fn a_name_in_another_folder_is_another_name() {
    let machine = Machine::new();
    let write = |name: &str, text: &str| {
        let path = machine.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for (name, label) in [
        ("2025/deal.txt", "Sunrise"),
        ("2026/deal.txt", "Moonlight"),
        ("old/2026/deal.txt", "Thunder"),
    ] {
        write(name, &format!("The label {label} pays twenty percent."));
    }
    let taken = |ran: crate::commands::Ran| {
        let mut lines: Vec<String> = ran.out.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        let name = |line: &String| line.split_once(": ").map(|(name, _)| name.to_owned());
        assert!(!ran.out.contains("replaces"), "{ran:?}");
        lines.iter().filter_map(name).collect::<Vec<_>>()
    };
    let global = |paths: &[&'static str]| [&["ingest", "--global"], paths].concat();
    let both = machine.run(&global(&["2025", "2026"])).await.with(0);
    assert_eq!(taken(both), ["2025/deal.txt", "2026/deal.txt"]);
    // The same file by another way is the same.
    let again = machine.run(&global(&["./2025/deal.txt"])).await.with(0);
    assert_eq!(
        again.out.lines().next(),
        Some("2025/deal.txt: known already")
    );
    let same = machine.run(&global(&["2026", "old/2026"])).await.with(1);
    assert!(
        same.err.contains("would both be called 2026/deal.txt"),
        "{same:?}"
    );
    let whole = machine.run(&global(&["old"])).await.with(0);
    assert_eq!(taken(whole), ["old/2026/deal.txt"]);
    for label in ["Sunrise", "Moonlight", "Thunder"] {
        let ran = machine.run(&["search", label]).await.with(0);
        assert!(ran.out.contains(&format!("The label {label}")), "{ran:?}");
    }

    let removed = machine
        .run(&["ingest", "--global", "--remove", "2026/deal.txt", "x"])
        .await;
    let removed = removed.with(1);
    assert_eq!(removed.out, "2026/deal.txt: deleted\n");
    assert_eq!(removed.err, "x: there is no document of this name\n");
    let ran = machine.run(&["search", "Moonlight"]).await.with(0);
    assert!(!ran.out.contains("Moonlight"), "{ran:?}");
    // What an artist has is not meant by what everybody has.
    machine
        .run(&["ingest", "2026", "--artist", "Ann"])
        .await
        .with(0);
    let wrong = ["ingest", "--global", "--remove", "2026/deal.txt"];
    machine.run(&wrong).await.with(1);
    let right = ["ingest", "--artist", "Ann", "--remove", "2026/deal.txt"];
    machine.run(&right).await.with(0);
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let machine = Machine::new();
    let ran = machine.run(&["ingest", "nowhere"]).await.with(1);
    assert!(ran.err.contains("nowhere cannot be read"), "{ran:?}");
    machine.run(&["ingest"]).await.with(2);
    machine
        .run(&["ingest", "a", "--global", "--artist", "Ann"])
        .await
        .with(2);
}

/// Nobody waits for a model where nobody asked to, and the gateway that runs makes the vectors once.
async fn the_gateway_makes_the_vectors(home: Home) {
    let model = Model::start().await;
    let telegram = Telegram::start(Default::default()).await;
    let port = free_port();
    let machine = Machine::new()
        .with_model(&model)
        .set("DATABASE_URL", &home.url)
        .set("TONEY__MODELS__EMBED", "openai/scripted");
    let folder = machine.folder.clone();
    let write = |name: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("{WORDS} It is {name}.")).unwrap();
    };
    let vectors = async || {
        let count = "SELECT CAST(COUNT(*) AS TEXT) FROM vectors";
        home.read(count).await.concat()
    };
    write("a/one.txt");
    let ran = machine.run(&["ingest", "a", "--global"]).await.with(0);
    assert!(ran.out.contains("`toney ingest --reindex`"), "{ran:?}");
    machine.run(&["ask", "how are you?"]).await.with(0);
    assert_eq!(vectors().await, "0", "whoever asks one thing makes none");
    let gone = "INSERT INTO vector_models (name, dimensions, gone) VALUES ('old/one', 3, 1) RETURNING name";
    home.read(gone).await;

    let machine = machine.serving(&telegram, port);
    let gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    until_so("the first has its vector", async || vectors().await == "1").await;
    let gone = "SELECT name FROM vector_models WHERE gone = 1";
    until_so("a model that is gone is swept", async || {
        home.read(gone).await.is_empty()
    })
    .await;
    write("b/two.txt");
    let beside = machine.set("TONEY_HTTP_ADDR", "127.0.0.1:0");
    beside.run(&["ingest", "b", "--global"]).await.with(0);
    until_so("the second has its vector", async || vectors().await == "2").await;
    let asked = model.embedded();
    let about = |words: &str| {
        asked
            .iter()
            .flatten()
            .filter(|text| text.contains(words))
            .count()
    };
    assert_eq!((about("one.txt."), about("two.txt.")), (1, 1), "{asked:?}");
    gateway.signal("TERM");
    gateway.ends().await.with(0);
}
