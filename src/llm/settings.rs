use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::catalogue::Protocol;
use super::choose::Prefer;

/// A key. Its text leaves only through [`Secret::expose`].
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Everything this room can be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// No model at all (`TONEY_OFFLINE`).
    pub offline: bool,
    /// Section `[models]`.
    pub models: Models,
    /// Sections `[providers.NAME]`.
    pub providers: BTreeMap<String, Provider>,
}

/// Section `[providers.NAME]`: a provider of the catalogue, or any other that speaks one of the wires.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    /// The address before `/chat/completions` or `/messages`; the catalogue's when unset.
    pub base_url: Option<String>,
    /// What it speaks; the catalogue's when unset, and OpenAI's protocol when that does not know.
    pub wire: Option<Protocol>,
    /// The key, or several of them; none is sent when unset.
    #[serde(deserialize_with = "secrets")]
    pub key: Vec<Secret>,
    /// Tokens that the models there take which nobody described; the catalogue's guess when 0.
    pub context: u32,
    /// So many answers at a time before the next model of a list is preferred; no limit when 0.
    pub side_by_side: u32,
    /// For the provider `local` alone: the folder of an embedding model, or of several.
    pub path: Option<PathBuf>,
    /// For the provider `local` alone: what becomes of the vectors of a text's pieces, where the folder
    /// does not say it.
    pub pooling: Option<Pooling>,
}

impl Provider {
    /// The keys that are worth trying: environment files have empty ones.
    pub(super) fn keys(&self) -> Vec<Secret> {
        let keys = self.key.iter();
        keys.filter(|key| !key.expose().trim().is_empty())
            .cloned()
            .collect()
    }
}

/// What becomes of the vectors of a text's pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first of them, which stands for the whole.
    Cls,
}

/// Section `[models]`: the chains, each a list of `provider/id`, best first, and the deadlines.
/// A chain that is empty is the chat chain; an empty chat chain is made from the providers that
/// have a key or an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Models {
    /// Talking.
    #[serde(deserialize_with = "list")]
    pub chat: Vec<String>,
    /// Sorting.
    #[serde(deserialize_with = "list")]
    pub classify: Vec<String>,
    /// Pulling out facts.
    #[serde(deserialize_with = "list")]
    pub extract: Vec<String>,
    /// Shortening.
    #[serde(deserialize_with = "list")]
    pub summarise: Vec<String>,
    /// Turning texts into vectors; all of them side by side, none when empty.
    #[serde(deserialize_with = "list")]
    pub embed: Vec<String>,
    /// From which those may choose, besides those of `chat`, who work for an artist.
    #[serde(deserialize_with = "list")]
    pub choices: Vec<String>,
    /// Writing down what is said; the models of the providers that have a key when empty.
    #[serde(deserialize_with = "list")]
    pub transcribe: Vec<String>,
    /// Saying what is written; the models of the providers that have a key when empty.
    #[serde(deserialize_with = "list")]
    pub speak: Vec<String>,
    /// Whose voice it is said in, in the words of the providers.
    pub voice: String,
    /// The file that describes models and providers; the one that is compiled in when unset.
    pub catalogue: Option<PathBuf>,
    /// Where Ollama is looked for while no model is configured; the usual port of this machine
    /// when unset, nowhere when empty.
    pub nearby: Option<String>,
    /// What decides between models that are all well.
    pub prefer: Prefer,
    /// How long an answer is at hand for the person who asks for exactly the same again; 0: never.
    pub cache_seconds: u64,
    /// How long is waited for what.
    pub deadlines: Deadlines,
}

impl Default for Models {
    fn default() -> Self {
        Self {
            chat: Vec::new(),
            classify: Vec::new(),
            extract: Vec::new(),
            summarise: Vec::new(),
            embed: Vec::new(),
            choices: Vec::new(),
            transcribe: Vec::new(),
            speak: Vec::new(),
            voice: "alloy".to_owned(),
            catalogue: None,
            nearby: None,
            prefer: Prefer::default(),
            cache_seconds: 300,
            deadlines: Deadlines::default(),
        }
    }
}

/// Section `[models.deadlines]`, all in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// For a connection.
    pub connect_ms: u64,
    /// For the first sign of an answer: text, a tool call, or a thought.
    pub first_token_ms: u64,
    /// For the first sign of an answer before another model is asked as well, while nothing is known of the
    /// model; then as long as 95 of 100 of its answers took. Never when 0.
    pub hedge_ms: u64,
    /// Between two pieces of an answer.
    pub next_token_ms: u64,
    /// For one model's whole answer.
    pub attempt_ms: u64,
    /// For the whole chain.
    pub total_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect_ms: 3_000,
            first_token_ms: 15_000,
            hedge_ms: 4_000,
            next_token_ms: 15_000,
            attempt_ms: 90_000,
            total_ms: 120_000,
        }
    }
}

impl Deadlines {
    pub(super) const fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }

    pub(super) const fn first_token(&self) -> Duration {
        Duration::from_millis(self.first_token_ms)
    }

    pub(super) fn hedge(&self) -> Option<Duration> {
        (self.hedge_ms > 0).then(|| Duration::from_millis(self.hedge_ms))
    }

    pub(super) const fn next_token(&self) -> Duration {
        Duration::from_millis(self.next_token_ms)
    }

    pub(super) const fn attempt(&self) -> Duration {
        Duration::from_millis(self.attempt_ms)
    }

    pub(super) const fn total(&self) -> Duration {
        Duration::from_millis(self.total_ms)
    }
}

/// Takes a list, or one text with commas, which is all that an environment variable can hold.
fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text, or a list of them")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    let names = match OneOrMany::deserialize(from)? {
        OneOrMany::One(text) => text.split(',').map(str::to_owned).collect(),
        OneOrMany::Many(names) => names,
    };
    Ok(names
        .into_iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect())
}

/// Takes keys like [`list`] takes names.
fn secrets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Secret>, D::Error> {
    Ok(list(from)?.into_iter().map(Secret::new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let settings: Settings = toml::from_str(
            "[models]\nchat = \"openai/a, ollama/b\"\nsummarise = [\"x/y\"]\n\
             [providers.openai]\nkey = \"sk-geheim\"\n",
        )
        .unwrap();
        assert_eq!(settings.models.chat, ["openai/a", "ollama/b"]);
        assert!(!format!("{settings:?}").contains("geheim"));
        assert_eq!(settings.providers["openai"].key[0].expose(), "sk-geheim");
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        assert!(toml::from_str::<Settings>("[models]\nchatt = []\n").is_err());
        assert!(toml::from_str::<Settings>("[models]\nchat = 3\n").is_err());
        assert!(toml::from_str::<Settings>("[providers.x]\nurl = \"\"\n").is_err());
    }
}
