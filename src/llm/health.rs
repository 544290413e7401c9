//! Which models are well: told to whoever listens when a breaker opens, while it stays open, and when
//! the model answers again.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tokio::sync::mpsc;

use super::breaker::{Change, Severity};
use super::{Door, Error, Model};

/// A model stopped answering, still does not, or answers again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChange {
    /// The provider alone.
    pub provider: String,
    /// `provider/id`.
    pub model: String,
    /// Whether it is left alone now.
    pub is_down: bool,
    /// The word for what went wrong last, as [`Error::label`] has it; empty when it is well.
    pub reason: &'static str,
    /// How long it rests at least because its provider said so; zero where nobody did.
    pub rest: Duration,
    /// Calls that failed since this was told last.
    pub failed: u64,
}

/// What others had to answer in place of a provider since that was asked last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The provider that is down.
    pub provider: String,
    /// How many calls others answered.
    pub calls: u64,
}

/// What the door knows of its models' health.
#[derive(Default)]
pub(super) struct Health(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    listeners: Vec<mpsc::UnboundedSender<HealthChange>>,
    /// The models that are down, each with its provider.
    down: HashMap<String, Down>,
    /// Failures in a row of those that are not.
    failures: HashMap<String, u64>,
    /// Calls that others answered, by the provider that is down.
    saved: HashMap<String, u64>,
    /// Those that the figures show.
    shown: HashSet<String>,
}

struct Down {
    provider: String,
    /// Any answer of the provider shows that it is well: the model itself is asked no more.
    by_any: bool,
}

/// One call of a model in the traces; inside that of the answer, which says for what. Nothing of what is said
/// stands in it.
pub(super) fn span(model: &dyn Model) -> tracing::Span {
    let (provider, name) = (model.entry().provider(), model.name());
    tracing::info_span!(
        "model call",
        llm.provider = %provider,
        llm.model = %name,
        llm.result = tracing::field::Empty
    )
}

impl Door {
    /// What happens to the models from now on. Nothing is kept for somebody who stops listening.
    pub fn changes(&self) -> mpsc::UnboundedReceiver<HealthChange> {
        let (tell, told) = mpsc::unbounded_channel();
        self.health().inside().listeners.push(tell);
        told
    }

    /// These models were down when this process began, or are at another one: their next answer is
    /// told.
    pub fn expect_back<'a>(&self, models: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let known: HashSet<String> = super::door::TASKS
            .into_iter()
            .flat_map(|task| self.chain(task))
            .collect();
        let mut inside = self.health().inside();
        for (provider, model) in models {
            let by_any = !known.contains(model);
            let down = inside.down.entry(model.to_owned()).or_insert_with(|| Down {
                provider: provider.to_owned(),
                by_any,
            });
            // It may have left its chain since it went down.
            down.by_any = by_any;
        }
    }

    /// How many calls others answered in place of providers that are down, since this was asked last.
    pub fn saved(&self) -> Vec<Saved> {
        let mut inside = self.health().inside();
        let saved = inside.saved.drain();
        saved
            .map(|(provider, calls)| Saved { provider, calls })
            .collect()
    }
}

