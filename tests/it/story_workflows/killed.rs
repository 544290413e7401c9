//! The program is killed again and again while a workflow waits, writes, sends mail, asks and posts: each fan gets one
//! message and one letter, and is named in one post. `TONEY_RUNS=50` plays more of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use toney::model::{AskId, Clock, Ids};

use crate::sim::dice::Dice;
use crate::sim::smtp::Trouble;
use crate::sim::telegram::{Chat, Fault, On, User};
use crate::story_tips_burst::scene::Scene;
use crate::story_tips_burst::{Call, deliver};
use crate::world::pause;

/// So long is waited before a button that is still there is pressed again, and before time passes again.
const AGAIN: Duration = Duration::from_millis(800);
/// Steps of the workflow.
const STEPS: i64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_step_is_done_once_on_sqlite() {
    killed(Scene::open(false).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_step_is_done_once_on_postgresql_and_redis() {
    killed(Scene::open(true).await).await;
}

/// Who is there besides the fans.
struct Cast {
    scene: Scene,
    nina: User,
    ben: User,
    group: Chat,
    fans: Vec<User>,
}

impl Cast {
    async fn on(scene: Scene, fans: usize) -> Self {
        scene.program.set("TONEY__WORKFLOWS__NOTES_AT_ONCE", "1000");
        let definition = json!({"name": "Thanks", "trigger": {"kind": "tip"}, "conditions": [], "zone": "UTC",
            "actions": [{"kind": "wait", "minutes": 1}, {"kind": "send_chat"}, {"kind": "send_email"},
                {"kind": "ask_approval"}, {"kind": "post_announcement"}, {"kind": "notify_artist"}]});
        scene.prepare(&definition).await;
        let invite = |role: &str| {
            let said = scene.program.run(&["invite", role, "--artist", "Nina"]);
            let (_, rest) = said.split_once("/start ").expect("a code");
            rest.split_whitespace().next().expect("a code").to_owned()
        };
        let codes = [invite("artist"), invite("manager")];
        let fans = scene.begin(fans).await;
        let people = ["nina", "ben"].map(|name| scene.telegram.person(name));
        for (person, code) in people.iter().zip(codes) {
            scene
                .telegram
                .says(*person, *person, &format!("/start {code}"));
            scene.telegram.until_replies(*person, 1).await;
        }
        let [nina, ben] = people;
        let group = scene.telegram.group("Fans");
        scene.telegram.says(nina, group, "/workflows here");
        scene.telegram.until_replies(group, 1).await;
        Self {
            scene,
            nina,
            ben,
            group,
            fans,
        }
    }

    /// Every fan has asked for a page to pay at, and pays.
    async fn tips(&self) -> Vec<Call> {
        let ids = Ids::new(Clock::System, None);
        let artist = self
            .scene
            .read("SELECT id, CAST(0 AS BIGINT) FROM artists")
            .await;
        let mut calls = Vec::new();
        for (n, fan) in self.fans.iter().enumerate() {
            let ask = AskId::new(&ids);
            let person = format!(
                "SELECT person_id, CAST(0 AS BIGINT) FROM identities WHERE platform_user = '{}'",
                fan.id
            );
            let person = self.scene.read(&person).await[0].0.clone();
            let asked = format!(
                "INSERT INTO tip_asks (id, artist_id, person_id, provider, minor, currency, is_public, created_at)
                 VALUES ('{ask}', '{}', '{person}', 'stripe', 2500, 'USD', 1, 1)",
                artist[0].0
            );
            assert!(self.scene.write(&asked).await);
            let email = format!("fan{n}@example.com");
            calls.push(Call {
                id: format!("evt_{n}"),
                kind: "checkout.session.completed",
                object: json!({"id": format!("cs_{n}"), "payment_intent": format!("pi_{n}"),
                    "amount_total": 2_500, "currency": "usd", "payment_status": "paid",
                    "metadata": {"tip_id": ask}, "customer_details": {"email": email, "name": format!("Fan{n}.")}}),
            });
        }
        calls
    }

    /// What waits a minute or an hour is due now.
    async fn time_passes(&self) {
        let now = Clock::System.now().ms();
        let due = format!("kind = 'workflow_step' AND state = 'due' AND run_at > {now}");
        let lanes = format!(
            "UPDATE lanes SET next_at = {now} WHERE holder = '' AND lane IN
             (SELECT lane FROM jobs WHERE {due})"
        );
        // The database may be away or in use: then a little later.
        if self.scene.write(&lanes).await {
            let jobs = format!("UPDATE jobs SET run_at = {now} WHERE {due}");
            self.scene.write(&jobs).await;
        }
    }

    /// Ben says yes to whatever he is asked.
    fn approves(&self) {
        let cards = self.scene.telegram.look(|s| {
            let all = s.replies(self.ben);
            let open = all.iter().filter(|msg| {
                let mut labels = msg.buttons.iter().flatten();
                labels.any(|one| one.label == "Approve")
            });
            open.map(|msg| msg.id).collect::<Vec<_>>()
        });
        for card in cards {
            self.scene
                .telegram
                .presses(self.ben, self.ben, card, "Approve");
        }
    }

    /// What goes wrong next besides the death, if anything.
    fn trap(&self, dice: &mut Dice) {
        self.scene.telegram.clear_faults();
        let fault = |method: &str, fault| self.scene.telegram.fault(On::method(method), fault);
        match dice.below(6) {
            0 => fault("sendMessage", Fault::HangAfter),
            1 => fault("sendMessage", Fault::Hang),
            2 => fault("editMessageText", Fault::HangAfter),
            3 => fault("answerCallbackQuery", Fault::HangAfter),
            4 => self.scene.sink.then(Trouble::Drop),
            _ => {}
        }
    }

    async fn is_done(&self) -> bool {
        let open = "SELECT 'open', COUNT(*) FROM workflow_runs WHERE state <> 'done'";
        let runs = "SELECT 'runs', COUNT(*) FROM workflow_runs";
        let fans = i64::try_from(self.fans.len()).unwrap();
        self.scene.read(runs).await[0].1 == fans
            && self.scene.read(open).await[0].1 == 0
            && self.scene.is_settled(self.fans.len()).await
    }

    fn said(&self, place: impl Into<crate::sim::telegram::Place>, words: &str) -> usize {
        self.scene.telegram.look(|s| {
            let said = s.replies(place);
            said.iter().filter(|msg| msg.text.contains(words)).count()
        })
    }
}

async fn killed(scene: Scene) {
    let runs: usize = match std::env::var("TONEY_RUNS") {
        Ok(runs) => runs.parse().expect("a number"),
        Err(_) => 5,
    };
    let (seed, wanted) = (Dice::seed(), 2 * runs);
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
    let cast = Cast::on(scene, runs).await;
    let calls = cast.tips().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = cast.scene.webhook();
    let begun = Instant::now();
    let telling = async {
        for call in &calls {
            deliver(&client, &url, call).await;
        }
    };
    let killing = async {
        let (mut kills, mut acted) = (0, Instant::now());
        loop {
            let lives_until = Instant::now() + cast.scene.life(&mut dice);
            cast.trap(&mut dice);
            while Instant::now() < lives_until || kills >= wanted {
                if kills >= wanted {
                    cast.scene.telegram.clear_faults();
                }
                if acted.elapsed() > AGAIN {
                    acted = Instant::now();
                    cast.time_passes().await;
                    cast.approves();
                }
                if kills >= wanted && cast.is_done().await {
                    return kills;
                }
                let patience = Duration::from_secs(120 + 6 * runs as u64);
                assert!(begun.elapsed() < patience, "{}", cast.scene.dump().await);
                pause().await;
            }
            kills += cast.scene.kill(&mut dice).await;
        }
    };
    let ((), kills) = tokio::join!(telling, killing);
    println!(
        "{}: {runs} runs of {STEPS} steps, {kills} kills, {:.0} s",
        cast.scene.store(),
        begun.elapsed().as_secs_f64()
    );
    verdict(&cast).await;
}

async fn verdict(cast: &Cast) {
    let fans = i64::try_from(cast.fans.len()).unwrap();
    for (n, fan) in cast.fans.iter().enumerate() {
        let thanks = cast.said(*fan, "Thank you so much for 25 USD");
        assert_eq!(thanks, 1, "{}", cast.scene.telegram.render(*fan));
        let post = format!("A big thank-you to Fan{n}. for the support!");
        assert_eq!(
            cast.said(cast.group, &post),
            1,
            "{}",
            cast.scene.telegram.render(cast.group)
        );
        let note = format!("Fan{n}. tipped 25 USD");
        assert_eq!(
            cast.said(cast.nina, &note),
            1,
            "{}",
            cast.scene.telegram.render(cast.nina)
        );
    }
    assert_eq!(cast.said(cast.group, "A big thank-you"), cast.fans.len());
    // A letter that the server took while the program died is said again under the same id.
    let id = |data: &str| {
        let mut lines = data.lines();
        let line = lines.find(|line| line.starts_with("Message-ID"));
        line.map(str::to_owned)
    };
    let mails = cast.scene.sink.mails();
    let letters: BTreeSet<_> = mails
        .iter()
        .map(|mail| (mail.to.clone(), id(&mail.data)))
        .collect();
    let to: BTreeSet<&String> = letters.iter().map(|(to, _)| to).collect();
    assert_eq!(
        (letters.len(), to.len()),
        (cast.fans.len(), cast.fans.len())
    );
    for (what, sql, wanted) in [
        (
            "steps",
            "SELECT '', COUNT(*) FROM workflow_steps",
            fans * STEPS,
        ),
        (
            "steps left out",
            "SELECT '', COUNT(*) FROM workflow_steps
             WHERE result NOT IN ('waited', 'sent', 'approved', 'told')",
            0,
        ),
        (
            "approved",
            "SELECT '', COUNT(*) FROM approvals WHERE state = 'approved'",
            2 * fans,
        ),
        ("asked", "SELECT '', COUNT(*) FROM approvals", 2 * fans),
        (
            "given up",
            "SELECT '', COUNT(*) FROM jobs WHERE state = 'dead'",
            0,
        ),
        (
            "not sent",
            "SELECT '', COUNT(*) FROM outbound WHERE state = 'failed'",
            0,
        ),
    ] {
        assert_eq!(cast.scene.read(sql).await[0].1, wanted, "{what}");
    }
}
