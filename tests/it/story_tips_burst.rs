//! A burst of tips by webhook and in Stars, with duplicates, refunds that overtake their payments, and a program that is
//! killed again and again: in the end the ledger sums to the cent. `TONEY_TIPS=10000` plays the large one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use toney::model::{Clock, Ids};
use toney::store::{Settings, Store};

use crate::sim::dice::Dice;
use crate::sim::program::Program;
use crate::sim::telegram::{SimOptions, Telegram, User};
use crate::story_tips::{STRIPE, stripe_event};

/// What came and went of one tip, by definition.
#[derive(Clone, Copy, Default)]
struct Life {
    gross: i64,
    back: i64,
    lost: i64,
}

/// One webhook call.
struct Call {
    id: String,
    kind: &'static str,
    object: serde_json::Value,
}

fn lives(dice: &mut Dice, tips: usize) -> Vec<Life> {
    let life = |_| {
        let gross = 100 + i64::try_from(dice.below(20_000)).unwrap();
        let mut life = Life {
            gross,
            ..Life::default()
        };
        match dice.below(20) {
            0 => life.back = gross,
            1 => life.back = gross / 3,
            2 => life.lost = gross,
            _ => {}
        }
        life
    };
    (0..tips).map(life).collect()
}

/// Everything that Stripe says about its tips, mixed, a third of it twice.
fn calls(dice: &mut Dice, lives: &[Life]) -> Vec<Call> {
    let mut calls = Vec::new();
    for (n, life) in lives.iter().enumerate() {
        let payment = format!("pi_{n}");
        let mut told = vec![(
            "checkout.session.completed",
            json!({"id": format!("cs_{n}"), "payment_intent": payment, "amount_total": life.gross,
                "currency": "usd", "payment_status": "paid", "metadata": {"tip_id": "x"}}),
        )];
        if life.back > 0 {
            let refund = |total: i64| {
                json!({"id": format!("ch_{n}"), "payment_intent": payment,
                    "amount_refunded": total, "currency": "usd"})
            };
            told.push(("charge.refunded", refund(life.back / 2)));
            told.push(("charge.refunded", refund(life.back)));
        }
        if life.lost > 0 {
            for (kind, status) in [
                ("charge.dispute.created", "needs_response"),
                ("charge.dispute.closed", "lost"),
            ] {
                let dispute = json!({"id": format!("dp_{n}"), "payment_intent": payment,
                    "amount": life.lost, "currency": "usd", "status": status});
                told.push((kind, dispute));
            }
        }
        for (place, (kind, object)) in told.into_iter().enumerate() {
            let id = format!("evt_{n}_{place}");
            match dice.below(3) {
                0 => calls.push(Call {
                    id: id.clone(),
                    kind,
                    object: object.clone(),
                }),
                1 => calls.push(Call {
                    id: format!("{id}_again"),
                    kind,
                    object: object.clone(),
                }),
                _ => {}
            }
            calls.push(Call { id, kind, object });
        }
    }
    for place in (1..calls.len()).rev() {
        let other = dice.below(place + 1);
        calls.swap(place, other);
    }
    calls
}

async fn deliver(client: &reqwest::Client, url: &str, call: &Call) {
    loop {
        let (body, header) = stripe_event(&call.id, call.kind, &call.object);
        let request = client
            .post(url)
            .header("Stripe-Signature", header)
            .body(body);
        match request.send().await.map(|answer| answer.status().as_u16()) {
            Ok(200) => return,
            // The provider tries again until it is told that it is stored.
            Ok(503) | Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            Ok(other) => panic!("{} was answered with {other}", call.id),
        }
    }
}

struct Scene {
    program: Program,
    telegram: Telegram,
    file: String,
}

impl Scene {
    async fn open() -> Self {
        let telegram = Telegram::start(SimOptions::default()).await;
        let program = Program::toney();
        for (name, value) in [
            ("TELEGRAM_BOT_TOKEN", telegram.token().to_owned()),
            ("TELEGRAM_API_URL", telegram.url()),
            ("STRIPE_WEBHOOK_SECRET", STRIPE.to_owned()),
            ("TONEY_OFFLINE", "1".to_owned()),
            ("TONEY__DELIVERY__PACE", "false".to_owned()),
            ("TONEY__TELEGRAM__POLL_TIMEOUT", "2".to_owned()),
        ] {
            program.set(name, value);
        }
        let file = program.folder().join("data/toney.db").display().to_string();
        let settings = Settings {
            url: format!("sqlite://{file}"),
            redis_url: String::new(),
            power_safe: false,
            lease_seconds: 10,
            keep_days: 30,
        };
        let ids = Ids::new(Clock::System, None);
        let (store, writer, _) = Store::open(&settings, Clock::System, ids).await.unwrap();
        let writer = tokio::spawn(writer);
        store.start().await.unwrap();
        store.make_artist("Nina").await.unwrap();
        store.leave().await.unwrap();
        drop(store);
        writer.await.unwrap();
        Self {
            program,
            telegram,
            file,
        }
    }

    async fn read(&self, sql: &str) -> Vec<(String, i64)> {
        let url = format!("sqlite://{}?mode=ro", self.file);
        let mut db = SqliteConnection::connect(&url).await.unwrap();
        sqlx::query_as(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut db)
            .await
            .unwrap()
    }

