//! How updates reach the bot: long polling, and deliveries to its webhook.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Inner;
use super::answers::{ApiError, Applied};
use super::net::Call;
use super::state::{State, Update};

const REPLACED: &str = "Conflict: terminated by other getUpdates request; make sure that only one \
    bot instance is running";
const HOOKED: &str = "Conflict: can't use getUpdates method while webhook is active; use \
    deleteWebhook to delete the webhook first";
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the webhook gets next.
struct Round {
    url: String,
    secret: Option<String>,
    next: Vec<Arc<Update>>,
}

/// Marks a waiting poll; takes the mark off also when the client leaves.
struct Waiting<'a>(&'a Inner, u64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.poll == self.1 {
            state.polling = false;
            drop(state);
            self.0.changed.notify_waiters();
        }
    }
}

impl Inner {
    /// One long poll. A newer poll ends an older one that still waits.
    pub(super) async fn get_updates(&self, call: &Call) -> Applied {
        let offset = call.int("offset").unwrap_or(0);
        let limit = usize::try_from(call.int("limit").unwrap_or(100))
            .unwrap_or(100)
            .clamp(1, 100);
        let timeout = u64::try_from(call.int("timeout").unwrap_or(0)).unwrap_or(0);
        let deadline = Instant::now() + Duration::from_secs(timeout);
        let (mine, floor) = self.lock().begin_poll(call, offset)?;
        self.updates.notify_waiters();
        self.changed.notify_waiters();
        let _waiting = Waiting(self, mine);
        loop {
            let mut news = pin!(self.updates.notified());
            news.as_mut().enable();
            {
                let mut state = self.lock();
                if state.poll != mine {
                    return Err(ApiError::new(409, REPLACED));
                }
                if state.hook.is_some() {
                    return Err(ApiError::new(409, HOOKED));
                }
                let batch = state.batch(floor, limit);
                if batch.is_some() || Instant::now() >= deadline {
                    return Ok(batch.unwrap_or_else(|| "[]".to_owned()));
                }
            }
            timeout_at(deadline, news).await.ok();
        }
    }

    /// Starts or ends the deliveries after the webhook was set or deleted.
    pub(super) fn hook_changed(self: &Arc<Self>) {
        self.updates.notify_waiters();
        if let Some(generation) = self.lock().hook.as_ref().map(|h| h.generation) {
            let inner = self.clone();
            tokio::runtime::Handle::current().spawn(inner.deliver_all(generation));
        }
    }

