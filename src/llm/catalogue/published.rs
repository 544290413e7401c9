//! Published lists of models: what litellm and models.dev say, in their own shapes or packed with where they
//! come from. Prices become nano-dollars a token.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;

use super::Cost;

/// Nano-dollars of a dollar.
const NANOS: f64 = 1e9;
/// Tokens that models.dev names a price for.
const MILLION: f64 = 1e6;
/// How the lists call providers that are called otherwise here.
const OTHER_NAMES: [(&str, &str); 3] = [
    ("google", "gemini"),
    ("amazon-bedrock", "bedrock"),
    ("bedrock_mantle", "bedrock"),
];

/// What a list says of a talking model; nothing where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Tokens that go in and out together.
    pub context: Option<u32>,
    /// Tokens of one answer.
    pub output: Option<u32>,
    /// Price of a token that goes in.
    pub price_in: Option<Cost>,
    /// Price of a token that comes out.
    pub price_out: Option<Cost>,
    /// Whether it calls tools.
    pub tools: Option<bool>,
    /// Whether it sees pictures.
    pub vision: Option<bool>,
    /// Whether it lets the temperature be set.
    pub temperature: Option<bool>,
    /// The day the provider switches it off.
    pub deprecated: Option<NaiveDate>,
}

/// A list of models by `provider/id`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published(BTreeMap<String, Figures>);

/// A text that is no list of models.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON, or its fields are others.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON without a single talking model.
    #[error("there is no talking model in it")]
    Empty,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    /// models.dev, packed.
    Providers {
        providers: BTreeMap<String, Provider>,
    },
    /// litellm, packed.
    Models { models: BTreeMap<String, Priced> },
    /// models.dev as it is published.
    Bare(BTreeMap<String, Provider>),
    /// litellm as it is published.
    BareModels(BTreeMap<String, Priced>),
}

/// A provider of models.dev.
#[derive(Deserialize)]
struct Provider {
    models: BTreeMap<String, Described>,
}

/// A model of models.dev.
#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    cost: Option<PerMillion>,
    limit: Limits,
    modalities: Modalities,
    tool_call: Option<bool>,
    temperature: Option<bool>,
}

#[derive(Deserialize)]
struct PerMillion {
    input: f64,
    output: f64,
}

#[derive(Deserialize)]
struct Limits {
    context: f64,
    output: f64,
}

#[derive(Deserialize)]
struct Modalities {
    input: Vec<String>,
    output: Vec<String>,
}

/// A model of litellm.
#[derive(Deserialize)]
struct Priced {
    litellm_provider: Option<String>,
    mode: Option<String>,
    // Where a list explains its own fields these hold sentences, so anything is taken and numbers are used.
    #[serde(default)]
    max_input_tokens: serde_json::Value,
    #[serde(default)]
    max_output_tokens: serde_json::Value,
    #[serde(default)]
    input_cost_per_token: serde_json::Value,
    #[serde(default)]
    output_cost_per_token: serde_json::Value,
    supports_function_calling: Option<bool>,
    supports_vision: Option<bool>,
    deprecation_date: Option<String>,
}

impl Published {
    /// Reads a list in any of the shapes.
    ///
    /// # Errors
    /// When it is none, or holds no talking model.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let models = match serde_json::from_str(text)? {
            List::Providers { providers } | List::Bare(providers) => described(providers),
            List::Models { models } | List::BareModels(models) => priced(models),
        };
        match models.is_empty() {
            true => Err(Unreadable::Empty),
            false => Ok(Self(models)),
        }
    }

    /// What it says of a model.
    pub fn find(&self, name: &str) -> Option<&Figures> {
        self.0.get(name)
    }
}

fn described(providers: BTreeMap<String, Provider>) -> BTreeMap<String, Figures> {
    let mut all = BTreeMap::new();
    for (provider, Provider { models }) in providers {
        for (id, model) in models {
            let Described {
                cost,
                limit,
                modalities,
                tool_call,
                temperature,
            } = model;
            if modalities.output != ["text"] {
                continue;
            }
            let price = |of: fn(&PerMillion) -> f64| {
                let cost = cost.as_ref()?;
                nanos(of(cost) / MILLION)
            };
            let figures = Figures {
                context: tokens(limit.context),
                output: tokens(limit.output),
                price_in: price(|cost| cost.input),
                price_out: price(|cost| cost.output),
                tools: tool_call,
                vision: Some(modalities.input.iter().any(|kind| kind == "image")),
                temperature,
                deprecated: None,
            };
            all.insert(full(&provider, &id), figures);
        }
    }
    all
}

