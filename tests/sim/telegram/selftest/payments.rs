//! Stars: what the server asks, takes and refuses.

use serde_json::json;

use super::{Client, SimOptions, Telegram};

#[tokio::test]
async fn a_payment_needs_an_answer_and_is_charged_once() {
    let tg = Telegram::start(SimOptions::default()).await;
    let (bot, jo) = (Client::new(&tg), tg.person("jo"));
    tg.says(jo, jo, "hello");
    let invoice = json!({"title": "A tip", "description": "For Nina", "payload": "ask_1",
        "provider_token": "", "currency": "XTR", "prices": [{"label": "A tip", "amount": 50}]});
    let url = bot.ok("createInvoiceLink", invoice).await;
    let refused = tg.begins_to_pay(jo, url.as_str().unwrap());
    let no = json!({"pre_checkout_query_id": "checkout0", "ok": false, "error_message": "closed"});
    bot.ok("answerPreCheckoutQuery", no.clone()).await;
    assert_eq!(tg.until_paid(refused).await, Err("closed".to_owned()));
    let again = bot.refused("answerPreCheckoutQuery", no).await;
    assert!(again.contains("query is too old"), "{again}");
    let paid = tg.begins_to_pay(jo, url.as_str().unwrap());
    bot.ok(
        "answerPreCheckoutQuery",
        json!({"pre_checkout_query_id": "checkout1", "ok": true}),
    )
    .await;
    let charge = tg.until_paid(paid).await.unwrap();
    assert_eq!(
        bot.ok("getMyStarBalance", json!({})).await,
        json!({"amount": 50})
    );
    let back = json!({"user_id": jo.id, "telegram_payment_charge_id": charge});
    let other = json!({"user_id": 1, "telegram_payment_charge_id": charge});
    assert!(
        bot.refused("refundStarPayment", other)
            .await
            .contains("USER_ID_INVALID")
    );
    bot.ok("refundStarPayment", back.clone()).await;
    let twice = bot.refused("refundStarPayment", back).await;
    assert!(twice.contains("CHARGE_ALREADY_REFUNDED"), "{twice}");
    let listed = bot
        .ok("getStarTransactions", json!({"offset": 0, "limit": 10}))
        .await;
    let listed = listed["transactions"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|one| one["id"] == json!(charge)));
    assert!(listed[0]["source"].is_object() && listed[1]["receiver"].is_object());
    tg.assert_clean();
}

#[tokio::test]
async fn invoices_that_the_server_refuses() {
    let tg = Telegram::start(SimOptions::default()).await;
    let bot = Client::new(&tg);
    let price = json!([{"label": "A tip", "amount": 50}]);
    let two = json!([{"label": "A", "amount": 5}, {"label": "B", "amount": 5}]);
    let none = json!([{"label": "A", "amount": 0}]);
    let invoice = |title: &str, payload: &str, token: &str, prices: &serde_json::Value| {
        json!({"title": title, "description": "d", "payload": payload, "provider_token": token,
            "currency": "XTR", "prices": prices})
    };
    for odd in [
        invoice("", "p", "", &price),
        invoice(&"t".repeat(33), "p", "", &price),
        invoice("t", "", "", &price),
        invoice("t", &"p".repeat(129), "", &price),
        invoice("t", "p", "a token", &price),
        invoice("t", "p", "", &two),
        invoice("t", "p", "", &none),
    ] {
        let refused = bot.refused("createInvoiceLink", odd.clone()).await;
        assert!(refused.starts_with("400"), "{odd}: {refused}");
    }
    assert_eq!(tg.take_violations().len(), 7);
}
