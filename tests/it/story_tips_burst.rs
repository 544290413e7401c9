//! A burst of tips by webhook and in Stars, with duplicates, refunds that overtake their payments, and a program that is
//! killed again and again, with its database and Redis: in the end the ledger sums to the cent and each fan was thanked
//! once. `TONEY_TIPS=10000` plays the large one.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::json;

use crate::sim::dice::Dice;
use crate::sim::telegram::{State, User};
use crate::story_tips::stripe_event;
use crate::world::pause;

pub(crate) mod scene;

use scene::Scene;

/// So many updates wait for the program at most.
const AHEAD: usize = 1_000;
/// The pause between two looks into the database, which has other work.
const LOOK: Duration = Duration::from_millis(100);
/// What stands in each message that thanks.
const THANKS: &str = "You are wonderful";

/// What came and went of one tip, by definition.
#[derive(Clone, Copy, Default)]
struct Life {
    gross: i64,
    back: i64,
    lost: i64,
}

/// One webhook call.
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) object: serde_json::Value,
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
fn calls(dice: &mut Dice, lives: &[Life], fans: usize) -> Vec<Call> {
    let mut calls = Vec::new();
    for (n, life) in lives.iter().enumerate() {
        let payment = format!("pi_{n}");
        let mut told = vec![(
            "checkout.session.completed",
            json!({"id": format!("cs_{n}"), "payment_intent": payment, "amount_total": life.gross,
                "currency": "usd", "payment_status": "paid", "metadata": {"tip_id": "x"},
                "customer_details": {"email": format!("fan{}@example.com", n % fans), "name": "Kim"}}),
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

pub(crate) async fn deliver(client: &reqwest::Client, url: &str, call: &Call) {
    loop {
        let (body, header) = stripe_event(&call.id, call.kind, &call.object);
        let request = client
            .post(url)
            .header("Stripe-Signature", header)
            .body(body);
        match request.send().await.map(|answer| answer.status().as_u16()) {
            Ok(200) => return,
            // The provider tries again until it is told that it is stored.
            Ok(503) | Err(_) => pause().await,
            Ok(other) => panic!("{} was answered with {other}", call.id),
        }
    }
}

/// How many tips, and how many fans give them by each way.
fn size() -> (usize, usize) {
    let wanted = std::env::var("TONEY_TIPS").ok();
    let tips: usize = wanted.map_or(300, |number| number.parse().expect("a number"));
    (tips, (tips / 50).max(10))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_tips_sums_to_the_cent_on_sqlite() {
    burst(Scene::open(false).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_tips_sums_to_the_cent_on_postgresql_and_redis() {
    burst(Scene::open(true).await).await;
}

/// A machine that is held up for longer than a lease, and nobody else is there to take over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_ran_out_stalls_nobody() {
    let scene = Scene::open(true).await;
    scene.prepare(&json!({})).await;
    let people = scene.begin(1).await;
    for round in 1..=5 {
        assert!(scene.write("UPDATE processes SET lease_until = 1").await);
        scene.telegram.says(people[0], people[0], "/help");
        let told = format!("/help is answered, round {round}");
        let answered = |state: &State| state.replies(people[0]).len() > round;
        scene.telegram.until(&told, answered).await;
    }
}

async fn burst(scene: Scene) {
    let (tips, fans) = size();
    let seed = Dice::seed();
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
    let stripe = lives(&mut dice, tips / 2);
    let stars = lives(&mut dice, tips - tips / 2);
    let calls = calls(&mut dice, &stripe, fans);
    let delivered = AtomicUsize::new(0);
    let thanks = json!({"name": "Thanks", "trigger": {"kind": "tip"}, "conditions": [], "zone": "UTC",
        "actions": [{"kind": "send_chat", "text": format!("{THANKS}, {{fan}}!")},
            {"kind": "send_email"}, {"kind": "notify_artist"}]});
    scene.prepare(&thanks).await;
    let people = scene.begin(fans).await;
    let begun = Instant::now();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = scene.webhook();
    let by_webhook = futures::stream::iter(&calls).for_each_concurrent(64, async |call| {
        deliver(&client, &url, call).await;
        delivered.fetch_add(1, Ordering::Relaxed);
    });
    let is_told = || delivered.load(Ordering::Relaxed) == calls.len();
    let by_stars = give(&scene, &people, (&stars, seed + 1));
    let ((), (), kills) = tokio::join!(by_webhook, by_stars, kill(&scene, seed + 2, is_told));
    let told = begun.elapsed();
    let kills = kills + settle(&scene, (tips, begun), seed + 3).await;
    println!(
        "{}: {tips} tips of {} fans, {} webhook calls, {kills} kills; told in {:.0} s, all done in {:.0} s",
        scene.store(),
        2 * fans,
        calls.len(),
        told.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    the_ledger_sums(&scene, (&stripe, &stars), fans).await;
    each_was_thanked_once(&scene, &people).await;
}

/// Fans give Stars; some get them back at once, some updates come twice.
async fn give(scene: &Scene, people: &[User], (lives, seed): (&[Life], u64)) {
    let mut dice = Dice::new(seed);
    for (n, life) in lives.iter().enumerate() {
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
        // As fast as the program reads, and always far ahead of it.
        while scene.telegram.look(|s| s.unconfirmed()) > AHEAD {
            pause().await;
        }
    }
}

/// Kills until everything is told; how often.
async fn kill(scene: &Scene, seed: u64, is_told: impl Fn() -> bool) -> usize {
    let mut dice = Dice::new(seed);
    let mut kills = 0;
    loop {
        tokio::time::sleep(scene.life(&mut dice)).await;
        if is_told() {
            return kills;
        }
        kills += scene.kill(&mut dice).await;
    }
}

/// Kills a few times more while the rest is worked off, and waits for it.
async fn settle(scene: &Scene, (tips, begun): (usize, Instant), seed: u64) -> usize {
    let mut dice = Dice::new(seed);
    let mut kills = 0;
    let patience = Duration::from_secs(90 + tips as u64 / 10);
    for life in 0.. {
        let until = Instant::now() + scene.life(&mut dice) * 2;
        while Instant::now() < until || life > 3 + tips / 200 {
            if scene.is_settled(tips).await {
                return kills;
            }
            assert!(begun.elapsed() < patience, "{}", scene.dump().await);
            tokio::time::sleep(LOOK).await;
        }
        kills += scene.kill(&mut dice).await;
    }
    kills
}

async fn the_ledger_sums(scene: &Scene, (stripe, stars): (&[Life], &[Life]), fans: usize) {
    let sum = |lives: &[Life], of: fn(&Life) -> i64| lives.iter().map(of).sum::<i64>();
    let cash =
        "SELECT account, CAST(SUM(minor) AS BIGINT) FROM ledger_entries WHERE account LIKE '%:cash'
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
    let odd = "SELECT tip_id, CAST(SUM(minor) AS BIGINT) FROM ledger_entries
        GROUP BY tip_id, booking, currency HAVING SUM(minor) <> 0";
    assert_eq!(scene.read(odd).await, []);
    let artist = "SELECT 'artist', CAST(SUM(minor) AS BIGINT) FROM ledger_entries
        WHERE account LIKE 'artist:%'";
    assert_eq!(
        scene.read(artist).await[0].1,
        -expected[0].1 - expected[1].1
    );
    // Nobody hears twice of the same tip.
    let twice = "SELECT {tip}, COUNT(*) FROM events
        WHERE name = 'tip_received' GROUP BY 1 HAVING COUNT(*) > 1";
    assert_eq!(scene.read(twice).await, []);
    let joined = "SELECT 'fan', COUNT(*) FROM events WHERE name = 'fan_joined'";
    assert_eq!(scene.read(joined).await[0].1, i64::try_from(fans).unwrap());
    let net =
        "SELECT provider, CAST(SUM(net) AS BIGINT) FROM tips GROUP BY provider ORDER BY provider";
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

/// Whoever gave and did not have it back before it came heard so once, however many tips of theirs came at one moment.
async fn each_was_thanked_once(scene: &Scene, people: &[User]) {
    let heard = "FROM events e JOIN tips t ON t.id = {tip} WHERE e.name = 'tip_received'";
    let thanked = "SELECT DISTINCT t.payer, CAST(0 AS BIGINT) ";
    let thanked: BTreeSet<String> = scene
        .read(&format!("{thanked} {heard} AND t.provider = 'stars'"))
        .await
        .into_iter()
        .map(|(payer, _)| payer)
        .collect();
    for person in people {
        let said = scene.telegram.look(|s| {
            let said = s.replies(*person);
            said.iter().filter(|msg| msg.text.contains(THANKS)).count()
        });
        let is_due = usize::from(thanked.contains(&person.id.to_string()));
        assert_eq!(said, is_due, "{}", scene.telegram.render(*person));
    }
    let written =
        format!("SELECT DISTINCT t.email, CAST(0 AS BIGINT) {heard} AND t.provider = 'stripe'");
    let written: BTreeSet<String> = scene
        .read(&written)
        .await
        .into_iter()
        .map(|(email, _)| email)
        .collect();
    // Killed while the server answers, a program says the very same letter again, which its id tells.
    let id = |data: &str| {
        let mut lines = data.lines();
        lines
            .find(|line| line.starts_with("Message-ID"))
            .map(str::to_owned)
    };
    let mails = scene.sink.mails();
    let letters: BTreeSet<_> = mails
        .iter()
        .map(|mail| (mail.to.clone(), id(&mail.data)))
        .collect();
    let to: Vec<&String> = letters.iter().map(|(to, _)| to).collect();
    assert_eq!(to, written.iter().collect::<Vec<_>>());
    assert_eq!(scene.sink.faults(), [""; 0]);
    println!(
        "{} fans thanked in their chat, {} by e-mail ({} letters came twice)",
        thanked.len(),
        letters.len(),
        mails.len() - letters.len()
    );
    // All runs came to their end, and the artist has a note of each.
    let runs = "SELECT state, COUNT(*) FROM workflow_runs GROUP BY state";
    let runs = scene.read(runs).await;
    let heard = scene
        .read("SELECT 'all', COUNT(*) FROM events WHERE name = 'tip_received'")
        .await;
    assert_eq!(runs, [("done".to_owned(), heard[0].1)]);
    let notes = "SELECT 'all', COUNT(*) FROM artist_notes";
    assert_eq!(scene.read(notes).await, heard);
}
