use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use teloxide_core::payloads::SetWebhook;
use teloxide_core::types::AllowedUpdate;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::call::CallError;
use super::health::Health;
use super::{ALLOWED, Telegram, setup};
use crate::platform::{Desk, Fatal, Webhook};

/// How often it is looked after whether the webhook is still ours.
const LOOK: Duration = Duration::from_mins(1);

/// The note under which it stands what was set last.
const NOTE: &str = "webhook";

/// Sets the webhook where it is not set, and keeps it so until `stop`. It stays when we go: another
/// process may serve it, and Telegram keeps what comes meanwhile.
pub(super) async fn keep(
    telegram: &Telegram,
    desk: &Desk,
    url: &Url,
    stop: &CancellationToken,
) -> Result<(), Fatal> {
    let mut health = telegram.health();
    let ended = stop
        .run_until_cancelled(keeping(telegram, desk, url, &mut health))
        .await;
    health.over();
    ended.unwrap_or(Ok(()))
}

async fn keeping(
    telegram: &Telegram,
    desk: &Desk,
    url: &Url,
    health: &mut Health,
) -> Result<(), Fatal> {
    setup::introduce(telegram, health).await?;
    setup::commands(telegram);
    let account = format!("{}:{}", super::NAME, telegram.account());
    // The secret cannot be asked for; a fingerprint tells whether it was another one.
    let fingerprint = hex(&[url.as_str(), telegram.secret()]);
    // Where the store cannot say it, it is set once more, which changes nothing.
    let mut known = desk.notes.read(&account, NOTE).await.ok().flatten();
    let mut failures_said = telegram.now_s();
    loop {
        let info = setup::webhook_info(telegram, health).await?;
        if info.last_error_date > failures_said {
            failures_said = info.last_error_date;
            let cause = info.last_error_message.unwrap_or_default();
            tracing::warn!(
                platform.bot = telegram.account(),
                cause,
                telegram.pending = info.pending_update_count,
                "Telegram could not bring its updates; it keeps trying."
            );
        }
        let asked = info.allowed_updates.unwrap_or_default();
        let same = asked.len() == ALLOWED.len()
            && asked.iter().all(|kind| ALLOWED.contains(&kind.as_str()));
        if info.url != url.as_str() || !same || known.as_deref() != Some(&fingerprint) {
            set(telegram, url, health).await?;
            if let Err(error) = desk.notes.write(&account, NOTE, &fingerprint).await {
                tracing::debug!(error = format!("{error:#}"), "The webhook was not noted");
            }
            known = Some(fingerprint.clone());
            tracing::info!(
                platform.bot = telegram.account(),
                "Telegram was told where to bring its updates."
            );
        }
        if info.pending_update_count == 0 {
            telegram.caught_up.send_replace(true);
        }
        health.good(true);
        tokio::time::sleep(LOOK).await;
    }
}

async fn set(telegram: &Telegram, url: &Url, health: &mut Health) -> Result<(), Fatal> {
    let mut request = SetWebhook::new(url.clone());
    request.secret_token = Some(telegram.secret().to_owned());
    request.allowed_updates = serde_json::to_value(ALLOWED)
        .and_then(serde_json::from_value::<Vec<AllowedUpdate>>)
        .ok();
    loop {
        match telegram.api().call::<_, bool>(&request).await {
            Ok(_) => return Ok(()),
            Err(CallError::Refused {
                code: 400,
                description,
            }) if !may_pass(&description) => {
                return Err(Fatal(format!(
                    "Telegram does not take {url} as the address to bring updates to ({description}): check TELEGRAM_WEBHOOK_URL"
                )));
            }
            Err(error) => tokio::time::sleep(setup::judge(telegram, health, error)?).await,
        }
    }
}

/// A name that is not known yet may be known in a minute; a wrong port stays wrong.
fn may_pass(description: &str) -> bool {
    let description = description.to_lowercase();
    ["resolve host", "timed out", "temporar"]
        .iter()
        .any(|sign| description.contains(sign))
}

/// Takes one call of the webhook.
pub(super) async fn take(
    telegram: &Telegram,
    desk: &Desk,
    secret: Option<&str>,
    body: &[u8],
) -> Webhook {
    let given = secret.unwrap_or_default().as_bytes();
    if !bool::from(given.ct_eq(telegram.secret().as_bytes())) {
        return Webhook::Stranger;
    }
    let Ok(raw) = std::str::from_utf8(body) else {
        return Webhook::Malformed;
    };
    let Ok(me) = telegram.me().await else {
        return Webhook::Later;
    };
    let reading = telegram.reader(me).read(raw);
    if reading.update.is_none() {
        return Webhook::Malformed;
    }
    telegram.saw(&reading);
    let begun = reading
        .asking
        .map(|asking| telegram.check_out(desk, asking));
    if !desk
        .inbox
        .accept(reading.inbound.into_iter().collect())
        .await
    {
        return Webhook::Later;
    }
    telegram
        .reply(
            reading.press.into_iter().collect(),
            begun.into_iter().collect(),
        )
        .await;
    Webhook::Stored
}

/// A secret that follows from the token, for those who set none: every process finds the same.
pub(super) fn secret_from(token: &str) -> String {
    hex(&["webhook", token])
}

fn hex(pieces: &[&str]) -> String {
    let mut digest = Sha256::new();
    for piece in pieces {
        digest.update(piece.as_bytes());
        digest.update([0]);
    }
    format!("{:x}", digest.finalize())
}
