//! Makes chains of models from settings and catalogue.

use std::collections::HashMap;
use std::sync::Arc;

use super::catalogue::{Catalogue, LimitField, Protocol};
use super::door::Wrong;
use super::keys::Ring;
use super::settings::{Models, Secret, Settings};
use super::wire::{self, Place};
use super::{Model, Task, anthropic, ollama};
use crate::model::Clock;

/// What the chains are made of.
pub(super) struct Builder {
    pub(super) settings: Settings,
    pub(super) catalogue: Catalogue,
    pub(super) http: reqwest_llm::Client,
    /// The keys of providers that have several.
    rings: HashMap<String, Arc<Ring>>,
}

/// The chains by task; a task without a model has none.
pub(super) type Chains = HashMap<Task, Vec<Arc<dyn Model>>>;

impl Builder {
    /// Reads the catalogue and makes the client. Needs the TLS provider.
    pub(super) fn new(settings: &Settings, clock: &Clock) -> Result<Self, Wrong> {
        let own = settings.models.catalogue.as_deref();
        let catalogue = Catalogue::open(own).map_err(|error| Wrong {
            setting: "models.catalogue".to_owned(),
            got: match own {
                Some(path) => format!("\"{}\" ({error})", path.display()),
                None => error.to_string(),
            },
            wants: "a catalogue in the shape of config/models.toml".to_owned(),
        })?;
        let http = wire::http(&settings.models.deadlines).map_err(|_| Wrong {
            setting: "providers".to_owned(),
            got: "no TLS".to_owned(),
            wants: "an installed TLS provider".to_owned(),
        })?;
        let rings = settings.providers.iter().filter_map(|(name, provider)| {
            let keys = provider.keys();
            (keys.len() > 1).then(|| (name.clone(), Arc::new(Ring::new(name, keys, clock.clone()))))
        });
        Ok(Self {
            rings: rings.collect(),
            settings: settings.clone(),
            catalogue,
            http,
        })
    }

    /// Builds the chain of every task.
    pub(super) fn chains(&self, clock: &Clock) -> Result<Chains, Wrong> {
        self.check_addresses()?;
        let Models {
            chat,
            classify,
            extract,
            summarise,
            embed: _,
            choices: _,
            transcribe: _,
            speak: _,
            voice: _,
            catalogue: _,
            nearby: _,
            prefer: _,
            cache_seconds: _,
            deadlines: _,
        } = &self.settings.models;
        let talk = if chat.is_empty() {
            self.unnamed()
        } else {
            self.named("models.chat", chat, clock)?
        };
        let mut chains = HashMap::new();
        for (task, setting, names) in [
            (Task::Chat, "models.chat", &Vec::new()),
            (Task::Classify, "models.classify", classify),
            (Task::Extract, "models.extract", extract),
            (Task::Summarise, "models.summarise", summarise),
        ] {
            let links = if names.is_empty() {
                talk.clone()
            } else {
                self.named(setting, names, clock)?
            };
            if !links.is_empty() {
                chains.insert(task, links);
            }
        }
        Ok(chains)
    }

    fn named(
        &self,
        setting: &str,
        names: &[String],
        clock: &Clock,
    ) -> Result<Vec<Arc<dyn Model>>, Wrong> {
        let today = chrono::DateTime::from_timestamp_millis(clock.now().ms());
        let today = today.map(|now| now.date_naive());
        names
            .iter()
            .map(|name| {
                let entry = self.catalogue.entry(name);
                let Some(place) = self.place(entry.provider()) else {
                    return Err(Wrong {
                        setting: setting.to_owned(),
                        got: format!("\"{name}\""),
                        wants: "provider/model, with a provider of the catalogue or a \
                                [providers.NAME] base_url"
                            .to_owned(),
                    });
                };
                if entry
                    .deprecated
                    .zip(today)
                    .is_some_and(|(day, now)| day <= now)
                {
                    tracing::warn!(llm.model = %name, "The provider has switched this model off");
                } else if entry.guessed && entry.provider() != "ollama" {
                    tracing::warn!(
                        llm.model = %name,
                        "The catalogue does not know this model; its limits and price are guessed"
                    );
                }
                Ok(place.model(self.http.clone(), entry))
            })
            .collect()
    }

    /// The chain of somebody who only gave keys and addresses.
    fn unnamed(&self) -> Vec<Arc<dyn Model>> {
        let mut links: Vec<Arc<dyn Model>> = Vec::new();
        let known = self.catalogue.providers.iter().map(|p| &p.name);
        let own = self.settings.providers.keys();
        let own = own.filter(|name| self.catalogue.provider(name).is_none());
        for name in known.chain(own) {
            let (Some(place), true) = (self.place(name), self.is_given(name)) else {
                continue;
            };
            let listed = self.catalogue.provider(name);
            let wanted = listed.map_or(&[] as &[String], |provider| &provider.default);
            let wanted: Vec<_> = wanted.iter().map(|n| self.catalogue.entry(n)).collect();
            let moved = listed.is_none_or(|provider| provider.base != place.base);
            if name == "ollama" || moved {
                links.push(Arc::new(ollama::Chosen::new(
                    self.http.clone(),
                    place,
                    name,
                    wanted,
                    self.catalogue.of(name).cloned().collect(),
                )));
            } else if place.key.is_some() {
                for entry in wanted {
                    links.push(place.clone().model(self.http.clone(), entry));
                }
            }
        }
        links
    }

