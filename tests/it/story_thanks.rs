//! The whole of it, over both platforms, with a model and without: an artist wants to thank fans who tip, says yes once,
//! fans tip with Stars, by card and on a page elsewhere, are thanked in their chat and by e-mail, and a manager in
//! Discord decides what needs deciding.

use serde_json::json;
use toney::model::{Standing, phrases};

use crate::sim::discord::{Channel, User};
use crate::sim::model::Answer;
use crate::sim::smtp::Sink;
use crate::sim::stripe::{self, Stripe};
use crate::sim::telegram::Chat;
use crate::story_approvals::{assert_whole, manager};
use crate::story_tips::{STRIPE, ledger, link, post, stripe_event};
use crate::world::{Engine, PATIENCE, Person, World, on_both};

on_both! {
    with_a_model
    without_a_model
}

const KOFI: &str = "0b1c7a52-aaaa-4000-8000-00000000cafe";

async fn with_a_model(engine: Engine) {
    whole(engine, false).await;
}

async fn without_a_model(engine: Engine) {
    whole(engine, true).await;
}

/// Ann, who plays; Mia, who manages her from Discord; the group of her fans, a mail server and a payment provider.
struct Stage {
    world: World,
    sink: Sink,
    stripe: Stripe,
    ann: Person,
    mia: User,
    at_mia: Channel,
    fans: Chat,
}

impl Stage {
    async fn new(engine: Engine, offline: bool) -> Self {
        let (sink, stripe) = (Sink::start().await, Stripe::start().await);
        let world = World::with(|options| {
            options.engine = engine;
            options.discord = true;
            options.http = true;
            options.set("TONEY_OFFLINE", u8::from(offline));
            options.set("TONEY_MAIL_URL", sink.url());
            options.set("TONEY_MAIL_FROM", "hello@toney.example");
            options.set("TONEY_PUBLIC_URL", "{http}");
            options.set("STRIPE_WEBHOOK_SECRET", STRIPE);
            options.set("STRIPE_SECRET_KEY", stripe::KEY);
            options.set("TONEY__TIPS__STRIPE_URL", stripe.url());
            options.set("TONEY__TIPS__FEE_AFTER_SECONDS", 0);
        })
        .await;
        let ann = world.invited("ann", ("Ann", Standing::Artist)).await;
        let (mia, at_mia) = manager(&world, "mia").await;
        let fans = world.telegram.group("Fans of Ann");
        Self {
            world,
            sink,
            stripe,
            ann,
            mia,
            at_mia,
            fans,
        }
    }

    /// What Ann reads after she said it.
    async fn ann(&self, words: &str) -> String {
        self.ann.says(words);
        self.world.settle().await;
        self.world.sees(&self.ann)
    }

    /// What Ann reads after she pressed it.
    async fn presses(&self, button: &str) -> String {
        self.ann.presses(button);
        self.world.settle().await;
        self.world.sees(&self.ann)
    }

    /// Mia says yes to the request whose card holds these words.
    async fn mia_approves(&self, words: &str) {
        let Self { world, at_mia, .. } = self;
        let asked = |discord: &crate::sim::discord::Discord| {
            let said = discord.bot_messages(*at_mia);
            said.last()
                .is_some_and(|card| card.content.contains(words) && !card.buttons.is_empty())
        };
        assert!(
            world.discord.wait_until(PATIENCE, asked).await,
            "{:?}",
            world.discord.bot_messages(*at_mia).last()
        );
        world.discord.press(self.mia, *at_mia, phrases::APPROVE);
        let decided = |discord: &crate::sim::discord::Discord| {
            let said = discord.bot_messages(*at_mia);
            let card = said.iter().rfind(|card| card.content.contains(words));
            card.is_some_and(|card| card.content.contains("Approved by mia"))
        };
        assert!(world.discord.wait_until(PATIENCE, decided).await);
        world.settle().await;
    }
}

async fn whole(engine: Engine, offline: bool) {
    let mut stage = Stage::new(engine, offline).await;
    ann_opens_her_jar(&stage).await;
    if !offline {
        the_model_proposes(&stage).await;
    }
    ann_wants_to_thank(&stage).await;
    // Whatever was agreed outlives the program.
    stage.world.restart().await;
    a_fan_tips_with_stars(&stage).await;
    a_fan_tips_by_card(&stage).await;
    somebody_tips_elsewhere(&stage).await;
    a_release_is_decided_in_discord(&stage).await;
    if !offline {
        the_model_knows_the_tips(&stage).await;
    }
    all_of_it_adds_up(stage).await;
}

