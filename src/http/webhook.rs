use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use futures::future::BoxFuture;

use super::Gateway;
use crate::platform::Webhook;

/// No update of any platform comes near it.
const LARGEST_BODY: usize = 1 << 20;

/// A call that takes longer is answered as one that could not be stored; platforms wait about 10 s to
/// 60 s, then send it again.
const LONGEST: Duration = Duration::from_secs(10);

/// Takes the headers and the raw body of a webhook call that belongs to no account.
pub type Hook = Arc<dyn Fn(HeaderMap, Bytes) -> BoxFuture<'static, Webhook> + Send + Sync>;

/// Events of payments are a few thousand bytes.
const LARGEST_HOOK: usize = 256 * 1024;

/// Headers in which a platform shows the secret that it was given, by the platform's name.
const SECRETS: [(&str, &str); 1] = [("telegram", "x-telegram-bot-api-secret-token")];

/// Hands a webhook call to its account.
pub(super) async fn take(
    State(gateway): State<Arc<Gateway>>,
    Path((platform, bot)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, &'static str) {
    let known = gateway
        .platforms
        .iter()
        .find(|known| known.name() == platform && known.bot() == bot);
    let Some(account) = known else {
        return answer(Webhook::NotHere);
    };
    let header = SECRETS.iter().find(|(name, _)| *name == account.name());
    let secret = header
        .and_then(|(_, header)| headers.get(*header))
        .and_then(|value| value.to_str().ok());
    let storing = async {
        let body = to_bytes(body, LARGEST_BODY).await.ok()?;
        Some(account.webhook(&gateway.desk, secret, &body).await)
    };
    let (status, sentence, result) = match tokio::time::timeout(LONGEST, storing).await {
        Ok(Some(webhook)) => {
            let (status, sentence) = answer(webhook);
            (status, sentence, name(webhook))
        }
        Ok(None) => (StatusCode::PAYLOAD_TOO_LARGE, "too large\n", "too_large"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not stored\n", "late"),
    };
    let platform = account.name();
    metrics::counter!("toney_webhooks_total", "platform" => platform, "result" => result)
        .increment(1);
    (status, sentence)
}

/// Hands a webhook call to whoever takes it by its name.
pub(super) async fn hook(
    State(gateway): State<Arc<Gateway>>,
    Path(name_of): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, &'static str) {
    let known = gateway.hooks.iter().find(|(known, _)| *known == name_of);
    let Some((known, hook)) = known else {
        return answer(Webhook::NotHere);
    };
    let storing = async {
        let body = to_bytes(body, LARGEST_HOOK).await.ok()?;
        Some(hook(headers, body).await)
    };
    let (status, sentence, result) = match tokio::time::timeout(LONGEST, storing).await {
        Ok(Some(webhook)) => {
            let (status, sentence) = answer(webhook);
            (status, sentence, name(webhook))
        }
        Ok(None) => (StatusCode::PAYLOAD_TOO_LARGE, "too large\n", "too_large"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not stored\n", "late"),
    };
    metrics::counter!("toney_webhooks_total", "platform" => *known, "result" => result)
        .increment(1);
    (status, sentence)
}

fn answer(webhook: Webhook) -> (StatusCode, &'static str) {
    match webhook {
        Webhook::Stored => (StatusCode::OK, "stored\n"),
        Webhook::Stranger => (StatusCode::UNAUTHORIZED, "wrong secret\n"),
        Webhook::Malformed => (StatusCode::BAD_REQUEST, "not understood\n"),
        Webhook::Later => (StatusCode::SERVICE_UNAVAILABLE, "not stored\n"),
        Webhook::NotHere => (StatusCode::NOT_FOUND, "no such webhook\n"),
    }
}

fn name(webhook: Webhook) -> &'static str {
    match webhook {
        Webhook::Stored => "stored",
        Webhook::Stranger => "stranger",
        Webhook::Malformed => "malformed",
        Webhook::Later => "later",
        Webhook::NotHere => "not_here",
    }
}
