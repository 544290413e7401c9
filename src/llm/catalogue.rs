mod published;
mod refresh;

use std::path::Path;

use serde::Deserialize;

use super::Usage;
use super::money::Cost;

pub use published::{Published, Unreadable};
pub use refresh::{Refreshed, Wrong as Unrefreshed, refresh};

const FILE: &str = include_str!("../../config/models.toml");

/// Context of a model nobody described: small enough for the local models that are usual today.
const UNKNOWN_CONTEXT: u32 = 8_192;
/// Output limit of a model nobody described.
const UNKNOWN_OUTPUT: u32 = 2_048;
/// Tokens that an embedding model reads which nobody described: what the family of BERT does.
const UNKNOWN_WINDOW: u32 = 512;

/// How a provider is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What the part of a model's name before the first slash says.
    pub name: String,
    /// The address before `/chat/completions` or `/messages`; empty where every installation has
    /// its own.
    #[serde(default)]
    pub base: String,
    /// What it speaks.
    #[serde(default)]
    pub wire: Protocol,
    /// The environment variable that holds the key; none where no key is needed.
    #[serde(default)]
    pub key: Option<String>,
    /// The chain when the settings name none, best first.
    pub default: Vec<String>,
    /// How a request names its output limit.
    pub limit: LimitField,
    /// Whether `stream_options.include_usage` is understood; some refuse fields they don't know.
    pub usage: bool,
    /// Whether people and Toney have to take turns, so that lines of one of them become one.
    #[serde(default)]
    pub turns: bool,
}

/// The language of a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OpenAI's chat completions.
    #[default]
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
}

/// The field of a request that bounds the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitField {
    /// What everyone understands.
    MaxTokens,
    /// What OpenAI's newer models insist on.
    MaxCompletionTokens,
}

/// What is known about a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// `provider/id`, where the id is what stands on the wire.
    pub name: String,
    /// Tokens that go in and out together.
    pub context: u32,
    /// Tokens of one answer.
    pub output: u32,
    /// Price of one token, in and out.
    pub price: [Cost; 2],
    /// Price of one token read from the provider's cache, and of one written into it; that of
    /// `price` where it is not known.
    #[serde(default)]
    pub cache: Option<[Cost; 2]>,
    /// Price of one request, whatever its tokens cost besides.
    #[serde(default)]
    pub fee: Cost,
    /// Whether it calls tools.
    #[serde(default)]
    pub tools: bool,
    /// Whether it sees pictures.
    #[serde(default)]
    pub vision: bool,
    /// Whether it lets the temperature be set.
    #[serde(default = "yes")]
    pub temperature: bool,
    /// Whether it can be forced to call a tool.
    #[serde(default = "yes")]
    pub force: bool,
    /// How hard it is asked to think, in the provider's word; its own measure when unset.
    #[serde(default)]
    pub effort: Option<String>,
    /// The day the provider switches it off.
    #[serde(default)]
    pub deprecated: Option<chrono::NaiveDate>,
    /// Whether all this is a guess, since nobody described the model.
    #[serde(skip)]
    pub guessed: bool,
}

fn yes() -> bool {
    true
}

impl Entry {
    /// The entry of a model that the catalogue does not know: free, small, with tools, since
    /// nothing but a try can tell, and never forced, since that may be refused.
    pub fn unknown(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            context: UNKNOWN_CONTEXT,
            output: UNKNOWN_OUTPUT,
            price: [Cost::ZERO; 2],
            cache: None,
            fee: Cost::ZERO,
            tools: true,
            vision: false,
            temperature: true,
            force: false,
            effort: None,
            deprecated: None,
            guessed: true,
        }
    }

    /// The provider's name.
    pub fn provider(&self) -> &str {
        self.name
            .split_once('/')
            .map_or("", |(provider, _)| provider)
    }

    /// The name on the wire.
    pub fn id(&self) -> &str {
        self.name.split_once('/').map_or(&self.name, |(_, id)| id)
    }

    /// What so many tokens cost.
    pub fn cost(&self, tokens_in: u64, tokens_out: u64) -> Cost {
        let [price_in, price_out] = self.price;
        price_in.times(tokens_in) + price_out.times(tokens_out)
    }

    /// What a call cost, with its fee and with what its cache saved and cost.
    pub fn bill(&self, usage: &Usage) -> Cost {
        let Usage {
            tokens_in,
            tokens_out,
            cache_read,
            cache_written,
        } = *usage;
        let fresh = tokens_in.saturating_sub(cache_read.saturating_add(cache_written));
        let [price_in, _] = self.price;
        let [read, written] = self.cache.unwrap_or([price_in; 2]);
        let cached = read.times(cache_read) + written.times(cache_written);
        self.fee + self.cost(fresh, tokens_out) + cached
    }
}

