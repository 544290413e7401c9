//! Fans give money: Stars from the link to the refund, pages elsewhere by webhook, and everything that comes too early,
//! twice, forged or not at all.

use std::time::{Duration, Instant};

use ring::hmac;
use serde_json::{Value, json};
use toney::model::{Clock, Standing, phrases};

use crate::sim::stripe::{self, Stripe};
use crate::sim::telegram::{Fault, On};
use crate::world::{Engine, Options, Person, World, on_both};

on_both! {
    a_fan_tips_with_stars
    a_refund_comes_before_its_payment
}

pub(crate) const STRIPE: &str = "whsec_story";

/// Nina takes tips; Stripe's webhook is set up.
pub(crate) async fn nina(engine: Engine) -> (World, Person) {
    nina_with(engine, |_| {}).await
}

async fn nina_with(engine: Engine, choose: impl FnOnce(&mut Options)) -> (World, Person) {
    let world = World::with(|options| {
        options.engine = engine;
        options.http = true;
        options.set("STRIPE_WEBHOOK_SECRET", STRIPE);
        choose(options);
    })
    .await;
    let nina = world.invited("nina", ("Nina", Standing::Artist)).await;
    nina.says("/tip open");
    world.settle().await;
    let said = world.sees(&nina);
    assert!(
        said.contains("https://t.me/toney_bot?start=tip_nina"),
        "{said}"
    );
    (world, nina)
}

/// The address behind the newest button that opens a page.
pub(crate) fn link(world: &World, person: &Person) -> String {
    let replies = world.telegram.look(|s| {
        let all = s.replies(person).into_iter().rev();
        all.flat_map(|msg| msg.buttons.concat())
            .find_map(|button| button.url)
    });
    replies.expect("a button that opens a page")
}

/// What the accounts of the ledger hold, but for the artist's id.
pub(crate) async fn ledger(world: &World) -> Vec<String> {
    let rows =
        "SELECT CASE WHEN account LIKE 'artist:%' THEN 'artist' ELSE account END || ' ' || currency
        || ' ' || CAST(SUM(minor) AS TEXT) FROM ledger_entries GROUP BY account, currency
        HAVING SUM(minor) <> 0 ORDER BY 1";
    let sums = "SELECT currency FROM ledger_entries GROUP BY currency HAVING SUM(minor) <> 0";
    assert_eq!(world.read(sums).await, [""; 0], "the ledger balances");
    world.read(rows).await
}

async fn states(world: &World) -> Vec<String> {
    let rows =
        "SELECT provider || ' ' || state || ' ' || CAST(gross AS TEXT) || ' ' || CAST(net AS TEXT)
        || ' ' || trouble FROM tips ORDER BY id";
    world.read(rows).await
}

async fn events(world: &World) -> Vec<String> {
    let rows = "SELECT name FROM events WHERE name LIKE 'tip%' OR name LIKE 'fan%' OR name LIKE 'payout%' ORDER BY id";
    world.read(rows).await
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn sign(secret: &str, text: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex(hmac::sign(&key, text).as_ref())
}

pub(crate) fn stripe_event(id: &str, kind: &str, object: &Value) -> (String, String) {
    let now = Clock::System.now().ms() / 1000;
    let body = json!({"id": id, "object": "event", "type": kind, "created": now,
        "data": {"object": object}});
    let body = body.to_string();
    let header = format!(
        "t={now},v1={}",
        sign(STRIPE, format!("{now}.{body}").as_bytes())
    );
    (body, header)
}

pub(crate) async fn post(
    world: &World,
    name: &str,
    (body, header): (String, (&str, String)),
) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{}/webhook/{name}", world.http));
    let request = request.header(header.0, header.1).body(body);
    request.send().await.unwrap().status().as_u16()
}

async fn stripe(world: &World, id: &str, kind: &str, object: Value) -> u16 {
    let (body, header) = stripe_event(id, kind, &object);
    post(world, "stripe", (body, ("Stripe-Signature", header))).await
}

