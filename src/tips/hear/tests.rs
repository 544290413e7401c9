use serde_json::{Value, json};

use super::*;

const NOW: Time = Time::from_ms(1_795_000_000_000);

fn data(name: &str) -> Value {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn heard(provider: &str, body: &str) -> Heard {
    hear(provider, body.as_bytes(), NOW).unwrap().0
}

fn event(kind: &str, object: &Value) -> Heard {
    let event = json!({"id": "evt_1", "object": "event", "type": kind, "created": 1_790_000_000,
        "data": {"object": object}});
    heard(STRIPE, &event.to_string())
}

fn tip(heard: Heard) -> (String, Giver, Fact) {
    match heard {
        Heard::Tip {
            external,
            giver,
            fact,
        } => (external, *giver, fact),
        other => panic!("{other:?} is about no tip"),
    }
}

fn paid(gross: i64, currency: &str, at: i64) -> Fact {
    Fact::Paid {
        gross,
        currency: currency.to_owned(),
        at: Time::from_ms(at),
    }
}

#[test]
fn the_vectors_are_understood() {
    let vectors = data("webhook-vectors.json");
    let body = |name: &str| vectors[name]["body"].as_str().unwrap().to_owned();
    let (external, giver, fact) = tip(heard(STRIPE, &body("stripe")));
    assert_eq!(external, "cs_test_toney_0001");
    assert_eq!(fact, paid(1_500, "usd", 1_790_000_000_000));
    assert_eq!(
        (giver.artist.as_str(), giver.ask.as_str()),
        ("", ""),
        "ids of others are none"
    );
    let (external, giver, fact) = tip(heard(COFFEE, &body("buy_me_a_coffee")));
    assert_eq!(external, "pi_toney_bmc_1");
    assert_eq!(
        (giver.name.as_str(), giver.email.as_str()),
        ("Sam", "sam@example.test")
    );
    assert_eq!(fact, paid(500, "USD", 1_790_000_000_000));
    let (external, giver, fact) = tip(heard(KOFI, &kofi_body(&vectors["ko_fi"]["data"])));
    assert_eq!(external, "3a1fac0c-0000-4000-8000-000000000001");
    assert_eq!(
        (giver.message.as_str(), giver.is_public),
        ("Great set!", true)
    );
    let Fact::Paid { gross, at, .. } = fact else {
        panic!("not paid");
    };
    assert_eq!((gross, at.ms() / 1000), (500, 1_795_184_551));
}

fn kofi_body(data: &Value) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("data", &data.to_string());
    form.finish()
}

#[test]
fn the_published_objects_of_stripe_are_understood() {
    let fixtures = data("stripe-fixtures.json");
    let resource = |name: &str| fixtures["resources"][name].clone();
    let mut session = resource("checkout.session");
    assert_eq!(
        event("checkout.session.completed", &session),
        Heard::Nothing,
        "no tip of ours"
    );
    session["metadata"] = json!({"tip_id": "ask_0000000000000000000000001"});
    session["payment_status"] = json!("unpaid");
    session["amount_total"] = json!(1_500);
    session["currency"] = json!("eur");
    session["payment_intent"] = json!("pi_1");
    assert_eq!(
        event("checkout.session.completed", &session),
        Heard::Nothing,
        "paid later"
    );
    let (external, giver, fact) = tip(event("checkout.session.async_payment_succeeded", &session));
    assert_eq!(
        (external.as_str(), fact),
        ("pi_1", paid(1_500, "eur", 1_790_000_000_000))
    );
    assert_eq!(giver.ask, "ask_0000000000000000000000001");
    let failed = event("checkout.session.async_payment_failed", &session);
    assert!(matches!(failed, Heard::Failed { ask, .. } if ask == giver.ask));

    let mut charge = resource("charge");
    charge["amount_refunded"] = json!(700);
    charge["payment_intent"] = json!({"id": "pi_1", "object": "payment_intent"});
    let (external, _, fact) = tip(event("charge.refunded", &charge));
    let currency = charge["currency"].as_str().unwrap().to_owned();
    assert_eq!(
        (external.as_str(), fact),
        (
            "pi_1",
            Fact::Refunded {
                total: 700,
                currency
            }
        )
    );

    let mut dispute = resource("dispute");
    dispute["payment_intent"] = json!("pi_1");
    dispute["balance_transactions"] = json!([{"fee": 1_500}, {"fee": -1_500}]);
    for (status, kind, expected) in [
        ("needs_response", "charge.dispute.created", None),
        ("lost", "charge.dispute.closed", Some(false)),
        ("won", "charge.dispute.closed", Some(true)),
        ("warning_closed", "charge.dispute.closed", Some(true)),
    ] {
        dispute["status"] = json!(status);
        let (external, _, fact) = tip(event(kind, &dispute));
        let Fact::Disputed { won, fee, .. } = fact else {
            panic!("no dispute");
        };
        assert_eq!((external.as_str(), won, fee), ("pi_1", expected, 0));
    }
    let payout = event("payout.paid", &resource("payout"));
    assert!(
        matches!(
            payout,
            Heard::Payout {
                paid: true,
                gross: Some(_),
                ..
            }
        ),
        "{payout:?}"
    );
    assert_eq!(
        event("customer.created", &resource("customer")),
        Heard::Nothing
    );
}