    async fn settled(&self, tips: usize) -> bool {
        let due = self
            .read("SELECT 'due', COUNT(*) FROM jobs WHERE state = 'due'")
            .await[0]
            .1;
        let booked = self
            .read("SELECT 'tips', COUNT(*) FROM tips WHERE paid = 1")
            .await[0]
            .1;
        let all_told = self.telegram.look(|s| s.unconfirmed() == 0);
        all_told && due == 0 && booked == i64::try_from(tips).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_tips_sums_to_the_cent() {
    let wanted = std::env::var("TONEY_TIPS").ok();
    let tips: usize = wanted.map_or(1_000, |number| number.parse().expect("a number"));
    let seed = Dice::seed();
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
    let scene = Scene::open().await;
    let stripe = lives(&mut dice, tips / 2);
    let stars = lives(&mut dice, tips - tips / 2);
    let calls = calls(&mut dice, &stripe);
    let (delivered, kills) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let all = calls.len();
    scene.program.start();
    let begun = Instant::now();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!(
        "http://{}/webhook/stripe",
        scene.program.setting("TONEY_HTTP_ADDR")
    );
    let by_webhook = futures::stream::iter(&calls).for_each_concurrent(64, async |call| {
        deliver(&client, &url, call).await;
        delivered.fetch_add(1, Ordering::Relaxed);
    });
    let people: Arc<Vec<User>> = (0..20)
        .map(|n| scene.telegram.person(&format!("p{n}")))
        .collect::<Vec<_>>()
        .into();
    let by_stars = async {
        let mut dice = Dice::new(seed + 1);
        for (n, life) in stars.iter().enumerate() {
            let user = people[n % people.len()];
            let charge = scene.telegram.charges(user, (life.gross, "x"), true);
            // Stars go back whole.
            if life.back > 0 {
                scene.telegram.gives_back(&charge);
                scene.telegram.gives_back(&charge);
            }
            if dice.below(10) == 0 {
                let update = scene.telegram.look(|s| s.unconfirmed_first());
                if let Some(update) = update {
                    scene.telegram.redeliver(update);
                }
            }
            if n % 50 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    let killing = async {
        let mut dice = Dice::new(seed + 2);
        loop {
            tokio::time::sleep(
                Duration::from_millis(300) + dice.within(Duration::from_millis(500)),
            )
            .await;
            if delivered.load(Ordering::Relaxed) == all {
                return;
            }
            scene.program.kill();
            kills.fetch_add(1, Ordering::Relaxed);
            scene.program.start();
        }
    };
    tokio::join!(by_webhook, by_stars, killing);
    // Once more while the rest is worked off.
    scene.program.kill();
    scene.program.start();
    let patience = Duration::from_secs(60 + tips as u64 / 50);
    while !scene.settled(tips).await {
        assert!(begun.elapsed() < patience, "{}", scene.program.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!(
        "{tips} tips, {all} webhook calls, {} kills, {:?}",
        kills.load(Ordering::Relaxed) + 1,
        begun.elapsed()
    );
    verdict(&scene, &stripe, &stars).await;
}

async fn verdict(scene: &Scene, stripe: &[Life], stars: &[Life]) {
    let sum = |lives: &[Life], of: fn(&Life) -> i64| lives.iter().map(of).sum::<i64>();
    let cash = "SELECT account, SUM(minor) FROM ledger_entries WHERE account LIKE '%:cash'
        GROUP BY account ORDER BY account";
    let expected = [
        (
            "stars:cash".to_owned(),
            sum(stars, |life| if life.back > 0 { 0 } else { life.gross }),
        ),
        (
            "stripe:cash".to_owned(),
            sum(stripe, |life| life.gross - life.back - life.lost),
        ),
    ];
    assert_eq!(scene.read(cash).await, expected);
    let odd = "SELECT tip_id, SUM(minor) FROM ledger_entries GROUP BY tip_id, booking, currency
        HAVING SUM(minor) <> 0";
    assert_eq!(scene.read(odd).await, []);
    let artist = "SELECT 'artist', SUM(minor) FROM ledger_entries WHERE account LIKE 'artist:%'";
    assert_eq!(
        scene.read(artist).await[0].1,
        -expected[0].1 - expected[1].1
    );
    // Nobody hears twice of the same tip.
    let twice = "SELECT json_extract(body, '$.what.tip'), COUNT(*) FROM events
        WHERE name = 'tip_received' GROUP BY 1 HAVING COUNT(*) > 1";
    assert_eq!(scene.read(twice).await, []);
    let fans = "SELECT 'fan', COUNT(*) FROM events WHERE name = 'fan_joined'";
    assert_eq!(scene.read(fans).await[0].1, 20);
    let net = "SELECT provider, SUM(net) FROM tips GROUP BY provider ORDER BY provider";
    let net: Vec<i64> = scene
        .read(net)
        .await
        .into_iter()
        .map(|(_, net)| net)
        .collect();
    assert_eq!(net, [expected[0].1, expected[1].1]);
    let dead = "SELECT kind, COUNT(*) FROM jobs WHERE state = 'dead' GROUP BY kind";
    assert_eq!(scene.read(dead).await, []);
}
