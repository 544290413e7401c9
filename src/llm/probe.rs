//! Asks models that were left alone whether they are back, so that it is no person's message that finds out.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use super::chain::{self, Outlet};
use super::pass::{Errand, Link};
use super::{Door, Heard, Line, Model, Reason, Request, Role};

/// How often is looked whose rest is over.
const EVERY: Duration = Duration::from_secs(2);
/// While there is no money, that is looked at again after this long.
const POOR: Duration = Duration::from_secs(60);
/// Tokens of the answer at most: enough for a model that thinks before it says its word.
const ENOUGH: u32 = 1_024;
/// What is asked.
const QUESTION: &str = "Are you there? Answer with one word.";

impl Door {
    /// Asks each model whose rest is over, one time after the other, for ever; one that is slow holds up
    /// nobody. To be run in the background.
    pub async fn keep_probing(&self) {
        let mut ticks = tokio::time::interval(EVERY);
        let mut asked = FuturesUnordered::new();
        let mut under_way = HashSet::new();
        let mut not_before = Instant::now();
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    let due = if Instant::now() < not_before { Vec::new() } else { self.due() };
                    for model in due {
                        if under_way.insert(model.name().to_owned()) {
                            let name = model.name().to_owned();
                            asked.push(async move { (name, self.is_paid(&model).await) });
                        }
                    }
                }
                Some((name, is_paid)) = asked.next() => {
                    under_way.remove(&name);
                    if !is_paid {
                        not_before = Instant::now() + POOR;
                    }
                }
            }
        }
    }

    /// Asks each model whose rest is over once, side by side.
    pub async fn probe(&self) {
        let due = self.due();
        join_all(due.iter().map(|model| self.is_paid(model))).await;
    }

    fn due(&self) -> Vec<Arc<dyn Model>> {
        let plan = self.plan();
        let mut seen = HashSet::new();
        let models = plan.models();
        let models = models.filter(|model| seen.insert(model.name().to_owned()));
        let due = models.filter(|model| self.inside().is_due(model.name()));
        due.cloned().collect()
    }

    /// Asks a model at the installation's cost; false: there is no money for that.
    async fn is_paid(&self, model: &Arc<dyn Model>) -> bool {
        let request = Request {
            messages: vec![Line::new(Role::Person, QUESTION)],
            max_output: Some(ENOUGH),
            ..Request::default()
        };
        let link = Link {
            model: Arc::clone(model),
            errand: Errand::Check,
        };
        let out = Outlet::default();
        chain::run(self.inside(), vec![link], &request, out.clone()).await;
        let mut heard = std::iter::from_fn(|| out.take());
        !heard.any(|heard| match heard {
            Heard::Failed(failed) => matches!(failed.reason, Reason::OverBudget(_)),
            Heard::Text(_) | Heard::Tool(_) | Heard::Restart | Heard::Done(_) => false,
        })
    }
}
