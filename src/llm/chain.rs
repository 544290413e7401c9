//! One question on its way through a chain of models.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use metrics::histogram;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::cache::Kept;
use super::door::Inside;
use super::error::Wait;
use super::pass::{Errand, Link, Pass, Refused};
use super::purse::Short;
use super::{
    AnswerStream, Attempt, Chunk, Error, Finish, Heard, Model, Outcome, Reason, Report, Request,
    Source, ToolCall, Unavailable, Usage, tokens,
};

/// How often a model is asked: failures that pass by themselves get a second chance, since the person
/// would only have to ask again.
const TRIES: usize = 2;
/// Between two tries with the same model.
const PAUSE: Duration = Duration::from_millis(250);
/// A rate limit that is over so soon is waited out when nobody else answers.
const SHORT_LIMIT: Duration = Duration::from_secs(3);
/// Where a second model may not be asked yet, that is looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Walks the chain until one model has answered and tells `out` about it. What was answered, if it may
/// be kept.
pub(super) async fn run(
    inside: &Inside,
    links: Vec<Link>,
    (task, request): (&'static str, &Request),
    out: Outlet,
) -> Option<Kept> {
    let started = Instant::now();
    let waiting = links.into_iter().map(|link| Turn {
        link,
        not_before: started,
        tries: TRIES,
    });
    let mut call = Call {
        inside,
        task,
        request,
        out,
        started,
        whole: started + inside.deadlines.total(),
        waiting: waiting.collect(),
        attempts: Vec::new(),
        shown: false,
        kept: None,
    };
    let end = call.walk().await;
    call.out.put(end);
    call.kept.take()
}

/// Where the listener finds what was said. Both are one task, so that nothing has to wake anybody.
#[derive(Clone, Default)]
pub(super) struct Outlet(Arc<Mutex<VecDeque<Heard>>>);

impl Outlet {
    fn put(&self, heard: Heard) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(heard);
    }

    pub(super) fn take(&self) -> Option<Heard> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }
}

/// A model that waits for its turn.
struct Turn {
    link: Link,
    not_before: Instant,
    /// How often it may still be asked.
    tries: usize,
}

struct Call<'a> {
    inside: &'a Inside,
    task: &'static str,
    request: &'a Request,
    out: Outlet,
    started: Instant,
    whole: Instant,
    waiting: VecDeque<Turn>,
    attempts: Vec<Attempt>,
    /// Whether text of an earlier, broken answer stands before the person.
    shown: bool,
    kept: Option<Kept>,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        // Those of one that came to its end were handed out with it.
        let reason = (self.task, self.request.payer);
        self.inside.unheard(reason, &self.attempts);
    }
}

/// A model that has given its first sign.
struct Opened {
    stream: AnswerStream,
    /// What it said with it.
    first: Chunk,
}

/// A model that is waited for, by its number.
type Opening<'a> = BoxFuture<'a, (usize, Result<Opened, Failed>)>;

/// Why a model gave no answer.
struct Failed {
    error: Error,
    /// How far it got.
    at: Reached,
}

/// How far a call got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// It was never made.
    Nobody,
    /// It was turned down, which costs nothing.
    Provider,
    /// It had begun, so that it may have cost something.
    Model,
}

/// A model that is being asked.
struct Runner<'a> {
    turn: Turn,
    pass: Pass<'a>,
}

/// An answer as far as it was heard.
#[derive(Default)]
struct Whole {
    finish: Option<Finish>,
    usage: Option<Usage>,
    text: String,
    calls: Vec<ToolCall>,
    sources: Vec<Source>,
    first: Option<Duration>,
}

impl<'a> Call<'a> {
    async fn walk(&mut self) -> Heard {
        while let Some(turn) = self.next() {
            if turn.not_before >= self.whole || Instant::now() >= self.whole {
                continue;
            }
            // A timer takes a millisecond even for what is past.
            if turn.not_before > Instant::now() {
                sleep_until(turn.not_before).await;
            }
            let Some(runner) = self.ask(turn).await else {
                continue;
            };
            match self.race(runner).await {
                Ok(report) => return Heard::Done(report),
                Err(error) if !error.goes_on() => return self.over(Reason::Refused),
                Err(_) => {}
            }
        }
        let short = self.short();
        self.over(short.map_or(Reason::AllFailed, Reason::OverBudget))
    }

