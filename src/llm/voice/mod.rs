//! Models that write down what is said, and models that say what is written, behind one door.
//!
//! It tries the models of a chain in order, passes over those that rest, and asks for money before
//! each call. It never logs a word that was said.

mod hear;
mod recording;
mod speak;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use metrics::{counter, histogram};
use tokio::time::{Instant, timeout};

use super::breaker::{Admission, Breaker, Change};
use super::catalogue::{Protocol, Voice};
use super::door::Wrong;
use super::error::Wait;
use super::plan::Builder;
use super::settings::{Deadlines, Settings};
use super::wire::Place;
use super::{Bill, Bottomless, Cost, Error, Payer, Purse, Reason, guard};
use crate::model::Clock;

pub use recording::Recording;

/// Failures that pass by themselves get a second chance after this long.
const PAUSE: Duration = Duration::from_millis(250);
const ROUNDS: usize = 2;

/// The models of `models.transcribe` and `models.speak`. Cheap to clone; all clones share the breakers.
#[derive(Clone)]
pub struct Voices(Arc<Inside>);

struct Inside {
    clock: Clock,
    deadlines: Deadlines,
    offline: bool,
    http: Option<reqwest_llm::Client>,
    hearing: Vec<Link>,
    speaking: Vec<Link>,
    /// Whose voice is heard, in the provider's words.
    voice: String,
    purse: RwLock<Arc<dyn Purse>>,
}

/// One model.
struct Link {
    voice: Voice,
    place: Place,
    breaker: Mutex<Breaker>,
}

/// One call to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `provider/id`.
    pub model: String,
    /// What it cost, or what went wrong.
    pub result: Result<Cost, Error>,
    /// How long it took.
    pub took: Duration,
}

/// What became of asking for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voiced<T> {
    /// Every call, the good one last.
    pub calls: Vec<Call>,
    /// What was asked for, or why nobody gave it.
    pub made: Result<T, Reason>,
}

impl Voices {
    /// A door that leads nowhere.
    pub fn none() -> Self {
        Self(Arc::new(Inside::bare(&Settings::default(), Clock::System)))
    }

    /// Makes the models ready. Asks nobody. Needs the TLS provider.
    ///
    /// # Errors
    /// When a setting names something that cannot be used.
    pub fn open(settings: &Settings, clock: Clock) -> Result<Self, Wrong> {
        let bare = Inside::bare(settings, clock);
        if settings.offline {
            return Ok(Self(Arc::new(bare)));
        }
        let builder = Builder::new(settings, &bare.clock)?;
        builder.check_addresses()?;
        let catalogue = &builder.catalogue;
        let named = &settings.models.transcribe;
        let hearing = links(
            &builder,
            ("models.transcribe", named),
            &catalogue.transcription,
        )?;
        let named = &settings.models.speak;
        let speaking = links(&builder, ("models.speak", named), &catalogue.speech)?;
        Ok(Self(Arc::new(Inside {
            http: Some(builder.http.clone()),
            hearing,
            speaking,
            ..bare
        })))
    }

    /// From now on calls are paid from this purse.
    pub fn pay_from(&self, purse: Arc<dyn Purse>) {
        *self.0.purse.write().unwrap_or_else(PoisonError::into_inner) = purse;
    }

    /// The names of the models that write down what is said, best first.
    pub fn hearing(&self) -> Vec<String> {
        names(&self.0.hearing)
    }

    /// The names of the models that say what is written, best first.
    pub fn speaking(&self) -> Vec<String> {
        names(&self.0.speaking)
    }

    /// Letters that are said at once.
    pub const LONGEST: usize = speak::LONGEST_TEXT;

    /// A text as a recording in Opus, as far as models say it: the first [`Voices::LONGEST`] letters.
    pub async fn say(&self, text: &str, payer: &Payer) -> Voiced<Bytes> {
        let text: String = text.chars().take(speak::LONGEST_TEXT).collect();
        let letters = text.chars().count() as u64;
        let inside = &self.0;
        let ask = |link| inside.speak(link, &text).boxed();
        inside
            .walk(&inside.speaking, payer, |link| link.bill(letters), ask)
            .await
    }

    /// What is said in a recording; empty where nothing is.
    pub async fn hear(&self, recording: &Recording, payer: &Payer) -> Voiced<String> {
        let inside = &self.0;
        let most = |link: &Link| link.bill(recording.seconds());
        let ask = |link| inside.listen(link, recording).boxed();
        inside.walk(&inside.hearing, payer, most, ask).await
    }
}

