//! `toney serve`: services that are away at first, signals, ports.

use super::*;

use serde_json::json;

use crate::sim::discord::Discord;
use crate::sim::servers::Postgres;
use crate::sim::telegram::{Fault, On, SimOptions, State, Telegram};

async fn serving() -> (Telegram, Model, u16, Machine) {
    let telegram = Telegram::start(SimOptions::default()).await;
    let model = Model::start().await;
    let port = free_port();
    let machine = Machine::new()
        .with_model(&model)
        .serving(&telegram, port)
        .set("TONEY__TELEGRAM__POLL_TIMEOUT", 2);
    (telegram, model, port, machine)
}

#[tokio::test]
async fn a_database_that_is_away_at_first_is_waited_for() {
    let (telegram, _model, port, machine) = serving().await;
    let postgres = Postgres::start().await;
    postgres.kill();
    let machine = machine.set("DATABASE_URL", postgres.url("postgres"));
    let gateway = machine.start(&["serve"]);
    gateway.says("The database does not answer").await;
    let body = until_ready(port, 503).await;
    assert!(body.contains("The database does not answer"), "{body}");
    postgres.restart().await;
    until_ready(port, 200).await;
    let ann = telegram.person("ann");
    telegram.says(ann, ann, "hi");
    until("an answer", || telegram.render(ann).contains("toney: ")).await;
    gateway.signal("TERM");
    let ran = gateway.ends().await.with(0);
    let said = ran.err.matches("The database does not answer").count();
    assert_eq!(said, 1, "{ran:#?}");
    assert!(ran.err.contains("The database is there now"), "{ran:#?}");
    // Whether there was time to invite somebody or not.
    assert!(!ran.out.contains("database"), "{ran:#?}");
}

