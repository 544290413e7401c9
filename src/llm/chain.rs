//! One question on its way through a chain of models.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::Sender;
use futures::{SinkExt, StreamExt};
use metrics::{counter, histogram};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::Instrument;

use super::breaker::{Admission, Change};
use super::door::Inside;
use super::error::Wait;
use super::{
    Attempt, Chunk, Error, Finish, Heard, Model, Outcome, Reason, Report, Request, Source,
    Unavailable, Usage, health, tokens,
};

/// How often the chain is walked: failures that pass by themselves get a second chance, since the
/// person would only have to ask again.
const ROUNDS: usize = 2;
/// Between two tries with the same model.
const PAUSE: Duration = Duration::from_millis(250);
/// A rate limit that is over so soon is waited out when nobody else answers.
const SHORT_LIMIT: Duration = Duration::from_secs(3);

/// Walks the chain until one model has answered and tells `out` about it.
pub(super) async fn run(
    inside: &Inside,
    links: &[Arc<dyn Model>],
    request: &Request,
    out: Sender<Heard>,
) {
    let started = Instant::now();
    let mut call = Call {
        inside,
        request,
        out,
        started,
        whole: started + inside.deadlines.total(),
        attempts: Vec::new(),
        shown: false,
    };
    let end = call.walk(links).await;
    // Fails when nobody listens any more, which is nobody's loss.
    let _ = call.out.send(end).await;
}

struct Call<'a> {
    inside: &'a Inside,
    request: &'a Request,
    out: Sender<Heard>,
    started: Instant,
    whole: Instant,
    attempts: Vec<Attempt>,
    /// Whether text of an earlier, broken answer stands before the person.
    shown: bool,
}

/// A whole answer.
struct Whole {
    finish: Finish,
    usage: Option<Usage>,
    text: String,
    sources: Vec<Source>,
    first: Duration,
}

impl Call<'_> {
    async fn walk(&mut self, links: &[Arc<dyn Model>]) -> Heard {
        let mut again: Vec<Option<Instant>> = links.iter().map(|_| Some(self.started)).collect();
        for _ in 0..ROUNDS {
            for (model, again) in links.iter().zip(&mut again) {
                let Some(not_before) = again.take() else {
                    continue;
                };
                if not_before >= self.whole || Instant::now() >= self.whole {
                    continue;
                }
                // A timer takes a millisecond even for what is past.
                if not_before > Instant::now() {
                    sleep_until(not_before).await;
                }
                match self.attempt(model.as_ref()).await {
                    Ok(report) => return Heard::Done(report),
                    Err(Some(error)) if !error.goes_on() => return self.failed(Reason::Refused),
                    Err(Some(Error::RateLimited { after: Some(after) }))
                        if after <= SHORT_LIMIT =>
                    {
                        *again = Some(Instant::now() + after);
                    }
                    Err(Some(error)) if error.passes() => *again = Some(Instant::now() + PAUSE),
                    Err(_) => {}
                }
            }
        }
        self.failed(Reason::AllFailed)
    }

    fn failed(&mut self, reason: Reason) -> Heard {
        Heard::Failed(Unavailable {
            reason,
            attempts: std::mem::take(&mut self.attempts),
        })
    }

    /// Asks one model once, if its breaker lets it; the error is none when it does not.
    async fn attempt(&mut self, model: &dyn Model) -> Result<Report, Option<Error>> {
        let Some(pass) = Pass::ask(self.inside, model) else {
            self.note(model, Outcome::Skipped);
            return Err(None);
        };
        let began = Instant::now();
        let result = match tokens::fit(self.request, model.entry()) {
            Some(request) => {
                let span = health::span(model);
                self.listen(model, &request).instrument(span).await
            }
            None => Err(Error::TooLong),
        };
        pass.settle(result.as_ref().err());
        let provider = model.entry().provider().to_owned();
        let labels = [("provider", provider), ("model", model.name().to_owned())];
        histogram!("toney_model_seconds", &labels).record(began.elapsed());
        match result {
            Ok(whole) => {
                histogram!("toney_model_first_token_seconds", &labels)
                    .record((self.started + whole.first).saturating_duration_since(began));
                self.note(model, Outcome::Answered);
                Ok(self.report(model, whole))
            }
            Err(error) => {
                self.note(model, Outcome::Failed(error.clone()));
                Err(Some(error))
            }
        }
    }

    fn note(&mut self, model: &dyn Model, outcome: Outcome) {
        self.attempts.push(Attempt {
            model: model.name().to_owned(),
            outcome,
        });
    }

    async fn listen(&mut self, model: &dyn Model, request: &Request) -> Result<Whole, Error> {
        let deadlines = &self.inside.deadlines;
        let began = Instant::now();
        let end = (began + deadlines.attempt()).min(self.whole);
        let first_by = (began + deadlines.first_token()).min(end);
        let late = |by: Instant, what| if by == end { Wait::End } else { what };
        let mut answer = timeout_at(first_by, model.stream(request))
            .await
            .map_err(|_| Error::Late(late(first_by, Wait::FirstToken)))??;
        let mut alive = false;
        let mut first = None;
        let mut usage = None;
        let mut sources = Vec::new();
        let mut text = String::new();
        let mut told = false;
        loop {
            let (by, what) = if alive {
                let next_by = Instant::now() + deadlines.next_token();
                (next_by.min(end), Wait::NextToken)
            } else {
                (first_by, Wait::FirstToken)
            };
            let chunk = timeout_at(by, answer.next())
                .await
                .map_err(|_| Error::Late(late(by, what)))?
                .ok_or(Error::Broken)??;
            alive = true;
            match chunk {
                Chunk::Busy => {}
                Chunk::Text(piece) => {
                    first.get_or_insert_with(|| self.started.elapsed());
                    text.push_str(&piece);
                    self.tell(Heard::Text(piece), &mut told).await;
                }
                Chunk::Tool(tool) => {
                    first.get_or_insert_with(|| self.started.elapsed());
                    self.tell(Heard::Tool(tool), &mut told).await;
                }
                Chunk::Usage(counted) => usage = Some(counted),
                Chunk::Sources(found) => sources = found,
                Chunk::End(finish) => {
                    return Ok(Whole {
                        finish,
                        usage,
                        text,
                        sources,
                        first: first.unwrap_or_else(|| self.started.elapsed()),
                    });
                }
            }
        }
    }

    /// Hands something out, after a restart where an earlier model had already said something.
    async fn tell(&mut self, heard: Heard, told: &mut bool) {
        if !std::mem::replace(told, true) && std::mem::replace(&mut self.shown, true) {
            let _ = self.out.send(Heard::Restart).await;
        }
        let _ = self.out.send(heard).await;
    }

    fn report(&mut self, model: &dyn Model, whole: Whole) -> Report {
        let Whole {
            finish,
            usage,
            text,
            sources,
            first,
        } = whole;
        let counted = usage.unwrap_or_else(|| Usage {
            tokens_in: tokens::of_request(self.request),
            tokens_out: tokens::estimate(&text),
            ..Usage::default()
        });
        Report {
            model: model.name().to_owned(),
            provider: model.entry().provider().to_owned(),
            finish,
            tokens_in: counted.tokens_in,
            tokens_out: counted.tokens_out,
            cache_read: counted.cache_read,
            cache_written: counted.cache_written,
            estimated: usage.is_none(),
            cost: model.entry().bill(&counted),
            first_token: first,
            total: self.started.elapsed(),
            attempts: std::mem::take(&mut self.attempts),
            sources,
            own: false,
        }
    }
}

