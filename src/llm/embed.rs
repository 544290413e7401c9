//! Embedding models behind one door: a text goes in, a vector of length one comes out.

#[cfg(feature = "local-embeddings")]
mod bert;
#[cfg(feature = "local-embeddings")]
mod local;
mod wire;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::time::Instant;

use super::breaker::{Admission, Breaker};
use super::catalogue::Embedding;
use super::door::Wrong;
use super::error::Wait;
use super::plan::Builder;
use super::settings::{Deadlines, Settings};
use super::{Error, tokens};
use crate::model::Clock;

use wire::Wire;

/// Texts of one request.
const BATCH: usize = 64;
/// A text longer than a model's window is read in so many windows at most.
const WINDOWS: u64 = 4;
/// So far beyond the middle a window may end for the sake of a whole word, in bytes.
const WORD: usize = 64;
/// What a vector may have; more is no embedding.
const DIMENSIONS: std::ops::RangeInclusive<usize> = 2..=16_000;

/// The embedding models of `models.embed`. Cheap to clone; all clones share the breakers.
///
/// Each model has a name, `provider/id` as the setting has it, and vectors of different names are
/// never compared. It never logs a word of a text.
#[derive(Clone)]
pub struct Embedder(Arc<Inside>);

struct Inside {
    clock: Clock,
    deadlines: Deadlines,
    links: Vec<Link>,
}

/// One model.
struct Link {
    name: String,
    provider: String,
    /// What is put before a question.
    query: String,
    /// What is put before a passage.
    passage: String,
    /// Tokens of one text that the model reads.
    window: u64,
    /// Known from the catalogue, or since the first answer.
    dimensions: OnceLock<usize>,
    breaker: Mutex<Breaker>,
    source: Source,
}

/// Where a model runs.
enum Source {
    Wire(Wire),
    #[cfg(feature = "local-embeddings")]
    Local(local::Local),
}

/// The provider whose models run in this process.
const LOCAL: &str = "local";

/// What a text is to the model.
#[derive(Clone, Copy)]
enum Side {
    Query,
    Passage,
}

impl Embedder {
    /// A door that leads nowhere.
    pub fn none() -> Self {
        Self(Arc::new(Inside {
            clock: Clock::System,
            deadlines: Deadlines::default(),
            links: Vec::new(),
        }))
    }

    /// Makes the models ready. Asks nobody. Needs the TLS provider.
    ///
    /// # Errors
    /// When `models.embed` names something that cannot be used.
    pub fn open(settings: &Settings, clock: Clock) -> Result<Self, Wrong> {
        if settings.offline || settings.models.embed.is_empty() {
            return Ok(Self::none());
        }
        let builder = Builder::new(settings, &clock)?;
        builder.check_addresses()?;
        let mut links: Vec<Link> = Vec::new();
        for name in &settings.models.embed {
            if links.iter().all(|link| link.name != *name) {
                links.push(Link::new(name, &builder)?);
            }
        }
        Ok(Self(Arc::new(Inside {
            clock,
            deadlines: settings.models.deadlines,
            links,
        })))
    }

    /// The names of the models, in the order of the setting.
    pub fn models(&self) -> Vec<String> {
        let links = self.0.links.iter();
        links.map(|link| link.name.clone()).collect()
    }

    /// The vectors of questions, in their order, each of length one; with one request where they are short.
    ///
    /// # Errors
    /// Sorted like those of a talking model; a model that rests is [`Error::Down`], one that is not
    /// there in time [`Error::Late`]. One bad text fails all.
    pub async fn queries(
        &self,
        model: &str,
        texts: &[String],
        deadline: Duration,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let link = self.0.link(model).ok_or(Error::Gone)?;
        let pass = Pass::ask(link, &self.0.clock).ok_or_else(|| Error::Down("resting".into()))?;
        let result = tokio::time::timeout(deadline, link.embed(Side::Query, texts, deadline))
            .await
            .unwrap_or(Err(Error::Late(Wait::End)));
        // A deadline shorter than usual says something about whoever asked, not about the model.
        let late = matches!(result, Err(Error::Late(_)));
        if late && deadline < self.0.deadlines.first_token() {
            link.count("late");
        } else {
            pass.settle(result.as_ref().err());
        }
        result
    }

