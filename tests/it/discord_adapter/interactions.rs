//! Slash commands, buttons and forms.

use super::*;

#[tokio::test]
async fn a_command_is_deferred_and_its_reply_filled() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.commands().len() == 2)
            .await
    );
    let asked = stage
        .discord
        .slash(ann, channel, "why", &[("words", json!("the last one"))]);
    let item = stage.comes(1).await.remove(0);
    let What::Command { name, args } = &item.what else {
        panic!("a command")
    };
    assert_eq!((name.as_str(), args.as_str()), ("why", "the last one"));
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.interaction(asked).response == Some(5))
            .await
    );
    let draft = stage.letter(channel, "Because: https://example.org");
    let letter = Letter {
        interaction: item.interaction.as_ref(),
        attached: None,
        ..draft.letter()
    };
    let message = stage.adapter.send(&letter).await.unwrap();
    // Doing it again is harmless.
    assert_eq!(stage.adapter.send(&letter).await.unwrap(), message);
    let answered = stage.discord.interaction(asked);
    assert_eq!(
        answered.content.as_deref(),
        Some("Because: https://example.org")
    );
    assert!(!answered.loading);
    let part = Part {
        text: "Because I read it.".to_owned(),
        spans: Vec::new(),
    };
    let edit = Edit {
        address: &draft.address,
        message: &message,
        part: &part,
        buttons: &[],
        growing: false,
        interaction: item.interaction.as_ref(),
    };
    stage.adapter.edit(&edit).await.unwrap();
    assert_eq!(stage.discord.bot_messages(channel).len(), 1);
    assert_eq!(
        stage.discord.bot_messages(channel)[0].content,
        "Because I read it."
    );
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_spent_interaction_becomes_an_ordinary_message() {
    let config = sim::Config {
        token_life: Duration::ZERO,
        ..Default::default()
    };
    let mut stage = Stage::with(config, |_| {}).await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.commands().len() == 2)
            .await
    );
    stage.discord.slash(ann, channel, "start", &[]);
    let item = stage.comes(1).await.remove(0);
    let draft = stage.letter(channel, "Hello.");
    let letter = Letter {
        interaction: item.interaction.as_ref(),
        attached: None,
        ..draft.letter()
    };
    stage.adapter.send(&letter).await.unwrap();
    assert_eq!(stage.discord.calls(route::SEND).len(), 1);
    stage.clock.advance(Duration::from_secs(900));
    stage.adapter.send(&letter).await.unwrap();
    assert_eq!(stage.discord.calls(route::EDIT_ORIGINAL).len(), 1);
    stage.down().await;
}

#[tokio::test]
async fn a_press_is_acknowledged_while_the_store_is_stuck() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    let mut draft = stage.letter(channel, "Well?");
    draft.buttons = vec![vec![
        Button::new("Yes", "yes:1"),
        Button::new("Tell", "form:note:1"),
    ]];
    let card = stage.adapter.send(&draft.letter()).await.unwrap();
    *stage.stored.refuse.lock().unwrap() = true;
    let press = stage.discord.press(ann, channel, "Yes");
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.interaction(press).response == Some(6))
            .await
    );
    *stage.stored.refuse.lock().unwrap() = false;
    let item = stage.comes(1).await.remove(0);
    assert_eq!(
        item.what,
        What::Press {
            data: "yes:1".to_owned(),
            values: Vec::new(),
            card: Some(card.clone())
        }
    );
    assert!(!item.interaction.as_ref().unwrap().deferred);
    let press = stage.discord.press(ann, channel, "Tell");
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.interaction(press).response == Some(9))
            .await
    );
    stage.discord.submit(press, &[("words", "Too loud")]);
    let item = stage.comes(2).await.remove(1);
    let fields = BTreeMap::from([("words".to_owned(), "Too loud".to_owned())]);
    assert_eq!(
        item.what,
        What::Form {
            data: "form:note:1".to_owned(),
            fields
        }
    );
    stage
        .adapter
        .set_buttons(&draft.address, &card, &[])
        .await
        .unwrap();
    let message = stage.discord.bot_messages(channel).remove(0);
    assert_eq!(
        (message.content.as_str(), message.buttons.len()),
        ("Well?", 0)
    );
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_failed_acknowledgement_loses_nothing() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.commands().len() == 2)
            .await
    );
    stage
        .discord
        .fail(route::CALLBACK, When::Times(2), Kind::Status(500));
    stage.discord.slash(ann, channel, "start", &[]);
    let item = stage.comes(1).await.remove(0);
    let draft = stage.letter(channel, "Hello.");
    let letter = Letter {
        interaction: item.interaction.as_ref(),
        attached: None,
        ..draft.letter()
    };
    stage.adapter.send(&letter).await.unwrap();
    assert_eq!(stage.discord.bot_messages(channel).len(), 1);
    stage.down().await;
}