async fn a_fan_tips_with_stars(engine: Engine) {
    let (world, nina) = nina(engine).await;
    let jo = world.person("jo");
    jo.says("/start tip_nina");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&jo), @r"
    jo: /start tip_nina
    toney: A tip for Nina? Choose an amount, or write /tip 75 and a few words for them.

    Digital thanks only; /terms and /paysupport say the rest. [50 Stars] [100 Stars] [250 Stars]
    ");
    assert_eq!(events(&world).await, ["fan_joined"]);
    jo.says("/tip 75 great show!");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&jo), @r#"
    jo: /tip 75 great show!
    toney: 75 Stars for Nina: one press and it is theirs.

    With it goes: "great show!" [Pay 75 Stars] [You may name me in public]
    "#);
    jo.presses("You may name me in public");
    world.settle().await;
    assert!(world.sees(&jo).contains("your name may be said"));
    let url = link(&world, &jo);
    let charge = world.telegram.pays(jo.user, &url).await.unwrap();
    world.settle().await;
    let said = world.sees(&jo);
    assert!(
        said.contains("toney: Your 75 Stars reached Nina. Thank you!"),
        "{said}"
    );
    assert_eq!(
        ledger(&world).await,
        ["artist XTR -75", "stars:cash XTR 75"]
    );
    assert_eq!(states(&world).await, ["stars received 75 75 "]);
    assert_eq!(events(&world).await, ["fan_joined", "tip_received"]);
    let kept = "SELECT message || ' ' || CAST(is_public AS TEXT) || ' ' || name FROM tips";
    assert_eq!(world.read(kept).await, ["great show! 1 jo"]);
    // Whoever pays the same invoice again is told so before anything is charged.
    let again = world.telegram.pays(jo.user, &url).await;
    assert_eq!(again, Err(phrases::TIP_PAID.to_owned()));

    nina.says("/tip refund");
    world.settle().await;
    let said = world.sees(&nina);
    assert!(said.contains("[75 Stars from jo, "), "{said}");
    let shown = world
        .telegram
        .look(|s| s.replies(&nina).last().unwrap().buttons[0][0].clone());
    // A fan who guesses the button gets nothing by it.
    let (button, data) = (shown.label, shown.data.unwrap());
    let back = data.replace("refund", "back");
    let card = world.telegram.look(|s| s.replies(&jo).last().unwrap().id);
    world.telegram.presses_data(jo.user, jo.user, card, &back);
    world.settle().await;
    assert!(world.sees(&jo).contains(phrases::NOT_YOUR_JAR));
    nina.presses(&button);
    world.settle().await;
    assert!(world.sees(&nina).contains("Give 75 Stars back to jo?"));
    // The answer to the refund is lost; asked again, the server says that it is done.
    world
        .telegram
        .fault(On::method("refundStarPayment").times(1), Fault::ResetAfter);
    nina.presses("Give it back");
    world.settle().await;
    let said = world.sees(&nina);
    assert!(said.contains("75 Stars went back to jo."), "{said}");
    assert!(
        world
            .telegram
            .look(|s| s.charges()[0].refunded && s.charges()[0].id == charge)
    );
    assert_eq!(ledger(&world).await, [""; 0]);
    assert_eq!(states(&world).await, ["stars refunded 75 0 "]);
    assert_eq!(
        events(&world).await,
        ["fan_joined", "tip_received", "tip_refunded"]
    );
    world.sees(&jo);
    world.finish().await;
}

