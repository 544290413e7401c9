//! The OpenAI-compatible wire: one request, one answer, no second try of its own.

use std::sync::Arc;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures::StreamExt;
use serde_json::{Value, json};

use super::anthropic::{self, Messages};
use super::catalogue::{Entry, LimitField, Protocol};
use super::keys::{Pooled, Ring};
use super::settings::{Deadlines, Secret};
use super::sse::Assembler;
use super::{AnswerStream, Error, Line, Model, Request, Role, Tool, guard, ollama, pump};

/// Where a provider is and what it understands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The address before `/chat/completions` or `/messages`.
    pub(super) base: String,
    /// What is spoken there.
    pub(super) wire: Protocol,
    /// The key; no authorisation is sent without.
    pub(super) key: Option<Secret>,
    /// All keys, where there are several.
    pub(super) ring: Option<Arc<Ring>>,
    /// Tokens that models take there which nobody described.
    pub(super) context: Option<u32>,
    /// How the output limit is named.
    pub(super) limit: LimitField,
    /// Whether usage can be asked for.
    pub(super) usage: bool,
    /// Whether lines of the same person become one.
    pub(super) turns: bool,
}

impl Place {
    /// Shows the key in the way of the wire, where there is one.
    pub(super) fn authorise(
        &self,
        request: reqwest_llm::RequestBuilder,
    ) -> reqwest_llm::RequestBuilder {
        match (self.wire, &self.key) {
            (Protocol::Anthropic, key) => anthropic::authorise(request, key.as_ref()),
            (Protocol::OpenAi, Some(key)) => request.bearer_auth(key.expose()),
            (Protocol::OpenAi, None) => request,
        }
    }

    /// A model at this place, behind the wire that is spoken there.
    pub(super) fn model(self, http: reqwest_llm::Client, mut entry: Entry) -> Arc<dyn Model> {
        if let Some(context) = self.context.filter(|_| entry.guessed) {
            entry.context = context;
        }
        let with = |key: &Secret| {
            let place = Self {
                key: Some(key.clone()),
                ring: None,
                ..self.clone()
            };
            place.model(http.clone(), entry.clone())
        };
        if let Some(pooled) = self.ring.clone().and_then(|ring| Pooled::over(ring, with)) {
            return pooled;
        }
        match self.wire {
            Protocol::OpenAi => Arc::new(Wire::new(http, self, entry)),
            Protocol::Anthropic => Arc::new(Messages::new(http, self, entry)),
        }
    }
}

/// One model behind this wire.
pub(super) struct Wire {
    http: reqwest_llm::Client,
    client: Client<OpenAIConfig>,
    place: Place,
    entry: Entry,
}

/// The HTTP client that all models share. Its own deadline is the last resort behind those of the
/// chain, for a call that nobody polls any more.
///
/// # Errors
/// When the TLS provider is not installed.
pub(super) fn http(deadlines: &Deadlines) -> Result<reqwest_llm::Client, reqwest_llm::Error> {
    let builder = || {
        reqwest_llm::Client::builder()
            .connect_timeout(deadlines.connect())
            .read_timeout(deadlines.attempt())
            .redirect(reqwest_llm::redirect::Policy::none())
            .user_agent(concat!("toney/", env!("CARGO_PKG_VERSION")))
    };
    // The machine's own certificates first, for companies have theirs; where there are none at
    // all, which is an error, those of Mozilla.
    builder().build().or_else(|_| {
        let known = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        let certificates =
            known.filter_map(|certificate| reqwest_llm::Certificate::from_der(certificate).ok());
        builder().tls_certs_only(certificates).build()
    })
}

impl Wire {
    fn new(http: reqwest_llm::Client, place: Place, entry: Entry) -> Self {
        let key = place.key.as_ref().map_or("", Secret::expose);
        // Organisation and project come from the environment unless set, and would be sent to
        // every provider.
        let config = OpenAIConfig::new()
            .with_api_base(place.base.trim_end_matches('/'))
            .with_api_key(key)
            .with_org_id("")
            .with_project_id("");
        let keyless = key.is_empty();
        let sender = http.clone();
        let service = tower::service_fn(move |factory: HttpRequestFactory| {
            let http = sender.clone();
            async move {
                let mut request = factory.build().await?;
                if keyless {
                    request.headers_mut().remove("authorization");
                }
                let response = http.execute(request).await.map_err(OpenAIError::Reqwest)?;
                guard::admit(response)
                    .await
                    .map_err(|error| OpenAIError::Boxed(Box::new(error)))
            }
        });
        Self {
            client: Client::build(http.clone(), config).with_http_service(service),
            http,
            place,
            entry,
        }
    }