    /// The vectors of passages, in their order, each of length one. Nothing is tried again here.
    ///
    /// # Errors
    /// Like [`Embedder::queries`].
    pub async fn passages(&self, model: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, Error> {
        let link = self.0.link(model).ok_or(Error::Gone)?;
        let deadline = self.0.deadlines.attempt();
        let result = link.embed(Side::Passage, texts, deadline).await;
        link.settle(&self.0.clock, result.as_ref().err());
        result
    }

    /// Has every model make a vector of one word, one after the other.
    pub async fn check(&self) -> Vec<(String, Result<usize, Error>)> {
        const WORD: &str = "music";
        let deadline = self.0.deadlines.first_token();
        let mut found = Vec::new();
        for link in &self.0.links {
            let made = link.embed(Side::Query, &[WORD.to_owned()], deadline).await;
            let made = made.map(|vectors| vectors.first().map_or(0, Vec::len));
            found.push((link.name.clone(), made));
        }
        found
    }
}

impl Inside {
    fn link(&self, model: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == model)
    }
}

impl Link {
    fn new(name: &str, builder: &Builder) -> Result<Self, Wrong> {
        let wrong = |wants: &str| Wrong {
            setting: "models.embed".to_owned(),
            got: format!("\"{name}\""),
            wants: wants.to_owned(),
        };
        let (full, asked) = split_dimensions(name);
        let (provider, id) = full.split_once('/').unwrap_or(("", full));
        let listed = builder.catalogue.embedding(id).cloned();
        let guessed = listed.is_none();
        let known = listed.unwrap_or_else(Embedding::unknown);
        let (source, window) = match builder.place(provider).filter(|_| !id.is_empty()) {
            Some(place) => {
                let wire = Wire::new(builder.http.clone(), place, id, asked);
                (Source::Wire(wire), u64::from(known.window))
            }
            // It counts its pieces itself.
            None if provider == LOCAL && !id.is_empty() => (local(builder, id)?, u64::MAX),
            None => {
                return Err(wrong(
                    "provider/model, with a provider of the catalogue or a [providers.NAME] \
                     base_url, and @NUMBER behind it for fewer dimensions",
                ));
            }
        };
        if guessed {
            tracing::info!(
                llm.model = %name,
                "The catalogue does not know this embedding model; it gets texts without a prefix"
            );
        }
        let too_many = asked.is_some_and(|asked| asked > known.dimensions || !known.reducible);
        if too_many && !guessed {
            return Err(wrong("a model that has so many dimensions to choose"));
        }
        let dimensions = OnceLock::new();
        if let Some(size) = asked.or((!guessed).then_some(known.dimensions)) {
            dimensions.get_or_init(|| size);
        }
        Ok(Self {
            name: name.to_owned(),
            provider: provider.to_owned(),
            query: known.query,
            passage: known.passage,
            window,
            dimensions,
            breaker: Mutex::default(),
            source,
        })
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vectors of texts: each is cut into windows that fit the model, and gets the middle of
    /// what its windows mean.
    async fn embed(
        &self,
        side: Side,
        texts: &[String],
        deadline: Duration,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let prefix = match side {
            Side::Query => &self.query,
            Side::Passage => &self.passage,
        };
        let mut pieces = Vec::new();
        let mut counts = Vec::new();
        for text in texts {
            let windows = windows(text, self.window);
            if windows.is_empty() {
                return Err(Error::Empty);
            }
            counts.push(windows.len());
            pieces.extend(windows.iter().map(|window| format!("{prefix}{window}")));
        }
        let mut vectors = Vec::with_capacity(pieces.len());
        for batch in pieces.chunks(BATCH) {
            let began = Instant::now();
            let made = match &self.source {
                Source::Wire(wire) => tokio::time::timeout(deadline, wire.embed(batch))
                    .await
                    .unwrap_or(Err(Error::Late(Wait::End))),
                // It is as slow as the machine is, and hurrying it would only make it begin anew.
                #[cfg(feature = "local-embeddings")]
                Source::Local(local) => local.embed(batch).await,
            };
            let made = made?;
            let labels = [("model", self.name.clone())];
            histogram!("toney_embed_seconds", &labels).record(began.elapsed());
            counter!("toney_embedded_texts_total", &labels).increment(batch.len() as u64);
            for vector in made {
                vectors.push(self.checked(vector)?);
            }
        }
        let mut vectors = vectors.into_iter();
        let middle = |count| middle(vectors.by_ref().take(count));
        counts.into_iter().map(middle).collect()
    }

    /// A vector of length one, if it is one of this model's.
    fn checked(&self, vector: Vec<f32>) -> Result<Vec<f32>, Error> {
        if !DIMENSIONS.contains(&vector.len()) {
            return Err(Error::Nonsense("no vector"));
        }
        if *self.dimensions.get_or_init(|| vector.len()) != vector.len() {
            return Err(Error::Nonsense("a vector of another dimension"));
        }
        normalised(vector)
    }

    fn settle(&self, clock: &Clock, error: Option<&Error>) {
        use super::breaker::Change;
        self.count(error.map_or("ok", Error::label));
        let now = clock.now();
        let change = match error.map(Error::severity) {
            Some(Some(severity)) => self.breaker().failed(now, severity),
            // The provider is well, whatever it thought of this request.
            Some(None) | None => self.breaker().succeeded(),
        };
        match change {
            Some(Change::Opened) => tracing::warn!(
                llm.model = %self.name,
                llm.error = %error.map_or("", Error::label),
                "An embedding model keeps failing; questions do without it for a while"
            ),
            Some(Change::Closed) => {
                tracing::info!(llm.model = %self.name, "An embedding model is back");
            }
            None => {}
        }
    }

    fn count(&self, result: &'static str) {
        counter!(
            "toney_model_calls_total",
            "provider" => self.provider.clone(),
            "model" => self.name.clone(),
            "result" => result
        )
        .increment(1);
    }
}

/// A model of the provider `local`.
#[cfg(feature = "local-embeddings")]
fn local(builder: &Builder, id: &str) -> Result<Source, Wrong> {
    let settings = builder.settings.providers.get(LOCAL);
    let model = settings.and_then(|settings| local::Local::new(settings, id));
    model.map(Source::Local).ok_or_else(|| Wrong {
        setting: "providers.local.path".to_owned(),
        got: match settings.and_then(|settings| settings.path.as_ref()) {
            Some(path) => format!("\"{}\"", path.display()),
            None => "nothing".to_owned(),
        },
        wants: "a folder with model.safetensors, config.json and tokenizer.json".to_owned(),
    })
}

/// A model of the provider `local`.
#[cfg(not(feature = "local-embeddings"))]
fn local(_: &Builder, id: &str) -> Result<Source, Wrong> {
    Err(Wrong {
        setting: "models.embed".to_owned(),
        got: format!("\"{LOCAL}/{id}\""),
        wants: "a provider; this program was built without the feature local-embeddings".to_owned(),
    })
}

/// The leave to ask one model now. Dropped without a result, a probe is given back.
struct Pass<'a> {
    link: &'a Link,
    clock: &'a Clock,
    probe: bool,
}