async fn ann_opens_her_jar(stage: &Stage) {
    let said = stage.ann("/tip open").await;
    assert!(said.contains("start=tip_ann"), "{said}");
    stage.ann("/tip cards USD 10 25").await;
    let said = stage.ann(&format!("/tip kofi {KOFI}")).await;
    assert!(said.contains("I keep that sealed"), "{said}");
    stage.ann.says_in(stage.fans, "/workflows here");
    stage.world.settle().await;
    let seen = stage.world.sees(stage.fans);
    assert!(seen.contains(phrases::workflows::PUBLIC_HERE), "{seen}");
}

/// What a model would set up waits for Ann's word, as everything does; she has something else in mind.
async fn the_model_proposes(stage: &Stage) {
    let Stage { world, .. } = stage;
    let wish = json!({"wish": "When there is a new fan, send them a chat message"});
    world
        .model
        .push(Answer::tool("c1", "workflow_generation", &wish));
    world
        .model
        .push(Answer::text("They write back to those who come."));
    let said = stage
        .ann("How do other songwriters look after their listeners?")
        .await;
    assert!(
        said.contains("They write back to those who come.") && said.contains("[Yes, do it]"),
        "{said}"
    );
    stage.presses("No").await;
    assert_eq!(world.read("SELECT name FROM workflows").await, [""; 0]);
}

async fn the_model_knows_the_tips(stage: &Stage) {
    let model = &stage.world.model;
    model.push(Answer::tool("c1", "tips_status", &json!({})));
    model.push(Answer::text("It was a good day."));
    let said = stage.ann("So what do you make of this month?").await;
    assert!(said.contains("It was a good day."), "{said}");
    let asked = model.requests();
    let told = asked.last().expect("a request").last("tool").to_owned();
    assert!(
        told.contains("36.55 USD") && told.contains("1000 Stars"),
        "{told}"
    );
}

async fn ann_wants_to_thank(stage: &Stage) {
    let said = stage.ann("I want to thank fans who tip me").await;
    assert!(
        said.ends_with(
            "When a fan tips 10 USD (770 Stars) or more, I send them an e-mail and send them a chat message.\n\n\
             Shall I set it up? [Yes, do it] [Rehearse] [No]"
        ),
        "{said}"
    );
    let said = stage.presses("Yes, do it").await;
    assert!(
        said.contains("Done, and congratulations: Thank-you for tips works for you"),
        "{said}"
    );
    stage.ann("/workflows").await;
    stage.presses("Thank-you for tips").await;
    stage.presses("Change").await;
    let said = stage.ann("also tell me and post it in public").await;
    assert!(
        said.contains("tell you and post an announcement once it is approved."),
        "{said}"
    );
    stage.presses("Yes, do it").await;
}

async fn a_fan_tips_with_stars(stage: &Stage) {
    let world = &stage.world;
    let kim = world.person("kim");
    kim.says("/start tip_ann");
    world.settle().await;
    kim.says("/tip 1000 great show!");
    world.settle().await;
    kim.presses("You may name me in public");
    world.settle().await;
    world.sees(&kim);
    let url = link(world, &kim);
    world.telegram.pays(kim.user, &url).await.unwrap();
    world.settle().await;
    let thanked = "SELECT state FROM workflow_runs";
    world.until_stored(thanked, &["waiting"]).await;
    world.settle().await;
    let seen = world.sees(&kim);
    assert!(
        seen.contains("toney: Your 1000 Stars reached Ann. Thank you!"),
        "{seen}"
    );
    assert!(
        seen.contains("toney: Thank you so much for 1000 Stars, kim! It means a lot. – Ann"),
        "{seen}"
    );
    let told = world.sees(&stage.ann);
    assert!(
        told.contains("kim tipped 1000 Stars: “great show!”"),
        "{told}"
    );
    assert_eq!(stage.sink.mails().len(), 0, "nobody knows her address");
    // Nothing is posted before Mia has said so.
    assert_eq!(world.sees(stage.fans), "");
    stage.mia_approves("A big thank-you to kim").await;
    world.until_stored(thanked, &["done"]).await;
    world.settle().await;
    let posted = world.sees(stage.fans);
    let thanks = "toney: A big thank-you to kim for the support!";
    assert_eq!(posted.trim(), thanks);
    world.sees(&stage.ann);
}

