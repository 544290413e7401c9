//! Which model somebody wants, and with whose key. Few people choose, so that all of it is kept at hand: a plain
//! message costs no reading of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Result;

use crate::llm::{Secret, Wish};
use crate::model::{Clock, PersonId, Seal, Setting, Standing, Time, own_key_place};
use crate::store::Store;

use super::Turn;

/// What another process changed counts here after this long.
const FRESH: Duration = Duration::from_secs(10);
/// An own key that was turned down is not tried again for so long; the usual models answer meanwhile.
const REST: Duration = Duration::from_secs(300);

/// Everybody's choices, cheap to clone.
#[derive(Clone)]
pub struct Wishes {
    store: Store,
    seal: Seal,
    clock: Clock,
    shelf: Arc<Shelf>,
    refused: Arc<Refused>,
}

type All = HashMap<PersonId, Mine>;

#[derive(Default)]
struct Kept {
    /// The number of the loading that brought it.
    load: u64,
    /// When that was, or when it was tried last.
    at: Option<Time>,
    all: Arc<All>,
}

/// A copy of what stands in the store, which one at a time renews.
#[derive(Default)]
struct Shelf {
    kept: RwLock<Arc<Kept>>,
    loads: AtomicU64,
    loading: tokio::sync::Mutex<()>,
}

impl Shelf {
    /// The copy, read anew where it is old. Whoever comes while somebody else reads takes the old one, and so does
    /// everybody for a while where it cannot be read.
    async fn fresh(&self, clock: &Clock, load: impl Future<Output = Result<All>>) -> Arc<Kept> {
        let is_fresh = |kept: &Kept| kept.at.is_some_and(|at| clock.now().since(at) < FRESH);
        let kept = self.kept();
        if is_fresh(&kept) {
            return kept;
        }
        let _only = match kept.at {
            // Without any copy everybody has to wait for the first.
            None => self.loading.lock().await,
            Some(_) => match self.loading.try_lock() {
                Ok(only) => only,
                Err(_) => return kept,
            },
        };
        let kept = self.kept();
        if is_fresh(&kept) {
            return kept;
        }
        match self.renew(clock, load).await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::debug!(
                    error = format!("{error:#}"),
                    "Choices of models could not be read"
                );
                self.put(Kept {
                    load: kept.load,
                    at: Some(clock.now()),
                    all: Arc::clone(&kept.all),
                })
            }
        }
    }

    async fn renew(
        &self,
        clock: &Clock,
        load: impl Future<Output = Result<All>>,
    ) -> Result<Arc<Kept>> {
        // What began to be read later is newer.
        let number = self.loads.fetch_add(1, Ordering::Relaxed) + 1;
        let all = Arc::new(load.await?);
        Ok(self.put(Kept {
            load: number,
            at: Some(clock.now()),
            all,
        }))
    }

    fn put(&self, newer: Kept) -> Arc<Kept> {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if newer.load >= kept.load {
            *kept = Arc::new(newer);
        }
        Arc::clone(&kept)
    }

    fn kept(&self) -> Arc<Kept> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&kept)
    }
}

/// The own keys that were turned down of late, by person and provider, each with the time until which it rests.
#[derive(Default)]
struct Refused(Mutex<HashMap<(PersonId, String), Time>>);

impl Refused {
    fn all(&self) -> MutexGuard<'_, HashMap<(PersonId, String), Time>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It was turned down; tells whether that is new.
    fn rest(&self, person: PersonId, provider: &str, now: Time) -> bool {
        let until = now.plus(REST);
        self.all()
            .insert((person, provider.to_owned()), until)
            .is_none()
    }

    fn rests(&self, person: PersonId, provider: &str, now: Time) -> bool {
        let until = self.all().get(&(person, provider.to_owned())).copied();
        until.is_some_and(|until| now < until)
    }

    /// It works, or is another one.
    fn forget(&self, person: PersonId, provider: &str) {
        let mut all = self.all();
        if !all.is_empty() {
            all.remove(&(person, provider.to_owned()));
        }
    }
}

/// What somebody chose and brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mine {
    pub(super) model: Option<String>,
    /// The sealed keys, by their providers in order.
    keys: Vec<(String, String)>,
}

impl Mine {
    /// The providers for which they have a key.
    pub(super) fn providers(&self) -> Vec<String> {
        let keys = self.keys.iter();
        keys.map(|(provider, _)| provider.clone()).collect()
    }
}

impl Wishes {
    /// Choices as they stand in the store; keys are sealed by `seal`.
    pub fn new(store: Store, seal: Seal, clock: Clock) -> Self {
        Self {
            store,
            seal,
            clock,
            shelf: Arc::default(),
            refused: Arc::default(),
        }
    }

    /// What somebody chose.
    pub(super) async fn of(&self, person: PersonId) -> Mine {
        let kept = self.shelf.fresh(&self.clock, self.read()).await;
        kept.all.get(&person).cloned().unwrap_or_default()
    }

    /// Somebody's own key for a provider.
    pub(super) fn key(&self, person: PersonId, mine: &Mine, provider: &str) -> Option<Secret> {
        let (_, sealed) = mine.keys.iter().find(|(known, _)| known == provider)?;
        let opened = self.seal.open(&own_key_place(person, provider), sealed);
        if opened.is_none() {
            tracing::warn!(llm.provider = %provider, "A key that somebody brought was sealed with another secret key");
        }
        opened.map(Secret::new)
    }

    /// The key in what came in.
    pub(super) fn brought(&self, sealed: &str) -> Option<String> {
        self.seal.open(crate::intake::SEALED, sealed)
    }

