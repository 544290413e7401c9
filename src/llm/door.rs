use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::task::Poll;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, future, stream};
use tokio::sync::mpsc;
use tracing::Instrument;

use super::cache::Cache;
use super::chain::Outlet;
use super::choose::Prefer;
use super::health::Health;
use super::plan::{Builder, Chains};
use super::purse::{Bottomless, Purse};
use super::settings::{Deadlines, Models, Settings};
use super::states::State;
use super::strays::Stray;
use super::wire::Place;
use super::{Error, Heard, Model, Reason, Request, Task, Unavailable, Wish, chain, ollama};
use crate::model::Clock;

/// How often an Ollama on this machine is looked for while there is no other model.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The one way to a model. Cheap to clone; all clones share chains and breakers.
#[derive(Clone)]
pub struct Door(Arc<Inside>);

pub(super) struct Inside {
    pub(super) clock: Clock,
    pub(super) deadlines: Deadlines,
    pub(super) cache: Cache,
    pub(super) states: Mutex<HashMap<String, State>>,
    /// Calls that run beside a late one at the moment.
    pub(super) hedges: AtomicUsize,
    purse: OnceLock<Arc<dyn Purse>>,
    pub(super) strays: OnceLock<mpsc::Sender<Stray>>,
    pub(super) health: Health,
    plan: RwLock<Arc<Plan>>,
    nearby: Option<Nearby>,
    idle_keys: Vec<String>,
    pub(super) prefer: Prefer,
    /// Makes models that stand in no chain; none behind a door without settings.
    pub(super) shop: Option<Builder>,
}

impl Plan {
    /// The models of all chains, each as often as it stands in one.
    pub(super) fn models(&self) -> impl Iterator<Item = &Arc<dyn Model>> {
        self.chains.values().flatten()
    }
}

/// A call beside a late one, counted as long as it lives.
pub(super) struct Hedging<'a>(&'a Inside);