/// Refund, payment, both again: by webhook, out of order.
async fn a_refund_comes_before_its_payment(engine: Engine) {
    let (world, _nina) = nina(engine).await;
    let refund = json!({"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 400,
        "currency": "eur", "metadata": {"tip_id": "x"}});
    let session = json!({"id": "cs_1", "payment_intent": "pi_1", "amount_total": 1_500,
        "currency": "eur", "payment_status": "paid", "metadata": {"tip_id": "x"},
        "customer_details": {"email": "jo@example.test", "name": "Jo"}});
    assert_eq!(
        stripe(&world, "evt_1", "charge.refunded", refund.clone()).await,
        200
    );
    world.settle().await;
    assert_eq!(states(&world).await, ["stripe pending 0 0 "]);
    assert_eq!(
        stripe(
            &world,
            "evt_2",
            "checkout.session.completed",
            session.clone()
        )
        .await,
        200
    );
    world.settle().await;
    assert_eq!(states(&world).await, ["stripe partly 1500 1100 "]);
    for (id, kind, object) in [
        ("evt_1", "charge.refunded", &refund),
        ("evt_2", "checkout.session.completed", &session),
        (
            "evt_3",
            "checkout.session.async_payment_succeeded",
            &session,
        ),
        ("evt_4", "charge.refunded", &refund),
    ] {
        assert_eq!(stripe(&world, id, kind, object.clone()).await, 200);
    }
    world.settle().await;
    assert_eq!(
        ledger(&world).await,
        ["artist EUR -1100", "stripe:cash EUR 1100"]
    );
    let dispute = |status: &str| {
        json!({"id": "dp_1", "charge": "ch_1", "payment_intent": "pi_1", "amount": 1_100,
            "currency": "eur", "status": status, "balance_transactions": [{"fee": 1_500}]})
    };
    // The end of the dispute is told before its beginning.
    let lost = dispute("lost");
    assert_eq!(
        stripe(&world, "evt_6", "charge.dispute.closed", lost).await,
        200
    );
    let open = dispute("needs_response");
    assert_eq!(
        stripe(&world, "evt_5", "charge.dispute.created", open).await,
        200
    );
    let payout = json!({"id": "po_1", "amount": 5_000, "currency": "eur", "status": "paid"});
    assert_eq!(stripe(&world, "evt_7", "payout.paid", payout).await, 200);
    world.settle().await;

    assert_eq!(states(&world).await, ["stripe lost 1500 -1500 "]);
    assert_eq!(
        ledger(&world).await,
        ["fees:stripe EUR 1500", "stripe:cash EUR -1500"]
    );
    let mut seen = events(&world).await;
    seen.sort();
    assert_eq!(
        seen,
        [
            "payout_ended",
            "tip_disputed",
            "tip_received",
            "tip_refunded"
        ]
    );
    // Nothing of what Stripe told stays but what the tip is made of.
    let told = "SELECT payload FROM jobs WHERE kind = 'tip' AND payload <> '{}'";
    assert_eq!(world.read(told).await, [""; 0]);
    world.finish().await;
}

/// Money that is free is worth a word.
#[tokio::test]
async fn what_can_be_paid_out_is_told_once_a_month() {
    let (world, _nina) = nina(Engine::Sqlite).await;
    // Three times within a month it is said to be there, once it is worth a word; not before she agrees to one.
    for n in 0..3 {
        let sums =
            json!([{"amount": 9_000 + n, "currency": "eur"}, {"amount": 0, "currency": "usd"}]);
        let balance = json!({"object": "balance", "available": sums, "pending": []});
        let event = format!("evt_8{n}");
        assert_eq!(
            stripe(&world, &event, "balance.available", balance).await,
            200
        );
    }
    world.settle().await;
    let worth = "SELECT kind || ': ' || text FROM nudges";
    let text = "**90.00 EUR** can be paid out to your bank by now. Shall we look at it?";
    assert_eq!(
        world.read(worth).await,
        [format!("payout_available: {text}")]
    );
    world.finish().await;
}

#[tokio::test]
async fn payments_that_are_not_right_are_refused_with_a_reason() {
    let (world, nina) = nina(Engine::Sqlite).await;
    let jo = world.person("jo");
    jo.says("/tip 50");
    world.settle().await;
    world.sees(&jo);
    let url = link(&world, &jo);
    let asked = world.read("SELECT id FROM tip_asks").await.remove(0);
    let forged = async |amount, currency: &str, payload: &str| {
        let payment = world
            .telegram
            .begins_to_forge(jo.user, amount, currency, payload);
        world.telegram.until_paid(payment).await.unwrap_err()
    };
    assert!(forged(5, "XTR", &asked).await.contains("over 50 Stars"));
    assert!(forged(50, "USD", &asked).await.contains("over 50 Stars"));
    assert!(forged(-50, "XTR", &asked).await.contains("over 50 Stars"));
    assert_eq!(
        forged(50, "XTR", "ask_0000000000000000000000001").await,
        phrases::TIP_UNKNOWN
    );
    assert_eq!(forged(50, "XTR", "'; --").await, phrases::TIP_UNKNOWN);
    nina.says("/tip close");
    world.settle().await;
    world.sees(&nina);
    let closed = world.telegram.pays(jo.user, &url).await;
    assert_eq!(closed, Err(phrases::JAR_CLOSED.to_owned()));
    for (words, answer) in [
        ("/tip 50", phrases::NO_JAR),
        ("/tip 50 nina", "The tip jar of Nina is closed"),
        ("/tip open", phrases::NOT_YOUR_JAR),
        ("/tip refund", phrases::NOT_YOUR_JAR),
        ("/tip nobody", "I know no tip jar called \"nobody\""),
        ("/terms", "A tip is a voluntary gift to Nina"),
        ("/paysupport", "Something wrong with a payment?"),
    ] {
        jo.says(words);
        world.settle().await;
        let said = world.sees(&jo);
        assert!(said.contains(answer), "{words}: {said}");
    }
    nina.says("/tip open");
    world.settle().await;
    world.sees(&nina);
    for (words, answer) in [
        ("/tip 0", "at least 1 Star and at most 10000 Stars"),
        ("/tip -5", "at least 1 Star"),
        ("/tip 99999999999999999999", "at least 1 Star"),
        ("/tip 2.5", "at least 1 Star"),
        ("/tip 10001", "at most 10000 Stars"),
    ] {
        jo.says(words);
        world.settle().await;
        let said = world.sees(&jo);
        assert!(said.contains(answer), "{words}: {said}");
    }
    jo.says("/paysupport it was taken twice\nplease help");
    world.settle().await;
    assert!(world.sees(&jo).contains("I brought it to the team of Nina"));
    let said = world.sees(&nina);
    assert!(
        said.contains("jo asks for help") && said.contains("taken twice"),
        "{said}"
    );
    // The words alone lead there, too, and no model is asked for it.
    jo.says("I want to tip Nina");
    world.settle().await;
    let said = world.sees(&jo);
    assert!(said.contains("[50 Stars]"), "{said}");
    assert_eq!(states(&world).await, [""; 0]);
    world.finish().await;
}

