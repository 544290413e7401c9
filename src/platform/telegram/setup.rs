use std::time::Duration;

use serde::Deserialize;
use teloxide_core::payloads::{DeleteWebhook, GetMyCommands, GetWebhookInfo, SetMyCommands};
use teloxide_core::types::BotCommand;

use super::Telegram;
use super::call::CallError;
use super::health::{Health, Trouble};
use super::reading::Me;
use crate::platform::Fatal;

/// What Telegram knows of a webhook.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WebhookInfo {
    pub(super) url: String,
    pub(super) pending_update_count: i64,
    /// In seconds since 1970.
    pub(super) last_error_date: i64,
    pub(super) last_error_message: Option<String>,
    pub(super) allowed_updates: Option<Vec<String>>,
}

/// Finds out who we are; tries until it works.
pub(super) async fn introduce(telegram: &Telegram, health: &mut Health) -> Result<Me, Fatal> {
    loop {
        match telegram.me().await {
            Ok(me) => return Ok(me),
            Err(error) => tokio::time::sleep(judge(telegram, health, error)?).await,
        }
    }
}

/// What is set as webhook; tries until it is known.
pub(super) async fn webhook_info(
    telegram: &Telegram,
    health: &mut Health,
) -> Result<WebhookInfo, Fatal> {
    loop {
        match telegram.api().call(&GetWebhookInfo::new()).await {
            Ok(info) => return Ok(info),
            Err(error) => tokio::time::sleep(judge(telegram, health, error)?).await,
        }
    }
}

/// Takes a webhook away, since updates cannot be polled while one is set. What waits is kept.
pub(super) async fn leave_webhook(telegram: &Telegram, health: &mut Health) -> Result<(), Fatal> {
    if webhook_info(telegram, health).await?.url.is_empty() {
        return Ok(());
    }
    let mut request = DeleteWebhook::new();
    request.drop_pending_updates = Some(false);
    loop {
        match telegram.api().call::<_, bool>(&request).await {
            Ok(_) => break,
            Err(error) => tokio::time::sleep(judge(telegram, health, error)?).await,
        }
    }
    tracing::info!(
        platform.bot = telegram.account(),
        "The webhook of the Telegram bot was taken away, since updates are polled."
    );
    Ok(())
}

/// Tells Telegram the commands if they changed. Beside everything else, since nothing waits for it.
pub(super) fn commands(telegram: &Telegram) {
    let api = telegram.api().clone();
    let wanted = telegram.commands();
    telegram.beside(async move {
        let known: Vec<BotCommand> = match api.call(&GetMyCommands::new()).await {
            Ok(known) => known,
            Err(error) => return tracing::warn!(cause = %error, "The commands known to Telegram could not be read."),
        };
        if known == wanted {
            return;
        }
        match api.call::<_, bool>(&SetMyCommands::new(wanted)).await {
            Ok(_) => tracing::info!("Telegram was told the commands."),
            Err(error) => tracing::warn!(cause = %error, "Telegram did not take the commands."),
        }
    });
}

/// What a failed call means for receiving: how long to wait, or that waiting is of no use.
pub(super) fn judge(
    telegram: &Telegram,
    health: &mut Health,
    error: CallError,
) -> Result<Duration, Fatal> {
    Ok(match error {
        CallError::Refused {
            code: 401 | 404,
            description,
        } => return Err(refused(telegram, &description)),
        CallError::Refused {
            code: 409,
            description,
        } => health.bad(Trouble::Conflict, &description),
        CallError::TooFast(after) => health.bad(Trouble::TooFast, "429").max(after),
        CallError::Timeout => health.bad(Trouble::Stalled, "no answer in time"),
        CallError::Nonsense(why) => health.bad(Trouble::Nonsense, &why),
        error @ (CallError::NotSent(_)
        | CallError::Lost(_)
        | CallError::Moved(_)
        | CallError::Refused { .. }) => health.bad(Trouble::Outage, &error.to_string()),
    })
}

/// Who we are there and how updates come, for `doctor`.
pub(super) async fn check(telegram: &Telegram) -> Result<String, Fatal> {
    let said = |error: CallError| match error {
        CallError::Refused {
            code: 401 | 404,
            description,
        } => refused(telegram, &description),
        error => Fatal(format!(
            "Telegram at {} cannot be asked: {error}",
            telegram.api().base()
        )),
    };
    let me = telegram.me().await.map_err(said)?;
    let info: WebhookInfo = telegram
        .api()
        .call(&GetWebhookInfo::new())
        .await
        .map_err(said)?;
    let WebhookInfo {
        url,
        pending_update_count,
        last_error_date: _,
        last_error_message,
        allowed_updates: _,
    } = info;
    let way = if url.is_empty() {
        "updates are polled"
    } else {
        "updates come by webhook"
    };
    let trouble = last_error_message.map(|said| format!("; the last delivery failed: {said}"));
    Ok(format!(
        "Telegram bot `{}` is @{} at {}; {way}, {pending_update_count} waiting{}",
        telegram.account(),
        me.username,
        telegram.api().base(),
        trouble.unwrap_or_default(),
    ))
}

/// The sentence for a token that is not accepted.
pub(super) fn refused(telegram: &Telegram, description: &str) -> Fatal {
    Fatal(format!(
        "{} does not accept the token of the Telegram bot `{}` ({description}): check TELEGRAM_BOT_TOKEN, and TELEGRAM_API_URL if you changed it",
        telegram.api().base(),
        telegram.account(),
    ))
}