impl<'a> Pass<'a> {
    fn ask(link: &'a Link, clock: &'a Clock) -> Option<Self> {
        let admission = link.breaker().admit(clock.now());
        (admission != Admission::Wait).then(|| Self {
            link,
            clock,
            probe: admission == Admission::Probe,
        })
    }

    fn settle(mut self, error: Option<&Error>) {
        self.probe = false;
        self.link.settle(self.clock, error);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.link.breaker().abandoned(self.clock.now());
        }
    }
}

/// A model's name and the number of dimensions that is asked of it: `provider/id@512`.
fn split_dimensions(name: &str) -> (&str, Option<usize>) {
    let Some((full, number)) = name.rsplit_once('@') else {
        return (name, None);
    };
    match number.parse() {
        Ok(number) if DIMENSIONS.contains(&number) => (full, Some(number)),
        // Some names of models have an @ of their own.
        Ok(_) | Err(_) => (name, None),
    }
}

/// Cuts a text into pieces of about the same length that have at most so many tokens each.
fn windows(text: &str, most: u64) -> Vec<&str> {
    let mut rest = text.trim();
    let count = tokens::estimate(rest).div_ceil(most.max(1));
    let count = usize::try_from(count.clamp(1, WINDOWS)).unwrap_or(1);
    let mut pieces = Vec::with_capacity(count);
    for left in (1..=count).rev() {
        let share = rest.len() / left;
        let ends = |(at, letter): &(usize, char)| {
            *at >= share && (letter.is_whitespace() || *at >= share + WORD)
        };
        let cut = rest.char_indices().find(ends).filter(|_| left > 1);
        let (piece, after) = cut
            .and_then(|(at, _)| rest.split_at_checked(at))
            .unwrap_or((rest, ""));
        if !piece.is_empty() {
            pieces.push(piece.trim_end());
        }
        rest = after.trim_start();
    }
    pieces
}

/// The direction between vectors of length one.
fn middle(vectors: impl Iterator<Item = Vec<f32>>) -> Result<Vec<f32>, Error> {
    let sum = vectors.reduce(|mut sum, vector| {
        for (total, number) in sum.iter_mut().zip(vector) {
            *total += number;
        }
        sum
    });
    normalised(sum.ok_or(Error::Empty)?)
}

