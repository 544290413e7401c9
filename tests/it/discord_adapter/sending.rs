//! What goes out, how failures are sorted, and how a lost letter is found.

use super::*;

#[tokio::test]
async fn a_message_says_what_it_should_and_rings_nobody() {
    let stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let guild = stage.discord.guild("label");
    let channel = stage.discord.channel(guild, "general");
    let asked = stage.discord.says(ann, channel, "hm");
    let draft = stage.letter(channel, &format!("@everyone <@{ann}> https://example.org"));
    let answered = Message::new(asked);
    let letter = Letter {
        reply_to: Some(&answered),
        ..draft.letter()
    };
    let message = stage.adapter.send(&letter).await.unwrap();
    stage.adapter.typing(&draft.address).await.unwrap();
    let seen = stage.discord.bot_messages(channel).remove(0);
    assert_eq!(message.as_str(), seen.id.to_string());
    assert_eq!(seen.reply_to, Some(asked));
    assert!(seen.pings.is_empty() && !seen.pings_everyone);
    assert_eq!(seen.nonce.as_deref(), Some(draft.nonce.as_str()));
    assert_eq!(stage.discord.calls(route::SEND)[0].body["flags"], 4);
    assert_eq!(stage.discord.typing_in(channel), 1);
    stage.clean();
}

#[tokio::test]
async fn a_429_is_told_in_full_and_nothing_is_sent_before_it_passed() {
    let stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    let refusal = Kind::RateLimited {
        after: 30.25,
        global: false,
    };
    stage.discord.fail(route::SEND, When::Times(1), refusal);
    let draft = stage.letter(channel, "Hello.");
    let first = stage.adapter.send(&draft.letter()).await.unwrap_err();
    let after = Duration::from_millis(30_250);
    assert_eq!(first, SendError::RateLimited { after, all: false });
    let second = stage.adapter.send(&draft.letter()).await.unwrap_err();
    assert!(
        matches!(second, SendError::RateLimited { after, all: false } if after.as_secs() >= 29)
    );
    assert_eq!(stage.discord.calls(route::SEND).len(), 1);
    let other = stage.discord.dm(stage.discord.user("bob"));
    stage
        .adapter
        .send(&stage.letter(other, "Hello.").letter())
        .await
        .unwrap();
    let refusal = Kind::RateLimited {
        after: 20.0,
        global: true,
    };
    stage.discord.fail(route::SEND, When::Times(1), refusal);
    let global = stage
        .adapter
        .send(&stage.letter(other, "More.").letter())
        .await
        .unwrap_err();
    assert!(matches!(global, SendError::RateLimited { all: true, .. }));
    assert!(stage.adapter.typing(&stage.address(other)).await.is_err());
    stage.clean();
}

#[tokio::test]
async fn an_exhausted_bucket_is_not_knocked_at() {
    let config = sim::Config {
        enforce_rates: true,
        ..Default::default()
    };
    let stage = Stage::with(config, |_| {}).await;
    let channel = stage.discord.dm(stage.discord.user("ann"));
    let mut refused = 0;
    for _ in 0..8 {
        let draft = stage.letter(channel, "Hello.");
        if stage.adapter.send(&draft.letter()).await.is_err() {
            refused += 1;
        }
    }
    assert_eq!(refused, 3);
    assert_eq!(stage.discord.calls(route::SEND).len(), 5);
    assert_eq!(stage.discord.invalid_requests(), 0);
    stage.clean();
}

