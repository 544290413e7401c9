//! Telegram's sending limits, and the watch over whether `retry_after` is honoured.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

const GROUP_WINDOW: Duration = Duration::from_mins(1);
const GROUP_MAX: usize = 20;
const ALL_WINDOW: Duration = Duration::from_secs(1);
const ALL_MAX: usize = 30;
/// A request may already be on its way when the 429 for its chat goes out.
const IN_FLIGHT: Duration = Duration::from_millis(150);

/// What a `retry_after` holds for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    Chat(i64),
    Method(String),
}

struct Block {
    issued: Instant,
    until: Instant,
}

struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// The state of all limits. One per simulator.
pub(super) struct Rates {
    burst: u32,
    chats: HashMap<i64, Bucket>,
    groups: HashMap<i64, VecDeque<Instant>>,
    all: VecDeque<Instant>,
    blocks: HashMap<Scope, Block>,
}

impl Rates {
    pub(super) fn new(burst: u32) -> Self {
        Self {
            burst,
            chats: HashMap::new(),
            groups: HashMap::new(),
            all: VecDeque::new(),
            blocks: HashMap::new(),
        }
    }

    /// Counts one message or edit to `chat` that arrived at `now`.
    ///
    /// # Errors
    /// The number of seconds to wait, when a limit is exceeded; nothing is counted then.
    pub(super) fn take(&mut self, chat: i64, now: Instant) -> Result<(), u64> {
        forget(&mut self.all, now, ALL_WINDOW);
        if self.all.len() >= ALL_MAX {
            return Err(1);
        }
        if chat < 0 {
            let sent = self.groups.entry(chat).or_default();
            forget(sent, now, GROUP_WINDOW);
            if let Some(first) = sent.front().filter(|_| sent.len() >= GROUP_MAX) {
                return Err(ceil(
                    GROUP_WINDOW.saturating_sub(now.duration_since(*first)),
                ));
            }
        }
        let burst = f64::from(self.burst);
        let bucket = self.chats.entry(chat).or_insert_with(|| Bucket {
            tokens: burst,
            filled: now,
        });
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed).min(burst);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return Err(ceil(Duration::from_secs_f64(1.0 - bucket.tokens)));
        }
        bucket.tokens -= 1.0;
        self.all.push_back(now);
        if let Some(sent) = self.groups.get_mut(&chat) {
            sent.push_back(now);
        }
        Ok(())
    }

    /// Remembers that `retry_after` seconds were demanded for `scope`.
    pub(super) fn block(&mut self, scope: Scope, now: Instant, retry_after: u64) {
        let until = now + Duration::from_secs(retry_after);
        self.blocks.insert(scope, Block { issued: now, until });
    }

    /// The time still to wait when `arrived` lies inside a demanded pause, and whether the
    /// sender could have known about it.
    pub(super) fn early(&mut self, scope: &Scope, arrived: Instant) -> Option<(Duration, bool)> {
        let block = self.blocks.get(scope)?;
        if arrived >= block.until {
            self.blocks.remove(scope);
            return None;
        }
        let known = arrived > block.issued + IN_FLIGHT;
        Some((block.until - arrived, known))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.burst);
    }
}

fn forget(sent: &mut VecDeque<Instant>, now: Instant, window: Duration) {
    while sent
        .front()
        .is_some_and(|at| now.saturating_duration_since(*at) >= window)
    {
        sent.pop_front();
    }
}

/// Whole seconds, never fewer than one, as the Bot API reports them.
pub(super) fn ceil(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