    /// The address in the settings; an empty one, as environment files have it, is none.
    fn base_url(&self, provider: &str) -> Option<&str> {
        let given = self.settings.providers.get(provider)?.base_url.as_deref()?;
        Some(given.trim()).filter(|base| !base.is_empty())
    }

    /// The first key in the settings.
    fn key(&self, provider: &str) -> Option<Secret> {
        let given = self.settings.providers.get(provider)?;
        given.keys().into_iter().next()
    }

    /// Tokens that a provider's models take which nobody described.
    fn context(&self, provider: &str) -> Option<u32> {
        let context = self.settings.providers.get(provider)?.context;
        Some(context).filter(|context| *context > 0)
    }

    /// So many answers at a time are enough for a provider; none: there is no limit.
    pub(super) fn side_by_side(&self, provider: &str) -> Option<usize> {
        let most = self.settings.providers.get(provider)?.side_by_side;
        usize::try_from(most).ok().filter(|most| *most > 0)
    }

    /// A model that stands in no chain, or the same with another key; none where nobody knows where
    /// it is, or it takes a key and there is none.
    pub(super) fn make(&self, name: &str, own: Option<&Secret>) -> Option<Arc<dyn Model>> {
        let entry = self.catalogue.entry(name);
        let mut place = self
            .place(entry.provider())
            .filter(|_| !entry.id().is_empty())?;
        let listed = self.catalogue.provider(entry.provider());
        if let Some(key) = own {
            (place.key, place.ring) = (Some(key.clone()), None);
        }
        let takes_key = listed.is_some_and(|listed| listed.key.is_some());
        let is_reached =
            place.key.is_some() || !takes_key || self.base_url(entry.provider()).is_some();
        is_reached.then(|| place.model(self.http.clone(), entry))
    }

    fn is_given(&self, provider: &str) -> bool {
        self.base_url(provider).is_some() || self.key(provider).is_some()
    }

    /// The providers that have a key and are nowhere: keys that stand in the environment for other
    /// programs must not keep Toney from starting.
    pub(super) fn idle_keys(&self) -> Vec<String> {
        let names = self.settings.providers.keys();
        names
            .filter(|name| self.key(name).is_some() && self.place(name).is_none())
            .cloned()
            .collect()
    }