#[test]
fn what_can_be_paid_out_is_understood() {
    let fixtures = data("stripe-fixtures.json");
    let resource = |name: &str| fixtures["resources"][name].clone();
    let mut balance = resource("balance");
    let nothing = event("balance.available", &balance);
    assert!(
        matches!(&nothing, Heard::Available { sums, .. } if sums.is_empty()),
        "{nothing:?}"
    );
    balance["available"][0]["amount"] = json!(12_000);
    let some = event("balance.available", &balance);
    let usd = Money {
        minor: 12_000,
        currency: Currency::USD,
    };
    assert!(
        matches!(&some, Heard::Available { sums, .. } if *sums == [usd]),
        "{some:?}"
    );
}

#[test]
fn what_is_no_tip_or_no_sense_is_told_apart() {
    for kind in ["Shop Order", "Commission", ""] {
        let order = json!({"message_id": "m", "type": kind, "amount": "5", "currency": "USD"});
        assert_eq!(heard(KOFI, &kofi_body(&order)), Heard::Nothing);
    }
    for (provider, body) in [
        (STRIPE, "{}"),
        (STRIPE, "not json"),
        (
            STRIPE,
            r#"{"id":"evt_1","type":"charge.refunded","data":{"object":[]}}"#,
        ),
        (KOFI, "data="),
        (KOFI, "other=1"),
        (KOFI, "data=%7B%7D"),
        (COFFEE, "{}"),
        (COFFEE, ""),
        ("other", "{}"),
    ] {
        assert_eq!(
            hear(provider, body.as_bytes(), NOW),
            Err(Nonsense),
            "{provider} {body}"
        );
    }
    let coffee = |kind: &str, amount: &str| {
        let body = format!(
            r#"{{"type":"{kind}","data":{{"transaction_id":"t","amount":{amount},"currency":"USD"}}}}"#
        );
        heard(COFFEE, &body)
    };
    let gross = |heard| match tip(heard).2 {
        Fact::Paid { gross, .. } => gross,
        Fact::Refunded { total, .. } => total,
        other => panic!("{other:?}"),
    };
    // No amount goes through a floating point number on its way.
    assert_eq!(gross(coffee("donation.created", "0.1")), 10);
    assert_eq!(gross(coffee("donation.created", "\"19.99\"")), 1_999);
    assert_eq!(gross(coffee("donation.created", "1e9")), 0);
    assert_eq!(gross(coffee("donation.created", "null")), 0);
    assert_eq!(gross(coffee("donation.refunded", "5")), 500);
    assert_eq!(coffee("shop_order.created", "5"), Heard::Nothing);
    assert_eq!(coffee("membership.updated", "5"), Heard::Nothing);
    let old = r#"{"response":{"supporter_email":"a@b.c","total_amount":"3.00","currency":"EUR"}}"#;
    assert_eq!(gross(heard(COFFEE, old)), 300);
}