impl Inside {
    fn bare(settings: &Settings, clock: Clock) -> Self {
        Self {
            clock,
            deadlines: settings.models.deadlines,
            offline: settings.offline,
            http: None,
            hearing: Vec::new(),
            speaking: Vec::new(),
            voice: settings.models.voice.clone(),
            purse: RwLock::new(Arc::new(Bottomless)),
        }
    }

    /// Asks one model after the other until one gives what is wanted; `most` says what a call may cost.
    async fn walk<'a, T>(
        &self,
        links: &'a [Link],
        payer: &Payer,
        most: impl Fn(&Link) -> Bill,
        ask: impl Fn(&'a Link) -> BoxFuture<'a, Result<(T, Bill), Error>>,
    ) -> Voiced<T> {
        let mut reason = match links {
            _ if self.offline => Reason::Offline,
            [] => Reason::NotConfigured,
            [_, ..] => Reason::AllFailed,
        };
        let until = Instant::now() + self.deadlines.total();
        let mut calls = Vec::new();
        let mut due: Vec<&'a Link> = links.iter().collect();
        for round in 0..ROUNDS {
            if round > 0 && !due.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
            let mut again = Vec::new();
            for link in due {
                let left = until.saturating_duration_since(Instant::now());
                let patience = left.min(self.deadlines.attempt());
                if patience.is_zero() {
                    continue;
                }
                let purse = self.purse();
                let hold = match purse.reserve(payer, most(link)).await {
                    Ok(hold) => hold,
                    Err(short) => {
                        reason = Reason::OverBudget(short);
                        continue;
                    }
                };
                let Some((result, took)) = self.call(link, patience, ask(link)).await else {
                    hold.settle(Bill::default());
                    continue;
                };
                let (made, result) = match result {
                    Ok((made, bill)) => {
                        hold.settle(bill);
                        (Some(made), Ok(bill.cost))
                    }
                    // Whoever is late may have done the work all the same.
                    Err(error @ Error::Late(_)) => (None, Err(error)),
                    Err(error) => {
                        hold.settle(Bill::default());
                        (None, Err(error))
                    }
                };
                if result.as_ref().is_err_and(Error::passes) {
                    again.push(link);
                }
                calls.push(Call {
                    model: link.voice.name.clone(),
                    result,
                    took,
                });
                if let Some(made) = made {
                    let made = Ok(made);
                    return Voiced { calls, made };
                }
            }
            due = again;
        }
        let made = Err(reason);
        Voiced { calls, made }
    }

    /// Makes one call, if the model does not rest.
    async fn call<T>(
        &self,
        link: &Link,
        patience: Duration,
        asking: impl Future<Output = Result<T, Error>>,
    ) -> Option<(Result<T, Error>, Duration)> {
        let pass = Pass::ask(link, &self.clock)?;
        let began = Instant::now();
        let result = timeout(patience, asking)
            .await
            .unwrap_or(Err(Error::Late(Wait::End)));
        pass.settle(result.as_ref().err());
        let took = began.elapsed();
        histogram!("toney_model_seconds", &link.labels()).record(took);
        Some((result, took))
    }

    async fn listen(&self, link: &Link, recording: &Recording) -> Result<(String, Bill), Error> {
        let http = self.http.as_ref().ok_or(Error::Gone)?;
        let heard = hear::ask(http, (&link.place, link.voice.id()), recording).await?;
        let seconds = heard.seconds.unwrap_or_else(|| recording.seconds());
        Ok((heard.text, link.bill(seconds)))
    }

    async fn speak(&self, link: &Link, text: &str) -> Result<(Bytes, Bill), Error> {
        let http = self.http.as_ref().ok_or(Error::Gone)?;
        let asked = (&link.place, link.voice.id());
        let spoken = speak::ask(http, asked, (&self.voice, text)).await?;
        Ok((spoken, link.bill(text.chars().count() as u64)))
    }

