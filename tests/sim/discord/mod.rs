//! A simulated Discord: REST v10 and the gateway, on one loopback port.
//!
//! It runs as tasks of the test's runtime and keeps its state over any death of the gateway under
//! test. It is as strict as the real one: bodies are checked against the official specification,
//! limits, windows and codes are Discord's, and every offence stands in [`Discord::violations`].
//! It never talks to the network, and it is no model of permissions, voice or moderation.
//!
//! Start at [`Discord::start`], then `drive.rs` (what people do) and `observe.rs` (what came of it).

#![allow(dead_code, unused_imports, reason = "each target uses a part")]
#![allow(
    unreachable_pub,
    reason = "the module is included by path, so its public surface is private to each target"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a simulator lives on the real clock, and a wrong test should stop at once"
)]

mod body;
mod drive;
mod faults;
mod gateway;
mod interactions;
mod listen;
mod messages;
mod observe;
mod rates;
mod rest;
#[cfg(test)]
mod selftest;
#[cfg(test)]
mod selftest_client;
#[cfg(test)]
mod selftest_gateway;
mod spec;
mod state;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use faults::{Kind, When, route};
pub use observe::{Answered, Msg};
pub use rates::Limit;
pub use state::{Call, Channel, Edit, Guild, Interaction, Message, User};

/// How strict and how patient the simulator is. The defaults are Discord's own numbers.
#[derive(Clone, Debug)]
pub struct Config {
    /// The bot's token without the `Bot ` prefix.
    pub token: String,
    pub bot_name: String,
    pub application_id: u64,
    /// Privileged intents that are switched on for the application (bits of the intents).
    pub privileged_intents: u64,
    /// Whether bodies and answers are checked against the specification.
    pub check_spec: bool,
    /// Whether requests over a limit are refused with 429.
    pub enforce_rates: bool,
    /// The bucket of each route and channel when limits are enforced.
    pub bucket: Limit,
    /// Requests per second over all routes (Discord: 50).
    pub global_per_second: u32,
    /// Whether session starts and the five seconds between them are enforced.
    pub enforce_identify: bool,
    pub session_starts: u64,
    pub heartbeat: Duration,
    pub withhold_acks: bool,
    /// Whether a client that asks for `compress` gets zlib frames.
    pub zlib: bool,
    /// How many events a session keeps for replay.
    pub replay: usize,
    /// How long a lost session can be resumed.
    pub session_life: Duration,
    pub nonce_window: Duration,
    /// How long an interaction waits for its first answer (Discord: 3 s).
    pub ack_window: Duration,
    /// How long an interaction's token lives (Discord: 15 min).
    pub token_life: Duration,
    pub max_upload: usize,
    pub shards: u64,
    /// Whether REST requests are kept for `calls`.
    pub record_calls: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            token: "MTAw.simulated.token".into(),
            bot_name: "toney".into(),
            application_id: 100_000_000_000_000_001,
            privileged_intents: gateway::MESSAGE_CONTENT,
            check_spec: true,
            enforce_rates: false,
            bucket: Limit {
                count: 5,
                per: Duration::from_secs(5),
            },
            global_per_second: 50,
            enforce_identify: false,
            session_starts: 1000,
            heartbeat: Duration::from_millis(41_250),
            withhold_acks: false,
            zlib: false,
            replay: 20_000,
            session_life: Duration::from_secs(180),
            nonce_window: Duration::from_secs(300),
            ack_window: Duration::from_secs(3),
            token_life: Duration::from_secs(900),
            max_upload: 10 * 1024 * 1024,
            shards: 1,
            record_calls: true,
        }
    }
}

/// A handle on the simulated Discord; clones share it. It stops when the last clone is dropped.
#[derive(Clone)]
pub struct Discord {
    inner: Arc<Inner>,
    /// Only the handles of the test keep the simulator alive, not its own connections.
    life: Option<Arc<Life>>,
}

struct Life(CancellationToken);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

struct Inner {
    state: Mutex<state::State>,
    changed: Notify,
    port: u16,
    /// Cancelled to break every open connection; renewed by `resume_service`.
    open: Mutex<CancellationToken>,
    stop: CancellationToken,
}

impl Discord {
    /// Starts with the defaults.
    pub async fn start() -> Self {
        Self::with_config(Config::default()).await
    }

    pub async fn with_config(config: Config) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = state::State::new(config, format!("http://127.0.0.1:{port}"));
        let stop = CancellationToken::new();
        let inner = Inner {
            state: Mutex::new(state),
            changed: Notify::new(),
            port,
            open: Mutex::new(stop.child_token()),
            stop: stop.clone(),
        };
        let discord = Self {
            inner: Arc::new(inner),
            life: Some(Arc::new(Life(stop))),
        };
        discord.listen_on(listener);
        discord
    }

    /// The REST base without the version, as `DISCORD_API_URL` takes it.
    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}/api", self.inner.port)
    }

    /// The base without any path, as serenity's `proxy` takes it.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.inner.port)
    }

    pub fn token(&self) -> String {
        self.lock().config.token.clone()
    }

    /// Changes the configuration while everything runs.
    pub fn configure(&self, change: impl FnOnce(&mut Config)) {
        self.with(|state| change(&mut state.config));
    }

    fn lock(&self) -> MutexGuard<'_, state::State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Works on the state and wakes everyone who waits for a change.
    fn with<T>(&self, work: impl FnOnce(&mut state::State) -> T) -> T {
        let result = work(&mut self.lock());
        self.inner.changed.notify_waiters();
        result
    }
}
