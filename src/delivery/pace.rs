//! One budget for everything that goes out: per chat, per group and per account, the more important
//! first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::model::{Address, Pace, Priority};
use crate::store::Redis;

/// Hands out permission to send; cheap to clone.
#[derive(Clone)]
pub struct Pacer {
    enabled: bool,
    /// Where several processes share an account's budget.
    shared: Option<Redis>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    chats: HashMap<Address, Meter>,
    accounts: HashMap<String, Account>,
    places: u64,
}

#[derive(Debug, Default)]
struct Account {
    meter: Meter,
    /// Who waits: the most important first, then the longest waiting.
    queue: BTreeMap<Place, Arc<Notify>>,
}

type Place = (Priority, u64);

/// When the next send is due if every send keeps its distance (the generic cell rate algorithm).
#[derive(Debug, Default, Clone, Copy)]
struct Meter {
    rate: Option<Instant>,
    group: Option<Instant>,
    /// The platform asked to be left alone until then.
    held: Option<Instant>,
}

/// More chats than this are swept of those that owe nothing.
const SWEEP_AT: usize = 20_000;

impl Pacer {
    /// Without `enabled` only what the platforms ask for is honoured. With `shared` the budget of an
    /// account holds for all processes together; while Redis is away, for each by itself.
    pub fn new(enabled: bool, shared: Option<Redis>) -> Self {
        Self {
            enabled,
            shared,
            state: Arc::default(),
        }
    }

    /// Waits until a message may go to `address`.
    pub async fn turn(&self, address: &Address, pace: Option<Pace>, priority: Priority) {
        let pace = pace.filter(|_| self.enabled);
        loop {
            let due = self.state().chat(address, pace, Instant::now());
            match due {
                Ok(()) => break,
                Err(due) => tokio::time::sleep_until(due).await,
            }
        }
        let waiting = Waiting::new(self, address.account(), priority);
        loop {
            match waiting.try_go(pace) {
                Go::Now => break,
                Go::At(due) => tokio::time::sleep_until(due).await,
                Go::AfterOthers => waiting.called.notified().await,
            }
        }
        // Our place is kept meanwhile, so that nothing less important overtakes.
        while let (Some(shared), Some(pace)) = (&self.shared, pace) {
            let rate = pace.total_per_second;
            match shared.pace(&waiting.account, rate, burst_of(rate)).await {
                Some(Err(wait)) => tokio::time::sleep(wait).await,
                Some(Ok(())) | None => return,
            }
        }
    }

    /// Takes permission if it is there at once and nobody waits for it.
    pub fn try_now(&self, address: &Address, pace: Option<Pace>) -> bool {
        let pace = pace.filter(|_| self.enabled);
        let now = Instant::now();
        let mut state = self.state();
        let account = state.accounts.entry(address.account()).or_default();
        if !account.queue.is_empty() || account.meter.clone().total(pace, now).is_err() {
            return false;
        }
        if state.chat(address, pace, now).is_err() {
            return false;
        }
        let account = state.accounts.entry(address.account()).or_default();
        account.meter.total(pace, now).is_ok()
    }

    /// True while nobody asked us to leave this chat alone.
    pub fn is_free(&self, address: &Address) -> bool {
        let now = Instant::now();
        let state = self.state();
        let chat = state.chats.get(&address.whole_chat());
        let account = state
            .accounts
            .get(&address.account())
            .map(|account| &account.meter);
        chat.into_iter()
            .chain(account)
            .all(|meter| meter.held.is_none_or(|held| held <= now))
    }

    /// The platform asked for a pause: of this chat, or of the whole account.
    pub fn hold(&self, address: &Address, all: bool, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.state();
        let meter = if all {
            &mut state.accounts.entry(address.account()).or_default().meter
        } else {
            state.chats.entry(address.whole_chat()).or_default()
        };
        meter.held = meter.held.max(Some(until));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes permission of the chat, or says when to come back.
    fn chat(&mut self, address: &Address, pace: Option<Pace>, now: Instant) -> Result<(), Instant> {
        if self.chats.len() > SWEEP_AT {
            self.chats.retain(|_, meter| !meter.is_even(now));
        }
        let chat = address.whole_chat();
        match pace {
            Some(pace) => self.chats.entry(chat).or_default().chat(pace, now),
            None => match self.chats.get(&chat) {
                Some(meter) => meter.not_held(now),
                None => Ok(()),
            },
        }
    }
}

impl Meter {
    fn not_held(&self, now: Instant) -> Result<(), Instant> {
        match self.held {
            Some(held) if held > now => Err(held),
            Some(_) | None => Ok(()),
        }
    }

    fn chat(&mut self, pace: Pace, now: Instant) -> Result<(), Instant> {
        let Pace {
            chat_per_second,
            chat_burst,
            group_per_minute,
            total_per_second: _,
        } = pace;
        self.not_held(now)?;
        let second = Duration::from_secs(1);
        let minute = Duration::from_secs(60);
        let rate = after_one(self.rate, chat_per_second, second, chat_burst, now)?;
        let group = after_one(self.group, group_per_minute, minute, group_per_minute, now)?;
        (self.rate, self.group) = (rate, group);
        Ok(())
    }