async fn a_fan_tips_by_card(stage: &Stage) {
    let world = &stage.world;
    let lee = world.person("lee");
    lee.says("/start tip_ann");
    world.settle().await;
    lee.presses("25.00 USD");
    world.settle().await;
    world.sees(&lee);
    let mut session = stage.stripe.sessions().remove(0);
    stage.stripe.pays(&session);
    session["payment_status"] = json!("paid");
    session["customer_details"] = json!({"email": "lee@example.test", "name": "Lee"});
    // The provider says it twice, as providers do.
    for id in ["evt_1", "evt_2"] {
        let (body, header) = stripe_event(id, "checkout.session.completed", &session);
        let status = post(world, "stripe", (body, ("Stripe-Signature", header))).await;
        assert_eq!(status, 200);
    }
    let ended = "SELECT state FROM workflow_runs ORDER BY started_at";
    world.until_stored(ended, &["done", "done"]).await;
    world.settle().await;
    let seen = world.sees(&lee);
    assert_eq!(
        seen.matches("Thank you so much for 25").count(),
        1,
        "{seen}"
    );
    let mails = stage.sink.mails();
    let to: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["lee@example.test"]);
    let told = world.sees(&stage.ann);
    assert!(told.contains("tipped 25 USD"), "{told}");
    // Lee did not say that the name may be shown.
    assert_eq!(world.sees(stage.fans), "");
}

async fn somebody_tips_elsewhere(stage: &Stage) {
    let world = &stage.world;
    let data = json!({"verification_token": KOFI, "message_id": "m1",
        "timestamp": "2026-11-20T14:22:31Z", "type": "Donation", "is_public": false,
        "from_name": "Sam", "message": "", "amount": "12.00", "currency": "USD",
        "email": "sam@example.test"});
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("data", &data.to_string());
    let kind = "application/x-www-form-urlencoded".to_owned();
    let told = (form.finish(), ("Content-Type", kind));
    assert_eq!(post(world, "kofi", told).await, 200);
    let ended = "SELECT state FROM workflow_runs ORDER BY started_at";
    world.until_stored(ended, &["done", "done", "done"]).await;
    world.settle().await;
    let mails = stage.sink.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].to, "sam@example.test");
    let said = &mails[1].data;
    assert!(said.contains("Subject: Thank you from Ann"), "{said}");
    assert!(said.contains("List-Unsubscribe:"), "{said}");
    let told = world.sees(&stage.ann);
    assert!(told.contains("Sam tipped 12 USD"), "{told}");
}

async fn a_release_is_decided_in_discord(stage: &Stage) {
    for words in [
        "/release Night Drive",
        "2030-12-24",
        "skip",
        "https://files.example/night.wav",
    ] {
        stage.ann(words).await;
    }
    stage.presses(phrases::SUBMIT).await;
    stage.mia_approves("Night Drive").await;
    let states = "SELECT state FROM releases";
    stage.world.until_stored(states, &["approved"]).await;
    stage.world.settle().await;
    let told = stage.world.sees(&stage.ann);
    assert!(told.contains("✅ Approved by mia on "), "{told}");
}

/// Nobody lost a cent, nothing was said twice, and the record of the decisions is whole.
async fn all_of_it_adds_up(stage: Stage) {
    let said = stage.ann("/workflows").await;
    assert!(
        said.contains("Thank-you for tips (active): 100 % of 3 runs went well"),
        "{said}"
    );
    let accounts = ledger(&stage.world).await;
    assert_eq!(
        accounts,
        [
            "artist USD -3700",
            "artist XTR -1000",
            "fees:stripe USD 45",
            "kofi:cash USD 1200",
            "stars:cash XTR 1000",
            "stripe:cash USD 2455",
        ]
    );
    assert_whole(&stage.world, 4).await;
    assert_eq!(stage.sink.faults(), [""; 0]);
    assert_eq!(stage.stripe.violations(), [""; 0]);
    stage.world.finish().await;
}
