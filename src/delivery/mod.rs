//! What goes out: rendered, split, paced, sent in order per chat, and resolved when its fate is unknown.
//!
//! It sends what the store's outbox holds, one lane per chat, and records how far it got. It never
//! decides what is said, and never sends a thing that is not in the outbox but for the growing text
//! of an answer whose first words stand already. Start with [`Delivery`].

mod attempt;
mod brought;
mod flat;
mod horizon;
mod lane;
mod links;
mod markdown;
mod note;
mod outcome;
mod pace;
mod preview;
pub mod render;
mod spans;
mod split;
mod table;
mod unicode;

#[cfg(test)]
mod render_properties;
#[cfg(test)]
mod render_tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::{
    Address, Button, Clock, Content, Features, Ids, Message, Outbound, OutboundId, Priority, Time,
};
use crate::platform::{Edit, Platform, SendError};
use crate::store::{Claim, NewOutbound, Redis, Store};

pub use horizon::Horizon;
pub use note::Note;
pub use pace::Pacer;

/// Settings of the section `[delivery]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether we keep to the platforms' pace by ourselves; what they ask for is always honoured.
    pub pace: bool,
    /// How often a send is tried before it is a dead letter.
    pub max_attempts: i64,
    /// How long a lost request may still be on its way before we look for what became of it.
    pub settle_ms: u64,
    /// How many requests to one account run side by side.
    pub side_by_side: usize,
    /// Shortest time between two edits of a growing answer.
    pub preview_every_ms: u64,
}

/// Sends what is in the outbox; cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    settings: Settings,
    clock: Clock,
    ids: Ids,
    accounts: HashMap<String, Account>,
    pacer: Pacer,
    horizon: Horizon,
    /// Who waits to hear under which id the first part of an outbound stands.
    standing: Mutex<HashMap<OutboundId, oneshot::Sender<Message>>>,
    stop: CancellationToken,
}

struct Account {
    platform: Arc<dyn Platform>,
    at_once: Semaphore,
}