/// What is known about an embedding model, wherever it is served.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// How it is called, without provider, owner and tag.
    pub names: Vec<String>,
    /// Numbers of a vector.
    pub dimensions: usize,
    /// Whether fewer dimensions can be asked for.
    #[serde(default)]
    pub reducible: bool,
    /// Tokens of a text that it reads.
    pub window: u32,
    /// What is put before a question.
    #[serde(default)]
    pub query: String,
    /// What is put before a passage.
    #[serde(default)]
    pub passage: String,
}

impl Embedding {
    /// What is assumed of a model that nobody described; its dimensions are learnt.
    pub fn unknown() -> Self {
        Self {
            names: Vec::new(),
            dimensions: 0,
            reducible: true,
            window: UNKNOWN_WINDOW,
            query: String::new(),
            passage: String::new(),
        }
    }
}

/// What is known about a model that speaks, or that writes down what it hears.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voice {
    /// `provider/id`, where the id is what stands on the wire.
    pub name: String,
    /// Price of a character that is spoken, or of a second that is heard.
    pub price: Cost,
    /// The day the provider switches it off.
    #[serde(default)]
    pub deprecated: Option<chrono::NaiveDate>,
}

/// Every provider and model that is described.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// In the order in which they are preferred when several have a key.
    pub providers: Vec<Provider>,
    /// The models that talk.
    pub models: Vec<Entry>,
    /// The models that turn texts into vectors.
    pub embeddings: Vec<Embedding>,
    /// The models that speak a text.
    #[serde(default)]
    pub speech: Vec<Voice>,
    /// The models that write down what is said.
    #[serde(default)]
    pub transcription: Vec<Voice>,
}

/// A catalogue in a file of the operator's that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be opened.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// It is no catalogue.
    #[error(transparent)]
    Text(#[from] toml::de::Error),
}

impl Catalogue {
    /// Reads the catalogue that is compiled in.
    ///
    /// # Errors
    /// Never in a build whose tests passed; the text is checked there.
    pub fn builtin() -> Result<Self, toml::de::Error> {
        toml::from_str(FILE)
    }

    /// Reads a catalogue from a file, or the one that is compiled in.
    ///
    /// # Errors
    /// When the file cannot be read or is no catalogue.
    pub fn open(path: Option<&Path>) -> Result<Self, Unusable> {
        match path {
            Some(path) => Ok(toml::from_str(&std::fs::read_to_string(path)?)?),
            None => Ok(Self::builtin()?),
        }
    }

