//! What the model is told to answer, and what it was asked.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::pictures;

/// One request as it came in, readable by matchers and assertions.
#[derive(Clone, Debug)]
pub struct Request {
    pub at: Instant,
    pub path: &'static str,
    /// The bearer key, without the word `Bearer`.
    pub key: Option<String>,
    pub model: String,
    pub messages: Vec<Message>,
    pub stream: bool,
    /// Names of the tools that the model may call.
    pub tools: Vec<String>,
    /// How many pictures it holds.
    pub pictures: usize,
    pub body: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub role: String,
    pub text: String,
}

impl Request {
    pub fn read(path: &'static str, key: Option<String>, body: Value) -> Self {
        let list = |name: &str| body[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let messages = list("messages").iter().map(Message::read).collect();
        let tools = list("tools")
            .iter()
            .filter_map(|tool| tool["function"]["name"].as_str())
            .map(String::from)
            .collect();
        let model = body["model"].as_str().unwrap_or_default().to_owned();
        let stream = body["stream"] == true;
        Self {
            at: Instant::now(),
            path,
            key,
            model,
            messages,
            stream,
            tools,
            pictures: pictures::count(&body),
            body,
        }
    }

    /// The text of the last message of that role, or an empty one.
    pub fn last(&self, role: &str) -> &str {
        self.messages
            .iter()
            .rfind(|message| message.role == role)
            .map_or("", |message| &message.text)
    }

    /// True when any message holds the words.
    pub fn mentions(&self, words: &str) -> bool {
        self.messages
            .iter()
            .any(|message| message.text.contains(words))
    }
}

impl Message {
    fn read(value: &Value) -> Self {
        let text = match &value["content"] {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect(),
            _ => String::new(),
        };
        Self {
            role: value["role"].as_str().unwrap_or_default().to_owned(),
            text,
        }
    }
}

/// What happens to requests for which no answer is scripted.
#[derive(Clone)]
pub enum Behaviour {
    /// Says the last user message back.
    Echo,
    Answer(Arc<Answer>),
    Call(Arc<dyn Fn(&Request) -> Answer + Send + Sync>),
}

impl Behaviour {
    /// The same for everybody.
    pub fn answer(answer: Answer) -> Self {
        Self::Answer(Arc::new(answer))
    }

    pub fn call(make: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::Call(Arc::new(make))
    }
}

/// One scripted answer. The default is an empty text, at once, in pieces of 24 characters.
#[derive(Clone)]
pub struct Answer {
    pub pieces: Vec<String>,
    /// Comes before the text, as `reasoning_content`.
    pub reasoning: Option<String>,
    pub calls: Vec<ToolCall>,
    pub first_token: Duration,
    pub between: Duration,
    pub finish: &'static str,
    /// Prompt and completion tokens; estimated from the lengths when not given.
    pub usage: Option<(u64, u64)>,
    /// Pages of the web that Perplexity would name beside its text.
    pub cites: Vec<String>,
    /// After so many pieces the stream waits for `Server::proceed`.
    pub pause_after: Option<usize>,
    pub fault: Option<Fault>,
    pub matcher: Option<Matcher>,
}

pub type Matcher = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON text, as the wire has it.
    pub arguments: String,
}