    fn purse(&self) -> Arc<dyn Purse> {
        Arc::clone(&self.purse.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The names of models, each once.
fn names(links: &[Link]) -> Vec<String> {
    let mut names: Vec<_> = links.iter().map(|link| link.voice.name.clone()).collect();
    names.dedup();
    names
}

/// Sorts a failure of the transport: who took the request and says nothing may be at work.
fn lost(error: &reqwest_llm::Error) -> Error {
    match error.is_timeout() && !error.is_connect() {
        true => Error::Late(Wait::End),
        false => guard::transport(error),
    }
}

/// The models that a setting names, or those of the providers that have a key.
fn links(
    builder: &Builder,
    (setting, named): (&str, &[String]),
    known: &[Voice],
) -> Result<Vec<Link>, Wrong> {
    let mut links: Vec<Link> = Vec::new();
    let link = |voice: &Voice, place| Link {
        voice: voice.clone(),
        place,
        breaker: Mutex::default(),
    };
    for name in named {
        let described = known.iter().find(|voice| voice.name == *name);
        let voice = described.cloned().unwrap_or_else(|| Voice::unknown(name));
        let place = builder.place(voice.provider());
        let place = place.filter(|place| place.wire == Protocol::OpenAi && !voice.id().is_empty());
        let Some(place) = place else {
            return Err(Wrong {
                setting: setting.to_owned(),
                got: format!("\"{name}\""),
                wants: "provider/model, with a provider of the catalogue or a [providers.NAME] \
                        base_url that speaks OpenAI's protocol"
                    .to_owned(),
            });
        };
        if links.iter().all(|link| link.voice.name != *name) {
            links.extend(keyed(place).into_iter().map(|place| link(&voice, place)));
        }
    }
    if named.is_empty() {
        let usable = |place: &Place| place.key.is_some() && place.wire == Protocol::OpenAi;
        for voice in known {
            let place = builder.place(voice.provider()).filter(usable);
            let places = place.map(keyed).unwrap_or_default();
            links.extend(places.into_iter().map(|place| link(voice, place)));
        }
    }
    Ok(links)
}

/// A place once for each of its keys: where one is turned down, the next one is tried.
fn keyed(place: Place) -> Vec<Place> {
    match place.ring.clone() {
        None => vec![place],
        Some(ring) => {
            let keys = ring.keys.iter().cloned();
            keys.map(|key| Place {
                key: Some(key),
                ring: None,
                ..place.clone()
            })
            .collect()
        }
    }
}

impl Voice {
    /// What is assumed of a model that nobody described: that it is free.
    fn unknown(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            price: Cost::ZERO,
            deprecated: None,
        }
    }

    /// The provider's name.
    pub fn provider(&self) -> &str {
        let split = self.name.split_once('/');
        split.map_or("", |(provider, _)| provider)
    }

    /// The name on the wire.
    pub fn id(&self) -> &str {
        self.name.split_once('/').map_or("", |(_, id)| id)
    }
}

impl Link {
    /// What so many seconds or letters cost.
    fn bill(&self, count: u64) -> Bill {
        Bill {
            cost: self.voice.price.times(count),
            tokens: 0,
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn labels(&self) -> [(&'static str, String); 2] {
        [
            ("provider", self.voice.provider().to_owned()),
            ("model", self.voice.name.clone()),
        ]
    }

    fn count(&self, result: &'static str) {
        let [provider, model] = self.labels();
        let labels = [provider, model, ("result", result.to_owned())];
        counter!("toney_model_calls_total", &labels).increment(1);
    }
}

/// The leave to make one call. Dropped without a result, a probe is given back.
struct Pass<'a> {
    link: &'a Link,
    clock: &'a Clock,
    probe: bool,
    settled: bool,
}

impl<'a> Pass<'a> {
    fn ask(link: &'a Link, clock: &'a Clock) -> Option<Self> {
        let admission = link.breaker().admit(clock.now());
        (admission != Admission::Wait).then(|| Self {
            link,
            clock,
            probe: admission == Admission::Probe,
            settled: false,
        })
    }

    fn settle(mut self, error: Option<&Error>) {
        self.settled = true;
        self.link.count(error.map_or("ok", Error::label));
        let now = self.clock.now();
        let change = match error.map(Error::severity) {
            Some(Some(severity)) => self.link.breaker().failed(now, severity),
            // The provider is well, whatever it thought of this request.
            Some(None) | None => self.link.breaker().succeeded(),
        };
        match change {
            Some(Change::Opened) => tracing::warn!(
                llm.model = %self.link.voice.name,
                llm.error = %error.map_or("", Error::label),
                "A model for voices keeps failing and is left alone for a while"
            ),
            Some(Change::Closed) => {
                tracing::info!(llm.model = %self.link.voice.name, "A model for voices is back");
            }
            None => {}
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        self.link.count("cancelled");
        if self.probe {
            self.link.breaker().abandoned(self.clock.now());
        }
    }
}

#[cfg(test)]
mod tests;