    /// Delivers until another webhook is set: one update at a time per chat, several chats at
    /// once, with growing pauses after failures.
    async fn deliver_all(self: Arc<Self>, generation: u64) {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10));
        let client = client.build().expect("a plain HTTP client");
        let mut running: JoinSet<(Arc<Update>, Result<(), String>)> = JoinSet::new();
        let mut busy: HashSet<i64> = HashSet::new();
        let mut pauses: HashMap<i64, (Instant, Duration)> = HashMap::new();
        loop {
            let mut news = pin!(self.updates.notified());
            news.as_mut().enable();
            let round = self.next_deliveries(generation, &busy, &pauses);
            let Some(Round { url, secret, next }) = round else {
                return;
            };
            for update in next {
                busy.insert(update.lane);
                running.spawn(deliver(client.clone(), url.clone(), secret.clone(), update));
            }
            let wake = pauses
                .values()
                .map(|p| p.0)
                .filter(|at| *at > Instant::now())
                .min();
            let wake = wake.unwrap_or_else(|| Instant::now() + Duration::from_mins(1));
            tokio::select! {
                () = news => {}
                () = sleep_until(wake) => {}
                Some(Ok((update, done))) = running.join_next() => {
                    busy.remove(&update.lane);
                    self.delivered(&update, &done);
                    if done.is_ok() {
                        pauses.remove(&update.lane);
                    } else {
                        let last = pauses.get(&update.lane).map(|p| p.1);
                        let pause = last.map_or(FIRST_PAUSE, |p| (p * 2).min(LONGEST_PAUSE));
                        pauses.insert(update.lane, (Instant::now() + pause, pause));
                    }
                }
            }
        }
    }

    fn next_deliveries(
        &self,
        generation: u64,
        busy: &HashSet<i64>,
        pauses: &HashMap<i64, (Instant, Duration)>,
    ) -> Option<Round> {
        let mut state = self.lock();
        let hook = state.hook.as_ref().filter(|h| h.generation == generation)?;
        let (url, secret) = (hook.url.clone(), hook.secret.clone());
        let free = hook.max.saturating_sub(busy.len());
        let now = Instant::now();
        let mut taken = busy.clone();
        taken.extend(
            pauses
                .iter()
                .filter(|(_, p)| p.0 > now)
                .map(|(lane, _)| *lane),
        );
        let mut next = Vec::new();
        while let Some(at) = state.again.iter().position(|u| !taken.contains(&u.lane)) {
            let update = state.again.remove(at)?;
            taken.insert(update.lane);
            next.push(update);
        }
        for update in &state.pending {
            if next.len() >= free {
                break;
            }
            if taken.insert(update.lane) {
                next.push(update.clone());
            }
        }
        Some(Round { url, secret, next })
    }

    fn delivered(&self, update: &Arc<Update>, done: &Result<(), String>) {
        let mut state = self.lock();
        match done {
            Ok(()) => {
                if let Some(at) = state.pending.iter().position(|u| u.id == update.id) {
                    state.pending.remove(at);
                    state.keep_past(update.clone());
                }
            }
            Err(e) => {
                if !state.pending.iter().any(|u| u.id == update.id) {
                    state.again.push_back(update.clone());
                }
                if let Some(hook) = &mut state.hook {
                    hook.last_error = Some(e.clone());
                }
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }
}

impl State {
    /// Registers a poll, confirms what its offset confirms. Returns its number and the lowest
    /// update id to hand out.
    fn begin_poll(&mut self, call: &Call, offset: i64) -> Result<(u64, i64), ApiError> {
        self.gate(call)?;
        if self.hook.is_some() {
            return Err(ApiError::new(409, HOOKED));
        }
        self.set_allowed(call);
        let floor = if offset < 0 {
            let back = usize::try_from(-offset)
                .unwrap_or(usize::MAX)
                .min(self.pending.len());
            let first = self.pending.len() - back;
            self.pending
                .get(first)
                .map_or(self.last_update + 1, |u| u.id)
        } else {
            offset
        };
        self.confirm(floor);
        self.poll += 1;
        self.polling = true;
        Ok((self.poll, floor))
    }

    /// The next updates as a JSON array, redelivered ones first.
    fn batch(&mut self, floor: i64, limit: usize) -> Option<String> {
        let mut out = String::from("[");
        let again: Vec<_> = self.again.drain(..).collect();
        let fresh = self.pending.iter().filter(|u| u.id >= floor);
        for update in again.iter().chain(fresh).take(limit.max(again.len())) {
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(&update.json);
            for press in self.presses.values_mut() {
                if press.update == update.id {
                    press.shown = Some(std::time::Instant::now());
                }
            }
        }
        out.push(']');
        (out.len() > 2).then_some(out)
    }
}

async fn deliver(
    client: reqwest::Client,
    url: String,
    secret: Option<String>,
    update: Arc<Update>,
) -> (Arc<Update>, Result<(), String>) {
    let mut request = client
        .post(url)
        .header("Content-Type", "application/json")
        .body(update.json.clone());
    if let Some(secret) = secret {
        request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
    }
    let done = match request.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!(
            "Wrong response from the webhook: {}",
            answer.status()
        )),
        Err(e) => Err(format!("Connection failed: {e}")),
    };
    (update, done)
}