impl Delivery {
    /// Delivers over `platforms`, one per account.
    pub fn new(
        (store, redis): (Store, Option<Redis>),
        settings: Settings,
        (clock, ids): (Clock, Ids),
        platforms: &[Arc<dyn Platform>],
    ) -> Self {
        let accounts = platforms
            .iter()
            .map(|platform| {
                let account = format!("{}:{}", platform.name(), platform.bot());
                let at_once = Semaphore::new(settings.side_by_side.max(1));
                (
                    account,
                    Account {
                        platform: platform.clone(),
                        at_once,
                    },
                )
            })
            .collect();
        let pacer = Pacer::new(settings.pace, redis);
        let inner = Inner {
            store,
            settings,
            clock,
            ids,
            accounts,
            pacer,
            horizon: Horizon::default(),
            standing: Mutex::default(),
            stop: CancellationToken::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Sends what comes in `claims` until `drain`; then lets what has left come back for `grace`.
    pub async fn run(
        self,
        mut claims: mpsc::UnboundedReceiver<Claim>,
        drain: CancellationToken,
        grace: Duration,
    ) {
        let tasks = TaskTracker::new();
        let send = |claim| {
            let this = self.clone();
            tasks.spawn(async move { this.inner.send_lane(claim).await });
        };
        loop {
            tokio::select! {
                biased;
                () = drain.cancelled() => break,
                claim = claims.recv() => match claim {
                    Some(claim) => send(claim),
                    None => break,
                },
            }
        }
        // The last turns have just ended: what they said goes out, unless it has to wait.
        while let Ok(claim) = claims.try_recv() {
            send(claim);
        }
        self.inner.stop.cancel();
        tasks.close();
        drop(tokio::time::timeout(grace, tasks.wait()).await);
    }

    /// What the account at an address can do; `None` where it is not connected here.
    pub fn features(&self, address: &Address) -> Option<Features> {
        let account = self.inner.account(address)?;
        Some(*account.platform.features())
    }

    /// Whether it is known here that what comes later is read later at an address.
    pub fn lasts(&self, address: &Address) -> bool {
        self.features(address)
            .is_some_and(|features| features.lasts)
    }

    /// An outbound that is ready to be committed.
    pub fn letter(
        &self,
        address: Address,
        key: String,
        priority: Priority,
        content: Content,
    ) -> NewOutbound {
        let after = self.inner.newest(&address);
        let id = OutboundId::new(&self.inner.ids);
        let outbound = Outbound {
            id,
            key,
            address,
            priority,
            content,
        };
        NewOutbound {
            outbound,
            after,
            at: self.inner.clock.now(),
        }
    }

    /// Remembers the newest message id of a chat, so that a lost send can be found behind it.
    pub fn saw(&self, address: &Address, message: &Message) {
        self.inner.saw(address, message);
    }

    /// Resolves once the first part of `id` stands, to its message id. Must be asked for before the
    /// outbound is committed.
    pub fn stands(&self, id: OutboundId) -> oneshot::Receiver<Message> {
        let (tell, told) = oneshot::channel();
        self.standing().insert(id, tell);
        told
    }

    /// Forgets that anybody waits for `id`.
    pub fn stands_no_more(&self, id: OutboundId) {
        self.standing().remove(&id);
    }

    /// Shows the growing text of an answer whose first words stand already. Best effort: it gives
    /// way to everything else, and says how long the platform wants to be left alone.
    pub async fn grow(
        &self,
        address: &Address,
        message: &Message,
        (text, buttons): (&str, &[Vec<Button>]),
    ) -> Option<Duration> {
        let account = self.inner.account(address)?;
        let features = account.platform.features();
        let part = render::preview(text, features)?;
        let pace = account.platform.pace(address);
        if !features.free_edits && !self.inner.pacer.try_now(address, pace) {
            return None;
        }
        let edit = Edit {
            address,
            message,
            part: &part,
            buttons,
            growing: true,
            interaction: None,
        };
        match account.platform.edit(&edit).await {
            Err(SendError::RateLimited { after, all }) => {
                self.inner.pacer.hold(address, all, after);
                Some(after)
            }
            Ok(()) | Err(_) => None,
        }
    }

    /// Shortest time between two edits of a growing answer.
    pub fn preview_every(&self) -> Duration {
        Duration::from_millis(self.inner.settings.preview_every_ms)
    }

    /// The account at an address, where it is connected here.
    pub fn platform(&self, address: &Address) -> Option<Arc<dyn Platform>> {
        let account = self.inner.account(address)?;
        Some(account.platform.clone())
    }

    /// Shows that an answer is being made. Best effort.
    pub async fn typing(&self, address: &Address) {
        let Some(account) = self.inner.account(address) else {
            return;
        };
        let features = account.platform.features();
        if features.typing && self.inner.pacer.is_free(address) {
            drop(account.platform.typing(address).await);
        }
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, HashMap<OutboundId, oneshot::Sender<Message>>> {
        self.inner
            .standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The account that reaches an address, where it is connected here.
    fn account(&self, address: &Address) -> Option<&Account> {
        let account = self.accounts.get(&address.account())?;
        account.platform.reaches(address).then_some(account)
    }

    fn saw(&self, address: &Address, message: &Message) {
        if let Some(account) = self.accounts.get(&address.account()) {
            self.horizon
                .saw(account.platform.id_scope(address), message);
        }
    }

    fn newest(&self, address: &Address) -> String {
        self.accounts
            .get(&address.account())
            .and_then(|account| self.horizon.newest(&account.platform.id_scope(address)))
            .map(|message| message.to_string())
            .unwrap_or_default()
    }

    fn first_part_stands(&self, id: OutboundId, message: &Message) {
        let waiting = self
            .standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
        if let Some(waiting) = waiting {
            drop(waiting.send(message.clone()));
        }
    }

    fn now(&self) -> Time {
        self.clock.now()
    }
}
