//! Taking documents in and giving them vectors, by the real program, which is killed over it again and again.

use super::*;
use crate::store::{Home, on_both};

on_both! {
    what_is_killed_goes_on_where_it_was
}

const FILES: usize = 24;

/// Some dozen pieces each.
fn write_files(machine: &Machine) {
    let folder = machine.folder.join("papers");
    std::fs::create_dir_all(&folder).unwrap();
    for file in 0..FILES {
        let paragraph = |number: usize| {
            format!(
                "Paragraph {number} of paper {file} is about a tour. {}\n\n",
                "The van leaves at nine and the stage is ready at four. ".repeat(12)
            )
        };
        let text: String = (0..40).map(paragraph).collect();
        std::fs::write(folder.join(format!("paper-{file}.txt")), text).unwrap();
    }
}

const PIECES: &str =
    "SELECT d.name || ' ' || c.ordinal || ' ' || c.start_at || ' ' || length(c.text)
     FROM chunks c JOIN documents d ON d.id = c.document_id WHERE d.state = 'ready'
     ORDER BY d.name, c.ordinal";

/// Runs the program and kills it a little later each time, until it gets to its end.
async fn until_done(machine: &Machine, arguments: &[&str]) -> u32 {
    let mut kills = 0;
    loop {
        let mut running = machine.start(arguments);
        let patience = Duration::from_millis(40 + 20 * u64::from(kills));
        match tokio::time::timeout(patience, running.child.wait()).await {
            Ok(ended) => {
                assert_eq!(ended.unwrap().code(), Some(0), "{}", running.err.text());
                return kills;
            }
            Err(_) => running.child.kill().await.unwrap(),
        }
        kills += 1;
    }
}

async fn what_is_killed_goes_on_where_it_was(home: Home) {
    let model = Model::start().await;
    let ingest = ["ingest", "papers", "--global"];
    // Both databases hold the same pieces.
    let another = Home::sqlite();
    let whole = Machine::new().set("DATABASE_URL", &another.url);
    write_files(&whole);
    whole.run(&ingest).await.with(0);
    let expected = another.read(PIECES).await;
    assert!(expected.len() > 20 * FILES, "{}", expected.len());

    let machine = Machine::new().set("DATABASE_URL", &home.url);
    write_files(&machine);
    let kills = until_done(&machine, &ingest).await;
    assert!(kills > 1, "it was never killed");
    assert_eq!(home.read(PIECES).await, expected);
    let counted =
        "SELECT COUNT(*) || ' ' || COUNT(DISTINCT name) FROM documents WHERE state <> 'gone'";
    assert_eq!(home.read(counted).await, [format!("{FILES} {FILES}")]);

    let machine = machine
        .with_model(&model)
        .set("TONEY__MODELS__EMBED", "openai/scripted");
    let kills = until_done(&machine, &["ingest", "--reindex"]).await;
    assert!(kills > 1, "it was never killed");
    let vectors = "SELECT COUNT(*) || ' ' || COUNT(DISTINCT chunk_id) FROM vectors";
    let count = expected.len();
    assert_eq!(home.read(vectors).await, [format!("{count} {count}")]);
}
