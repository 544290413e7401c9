use std::sync::Arc;

use metrics::counter;
use tokio::time::Instant;

use super::breaker::{Admission, Change};
use super::choose::most;
use super::door::Inside;
use super::money::Cost;
use super::purse::{Bill, Hold};
use super::{Attempt, Error, Model, Outcome, Request, Usage, health, tokens};

/// A model of the chain.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) model: Arc<dyn Model>,
    /// Whether it is asked with the person's own key, whose troubles and bills are theirs alone.
    pub(super) own: bool,
}

/// The leave to make one call: the breaker let it through and the money for it is set aside. Dropped
/// without a result it is held to have been cancelled: a probe is given back, so that it never blocks
/// the model for others, and what was said until then is paid for.
pub(super) struct Pass<'a> {
    inside: &'a Inside,
    pub(super) link: Link,
    /// The name under which the call began; a model that is chosen late changes its own.
    name: String,
    probe: bool,
    hold: Option<Hold>,
    pub(super) began: Instant,
    tokens_in: u64,
    /// Letters that were heard: of ASCII, and others.
    heard: [u64; 2],
    settled: bool,
    /// The call in the traces, from here to its end.
    span: tracing::Span,
}

impl<'a> Pass<'a> {
    /// Asks for the leave; why not, where it is not given.
    pub(super) async fn ask(
        inside: &'a Inside,
        link: Link,
        request: &Request,
    ) -> Result<Self, Outcome> {
        let name = link.model.name().to_owned();
        let admission = if link.own {
            Admission::Pass
        } else {
            inside.begin(&name)
        };
        if admission == Admission::Wait {
            return Err(Outcome::Skipped);
        }
        let mut pass = Self {
            inside,
            name,
            probe: admission == Admission::Probe,
            hold: None,
            began: Instant::now(),
            tokens_in: tokens::of_request(request),
            heard: [0; 2],
            settled: false,
            span: health::span(link.model.as_ref()),
            link,
        };
        let (model, tokens_in) = (&pass.link.model, pass.tokens_in);
        let limit = model.limit(request);
        let bill = Bill {
            cost: most(model.entry(), tokens_in, limit),
            tokens: tokens_in.saturating_add(u64::from(limit)),
        };
        if !pass.link.own {
            match inside.purse().reserve(&request.payer, bill).await {
                Ok(hold) => pass.hold = Some(hold),
                Err(short) => {
                    pass.give_back();
                    return Err(Outcome::TooDear(short));
                }
            }
        }
        Ok(pass)
    }

    /// More was heard.
    pub(super) fn heard(&mut self, text: &str) {
        let [ascii, other] = tokens::letters(text);
        let [all_ascii, all_other] = &mut self.heard;
        *all_ascii += ascii;
        *all_other += other;
    }

    /// The call ended well.
    pub(super) fn well(mut self, usage: &Usage) -> Attempt {
        let cost = self.link.model.entry().bill(usage);
        let bill = Bill {
            cost,
            tokens: usage.tokens_in.saturating_add(usage.tokens_out),
        };
        self.close(bill, "ok", None, Outcome::Answered)
    }

    /// The call failed, after it had `reached` a provider that may charge for it or not.
    pub(super) fn failed(mut self, error: &Error, reached: bool) -> Attempt {
        let bill = if reached {
            self.so_far()
        } else {
            Bill::default()
        };
        self.close(
            bill,
            error.label(),
            Some(error),
            Outcome::Failed(error.clone()),
        )
    }

    /// Another one was faster. To be outpaced is held against a model: whoever is so slow that others
    /// overtake him is not to be asked first for a while.
    pub(super) fn outpaced(mut self) -> Attempt {
        let late = Error::Late(super::Wait::FirstToken);
        let bill = self.so_far();
        self.close(bill, "outpaced", Some(&late), Outcome::Outpaced)
    }

    /// Another one was faster, and it was this one that was to help out.
    pub(super) fn unneeded(mut self) -> Attempt {
        let bill = self.so_far();
        self.give_back();
        self.pay(bill);
        self.count("unneeded");
        self.attempt(bill.cost, Outcome::Outpaced)
    }

    /// What it cost until now, about.
    fn so_far(&self) -> Bill {
        let heard = tokens::of_letters(self.heard);
        Bill {
            cost: self.link.model.entry().cost(self.tokens_in, heard),
            tokens: self.tokens_in.saturating_add(heard),
        }
    }

    fn close(
        &mut self,
        bill: Bill,
        label: &'static str,
        error: Option<&Error>,
        outcome: Outcome,
    ) -> Attempt {
        self.settled = true;
        self.pay(bill);
        self.count(label);
        if !self.link.own {
            let change = self.inside.end(&self.name, error);
            self.inside.health.tell(&self.name, error, change);
            match change {
                Some(Change::Opened) => tracing::warn!(
                    llm.model = %self.name,
                    llm.error = label,
                    "A model keeps failing and is left alone for a while"
                ),
                Some(Change::Closed) => {
                    tracing::info!(llm.model = %self.name, "A model is back");
                }
                None => {}
            }
        }
        self.attempt(bill.cost, outcome)
    }

    fn attempt(&self, cost: Cost, outcome: Outcome) -> Attempt {
        Attempt {
            model: self.link.model.name().to_owned(),
            outcome,
            cost,
            took: self.began.elapsed(),
        }
    }

    fn pay(&mut self, bill: Bill) {
        if let Some(hold) = self.hold.take() {
            hold.settle(bill);
        }
    }

    /// Tells the breaker that nothing can be told.
    fn give_back(&mut self) {
        self.settled = true;
        if !self.link.own {
            self.inside.abandon(&self.name, self.probe);
        }
    }

    fn count(&self, result: &'static str) {
        self.span.record("llm.result", result);
        counter!(
            "toney_model_calls_total",
            "provider" => self.link.model.entry().provider().to_owned(),
            "model" => self.link.model.name().to_owned(),
            "result" => result
        )
        .increment(1);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let bill = self.so_far();
        self.give_back();
        self.pay(bill);
        self.count("cancelled");
    }
}
