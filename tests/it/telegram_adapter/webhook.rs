//! Updates that Telegram brings.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;

use super::*;

type Door = Arc<Mutex<Option<(Arc<Telegram>, Desk)>>>;

async fn knock(Shared(door): Shared<Door>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let open = door.lock().unwrap().clone();
    let Some((bot, desk)) = open else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    let secret = headers
        .get("x-telegram-bot-api-secret-token")
        .map(|value| value.to_str().unwrap());
    match bot.webhook(&desk, secret, &body).await {
        Webhook::Stored => StatusCode::OK,
        Webhook::Stranger => StatusCode::UNAUTHORIZED,
        Webhook::Malformed => StatusCode::BAD_REQUEST,
        Webhook::Later => StatusCode::SERVICE_UNAVAILABLE,
        Webhook::NotHere => StatusCode::NOT_FOUND,
    }
}

#[tokio::test]
async fn updates_are_brought_to_the_webhook() {
    let door = Door::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new()
        .route("/webhook/telegram/main", post(knock))
        .with_state(Arc::clone(&door));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let sim = Sim::start(SimOptions::default()).await;
    let settings = Settings {
        webhook_url: Some(url),
        webhook_secret: Some("s3cret".to_owned()),
        ..settings(&sim)
    };
    let rig = Rig::with(sim, settings);
    *door.lock().unwrap() = Some((Arc::clone(&rig.bot), rig.desk.clone()));
    rig.sim
        .until("the webhook", |sim| sim.calls("setWebhook") == 1)
        .await;

    let ann = rig.sim.person("ann");
    rig.kept.full.store(true, Ordering::SeqCst);
    rig.sim.says(ann, ann, "hello");
    rig.until("a refusal", |kept| {
        kept.refused.load(Ordering::SeqCst).then_some(())
    })
    .await;
    rig.kept.full.store(false, Ordering::SeqCst);
    assert_eq!(rig.last(1).await.what, text("hello"));

    for wrong in [None, Some(""), Some("s3creT"), Some("s3cret ")] {
        assert_eq!(
            rig.bot
                .webhook(&rig.desk, wrong, b"{\"update_id\":1}")
                .await,
            Webhook::Stranger
        );
    }
    for body in [
        &b""[..],
        b"nonsense",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"{\"update_id\":\"1\"}",
    ] {
        assert_eq!(
            rig.bot.webhook(&rig.desk, Some("s3cret"), body).await,
            Webhook::Malformed
        );
    }
    let unknown = b"{\"update_id\":9,\"thought\":{}}";
    assert_eq!(
        rig.bot.webhook(&rig.desk, Some("s3cret"), unknown).await,
        Webhook::Stored
    );
    assert_eq!(rig.items(1).await.len(), 1);

    let sim = rig.sim.clone();
    rig.end().await;
    assert_eq!(
        (sim.calls("deleteWebhook"), sim.calls("getUpdates")),
        (0, 0)
    );
}

#[tokio::test]
async fn a_polling_bot_takes_no_webhook() {
    let rig = Rig::start().await;
    assert_eq!(
        rig.bot
            .webhook(&rig.desk, Some("x"), b"{\"update_id\":1}")
            .await,
        Webhook::NotHere
    );
    rig.end().await;
}