#[tokio::test]
async fn commands_are_written_only_when_they_changed() {
    let mut stage = Stage::new().await;
    stage.up().await;
    assert!(
        stage
            .discord
            .wait_until(SOON, |d| d.command_writes() == 1)
            .await
    );
    stage.restart(|_| {}).await;
    let looks = |d: &sim::Discord| d.calls("GET /applications/{application_id}/commands").len();
    assert!(stage.discord.wait_until(SOON, |d| looks(d) == 2).await);
    stage.down().await;
    assert_eq!(stage.discord.command_writes(), 1);
    stage.clean();
}

#[tokio::test]
async fn an_answer_that_is_ready_too_soon_waits_for_its_acknowledgement() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    let all = |d: &sim::Discord| d.commands().len() == 2;
    assert!(stage.discord.wait_until(SOON, all).await);
    let slow = Kind::Delay(Duration::from_millis(300));
    stage.discord.fail(route::CALLBACK, When::Times(1), slow);
    let asked = stage.discord.slash(ann, channel, "start", &[]);
    let item = stage.comes(1).await.remove(0);
    let draft = stage.letter(channel, "Hello.");
    let letter = Letter {
        interaction: item.interaction.as_ref(),
        attached: None,
        ..draft.letter()
    };
    stage.adapter.send(&letter).await.unwrap();
    assert_eq!(stage.discord.bot_messages(channel).len(), 1);
    let answered = stage.discord.interaction(asked);
    assert_eq!(answered.content.as_deref(), Some("Hello."));
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn an_acknowledgement_whose_answer_was_lost_is_still_one() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    let all = |d: &sim::Discord| d.commands().len() == 2;
    assert!(stage.discord.wait_until(SOON, all).await);
    let (once, lost) = (When::Times(1), Kind::ApplyThenReset);
    stage.discord.fail(route::CALLBACK, once, lost);
    let asked = stage.discord.slash(ann, channel, "start", &[]);
    let item = stage.comes(1).await.remove(0);
    let draft = stage.letter(channel, "Hello.");
    let letter = Letter {
        interaction: item.interaction.as_ref(),
        attached: None,
        ..draft.letter()
    };
    stage.adapter.send(&letter).await.unwrap();
    let answered = stage.discord.interaction(asked);
    assert_eq!(answered.content.as_deref(), Some("Hello."));
    assert_eq!(stage.discord.bot_messages(channel).len(), 1);
    stage.down().await;
}

#[tokio::test]
async fn a_lost_reply_to_a_command_is_found_when_its_handle_is_dead() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    let all = |d: &sim::Discord| d.commands().len() == 2;
    assert!(stage.discord.wait_until(SOON, all).await);
    stage.discord.slash(ann, channel, "start", &[]);
    let item = stage.comes(1).await.remove(0);
    let (once, lost) = (When::Times(1), Kind::ApplyThenReset);
    stage.discord.fail(route::EDIT_ORIGINAL, once, lost);
    let draft = stage.letter(channel, "Hello.");
    let letter = Letter {
        interaction: item.interaction.as_ref(),
        attached: None,
        ..draft.letter()
    };
    let failed = stage.adapter.send(&letter).await;
    assert!(matches!(failed, Err(SendError::Unknown(_))));
    let later = Message::new(stage.discord.whispers(ann, "Well?"));
    let lost = Lost {
        letter,
        ..draft.lost(&stage, Some(&later))
    };
    stage.clock.advance(Duration::from_secs(3_600));
    let found = stage.adapter.find(&lost).await.unwrap().unwrap();
    let standing = stage.discord.bot_messages(channel);
    assert_eq!(standing.len(), 1);
    assert_eq!(standing[0].id.to_string(), found.as_str());
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_process_that_died_before_it_acknowledged_is_made_up_for() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    let shown = |d: &sim::Discord| d.commands().len() == 2;
    assert!(stage.discord.wait_until(SOON, shown).await);
    stage
        .discord
        .fail(route::CALLBACK, When::Times(1), Kind::Hang);
    let asked = stage.discord.slash(ann, channel, "why", &[]);
    stage.comes(1).await;
    // Long enough for the next note on how far the session is.
    stage.clock.advance(Duration::from_millis(1_100));
    stage.discord.whispers(ann, "hello?");
    stage.comes(2).await;
    stage.killed().await;
    stage.restart(|_| {}).await;
    let acknowledged = |d: &sim::Discord| d.interaction(asked).response == Some(5);
    assert!(stage.discord.wait_until(SOON, acknowledged).await);
    assert_eq!(stage.comes(2).await.len(), 2);
    stage.down().await;
    stage.clean();
}