#[tokio::test]
async fn failures_are_sorted() {
    let stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let dm = stage.discord.dm(ann);
    let guild = stage.discord.guild("label");
    let channel = stage.discord.channel(guild, "general");
    let send = async |channel| {
        stage
            .adapter
            .send(&stage.letter(channel, "Hi.").letter())
            .await
    };
    stage.discord.close_dms(ann, true);
    assert!(matches!(send(dm).await, Err(SendError::Gone(_))));
    stage.discord.read_only(channel, true);
    assert!(matches!(send(channel).await, Err(SendError::Rejected(_))));
    stage.discord.hide(channel, true);
    assert!(matches!(send(channel).await, Err(SendError::Gone(_))));
    assert!(matches!(
        send(sim::Channel(77)).await,
        Err(SendError::Gone(_))
    ));
    stage.discord.close_dms(ann, false);
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::Html(502));
    assert!(matches!(send(dm).await, Err(SendError::Unknown(_))));
    stage.discord.fail(route::SEND, When::Times(1), Kind::Reset);
    assert!(matches!(send(dm).await, Err(SendError::Unknown(_))));
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::ApplyThenReset);
    assert!(matches!(send(dm).await, Err(SendError::Unknown(_))));
    let long = "x".repeat(2_001);
    let refused = stage.adapter.send(&stage.letter(dm, &long).letter()).await;
    assert!(matches!(refused, Err(SendError::Rejected(_))));
}

#[tokio::test]
async fn the_nonce_keeps_a_lost_letter_single() {
    let stage = Stage::new().await;
    let channel = stage.discord.dm(stage.discord.user("ann"));
    let draft = stage.letter(channel, "Only once.");
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::ApplyThenReset);
    assert!(stage.adapter.send(&draft.letter()).await.is_err());
    let found = stage.adapter.find(&draft.lost(&stage, None)).await.unwrap();
    let message = stage.adapter.send(&draft.letter()).await.unwrap();
    let standing = stage.discord.bot_messages(channel);
    assert_eq!(found, Some(message.clone()));
    assert_eq!(standing.len(), 1);
    assert_eq!(standing[0].id.to_string(), message.as_str());
}

#[tokio::test]
async fn an_old_lost_letter_is_found_in_the_history() {
    let stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    let before = Message::new(stage.discord.whispers(ann, "Hello?"));
    let taken = stage.letter(channel, "Found again.");
    let taken = stage.adapter.send(&taken.letter()).await.unwrap();
    let draft = stage.letter(channel, "Found again.");
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::ApplyThenReset);
    assert!(stage.adapter.send(&draft.letter()).await.is_err());
    for _ in 0..150 {
        stage.discord.whispers(ann, "and on");
    }
    let lost = Lost {
        taken: std::slice::from_ref(&taken),
        ..draft.lost(&stage, Some(&before))
    };
    stage.clock.advance(Duration::from_secs(3_600));
    let found = stage.adapter.find(&lost).await.unwrap().unwrap();
    assert_ne!(found, taken);
    assert!(
        stage
            .discord
            .bot_messages(channel)
            .iter()
            .any(|m| m.id.to_string() == found.as_str())
    );
    let never = stage.letter(channel, "Never sent.");
    let lost = Lost {
        left_at: lost.left_at,
        taken: &[taken, found],
        ..never.lost(&stage, Some(&before))
    };
    assert_eq!(stage.adapter.find(&lost).await.unwrap(), None);
}

#[tokio::test]
async fn a_lost_preview_is_adopted_and_finished() {
    let stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    let before = Message::new(stage.discord.whispers(ann, "Tell me"));
    let mut draft = stage.letter(channel, "Your single is");
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::ApplyThenReset);
    assert!(stage.adapter.send(&draft.letter()).await.is_err());
    draft.part.text = "Your single is out on Friday.".to_owned();
    let lost = draft.lost(&stage, Some(&before));
    stage.clock.advance(Duration::from_secs(3_600));
    stage.adapter.find(&lost).await.unwrap().unwrap();
    let standing = stage.discord.bot_messages(channel);
    assert_eq!(standing.len(), 1);
    assert_eq!(standing[0].content, "Your single is out on Friday.");
    stage.clean();
}

