//! Asks models that were left alone whether they are back, so that it is no person's message that finds out.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::chain::{self, Outlet};
use super::pass::{Errand, Link};
use super::strays::Stray;
use super::{Attempt, Cost, Door, Heard, Line, Model, Request, Role};

/// How often is looked whose rest is over.
const EVERY: Duration = Duration::from_secs(2);
/// Tokens of the answer at most: enough for a model that thinks before it says its word.
const ENOUGH: u32 = 1_024;
/// What it is for, where calls are written down.
const TASK: &str = "probe";
/// What is asked.
const QUESTION: &str = "Are you there? Answer with one word.";

impl Door {
    /// Asks each model whose rest is over, one time after the other, for ever. To be run in the background.
    pub async fn keep_probing(&self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.probe().await;
        }
    }

    /// Asks each model whose rest is over, side by side. What that costs is the installation's.
    pub async fn probe(&self) {
        let plan = self.plan();
        let mut seen = HashSet::new();
        let models = plan
            .models()
            .filter(|model| seen.insert(model.name().to_owned()));
        let due: Vec<_> = models
            .filter(|model| self.inside().is_due(model.name()))
            .collect();
        join_all(due.into_iter().map(|model| self.ask(model))).await;
    }

    async fn ask(&self, model: &Arc<dyn Model>) {
        let request = Request {
            messages: vec![Line::new(Role::Person, QUESTION)],
            max_output: Some(ENOUGH),
            ..Request::default()
        };
        let link = Link {
            model: Arc::clone(model),
            errand: Errand::Check,
        };
        let (inside, out) = (self.inside(), Outlet::default());
        let reason = (TASK, request.payer);
        chain::run(inside, vec![link], (TASK, &request), out.clone()).await;
        while let Some(heard) = out.take() {
            match heard {
                Heard::Done(report) => inside.stray(Stray::answered(reason, &report)),
                // One that was turned down at once cost nothing, and there are many of them.
                Heard::Failed(failed) => {
                    let costly = |attempt: &Attempt| attempt.cost > Cost::ZERO;
                    let all = failed.attempts.into_iter();
                    inside.unheard(reason, &all.filter(costly).collect::<Vec<_>>());
                }
                Heard::Text(_) | Heard::Tool(_) | Heard::Restart => {}
            }
        }
    }
}
