//! Polling: order, confirmation, rivals, stalls and outages.

use std::time::Instant;

use serde_json::json;

use super::*;

#[tokio::test]
async fn what_is_said_arrives_in_order_and_is_confirmed_once_it_is_stored() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.items(0).await;
    rig.kept.full.store(true, Ordering::SeqCst);
    rig.sim.says(ann, ann, "one");
    rig.sim.says(ann, ann, "two");
    rig.until("a refusal", |kept| {
        kept.refused.load(Ordering::SeqCst).then_some(())
    })
    .await;
    assert_eq!(rig.sim.look(State::unconfirmed), 2);
    rig.kept.full.store(false, Ordering::SeqCst);

    let items = rig.items(2).await;
    assert_eq!(
        items
            .iter()
            .map(|item| item.what.clone())
            .collect::<Vec<_>>(),
        [text("one"), text("two")]
    );
    assert_eq!(items[0].key, "telegram:main:500001");
    rig.sim
        .until("the confirmation", |sim| sim.unconfirmed() == 0)
        .await;
    assert_eq!(rig.items(2).await.len(), 2);
    rig.sim.assert_done();
    rig.end().await;
}

#[tokio::test]
async fn kinds_that_do_not_exist_yet_are_skipped() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.push_raw(json!({"thought": {"text": "?"}}));
    rig.sim
        .push_raw(json!({"message": {"message_id": "odd", "chat": 5}}));
    rig.sim.says(ann, ann, "hello");
    assert_eq!(rig.last(1).await.what, text("hello"));
    rig.sim
        .until("the confirmation", |sim| sim.unconfirmed() == 0)
        .await;
    rig.sim.take_violations();
    rig.end().await;
}

#[tokio::test]
async fn a_press_is_confirmed_once_it_is_answered_or_after_a_while() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "hi");
    rig.items(1).await;
    let card = rig.send(ann, "n", "Well?").await.unwrap();
    let card = card.number().unwrap();
    rig.sim
        .fault(On::method("answerCallbackQuery"), Fault::Hang);
    let press = rig.sim.presses_data(ann, ann, card, "yes:1");
    rig.items(2).await;
    assert_eq!(rig.sim.look(|s| s.unconfirmed()), 1);
    // Others do not wait for ever because of it.
    rig.sim.says(ann, ann, "still there?");
    rig.items(3).await;
    rig.sim.until("its turn", |s| s.unconfirmed() == 0).await;
    assert_eq!(rig.sim.fault_hits(), 1);
    assert!(rig.sim.answer(&press).is_none());
    rig.sim.clear_faults();
    rig.sim.until_answered(&press).await;
    rig.end().await;
}

#[tokio::test]
async fn a_press_is_answered_once_it_is_stored() {
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "hi");
    rig.items(1).await;
    let (address, part) = (address(ann), plain("Well?"));
    let buttons = vec![vec![Button::new("Yes", "yes:1")]];
    let card = rig
        .bot
        .send(&Letter {
            buttons: &buttons,
            ..letter(&address, "n", &part)
        })
        .await
        .unwrap();
    rig.kept.full.store(true, Ordering::SeqCst);
    let press = rig.sim.presses_last(ann, ann, "Yes");
    rig.until("a refusal", |kept| {
        kept.refused.load(Ordering::SeqCst).then_some(())
    })
    .await;
    assert!(rig.sim.answer(&press).is_none());
    rig.kept.full.store(false, Ordering::SeqCst);
    rig.sim.until_answered(&press).await;
    let What::Press {
        data,
        values,
        card: under,
    } = rig.last(2).await.what
    else {
        panic!("a press is expected");
    };
    assert_eq!(
        (data.as_str(), values.len(), under),
        ("yes:1", 0, Some(card))
    );
    rig.end().await;
}

#[tokio::test]
async fn a_rival_is_said_once_and_so_is_its_end() {
    let (log, _guard) = Log::listen();
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.until("a waiting poll", State::polling).await;
    let rival = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/bot{}/getUpdates", rig.sim.url(), rig.sim.token());
    for _ in 0..3 {
        rig.sim.until("a waiting poll", State::polling).await;
        rival
            .post(&url)
            .json(&json!({"timeout": 0}))
            .send()
            .await
            .unwrap();
    }
    rig.sim.says(ann, ann, "still there?");
    assert_eq!(rig.last(1).await.what, text("still there?"));
    log.until(&rig.sim, "Nobody else receives").await;
    assert_eq!(log.count("Another program receives"), 1);
    assert_eq!(log.count("Nobody else receives"), 1);
    rig.end().await;
}

#[tokio::test]
async fn a_poll_that_hangs_is_given_up() {
    let (log, _guard) = Log::listen();
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.until("a waiting poll", State::polling).await;
    rig.sim.fault(On::method("getUpdates"), Fault::Hang);
    rig.sim.says(ann, ann, "one");
    rig.sim.says(ann, ann, "two");
    rig.items(2).await;
    log.until(&rig.sim, "left a poll without an answer").await;
    log.until(&rig.sim, "are answered again").await;
    rig.sim.clear_faults();
    rig.end().await;
}