fn priced(models: BTreeMap<String, Priced>) -> BTreeMap<String, Figures> {
    let mut all = BTreeMap::new();
    for (id, model) in models {
        let talks = matches!(model.mode.as_deref(), Some("chat" | "responses"));
        let (true, Some(provider)) = (talks, &model.litellm_provider) else {
            continue;
        };
        let own = format!("{provider}/");
        let name = full(provider, id.strip_prefix(&own).unwrap_or(&id));
        let number = |value: &serde_json::Value| value.as_f64();
        let figures = Figures {
            context: number(&model.max_input_tokens).and_then(tokens),
            output: number(&model.max_output_tokens).and_then(tokens),
            price_in: number(&model.input_cost_per_token).and_then(nanos),
            price_out: number(&model.output_cost_per_token).and_then(nanos),
            tools: model.supports_function_calling,
            vision: model.supports_vision,
            temperature: None,
            deprecated: model.deprecation_date.and_then(|day| day.parse().ok()),
        };
        // Whoever lists a model twice, with and without the provider before it, says more in one of the places.
        let known: &mut Figures = all.entry(name).or_default();
        *known = figures.or(known);
    }
    all
}

fn full(provider: &str, id: &str) -> String {
    let known = OTHER_NAMES.iter().find(|(other, _)| *other == provider);
    let provider = known.map_or(provider, |(_, own)| own);
    format!("{provider}/{id}")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the bounds are looked at first"
)]
fn tokens(number: f64) -> Option<u32> {
    (1.0..=f64::from(u32::MAX))
        .contains(&number)
        .then_some(number as u32)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a dollar a token is more than any model costs"
)]
fn nanos(dollars: f64) -> Option<Cost> {
    (0.0..=1.0)
        .contains(&dollars)
        .then(|| Cost::from_nanos((dollars * NANOS).round() as i64))
}

impl Figures {
    /// These, and the other ones where these say nothing.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            context: self.context.or(other.context),
            output: self.output.or(other.output),
            price_in: self.price_in.or(other.price_in),
            price_out: self.price_out.or(other.price_out),
            tools: self.tools.or(other.tools),
            vision: self.vision.or(other.vision),
            temperature: self.temperature.or(other.temperature),
            deprecated: self.deprecated.or(other.deprecated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LITELLM: &str = r#"{"source": "x", "models": {
        "gpt-x": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128000,
            "max_output_tokens": 16384, "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07,
            "supports_function_calling": true, "supports_vision": true, "deprecation_date": "2027-02-01"},
        "gemini/gemini-x": {"litellm_provider": "gemini", "mode": "chat", "max_input_tokens": 1048576},
        "bedrock_mantle/openai.gpt-oss": {"litellm_provider": "bedrock_mantle", "mode": "chat"},
        "text-embedding-x": {"litellm_provider": "openai", "mode": "embedding"}
    }}"#;
    const MODELS_DEV: &str = r#"{"google": {"name": "Google", "models": {
        "gemini-x": {"name": "Gemini X", "cost": {"input": 0.3, "output": 2.5}, "tool_call": true, "temperature": true,
            "limit": {"context": 1000000, "output": 65536},
            "modalities": {"input": ["text", "image"], "output": ["text"]}},
        "gemini-image": {"limit": {"context": 1, "output": 1}, "modalities": {"input": ["text"], "output": ["image"]}}
    }}}"#;

    #[test]
    fn both_shapes_are_read() {
        let list = Published::read(LITELLM).unwrap();
        let found = list.find("openai/gpt-x").unwrap();
        assert_eq!((found.context, found.output), (Some(128_000), Some(16_384)));
        let price = |nanos| Some(Cost::from_nanos(nanos));
        assert_eq!((found.price_in, found.price_out), (price(150), price(600)));
        assert_eq!(found.deprecated, NaiveDate::from_ymd_opt(2027, 2, 1));
        assert!(list.find("bedrock/openai.gpt-oss").is_some());
        assert_eq!(list.find("openai/text-embedding-x"), None);

        let other = Published::read(MODELS_DEV).unwrap();
        let figures = other.find("gemini/gemini-x").unwrap();
        assert_eq!(figures.price_out, price(2_500));
        assert_eq!(
            (figures.vision, figures.temperature),
            (Some(true), Some(true))
        );
        assert_eq!(other.find("gemini/gemini-image"), None);
        // What one does not say, the other does.
        let both = list.find("gemini/gemini-x").unwrap().clone().or(figures);
        assert_eq!((both.context, both.output), (Some(1_048_576), Some(65_536)));
    }

    #[test]
    fn what_is_no_list_is_said_to_be_none() {
        assert!(matches!(
            Published::read("<html>"),
            Err(Unreadable::Json(_))
        ));
        assert!(Published::read("[]").is_err());
        let empty = r#"{"models": {"x": {"litellm_provider": "openai", "mode": "embedding"}}}"#;
        assert!(matches!(Published::read(empty), Err(Unreadable::Empty)));
    }
}
