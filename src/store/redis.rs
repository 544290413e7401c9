//! Redis: a cache and a bell, never the only copy.
//!
//! Nothing here fails and nothing here is waited for: when Redis is away, every call answers at once
//! with nothing, and the caller goes on with the database and its own meter. A task of its own brings
//! the connection back.

mod door;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use futures::StreamExt;
use rand::Rng;
use rand::rngs::StdRng;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep, timeout, timeout_at};
use tokio_util::task::TaskTracker;

use door::{Door, Link};

/// Longest that a caller waits; a turn that waits longer for a cache is better off without it.
const PATIENCE: Duration = Duration::from_millis(300);
/// Longest that a connection may take to come about, in the background.
const DIAL: Duration = Duration::from_secs(2);
/// Pause between two attempts to connect.
const REST: Duration = Duration::from_millis(250);
/// How often a listener makes sure that the other side is still there.
const PULSE: Duration = Duration::from_secs(1);
/// The channel on which processes tell each other that a lane has work.
const BELL: &str = "toney:bell";

/// One meter for all processes (the generic cell rate algorithm), by the clock of Redis.
/// ARGV: microseconds between two, microseconds that may be run ahead. Answers microseconds to wait.
/// Numbers are formatted: Lua would write sixteen digits as `1.7e+15`.
const PACE: &str = "
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local step, ahead = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
if due - now > ahead then return due - now - ahead end
redis.call('SET', KEYS[1], string.format('%.0f', due + step),
           'PX', math.ceil((due + step - now) / 1000) + 1)
return 0";

/// Redis, if it is there; cheap to clone.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

struct Shared {
    door: Door,
    /// Marks our own rings, so that they do not wake us.
    me: String,
    state: Mutex<State>,
    /// Changes whenever an attempt to connect ended.
    dialled: watch::Sender<()>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    link: Option<Link>,
    /// Counts connections, so that a late error of an old one does not close the new one.
    number: u64,
    dialling: bool,
    rest_until: Option<Instant>,
    /// `None` until the first attempt ended.
    alive: Option<bool>,
    trouble: String,
}

impl Redis {
    /// Takes `redis://`, `rediss://` (with TLS), `redis+cluster://h1:p,h2:p` and
    /// `redis+sentinel://h1:p,h2:p/master`; the latter two also with `rediss+`. Connects when it is
    /// first needed, so only a malformed URL is an error.
    pub fn open(url: &str) -> Result<Self> {
        metrics::gauge!("toney_redis_connected").set(0.0);
        let mut random: StdRng = rand::make_rng();
        Ok(Self(Arc::new(Shared {
            door: Door::parse(url)?,
            me: format!("{:016x}", random.next_u64()),
            state: Mutex::default(),
            dialled: watch::Sender::new(()),
            tasks: TaskTracker::new(),
        })))
    }

    /// The text kept under `name`, if it was kept with exactly this version.
    pub async fn recall(&self, name: &str, version: i64) -> Option<String> {
        let mut get = redis::cmd("GET");
        get.arg(kept(name));
        let found: Option<String> = self.ask(get).await?;
        let result = found
            .as_deref()
            .and_then(|found| found.split_once('\n'))
            .filter(|(head, _)| *head == version.to_string())
            .map(|(_, text)| text.to_owned());
        let outcome = if result.is_some() { "hit" } else { "miss" };
        metrics::counter!("toney_redis_recalls_total", "result" => outcome).increment(1);
        result
    }

    /// Keeps a text under `name` for at most `ttl`.
    pub async fn keep(&self, name: &str, version: i64, value: &str, ttl: Duration) {
        let mut set = redis::cmd("SET");
        set.arg(kept(name))
            .arg(format!("{version}\n{value}"))
            .arg("PX")
            .arg(millis(ttl).max(1));
        let _: Option<()> = self.ask(set).await;
    }

    /// Keeps nothing under `name` any more.
    pub async fn forget(&self, name: &str) {
        let mut del = redis::cmd("DEL");
        del.arg(kept(name));
        let _: Option<i64> = self.ask(del).await;
    }

    /// Tells the other processes that a lane has work.
    pub async fn ring(&self, lane: &str) {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(BELL).arg(format!("{} {lane}", self.0.me));
        let _: Option<i64> = self.ask(publish).await;
    }

    /// Takes one of `per_second` permissions that all processes share for `account`; up to `burst`
    /// may be taken at once. `Some(Err(wait))`: none is left, ask again after that long. `None`:
    /// Redis is away, go by your own meter. Zero counts as one.
    pub async fn pace(
        &self,
        account: &str,
        per_second: u32,
        burst: u32,
    ) -> Option<Result<(), Duration>> {
        let step = 1_000_000 / u64::from(per_second.max(1));
        let ahead = step.saturating_mul(u64::from(burst.max(1) - 1));
        let mut pace = redis::cmd("EVAL");
        pace.arg(PACE)
            .arg(1)
            .arg(format!("toney:pace:{account}"))
            .arg(step.max(1))
            .arg(ahead);
        let wait: u64 = self.ask(pace).await?;
        Some(if wait == 0 {
            Ok(())
        } else {
            Err(Duration::from_micros(wait))
        })
    }

    /// True while Redis answered when it was last asked.
    pub fn alive(&self) -> bool {
        self.state().link.is_some()
    }