#[tokio::test]
async fn an_outage_is_said_once_and_nothing_is_lost() {
    let (log, _guard) = Log::listen();
    let rig = Rig::start().await;
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "one");
    rig.items(1).await;
    rig.sim.stop_listening();
    let failed = rig.send(ann, "n", "hello").await;
    assert!(matches!(failed, Err(SendError::NotSent(_))), "{failed:?}");
    rig.sim.says(ann, ann, "two");
    rig.sim.start_listening().await;
    assert_eq!(rig.last(2).await.what, text("two"));
    log.until(&rig.sim, "can be reached again").await;
    assert_eq!(log.count("cannot be reached"), 1);
    for code in [500, 502] {
        rig.sim
            .fault(On::method("getUpdates").times(2), Fault::Status(code));
    }
    rig.sim.says(ann, ann, "three");
    assert_eq!(rig.last(3).await.what, text("three"));
    for private in [rig.sim.token(), "three", "hello"] {
        assert_eq!(log.count(private), 0, "{private}");
    }
    rig.end().await;
}

/// Something else stands where updates should: it is asked ever less often, said once without a word of what it
/// answered, and forgotten when it is over.
#[tokio::test]
async fn an_answer_that_is_none_is_said_once_and_waited_out() {
    for words in [
        "",
        "<p>geheim</p>",
        r#"{"ok":true}"#,
        r#"{"ok":true,"result":{"geheim":1}}"#,
        r#"{"ok":true,"result":[{"geheim":1}]}"#,
    ] {
        let (log, _guard) = Log::listen();
        let rig = Rig::start().await;
        let ann = rig.sim.person("ann");
        rig.sim.until("a waiting poll", State::polling).await;
        rig.sim
            .fault(On::method("getUpdates").always(), Fault::Says(words));
        rig.sim.says(ann, ann, "one");
        rig.items(1).await;
        let (begun, polls) = (Instant::now(), rig.sim.calls("getUpdates"));
        rig.sim
            .until("five polls", |sim| sim.calls("getUpdates") >= polls + 5)
            .await;
        // Half of 100, 200, 400 and 800 ms at the least.
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_millis(700), "{words}: {waited:?}");
        assert!(!rig.bot.is_connected());
        rig.sim.clear_faults();
        rig.sim.says(ann, ann, "two");
        assert_eq!(rig.last(2).await.what, text("two"));
        log.until(&rig.sim, "answers as the Bot API again").await;
        assert!(rig.bot.is_connected());
        assert_eq!(log.count("does not answer as the Bot API"), 1, "{words}");
        assert_eq!(log.count("cannot be reached"), 0, "{words}");
        assert_eq!(log.count("geheim"), 0, "{words}");
        rig.end().await;
    }
}

#[tokio::test]
async fn it_waits_for_a_telegram_that_is_not_there_at_start() {
    let sim = Sim::start(SimOptions::default()).await;
    sim.stop_listening();
    let rig = Rig::on(sim);
    let ann = rig.sim.person("ann");
    rig.sim.says(ann, ann, "hello");
    rig.sim.start_listening().await;
    assert_eq!(rig.last(1).await.what, text("hello"));
    rig.end().await;
}

#[tokio::test]
async fn a_wrong_token_is_one_clear_sentence() {
    let sim = Sim::start(SimOptions::default()).await;
    let wrong = Settings {
        token: "7000:WRONG".to_owned(),
        ..settings(&sim)
    };
    let rig = Rig::with(sim, wrong);
    let Rig { running, bot, .. } = rig;
    let Fatal(said) = running.await.unwrap().unwrap_err();
    assert!(
        said.contains("TELEGRAM_BOT_TOKEN") && !said.contains("WRONG"),
        "{said}"
    );
    let Fatal(said) = bot.check().await.unwrap_err();
    assert!(
        said.contains("TELEGRAM_BOT_TOKEN") && !said.contains("WRONG"),
        "{said}"
    );
}

#[tokio::test]
async fn commands_are_told_when_they_changed_and_a_webhook_gives_way() {
    let rig = Rig::start().await;
    rig.sim
        .until("the commands", |sim| sim.calls("setMyCommands") == 1)
        .await;
    assert_eq!(
        rig.sim.commands(),
        [("help".to_owned(), "What I can do".to_owned())]
    );
    let said = rig.bot.check().await.unwrap();
    assert!(
        said.contains("@toney_bot") && said.contains("polled"),
        "{said}"
    );
    let sim = rig.sim.clone();
    rig.end().await;

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let hook = format!("{}/bot{}/setWebhook", sim.url(), sim.token());
    http.post(hook)
        .json(&json!({"url": "https://example.com/x"}))
        .send()
        .await
        .unwrap();
    let ann = sim.person("ann");
    sim.says(ann, ann, "kept");
    let again = Rig::on(sim);
    assert_eq!(again.last(1).await.what, text("kept"));
    again
        .sim
        .until("the commands", |sim| sim.calls("getMyCommands") == 2)
        .await;
    assert_eq!(
        (
            again.sim.calls("setMyCommands"),
            again.sim.calls("deleteWebhook")
        ),
        (1, 1)
    );
    again.end().await;
}