impl Health {
    /// Takes in how a call of a model went and what its breaker made of that.
    pub(super) fn tell(&self, model: &str, error: Option<&Error>, change: Option<Change>) {
        let provider = model.split('/').next().unwrap_or_default();
        match error.map(|error| (error, error.severity())) {
            Some((error, Some(severity))) => {
                self.inside()
                    .failed((provider, model), (error, severity), change);
            }
            // Whatever it thought of this request, the provider is there.
            Some((_, None)) => self.inside().answers((provider, model)),
            None => {
                let mut inside = self.inside();
                inside.answers((provider, model));
                inside.save(provider);
            }
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn failed(
        &mut self,
        (provider, model): (&str, &str),
        (error, severity): (&Error, Severity),
        change: Option<Change>,
    ) {
        let before = self.failures.entry(model.to_owned()).or_default();
        *before += 1;
        let opens = change == Some(Change::Opened);
        if !opens && !self.down.contains_key(model) {
            return;
        }
        let failed = self.failures.remove(model).unwrap_or(1);
        let down = Down {
            provider: provider.to_owned(),
            by_any: false,
        };
        self.down.insert(model.to_owned(), down);
        self.show((provider, model), 0.0);
        let rest = match (error, severity) {
            (Error::RateLimited { .. }, Severity::OpensFor(rest)) => rest,
            (_, _) => Duration::ZERO,
        };
        self.send(&HealthChange {
            provider: provider.to_owned(),
            model: model.to_owned(),
            is_down: true,
            reason: error.label(),
            rest,
            failed,
        });
    }

    fn answers(&mut self, (provider, model): (&str, &str)) {
        self.failures.remove(model);
        if !self.shown.contains(model) {
            self.show((provider, model), 1.0);
        }
        if self.down.is_empty() {
            return;
        }
        let is_back =
            |name: &str, down: &Down| name == model || (down.by_any && down.provider == provider);
        let back: Vec<String> = self
            .down
            .iter()
            .filter(|(name, down)| is_back(name, down))
            .map(|(name, _)| name.clone())
            .collect();
        for name in back {
            self.down.remove(&name);
            self.show((provider, &name), 1.0);
            self.send(&HealthChange {
                provider: provider.to_owned(),
                model: name,
                is_down: false,
                reason: "",
                rest: Duration::ZERO,
                failed: 0,
            });
        }
    }

    /// Counts an answer for those in whose place it may have come.
    fn save(&mut self, by: &str) {
        let down: HashSet<&str> = self.down.values().map(|down| &*down.provider).collect();
        for provider in down.into_iter().filter(|provider| *provider != by) {
            *self.saved.entry(provider.to_owned()).or_default() += 1;
        }
    }

    fn show(&mut self, (provider, model): (&str, &str), up: f64) {
        self.shown.insert(model.to_owned());
        let labels = [
            ("provider", provider.to_owned()),
            ("model", model.to_owned()),
        ];
        gauge!("toney_model_up", &labels).set(up);
    }

    fn send(&mut self, change: &HealthChange) {
        self.listeners
            .retain(|listener| listener.send(change.clone()).is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{Models, Wait};
    use crate::model::Clock;

    fn told(of: &mut mpsc::UnboundedReceiver<HealthChange>) -> Vec<(String, bool, u64)> {
        let all = std::iter::from_fn(|| of.try_recv().ok());
        all.map(|change| (change.model, change.is_down, change.failed))
            .collect()
    }

    fn door() -> Door {
        Door::to(Vec::new(), Clock::System, &Models::default())
    }

    #[test]
    fn what_opens_is_told_with_its_failures_and_what_answers_is_told_back() {
        let door = door();
        let mut heard = door.changes();
        let late = Error::Late(Wait::FirstToken);
        let tell = |error, change| door.health().tell("a/x", error, change);
        for _ in 0..4 {
            tell(Some(&late), None);
        }
        assert_eq!(told(&mut heard), []);
        tell(Some(&late), Some(Change::Opened));
        tell(Some(&late), None);
        door.health().tell("b/y", None, None);
        let down = |failed| ("a/x".to_owned(), true, failed);
        assert_eq!(told(&mut heard), [down(5), down(1)]);
        tell(None, Some(Change::Closed));
        tell(None, None);
        assert_eq!(told(&mut heard), [("a/x".to_owned(), false, 0)]);
        let saved = Saved {
            provider: "a".to_owned(),
            calls: 1,
        };
        assert_eq!(door.saved(), [saved]);
        assert_eq!(door.saved(), []);
    }

    /// An Ollama that was found loses the model that was down: nobody asks that any more.
    #[test]
    fn what_left_its_chain_is_told_back_by_any_answer_of_its_provider() {
        let door = door();
        let mut heard = door.changes();
        let error = Error::Gone;
        door.health()
            .tell("a/x", Some(&error), Some(Change::Opened));
        assert_eq!(told(&mut heard), [("a/x".to_owned(), true, 1)]);
        door.expect_back([("a", "a/x")]);
        door.health().tell("a/y", None, None);
        assert_eq!(told(&mut heard), [("a/x".to_owned(), false, 0)]);
    }

    #[test]
    fn only_a_rate_limit_rests() {
        let door = door();
        let mut heard = door.changes();
        let after = Some(Duration::from_secs(7));
        let limited = Error::RateLimited { after };
        let opened = Some(Change::Opened);
        door.health().tell("a/x", Some(&limited), opened);
        door.health()
            .tell("a/y", Some(&Error::Unauthorised), opened);
        assert_eq!(heard.try_recv().unwrap().rest, Duration::from_secs(7));
        let change = heard.try_recv().unwrap();
        assert_eq!(
            (change.rest, change.reason),
            (Duration::ZERO, "unauthorised")
        );
    }

    /// What was down before this process began: the same model's answer shows that it is back, or any answer of
    /// its provider where nobody asks that model any more.
    #[test]
    fn what_was_down_before_is_told_back() {
        let door = door();
        let mut heard = door.changes();
        door.expect_back([("a", "a/old"), ("b", "b/old")]);
        door.health().tell("a/new", None, None);
        assert_eq!(told(&mut heard), [("a/old".to_owned(), false, 0)]);
        door.health().tell("b/new", Some(&Error::Refused), None);
        assert_eq!(told(&mut heard), [("b/old".to_owned(), false, 0)]);
    }
}
