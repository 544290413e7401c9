//! The OpenAI-compatible wire: one request, one answer, no second try of its own.

use std::collections::VecDeque;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::types::stream::StreamResponse;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::catalogue::{Entry, LimitField};
use super::settings::{Deadlines, Secret};
use super::sse::Assembler;
use super::{AnswerStream, Error, Line, Model, Request, Role, guard, ollama};

/// Tokens of an answer when the request names no limit.
const USUAL_OUTPUT: u32 = 8_192;
/// More bytes per token than any language needs; beyond, the server ignores its limit.
const BYTES_PER_TOKEN: usize = 16;
/// After the reason for the end came, only the usage is missing: no answer waits longer for it.
const USAGE_WAIT: Duration = Duration::from_secs(1);

/// Where a provider is and what it understands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The address before `/chat/completions`.
    pub(super) base: String,
    /// The key; no authorisation is sent without.
    pub(super) key: Option<Secret>,
    /// How the output limit is named.
    pub(super) limit: LimitField,
    /// Whether usage can be asked for.
    pub(super) usage: bool,
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
    pub(super) fn new(http: reqwest_llm::Client, place: Place, entry: Entry) -> Self {
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
            "messages": request.messages.iter().map(line).collect::<Vec<_>>(),
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
        if self.entry.tools && !request.tools.is_empty() {
            let tools: Vec<Value> = request
                .tools
                .iter()
                .map(|tool| {
                    json!({"type": "function", "function": {
                        "name": tool.name, "description": tool.about, "parameters": tool.schema,
                    }})
                })
                .collect();
            set("tools", tools.into());
        }
        body
    }
}

fn line(line: &Line) -> Value {
    match &line.role {
        Role::System => json!({"role": "system", "content": line.text}),
        Role::Person => json!({"role": "user", "content": line.text}),
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

#[async_trait::async_trait]
impl Model for Wire {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    async fn stream(&self, request: &Request) -> Result<AnswerStream, Error> {
        let output = request
            .max_output
            .unwrap_or(USUAL_OUTPUT)
            .min(self.entry.output)
            .max(1);
        let pieces = self
            .client
            .chat()
            .create_stream_byot::<_, String>(self.body(request, output))
            .await
            .map_err(sort_error)?;
        let limit = usize::try_from(output)
            .unwrap_or(usize::MAX)
            .saturating_mul(BYTES_PER_TOKEN);
        Ok(answer(pieces, limit))
    }

    async fn check(&self) -> Result<(), Error> {
        ollama::check(&self.http, &self.place).await
    }
}

struct Reading {
    pieces: StreamResponse<String>,
    assembler: Assembler,
    ready: VecDeque<Result<super::Chunk, Error>>,
    over: bool,
}

fn answer(pieces: StreamResponse<String>, limit: usize) -> AnswerStream {
    let reading = Reading {
        pieces,
        assembler: Assembler::new(limit),
        ready: VecDeque::new(),
        over: false,
    };
    stream::unfold(reading, |mut reading| async move {
        loop {
            if let Some(chunk) = reading.ready.pop_front() {
                return Some((chunk, reading));
            }
            if reading.over {
                return None;
            }
            reading.read().await;
        }
    })
    .boxed()
}

impl Reading {
    async fn read(&mut self) {
        let finished = self.assembler.finished();
        let next = if finished {
            tokio::time::timeout(USAGE_WAIT, self.pieces.next())
                .await
                .unwrap_or(None)
        } else {
            self.pieces.next().await
        };
        let heard = match next {
            Some(Ok(piece)) => serde_json::from_str(&piece)
                .map_err(|_| Error::Nonsense("broken JSON"))
                .and_then(|piece| self.assembler.feed(&piece)),
            None => {
                self.over = true;
                self.assembler.end(true)
            }
            Some(Err(error)) => {
                self.over = true;
                // A server that hangs up without a farewell after it said everything is fine.
                if finished {
                    self.assembler.end(true)
                } else {
                    Err(sort_error(error))
                }
            }
        };
        match heard {
            Ok(chunks) => self.ready.extend(chunks.into_iter().map(Ok)),
            Err(error) => {
                self.over = true;
                self.ready.push_back(Err(error));
            }
        }
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

    fn body(model: &str, limit: LimitField, usage: bool) -> Value {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let place = Place {
            base: "http://127.0.0.1:1/v1/".to_owned(),
            key: None,
            limit,
            usage,
        };
        let entry = Catalogue::builtin().unwrap().entry(model);
        let wire = Wire::new(http(&Deadlines::default()).unwrap(), place, entry);
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
}
