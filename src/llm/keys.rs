//! Several keys of one provider: whose turn it is, and which of them rest.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::counter;

use super::catalogue::Entry;
use super::error::key_rests;
use super::settings::Secret;
use super::{AnswerStream, Error, Model, Request};
use crate::model::{Clock, Time};

/// The keys of a provider, shared by all its models.
pub(super) struct Ring {
    provider: String,
    pub(super) keys: Vec<Secret>,
    clock: Clock,
    state: Mutex<State>,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys of {}", self.keys.len(), self.provider)
    }
}

#[derive(Default)]
struct State {
    /// Whose turn it is next.
    next: usize,
    /// Until when a key rests for a model, or for all of them under the empty name.
    rests: HashMap<(usize, String), Time>,
}

/// The name under which a key rests for every model.
const EVERY: &str = "";

impl Ring {
    pub(super) fn new(provider: &str, keys: Vec<Secret>, clock: Clock) -> Self {
        Self {
            provider: provider.to_owned(),
            keys,
            clock,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys that may be used for a model now, in the order of their turns.
    fn turn(&self, model: &str) -> Vec<usize> {
        let now = self.clock.now();
        let mut state = self.state();
        let first = state.next;
        state.next = state.next.wrapping_add(1);
        state.rests.retain(|_, until| *until > now);
        let count = self.keys.len();
        let all = (0..count).map(|place| first.wrapping_add(place) % count);
        all.filter(|key| state.rests_until(*key, model).is_none())
            .collect()
    }

    /// Lets a key rest that was turned down; false when another key would fare no better.
    fn rest(&self, key: usize, model: &str, error: &Error) -> bool {
        let Some((pause, is_whole)) = key_rests(error) else {
            return false;
        };
        let name = if is_whole { EVERY } else { model };
        let until = self.clock.now().plus(pause);
        self.state().rests.insert((key, name.to_owned()), until);
        let (provider, reason) = (self.provider.clone(), error.label());
        counter!("toney_model_key_rests_total", "provider" => provider, "reason" => reason)
            .increment(1);
        if is_whole {
            tracing::warn!(
                llm.provider = %self.provider,
                llm.key = key + 1,
                llm.error = %error.label(),
                "One of several keys is not taken and is left alone for a while"
            );
        }
        true
    }

    /// How long until the first key may be used again for a model.
    fn wait(&self, model: &str) -> Duration {
        let now = self.clock.now();
        let state = self.state();
        let ends = (0..self.keys.len()).map(|key| state.rests_until(key, model).unwrap_or(now));
        ends.min().map_or(Duration::ZERO, |end| end.since(now))
    }
}

impl State {
    fn rests_until(&self, key: usize, model: &str) -> Option<Time> {
        let until = |name: &str| self.rests.get(&(key, name.to_owned())).copied();
        until(model).max(until(EVERY))
    }
}

/// One model behind several keys: what one key may not do now, the next one does.
pub(super) struct Pooled {
    first: Arc<dyn Model>,
    /// The model with each of the keys, in the order of the ring.
    links: Vec<Arc<dyn Model>>,
    ring: Arc<Ring>,
}

impl Pooled {
    /// The model that `with` makes of every key; none where there are no keys.
    pub(super) fn over(
        ring: Arc<Ring>,
        with: impl Fn(&Secret) -> Arc<dyn Model>,
    ) -> Option<Arc<dyn Model>> {
        let links: Vec<_> = ring.keys.iter().map(with).collect();
        let first = Arc::clone(links.first()?);
        Some(Arc::new(Self { first, links, ring }))
    }
}

#[async_trait::async_trait]
impl Model for Pooled {
    fn entry(&self) -> &Entry {
        self.first.entry()
    }

    fn limit(&self, request: &Request) -> u32 {
        self.first.limit(request)
    }

    fn largest_image(&self) -> usize {
        self.first.largest_image()
    }

    async fn stream(&self, request: &Request) -> Result<AnswerStream, Error> {
        let name = self.name();
        let mut last = None;
        let mut is_limited = false;
        for key in self.ring.turn(name) {
            let Some(link) = self.links.get(key) else {
                continue;
            };
            match link.stream(request).await {
                Err(error) if self.ring.rest(key, name, &error) => {
                    is_limited |= matches!(error, Error::RateLimited { .. });
                    last = Some(error);
                }
                answer => return answer,
            }
        }
        match last {
            Some(error) if !is_limited => Err(error),
            // Every key rests; the first that is back can be asked again then.
            Some(_) | None => Err(Error::RateLimited {
                after: Some(self.ring.wait(name)),
            }),
        }
    }

    /// Every key has to be taken.
    async fn check(&self) -> Result<(), Error> {
        for link in &self.links {
            link.check().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::scripted::{Scripted, Step};
    use super::*;

    /// Two keys in front of two scripted links.
    fn pooled(clock: &Clock, scripts: [Vec<Vec<Step>>; 2]) -> (Arc<dyn Model>, Vec<Arc<Scripted>>) {
        let keys = ["a", "b"].map(Secret::new).to_vec();
        let ring = Arc::new(Ring::new("x", keys, clock.clone()));
        let links = scripts.map(|script| Arc::new(Scripted::new("x/one", script)));
        let place = AtomicUsize::new(0);
        let made = Pooled::over(ring, |_| {
            links[place.fetch_add(1, Ordering::Relaxed)].clone()
        });
        (made.unwrap(), links.to_vec())
    }

    fn limited(seconds: u64) -> Vec<Step> {
        let after = Some(Duration::from_secs(seconds));
        vec![Step::Fail(Error::RateLimited { after })]
    }

    fn well() -> Vec<Step> {
        vec![Step::Say("Hi."), Step::End]
    }

    async fn ask(model: &Arc<dyn Model>) -> Result<(), Error> {
        model.stream(&Request::default()).await.map(|_| ())
    }

    fn clock() -> Clock {
        Clock::manual(Time::from_ms(1_000_000))
    }

    #[tokio::test]
    async fn keys_take_turns_and_a_limited_one_is_stood_in_for() {
        let clock = clock();
        let (model, links) = pooled(&clock, [vec![limited(30), well()], vec![well()]]);
        for _ in 0..4 {
            ask(&model).await.unwrap();
        }
        assert_eq!((links[0].calls(), links[1].calls()), (1, 4));
        clock.advance(Duration::from_secs(30));
        for _ in 0..4 {
            ask(&model).await.unwrap();
        }
        assert_eq!((links[0].calls(), links[1].calls()), (3, 6));
    }

    #[tokio::test]
    async fn when_all_rest_the_soonest_is_named() {
        let clock = clock();
        let scripts = [vec![limited(30), well()], vec![limited(20), well()]];
        let (model, links) = pooled(&clock, scripts);
        let soonest = |seconds| Error::RateLimited {
            after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(ask(&model).await, Err(soonest(20)));
        clock.advance(Duration::from_secs(5));
        assert_eq!(ask(&model).await, Err(soonest(15)));
        assert_eq!((links[0].calls(), links[1].calls()), (1, 1));
        clock.advance(Duration::from_secs(15));
        assert_eq!(ask(&model).await, Ok(()));
    }

    #[tokio::test]
    async fn wrong_keys_rest_and_other_failures_are_nobodys_fault() {
        let wrong = vec![Step::Fail(Error::Unauthorised)];
        let (model, links) = pooled(&clock(), [vec![wrong.clone()], vec![wrong]]);
        assert_eq!(ask(&model).await, Err(Error::Unauthorised));
        assert!(matches!(
            ask(&model).await,
            Err(Error::RateLimited { after: Some(_) })
        ));
        assert_eq!((links[0].calls(), links[1].calls()), (1, 1));
        let down = vec![Step::Fail(Error::Down("status 500".into()))];
        let (model, links) = pooled(&clock(), [vec![down], vec![well()]]);
        assert!(matches!(ask(&model).await, Err(Error::Down(_))));
        assert_eq!((links[0].calls(), links[1].calls()), (1, 0));
    }
}
