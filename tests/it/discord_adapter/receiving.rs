//! What comes in, and what happens when the line breaks.

use super::*;

#[tokio::test]
async fn messages_come_in_whole_and_in_order() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let guild = stage.discord.guild("label");
    let channel = stage.discord.channel(guild, "general");
    let thread = stage.discord.thread(channel, "tour");
    stage.up().await;
    let first = stage.discord.whispers(ann, "hello");
    stage.discord.says(ann, channel, "among ourselves");
    stage.discord.mentions(ann, thread, "what now?");
    stage.discord.edits(first, "hello there");
    let items = stage.comes(4).await;
    assert_eq!(
        texts(&items),
        ["hello", "among ourselves", "what now?", "hello there"]
    );
    let addressed: Vec<bool> = items.iter().map(|item| item.addressed).collect();
    assert_eq!(addressed, [true, false, true, true]);
    assert_eq!(items[0].setting, Setting::Direct);
    assert_eq!(items[2].setting, Setting::Group);
    assert_eq!(items[2].address, stage.address(thread));
    assert!(matches!(items[3].what, What::Edited { .. }));
    assert_eq!(items[3].message, Some(Message::new(first)));
    assert!(items.windows(2).all(|pair| pair[0].order < pair[1].order));
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn without_the_content_intent_mentions_and_direct_messages_work() {
    let config = sim::Config {
        privileged_intents: 0,
        ..Default::default()
    };
    let mut stage = Stage::with(config, |settings| settings.message_content = false).await;
    let ann = stage.discord.user("ann");
    let guild = stage.discord.guild("label");
    let channel = stage.discord.channel(guild, "general");
    stage.up().await;
    stage.discord.says(ann, channel, "not for you");
    stage.discord.mentions(ann, channel, "for you");
    stage.discord.whispers(ann, "direct");
    assert_eq!(texts(&stage.comes(2).await), ["for you", "direct"]);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_forbidden_intent_is_explained_in_one_sentence() {
    let config = sim::Config {
        privileged_intents: 0,
        ..Default::default()
    };
    let mut stage = Stage::with(config, |_| {}).await;
    stage.start();
    assert!(
        stage
            .ended()
            .await
            .contains("discord.message_content = false")
    );
}

#[tokio::test]
async fn fatal_close_codes_end_it_and_name_the_setting() {
    for (code, setting) in [
        (4004, "discord.token"),
        (4010, "discord.shards"),
        (4011, "discord.shards"),
        (4012, "discord.api_url"),
        (4013, "discord.message_content"),
    ] {
        let mut stage = Stage::new().await;
        stage.up().await;
        stage.discord.close_gateway(code);
        let reason = stage.ended().await;
        assert!(reason.contains(setting), "{code}: {reason}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_before_the_gateway() {
    let mut stage = Stage::with(Default::default(), |s| s.token = "other".to_owned()).await;
    stage.start();
    let reason = stage.ended().await;
    assert!(reason.contains("discord.token") && !reason.contains("other"));
    assert!(stage.adapter.check().await.is_err());
}

#[tokio::test]
async fn a_gateway_on_another_host_never_sees_the_token() {
    let app = axum::Router::new().fallback(|| async {
        axum::Json(json!({ "url": "wss://gateway.discord.gg", "shards": 1 }))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let api = format!("http://127.0.0.1:{port}/api");
    let mut stage = Stage::with(Default::default(), |s| s.api_url = api).await;
    stage.start();
    assert!(
        stage
            .ended()
            .await
            .contains("is not on the host of `discord.api_url`")
    );
}

#[tokio::test]
async fn a_platform_that_is_away_at_the_start_is_waited_for() {
    let mut stage = Stage::new().await;
    stage
        .discord
        .fail(route::GATEWAY_BOT, When::Times(2), Kind::Status(503));
    stage.up().await;
    stage.down().await;
}

#[tokio::test]
async fn a_broken_line_is_resumed_and_nothing_is_lost() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    stage.up().await;
    stage.discord.whispers(ann, "one");
    stage.comes(1).await;
    for round in 1..=4 {
        match round {
            1 => stage.discord.drop_connections().await,
            2 => stage.discord.close_gateway(4000),
            3 => stage.discord.ask_reconnect(),
            _ => stage.discord.invalidate(true),
        }
        stage.discord.whispers(ann, "more");
        stage.comes(1 + round).await;
        assert!(
            stage
                .discord
                .wait_until(SOON, |d| d.resumes() == round)
                .await
        );
    }
    assert_eq!(stage.discord.identifies().len(), 1);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_silent_line_is_noticed_and_resumed() {
    let config = sim::Config {
        heartbeat: Duration::from_millis(200),
        withhold_acks: true,
        ..Default::default()
    };
    let mut stage = Stage::with(config, |_| {}).await;
    stage.up().await;
    assert!(stage.discord.wait_until(SOON, |d| d.resumes() == 1).await);
    stage.discord.withhold_acks(false);
    let ann = stage.discord.user("ann");
    stage.discord.whispers(ann, "still there?");
    stage.comes(1).await;
    assert_eq!(stage.discord.identifies().len(), 1);
    stage.down().await;
}

#[tokio::test]
async fn a_restarted_process_resumes_and_gets_the_press_it_missed() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let channel = stage.discord.dm(ann);
    stage.up().await;
    stage.discord.whispers(ann, "one");
    stage.comes(1).await;
    let mut draft = stage.letter(channel, "Approve?");
    draft.buttons = vec![vec![Button::new("Yes", "yes:1")]];
    stage.adapter.send(&draft.letter()).await.unwrap();
    stage.down().await;
    stage.discord.whispers(ann, "two");
    stage.discord.press(ann, channel, "Yes");
    stage.restart(|_| {}).await;
    let items = stage.comes(3).await;
    assert_eq!(texts(&items)[1], "two");
    assert!(matches!(&items[2].what, What::Press { data, .. } if data == "yes:1"));
    assert_eq!(
        (stage.discord.resumes(), stage.discord.identifies().len()),
        (1, 1)
    );
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_fresh_session_reads_up_what_was_said_meanwhile() {
    let mut stage = Stage::new().await;
    let (ann, bob) = (stage.discord.user("ann"), stage.discord.user("bob"));
    let guild = stage.discord.guild("label");
    let channel = stage.discord.channel(guild, "general");
    stage.up().await;
    stage.discord.whispers(ann, "one");
    stage.discord.mentions(bob, channel, "two");
    stage.comes(2).await;
    stage.down().await;
    stage.discord.forget_sessions();
    for number in 0..130 {
        stage.discord.whispers(ann, &format!("missed {number}"));
    }
    stage.discord.mentions(bob, channel, "missed too");
    stage
        .discord
        .fail(route::HISTORY, When::Times(1), Kind::Status(500));
    stage.restart(|_| {}).await;
    stage.discord.whispers(ann, "live");
    let items = stage.comes(134).await;
    let direct: Vec<_> = items
        .iter()
        .filter(|i| i.setting == Setting::Direct)
        .collect();
    assert_eq!(direct.len(), 132);
    let group: Vec<_> = items
        .iter()
        .filter(|i| i.setting == Setting::Group)
        .collect();
    assert_eq!(group.len(), 2);
    assert!(group.iter().all(|item| item.addressed));
    assert_eq!(stage.discord.identifies().len(), 2);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn what_cannot_be_stored_is_offered_again() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    stage.up().await;
    *stage.stored.refuse.lock().unwrap() = true;
    stage.discord.whispers(ann, "kept");
    stage.stored.changed.notified().await;
    *stage.stored.refuse.lock().unwrap() = false;
    assert_eq!(texts(&stage.comes(1).await), ["kept"]);
    stage.down().await;
}

#[tokio::test]
async fn events_nobody_knows_are_passed_over() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    stage.up().await;
    stage
        .discord
        .inject("BRAND_NEW_THING", None, json!({ "a": 1 }));
    stage
        .discord
        .inject("MESSAGE_CREATE", None, json!({ "id": "nonsense" }));
    stage.discord.inject_raw("{not json");
    stage.discord.whispers(ann, "after");
    assert_eq!(texts(&stage.comes(1).await), ["after"]);
    stage.down().await;
}

#[tokio::test]
async fn a_gap_that_was_not_read_up_is_left_to_the_next_process() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    stage.hears_one(ann).await;
    stage.discord.forget_sessions();
    stage.discord.whispers(ann, "missed");
    stage
        .discord
        .fail(route::HISTORY, When::Always, Kind::Status(500));
    stage.restart(|_| {}).await;
    // The newest message known now lies behind the gap.
    stage.discord.whispers(ann, "live");
    assert_eq!(texts(&stage.comes(2).await), ["one", "live"]);
    stage.down().await;
    stage.discord.heal();
    stage.restart(|_| {}).await;
    assert_eq!(texts(&stage.comes(3).await), ["one", "live", "missed"]);
    assert_eq!(stage.discord.resumes(), 1);
    stage.down().await;
    let noted = stage
        .memory
        .notes
        .lock()
        .unwrap()
        .get("discord:main/gaps")
        .cloned();
    assert_eq!(noted.as_deref(), Some(r#"{"chats":{},"guilds":{}}"#));
}

#[tokio::test]
async fn a_spent_session_limit_is_waited_for() {
    let config = sim::Config {
        session_starts: 0,
        enforce_identify: true,
        ..Default::default()
    };
    let mut stage = Stage::with(config, |_| {}).await;
    stage.start();
    let asked = |d: &sim::Discord| !d.calls(route::GATEWAY_BOT).is_empty();
    assert!(stage.discord.wait_until(SOON, asked).await);
    stage.down().await;
    assert!(stage.discord.identifies().is_empty());
    stage.clean();
}

#[tokio::test]
async fn shards_come_in_one_after_the_other() {
    let config = sim::Config {
        shards: 2,
        enforce_identify: true,
        ..Default::default()
    };
    let mut stage = Stage::with(config, |_| {}).await;
    let ann = stage.discord.user("ann");
    stage.start();
    let both = |d: &sim::Discord| d.connected() == 2;
    assert!(stage.discord.wait_until(SOON, both).await);
    // The shard of a guild follows from the bits of its id.
    for id in [1 << 22, 2 << 22] {
        let guild = stage.discord.guild_with_id(sim::Guild(id), "label");
        let channel = stage.discord.channel(guild, "general");
        stage.discord.mentions(ann, channel, "hello");
    }
    stage.comes(2).await;
    stage.down().await;
    stage.clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_a_bad_line_loses_nothing_and_keeps_its_order() {
    const MESSAGES: usize = 600;
    let mut stage = Stage::new().await;
    let people: Vec<_> = ["ann", "bob", "cy"]
        .map(|name| stage.discord.user(name))
        .to_vec();
    stage.up().await;
    for number in 0..MESSAGES {
        let person = people[number % people.len()];
        stage.discord.whispers(person, &number.to_string());
        if number == 0 {
            // A chat nobody ever heard of cannot be read up, so the session has to stand first.
            stage.comes(1).await;
        }
        match number % 100 {
            20 => stage.discord.drop_connections().await,
            50 => stage.discord.close_gateway(4000),
            80 => stage.discord.ask_reconnect(),
            _ => tokio::task::yield_now().await,
        }
        if number == MESSAGES / 2 {
            stage.restart(|_| {}).await;
        }
    }
    let items = stage.comes(MESSAGES).await;
    assert_eq!(items.len(), MESSAGES);
    assert!(items.windows(2).all(|pair| pair[0].order < pair[1].order));
    assert_eq!(stage.discord.identifies().len(), 1);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_killed_process_has_the_rest_replayed() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    stage.up().await;
    for number in 0..100 {
        stage.discord.whispers(ann, &number.to_string());
        if number % 40 == 0 {
            stage.comes(1).await;
        }
    }
    stage.killed().await;
    for number in 100..150 {
        stage.discord.whispers(ann, &number.to_string());
    }
    stage.restart(|_| {}).await;
    let expected: Vec<String> = (0..150).map(|number| number.to_string()).collect();
    assert_eq!(texts(&stage.comes(150).await), expected);
    assert_eq!(stage.discord.identifies().len(), 1);
    stage.down().await;
    stage.clean();
}
