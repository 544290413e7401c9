//! Documents dropped into a chat.

use toney::model::Standing;

use super::archive::docx;
use super::paper::contract;
use super::reader;
use crate::sim::telegram::Upload;
use crate::world::{Engine, Person, World, on_both, until};

on_both! {
    a_document_is_read_and_said_to_be
    what_cannot_be_read_gets_a_sentence
    a_document_that_takes_long_is_spoken_of
    a_crash_while_reading_changes_nothing
}

fn sends(world: &World, who: &Person, name: &str, bytes: Vec<u8>) {
    let upload = Upload::document(name, "application/octet-stream", bytes);
    world.telegram.sends(who.user, who, upload);
}

async fn a_document_is_read_and_said_to_be(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    sends(&world, &ann, "memo.pdf", contract(3));
    world.settle().await;
    sends(&world, &ann, "memo.pdf", contract(3));
    world.settle().await;
    sends(&world, &ann, "memo.pdf", contract(4));
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: <document>
    toney: I've read “memo.pdf”: 3 pages, in English, kept in 1 piece. Only you can ask me about it. [Share with the team] [Delete]
    ann: <document>
    toney: I have “memo.pdf” already, word for word, so there was nothing to do. Ask me about it. [Delete]
    ann: <document>
    toney: I've read “memo.pdf”: 4 pages, in English, kept in 1 piece. It takes the place of the older one. Only you can ask me about it. [Share with the team] [Delete]
    ");
    let states = world.read("SELECT state FROM documents").await;
    assert_eq!(states, ["ready"], "the older one is gone");
    world.finish().await;
}

async fn what_cannot_be_read_gets_a_sentence(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    for (name, bytes) in [
        ("cover.pdf", b"\x89PNG\r\n\x1a\n\0\0".to_vec()),
        ("empty.txt", Vec::new()),
        ("broken.docx", docx("<w:p>")),
    ] {
        sends(&world, &ann, name, bytes);
        world.settle().await;
    }
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: <document>
    toney: “cover.pdf” is a picture, which I can't read. I read PDF, Word (.docx), web pages, CSV, Markdown and plain text.
    ann: <document>
    toney: “empty.txt” is empty: there is no text in it.
    ann: <document>
    toney: “broken.docx” is damaged, so I couldn't read it. Save it anew, or as PDF, and send it again.
    ");
    assert_eq!(
        world
            .read("SELECT id FROM documents WHERE state = 'ready'")
            .await
            .len(),
        0
    );
    world.finish().await;
}

/// A world whose reader waits for a file to appear, so that the story can look while it reads.
async fn waiting(engine: Engine) -> World {
    let world = World::with(|w| {
        w.engine = engine;
        w.set("TONEY__KNOWLEDGE__READER", "{data}/slow-reader");
    })
    .await;
    make_slow_reader(&world);
    world
}

fn make_slow_reader(world: &World) {
    use std::os::unix::fs::PermissionsExt;
    let (gate, path) = (world.folder.join("gate"), world.folder.join("slow-reader"));
    let script = format!(
        "#!/bin/sh\nwhile [ ! -e {} ]; do /bin/sleep 0.02; done\nexec {} \"$@\"\n",
        gate.display(),
        reader().display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn open_gate(world: &World) {
    std::fs::write(world.folder.join("gate"), "").unwrap();
}

async fn a_document_that_takes_long_is_spoken_of(engine: Engine) {
    let world = waiting(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    sends(&world, &ann, "memo.pdf", contract(3));
    until("it is being read", || {
        world.sees(&ann).contains("Reading “memo.pdf” …")
    })
    .await;
    open_gate(&world);
    world.settle().await;
    let chat = world.sees(&ann);
    assert_eq!(
        chat.matches("memo.pdf").count(),
        1,
        "one message says it all: {chat}"
    );
    assert!(
        chat.contains("I've read “memo.pdf”: 3 pages, in English"),
        "{chat}"
    );
    world.finish().await;
}

async fn a_crash_while_reading_changes_nothing(engine: Engine) {
    let mut world = waiting(engine).await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    sends(&world, &ann, "memo.pdf", contract(3));
    until("it is being read", || {
        world.sees(&ann).contains("Reading “memo.pdf” …")
    })
    .await;
    world.crash().await;
    open_gate(&world);
    world.settle().await;
    let chat = world.sees(&ann);
    assert_eq!(
        chat.matches("memo.pdf").count(),
        1,
        "one message says it all: {chat}"
    );
    assert!(
        chat.contains("I've read “memo.pdf”: 3 pages, in English"),
        "{chat}"
    );
    let states = world.read("SELECT state FROM documents").await;
    assert_eq!(states, ["ready"]);
    world.finish().await;
}