fn normalised(mut vector: Vec<f32>) -> Result<Vec<f32>, Error> {
    let square: f64 = vector.iter().map(|n| f64::from(*n) * f64::from(*n)).sum();
    let length = square.sqrt();
    if !length.is_finite() {
        return Err(Error::Nonsense("a vector with infinite numbers"));
    }
    // What has no length has no direction either.
    if length < f64::from(f32::MIN_POSITIVE) {
        return Err(Error::Empty);
    }
    for number in &mut vector {
        *number = (f64::from(*number) / length) as f32;
    }
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn open(settings: &str) -> Result<Embedder, String> {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let settings: Settings = toml::from_str(settings).unwrap();
        Embedder::open(&settings, Clock::System).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn no_setting_means_no_model() {
        let key = "providers.openai.key = \"k\"";
        assert!(open(key).unwrap().models().is_empty());
        let offline = "offline = true\nmodels.embed = [\"nobody/x\"]";
        assert!(open(offline).unwrap().models().is_empty());
    }

    #[test]
    fn models_are_known_by_what_they_are_not_by_who_serves_them() {
        let embedder = open(
            "models.embed = \"openai/text-embedding-3-small@512, ollama/nomic-embed-text:v1.5, \
             attic/BAAI/bge-base-en-v1.5, ollama/own, ollama/own\"\n\
             providers.attic.base_url = \"http://127.0.0.1:1/v1\"",
        );
        let embedder = embedder.unwrap();
        let known = |model: &str| embedder.0.link(model).unwrap().dimensions.get().copied();
        assert_eq!(known("openai/text-embedding-3-small@512"), Some(512));
        assert_eq!(known("ollama/nomic-embed-text:v1.5"), Some(768));
        assert_eq!(known("attic/BAAI/bge-base-en-v1.5"), Some(768));
        assert_eq!(known("ollama/own"), None);
        assert_eq!(embedder.models().len(), 4);
    }

    #[test]
    fn wrong_names_are_refused() {
        for name in ["nobody/x", "openai", "openai/"] {
            let wrong = open(&format!("models.embed = [\"{name}\"]"));
            let wrong = wrong.err().unwrap();
            assert!(wrong.starts_with("models.embed: got"), "{wrong}");
        }
        assert!(open("models.embed = [\"local/x\"]").is_err());
        for name in [
            "ollama/all-minilm@128",
            "openai/text-embedding-3-small@4000",
        ] {
            let wrong = open(&format!("models.embed = [\"{name}\"]"));
            assert!(wrong.err().unwrap().contains("dimensions to choose"));
        }
    }

    #[test]
    fn an_at_of_the_name_stays_in_it() {
        assert_eq!(split_dimensions("a/b@512"), ("a/b", Some(512)));
        assert_eq!(split_dimensions("a/b@001"), ("a/b@001", None));
        assert_eq!(split_dimensions("a/b@latest"), ("a/b@latest", None));
    }

    #[test]
    fn long_texts_get_several_windows() {
        let text = "word ".repeat(300);
        assert_eq!(windows(&text, 8_000), [text.trim()]);
        let halves = windows(&text, 256);
        assert_eq!(halves.len(), 2);
        assert!(halves.iter().all(|half| half.ends_with("word")));
        assert!(windows(" \n ", 256).is_empty());
        assert_eq!(windows(&"é".repeat(900), 256).len(), 4);
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        assert_eq!(normalised(vec![3.0, 4.0]).unwrap(), [0.6, 0.8]);
        assert_eq!(normalised(vec![0.0, 0.0]), Err(Error::Empty));
        assert!(normalised(vec![f32::NAN, 1.0]).is_err());
        assert!(normalised(vec![f32::INFINITY, 1.0]).is_err());
        let huge = normalised(vec![f32::MAX, f32::MAX]).unwrap();
        assert!((huge[0] - huge[1]).abs() < 1e-6);
        let middle = middle([vec![1.0, 0.0], vec![0.0, 1.0]].into_iter()).unwrap();
        assert!((middle[0] - middle[1]).abs() < 1e-6);
    }

    proptest! {
        /// No word is lost or torn where there are spaces to cut at.
        #[test]
        fn windows_keep_every_word(words in prop::collection::vec("[a-zäλ]{1,9}", 1..200), most in 20u64..400) {
            let text = words.join(" ");
            let found: Vec<&str> = windows(&text, most)
                .into_iter()
                .flat_map(str::split_whitespace)
                .collect();
            prop_assert_eq!(found, words);
        }
    }
}
