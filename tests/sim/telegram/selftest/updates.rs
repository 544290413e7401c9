//! Long polling, webhooks, repeated and broken updates.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::super::{Fault, On, State, Telegram};
use super::plain;

fn ids(updates: &[Value]) -> Vec<i64> {
    updates
        .iter()
        .map(|u| u["update_id"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn updates_stay_until_confirmed() {
    let (tg, ann, bot) = plain().await;
    tg.says(ann, ann, "two");
    tg.says(ann, ann, "three");
    let all = vec![500_001, 500_002, 500_003];
    assert_eq!(ids(&bot.updates(0, 0).await), all);
    assert_eq!(ids(&bot.updates(0, 0).await), all);
    let limited = bot.ok("getUpdates", json!({"limit": 2})).await;
    assert_eq!(limited.as_array().unwrap().len(), 2);
    assert_eq!(ids(&bot.updates(500_002, 0).await), all[1..]);
    assert_eq!(ids(&bot.updates(0, 0).await), all[1..]);
    assert_eq!(ids(&bot.updates(-1, 0).await), all[2..]);
    assert_eq!(tg.look(State::unconfirmed), 1);
    assert!(bot.updates(500_004, 0).await.is_empty());
    // Through form and query, as the real server takes them.
    let url = format!("{}/getupdates?timeout=0&offset=0", bot.base);
    let answer: Value = bot
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer, json!({"ok": true, "result": []}));
    let form = bot.http.post(format!("{}/SendMessage", bot.base));
    let form = form.header("Content-Type", "application/x-www-form-urlencoded");
    let answer = form
        .body(format!("chat_id={}&text=by+form", ann.id))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert!(tg.render(ann).ends_with("toney: by form"));
    tg.assert_clean();
}

#[tokio::test]
async fn a_waiting_poll_wakes_and_a_newer_one_ends_it() {
    let (tg, ann, bot) = plain().await;
    bot.updates(500_002, 0).await;
    let say = async {
        tg.until("a waiting poll", State::polling).await;
        tg.says(ann, ann, "news");
    };
    let (got, ()) = tokio::join!(bot.updates(500_002, 10), say);
    assert_eq!(got[0]["message"]["text"], "news");
    let newer = async {
        tg.until("a waiting poll", State::polling).await;
        bot.updates(500_003, 0).await
    };
    let params = json!({"offset": 500_003, "timeout": 10});
    let (older, newer) = tokio::join!(bot.refused("getUpdates", params), newer);
    assert!(
        older.starts_with("409 Conflict: terminated by other getUpdates request"),
        "{older}"
    );
    assert!(newer.is_empty());
    tg.until("nobody to wait", |s| !s.polling()).await;
}

#[tokio::test]
async fn a_poll_ends_with_its_client() {
    let (tg, _, bot) = plain().await;
    let poll = bot.try_call("getUpdates", json!({"offset": 900_000, "timeout": 10}));
    let seen = tg.until("a waiting poll", State::polling);
    tokio::select! {
        _ = poll => panic!("nothing to poll"),
        () = seen => {}
    }
    drop(bot);
    tg.until("nobody to wait", |s| !s.polling()).await;
}

#[tokio::test]
async fn kinds_that_are_not_allowed_are_left_out() {
    let (tg, ann, bot) = plain().await;
    bot.ok("getUpdates", json!({"allowed_updates": ["message"]}))
        .await;
    tg.presses_data(ann, ann, 1, "x");
    tg.says(ann, ann, "seen");
    assert_eq!(ids(&bot.updates(0, 0).await), [500_001, 500_002]);
}

#[tokio::test]
async fn repeated_unknown_and_broken_updates() {
    let (tg, ann, bot) = plain().await;
    let id = tg.transcript(ann)[0].update;
    bot.updates(id + 1, 0).await;
    tg.redeliver(id);
    assert_eq!(ids(&bot.updates(id + 1, 0).await), [id]);
    assert!(bot.updates(id + 1, 0).await.is_empty());
    let raw = tg.push_raw(json!({"telepathy": {"thought": "…"}}));
    assert_eq!(raw, id + 1);
    let got = bot.updates(raw, 0).await;
    assert_eq!(
        got,
        [json!({"update_id": raw, "telepathy": {"thought": "…"}})]
    );
    tg.push_garbage("{\"update_id\": no");
    assert!(
        bot.try_call("getUpdates", json!({"offset": raw + 1}))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_poll_can_stall() {
    let (tg, ann, bot) = plain().await;
    tg.fault(On::method("getUpdates"), Fault::Hang);
    let stalled = bot.try_call("getUpdates", json!({"timeout": 0}));
    let patience = std::time::Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, stalled).await.is_err());
    assert_eq!(bot.updates(0, 0).await.len(), 1);
    assert_eq!(tg.transcript(ann).len(), 1);
}

#[tokio::test]
async fn strangers_and_strange_calls_are_refused() {
    let (tg, ann, bot) = plain().await;
    let url = format!("{}/bot1:wrong/getMe", tg.url());
    let answer: Value = bot
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        answer,
        json!({"ok": false, "error_code": 401, "description": "Unauthorized"})
    );
    tg.assert_clean();
    for (method, params) in [
        ("sendTelepathy", json!({})),
        (
            "sendMessage",
            json!({"chat_id": ann.id, "text": "x", "colour": "red"}),
        ),
        ("sendMessage", json!({"chat_id": ann.id})),
        ("sendMessage", json!({"chat_id": ann.id, "text": 5})),
        (
            "sendMessage",
            json!({"chat_id": ann.id, "text": "x", "parse_mode": "HTML"}),
        ),
        ("getUpdates", json!({"limit": "many"})),
    ] {
        bot.refused(method, params.clone()).await;
        assert_eq!(tg.take_violations().len(), 1, "{method} {params}");
    }
    bot.refused(
        "setMyCommands",
        json!({"commands": [{"command": "Big", "description": "x"}]}),
    )
    .await;
    let commands = json!([{"command": "help", "description": "What I can do"}]);
    bot.ok("setMyCommands", json!({"commands": commands})).await;
    assert_eq!(bot.ok("getMyCommands", json!({})).await, commands);
    assert_eq!(tg.commands()[0].0, "help");
    tg.assert_clean();
}

/// A webhook endpoint that fails as often as it is told.
#[derive(Default)]
struct Endpoint {
    failures: Mutex<u32>,
    got: Mutex<Vec<(String, i64)>>,
    more: Notify,
}

async fn receive(
    Shared(endpoint): Shared<Arc<Endpoint>>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let mut failures = endpoint.failures.lock().unwrap();
    if *failures > 0 {
        *failures -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let update: Value = serde_json::from_str(&body).unwrap();
    let secret = headers["X-Telegram-Bot-Api-Secret-Token"]
        .to_str()
        .unwrap()
        .to_owned();
    let id = update["update_id"].as_i64().unwrap();
    endpoint.got.lock().unwrap().push((secret, id));
    endpoint.more.notify_one();
    StatusCode::OK
}

async fn hooked(tg: &Telegram) -> (Arc<Endpoint>, String) {
    let endpoint = Arc::new(Endpoint::default());
    let app = Router::new()
        .route("/hook", post(receive))
        .with_state(endpoint.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::runtime::Handle::current().spawn(async { axum::serve(listener, app).await });
    assert_ne!(tg.url(), url);
    (endpoint, url)
}

#[tokio::test]
async fn a_webhook_gets_everything_in_order_and_again_after_failures() {
    let (tg, ann, bot) = plain().await;
    let (endpoint, url) = hooked(&tg).await;
    *endpoint.failures.lock().unwrap() = 2;
    let form = reqwest::multipart::Form::new()
        .text("url", url.clone())
        .text("secret_token", "s-1");
    let set = bot
        .http
        .post(format!("{}/SetWebhook", bot.base))
        .multipart(form);
    assert_eq!(set.send().await.unwrap().status(), 200);
    let refused = bot.refused("getUpdates", json!({})).await;
    assert!(
        refused.starts_with("409 Conflict: can't use getUpdates"),
        "{refused}"
    );
    for i in 0..5 {
        tg.says(ann, ann, &i.to_string());
    }
    tg.until("all delivered", |s| s.unconfirmed() == 0).await;
    tg.redeliver(500_003);
    tg.until("delivered again", |s| s.unconfirmed() == 0).await;
    while endpoint.got.lock().unwrap().len() < 7 {
        endpoint.more.notified().await;
    }
    let got = endpoint.got.lock().unwrap().clone();
    assert!(got.iter().all(|(secret, _)| secret == "s-1"));
    let order: Vec<i64> = got.iter().map(|g| g.1).collect();
    assert_eq!(
        order,
        [
            500_001, 500_002, 500_003, 500_004, 500_005, 500_006, 500_003
        ]
    );
    let info = bot.ok("getWebhookInfo", json!({})).await;
    assert_eq!(info["url"], url);
    assert!(info["last_error_message"].as_str().unwrap().contains("500"));
    bot.refused(
        "setWebhook",
        json!({"url": url, "secret_token": "not allowed!"}),
    )
    .await;
    bot.ok("deleteWebhook", json!({})).await;
    assert!(bot.updates(0, 0).await.is_empty());
    tg.assert_clean();
}