    fn body(&self, request: &Request, output: u32) -> Value {
        let mut body = json!({
            "model": self.entry.id(),
            "messages": self.messages(&request.messages),
            "stream": true,
        });
        let mut set = |name: &str, value: Value| {
            if let Some(object) = body.as_object_mut() {
                object.insert(name.to_owned(), value);
            }
        };
        match self.place.limit {
            LimitField::MaxTokens => set("max_tokens", output.into()),
            LimitField::MaxCompletionTokens => set("max_completion_tokens", output.into()),
        }
        if self.place.usage {
            set("stream_options", json!({"include_usage": true}));
        }
        if let Some(temperature) = request.temperature.filter(|_| self.entry.temperature) {
            set("temperature", json!(temperature));
        }
        let tools: Vec<Value> = request.offered(&self.entry).map(tool).collect();
        if !tools.is_empty() {
            set("tools", tools.into());
        }
        if let Some(name) = request.forced(&self.entry) {
            set(
                "tool_choice",
                json!({"type": "function", "function": {"name": name}}),
            );
        }
        body
    }

    /// The window on this wire. Instructions stand in one message, for some servers read only one;
    /// where turns have to be taken, so do lines of the same speaker, and the person's come first.
    fn messages(&self, lines: &[Line]) -> Vec<Value> {
        let mut joined: Vec<Line> = Vec::with_capacity(lines.len());
        for line in lines {
            let is_first = joined.iter().all(|line| line.role == Role::System);
            if self.place.turns && is_first && line.role == Role::Toney {
                joined.push(Line::new(Role::Person, pump::NOTHING));
            }
            let is_joined = match line.role {
                Role::System => joined.len() == 1,
                Role::Person | Role::Toney => self.place.turns && line.calls.is_empty(),
                Role::Tool(_) => false,
            };
            match joined.last_mut() {
                Some(last) if is_joined && last.role == line.role && last.calls.is_empty() => {
                    last.text.push_str("\n\n");
                    last.text.push_str(&line.text);
                    last.images.extend(line.images.iter().cloned());
                }
                _ => joined.push(line.clone()),
            }
        }
        joined.iter().map(message).collect()
    }
}

fn tool(tool: &Tool) -> Value {
    json!({"type": "function", "function": {
        "name": tool.name, "description": tool.about, "parameters": tool.schema,
    }})
}

fn message(line: &Line) -> Value {
    match &line.role {
        Role::System => json!({"role": "system", "content": line.text}),
        Role::Person if line.images.is_empty() => json!({"role": "user", "content": line.text}),
        Role::Person => json!({"role": "user", "content": shown(line)}),
        Role::Tool(id) => json!({"role": "tool", "tool_call_id": id, "content": line.text}),
        Role::Toney if line.calls.is_empty() => json!({"role": "assistant", "content": line.text}),
        Role::Toney => {
            let calls: Vec<Value> = line
                .calls
                .iter()
                .map(|call| {
                    json!({"id": call.id, "type": "function", "function": {
                        "name": call.name, "arguments": call.arguments,
                    }})
                })
                .collect();
            let text = Some(&line.text).filter(|text| !text.is_empty());
            json!({"role": "assistant", "content": text, "tool_calls": calls})
        }
    }
}

/// Pictures, and behind them what is said about them, if anything is.
fn shown(line: &Line) -> Vec<Value> {
    let pictures = line
        .images
        .iter()
        .map(|image| json!({"type": "image_url", "image_url": {"url": image.address()}}));
    let words = (!line.text.trim().is_empty()).then(|| json!({"type": "text", "text": line.text}));
    pictures.chain(words).collect()
}

#[async_trait::async_trait]
impl Model for Wire {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    async fn stream(&self, request: &Request) -> Result<AnswerStream, Error> {
        request.check_images(self.largest_image())?;
        let output = pump::output(request, self.entry.output);
        let pieces = self
            .client
            .chat()
            .create_stream_byot::<_, String>(self.body(request, output))
            .await
            .map_err(sort_error)?;
        let pieces = pieces.map(|piece| piece.map_err(sort_error)).boxed();
        Ok(pump::answer(pieces, Assembler::new(pump::bytes(output))))
    }

    async fn check(&self) -> Result<(), Error> {
        ollama::check(&self.http, &self.place).await
    }
}