/// A payment that was never asked for, one that is told twice, one of nothing.
#[tokio::test]
async fn money_that_came_is_never_lost() {
    let (world, _nina) = nina(Engine::Sqlite).await;
    let jo = world.friend("jo").await;
    let charge = world
        .telegram
        .charges(jo.user, (40, "no ask of ours"), true);
    world.settle().await;
    assert_eq!(
        states(&world).await,
        ["stars received 40 40 "],
        "there is one artist only"
    );
    world.telegram.gives_back(&charge);
    world.telegram.gives_back(&charge);
    world.telegram.charges(jo.user, (0, ""), true);
    world.telegram.charges(jo.user, (i64::MAX, ""), true);
    world.settle().await;
    let trouble = "stars pending";
    let states = states(&world).await;
    assert_eq!(states[0], "stars refunded 40 0 ");
    assert!(
        states[1].starts_with(trouble) && states[2].starts_with(trouble),
        "{states:?}"
    );
    assert_eq!(ledger(&world).await, [""; 0]);
    world.sees(&jo);
    world.finish().await;
}

#[tokio::test]
async fn pages_elsewhere_tell_by_webhook() {
    let (world, nina) = nina(Engine::Sqlite).await;
    let token = "0b1c7a52-aaaa-4000-8000-00000000beef";
    let kofi = async |change: fn(&mut Value), token: &str| {
        let mut data = json!({"verification_token": token, "message_id": "m1",
            "timestamp": "2026-11-20T14:22:31Z", "type": "Donation", "is_public": true,
            "from_name": "Jo", "message": "Great set!", "amount": "5.00", "currency": "USD",
            "email": "jo@example.test"});
        change(&mut data);
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("data", &data.to_string());
        let kind = "application/x-www-form-urlencoded".to_owned();
        post(&world, "kofi", (form.finish(), ("Content-Type", kind))).await
    };
    assert_eq!(kofi(|_| {}, token).await, 404, "nobody has set it up");
    let secret = nina.says(&format!("/tip kofi {token}"));
    world.settle().await;
    assert!(world.sees(&nina).contains("I keep that sealed"));
    assert!(
        world
            .telegram
            .look(|s| s.messages(&nina).all(|msg| msg.id != secret || msg.deleted))
    );
    let stored = "SELECT payload FROM jobs UNION ALL SELECT sealed FROM tip_secrets
        UNION ALL SELECT text FROM messages UNION ALL SELECT content FROM outbound";
    let stored = world.read(stored).await;
    assert!(
        stored.iter().all(|text| !text.contains("beef")),
        "it is sealed"
    );
    assert_eq!(kofi(|_| {}, "wrong").await, 401);
    assert_eq!(kofi(|data| data["message_id"] = json!(7), token).await, 400);
    assert_eq!(
        kofi(|data| data["type"] = json!("Shop Order"), token).await,
        200
    );
    assert_eq!(kofi(|_| {}, token).await, 200);
    assert_eq!(kofi(|_| {}, token).await, 200);
    world.settle().await;
    assert_eq!(states(&world).await, ["kofi received 500 500 "]);
    assert_eq!(
        ledger(&world).await,
        ["artist USD -500", "kofi:cash USD 500"]
    );
    nina.says("/tip buymeacoffee coffee-secret");
    world.settle().await;
    world.sees(&nina);
    let coffee = json!({"type": "donation.created", "created": 1_790_000_000, "data": {
        "amount": 5.25, "currency": "USD", "supporter_name": "Sam", "transaction_id": "t1"}});
    let body = coffee.to_string();
    let good = sign("coffee-secret", body.as_bytes());
    let send = async |body: &str, proof: &str| {
        let header = ("X-Signature-Sha256", proof.to_owned());
        post(&world, "buymeacoffee", (body.to_owned(), header)).await
    };
    assert_eq!(send(&body, "00").await, 401);
    assert_eq!(send(&body.replace("5.25", "9.25"), &good).await, 401);
    assert_eq!(send(&body, &good).await, 200);
    what_is_no_payment(&world).await;
    world.settle().await;
    assert_eq!(states(&world).await.len(), 2);
    nina.says("/tip");
    world.settle().await;
    let said = world.sees(&nina);
    assert!(said.contains("The tip jar of Nina is open."), "{said}");
    world.finish().await;
}

