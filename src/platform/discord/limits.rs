use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::rest::{Route, Trouble};

/// Discord bans an address for 10,000 answers of 401, 403 or 429 within ten minutes; we stop earlier.
const INVALID_LIMIT: u32 = 9_000;
const INVALID_WINDOW: Duration = Duration::from_mins(10);
/// The grain in which invalid requests are counted.
const INVALID_GRAIN: Duration = Duration::from_secs(10);
/// When this many buckets are known, the spent ones are swept out.
const SWEEP_AT: usize = 4_096;

/// What the platform told us about its limits, so that a request that would be refused is not sent.
#[derive(Debug, Default)]
pub(super) struct Limits {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The platform's name of the bucket behind each of our routes.
    names: HashMap<&'static str, String>,
    buckets: HashMap<(String, String), Bucket>,
    all_until: Option<Instant>,
    invalid: VecDeque<(Instant, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    remaining: u32,
    reset: Instant,
}

impl Limits {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one request out of the route's bucket, or says how long it has to wait.
    pub(super) fn take(&self, route: &Route, now: Instant) -> Result<(), Trouble> {
        let mut state = self.state();
        if let Some(until) = state.too_many_invalid(now) {
            return Err(wait(until, now, true));
        }
        // Answers to interactions are not bound to the global limit.
        match state.all_until {
            Some(until) if until > now && !route.is_interaction() => {
                return Err(wait(until, now, true));
            }
            _ => {}
        }
        let key = state.key(route);
        match state.buckets.get_mut(&key) {
            Some(bucket) if bucket.reset > now => {
                if bucket.remaining == 0 {
                    return Err(wait(bucket.reset, now, false));
                }
                bucket.remaining -= 1;
            }
            Some(_) => {
                state.buckets.remove(&key);
            }
            None => {}
        }
        Ok(())
    }

    /// Remembers what an answer's headers say about the bucket.
    pub(super) fn learn(&self, route: &Route, headers: &HeaderMap, now: Instant) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(remaining), Some(after)) = (
            text("x-ratelimit-remaining").and_then(|text| text.parse::<u32>().ok()),
            text("x-ratelimit-reset-after").and_then(seconds),
        ) else {
            return;
        };
        let reset = now + after;
        let mut state = self.state();
        if let Some(name) = text("x-ratelimit-bucket") {
            let known = state.names.get(route.name).map(String::as_str);
            if known != Some(name) {
                state.names.insert(route.name, name.to_owned());
            }
        }
        if state.buckets.len() >= SWEEP_AT {
            state.buckets.retain(|_, bucket| bucket.reset > now);
        }
        let key = state.key(route);
        let slot = state
            .buckets
            .entry(key)
            .or_insert(Bucket { remaining, reset });
        // Answers overtake one another: within one window the smaller number is the later one.
        let same_window = slot.reset + Duration::from_millis(50) >= reset && slot.reset > now;
        slot.remaining = if same_window {
            slot.remaining.min(remaining)
        } else {
            remaining
        };
        slot.reset = slot.reset.max(reset);
    }

    /// Remembers a 429.
    pub(super) fn refused(&self, route: &Route, after: Duration, all: bool, now: Instant) {
        let until = now + after;
        let mut state = self.state();
        if all {
            state.all_until = Some(state.all_until.map_or(until, |known| known.max(until)));
        } else {
            let key = state.key(route);
            state.buckets.insert(
                key,
                Bucket {
                    remaining: 0,
                    reset: until,
                },
            );
        }
    }

    /// Counts an answer that Discord holds against us.
    pub(super) fn invalid(&self, now: Instant) {
        let mut state = self.state();
        match state.invalid.back_mut() {
            Some((start, count)) if now.duration_since(*start) < INVALID_GRAIN => *count += 1,
            _ => state.invalid.push_back((now, 1)),
        }
    }
}

impl State {
    /// A bucket is counted apart for each channel, guild or webhook.
    fn key(&self, route: &Route) -> (String, String) {
        let name = self
            .names
            .get(route.name)
            .map_or(route.name, String::as_str);
        (name.to_owned(), route.major.clone())
    }

    fn too_many_invalid(&mut self, now: Instant) -> Option<Instant> {
        while let Some((start, _)) = self.invalid.front() {
            if now.duration_since(*start) < INVALID_WINDOW {
                break;
            }
            self.invalid.pop_front();
        }
        let count: u32 = self.invalid.iter().map(|(_, count)| count).sum();
        match self.invalid.front() {
            Some((start, _)) if count >= INVALID_LIMIT => Some(*start + INVALID_WINDOW),
            _ => None,
        }
    }
}

/// Reads the platform's seconds; rounded up to whole milliseconds so that nobody comes early.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64((seconds * 1_000.0).ceil() / 1_000.0).ok()
}

fn wait(until: Instant, now: Instant, all: bool) -> Trouble {
    Trouble::Limited {
        after: until.duration_since(now) + Duration::from_millis(1),
        all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(remaining: &str, after: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-bucket", "b1".parse().unwrap());
        headers.insert("x-ratelimit-remaining", remaining.parse().unwrap());
        headers.insert("x-ratelimit-reset-after", after.parse().unwrap());
        headers
    }

    #[test]
    fn an_exhausted_bucket_holds_its_channel_only() {
        let (limits, now) = (Limits::default(), Instant::now());
        let (one, two) = (Route::create_message(1), Route::create_message(2));
        limits.learn(&one, &headers("1", "2.5"), now);
        assert!(limits.take(&one, now).is_ok());
        let refused = limits.take(&one, now).unwrap_err();
        assert!(
            matches!(refused, Trouble::Limited { after, all: false } if after.as_millis() == 2_501)
        );
        assert!(limits.take(&two, now).is_ok());
        let later = now + Duration::from_millis(2_501);
        assert!(limits.take(&one, later).is_ok());
    }

    #[test]
    fn a_global_refusal_holds_everything_but_interactions() {
        let (limits, now) = (Limits::default(), Instant::now());
        limits.refused(&Route::create_message(1), Duration::from_secs(3), true, now);
        assert!(matches!(
            limits.take(&Route::create_message(2), now),
            Err(Trouble::Limited { all: true, .. })
        ));
        assert!(limits.take(&Route::callback("1", "t"), now).is_ok());
    }

    #[test]
    fn it_stops_before_the_ban() {
        let (limits, now) = (Limits::default(), Instant::now());
        for _ in 0..INVALID_LIMIT {
            limits.invalid(now);
        }
        let route = Route::create_message(1);
        assert!(limits.take(&route, now).is_err());
        assert!(limits.take(&route, now + INVALID_WINDOW).is_ok());
    }
}