    pub(super) fn check_addresses(&self) -> Result<(), Wrong> {
        for name in self.settings.providers.keys() {
            let Some(place) = self.place(name) else {
                continue;
            };
            let address = url::Url::parse(&place.base).ok();
            if address.is_none_or(|url| !["http", "https"].contains(&url.scheme())) {
                return Err(Wrong {
                    setting: format!("providers.{name}.base_url"),
                    got: format!("\"{}\"", place.base),
                    wants: "an http or https address".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Where a provider is, by the settings and the catalogue; none when neither knows.
    pub(super) fn place(&self, provider: &str) -> Option<Place> {
        let listed = self.catalogue.provider(provider);
        let base = self
            .base_url(provider)
            .or_else(|| listed.map(|listed| listed.base.as_str()))
            .filter(|base| !base.is_empty())?;
        let wire = self.wire(provider);
        let base = match wire {
            Protocol::Anthropic => anthropic::base(base),
            Protocol::OpenAi if provider == "ollama" => ollama::base(base),
            Protocol::OpenAi => base.trim_end_matches('/').to_owned(),
        };
        // Another server behind the same name understands the older words at least.
        let own = listed.filter(|listed| listed.base == base);
        Some(Place {
            key: self.key(provider),
            ring: self.rings.get(provider).cloned(),
            context: self.context(provider),
            wire,
            limit: own.map_or(LimitField::MaxTokens, |own| own.limit),
            usage: listed.is_none_or(|listed| listed.usage),
            turns: listed.is_some_and(|listed| listed.turns),
            base,
        })
    }

    /// What a provider speaks, by the settings and the catalogue.
    fn wire(&self, provider: &str) -> Protocol {
        let given = self.settings.providers.get(provider);
        let listed = self.catalogue.provider(provider);
        let given = given.and_then(|given| given.wire);
        given
            .or_else(|| listed.map(|listed| listed.wire))
            .unwrap_or_default()
    }

    /// Where Ollama would be.
    pub(super) fn nearby(&self) -> Place {
        let given = self.settings.models.nearby.as_deref();
        let usual = self.catalogue.provider("ollama");
        let base = given.or_else(|| usual.map(|usual| usual.base.as_str()));
        Place {
            base: ollama::base(base.unwrap_or_default()),
            key: None,
            ring: None,
            context: self.context("ollama"),
            wire: Protocol::OpenAi,
            limit: LimitField::MaxTokens,
            turns: false,
            usage: usual.is_none_or(|usual| usual.usage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::Door;

    fn chat(settings: &str) -> Result<Vec<String>, String> {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let settings: Settings = toml::from_str(settings).unwrap();
        let door = Door::open(&settings, Clock::System).map_err(|wrong| wrong.to_string())?;
        Ok(door.chain(Task::Chat))
    }

    #[test]
    fn a_key_alone_brings_the_usual_models() {
        let chain = chat("providers.gemini.key = \"k\"\nproviders.openai.key = \"k\"").unwrap();
        assert_eq!(chain.first().unwrap(), "openai/gpt-6-luna");
        assert!(chain.iter().any(|name| name.starts_with("gemini/")));
    }

    #[test]
    fn a_provider_of_ones_own_speaks_what_the_settings_say() {
        let place = |settings: &str, name: &str| {
            rustls::crypto::ring::default_provider()
                .install_default()
                .ok();
            let settings: Settings = toml::from_str(settings).unwrap();
            let place = Builder::new(&settings, &Clock::System)
                .unwrap()
                .place(name)
                .unwrap();
            (place.wire, place.base)
        };
        let own = "[providers.attic]\nbase_url = \"http://a/b\"\n";
        let spoken = (Protocol::OpenAi, "http://a/b".to_owned());
        assert_eq!(place(own, "attic"), spoken);
        let spoken = (Protocol::Anthropic, "http://a/b/v1".to_owned());
        let own = format!("{own}wire = \"anthropic\"");
        assert_eq!(place(&own, "attic"), spoken);
        let moved = "[providers.anthropic]\nbase_url = \"http://a/b/\"";
        assert_eq!(place(moved, "anthropic"), spoken);
        let usual = "https://api.anthropic.com/v1".to_owned();
        assert_eq!(place("", "anthropic"), (Protocol::Anthropic, usual));
    }

    #[test]
    fn an_installation_says_how_much_its_own_models_take() {
        let entry = |name: &str| {
            rustls::crypto::ring::default_provider()
                .install_default()
                .ok();
            let own =
                "providers.ollama.context = 65536\nproviders.openai = { context = 9, key = \"k\" }";
            let settings: Settings = toml::from_str(own).unwrap();
            let builder = Builder::new(&settings, &Clock::System).unwrap();
            builder.make(name, None).unwrap().entry().context
        };
        assert_eq!(entry("ollama/llama3:8b"), 65_536);
        assert_eq!(entry("openai/gpt-4o"), 128_000);
    }

    #[test]
    fn an_address_alone_is_asked_later() {
        let chain = chat("providers.openai.base_url = \"http://127.0.0.1:1/v1\"");
        assert_eq!(chain.unwrap(), ["openai/auto"]);
    }

    #[test]
    fn nothing_and_empty_settings_bring_no_model() {
        assert!(chat("").unwrap().is_empty());
        let empty = "providers.openai = { base_url = \"\", key = \"\" }\nproviders.x.key = \" \"";
        assert!(chat(empty).unwrap().is_empty());
    }

    #[test]
    fn a_task_without_a_chain_of_its_own_takes_that_of_chat() {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let settings = toml::from_str::<Settings>(
            "models.chat = \"openai/gpt-4o\"\nmodels.classify = [\"openai/gpt-4o-mini\"]",
        );
        let door = Door::open(&settings.unwrap(), Clock::System).unwrap();
        assert_eq!(door.chain(Task::Classify), ["openai/gpt-4o-mini"]);
        assert_eq!(door.chain(Task::Summarise), ["openai/gpt-4o"]);
    }

    #[test]
    fn wrong_settings_are_named() {
        assert_eq!(
            chat("providers.openai.base_url = \"localhost:80\"").unwrap_err(),
            "providers.openai.base_url: got \"localhost:80\", wants an http or https address"
        );
    }

    #[test]
    fn a_key_without_an_address_is_left_alone() {
        assert!(chat("providers.bedrock.key = \"k\"").unwrap().is_empty());
        let chain = chat("providers.attic.key = \"k\"\nproviders.openai.key = \"k\"").unwrap();
        assert_eq!(chain.first().unwrap(), "openai/gpt-6-luna");
        let named = "models.chat = \"attic/a\"\nproviders.attic.key = \"k\"";
        assert!(chat(named).unwrap_err().starts_with("models.chat"));
        let settings = toml::from_str("providers.attic.key = \"k\"").unwrap();
        let door = Door::open(&settings, Clock::System).unwrap();
        assert_eq!(door.idle_keys(), ["attic"]);
    }
}