impl Drop for Hedging<'_> {
    fn drop(&mut self) {
        self.0.hedges.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is needed to look for Ollama.
struct Nearby {
    http: reqwest_llm::Client,
    place: Place,
}

#[derive(Default)]
pub(super) struct Plan {
    offline: bool,
    /// Made of what was found, not of what was configured.
    found: bool,
    chains: Chains,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: got {got}, wants {wants}")]
pub struct Wrong {
    /// Its dotted name.
    pub setting: String,
    /// What it holds.
    pub got: String,
    /// What it should hold.
    pub wants: String,
}

pub(super) const TASKS: [Task; 4] = [Task::Chat, Task::Classify, Task::Extract, Task::Summarise];

impl Door {
    /// A door that leads nowhere: every question is answered with [`Reason::Offline`].
    pub fn none() -> Self {
        let plan = Plan {
            offline: true,
            ..Plan::default()
        };
        let settings = Models::default();
        Self(Arc::new(Inside::new(plan, Clock::System, &settings)))
    }

    /// Builds the chains. Asks nobody: an address without a model name is asked at the first
    /// question, and Ollama is looked for by [`Door::keep_looking`]. Needs the TLS provider.
    ///
    /// # Errors
    /// When a setting names an unknown provider or no model.
    pub fn open(settings: &Settings, clock: Clock) -> Result<Self, Wrong> {
        if settings.offline {
            return Ok(Self::none());
        }
        let builder = Builder::new(settings, &clock)?;
        let plan = Plan {
            chains: builder.chains(&clock)?,
            ..Plan::default()
        };
        let wanted = settings.models.nearby.as_deref() != Some("");
        let nearby = (wanted && plan.chains.is_empty()).then(|| Nearby {
            place: builder.nearby(),
            http: builder.http.clone(),
        });
        let idle_keys = builder.idle_keys();
        for provider in &idle_keys {
            tracing::warn!(
                llm.provider = %provider,
                "This provider has a key and is not used: it has no address; set providers.{provider}.base_url"
            );
        }
        Ok(Self(Arc::new(Inside {
            nearby,
            idle_keys,
            shop: Some(builder),
            ..Inside::new(plan, clock, &settings.models)
        })))
    }

    /// A door to the given models, for every task alike.
    pub fn to(models: Vec<Arc<dyn Model>>, clock: Clock, settings: &Models) -> Self {
        let tasks = TASKS.into_iter().filter(|_| !models.is_empty());
        let plan = Plan {
            chains: tasks.map(|task| (task, models.clone())).collect(),
            ..Plan::default()
        };
        Self(Arc::new(Inside::new(plan, clock, settings)))
    }

    /// Lets this purse pay from now on; the first one that is given stays.
    pub fn pay_from(&self, purse: Arc<dyn Purse>) {
        drop(self.0.purse.set(purse));
    }

    /// Asks the models of the task's chain. Nothing happens until the stream is polled, and
    /// dropping it ends the call at the provider.
    pub fn answer(&self, task: Task, request: Request) -> BoxStream<'static, Heard> {
        let plan = self.plan();
        let reason = if plan.offline {
            Some(Reason::Offline)
        } else if plan.chains.is_empty() {
            Some(Reason::NotConfigured)
        } else {
            None
        };
        if let Some(reason) = reason {
            let failed = Heard::Failed(Unavailable {
                reason,
                attempts: Vec::new(),
            });
            return stream::once(future::ready(failed)).boxed();
        }
        let key = self.0.cache.key(task, &request);
        if let Some(kept) = key.and_then(|key| self.0.cache.find(&key)) {
            metrics::counter!("toney_model_cache_hits_total", "task" => task.as_str()).increment(1);
            return stream::iter(kept.again()).boxed();
        }
        let (out, inside) = (Outlet::default(), Arc::clone(&self.0));
        let heard = out.clone();
        // The work runs inside the stream, so that it lives exactly as long as somebody listens.
        let work = async move {
            let chain = plan.chains.get(&task).map_or(&[][..], Vec::as_slice);
            let links = inside.links(chain, &request);
            let span = tracing::info_span!("answer", llm.task = task.as_str());
            let running = chain::run(&inside, links, (task.as_str(), &request), out);
            let kept = running.instrument(span).await;
            if let Some((key, kept)) = key.zip(kept) {
                inside.cache.keep(key, kept);
            }
        };
        let mut work = Some(Box::pin(work));
        stream::poll_fn(move |context| {
            loop {
                if let Some(heard) = heard.take() {
                    return Poll::Ready(Some(heard));
                }
                match work.as_mut().map(|work| work.as_mut().poll(context)) {
                    None => return Poll::Ready(None),
                    Some(Poll::Ready(())) => work = None,
                    Some(Poll::Pending) => {
                        return heard
                            .take()
                            .map_or(Poll::Pending, |heard| Poll::Ready(Some(heard)));
                    }
                }
            }
        })
        .boxed()
    }

    /// The names of a task's models, best first; empty when there is none.
    pub fn chain(&self, task: Task) -> Vec<String> {
        let plan = self.plan();
        let models = plan.chains.get(&task).into_iter().flatten();
        models.map(|model| model.name().to_owned()).collect()
    }

    /// Bytes of the largest picture that a model of the task's chain, or the one that is wished for, is shown; none
    /// when all of them are blind.
    pub fn largest_image(&self, task: Task, wish: Option<&Wish>) -> Option<usize> {
        let plan = self.plan();
        let wished = wish.and_then(|wish| self.shop()?.make(&wish.model, wish.key.as_ref()));
        let models = plan.chains.get(&task).into_iter().flatten().chain(&wished);
        let eyes = models
            .clone()
            .map(|model| model.entry())
            .collect::<Vec<_>>();
        let seeing = models.filter(|model| model.entry().is_shown(&eyes));
        seeing.map(|model| model.largest_image()).max()
    }

    /// Whether no model is wanted at all.
    pub fn is_offline(&self) -> bool {
        self.plan().offline
    }

    /// Asks every provider of a task's chain whether it is there and takes the key, one after the
    /// other; costs nothing. Names are those of the models.
    pub async fn check(&self, task: Task) -> Vec<(String, Result<(), Error>)> {
        let plan = self.plan();
        let mut found = Vec::new();
        for model in plan.chains.get(&task).into_iter().flatten() {
            found.push((model.name().to_owned(), model.check().await));
        }
        found
    }

    /// The names of the models that rest at the moment because they failed.
    pub fn resting(&self) -> Vec<String> {
        let states = self.0.states();
        let mut names: Vec<_> = states
            .iter()
            .filter(|(_, state)| state.breaker.is_open())
            .map(|(name, _)| name.clone())
            .collect();
        names.sort();
        names
    }

    /// Looks for Ollama now and every 30 seconds; returns at once when models are configured or
    /// none are wanted, otherwise never. To be run in the background.
    pub async fn keep_looking(&self) {
        while self.0.nearby.is_some() {
            self.look().await;
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Looks for Ollama once, where no model is configured; tells whether there is a model now.
    pub async fn look(&self) -> bool {
        let Some(Nearby { http, place }) = &self.0.nearby else {
            return !self.plan().chains.is_empty();
        };
        let models = ollama::discover(http, place).await.unwrap_or_default();
        let names: Vec<String> = models.iter().map(|id| format!("ollama/{id}")).collect();
        let first: Vec<_> = names.first().cloned().into_iter().collect();
        if self.chain(Task::Chat) == first {
            return !first.is_empty();
        }
        let chain: Vec<Arc<dyn Model>> = first
            .iter()
            .map(|name| {
                let entry = super::Entry::unknown(name.clone());
                place.clone().model(http.clone(), entry)
            })
            .collect();
        match first.first() {
            Some(name) => tracing::info!(llm.model = %name, "Found Ollama on this machine"),
            None => tracing::info!("Ollama is gone; there is no model now"),
        }
        let found = !chain.is_empty();
        let chains = if found {
            TASKS.map(|task| (task, chain.clone())).into()
        } else {
            Chains::new()
        };
        *self.0.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Plan {
            offline: false,
            found,
            chains,
        });
        found
    }

    /// The providers that have a key, but no address that it could be used at.
    pub fn idle_keys(&self) -> &[String] {
        &self.0.idle_keys
    }

    /// Whether the models were found instead of configured.
    pub fn is_found(&self) -> bool {
        self.plan().found
    }

    pub(super) fn health(&self) -> &Health {
        &self.0.health
    }

    pub(super) fn shop(&self) -> Option<&Builder> {
        self.0.shop.as_ref()
    }

    /// The model of that name that talks with everybody.
    pub(super) fn link(&self, name: &str) -> Option<Arc<dyn Model>> {
        let plan = self.plan();
        let mut models = plan.chains.get(&Task::Chat)?.iter();
        models.find(|model| model.name() == name).cloned()
    }

    pub(super) fn inside(&self) -> &Inside {
        &self.0
    }

    pub(super) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.0.plan.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inside {
    fn new(plan: Plan, clock: Clock, settings: &Models) -> Self {
        let lasts = Duration::from_secs(settings.cache_seconds);
        Self {
            cache: Cache::new(lasts, clock.clone()),
            clock,
            deadlines: settings.deadlines,
            states: Mutex::default(),
            hedges: AtomicUsize::new(0),
            purse: OnceLock::new(),
            strays: OnceLock::new(),
            health: Health::default(),
            plan: RwLock::new(Arc::new(plan)),
            nearby: None,
            idle_keys: Vec::new(),
            prefer: settings.prefer,
            shop: None,
        }
    }

    /// Whether a model stands in a chain.
    pub(super) fn is_listed(&self, name: &str) -> bool {
        let plan = self.plan.read().unwrap_or_else(PoisonError::into_inner);
        plan.models().any(|model| model.name() == name)
    }

    pub(super) fn purse(&self) -> &dyn Purse {
        self.purse.get().map_or(&Bottomless, |purse| purse.as_ref())
    }

    /// Counts a call that runs beside a late one.
    pub(super) fn hedging(&self) -> Hedging<'_> {
        self.hedges.fetch_add(1, Ordering::Relaxed);
        Hedging(self)
    }
}
