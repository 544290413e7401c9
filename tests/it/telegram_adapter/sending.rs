//! Sending, editing, finding what was lost, and fetching files.

use futures::TryStreamExt;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_message_goes_out_and_changes() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    let asked = rig.sim.says(ann, ann, "hi");
    rig.items(1).await;
    let address = address(ann);
    let part = Part {
        text: "🎵 bold".to_owned(),
        spans: vec![Span {
            start: 3,
            len: 4,
            style: Style::Bold,
        }],
    };
    let buttons = vec![vec![Button::new("Yes", "yes:1")]];
    let reply = Message::new(asked);
    let sent = Letter {
        buttons: &buttons,
        reply_to: Some(&reply),
        ..letter(&address, "n", &part)
    };
    let message = rig.bot.send(&sent).await.unwrap();
    let seen = rig.sim.transcript(ann).pop().unwrap();
    assert_eq!(seen.id.to_string(), message.as_str());
    assert_eq!(
        seen.entities,
        [json!({"type": "bold", "offset": 3, "length": 4})]
    );
    assert_eq!((seen.reply_to, seen.buttons.len()), (Some(asked), 1));

    let new = plain("other");
    let edit = Edit {
        address: &address,
        message: &message,
        part: &new,
        buttons: &buttons,
        growing: false,
        interaction: None,
    };
    assert_eq!(rig.bot.edit(&edit).await, Ok(()));
    assert_eq!(rig.bot.edit(&edit).await, Ok(()));
    assert_eq!(rig.bot.set_buttons(&address, &message, &[]).await, Ok(()));
    assert_eq!(rig.bot.set_buttons(&address, &message, &[]).await, Ok(()));
    assert_eq!(rig.bot.typing(&address).await, Ok(()));
    assert_eq!(rig.sim.render(ann), "ann: hi\ntoney: other");
    let nowhere = Message::new(99_999);
    let failed = rig
        .bot
        .edit(&Edit {
            message: &nowhere,
            ..edit
        })
        .await;
    assert!(matches!(failed, Err(SendError::Vanished(_))), "{failed:?}");
    rig.end().await;
}

#[tokio::test]
async fn a_send_that_fails_says_what_is_to_be_done() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "hi");
    rig.items(1).await;

    rig.sim.fault(On::method("sendMessage"), Fault::TooMany(37));
    let slow = rig.send(ann, "n", "x").await;
    assert_eq!(
        slow,
        Err(SendError::RateLimited {
            after: Duration::from_secs(37),
            all: false
        })
    );
    rig.sim.forget_rates();
    for fault in [
        Fault::Status(500),
        Fault::Html(502),
        Fault::Html(200),
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::HalfAnswer,
    ] {
        rig.sim.fault(On::method("sendMessage"), fault);
        let failed = rig.send(ann, "n", "x").await;
        assert!(
            matches!(failed, Err(SendError::Unknown(_))),
            "{fault:?}: {failed:?}"
        );
    }
    let long = rig.send(ann, "n", &"x".repeat(4097)).await;
    assert!(matches!(long, Err(SendError::Rejected(_))), "{long:?}");
    rig.sim.take_violations();

    rig.sim.blocks(ann);
    let gone = rig.send(ann, "n", "x").await;
    assert!(matches!(gone, Err(SendError::Gone(_))), "{gone:?}");
    assert_eq!(
        rig.last(2).await.what,
        What::Membership {
            change: Membership::Gone
        }
    );
    rig.sim.unblocks(ann);
    assert_eq!(
        rig.last(3).await.what,
        What::Membership {
            change: Membership::Back
        }
    );
    rig.end().await;
}

#[tokio::test]
async fn a_group_that_moves_takes_its_messages_along() {
    let rig = Rig::start().await;
    let bob = rig.sim.person("bob");
    let old = rig.sim.group("band");
    let new = rig.sim.migrate_to_supergroup(bob, old);
    let items = rig.items(1).await;
    let moved = items
        .iter()
        .find(|item| matches!(item.what, What::Migrated { .. }))
        .unwrap();
    assert_eq!(moved.address, address(old));
    assert_eq!(
        moved.what,
        What::Migrated {
            to: address(new).chat
        }
    );
    assert_eq!(
        rig.send(old, "n", "x").await,
        Err(SendError::Moved(address(new).chat))
    );
    rig.send(new, "n", "x").await.unwrap();
    rig.end().await;
}

