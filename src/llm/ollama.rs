//! Asks an address which models it has: for Ollama, and for any address given without a model.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::catalogue::Entry;
use super::wire::Place;
use super::{AnswerStream, Error, Model, Request, guard};

/// The list of models is small; what is longer is none.
const LIST_LIMIT: usize = 4 * 1024 * 1024;
/// For the list, once connected.
const LIST_WAIT: Duration = Duration::from_secs(5);
/// On the same machine an answer comes at once or never.
const NEARBY_WAIT: Duration = Duration::from_millis(150);
/// Parts of names of models that don't talk.
const SILENT: [&str; 10] = [
    "embed",
    "whisper",
    "tts",
    "audio",
    "image",
    "moderation",
    "rerank",
    "transcribe",
    "realtime",
    "bge-",
];

/// The address before `/chat/completions` from whatever form of Ollama's address was given.
pub(super) fn base(given: &str) -> String {
    let root = given.trim_end_matches('/').trim_end_matches("/v1");
    let root = root.trim_end_matches('/');
    if root.contains("://") {
        format!("{root}/v1")
    } else {
        format!("http://{root}/v1")
    }
}

/// The talking models of an Ollama on this machine, or none when there is none: it answers within
/// 150 ms or is not there.
pub(super) async fn discover(http: &reqwest_llm::Client, place: &Place) -> Option<Vec<String>> {
    let models = tokio::time::timeout(NEARBY_WAIT, list(http, place)).await;
    models.ok()?.ok().filter(|models| !models.is_empty())
}

/// Whether somebody is at an address and takes the key. That there is no list of models says
/// nothing against it.
pub(super) async fn check(http: &reqwest_llm::Client, place: &Place) -> Result<(), Error> {
    match list(http, place).await {
        Ok(_) | Err(Error::Gone | Error::Rejected(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The talking models at an address.
async fn list(http: &reqwest_llm::Client, place: &Place) -> Result<Vec<String>, Error> {
    let request = http.get(format!("{}/models", place.base.trim_end_matches('/')));
    let response = place
        .authorise(request)
        .timeout(LIST_WAIT)
        .send()
        .await
        .map_err(|error| guard::transport(&error))?;
    let status = response.status();
    if !status.is_success() {
        return Err(guard::sort(status.as_u16(), None, ""));
    }
    let body = guard::read(response, LIST_LIMIT).await?;
    let list: Value = serde_json::from_slice(&body).map_err(|_| Error::Nonsense("broken JSON"))?;
    Ok(talking(&list))
}

fn talking(list: &Value) -> Vec<String> {
    list.get("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|model| model.get("id").and_then(Value::as_str))
        .filter(|id| {
            let id = id.to_lowercase();
            !id.is_empty() && !SILENT.iter().any(|part| id.contains(part))
        })
        .map(str::to_owned)
        .collect()
}

/// A model that is chosen at the first question: one of the wanted if the address has it, else
/// the first that it has.
pub(super) struct Chosen {
    http: reqwest_llm::Client,
    place: Place,
    provider: String,
    wanted: Vec<Entry>,
    known: Vec<Entry>,
    before: Entry,
    found: OnceCell<Arc<dyn Model>>,
}

impl Chosen {
    pub(super) fn new(
        http: reqwest_llm::Client,
        place: Place,
        provider: &str,
        wanted: Vec<Entry>,
        known: Vec<Entry>,
    ) -> Self {
        Self {
            http,
            place,
            provider: provider.to_owned(),
            wanted,
            known,
            before: Entry::unknown(format!("{provider}/auto")),
            found: OnceCell::new(),
        }
    }

    async fn choose(&self) -> Result<Arc<dyn Model>, Error> {
        let entry = match list(&self.http, &self.place).await {
            Ok(models) => self.pick(&models),
            // Not every server has a list; the usual name is a fair guess then.
            Err(Error::Gone | Error::Rejected(_) | Error::Nonsense(_)) => {
                self.wanted.first().cloned()
            }
            Err(error) => return Err(error),
        };
        let entry = entry.ok_or(Error::Gone)?;
        tracing::info!(llm.model = %entry.name, "Chose a model, since none is set");
        Ok(self.place.clone().model(self.http.clone(), entry))
    }

    fn pick(&self, models: &[String]) -> Option<Entry> {
        let has = |entry: &&Entry| models.iter().any(|id| id == entry.id());
        let first = || {
            let id = models.first()?;
            let known = self.known.iter().find(|entry| entry.id() == id).cloned();
            Some(known.unwrap_or_else(|| Entry::unknown(format!("{}/{id}", self.provider))))
        };
        let wanted = self.wanted.iter().find(has).cloned();
        wanted
            .or_else(first)
            .or_else(|| self.wanted.first().cloned())
    }
}

#[async_trait::async_trait]
impl Model for Chosen {
    fn entry(&self) -> &Entry {
        self.found.get().map_or(&self.before, |model| model.entry())
    }

    fn limit(&self, request: &Request) -> u32 {
        let found = self.found.get();
        found.map_or_else(
            || super::pump::output(request, self.entry().output),
            |model| model.limit(request),
        )
    }

    fn is_ready(&self) -> bool {
        self.found.initialized()
    }

    async fn ready(&self) -> Result<(), Error> {
        self.found
            .get_or_try_init(|| self.choose())
            .await
            .map(|_| ())
    }

    async fn stream(&self, request: &Request) -> Result<AnswerStream, Error> {
        let model = self.found.get_or_try_init(|| self.choose()).await?;
        model.stream(request).await
    }

    async fn check(&self) -> Result<(), Error> {
        check(&self.http, &self.place).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::llm::Deadlines;

    #[test]
    fn addresses_are_taken_in_every_form() {
        for given in [
            "127.0.0.1:11434",
            "http://127.0.0.1:11434",
            "http://127.0.0.1:11434/",
            "http://127.0.0.1:11434/v1",
            "http://127.0.0.1:11434/v1/",
        ] {
            assert_eq!(base(given), "http://127.0.0.1:11434/v1");
        }
    }

    #[test]
    fn the_wanted_model_is_chosen_where_it_is_to_be_had() {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let entry = |name: &str| Entry {
            guessed: false,
            ..Entry::unknown(name)
        };
        let chosen = Chosen::new(
            super::super::wire::http(&Deadlines::default()).unwrap(),
            Place {
                base: String::new(),
                key: None,
                ring: None,
                context: None,
                wire: super::super::Protocol::OpenAi,
                limit: super::super::catalogue::LimitField::MaxTokens,
                usage: true,
                turns: false,
            },
            "openai",
            vec![entry("openai/wanted")],
            vec![entry("openai/wanted"), entry("openai/known")],
        );
        let pick = |models: &[&str]| {
            let models: Vec<String> = models.iter().map(ToString::to_string).collect();
            let entry = chosen.pick(&models).unwrap();
            (entry.name, entry.guessed)
        };
        assert_eq!(pick(&["known", "wanted"]), ("openai/wanted".into(), false));
        assert_eq!(pick(&["known", "other"]), ("openai/known".into(), false));
        assert_eq!(pick(&["other"]), ("openai/other".into(), true));
        assert_eq!(pick(&[]), ("openai/wanted".into(), false));
    }

    #[test]
    fn only_models_that_talk_are_listed() {
        let list = json!({"data": [
            {"id": "nomic-embed-text"}, {"id": "llama3:8b"}, {"name": "x"}, {"id": 3}, {"id": ""},
        ]});
        assert_eq!(talking(&list), ["llama3:8b"]);
        assert!(talking(&json!("hello")).is_empty());
    }
}
