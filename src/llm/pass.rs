use std::sync::Arc;

use metrics::counter;
use tokio::time::{Instant, timeout_at};

use super::breaker::Change;
use super::choose::most;
use super::door::Inside;
use super::money::Cost;
use super::purse::{Bill, Hold, Payer, Short};
use super::states::Leave;
use super::strays::Stray;
use super::{Attempt, Error, Model, Outcome, Request, Usage, health, tokens};
use crate::model::Time;

/// Tokens of a piece of a thought, about, while the provider has not counted them.
const PER_THOUGHT: u64 = 4;

/// A model of the chain.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) model: Arc<dyn Model>,
    pub(super) errand: Errand,
}

/// Why a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// It stands in the chain.
    Listed,
    /// The person chose it; nobody else answers as long as it is only slow.
    Wished,
    /// The person chose it and asks with a key of their own, whose troubles and bills are theirs alone.
    Own,
    /// To find out whether it is well.
    Check,
}

/// Why a call is not made.
pub(super) enum Refused {
    /// The model rests until then; none: until the call is over on which that depends.
    Rests(Option<Time>),
    /// It could cost more than is allowed.
    TooDear(Short),
    /// It could not be found out which model it is.
    Failed(Attempt, Error),
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
    /// Pieces of thoughts that were heard.
    thoughts: u64,
    /// What the provider counted until now.
    counted: Option<Usage>,
    /// What the call is for, and who pays.
    reason: (&'static str, Payer),
    /// Whether there is nothing in its way any more.
    asked: bool,
    /// Whether it is shown a picture.
    shows: bool,
    settled: bool,
    /// The call in the traces, from here to its end.
    span: tracing::Span,
}

impl<'a> Pass<'a> {
    /// Asks for the leave.
    pub(super) async fn ask(
        inside: &'a Inside,
        link: Link,
        (task, request): (&'static str, &Request),
    ) -> Result<Self, Refused> {
        let mut pass = Self::begin(inside, link, (task, request))?;
        if !pass.link.model.is_ready() {
            pass = pass.made_ready().await?;
        }
        if pass.is_own() {
            pass.asked = true;
            return Ok(pass);
        }
        let (model, tokens_in) = (&pass.link.model, pass.tokens_in);
        let limit = model.limit(request);
        let bill = Bill {
            cost: most(model.entry(), tokens_in, limit),
            tokens: tokens_in.saturating_add(u64::from(limit)),
        };
        match inside.purse().reserve(&request.payer, bill).await {
            Ok(hold) => {
                pass.hold = Some(hold);
                pass.asked = true;
                Ok(pass)
            }
            Err(short) => {
                pass.give_back();
                Err(Refused::TooDear(short))
            }
        }
    }

    fn begin(
        inside: &'a Inside,
        link: Link,
        (task, request): (&'static str, &Request),
    ) -> Result<Self, Refused> {
        let name = link.model.name().to_owned();
        let probe = match link.errand {
            Errand::Own => false,
            Errand::Listed | Errand::Wished | Errand::Check => leave(inside, &name)?,
        };
        Ok(Self {
            inside,
            name,
            probe,
            hold: None,
            began: Instant::now(),
            tokens_in: tokens::of_request(request),
            heard: [0; 2],
            thoughts: 0,
            counted: None,
            reason: (task, request.payer),
            asked: false,
            shows: request.sees(),
            settled: false,
            span: health::span(link.model.as_ref()),
            link,
        })
    }

    /// Finds out which model it is, where that is chosen late: only then it is known what it costs.
    async fn made_ready(mut self) -> Result<Self, Refused> {
        let model = Arc::clone(&self.link.model);
        let by = self.began + self.inside.deadlines.first_token();
        let late = Err(Error::Late(super::Wait::FirstToken));
        if let Err(error) = timeout_at(by, model.ready()).await.unwrap_or(late) {
            return Err(Refused::Failed(self.failed(&error, false), error));
        }
        if model.name() != self.name {
            self.tell(None);
            self.settled = true;
            model.name().clone_into(&mut self.name);
            self.probe = leave(self.inside, &self.name)?;
            self.settled = false;
        }
        Ok(self)
    }

    fn is_own(&self) -> bool {
        self.link.errand == Errand::Own
    }

    /// The first sign came.
    pub(super) fn opened(&mut self) {
        if !self.is_own() {
            let after = self.began.elapsed();
            let probe = std::mem::take(&mut self.probe);
            log(
                &self.name,
                self.inside.began(&self.name, (after, probe)),
                "",
            );
        }
    }

    /// A piece of a thought came, which has to be paid like any other.
    pub(super) fn thought(&mut self) {
        self.thoughts += 1;
    }

    /// The provider counted.
    pub(super) fn counted(&mut self, usage: Usage) {
        self.counted = Some(usage);
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

    /// It was not even asked, for what is asked is too much for it.
    pub(super) fn unasked(mut self, error: &Error) -> Attempt {
        self.give_back();
        self.pay(Bill::default());
        self.count(error.label());
        self.attempt(Cost::ZERO, Outcome::Failed(error.clone()))
    }

    /// Another one was faster, before this one gave a sign.
    pub(super) fn outpaced(mut self) -> Attempt {
        let bill = self.so_far();
        self.settled = true;
        if !self.is_own() {
            self.inside.overtaken(&self.name, self.probe);
        }
        self.pay(bill);
        self.count("outpaced");
        self.attempt(bill.cost, Outcome::Outpaced)
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
        let usage = self.used();
        Bill {
            cost: self.link.model.entry().bill(&usage),
            tokens: usage.tokens_in.saturating_add(usage.tokens_out),
        }
    }

    /// The tokens until now, about.
    fn used(&self) -> Usage {
        let heard = tokens::of_letters(self.heard).saturating_add(self.thoughts * PER_THOUGHT);
        let counted = self.counted.unwrap_or(Usage {
            tokens_in: self.tokens_in,
            ..Usage::default()
        });
        Usage {
            tokens_out: counted.tokens_out.max(heard),
            ..counted
        }
    }

    /// Tells of a call that is given up with everything that could say so.
    fn stray(&self, cost: Cost) {
        let ((task, payer), used) = (self.reason, self.used());
        self.inside.stray(Stray {
            task,
            payer,
            model: self.link.model.name().to_owned(),
            own: self.is_own(),
            result: "cancelled".to_owned(),
            tokens: [used.tokens_in, used.tokens_out],
            cost,
            took: self.began.elapsed(),
        });
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
        let is_tried = self.shows && !self.link.model.entry().vision;
        if is_tried && error.is_some_and(Error::may_be_blind) {
            self.give_back();
        } else if !self.is_own() {
            self.tell(error);
        }
        self.attempt(bill.cost, outcome)
    }

    /// Tells those who keep count of models how it went.
    fn tell(&self, error: Option<&Error>) {
        let check = self.link.errand == Errand::Check;
        let change = self.inside.end(&self.name, (error, check));
        if self.inside.is_listed(&self.name) {
            self.inside.health.tell(&self.name, error, change);
        }
        log(&self.name, change, error.map_or("", Error::label));
    }

    fn attempt(&self, cost: Cost, outcome: Outcome) -> Attempt {
        Attempt {
            model: self.link.model.name().to_owned(),
            own: self.is_own(),
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
        if !self.is_own() {
            self.inside.abandon(&self.name, self.probe);
        }
    }

    fn count(&self, result: &'static str) {
        self.span.record("llm.result", result);
        // What people name by themselves would make figures without end.
        let model = if self.is_own() {
            "own"
        } else {
            self.link.model.name()
        };
        counter!(
            "toney_model_calls_total",
            "provider" => self.link.model.entry().provider().to_owned(),
            "model" => model.to_owned(),
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
        if self.asked {
            self.stray(bill.cost);
        }
        self.give_back();
        self.pay(bill);
        self.count("cancelled");
    }
}

/// The leave of a model's breaker; true: on this call it depends whether others may follow.
fn leave(inside: &Inside, name: &str) -> Result<bool, Refused> {
    match inside.begin(name) {
        Leave::Go(probe) => Ok(probe),
        Leave::Wait(until) => Err(Refused::Rests(until)),
    }
}

fn log(name: &str, change: Option<Change>, error: &'static str) {
    match change {
        Some(Change::Opened) => tracing::warn!(
            llm.model = %name,
            llm.error = error,
            "A model keeps failing and is left alone for a while"
        ),
        Some(Change::Closed) => tracing::info!(llm.model = %name, "A model is back"),
        None => {}
    }
}
