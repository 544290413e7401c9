//! Which model somebody wants, and with whose key. Few people choose, so that all of it is kept at hand: a plain
//! message costs no reading of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Result;

use crate::llm::{Secret, Wish};
use crate::model::{Clock, PersonId, Seal, Setting, Standing, Time};
use crate::store::Store;

use super::Turn;

/// What another process changed counts here after this long.
const FRESH: Duration = Duration::from_secs(10);

/// Everybody's choices, cheap to clone.
#[derive(Clone)]
pub struct Wishes {
    store: Store,
    seal: Seal,
    clock: Clock,
    kept: Arc<RwLock<Arc<Kept>>>,
    loads: Arc<AtomicU64>,
}

#[derive(Default)]
struct Kept {
    /// The number of the loading that brought it, and when that was.
    load: u64,
    at: Option<Time>,
    all: HashMap<PersonId, Mine>,
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
            kept: Arc::default(),
            loads: Arc::default(),
        }
    }

    /// What somebody chose.
    pub(super) async fn of(&self, person: PersonId) -> Mine {
        let kept = self.kept();
        let now = self.clock.now();
        let is_fresh = kept.at.is_some_and(|at| now.since(at) < FRESH);
        let kept = match is_fresh {
            true => kept,
            // An old choice is better than no answer.
            false => self.load().await.unwrap_or(kept),
        };
        kept.all.get(&person).cloned().unwrap_or_default()
    }

    /// Somebody's own key for a provider.
    pub(super) fn key(&self, person: PersonId, mine: &Mine, provider: &str) -> Option<Secret> {
        let (_, sealed) = mine.keys.iter().find(|(known, _)| known == provider)?;
        let opened = self.seal.open(&place(person, provider), sealed);
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
        let sealed = self.seal.seal(&place(person, provider), key)?;
        self.store.keep_key(person, provider, &sealed).await?;
        self.load().await.map(drop)
    }

    pub(super) async fn drop_key(&self, person: PersonId, provider: &str) -> Result<bool> {
        let was_there = self.store.drop_key(person, provider).await?;
        self.load().await?;
        Ok(was_there)
    }

    fn kept(&self) -> Arc<Kept> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&kept)
    }

    async fn load(&self) -> Result<Arc<Kept>> {
        // What began to be read later is newer.
        let load = self.loads.fetch_add(1, Ordering::Relaxed) + 1;
        let choices = self.store.choices().await?;
        let mut all: HashMap<PersonId, Mine> = HashMap::new();
        for (person, model) in choices.models {
            all.entry(person).or_default().model = Some(model);
        }
        for (person, provider, sealed) in choices.keys {
            let mine = all.entry(person).or_default();
            mine.keys.push((provider, sealed));
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if load > kept.load {
            *kept = Arc::new(Kept {
                load,
                at: Some(self.clock.now()),
                all,
            });
        }
        Ok(Arc::clone(&kept))
    }
}

/// Where a kept key may be read: nobody gets another's by a row that was moved.
fn place(person: PersonId, provider: &str) -> String {
    format!("own-key:{person}:{provider}")
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
