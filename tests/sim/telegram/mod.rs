//! A Telegram of our own: the Bot API over HTTP on the loopback, with people who can be driven
//! and chats that can be looked at. It lives in the test process and keeps its state while the
//! gateway under test is killed and started again.
//!
//! Every request is checked against the machine-readable specification; what a real server would
//! refuse or silently repair is a *violation*, and a test ends with `assert_clean`. Never a mock:
//! nothing is scripted, an answer follows from the state.
//!
//! Start reading at `people` (what persons do), `watch` (what tests see), `methods` (what the bot
//! may do).
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each target uses a part of the simulator"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a slip of the simulator must fail the test loudly"
)]

mod account;
mod answers;
mod faults;
mod methods;
mod net;
mod payments;
mod people;
mod rates;
#[cfg(test)]
mod selftest;
mod spec;
mod state;
mod text;
mod updates;
mod watch;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

pub use faults::{Fault, On};
pub use payments::Charge;
pub use people::{Upload, png};
pub use state::State;

/// How strict and how large the simulator is.
#[derive(Clone, Debug)]
pub struct SimOptions {
    pub token: String,
    pub bot_id: i64,
    pub bot_name: String,
    /// Without the @.
    pub bot_username: String,
    /// Enforce 1 message/s per chat, 20/min per group, 30/s in all (the Bot FAQ's figures).
    pub enforce_rates: bool,
    /// Messages that one chat takes at once before the 1/s limit bites.
    pub burst: u32,
    /// Check calls, answers and updates against the specification.
    pub check_spec: bool,
    /// The bot sees only commands, mentions and replies in groups.
    pub privacy: bool,
    /// How long a button press can be answered.
    pub press_ttl: Duration,
    /// The id of the first update.
    pub first_update: i64,
    /// For faults with a probability.
    pub seed: u64,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            token: "7000:simulated-token".to_owned(),
            bot_id: 7000,
            bot_name: "toney".to_owned(),
            bot_username: "toney_bot".to_owned(),
            enforce_rates: false,
            burst: 4,
            check_spec: true,
            privacy: true,
            press_ttl: Duration::from_secs(15),
            first_update: 500_001,
            seed: 7,
        }
    }
}

/// A person. The first has id 1000, the next 2000, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct User {
    pub id: i64,
}

/// A group, supergroup or forum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chat {
    pub id: i64,
}

/// Where something is said: a chat, or one topic of a forum. Made from a `User` (their private
/// chat), a `Chat` or a chat id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub chat: i64,
    pub thread: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    pub label: String,
    pub data: Option<String>,
    pub url: Option<String>,
}

/// A file inside a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `document`, `photo`, `voice` or `sticker`.
    pub kind: String,
    pub name: String,
    pub mime: String,
    pub file_id: String,
    /// In bytes.
    pub size: u64,
}

/// One message as it stands now.
#[derive(Clone, Debug)]
pub struct Msg {
    pub id: i64,
    pub chat: i64,
    /// The sender's user id.
    pub from: i64,
    pub from_bot: bool,
    /// The text, or the caption when there is `media`.
    pub text: String,
    pub entities: Vec<Value>,
    pub buttons: Vec<Vec<Button>>,
    pub media: Option<Media>,
    /// How often it was edited.
    pub edits: u32,
    pub reply_to: Option<i64>,
    pub thread: Option<i64>,
    pub deleted: bool,
    /// A note of the server ("upgraded to a supergroup"), not somebody's words.
    pub service: bool,
    /// A person's message: when its update became available. The bot's: when its request arrived.
    pub at: Instant,
    /// When the request of the latest edit arrived.
    pub edited_at: Option<Instant>,
    /// The update that carried it, 0 when the bot was not told.
    pub update: i64,
    date: i64,
    edit_date: Option<i64>,
    markup: Option<Value>,
    extra: Map<String, Value>,
}