/// Ways of going wrong. Counts are pieces of text already sent.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An error in OpenAI's form, with `retry-after` as given.
    Status {
        code: u16,
        retry_after: Option<String>,
        kind: &'static str,
    },
    /// An error with that message.
    Words { code: u16, words: &'static str },
    /// An error of that kind inside the stream, which ends with it.
    Told { after: usize, kind: &'static str },
    /// A proxy's page, with that status, where JSON belongs.
    Html(u16),
    /// Well-formed, but `choices` is empty throughout.
    EmptyChoices,
    /// After the pieces one event that is cut off inside its JSON; the stream then goes on to its end.
    BrokenJson { after: usize },
    /// The body ends in order, without finish reason and `[DONE]`.
    Cut { after: usize },
    /// The connection dies inside the body.
    Dropped { after: usize },
    /// The server closes its half only, and keeps listening.
    HalfClosed { after: usize },
    /// Nothing more comes, and the connection stays.
    Stall { after: usize },
    /// The text is repeated until the client leaves.
    Endless,
    /// Not even a status line.
    Hang,
}

impl Default for Answer {
    fn default() -> Self {
        Self::text("")
    }
}

impl Answer {
    pub fn text(text: impl AsRef<str>) -> Self {
        Self {
            pieces: cut(text.as_ref(), 24),
            reasoning: None,
            calls: Vec::new(),
            first_token: Duration::ZERO,
            between: Duration::ZERO,
            finish: "stop",
            usage: None,
            cites: Vec::new(),
            pause_after: None,
            fault: None,
            matcher: None,
        }
    }

    /// A text in exactly these pieces.
    pub fn pieces<S: Into<String>>(pieces: impl IntoIterator<Item = S>) -> Self {
        Self {
            pieces: pieces.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    pub fn tool(id: &str, name: &str, arguments: &Value) -> Self {
        let call = ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_string(),
        };
        Self {
            calls: vec![call],
            finish: "tool_calls",
            ..Self::default()
        }
    }

    /// Any error status with the body that OpenAI gives for it: 401, 402, 403, 404, 408, 409, 413, 429, 5xx.
    pub fn status(code: u16) -> Self {
        let kind = match code {
            401 => "invalid_api_key",
            402 | 403 => "insufficient_quota",
            404 => "model_not_found",
            413 => "context_length_exceeded",
            429 => "rate_limit_exceeded",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        Self::default().fault(Fault::Status {
            code,
            retry_after: None,
            kind,
        })
    }

    /// 429 that says when to come back, in seconds or as a date.
    pub fn busy(retry_after: impl fmt::Display) -> Self {
        let retry_after = Some(retry_after.to_string());
        Self::default().fault(Fault::Status {
            code: 429,
            retry_after,
            kind: "rate_limit_exceeded",
        })
    }

    /// Cuts the text anew, every piece of so many characters.
    pub fn chunked(mut self, characters: usize) -> Self {
        self.pieces = cut(&self.pieces.concat(), characters);
        self
    }

    pub fn reasoning(self, text: impl Into<String>) -> Self {
        Self {
            reasoning: Some(text.into()),
            ..self
        }
    }

    pub fn after(self, first_token: Duration) -> Self {
        Self {
            first_token,
            ..self
        }
    }

    pub fn every(self, between: Duration) -> Self {
        Self { between, ..self }
    }

    pub fn finish(self, finish: &'static str) -> Self {
        Self { finish, ..self }
    }

    pub fn usage(self, prompt: u64, completion: u64) -> Self {
        Self {
            usage: Some((prompt, completion)),
            ..self
        }
    }

    pub fn cites(self, addresses: &[&str]) -> Self {
        Self {
            cites: addresses.iter().map(ToString::to_string).collect(),
            ..self
        }
    }

    pub fn pause_after(self, pieces: usize) -> Self {
        Self {
            pause_after: Some(pieces),
            ..self
        }
    }

    pub fn fault(self, fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..self
        }
    }

    /// Keeps the answer for the first request that fits.
    pub fn when(self, matcher: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self {
            matcher: Some(Arc::new(matcher)),
            ..self
        }
    }

    pub fn fits(&self, request: &Request) -> bool {
        self.matcher.as_ref().is_none_or(|matcher| matcher(request))
    }

    pub fn full_text(&self) -> String {
        self.pieces.concat()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Answer")
            .field("text", &self.full_text())
            .field("calls", &self.calls)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

fn cut(text: &str, characters: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(characters.max(1))
        .map(|piece| piece.iter().collect())
        .collect()
}
