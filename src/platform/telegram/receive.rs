use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::call::{self, CallError};
use super::health::{Health, Trouble};
use super::reading::Reader;
use super::{ALLOWED, Telegram, setup};
use crate::platform::{Desk, Fatal};

/// Most updates that one poll brings, by the Bot API.
const BATCH: u8 = 100;

/// So long after the poll's own time an answer must have come.
const MARGIN: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Poll<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    limit: u8,
    timeout: u64,
    allowed_updates: &'a [&'a str],
}

#[derive(Deserialize)]
struct Batch<'a>(#[serde(borrow)] Vec<&'a RawValue>);

/// What one batch holds, in order.
#[derive(Default)]
struct Taken {
    items: Vec<crate::model::Inbound>,
    presses: Vec<String>,
    /// Answers to payments, under way already.
    begun: Vec<JoinHandle<()>>,
    next: Option<i64>,
    count: usize,
}

/// Polls until `stop`.
pub(super) async fn poll(
    telegram: &Telegram,
    desk: &Desk,
    stop: &CancellationToken,
) -> Result<(), Fatal> {
    let mut health = telegram.health();
    let ended = stop
        .run_until_cancelled(polling(telegram, desk, &mut health))
        .await;
    health.over();
    ended.unwrap_or(Ok(()))
}

async fn polling(telegram: &Telegram, desk: &Desk, health: &mut Health) -> Result<(), Fatal> {
    let me = setup::introduce(telegram, health).await?;
    setup::leave_webhook(telegram, health).await?;
    let reader = telegram.reader(me);
    setup::commands(telegram);
    health.good(true);
    let mut offset = None;
    loop {
        // While something is wrong, a poll without waiting shows soonest whether it still is; but only
        // a waiting one shows a conflict. Nor is waited before all is read that came before we did.
        let short = health.is_ill() && !health.is_contested() || !*telegram.caught_up.borrow();
        let wait = if short { 0 } else { telegram.poll_timeout() };
        match once(telegram, (&reader, desk), offset, wait).await {
            Ok(taken) if taken.count > 0 && taken.next.is_none() => {
                let pause = health.bad(Trouble::Nonsense, "the updates have no numbers");
                tokio::time::sleep(pause).await;
            }
            Ok(taken) => {
                let Taken {
                    items,
                    presses,
                    begun,
                    next,
                    count,
                } = taken;
                if !desk.inbox.accept(items).await {
                    let pause = health.bad(Trouble::Store, "the store did not take it");
                    tokio::time::sleep(pause).await;
                    continue;
                }
                offset = next.or(offset);
                if count < usize::from(BATCH) {
                    telegram.caught_up.send_replace(true);
                }
                health.good(count == 0 && !short);
                telegram.reply(presses, begun).await;
            }
            Err(error) => tokio::time::sleep(setup::judge(telegram, health, error)?).await,
        }
    }
}

async fn once(
    telegram: &Telegram,
    (reader, desk): (&Reader, &Desk),
    offset: Option<i64>,
    wait: u64,
) -> Result<Taken, CallError> {
    let poll = Poll {
        offset,
        limit: BATCH,
        timeout: wait,
        allowed_updates: ALLOWED,
    };
    let within = Duration::from_secs(wait) + MARGIN;
    let body = telegram.api().ask("GetUpdates", &poll, within).await?;
    let raw = call::result(&body)?;
    let Ok(Batch(updates)) = serde_json::from_str::<Batch<'_>>(raw.get()) else {
        return Err(CallError::Nonsense("the updates are no list".to_owned()));
    };
    let mut taken = Taken {
        count: updates.len(),
        ..Taken::default()
    };
    for update in updates {
        let reading = reader.read(update.get());
        telegram.saw(&reading);
        taken.items.extend(reading.inbound);
        taken.presses.extend(reading.press);
        let begun = reading
            .asking
            .map(|asking| telegram.check_out(desk, asking));
        taken.begun.extend(begun);
        taken.next = taken
            .next
            .max(reading.update.map(|update| update.saturating_add(1)));
    }
    Ok(taken)
}
