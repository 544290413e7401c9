//! Limits, faults and outages.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::{Fault, On, SimOptions, Telegram};
use super::{plain, world};

#[tokio::test]
async fn a_chat_takes_a_burst_and_then_one_a_second() {
    let opts = SimOptions {
        enforce_rates: true,
        burst: 3,
        ..SimOptions::default()
    };
    let (tg, ann, bot) = world(opts).await;
    let params = json!({"chat_id": ann.id, "text": "x"});
    for _ in 0..3 {
        bot.ok("sendMessage", params.clone()).await;
    }
    let refused = bot.call("sendMessage", params.clone()).await;
    assert_eq!(refused["error_code"], 429);
    assert_eq!(refused["parameters"]["retry_after"], 1);
    // The other chat stays open.
    let bob = tg.person("bob");
    tg.says(bob, bob, "hi");
    bot.send(bob.id, "hello").await;
    tg.assert_clean();
}

#[tokio::test]
async fn a_group_takes_twenty_a_minute_and_all_chats_thirty_a_second() {
    let opts = SimOptions {
        enforce_rates: true,
        burst: 100,
        ..SimOptions::default()
    };
    let (tg, ann, bot) = world(opts).await;
    let group = tg.group("band");
    for _ in 0..20 {
        bot.send(group.id, "x").await;
    }
    let refused = bot
        .call("sendMessage", json!({"chat_id": group.id, "text": "x"}))
        .await;
    let wait = refused["parameters"]["retry_after"].as_u64().unwrap();
    assert!((50..=60).contains(&wait), "{refused}");
    tg.forget_rates();
    let mut refused = 0;
    for _ in 0..40 {
        let answer = bot
            .call("sendMessage", json!({"chat_id": ann.id, "text": "x"}))
            .await;
        refused += u32::from(answer["error_code"] == 429);
    }
    assert!(
        refused > 0,
        "forty in a moment are more than thirty a second"
    );
}

#[tokio::test]
async fn coming_back_early_is_a_violation() {
    let (tg, ann, bot) = plain().await;
    tg.fault(On::method("sendMessage").chat(ann), Fault::TooMany(1));
    let params = json!({"chat_id": ann.id, "text": "x"});
    let asked = Instant::now();
    let refused = bot.call("sendMessage", params.clone()).await;
    assert_eq!(refused["parameters"]["retry_after"], 1);
    // What was on its way already is refused without blame.
    bot.refused("sendMessage", params.clone()).await;
    tg.assert_clean();
    // Not synchronisation: the pause itself is what is looked at.
    tokio::time::sleep(Duration::from_millis(300)).await;
    bot.refused("sendMessage", params.clone()).await;
    let violations = tg.take_violations();
    assert!(violations[0].contains("ms early"), "{violations:?}");
    tokio::time::sleep_until((asked + Duration::from_millis(1100)).into()).await;
    bot.ok("sendMessage", params).await;
    tg.assert_clean();
}

#[tokio::test]
async fn faults_strike_before_and_after() {
    let (tg, ann, bot) = plain().await;
    let params = json!({"chat_id": ann.id, "text": "x"});
    let said = |tg: &Telegram| tg.look(|s| s.replies(ann).len());
    tg.fault(On::method("sendMessage"), Fault::ResetBefore);
    assert!(bot.try_call("sendMessage", params.clone()).await.is_err());
    assert_eq!(said(&tg), 0);
    tg.fault(On::method("sendMessage"), Fault::ResetAfter);
    assert!(bot.try_call("sendMessage", params.clone()).await.is_err());
    assert_eq!(said(&tg), 1);
    tg.fault(On::method("sendMessage"), Fault::HalfAnswer);
    assert!(bot.try_call("sendMessage", params.clone()).await.is_err());
    assert_eq!(said(&tg), 2);
    tg.fault(On::any(), Fault::Html(502));
    assert!(bot.try_call("sendMessage", params.clone()).await.is_err());
    tg.fault(On::any().times(2).after(1), Fault::Status(500));
    bot.send(ann.id, "passes").await;
    assert_eq!(tg.unused_faults(), 2);
    for _ in 0..2 {
        let refused = bot.refused("sendMessage", params.clone()).await;
        assert_eq!(refused, "500 Internal Server Error");
    }
    assert_eq!((said(&tg), tg.fault_hits(), tg.unused_faults()), (3, 6, 0));
    tg.fault(On::any().chance(0.5), Fault::Status(500));
    let before = tg.fault_hits();
    for _ in 0..40 {
        bot.call("sendMessage", params.clone()).await;
    }
    assert!((5..35).contains(&(tg.fault_hits() - before)));
    tg.assert_clean();
}

#[tokio::test]
async fn delays_and_hangs() {
    let (tg, ann, bot) = plain().await;
    let bob = tg.person("bob");
    tg.says(bob, bob, "hi");
    let params = json!({"chat_id": ann.id, "text": "x"});
    let wait = Duration::from_millis(120);
    for fault in [Fault::DelayBefore(wait), Fault::DelayAfter(wait)] {
        tg.fault(On::method("sendMessage").chat(ann), fault);
        let from = Instant::now();
        bot.send(bob.id, "not hit").await;
        bot.ok("sendMessage", params.clone()).await;
        assert!(from.elapsed() >= wait);
    }
    // The client leaves; what it had sent is applied all the same.
    tg.fault(
        On::method("sendMessage").chat(ann),
        Fault::DelayBefore(wait),
    );
    let call = bot.try_call("sendMessage", params.clone());
    assert!(tokio::time::timeout(wait / 4, call).await.is_err());
    tg.until("the late message", |s| s.replies(ann).len() == 3)
        .await;
    // A hanging call is applied only when it is let go.
    tg.fault(On::method("sendMessage").chat(ann), Fault::Hang);
    let call = bot.try_call("sendMessage", params.clone());
    let let_go = async {
        tg.until("the hit", |s| s.calls("sendMessage") == 6).await;
        assert_eq!(tg.look(|s| s.replies(ann).len()), 3);
        tg.clear_faults();
    };
    let (answer, ()) = tokio::join!(call, let_go);
    assert_eq!(answer.unwrap()["ok"], true);
    assert_eq!(tg.look(|s| s.replies(ann).len()), 4);
}

#[tokio::test]
async fn an_outage_keeps_port_and_state() {
    let (tg, ann, bot) = plain().await;
    let waiting = bot.try_call("getUpdates", json!({"offset": 900_000, "timeout": 10}));
    let outage = async {
        tg.until("a waiting poll", super::super::State::polling)
            .await;
        tg.stop_listening();
    };
    let (poll, ()) = tokio::join!(waiting, outage);
    assert!(poll.is_err(), "the open connection is reset");
    let params = json!({"chat_id": ann.id, "text": "x"});
    assert!(bot.try_call("sendMessage", params).await.is_err());
    tg.start_listening().await;
    bot.send(ann.id, "back").await;
    assert_eq!(tg.render(ann), "ann: hi\ntoney: back");
}
