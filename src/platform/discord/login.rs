//! The way in: where the gateway is, whether it may be trusted, and how often we may knock.

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Core;
use super::rest::{Route, Trouble};
use crate::platform::Fatal;

/// The platform wants 5 s between two identifications; the rest is for the way of the first one, which
/// may take longer than that of the second.
const BETWEEN: Duration = Duration::from_millis(5_250);

/// The platform's answer to where its gateway is.
#[derive(Debug, Deserialize)]
pub(super) struct Gateway {
    pub(super) url: String,
    #[serde(default)]
    pub(super) shards: Option<u32>,
    #[serde(default)]
    session_start_limit: Option<StartLimit>,
}

#[derive(Debug, Deserialize)]
struct StartLimit {
    remaining: u64,
    /// Milliseconds.
    reset_after: u64,
}

/// Why nobody is let in.
#[derive(Debug)]
pub(super) enum Closed {
    Fatal(Fatal),
    Later(String),
    Stopped,
}

impl Core {
    /// Asks the configured base, and nobody else, where the gateway is, and refuses an answer that
    /// leads to another host.
    pub(super) async fn gateway(&self) -> Result<Gateway, Closed> {
        let answer = match self.rest.call::<Gateway>(Route::gateway_bot(), None).await {
            // A server that stands in for the platform may have only the plain route.
            Err(Trouble::Refused { status: 404, .. }) => {
                self.rest.call::<Gateway>(Route::gateway(), None).await
            }
            answer => answer,
        };
        let gateway = answer.map_err(|trouble| match trouble {
            Trouble::Refused { status: 401, .. } => Closed::Fatal(Fatal(
                "Discord refused `discord.token`; reset the bot's token in the developer portal and set it"
                    .to_owned(),
            )),
            trouble => Closed::Later(trouble.to_string()),
        })?;
        if !self.rest.base.trusts_gateway(&gateway.url) {
            return Err(Closed::Fatal(Fatal(format!(
                "the gateway address `{}` is not on the host of `discord.api_url`, so the token is not sent there; correct `discord.api_url`",
                gateway.url
            ))));
        }
        Ok(gateway)
    }
}

/// Lets the shards of one account in, one after the other.
pub(super) struct Gate<'a> {
    core: &'a Core,
    knocks: Mutex<Knocks>,
}

/// What is known from knocking before.
struct Knocks {
    /// An answer that nobody has used yet.
    answer: Option<Gateway>,
    /// When somebody was let in last.
    last: Option<Instant>,
}

impl<'a> Gate<'a> {
    pub(super) fn new(core: &'a Core, answer: Option<Gateway>) -> Self {
        Self {
            core,
            knocks: Mutex::new(Knocks { answer, last: None }),
        }
    }

    /// Waits until a new session may be begun, and says where.
    pub(super) async fn admit(&self, stop: &CancellationToken) -> Result<String, Closed> {
        tokio::select! {
            admitted = self.wait() => admitted,
            () = stop.cancelled() => Err(Closed::Stopped),
        }
    }

    async fn wait(&self) -> Result<String, Closed> {
        // The lock is held over the waiting: shards come in one after the other.
        let mut knocks = self.knocks.lock().await;
        loop {
            let gateway = match knocks.answer.take() {
                Some(gateway) => gateway,
                None => self.core.gateway().await?,
            };
            if let Some(StartLimit {
                remaining: 0,
                reset_after,
            }) = gateway.session_start_limit
            {
                let span = Duration::from_millis(reset_after.max(1_000));
                let resets = self.core.clock.now().plus(span);
                tracing::warn!(
                    discord.wait_ms = reset_after,
                    "Discord allows no more sessions for now; waiting until {resets}"
                );
                sleep(span).await;
                continue;
            }
            if let Some(last) = knocks.last {
                sleep_until(last + BETWEEN).await;
            }
            knocks.last = Some(Instant::now());
            return Ok(gateway.url);
        }
    }

    pub(super) async fn url(&self) -> Option<String> {
        self.core.gateway().await.ok().map(|gateway| gateway.url)
    }

    pub(super) fn trusts(&self, url: &str) -> bool {
        self.core.rest.base.trusts_gateway(url)
    }
}