    /// Whose turn it is: the first who may be asked now, else whoever may be asked first.
    fn next(&mut self) -> Option<Turn> {
        let now = Instant::now();
        let waiting = || self.waiting.iter().enumerate();
        let due = waiting().find(|(_, turn)| turn.not_before <= now);
        let (place, _) = due.or_else(|| waiting().min_by_key(|(_, turn)| turn.not_before))?;
        self.waiting.remove(place)
    }

    fn over(&mut self, reason: Reason) -> Heard {
        Heard::Failed(Unavailable {
            reason,
            attempts: std::mem::take(&mut self.attempts),
        })
    }

    /// Whether it was for want of money alone that nobody was asked.
    fn short(&self) -> Option<Short> {
        let mut found = None;
        for attempt in &self.attempts {
            match attempt.outcome {
                Outcome::TooDear(short) => found = found.or(Some(short)),
                Outcome::Skipped => {}
                Outcome::Answered | Outcome::Failed(_) | Outcome::Outpaced => return None,
            }
        }
        found
    }

    /// The leave to ask a model, if it is to be had. One that is back soon is waited for; there may be
    /// nobody else.
    async fn ask(&mut self, turn: Turn) -> Option<Runner<'a>> {
        let outcome =
            match Pass::ask(self.inside, turn.link.clone(), (self.task, self.request)).await {
                Ok(pass) => return Some(Runner { turn, pass }),
                Err(Refused::Failed(attempt, error)) => {
                    self.attempts.push(attempt);
                    self.again(turn, &error);
                    return None;
                }
                Err(Refused::TooDear(short)) => Outcome::TooDear(short),
                Err(Refused::Rests(until)) => {
                    let now = self.inside.clock.now();
                    let not_before = Instant::now() + until.map_or(PAUSE, |until| until.since(now));
                    let is_soon = not_before <= self.started + SHORT_LIMIT;
                    if is_soon && turn.link.errand != Errand::Check {
                        self.waiting.push_back(Turn { not_before, ..turn });
                        return None;
                    }
                    Outcome::Skipped
                }
            };
        self.attempts.push(Attempt {
            model: turn.link.model.name().to_owned(),
            own: turn.link.errand == Errand::Own,
            outcome,
            cost: super::Cost::ZERO,
            took: Duration::ZERO,
        });
        None
    }

    /// Asks a model, and one more when its first sign is late; listens to whoever is first. A helper that
    /// fails is followed by the next one.
    async fn race(&mut self, first: Runner<'a>) -> Result<Report, Error> {
        let mut hedge_at = self.hedge_at(&first);
        let mut openings = FuturesUnordered::new();
        openings.push(self.open(0, &first));
        let mut runners = vec![(0, first)];
        let mut asked = 1;
        let mut hedging = None;
        loop {
            let at = hedge_at.unwrap_or(self.whole);
            let (who, opened) = tokio::select! {
                Some(opened) = openings.next() => opened,
                () = sleep_until(at), if hedge_at.is_some() => {
                    hedge_at = None;
                    let Some((_, late)) = runners.first() else { continue };
                    let late = late.turn.link.clone();
                    if !self.inside.may_hedge(late.model.name()) {
                        hedge_at = Some(Instant::now() + LOOK_AGAIN);
                    } else if let Some(runner) = self.helper(&late).await {
                        hedging = Some(self.inside.hedging());
                        openings.push(self.open(asked, &runner));
                        runners.push((asked, runner));
                        asked += 1;
                    }
                    continue;
                }
            };
            let Some(place) = runners.iter().position(|(runner, _)| *runner == who) else {
                continue;
            };
            let (_, runner) = runners.remove(place);
            match opened {
                Ok(opened) => {
                    // Whoever was slower is not waited for any longer.
                    drop((openings, hedging));
                    for (other, Runner { turn, pass }) in runners {
                        self.attempts.push(match other < who {
                            true => pass.outpaced(),
                            false => pass.unneeded(),
                        });
                        // Should the faster one break off, it is its turn again.
                        self.put_back(turn, Duration::ZERO);
                    }
                    return self.hear(runner, opened).await;
                }
                Err(failed) => {
                    let error = self.fail(runner, failed);
                    let Some((_, left)) = runners.first().filter(|_| error.goes_on()) else {
                        return Err(error);
                    };
                    hedging = None;
                    hedge_at = self.hedge_at(left);
                }
            }
        }
    }

    /// When a model is to get help; none: never.
    fn hedge_at(&self, runner: &Runner<'_>) -> Option<Instant> {
        let Link { model, errand } = &runner.turn.link;
        // Who chose a model wants its words and not the faster ones of another.
        if *errand != Errand::Listed {
            return None;
        }
        let after = self.inside.hedge_after(model.name())?;
        Some(runner.pass.began + after)
    }

    /// The next model that may help out, rather at another provider than the one that is late.
    async fn helper(&mut self, late: &Link) -> Option<Runner<'a>> {
        let provider = late.model.entry().provider().to_owned();
        loop {
            let now = Instant::now();
            let is_due = |turn: &Turn| turn.not_before <= now && turn.tries == TRIES;
            let is_other = |turn: &Turn| turn.link.model.entry().provider() != provider;
            let mut waiting = self.waiting.iter();
            let place = waiting
                .position(|turn| is_due(turn) && is_other(turn))
                .or_else(|| self.waiting.iter().position(is_due))?;
            let turn = self.waiting.remove(place)?;
            if let Some(runner) = self.ask(turn).await {
                return Some(runner);
            }
        }
    }

    /// Waits for the first sign of a model.
    fn open(&self, who: usize, runner: &Runner<'_>) -> Opening<'a> {
        let (inside, request, whole) = (self.inside, self.request, self.whole);
        let (model, began) = (Arc::clone(&runner.turn.link.model), runner.pass.began);
        Box::pin(async move {
            let end = (began + inside.deadlines.attempt()).min(whole);
            let by = (began + inside.deadlines.first_token()).min(end);
            let late = || Failed {
                error: Error::Late(if by == end {
                    Wait::End
                } else {
                    Wait::FirstToken
                }),
                at: Reached::Model,
            };
            let failed = |at| move |error| Failed { error, at };
            let first = async {
                let request = tokens::fit(request, model.entry()).await;
                let request: Cow<'_, Request> =
                    request.ok_or_else(|| failed(Reached::Nobody)(Error::TooLong))?;
                let asked = timeout_at(by, model.stream(&request)).await;
                let mut stream = asked
                    .map_err(|_| late())?
                    .map_err(failed(Reached::Provider))?;
                let first = timeout_at(by, stream.next()).await.map_err(|_| late())?;
                let first = first.unwrap_or(Err(Error::Broken));
                let first = first.map_err(failed(Reached::Model))?;
                Ok(Opened { stream, first })
            };
            (who, first.await)
        })
    }

    /// Listens to a model that has given its first sign until it is done.
    async fn hear(&mut self, mut runner: Runner<'a>, opened: Opened) -> Result<Report, Error> {
        runner.pass.opened();
        match self.listen(&mut runner.pass, opened).await {
            Ok(whole) => Ok(self.report(runner, whole)),
            Err(error) => {
                let at = Reached::Model;
                Err(self.fail(runner, Failed { error, at }))
            }
        }
    }

    async fn listen(&mut self, pass: &mut Pass<'_>, opened: Opened) -> Result<Whole, Error> {
        let deadlines = &self.inside.deadlines;
        let end = (pass.began + deadlines.attempt()).min(self.whole);
        let Opened { mut stream, first } = opened;
        let mut whole = Whole::default();
        let mut told = false;
        let mut chunk = first;
        loop {
            match chunk {
                Chunk::Busy => pass.thought(),
                Chunk::Text(piece) => {
                    whole.first.get_or_insert_with(|| self.started.elapsed());
                    pass.heard(&piece);
                    whole.text.push_str(&piece);
                    self.tell(Heard::Text(piece), &mut told);
                }
                Chunk::Tool(tool) => {
                    whole.first.get_or_insert_with(|| self.started.elapsed());
                    pass.heard(&tool.arguments);
                    whole.calls.push(tool.clone());
                    self.tell(Heard::Tool(tool), &mut told);
                }
                Chunk::Usage(counted) => {
                    pass.counted(counted);
                    whole.usage = Some(counted);
                }
                Chunk::Sources(found) => whole.sources = found,
                Chunk::End(finish) => {
                    whole.finish = Some(finish);
                    return Ok(whole);
                }
            }
            let next_by = Instant::now() + deadlines.next_token();
            let by = next_by.min(end);
            let late = if by == end {
                Wait::End
            } else {
                Wait::NextToken
            };
            chunk = timeout_at(by, stream.next())
                .await
                .map_err(|_| Error::Late(late))?
                .ok_or(Error::Broken)??;
        }
    }

    /// Hands something out, after a restart where an earlier model had already said something.
    fn tell(&mut self, heard: Heard, told: &mut bool) {
        if !std::mem::replace(told, true) && std::mem::replace(&mut self.shown, true) {
            self.out.put(Heard::Restart);
        }
        self.out.put(heard);
    }

    /// Notes a failure, and when the model may be asked again.
    fn fail(&mut self, runner: Runner<'_>, failed: Failed) -> Error {
        let Failed { error, at } = failed;
        let Runner { turn, pass } = runner;
        let attempt = match at {
            Reached::Nobody => pass.unasked(&error),
            Reached::Provider | Reached::Model => pass.failed(&error, at == Reached::Model),
        };
        record(turn.link.model.as_ref(), attempt.took);
        self.attempts.push(attempt);
        self.again(turn, &error);
        error
    }

    /// Lets a model that failed be asked again, where such failures pass.
    fn again(&mut self, turn: Turn, error: &Error) {
        let pause = match error {
            Error::RateLimited { after: Some(after) } if *after <= SHORT_LIMIT => Some(*after),
            error if error.passes() => Some(PAUSE),
            _ => None,
        };
        if let Some(pause) = pause {
            self.put_back(turn, pause);
        }
    }

    /// Lets a model be asked again after a pause, unless that was often enough.
    fn put_back(&mut self, turn: Turn, pause: Duration) {
        let tries = turn.tries.saturating_sub(1);
        if tries > 0 {
            self.waiting.push_back(Turn {
                not_before: Instant::now() + pause,
                tries,
                ..turn
            });
        }
    }

    fn report(&mut self, runner: Runner<'_>, whole: Whole) -> Report {
        let Whole {
            finish,
            usage,
            text,
            calls,
            sources,
            first,
        } = whole;
        let Runner { turn, pass } = runner;
        let Link { model, errand } = turn.link;
        let counted = usage.unwrap_or_else(|| Usage {
            tokens_in: tokens::of_request(self.request),
            tokens_out: tokens::estimate(&text),
            ..Usage::default()
        });
        let first = first.unwrap_or_else(|| self.started.elapsed());
        let (name, provider) = record_first(model.as_ref(), (self.started + first, pass.began));
        let attempt = pass.well(&counted);
        record(model.as_ref(), attempt.took);
        self.attempts.push(attempt);
        let finish = finish.unwrap_or(Finish::Complete);
        let report = Report {
            model: name,
            provider,
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
            own: errand == Errand::Own,
            cached: false,
        };
        if finish != Finish::Length {
            self.kept = Some(Kept::new(text, calls, report.clone()));
        }
        report
    }
}

/// Notes how long a call took.
fn record(model: &dyn Model, took: Duration) {
    let provider = model.entry().provider().to_owned();
    let labels = [("provider", provider), ("model", model.name().to_owned())];
    histogram!("toney_model_seconds", &labels).record(took);
}

/// Notes when the first words came after a call began. Answers the names of model and provider.
fn record_first(model: &dyn Model, (first, began): (Instant, Instant)) -> (String, String) {
    let (name, provider) = (model.name().to_owned(), model.entry().provider().to_owned());
    let labels = [("provider", provider.clone()), ("model", name.clone())];
    let after = first.saturating_duration_since(began);
    histogram!("toney_model_first_token_seconds", &labels).record(after);
    (name, provider)
}

#[cfg(test)]
mod tests;