#[tokio::test]
async fn it_can_be_ended_while_it_waits_for_the_database() {
    let (_telegram, _model, port, machine) = serving().await;
    let url = format!("postgres://postgres@127.0.0.1:{}/x", free_port());
    let machine = machine.set("DATABASE_URL", url);
    let gateway = machine.start(&["serve"]);
    gateway.says("The database does not answer").await;
    until_ready(port, 503).await;
    let begun = Instant::now();
    gateway.signal("TERM");
    gateway.ends().await.with(0);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_signal_lets_the_running_turn_end() {
    let (telegram, model, port, machine) = serving().await;
    let gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    model.hold();
    let ann = telegram.person("ann");
    telegram.says(ann, ann, "before the end");
    model
        .wait_until("the question", |counts| counts.waiting == 1)
        .await;
    let begun = Instant::now();
    gateway.signal("TERM");
    model.release();
    gateway.ends().await.with(0);
    assert!(begun.elapsed() < Duration::from_secs(10));
    // Either the answer is out, or the next start brings it; never both, never neither.
    let next = machine.start(&["serve"]);
    until("an answer", || {
        telegram.render(ann).contains("\nbefore the end")
    })
    .await;
    until_ready(port, 200).await;
    next.signal("INT");
    next.ends().await.with(0);
    let shown = telegram.render(ann);
    assert_eq!(shown.matches("before the end").count(), 2, "{shown}");
}

#[tokio::test]
async fn a_turn_that_does_not_end_is_handed_back_in_time() {
    let (telegram, model, port, machine) = serving().await;
    let gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    model.hold();
    let ann = telegram.person("ann");
    telegram.says(ann, ann, "think long");
    model
        .wait_until("the question", |counts| counts.waiting == 1)
        .await;
    let begun = Instant::now();
    gateway.signal("TERM");
    gateway.ends().await.with(0);
    assert!(begun.elapsed() < Duration::from_secs(10));
    model.release();
    let next = machine.start(&["serve"]);
    let begun = Instant::now();
    while !telegram.render(ann).contains("\nthink long") {
        assert!(
            begun.elapsed() < PATIENCE,
            "{}\n{}",
            telegram.render(ann),
            next.err.text()
        );
        pause().await;
    }
    next.signal("TERM");
    next.ends().await.with(0);
    let shown = telegram.render(ann);
    assert_eq!(shown.matches("think long").count(), 2, "{shown}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (telegram, model, port, machine) = serving().await;
    let gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    model.hold();
    let ann = telegram.person("ann");
    telegram.says(ann, ann, "think");
    model
        .wait_until("the question", |counts| counts.waiting == 1)
        .await;
    gateway.signal("TERM");
    until_ready(port, 503).await;
    let begun = Instant::now();
    gateway.signal("TERM");
    gateway.ends().await.with(1);
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_in_one_line() {
    let (_telegram, _model, port, machine) = serving().await;
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let ran = machine.run(&["serve"]).await.with(3);
    let said: Vec<&str> = ran
        .err
        .lines()
        .filter(|l| l.starts_with("toney: "))
        .collect();
    assert_eq!(said.len(), 1, "{ran:#?}");
    assert!(said[0].contains("TONEY_HTTP_ADDR"), "{ran:#?}");
    assert!(said[0].contains(&port.to_string()), "{ran:#?}");
}

/// What cannot be read is counted under its kind, and nothing behind it is lost.
#[tokio::test]
async fn events_that_nobody_understands_are_counted() {
    let discord = Discord::start().await;
    let port = free_port();
    let machine = Machine::new()
        .set("DISCORD_BOT_TOKEN", discord.token())
        .set("DISCORD_API_URL", discord.api_url())
        .set("TONEY_HTTP_ADDR", format!("127.0.0.1:{port}"));
    let gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    discord.inject("SOMETHING_NEW", None, json!({"kind": ["thing"]}));
    discord.inject("MESSAGE_CREATE", None, json!({"id": 5, "channel_id": []}));
    discord.inject("MESSAGE_CREATE", None, json!(null));
    let ann = discord.user("ann");
    discord.whispers(ann, "hi");
    let at_ann = discord.dm(ann);
    let answered = |discord: &Discord| !discord.bot_messages(at_ann).is_empty();
    let came = discord.wait_until(PATIENCE, answered).await;
    assert!(came, "{}\n{}", discord.render_all(), gateway.err.text());
    let skipped = [("SOMETHING_NEW", 1), ("MESSAGE_CREATE", 2)];
    assert_eq!(skips(port, &skipped).await, skipped);
    gateway.signal("TERM");
    gateway.ends().await.with(0);
}

/// What does not work yet is named from the first answer on, so that nobody sends people too early.
#[tokio::test]
async fn nothing_is_ready_before_everything_is() {
    let (telegram, _model, port, machine) = serving().await;
    telegram.fault(On::any().always(), Fault::Status(500));
    let _gateway = machine.start(&["serve"]);
    let mut answers = 0;
    let many = async {
        while answers < 200 {
            let Some((status, body)) = readyz(port).await else {
                continue;
            };
            assert_eq!(status, 503, "{body}");
            assert!(body.contains("telegram:main"), "{body}");
            answers += 1;
        }
    };
    tokio::time::timeout(PATIENCE, many).await.unwrap();
    telegram.clear_faults();
    until_ready(port, 200).await;
}

/// Another's page stands at Telegram's address when it starts.
#[tokio::test]
async fn a_page_instead_of_telegram_is_shown_and_waited_out() {
    let (telegram, _model, port, machine) = serving().await;
    telegram.fault(On::any().always(), Fault::Html(200));
    let gateway = machine.start(&["serve"]);
    gateway.says("does not answer as the Bot API").await;
    let (begun, shown) = (Instant::now(), r#""telegram:main":"not connected""#);
    while !until_ready(port, 503).await.contains(shown) {
        assert!(begun.elapsed() < PATIENCE, "{}", gateway.err.text());
    }
    telegram.clear_faults();
    let ann = telegram.person("ann");
    telegram.says(ann, ann, "hi");
    until("an answer", || telegram.render(ann).contains("toney: ")).await;
    until_ready(port, 200).await;
    gateway.signal("TERM");
    let ran = gateway.ends().await.with(0);
    let said = ran.err.matches("does not answer as the Bot API").count();
    assert_eq!(said, 1, "{ran:#?}");
}

/// Updates that cannot be read among others that can, down to one without a number.
#[tokio::test]
async fn updates_that_nobody_understands_are_counted() {
    let (telegram, _model, port, machine) = serving().await;
    let gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    let ann = telegram.person("ann");
    telegram.says(ann, ann, "hi");
    let sees = |words: &str| telegram.render(ann).contains(words);
    until("an answer", || sees("toney: ")).await;
    telegram.push_raw(json!({"message": {"message_id": "odd", "chat": 5}}));
    let last = telegram.push_raw(json!({"edited_message": []}));
    telegram.says(ann, ann, "still there?");
    until("an answer", || sees("toney: still there?")).await;
    // Its one number is known, so that nothing new is confirmed by it.
    assert_eq!(last, 500_003);
    let words = r#"{"ok":true,"result":[null,{"update_id":"x"},{"update_id":500004,"odd":1}]}"#;
    telegram.fault(On::method("getUpdates"), Fault::Says(words));
    telegram.says(ann, ann, "and now?");
    until("an answer", || sees("toney: and now?")).await;
    until("another poll", || telegram.fault_hits() == 1).await;
    until("the next one", || telegram.look(State::unconfirmed) == 0).await;
    let skipped = [
        ("malformed", 2),
        ("unknown", 1),
        ("message_malformed", 1),
        ("edited_message_malformed", 1),
    ];
    assert_eq!(skips(port, &skipped).await, skipped);
    gateway.signal("TERM");
    gateway.ends().await.with(0);
}

/// How often updates of these kinds were skipped.
async fn skips<const N: usize>(
    port: u16,
    kinds: &[(&'static str, u64); N],
) -> [(&'static str, u64); N] {
    let metrics = metrics(port).await;
    let lines = metrics.lines();
    let skipped = lines.filter(|line| line.starts_with("toney_updates_skipped_total"));
    let skipped: Vec<&str> = skipped.collect();
    kinds.map(|(kind, _)| {
        let label = format!("kind=\"{kind}\"");
        let line = skipped.iter().find(|line| line.contains(&label));
        let count = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        (kind, count.unwrap_or(0))
    })
}

/// How long an event waits to be handled is measured, by who handles it.
#[tokio::test]
async fn an_event_is_timed_until_it_is_handled() {
    let (telegram, model, port, machine) = serving().await;
    let machine = machine
        .set("TONEY__INTAKE__QUIET_MS", 0)
        .set("TONEY__INTAKE__FLOOD_PER_MINUTE", 0)
        .set("TONEY__DELIVERY__PACE", false);
    let gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    let ann = telegram.person("ann");
    // The last answer takes long; the event that it makes does not.
    let slow = Duration::from_secs(2);
    model.otherwise(Behaviour::call(move |request| {
        let said = request.last("user");
        let wait = if said == "line 15" {
            slow
        } else {
            Duration::ZERO
        };
        Answer::text(said.lines().next().unwrap_or_default()).after(wait)
    }));
    for number in 1..=15 {
        telegram.says(ann, ann, &format!("line {number}"));
        let answer = format!("line {number}");
        until("an answer", || {
            telegram.render(ann).matches(&answer).count() >= 2
        })
        .await;
    }
    let begun = Instant::now();
    let sum = loop {
        let metrics = metrics(port).await;
        let figure = |name: &str| {
            let name = format!("toney_event_handled_seconds_{name}{{kind=\"summarise\"}} ");
            let value = metrics.lines().find_map(|line| line.strip_prefix(&name));
            value.and_then(|value| value.parse::<f64>().ok())
        };
        if figure("count") == Some(1.0) {
            break figure("sum").unwrap();
        }
        assert!(begun.elapsed() < PATIENCE, "{metrics}");
        pause().await;
    };
    assert!(sum < slow.as_secs_f64(), "{sum} s");
    gateway.signal("TERM");
    gateway.ends().await.with(0);
}

async fn metrics(port: u16) -> String {
    let url = format!("http://127.0.0.1:{port}/metrics");
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

/// What was given up is listed, and stands there once when somebody says so, whether or not it had arrived.
#[tokio::test]
async fn a_dead_letter_is_replayed() {
    for (fault, arrived) in [(Fault::ResetBefore, false), (Fault::ResetAfter, true)] {
        let (telegram, _model, port, machine) = serving().await;
        let machine = machine
            .set("TONEY__DELIVERY__MAX_ATTEMPTS", 1)
            .set("TONEY__DELIVERY__SETTLE_MS", 200);
        let ann = telegram.person("ann");
        let gateway = machine.start(&["serve"]);
        until_ready(port, 200).await;
        // The search needs a message to begin at.
        telegram.says(ann, ann, "hello");
        until("an answer", || telegram.render(ann).contains("\nhello")).await;
        telegram.fault(On::method("sendMessage"), fault);
        telegram.says(ann, ann, "hi");
        gateway.says("cannot be sent").await;
        gateway.signal("TERM");
        gateway.ends().await.with(0);
        let shown = telegram.render(ann);
        assert_eq!(shown.contains("toney: hi"), arrived, "{shown}");

        let listed = machine.run(&["outbox"]).await.with(0);
        assert!(listed.out.contains("failed"), "{listed:#?}");
        let listed = machine.run(&["outbox", "--json"]).await.with(0);
        let listed: Vec<serde_json::Value> = serde_json::from_str(&listed.out).unwrap();
        assert_eq!(listed[0]["state"], "failed");
        let ran = machine.run(&["outbox", "--replay", "all"]).await.with(0);
        assert_eq!(ran.out, "1 of 1 will be tried again.\n");
        let machine = machine.set("TONEY__DELIVERY__MAX_ATTEMPTS", 20);
        let gateway = machine.start(&["serve"]);
        let begun = Instant::now();
        loop {
            let left = machine.run(&["outbox"]).await.with(0);
            if left.out == "Everything was sent.\n" {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{left:#?}");
        }
        until_ready(port, 200).await;
        gateway.signal("TERM");
        gateway.ends().await.with(0);
        let shown = telegram.render(ann);
        assert_eq!(shown.matches("toney: hi").count(), 1, "{shown}");
    }
}
