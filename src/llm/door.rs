use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use futures::channel::mpsc;
use futures::stream::BoxStream;
use futures::{StreamExt, future, stream};

use super::breaker::Breaker;
use super::plan::{Builder, Chains};
use super::settings::{Deadlines, Settings};
use super::wire::Place;
use super::{Error, Heard, Model, Reason, Request, Task, Unavailable, chain, ollama};
use crate::model::Clock;

/// How often an Ollama on this machine is looked for while there is no other model.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The one way to a model. Cheap to clone; all clones share chains and breakers.
#[derive(Clone)]
pub struct Door(Arc<Inside>);

pub(super) struct Inside {
    pub(super) clock: Clock,
    pub(super) deadlines: Deadlines,
    breakers: Mutex<HashMap<String, Breaker>>,
    plan: RwLock<Arc<Plan>>,
    nearby: Option<Nearby>,
    idle_keys: Vec<String>,
}

/// What is needed to look for Ollama.
struct Nearby {
    http: reqwest_llm::Client,
    place: Place,
}

#[derive(Default)]
struct Plan {
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

const TASKS: [Task; 4] = [Task::Chat, Task::Classify, Task::Extract, Task::Summarise];

impl Door {
    /// A door that leads nowhere: every question is answered with [`Reason::Offline`].
    pub fn none() -> Self {
        Self::closed(Plan {
            offline: true,
            ..Plan::default()
        })
    }

    fn closed(plan: Plan) -> Self {
        Self(Arc::new(Inside::new(
            plan,
            Clock::System,
            Deadlines::default(),
        )))
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
        let builder = Builder::new(settings)?;
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
            ..Inside::new(plan, clock, settings.models.deadlines)
        })))
    }

    /// A door to the given models, for every task alike.
    #[cfg(test)]
    pub(super) fn to(models: Vec<Arc<dyn Model>>, clock: Clock, deadlines: Deadlines) -> Self {
        let tasks = TASKS.into_iter().filter(|_| !models.is_empty());
        let plan = Plan {
            chains: tasks.map(|task| (task, models.clone())).collect(),
            ..Plan::default()
        };
        Self(Arc::new(Inside::new(plan, clock, deadlines)))
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
        let mut links = plan.chains.get(&task).cloned().unwrap_or_default();
        links.retain(|model| model.entry().takes(&request));
        let (out, heard) = mpsc::channel(0);
        let inside = Arc::clone(&self.0);
        // The work runs inside the stream, so that it lives exactly as long as somebody listens.
        let work = stream::once(async move { chain::run(&inside, &links, &request, out).await })
            .filter_map(|()| future::ready(None));
        stream::select(heard, work).boxed()
    }

    /// The names of a task's models, best first; empty when there is none.
    pub fn chain(&self, task: Task) -> Vec<String> {
        let plan = self.plan();
        let models = plan.chains.get(&task).into_iter().flatten();
        models.map(|model| model.name().to_owned()).collect()
    }

    /// Bytes of the largest picture that a model of the task's chain is shown; none when all of them are blind.
    pub fn largest_image(&self, task: Task) -> Option<usize> {
        let plan = self.plan();
        let models = plan.chains.get(&task).into_iter().flatten();
        let seeing = models.filter(|model| model.entry().may_see());
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
        let breakers = self.0.breakers();
        let mut names: Vec<_> = breakers
            .iter()
            .filter(|(_, breaker)| breaker.is_open())
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

    fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.0.plan.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inside {
    fn new(plan: Plan, clock: Clock, deadlines: Deadlines) -> Self {
        Self {
            clock,
            deadlines,
            breakers: Mutex::default(),
            plan: RwLock::new(Arc::new(plan)),
            nearby: None,
            idle_keys: Vec::new(),
        }
    }

    pub(super) fn breakers(&self) -> MutexGuard<'_, HashMap<String, Breaker>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