impl Msg {
    fn new(chat: i64, from: i64, at: Instant) -> Self {
        Self {
            id: 0,
            chat,
            from,
            from_bot: false,
            text: String::new(),
            entities: Vec::new(),
            buttons: Vec::new(),
            media: None,
            edits: 0,
            reply_to: None,
            thread: None,
            deleted: false,
            service: false,
            at,
            edited_at: None,
            update: 0,
            date: state::unix_now(),
            edit_date: None,
            markup: None,
            extra: Map::new(),
        }
    }
}

/// How the bot answered a button press.
#[derive(Clone, Debug)]
pub struct Answer {
    pub text: Option<String>,
    pub alert: bool,
    pub url: Option<String>,
    pub pressed_at: Instant,
    pub answered_at: Instant,
}

/// The parts that connections and handles share.
struct Inner {
    opts: SimOptions,
    state: Mutex<State>,
    /// Something happened that a test may wait for.
    changed: Notify,
    /// A poll or the webhook may have something to do.
    updates: Notify,
    /// Faults were cleared: what hangs goes on.
    release: Notify,
    connections: Arc<net::Connections>,
    accepting: Mutex<Option<AbortHandle>>,
}

impl Inner {
    /// The lock; a test that panicked inside a condition does not poison the others.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn woke(&self) {
        self.updates.notify_waiters();
        self.changed.notify_waiters();
    }
}

/// A handle on the running simulator; clones share it.
#[derive(Clone)]
pub struct Telegram {
    inner: Arc<Inner>,
    addr: SocketAddr,
}

impl Telegram {
    /// Starts listening on a free port of the loopback, on the current runtime.
    pub async fn start(opts: SimOptions) -> Self {
        let inner = Arc::new(Inner {
            state: Mutex::new(State::new(opts.clone())),
            opts,
            changed: Notify::new(),
            updates: Notify::new(),
            release: Notify::new(),
            connections: Arc::default(),
            accepting: Mutex::new(None),
        });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (addr, task) = net::listen(inner.clone(), any).await.expect("a free port");
        *inner.accepting.lock().unwrap() = Some(task);
        Self { inner, addr }
    }

    /// What `TELEGRAM_API_URL` should be, e.g. `http://127.0.0.1:4000`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What `TELEGRAM_BOT_TOKEN` should be.
    pub fn token(&self) -> &str {
        &self.inner.opts.token
    }

    /// An outage: nobody can connect, open connections are reset. The state stays.
    pub fn stop_listening(&self) {
        if let Some(task) = self.inner.accepting.lock().unwrap().take() {
            task.abort();
        }
        self.inner.connections.reset_all();
    }

    /// Ends the outage, on the same port.
    pub async fn start_listening(&self) {
        let again = async {
            loop {
                // The aborted listener lets go of the port at its next turn.
                match net::listen(self.inner.clone(), self.addr).await {
                    Ok((_, task)) => return task,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let task = tokio::time::timeout(Duration::from_secs(5), again).await;
        *self.inner.accepting.lock().unwrap() = Some(task.expect("the port to be free again"));
    }

    /// Resets all open connections; new ones are welcome.
    pub fn reset_connections(&self) {
        self.inner.connections.reset_all();
    }

    /// Lets requests go wrong; several faults hold side by side, the oldest strikes first.
    pub fn fault(&self, on: On, fault: Fault) {
        self.inner.lock().faults.add(on, fault);
    }

    /// Ends all faults; what hangs goes on.
    pub fn clear_faults(&self) {
        self.inner.lock().faults.clear();
        self.inner.release.notify_waiters();
    }

    /// How many requests faults have hit so far.
    pub fn fault_hits(&self) -> u64 {
        self.inner.lock().faults.hits()
    }

    /// Hits that were ordered by number and have not happened.
    pub fn unused_faults(&self) -> u64 {
        self.inner.lock().faults.unused()
    }

    /// Forgets how much was sent lately and which chats are closed by a `retry_after`.
    pub fn forget_rates(&self) {
        self.inner.lock().rates.clear();
    }
}