/// What comes too late, makes no sense, is about something else, or is too much.
async fn what_is_no_payment(world: &World) {
    let (old, _) = stripe_event("evt_1", "charge.refunded", &json!({"id": "ch"}));
    let stale = format!(
        "t=1790000000,v1={}",
        sign(STRIPE, format!("1790000000.{old}").as_bytes())
    );
    let header = ("Stripe-Signature", stale);
    assert_eq!(
        post(world, "stripe", (old, header)).await,
        401,
        "recorded long ago"
    );
    assert_eq!(
        stripe(world, "evt_2", "charge.refunded", json!([])).await,
        400
    );
    assert_eq!(
        stripe(world, "evt_3", "customer.created", json!({"id": "c"})).await,
        200
    );
    let big = ("Stripe-Signature", String::new());
    assert_eq!(post(world, "stripe", ("x".repeat(300_000), big)).await, 413);
}

/// However many turns run, whoever pays is answered at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_does_not_wait_for_five_hundred_turns() {
    let (world, _nina) = nina_with(Engine::Sqlite, |options| {
        options.set("TONEY__JOBS__SIDE_BY_SIDE", 600);
    })
    .await;
    let jo = world.person("jo");
    jo.says("/tip 50");
    world.settle().await;
    world.sees(&jo);
    let url = link(&world, &jo);
    world.model.hold();
    let people: Vec<Person> = (0..500).map(|n| world.person(&format!("p{n}"))).collect();
    for person in &people {
        person.says("how do I plan a release?");
    }
    let begun = Instant::now();
    for (n, person) in people.iter().enumerate().take(20) {
        let unknown = format!("ask_{n:0>25}");
        let payment = world.telegram.begins_to_forge(jo.user, 49, "XTR", &unknown);
        person.says("and then?");
        assert!(world.telegram.until_paid(payment).await.is_err());
    }
    let paid = world.telegram.pays(jo.user, &url).await;
    assert!(paid.is_ok(), "{paid:?}");
    let mut times = world.telegram.checkout_times();
    times.sort();
    let worst = times[times.len() - 1];
    println!(
        "{} answers within {worst:?}, {:?} in all",
        times.len(),
        begun.elapsed()
    );
    assert!(worst < Duration::from_secs(2), "{worst:?}");
    world.model.release();
    world.settle().await;
    for person in &people {
        world.sees(person);
    }
    world.sees(&jo);
    world.finish().await;
}

/// On Discord a fan is shown where to pay.
#[tokio::test]
async fn a_card_with_links_on_discord() {
    let world = World::with(|options| options.discord = true).await;
    let nina = world.invited("nina", ("Nina", Standing::Artist)).await;
    nina.says("/tip open");
    world.settle().await;
    nina.says("/tip kofi https://ko-fi.com/nina");
    world.settle().await;
    world.sees(&nina);
    let jo = world.discord.user("jo");
    let channel = world.discord.dm(jo);
    world.discord.says(jo, channel, "/tip nina");
    let come = |discord: &crate::sim::discord::Discord| !discord.bot_messages(channel).is_empty();
    assert!(
        world
            .discord
            .wait_until(Duration::from_secs(20), come)
            .await
    );
    world.settle().await;
    let card = world.discord.bot_messages(channel).remove(0);
    assert!(
        card.content.contains("A tip for **Nina**? Choose how."),
        "{}",
        card.content
    );
    let pages = [
        "https://t.me/toney_bot?start=tip_nina",
        "https://ko-fi.com/nina",
    ];
    assert_eq!(card.pages, pages);
    world.finish().await;
}