    fn total(&mut self, pace: Option<Pace>, now: Instant) -> Result<(), Instant> {
        self.not_held(now)?;
        if let Some(Pace {
            total_per_second: per_second,
            ..
        }) = pace
        {
            let second = Duration::from_secs(1);
            self.rate = after_one(self.rate, per_second, second, burst_of(per_second), now)?;
        }
        Ok(())
    }

    fn is_even(&self, now: Instant) -> bool {
        [self.rate, self.group, self.held]
            .into_iter()
            .flatten()
            .all(|due| due <= now)
    }
}

/// A tenth of a second's worth may go in one breath; more would be a burst of its own.
fn burst_of(per_second: u32) -> u32 {
    (per_second / 10).max(1)
}

/// The schedule after one more send, or when that send may go. No `per` means no limit.
fn after_one(
    due: Option<Instant>,
    per: u32,
    span: Duration,
    burst: u32,
    now: Instant,
) -> Result<Option<Instant>, Instant> {
    let Some(distance) = span.checked_div(per) else {
        return Ok(due);
    };
    let due = due.unwrap_or(now).max(now);
    let allowance = distance.saturating_mul(burst.saturating_sub(1));
    match due.checked_sub(allowance) {
        Some(earliest) if earliest > now => Err(earliest),
        Some(_) | None => Ok(Some(due + distance)),
    }
}

enum Go {
    Now,
    At(Instant),
    AfterOthers,
}

/// A place in an account's queue; leaving it, however that comes about, calls the next one.
struct Waiting<'a> {
    pacer: &'a Pacer,
    account: String,
    place: Place,
    called: Arc<Notify>,
}

impl<'a> Waiting<'a> {
    fn new(pacer: &'a Pacer, account: String, priority: Priority) -> Self {
        let called = Arc::new(Notify::new());
        let mut state = pacer.state();
        state.places += 1;
        let place = (priority, state.places);
        state
            .accounts
            .entry(account.clone())
            .or_default()
            .queue
            .insert(place, called.clone());
        drop(state);
        Self {
            pacer,
            account,
            place,
            called,
        }
    }

    fn try_go(&self, pace: Option<Pace>) -> Go {
        let mut state = self.pacer.state();
        let account = state.accounts.entry(self.account.clone()).or_default();
        match account.queue.first_key_value() {
            Some((first, _)) if *first != self.place => Go::AfterOthers,
            Some(_) | None => match account.meter.total(pace, Instant::now()) {
                Ok(()) => Go::Now,
                Err(due) => Go::At(due),
            },
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.pacer.state();
        if let Some(account) = state.accounts.get_mut(&self.account) {
            account.queue.remove(&self.place);
            if let Some((_, next)) = account.queue.first_key_value() {
                next.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        chat_per_second: 1,
        chat_burst: 3,
        group_per_minute: 20,
        total_per_second: 30,
    };

    #[test]
    fn a_chat_may_burst_and_then_keeps_its_distance() {
        let mut meter = Meter::default();
        let start = Instant::now();
        let free = Pace {
            group_per_minute: 0,
            ..PACE
        };
        assert!((0..3).all(|_| meter.chat(free, start).is_ok()));
        let due = meter.chat(free, start).unwrap_err();
        assert_eq!(due - start, Duration::from_secs(1));
        assert!(meter.chat(free, due).is_ok());
        assert!(meter.chat(free, due).is_err());
    }

    #[test]
    fn a_group_gets_no_more_than_its_minute() {
        let start = Instant::now();
        let mut meter = Meter::default();
        let mut now = start;
        let mut sent = 0;
        while now < start + Duration::from_secs(60) {
            match meter.chat(PACE, now) {
                Ok(()) => sent += 1,
                Err(due) => now = due,
            }
        }
        assert!((20..=40).contains(&sent), "{sent} in the first minute");
        let before = sent;
        while now < start + Duration::from_secs(120) {
            match meter.chat(PACE, now) {
                Ok(()) => sent += 1,
                Err(due) => now = due,
            }
        }
        assert!(
            sent - before <= 20,
            "{} in the second minute",
            sent - before
        );
    }

    #[tokio::test]
    async fn the_more_important_goes_first() {
        let pacer = Pacer::new(true, None);
        let address: Address = "p:main:1".parse().unwrap();
        pacer.hold(&address, true, Duration::from_millis(50));
        let order = Arc::new(Mutex::new(Vec::new()));
        let go = |chat: &str, priority| {
            let (pacer, order) = (pacer.clone(), order.clone());
            let address: Address = format!("p:main:{chat}").parse().unwrap();
            async move {
                pacer.turn(&address, Some(PACE), priority).await;
                order.lock().unwrap().push(priority);
            }
        };
        tokio::join!(
            go("1", Priority::Nudge),
            go("2", Priority::Preview),
            go("3", Priority::Reply),
            go("4", Priority::Approval)
        );
        use Priority::{Approval, Nudge, Preview, Reply};
        assert_eq!(*order.lock().unwrap(), [Reply, Approval, Nudge, Preview]);
    }
}