fn sort_error(error: OpenAIError) -> Error {
    match error {
        OpenAIError::Boxed(boxed) => boxed
            .downcast::<Error>()
            .map_or_else(|_| Error::Down("the client failed".to_owned()), |own| *own),
        OpenAIError::Reqwest(error) => guard::transport(&error),
        OpenAIError::JSONDeserialize(..) => Error::Nonsense("broken JSON"),
        OpenAIError::StreamError(_) => Error::Broken,
        OpenAIError::ApiError(error) => Error::Down(error.status_code.to_string()),
        OpenAIError::FileSaveError(_)
        | OpenAIError::FileReadError(_)
        | OpenAIError::InvalidArgument(_) => Error::Down("the client failed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::catalogue::Catalogue;

    fn wire(model: &str, limit: LimitField, usage: bool) -> Wire {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let place = Place {
            base: "http://127.0.0.1:1/v1/".to_owned(),
            key: None,
            ring: None,
            context: None,
            wire: Protocol::OpenAi,
            limit,
            usage,
            turns: false,
        };
        let entry = Catalogue::builtin().unwrap().entry(model);
        Wire::new(http(&Deadlines::default()).unwrap(), place, entry)
    }

    fn body(model: &str, limit: LimitField, usage: bool) -> Value {
        let wire = wire(model, limit, usage);
        let request = Request {
            messages: vec![
                Line::new(Role::System, "rules"),
                Line::new(Role::Toney, "hi"),
                Line::new(Role::Person, "hello"),
            ],
            temperature: Some(0.5),
            ..Request::default()
        };
        wire.body(&request, 100)
    }

    #[test]
    fn a_request_says_what_its_provider_understands() {
        let messages = json!([
            {"role": "system", "content": "rules"},
            {"role": "assistant", "content": "hi"},
            {"role": "user", "content": "hello"},
        ]);
        assert_eq!(
            body("openai/gpt-6-luna", LimitField::MaxCompletionTokens, true),
            json!({
                "model": "gpt-6-luna", "messages": messages, "stream": true,
                "max_completion_tokens": 100, "stream_options": {"include_usage": true},
            })
        );
        assert_eq!(
            body("mistral/mistral-small-2603", LimitField::MaxTokens, false),
            json!({
                "model": "mistral-small-2603", "messages": messages, "stream": true,
                "max_tokens": 100, "temperature": 0.5,
            })
        );
    }

    #[test]
    fn pictures_stand_before_what_is_said_about_them() {
        let wire = wire("openai/gpt-6-luna", LimitField::MaxTokens, false);
        let mut line = Line::new(Role::Person, "the cover");
        line.images
            .extend(crate::llm::Image::read(b"GIF89a"[..].into()));
        let mut alone = line.clone();
        alone.text.clear();
        let url = "data:image/gif;base64,R0lGODlh";
        let picture = json!({"type": "image_url", "image_url": {"url": url}});
        let words = json!({"type": "text", "text": "the cover"});
        assert_eq!(
            wire.messages(&[line, alone]),
            [
                json!({"role": "user", "content": [picture, words]}),
                json!({"role": "user", "content": [picture]})
            ]
        );
    }

    #[test]
    fn lines_are_joined_where_turns_have_to_be_taken() {
        let mut wire = wire("perplexity/sonar", LimitField::MaxTokens, false);
        let window = [
            Line::new(Role::System, "rules"),
            Line::new(Role::System, "today"),
            Line::new(Role::Person, "one"),
            Line::new(Role::Person, "two"),
        ];
        let system = json!({"role": "system", "content": "rules\n\ntoday"});
        let said = |text: &str| json!({"role": "user", "content": text});
        let apart = [system.clone(), said("one"), said("two")];
        assert_eq!(wire.messages(&window), apart);
        wire.place.turns = true;
        assert_eq!(wire.messages(&window), [system.clone(), said("one\n\ntwo")]);
        let mut cut = window.to_vec();
        cut.insert(2, Line::new(Role::Toney, "hi"));
        let hi = json!({"role": "assistant", "content": "hi"});
        assert_eq!(
            wire.messages(&cut),
            [system, said("…"), hi, said("one\n\ntwo")]
        );
    }

    #[test]
    fn a_tool_is_forced_where_that_is_possible() {
        let tool = Tool {
            name: "tip".to_owned(),
            about: "Tips.".to_owned(),
            schema: json!({"type": "object"}).into(),
        };
        let request = Request {
            messages: vec![Line::new(Role::Person, "hello")],
            tools: vec![tool],
            force: Some("tip".to_owned()),
            ..Request::default()
        };
        let choice = |model: &str, request: &Request| {
            let wire = wire(model, LimitField::MaxTokens, false);
            wire.body(request, 9).get("tool_choice").cloned()
        };
        let named = json!({"type": "function", "function": {"name": "tip"}});
        assert_eq!(choice("openai/gpt-4o-mini", &request), Some(named));
        assert_eq!(choice("deepseek/deepseek-flash", &request), None);
        assert_eq!(choice("perplexity/sonar", &request), None);
        let unknown = Request {
            force: Some("other".to_owned()),
            ..request
        };
        assert_eq!(choice("openai/gpt-4o-mini", &unknown), None);
    }
}
