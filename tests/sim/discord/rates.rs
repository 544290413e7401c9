//! Rate limits: buckets per route and major id, the global limit, and the count of invalid requests.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Requests that were on their way when a 429 went out are no offence.
const IN_FLIGHT: Duration = Duration::from_millis(75);
/// Discord counts 401, 403 and 429 over ten minutes.
const INVALID_WINDOW: Duration = Duration::from_secs(600);

#[derive(Default)]
pub struct Rates {
    buckets: HashMap<String, Bucket>,
    global: VecDeque<Instant>,
    blocked: HashMap<String, Block>,
    invalid: VecDeque<Instant>,
    seed: u64,
}

struct Bucket {
    used: u32,
    reset: Instant,
}

struct Block {
    issued: Instant,
    until: Instant,
}

/// How a request stands: headers for the answer, and how long to wait when it is refused.
#[derive(Clone, Debug)]
pub struct Standing {
    pub limit: u32,
    pub remaining: u32,
    pub reset_after: Duration,
    pub bucket: String,
    pub refused: Option<Refusal>,
}

#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    pub after: f64,
    pub global: bool,
}

/// The limits of a bucket: how many requests in how much time.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub count: u32,
    pub per: Duration,
}

const GLOBAL: &str = "global";

impl Rates {
    /// Counts a request; `free_of_global` is true for interaction callbacks and their webhooks.
    pub fn take(&mut self, key: &str, limit: Limit, global: u32, free_of_global: bool) -> Standing {
        let now = Instant::now();
        let bucket = self.buckets.entry(key.to_owned()).or_insert(Bucket {
            used: 0,
            reset: now + limit.per,
        });
        if bucket.reset <= now {
            *bucket = Bucket {
                used: 0,
                reset: now + limit.per,
            };
        }
        let reset_after = bucket.reset - now;
        let mut standing = Standing {
            limit: limit.count,
            remaining: 0,
            reset_after,
            bucket: name_of(key),
            refused: None,
        };
        if bucket.used >= limit.count {
            standing.refused = Some(Refusal {
                after: reset_after.as_secs_f64(),
                global: false,
            });
            return standing;
        }
        if !free_of_global {
            while self
                .global
                .front()
                .is_some_and(|at| now - *at >= Duration::from_secs(1))
            {
                self.global.pop_front();
            }
            if self.global.len() >= global as usize {
                let oldest = self.global.front().copied().unwrap_or(now);
                let wait = Duration::from_secs(1).saturating_sub(now - oldest);
                standing.refused = Some(Refusal {
                    after: wait.as_secs_f64().max(0.001),
                    global: true,
                });
                return standing;
            }
            self.global.push_back(now);
        }
        bucket.used += 1;
        standing.remaining = limit.count - bucket.used;
        standing
    }

    /// Remembers that the caller was told to wait.
    pub fn block(&mut self, key: &str, refusal: Refusal) {
        let key = if refusal.global { GLOBAL } else { key };
        let issued = Instant::now();
        let until = issued + Duration::from_secs_f64(refusal.after.max(0.0));
        self.blocked.insert(key.to_owned(), Block { issued, until });
    }

    /// How much too early a request comes that was told to wait.
    pub fn too_early(&mut self, key: &str, free_of_global: bool) -> Option<Duration> {
        let now = Instant::now();
        self.blocked.retain(|_, block| block.until > now);
        let names = [Some(key), (!free_of_global).then_some(GLOBAL)];
        let block = names
            .into_iter()
            .flatten()
            .find_map(|name| self.blocked.get(name))?;
        (now - block.issued > IN_FLIGHT).then(|| block.until - now)
    }

    pub fn count_invalid(&mut self) {
        self.invalid.push_back(Instant::now());
    }

    pub fn invalid(&mut self) -> usize {
        while self
            .invalid
            .front()
            .is_some_and(|at| at.elapsed() > INVALID_WINDOW)
        {
            self.invalid.pop_front();
        }
        self.invalid.len()
    }

    /// A number from 0 to 1; the same row in every run, so that a failure can be repeated.
    pub fn chance(&mut self) -> f64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The name of a bucket as Discord shows it: an opaque text that is the same for the same bucket.
fn name_of(key: &str) -> String {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