    /// Asks Redis whether it is there; the error says what is wrong.
    pub async fn ping(&self) -> Result<()> {
        let answer: Option<String> = self.ask(redis::cmd("PING")).await;
        if answer.is_none() {
            bail!("Redis does not answer: {}", self.state().trouble);
        }
        Ok(())
    }

    /// Hears the lanes that other processes ring for and passes them on until nobody receives them.
    /// An empty lane says that rings may have been missed. Also brings a lost connection back.
    pub async fn listen(self, lanes: mpsc::UnboundedSender<String>) {
        let watching = async {
            let mut pulse = interval(PULSE);
            loop {
                pulse.tick().await;
                let _: Option<String> = self.ask(redis::cmd("PING")).await;
            }
        };
        let hearing = async {
            loop {
                if let Err(error) = self.hear(&lanes).await {
                    tracing::debug!(error = %error, "The bell cannot be heard");
                }
                sleep(REST).await;
            }
        };
        tokio::select! {
            () = watching => {}
            () = hearing => {}
            () = lanes.closed() => {}
        }
    }

    /// Hears the bell until the connection is lost.
    async fn hear(&self, lanes: &mpsc::UnboundedSender<String>) -> RedisResult<()> {
        let late = |_| RedisError::from((ErrorKind::Io, "no answer in time"));
        let subscribed = async {
            let mut bell = self.0.door.bell().await?;
            bell.subscribe(BELL).await?;
            RedisResult::Ok(bell)
        };
        let bell = timeout(DIAL, subscribed).await.map_err(late)??;
        // Whatever rang before we listened is lost.
        drop(lanes.send(String::new()));
        let (mut sink, mut rings) = bell.split();
        let mut pulse = interval(PULSE);
        loop {
            tokio::select! {
                ring = rings.next() => {
                    let Some(ring) = ring else { return Ok(()) };
                    let text: String = ring.get_payload()?;
                    if let Some((from, lane)) = text.split_once(' ')
                        && from != self.0.me
                    {
                        drop(lanes.send(lane.to_owned()));
                    }
                }
                // A server that froze or a cable that was cut closes nothing.
                _ = pulse.tick() => {
                    timeout(DIAL, sink.ping::<redis::Value>()).await.map_err(late)??;
                }
            }
        }
    }

    async fn ask<T: FromRedisValue>(&self, command: Cmd) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let (number, mut link) = timeout_at(deadline, self.link()).await.ok().flatten()?;
        match timeout_at(deadline, link.ask(&command)).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) if refused(&error) => {
                metrics::counter!("toney_redis_refused_total").increment(1);
                tracing::debug!(error = %error, "Redis refused a command");
                self.state().trouble = error.to_string();
                None
            }
            Ok(Err(error)) => self.lost(number, error.to_string()),
            Err(_) => self.lost(number, "no answer in time".to_owned()),
        }
    }

    /// The connection, if there is one. Only the very first attempt to connect is waited for.
    async fn link(&self) -> Option<(u64, Link)> {
        let mut dialled = self.0.dialled.subscribe();
        {
            let mut state = self.state();
            if let Some(link) = &state.link {
                return Some((state.number, link.clone()));
            }
            let rests = state.rest_until.is_some_and(|until| Instant::now() < until);
            if !rests && !state.dialling {
                state.dialling = true;
                let this = self.clone();
                self.0.tasks.spawn(async move { this.dial().await });
            }
            if state.alive.is_some() {
                return None;
            }
        }
        dialled.changed().await.ok()?;
        let state = self.state();
        state.link.clone().map(|link| (state.number, link))
    }

    async fn dial(&self) {
        let result = timeout(DIAL, self.0.door.link()).await;
        let mut state = self.state();
        state.dialling = false;
        match result {
            Ok(Ok(link)) => {
                state.link = Some(link);
                state.number += 1;
                state.trouble.clear();
                state.tell(true);
            }
            Ok(Err(error)) => state.fail(error.to_string()),
            Err(_) => state.fail("no connection in time".to_owned()),
        }
        drop(state);
        self.0.dialled.send_replace(());
    }

    /// Closes a connection that failed. Whether Redis is away, the next attempt to connect will tell.
    fn lost<T>(&self, number: u64, trouble: String) -> Option<T> {
        let mut state = self.state();
        if state.number == number && state.link.take().is_some() {
            metrics::gauge!("toney_redis_connected").set(0.0);
            state.trouble = trouble;
            state.rest_until = Some(Instant::now() + REST);
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fail(&mut self, trouble: String) {
        self.trouble = trouble;
        self.rest_until = Some(Instant::now() + REST);
        self.tell(false);
    }

    /// Says once that Redis went away, and once that it is back.
    fn tell(&mut self, alive: bool) {
        let before = self.alive.replace(alive);
        metrics::gauge!("toney_redis_connected").set(if alive { 1.0 } else { 0.0 });
        match (before, alive) {
            (Some(false), true) => tracing::info!("Redis is back"),
            (None | Some(true), false) => {
                let error = self.trouble.as_str();
                tracing::warn!(error, "Redis is away; going on without it");
            }
            (None | Some(true), true) | (Some(false), false) => {}
        }
    }
}

/// True when Redis is there but does not do what was asked, for example because it is full. A new
/// connection would not help then; it does help where a master became a replica.
fn refused(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => !matches!(
            kind,
            ServerErrorKind::ReadOnly
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
        ),
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType => true,
        _ => false,
    }
}

fn kept(name: &str) -> String {
    format!("toney:kept:{name}")
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