/// The leave to make one call. Dropped without a result, a probe is given back, so that a
/// cancelled call never blocks the model for others.
struct Pass<'a> {
    inside: &'a Inside,
    model: &'a dyn Model,
    /// The name under which the call began; a model that is chosen late changes its own.
    name: String,
    probe: bool,
    settled: bool,
}

impl<'a> Pass<'a> {
    fn ask(inside: &'a Inside, model: &'a dyn Model) -> Option<Self> {
        let name = model.name().to_owned();
        let now = inside.clock.now();
        let mut breakers = inside.breakers();
        let admission = breakers.entry(name.clone()).or_default().admit(now);
        drop(breakers);
        (admission != Admission::Wait).then(|| Self {
            inside,
            model,
            name,
            probe: admission == Admission::Probe,
            settled: false,
        })
    }

    fn settle(mut self, error: Option<&Error>) {
        self.settled = true;
        self.count(error.map_or("ok", Error::label));
        let now = self.inside.clock.now();
        let mut breakers = self.inside.breakers();
        let breaker = breakers.entry(self.name.clone()).or_default();
        let change = match error.map(Error::severity) {
            Some(Some(severity)) => breaker.failed(now, severity),
            // The provider is well, whatever it thought of this request.
            Some(None) | None => breaker.succeeded(),
        };
        drop(breakers);
        self.inside.health.tell(&self.name, error, change);
        match change {
            Some(Change::Opened) => tracing::warn!(
                llm.model = %self.name,
                llm.error = %error.map_or("", Error::label),
                "A model keeps failing and is left alone for a while"
            ),
            Some(Change::Closed) => tracing::info!(llm.model = %self.name, "A model is back"),
            None => {}
        }
    }

    fn count(&self, result: &'static str) {
        counter!(
            "toney_model_calls_total",
            "provider" => self.model.entry().provider().to_owned(),
            "model" => self.model.name().to_owned(),
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
        self.count("cancelled");
        let now = self.inside.clock.now();
        let mut breakers = self.inside.breakers();
        if let Some(breaker) = breakers.get_mut(&self.name).filter(|_| self.probe) {
            breaker.abandoned(now);
        }
    }
}

#[cfg(test)]
mod tests;