/// A card: the page, the payment, what Stripe kept, a part that goes back, and a look into Stripe's own list.
#[tokio::test]
async fn a_fan_pays_by_card() {
    let stripe_api = Stripe::start().await;
    let url = stripe_api.url();
    let (world, nina) = nina_with(Engine::Sqlite, |options| {
        options.set("STRIPE_SECRET_KEY", stripe::KEY);
        options.set("TONEY__TIPS__STRIPE_URL", url);
        options.set("TONEY__TIPS__FEE_AFTER_SECONDS", 0);
    })
    .await;
    nina.says("/tip cards EUR 3 5");
    world.settle().await;
    world.sees(&nina);
    let jo = world.person("jo");
    jo.says("/tip nina");
    world.settle().await;
    let said = world.sees(&jo);
    assert!(said.contains("[250 Stars] [3.00 EUR] [5.00 EUR]"), "{said}");
    stripe_api.fails(1);
    jo.presses("5.00 EUR");
    world.settle().await;
    let said = world.sees(&jo);
    assert!(said.contains("[Pay 5.00 EUR]"), "{said}");
    let mut session = stripe_api.sessions().remove(0);
    assert_eq!(link(&world, &jo), session["url"].as_str().unwrap());
    let unpaid = session.clone();
    assert_eq!(
        told(&world, "evt_1", "checkout.session.completed", unpaid).await,
        200
    );
    assert_eq!(states(&world).await, [""; 0], "paid later");
    stripe_api.pays(&session);
    session["payment_status"] = json!("paid");
    let kind = "checkout.session.async_payment_succeeded";
    assert_eq!(told(&world, "evt_2", kind, session.clone()).await, 200);
    world.settle().await;
    assert!(world.sees(&jo).contains("Your 5.00 EUR reached Nina."));
    assert_eq!(states(&world).await, ["stripe received 500 455 "]);
    let mut seen = events(&world).await;
    seen.sort();
    assert_eq!(seen, ["fan_joined", "tip_received"]);
    let charge = stripe_api.gives_back(0, 200);
    assert_eq!(told(&world, "evt_3", "charge.refunded", charge).await, 200);
    world.settle().await;
    assert_eq!(states(&world).await, ["stripe partly 500 255 "]);
    assert_eq!(
        ledger(&world).await,
        [
            "artist EUR -300",
            "fees:stripe EUR 45",
            "stripe:cash EUR 255"
        ]
    );
    let failed = "checkout.session.async_payment_failed";
    assert_eq!(told(&world, "evt_4", failed, session).await, 200);
    world.settle().await;
    assert!(world.sees(&jo).contains(phrases::PAYMENT_FAILED));
    let client = toney::external::stripe::Stripe::new(&stripe_api.url(), stripe::KEY).unwrap();
    let balance = client.balance().await.unwrap();
    let shown =
        |all: &[toney::model::Money]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown(&balance.withdrawn), ["22.00 USD"]);
    assert_eq!((balance.available.len(), balance.pending.len()), (1, 1));
    let wrong = toney::external::stripe::Stripe::new(&stripe_api.url(), "sk_other").unwrap();
    let refused = wrong.balance().await.unwrap_err().to_string();
    assert_eq!(refused, "Stripe refuses: 401 api_key_invalid");
    assert_eq!(stripe_api.violations(), ["a request without the key"]);
    world.finish().await;
}

async fn told(world: &World, id: &str, kind: &str, object: Value) -> u16 {
    let status = stripe(world, id, kind, object).await;
    world.settle().await;
    status
}