    /// The file that is compiled in.
    pub fn shipped() -> &'static str {
        FILE
    }

    /// The provider of that name.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// The model of that full name.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.models.iter().find(|entry| entry.name == name)
    }

    /// The environment variables that hold keys, each with its provider.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        let providers = self.providers.iter();
        providers.filter_map(|provider| Some((provider.key.as_deref()?, provider.name.as_str())))
    }

    /// The models of a provider.
    pub fn of<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = &'a Entry> {
        let models = self.models.iter();
        models.filter(move |entry| entry.provider() == provider)
    }

    /// The embedding model of that id on the wire, whoever owns and serves it there.
    pub fn embedding(&self, id: &str) -> Option<&Embedding> {
        let last = id.rsplit('/').next()?;
        let name = last.split(':').next()?;
        let is_called = |known: &String| known.eq_ignore_ascii_case(name);
        let mut embeddings = self.embeddings.iter();
        embeddings.find(|embedding| embedding.names.iter().any(is_called))
    }

    /// What the dearest of a provider's models cost, in and out.
    pub fn dearest(&self, provider: &str) -> [Cost; 2] {
        let dearer = |[all_in, all_out]: [Cost; 2], [price_in, price_out]: [Cost; 2]| {
            [all_in.max(price_in), all_out.max(price_out)]
        };
        let prices = self.of(provider).map(|entry| entry.price);
        prices.fold([Cost::ZERO; 2], dearer)
    }

    /// The model of that full name, or what is assumed of one that nobody described.
    pub fn entry(&self, name: &str) -> Entry {
        self.find(name)
            .cloned()
            .unwrap_or_else(|| Entry::unknown(name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_provider_is_known() {
        let catalogue = Catalogue::builtin().unwrap();
        assert!(catalogue.models.len() >= 60);
        let providers: HashSet<_> = catalogue.providers.iter().map(|p| &p.name).collect();
        assert_eq!(providers.len(), catalogue.providers.len());
        let mut names = HashSet::new();
        for entry in &catalogue.models {
            assert!(names.insert(&entry.name), "{} stands twice", entry.name);
            assert!(
                catalogue.provider(entry.provider()).is_some(),
                "{} has no provider",
                entry.name
            );
            assert!(!entry.id().is_empty());
            assert!(entry.output > 0 && entry.output <= entry.context);
            assert!(entry.price.iter().all(|price| price.nanos() >= 0));
            assert!(entry.fee >= Cost::ZERO, "{}", entry.name);
            let [price_in, _] = entry.price;
            let cache = entry.cache.unwrap_or(entry.price);
            assert!(
                cache.iter().all(|price| price.nanos() >= 0),
                "{}",
                entry.name
            );
            assert!(cache[0] <= price_in, "{}", entry.name);
        }
        for provider in &catalogue.providers {
            assert!(!provider.base.ends_with('/'));
            for name in &provider.default {
                assert_eq!(
                    catalogue.find(name).map(Entry::provider),
                    Some(provider.name.as_str()),
                    "{name} is a default nobody described"
                );
            }
        }
    }

    #[test]
    fn embedding_models_are_found_under_every_name() {
        let catalogue = Catalogue::builtin().unwrap();
        let mut names = HashSet::new();
        for embedding in &catalogue.embeddings {
            assert!(embedding.window >= 256 && embedding.dimensions >= 256);
            assert!(embedding.names.iter().all(|name| names.insert(name)));
        }
        let prefix = |id: &str| catalogue.embedding(id).map(|known| known.query.as_str());
        assert_eq!(prefix("nomic-embed-text:latest"), Some("search_query: "));
        assert_eq!(prefix("sentence-transformers/all-MiniLM-L6-v2"), Some(""));
        assert!(prefix("BAAI/bge-base-en-v1.5").unwrap().ends_with(": "));
        assert_eq!(prefix("gpt-4o"), None);
    }

    #[test]
    fn no_model_was_past_its_date_when_the_list_was_made() {
        let made = chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let catalogue = Catalogue::builtin().unwrap();
        for entry in &catalogue.models {
            assert!(
                entry.deprecated.is_none_or(|day| day > made),
                "{}",
                entry.name
            );
        }
    }

    #[test]
    fn a_name_splits_at_its_first_slash_only() {
        let catalogue = Catalogue::builtin().unwrap();
        let entry = catalogue.entry("openrouter/openai/gpt-oss-120b");
        assert_eq!(entry.provider(), "openrouter");
        assert_eq!(entry.id(), "openai/gpt-oss-120b");
        let other = catalogue.entry("ollama/llama3:8b");
        assert_eq!((other.id(), other.context), ("llama3:8b", UNKNOWN_CONTEXT));
        assert_eq!(
            catalogue.entry("openai/gpt-4o-mini").cost(1_000, 100),
            Cost::from_nanos(210_000)
        );
    }

    #[test]
    fn what_was_cached_has_its_own_price() {
        let catalogue = Catalogue::builtin().unwrap();
        let usage = Usage {
            tokens_in: 10_000,
            tokens_out: 100,
            cache_read: 7_000,
            cache_written: 2_000,
        };
        // 1,000 fresh at $1, 7,000 read at $0.10, 2,000 written at $1.25, 100 out at $5 a million.
        let bill = catalogue.entry("anthropic/claude-haiku-4-5").bill(&usage);
        assert_eq!(
            bill,
            Cost::from_nanos(1_000_000 + 700_000 + 2_500_000 + 500_000)
        );
        let plain = catalogue.entry("perplexity/sonar");
        assert_eq!(plain.bill(&usage), plain.cost(10_000, 100));
        let fee = Cost::from_nanos(5_000_000);
        let with_fee = Entry {
            fee,
            ..plain.clone()
        };
        assert_eq!(with_fee.bill(&usage), plain.bill(&usage) + fee);
    }
}
