//! `toney ingest`: what it takes in, and what it says about the rest.

use crate::commands::Machine;

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
            "deal.txt: pages 1, pieces 1, language en",
            "old/deal.md: pages 1, pieces 1, language en",
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
            .contains("deal.txt: pages 1, pieces 1, language en, replaces the older one"),
        "{again:?}"
    );
    assert!(
        again.out.contains("old/deal.md: known already"),
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
        "“bad.pdf” is a picture, which I can't read. I read PDF, Word (.docx), web pages, CSV, Markdown and plain text.\n"
    );
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