#[tokio::test]
async fn limits_and_counting_depend_on_the_chat() {
    let rig = Rig::start().await;
    let (ann, basic) = (rig.sim.person("ann"), rig.sim.group("trio"));
    let (band, forum) = (rig.sim.supergroup("band"), rig.sim.forum("fans"));
    let topic = rig.sim.topic(ann, forum, "tour");
    let minute = |place: Place| rig.bot.pace(&address(place)).unwrap().group_per_minute;
    assert_eq!(
        (minute(ann.into()), minute(basic.into()), minute(topic)),
        (0, 20, 20)
    );
    let scope = |place: Place| rig.bot.id_scope(&address(place));
    assert_eq!(scope(ann.into()), "telegram:main");
    assert_eq!(scope(basic.into()), "telegram:main");
    assert_eq!(scope(band.into()), format!("telegram:main:{}", band.id));
    assert_eq!(scope(topic), format!("telegram:main:{}", forum.id));
    rig.end().await;
}

#[tokio::test]
async fn a_lost_message_is_found_among_others() {
    let rig = Rig::start().await;
    let (ann, bob) = (rig.sim.person("ann"), rig.sim.person("bob"));
    let asked = rig.sim.says(ann, ann, "hi");
    rig.items(1).await;
    // Ids of private chats count up for all of them: bob's lines lie between.
    for line in 0..3 {
        rig.sim.says(bob, bob, &format!("line {line}"));
    }
    rig.send(bob, "b", "for bob").await.unwrap();
    rig.sim.fault(On::method("sendMessage"), Fault::ResetAfter);
    let lost = rig.send(ann, "a", "for ann").await;
    assert!(matches!(lost, Err(SendError::Unknown(_))), "{lost:?}");
    rig.sim
        .fault(On::method("editMessageText"), Fault::TooMany(1));
    let slow = rig.find(ann, "a", "for ann", Some(asked)).await;
    assert!(
        matches!(slow, Err(SendError::RateLimited { .. })),
        "{slow:?}"
    );
    rig.sim.forget_rates();
    let found = rig
        .find(ann, "a", "for ann", Some(asked))
        .await
        .unwrap()
        .unwrap();
    let stands = rig.sim.transcript(ann).pop().unwrap();
    assert_eq!(
        (found.as_str(), stands.text.as_str()),
        (stands.id.to_string().as_str(), "for ann")
    );
    assert_eq!(rig.sim.render(bob).lines().last(), Some("toney: for bob"));
    rig.end().await;
}

#[tokio::test]
async fn a_message_that_was_never_taken_is_not_found() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    let group = rig.sim.supergroup("band");
    let asked = rig.sim.says(ann, group, "/help");
    rig.items(1).await;
    rig.sim.fault(On::method("sendMessage"), Fault::ResetBefore);
    let lost = rig.send(group, "a", "for all").await;
    assert!(matches!(lost, Err(SendError::Unknown(_))), "{lost:?}");
    assert_eq!(rig.find(group, "a", "for all", Some(asked)).await, Ok(None));
    assert_eq!(rig.find(group, "a", "for all", None).await, Ok(None));
    // Answered but not recorded: the adapter still knows, even with nothing to begin after.
    let sent = rig.send(group, "c", "known").await.unwrap();
    assert_eq!(rig.find(group, "c", "known", None).await, Ok(Some(sent)));
    rig.end().await;
}

#[tokio::test]
async fn a_file_is_streamed_up_to_a_limit() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.sends(
        ann,
        ann,
        Upload::document("a.txt", "text/plain", vec![b'x'; 300_000]).caption("see"),
    );
    rig.sim.sends(
        ann,
        ann,
        Upload::document("b.bin", "application/octet-stream", vec![]).of_size(21 << 20),
    );
    let items = rig.items(2).await;
    let files: Vec<_> = items
        .iter()
        .map(|item| match &item.what {
            What::Media { file, .. } => file.clone(),
            other => panic!("a file is expected, not {other:?}"),
        })
        .collect();
    let limit = rig.bot.features().max_download;
    let pieces: Vec<_> = rig
        .bot
        .fetch(&files[0], limit)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(pieces.iter().map(bytes::Bytes::len).sum::<usize>(), 300_000);

    let mut unsized_file = files[0].clone();
    unsized_file.size = None;
    let early = rig.bot.fetch(&unsized_file, 1_000).await.err();
    assert!(
        matches!(early, Some(FetchError::TooLarge { limit: 1_000 })),
        "{early:?}"
    );
    let big = toney::model::File {
        size: None,
        ..files[1].clone()
    };
    let refused = rig.bot.fetch(&big, limit).await.err();
    assert!(
        matches!(refused, Some(FetchError::TooLarge { .. })),
        "{refused:?}"
    );
    let unknown = toney::model::File {
        handle: "nothing".to_owned(),
        ..files[0].clone()
    };
    let gone = rig.bot.fetch(&unknown, limit).await.err();
    assert!(matches!(gone, Some(FetchError::Failed(_))), "{gone:?}");
    rig.sim.take_violations();
    rig.end().await;
}
