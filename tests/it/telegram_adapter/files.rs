//! Pictures and files: sent, changed, refused, and found when they are lost.

use std::path::PathBuf;

use toney::platform::{Attached, Shown};

use super::*;
use crate::sim::telegram::png;

struct Shelf(PathBuf);

impl Shelf {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("toney-files-{}", rand::random::<u64>()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn picture(file: &std::path::Path) -> Option<Attached<'_>> {
    let (shown, name) = (Shown::Picture, "chart.png");
    Some(Attached { shown, file, name })
}

fn yes() -> Vec<Vec<Button>> {
    let (label, data) = ("Yes".to_owned(), "yes:1".to_owned());
    vec![vec![Button::new(label, data)]]
}

#[tokio::test]
async fn a_picture_and_a_file_go_out_and_their_words_change() {
    let (rig, shelf) = (Rig::start().await, Shelf::new());
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "hi");
    rig.items(1).await;
    let (address, part, buttons) = (address(ann), plain("Your year"), yes());
    let file = shelf.put("x.png", &png(640, 400));
    let sent = Letter {
        buttons: &buttons,
        attached: picture(&file),
        ..letter(&address, "n", &part)
    };
    let message = rig.bot.send(&sent).await.unwrap();
    assert_eq!(
        rig.sim.render(ann),
        "ann: hi\ntoney: <photo> Your year [Yes]"
    );
    let other = plain("Your month");
    let edit = Edit {
        address: &address,
        message: &message,
        part: &other,
        buttons: &buttons,
        growing: false,
        interaction: None,
    };
    assert_eq!(rig.bot.edit(&edit).await, Ok(()));
    assert_eq!(rig.bot.edit(&edit).await, Ok(()), "it says so already");
    assert_eq!(
        rig.sim.render(ann),
        "ann: hi\ntoney: <photo> Your month [Yes]"
    );

    let file = shelf.put("y", b"a;b\n1;2\n");
    let sent = Letter {
        attached: Some(Attached {
            shown: Shown::File,
            file: &file,
            name: "My \"plan\" ö.csv",
        }),
        ..letter(&address, "m", &part)
    };
    rig.bot.send(&sent).await.unwrap();
    let last = rig.sim.transcript(ann).pop().unwrap().media.unwrap();
    assert_eq!(
        (last.kind.as_str(), last.mime.as_str()),
        ("document", "text/csv")
    );
    assert_eq!(last.name, "My \"plan\" ö.csv");
    assert_eq!(rig.sim.file(&last.file_id).unwrap().as_ref(), b"a;b\n1;2\n");
    rig.end().await;
}

#[tokio::test]
async fn what_is_no_picture_or_is_gone_is_refused_for_good() {
    let (rig, shelf) = (Rig::start().await, Shelf::new());
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "hi");
    rig.items(1).await;
    let (address, part) = (address(ann), plain("Your year"));
    let files = [
        shelf.put("a.png", b"no picture"),
        shelf.put("b.png", &png(9_000, 2_000)),
        shelf.put("c.png", &png(1_000, 40)),
        shelf.put("d.png", b""),
        shelf.put("e.png", &vec![0; (10 << 20) + 1]),
        shelf.0.join("nowhere.png"),
    ];
    for file in &files {
        let sent = Letter {
            attached: picture(file),
            ..letter(&address, "n", &part)
        };
        let failed = rig.bot.send(&sent).await;
        assert!(matches!(failed, Err(SendError::Rejected(_))), "{failed:?}");
    }
    assert_eq!(rig.sim.render(ann), "ann: hi");
    rig.end().await;
}

/// Taken or not: by its caption it is found, or surely not there.
#[tokio::test]
async fn a_lost_picture_is_found_by_its_caption() {
    let (rig, shelf) = (Rig::start().await, Shelf::new());
    let (ann, bob) = (rig.sim.person("ann"), rig.sim.person("bob"));
    let asked = rig.sim.says(ann, ann, "hi");
    rig.sim.says(bob, bob, "hello");
    rig.items(2).await;
    rig.send(bob, "b", "for bob").await.unwrap();
    rig.send(ann, "t", "a text between").await.unwrap();
    let file = shelf.put("x.png", &png(640, 400));
    let (address, part, buttons) = (address(ann), plain("Your year"), yes());
    let after = Message::new(asked);
    for (fault, is_taken) in [(Fault::ResetBefore, false), (Fault::ResetAfter, true)] {
        let letter = Letter {
            buttons: &buttons,
            attached: picture(&file),
            ..letter(&address, "n", &part)
        };
        rig.sim.fault(On::method("sendPhoto"), fault);
        let lost = rig.bot.send(&letter).await;
        assert!(matches!(lost, Err(SendError::Unknown(_))), "{lost:?}");
        let lost = Lost {
            letter,
            left_at: Time::from_ms(0),
            after: Some(&after),
            newest: None,
            taken: &[],
        };
        let found = rig.bot.find(&lost).await;
        assert_eq!(found.unwrap().is_some(), is_taken);
    }
    assert_eq!(
        rig.sim.render(ann),
        "ann: hi\ntoney: a text between\ntoney: <photo> Your year [Yes]"
    );
    rig.end().await;
}
