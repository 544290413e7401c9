//! `toney serve`: services that are away at first, signals, ports.

use super::*;

use crate::sim::servers::Postgres;
use crate::sim::telegram::{SimOptions, Telegram};

async fn serving() -> (Telegram, Model, u16, Machine) {
    let telegram = Telegram::start(SimOptions::default()).await;
    let model = Model::start().await;
    let port = free_port();
    let machine = Machine::new()
        .with_model(&model)
        .set("TELEGRAM_BOT_TOKEN", telegram.token())
        .set("TELEGRAM_API_URL", telegram.url())
        .set("TONEY__TELEGRAM__POLL_TIMEOUT", 2)
        .set("TONEY_HTTP_ADDR", format!("127.0.0.1:{port}"));
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
    assert_eq!(ran.out, "");
}

#[tokio::test]
async fn it_can_be_ended_while_it_waits_for_the_database() {
    let (_telegram, _model, port, machine) = serving().await;
    let url = format!("postgres://postgres@127.0.0.1:{}/x", free_port());
    let gateway = machine.set("DATABASE_URL", url).start(&["serve"]);
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
