//! Calls whose end reaches nobody who would write it down: those that are stopped or given up, and those
//! that are made to find out whether a model is well. What they cost is spent all the same.

use std::time::Duration;

use tokio::sync::mpsc;

use super::door::Inside;
use super::{Attempt, Cost, Door, Outcome, Payer, Report, Task};

/// A call whose end nobody heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// What it was for, in the word for metrics.
    pub task: &'static str,
    /// Who pays.
    pub payer: Payer,
    /// `provider/id`.
    pub model: String,
    /// Whether it was made with the person's own key.
    pub own: bool,
    /// How it went, in a few words.
    pub result: String,
    /// Tokens in and out, as far as they are known.
    pub tokens: [u64; 2],
    /// What it cost, about.
    pub cost: Cost,
    /// How long it took.
    pub took: Duration,
}

/// What a call is for, and who pays for it.
pub(super) type Why = (&'static str, Payer);

impl Stray {
    /// An answer that nobody waited for.
    pub(super) fn answered((task, payer): Why, report: &Report) -> Self {
        Self {
            task,
            payer,
            model: report.model.clone(),
            own: report.own,
            result: "answered".to_owned(),
            tokens: [report.tokens_in, report.tokens_out],
            cost: report.cost,
            took: report.total,
        }
    }

    /// The call behind a try that did not bring the answer; none where nobody was asked.
    fn of((task, payer): Why, attempt: &Attempt) -> Option<Self> {
        let result = match &attempt.outcome {
            Outcome::Failed(error) => error.to_string(),
            Outcome::Outpaced => "outpaced".to_owned(),
            Outcome::Answered | Outcome::Skipped | Outcome::TooDear(_) => return None,
        };
        Some(Self {
            task,
            payer,
            model: attempt.model.clone(),
            own: attempt.own,
            result,
            tokens: [0; 2],
            cost: attempt.cost,
            took: attempt.took,
        })
    }
}

impl Door {
    /// Tells `strays` from now on of the calls whose end nobody hears; the first one that is given stays.
    pub fn tell_strays(&self, strays: mpsc::Sender<Stray>) {
        drop(self.inside().strays.set(strays));
    }

    /// Tells of tries that did not bring the answer, and that whoever asked does not write down.
    pub fn unheard(&self, task: Task, payer: Payer, attempts: &[Attempt]) {
        self.inside().unheard((task.as_str(), payer), attempts);
    }
}

impl Inside {
    pub(super) fn unheard(&self, reason: Why, attempts: &[Attempt]) {
        let strays = attempts
            .iter()
            .filter_map(|attempt| Stray::of(reason, attempt));
        strays.for_each(|stray| self.stray(stray));
    }

    /// Tells of a call whose end nobody hears. Nobody waits for that: where the store is away for long, the
    /// budgets alone know what came after.
    pub(super) fn stray(&self, stray: Stray) {
        if let Some(strays) = self.strays.get()
            && strays.try_send(stray).is_err()
        {
            tracing::debug!("A call that was given up is not written down");
        }
    }
}
