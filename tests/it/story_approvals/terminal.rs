//! Somebody who decides at a terminal: cards with numbers, and words where a reason is wanted.

use std::io::{PipeWriter, Write};
use std::sync::{Arc, Mutex};

use toney::model::{Clock, Standing, phrases};
use toney::platform::terminal::Streams;

use super::DAY;
use crate::world::{Engine, Person, World, on_both, until};

on_both! {
    a_manager_decides_at_a_terminal
}

/// What was shown, and how much of it was read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<(Vec<u8>, usize)>>);

impl Paper {
    fn unread(&self) -> String {
        let (shown, read) = &*self.0.lock().unwrap();
        String::from_utf8(shown[*read..].to_vec()).unwrap()
    }

    /// Waits for these words; what is read up to them is not read again.
    async fn shows(&self, words: &str) -> String {
        until(words, || self.unread().contains(words)).await;
        let mut unread = self.unread();
        unread.truncate(unread.find(words).unwrap() + words.len());
        self.0.lock().unwrap().1 += unread.len();
        unread
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn a_manager_decides_at_a_terminal(engine: Engine) {
    let (input, mut keys) = std::io::pipe().unwrap();
    let paper = Paper::default();
    let output = paper.clone();
    let world = World::with(|options| {
        options.engine = engine;
        options.terminal = Some(Streams {
            input: Box::new(std::io::BufReader::new(input)),
            output: Box::new(output),
            live: false,
        });
    })
    .await;
    let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
    let store = world.store().await;
    let artist = store.make_artist("Ann").await.unwrap().id;
    let expires = Clock::System.now().plus(DAY);
    let code = store.invite(artist, Standing::Manager, expires).await;
    types(&mut keys, &format!("/start {}", code.unwrap()));
    paper.shows("You're in").await;
    hands_in(&world, &ann, "Night Drive").await;
    let card = paper.shows("[2] Reject").await;
    assert!(card.contains("Release “Night Drive” for Ann"), "{card}");
    types(&mut keys, "1");
    let states = "SELECT state FROM releases ORDER BY id";
    world.until_stored(states, &["approved"]).await;
    world.settle().await;
    assert!(world.sees(&ann).contains("✅ Approved by "));
    paper.shows("✅ Approved by ").await;
    // A no wants a reason, which is typed.
    hands_in(&world, &ann, "Day Drive").await;
    paper.shows("[2] Reject").await;
    types(&mut keys, "2");
    world.settle().await;
    paper.shows("[1]").await;
    types(&mut keys, "The mix is not done");
    world.until_stored(states, &["approved", "rejected"]).await;
    world.settle().await;
    let told = world.sees(&ann);
    assert!(told.contains("“The mix is not done”"), "{told}");
    // The numbers of a card that is decided press nothing.
    types(&mut keys, "/approvals");
    world.settle().await;
    paper.shows(phrases::NO_REQUESTS).await;
    super::assert_whole(&world, 4).await;
    drop(keys);
    world.finish().await;
}

fn types(keys: &mut PipeWriter, line: &str) {
    keys.write_all(format!("{line}\n").as_bytes()).unwrap();
}

async fn hands_in(world: &World, ann: &Person, title: &str) {
    for words in [&format!("/release {title}"), "2030-12-24", "skip", "skip"] {
        ann.says(words);
        world.settle().await;
    }
    world.sees(ann);
    ann.presses(phrases::SUBMIT);
    world.settle().await;
    world.sees(ann);
}