    pub(super) async fn choose(&self, person: PersonId, model: Option<&str>) -> Result<()> {
        self.store.choose_model(person, model).await?;
        self.load().await.map(drop)
    }

    pub(super) async fn keep(&self, person: PersonId, provider: &str, key: &str) -> Result<()> {
        let sealed = self.seal.seal(&own_key_place(person, provider), key)?;
        self.store.keep_key(person, provider, &sealed).await?;
        self.refused.forget(person, provider);
        self.load().await.map(drop)
    }

    /// Forgets a key; `None` when there was none, otherwise whether a choice went with it.
    pub(super) async fn drop_key(&self, person: PersonId, provider: &str) -> Result<Option<bool>> {
        let was_there = self.store.drop_key(person, provider).await?;
        self.refused.forget(person, provider);
        self.load().await?;
        Ok(was_there)
    }

    /// Somebody's own key was turned down and rests for a while; tells whether that is new.
    pub(super) fn rest(&self, person: PersonId, provider: &str) -> bool {
        self.refused.rest(person, provider, self.clock.now())
    }

    /// Somebody's own key works.
    pub(super) fn works(&self, person: PersonId, provider: &str) {
        self.refused.forget(person, provider);
    }

    /// Whether somebody's own key was turned down just now, so that it is not tried.
    pub(super) fn rests(&self, person: PersonId, provider: &str) -> bool {
        self.refused.rests(person, provider, self.clock.now())
    }

    async fn load(&self) -> Result<Arc<Kept>> {
        self.shelf.renew(&self.clock, self.read()).await
    }

    async fn read(&self) -> Result<All> {
        let choices = self.store.choices().await?;
        let mut all = All::new();
        for (person, model) in choices.models {
            all.entry(person).or_default().model = Some(model);
        }
        for (person, provider, sealed) in choices.keys {
            let mine = all.entry(person).or_default();
            mine.keys.push((provider, sealed));
        }
        Ok(all)
    }
}

impl Turn {
    /// The model that somebody wants and may have, with their own key where they brought one for its provider.
    pub(super) async fn wish(&self, person: PersonId) -> Option<Wish> {
        let mine = self.wishes.of(person).await;
        if mine == Mine::default() {
            return None;
        }
        let usual = || {
            let mut providers = mine.keys.iter();
            providers.find_map(|(provider, _)| self.door.usual(provider))
        };
        let model = mine.model.clone().or_else(usual)?;
        let provider = model.split('/').next().unwrap_or_default();
        let key = self.wishes.key(person, &mine, provider);
        if key.is_none() && !self.door.chain(crate::llm::Task::Chat).contains(&model) {
            // What somebody may choose can change after they chose it.
            let works = self.works(person).await.unwrap_or(false);
            let offers = self.door.offers(works, &[]);
            offers.iter().find(|offer| offer.name == model)?;
        }
        Some(Wish { model, key })
    }

    /// The same for an answer: a key that was turned down just now is not tried.
    pub(super) async fn granted(&self, person: PersonId) -> Option<Wish> {
        let wish = self.wish(person).await?;
        let provider = wish.model.split('/').next().unwrap_or_default();
        let rests = wish.key.is_some() && self.wishes.rests(person, provider);
        (!rests).then_some(wish)
    }

    /// Whether somebody works for an artist.
    pub(super) async fn works(&self, person: PersonId) -> Result<bool> {
        let asker = self.store.asker(person, Setting::Direct).await?;
        let standings = asker.standings().iter();
        Ok(standings.into_iter().any(|(_, standing)| match standing {
            Standing::Artist | Standing::Manager | Standing::Operator => true,
            Standing::Fan => false,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ids;

    #[tokio::test]
    async fn one_at_a_time_reads_and_nobody_again_after_a_failure() {
        let clock = Clock::manual(Time::from_ms(1_000_000));
        let shelf = Shelf::default();
        let reads = AtomicU64::new(0);
        let read = |result: Result<All>| {
            let reads = &reads;
            async move {
                reads.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                result
            }
        };
        let everybody = || {
            let all = (0..100).map(|_| shelf.fresh(&clock, read(Ok(All::new()))));
            futures::future::join_all(all)
        };
        let kept = everybody().await;
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert!(kept.iter().all(|kept| kept.load == 1), "all waited for it");
        clock.advance(FRESH);
        everybody().await;
        assert_eq!(reads.load(Ordering::Relaxed), 2);
        clock.advance(FRESH);
        for _ in 0..9 {
            shelf
                .fresh(&clock, read(Err(anyhow::anyhow!("away"))))
                .await;
        }
        assert_eq!(reads.load(Ordering::Relaxed), 3);
        clock.advance(FRESH);
        shelf.fresh(&clock, read(Ok(All::new()))).await;
        assert_eq!(reads.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn a_refused_key_rests_and_is_told_once() {
        let clock = Clock::manual(Time::from_ms(1_000_000));
        let person = PersonId::new(&Ids::new(clock.clone(), Some(1)));
        let refused = Refused::default();
        assert!(!refused.rests(person, "openai", clock.now()));
        assert!(refused.rest(person, "openai", clock.now()));
        assert!(refused.rests(person, "openai", clock.now()));
        assert!(!refused.rests(person, "mistral", clock.now()));
        clock.advance(REST);
        assert!(!refused.rests(person, "openai", clock.now()), "tried again");
        assert!(!refused.rest(person, "openai", clock.now()), "told before");
        refused.forget(person, "openai");
        assert!(!refused.rests(person, "openai", clock.now()));
        assert!(refused.rest(person, "openai", clock.now()));
    }
}