/// Money of which no word came is found in the providers' own lists, and booked.
#[tokio::test]
async fn what_was_missed_is_found_and_booked() {
    let stripe_api = Stripe::start().await;
    let url = stripe_api.url();
    let (world, _nina) = nina_with(Engine::Sqlite, |options| {
        options.set("STRIPE_SECRET_KEY", stripe::KEY);
        options.set("TONEY__TIPS__STRIPE_URL", url);
        options.set("TONEY__TIPS__FEE_AFTER_SECONDS", 0);
    })
    .await;
    let jo = world.friend("jo").await;
    for n in 1..=120 {
        world.telegram.charges(jo.user, (n, "missed"), false);
    }
    let told = world.telegram.charges(jo.user, (500, "told"), true);
    world.settle().await;
    world.sees(&jo);
    for n in 0..3 {
        let session = json!({"amount_total": 700, "currency": "eur", "payment_intent": format!("pi_{n}"),
            "metadata": {"tip_id": "x"}});
        stripe_api.pays(&session);
    }
    stripe_api.pays(
        &json!({"amount_total": 9_900, "currency": "eur", "payment_intent": "pi_shop",
        "metadata": {}}),
    );
    stripe_api.gives_back(1, 700);
    let changed = format!("UPDATE tips SET gross = 400 WHERE external_id = '{told}'");
    world.write(&changed).await;
    let (status, out) = world.toney(&["tips", "reconcile", "--json"]).await;
    let looked: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}"));
    assert_eq!(looked["seen"], 124, "{out}");
    assert_eq!(
        looked["missing"].as_array().unwrap().len(),
        120 + 3 + 1 + 3,
        "{out}"
    );
    assert_eq!(looked["differs"].as_array().unwrap().len(), 1, "{out}");
    assert_eq!(status, 1, "something differs");
    world.settle().await;
    let sums = "SELECT account || ' ' || CAST(SUM(minor) AS TEXT) FROM ledger_entries
        WHERE account LIKE '%:cash' GROUP BY account ORDER BY 1";
    let stars = 120 * 121 / 2 + 500;
    let expected = [
        format!("stars:cash {stars}"),
        format!("stripe:cash {}", 2 * 700 - 3 * 45),
    ];
    assert_eq!(world.read(sums).await, expected);
    world.write(&changed.replace("400", "500")).await;
    let (status, out) = world.toney(&["tips", "reconcile"]).await;
    assert_eq!(status, 0, "{out}");
    assert!(!out.contains("missing") && out.contains("Stars"), "{out}");
    let (_, out) = world
        .toney(&["tips", "--artist", "Nina", "--limit", "200"])
        .await;
    assert_eq!(out.lines().count(), 124, "{out}");
    let (_, out) = world.toney(&["tips", "--json"]).await;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&out).unwrap().len(), 50);
    let (_, out) = world.toney(&["artists"]).await;
    assert!(out.contains("Nina  /tip nina"), "{out}");
    let store = world.store().await;
    let artist = store.artist("Nina").await.unwrap().unwrap().id;
    let sums = store.tip_sums(artist).await.unwrap();
    let eur = sums.iter().find(|sum| sum.currency == "EUR").unwrap();
    assert_eq!(
        (eur.tips, eur.gross, eur.fee, eur.refunded),
        (3, 2_100, 135, 700)
    );
    assert_eq!((eur.lost, eur.net), (0, 2_100 - 135 - 700));
    world.sees(&jo);
    world.finish().await;
}

/// What was given stays in the books; by whom does not.
#[tokio::test]
async fn a_fan_who_is_erased_leaves_the_sums_alone() {
    let (world, _nina) = nina(Engine::Sqlite).await;
    let jo = world.person("jo");
    jo.says("/tip 50 hello from jo");
    world.settle().await;
    world.sees(&jo);
    let url = link(&world, &jo);
    world.telegram.pays(jo.user, &url).await.unwrap();
    world.settle().await;
    world.sees(&jo);
    let store = world.store().await;
    let person = store
        .find_person(&format!("telegram:{}", jo.user.id))
        .await
        .unwrap()
        .unwrap();
    let kept = store.export_person(person).await.unwrap();
    assert_eq!(kept["tips"][0]["message"], "hello from jo");
    store.erase_person(person).await.unwrap();
    let left = "SELECT name || person_id || payer || message || address || ' ' || state FROM tips";
    assert_eq!(world.read(left).await, [" received"]);
    assert_eq!(world.read("SELECT id FROM tip_asks").await, [""; 0]);
    assert_eq!(
        ledger(&world).await,
        ["artist XTR -50", "stars:cash XTR 50"]
    );
    world.finish().await;
}