#[tokio::test]
async fn files_are_streamed_up_to_the_limit() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    stage.discord.attaches(
        ann,
        channel,
        "my statement",
        ("a.csv", "text/csv", b"1,2,3"),
    );
    let item = stage.comes(1).await.remove(0);
    let What::Media {
        mut file, caption, ..
    } = item.what
    else {
        panic!("a file")
    };
    assert_eq!(
        (caption.as_str(), file.name.as_deref()),
        ("my statement", Some("a.csv"))
    );
    let pieces: Vec<_> = stage
        .adapter
        .fetch(&file, 5)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(pieces.concat(), b"1,2,3");
    let over = stage.adapter.fetch(&file, 4).await;
    assert!(matches!(over, Err(FetchError::TooLarge { limit: 4 })));
    file.size = None;
    let over = match stage.adapter.fetch(&file, 4).await {
        Ok(stream) => stream.try_collect::<Vec<_>>().await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(over, Err(FetchError::TooLarge { limit: 4 })));
    let known = file.handle.clone();
    file.handle = format!("{}/gone", known);
    let fresh = stage.adapter.fetch(&file, 5).await.unwrap();
    assert_eq!(
        fresh.try_collect::<Vec<_>>().await.unwrap().concat(),
        b"1,2,3"
    );
    file.handle = "http://127.0.0.1:1/etc/passwd".to_owned();
    assert!(matches!(
        stage.adapter.fetch(&file, 5).await,
        Err(FetchError::Failed(_))
    ));
    stage.down().await;
}

#[tokio::test]
async fn doctor_hears_who_we_are_or_what_is_wrong() {
    let stage = Stage::new().await;
    assert!(stage.adapter.check().await.unwrap().contains("toney"));
    stage.discord.grant_intents(0);
    let wrong = stage.adapter.check().await.unwrap_err().0;
    assert!(wrong.contains("discord.message_content = false"));
}

/// A picture is attached under its own name, comes once however often it is asked for, and is found when its answer
/// is lost; what is too large is refused for good.
#[tokio::test]
async fn a_picture_is_attached_and_stands_once() {
    let config = sim::Config {
        max_upload: 1_000,
        ..Default::default()
    };
    let stage = Stage::with(config, |_| {}).await;
    let channel = stage.discord.dm(stage.discord.user("ann"));
    let folder = std::env::temp_dir().join(format!("toney-chart-{}", rand::random::<u64>()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("x.png");
    std::fs::write(&file, crate::sim::telegram::png(640, 400)).unwrap();
    let draft = stage.letter(channel, "Your year");
    let attached = Some(toney::platform::Attached {
        shown: toney::platform::Shown::Picture,
        file: &file,
        name: "chart.png",
    });
    let letter = Letter {
        attached,
        ..draft.letter()
    };
    stage
        .discord
        .fail(route::SEND, When::Times(1), Kind::ApplyThenReset);
    let lost = stage.adapter.send(&letter).await;
    assert!(matches!(lost, Err(SendError::Unknown(_))), "{lost:?}");
    let lost = Lost {
        letter,
        ..draft.lost(&stage, None)
    };
    // Not known, or known to stand: sending it again under the same nonce doubles nothing.
    if stage.adapter.find(&lost).await.unwrap().is_none() {
        stage.adapter.send(&letter).await.unwrap();
    }
    let said = stage.discord.bot_messages(channel);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!(
        (said[0].content.as_str(), said[0].files.clone()),
        ("Your year", vec!["chart.png".to_owned()])
    );
    std::fs::write(&file, [0; 1_001]).unwrap();
    let other = stage.letter(channel, "Too large");
    let letter = Letter {
        attached,
        ..other.letter()
    };
    let refused = stage.adapter.send(&letter).await;
    assert!(
        matches!(refused, Err(SendError::Rejected(_))),
        "{refused:?}"
    );
    assert_eq!(stage.discord.bot_messages(channel).len(), 1);
    assert_eq!(stage.discord.violations().len(), 1, "the size");
    std::fs::remove_dir_all(folder).unwrap();
}
