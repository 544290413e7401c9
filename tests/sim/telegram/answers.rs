//! Serving a call: faults before and after, the check against the specification, the answer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::header;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};

use super::Inner;
use super::faults::{Fault, Struck};
use super::net::{Call, Peer, reply};
use super::rates::{Scope, ceil};
use super::spec::spec;
use super::state::Content;

/// How much of a download is sent at once, in bytes.
const PIECE: u64 = 64 << 10;

/// A refusal in the Bot API's own form.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) code: u16,
    description: String,
    parameters: Option<Value>,
}

impl ApiError {
    pub(super) fn new(code: u16, description: impl Into<String>) -> Self {
        Self {
            code,
            description: description.into(),
            parameters: None,
        }
    }

    /// 400 with the usual prefix.
    pub(super) fn bad(description: impl AsRef<str>) -> Self {
        Self::new(400, format!("Bad Request: {}", description.as_ref()))
    }

    pub(super) fn too_many(retry_after: u64) -> Self {
        let description = format!("Too Many Requests: retry after {retry_after}");
        let parameters = Some(json!({"retry_after": retry_after}));
        Self {
            code: 429,
            description,
            parameters,
        }
    }

    pub(super) fn migrated(to: i64) -> Self {
        Self {
            code: 400,
            description: "Bad Request: group chat was upgraded to a supergroup chat".to_owned(),
            parameters: Some(json!({"migrate_to_chat_id": to})),
        }
    }
}

/// The serialised result, or a refusal.
pub(super) type Applied = Result<String, ApiError>;

pub(super) fn failure(e: &ApiError) -> Response {
    let mut body = json!({"ok": false, "error_code": e.code, "description": e.description});
    if let Some(parameters) = &e.parameters {
        body["parameters"] = parameters.clone();
    }
    let mut response = reply(e.code, "application/json", body.to_string());
    let wait = body["parameters"]["retry_after"].as_u64();
    if let Some(seconds) = wait {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn envelope(result: &str) -> String {
    format!("{{\"ok\":true,\"result\":{result}}}")
}

fn respond(done: &Applied) -> Response {
    match done {
        Ok(result) => reply(200, "application/json", envelope(result)),
        Err(e) => failure(e),
    }
}

fn answer_text(done: &Applied) -> String {
    match done {
        Ok(result) => envelope(result),
        Err(e) => json!({"ok": false, "description": e.description}).to_string(),
    }
}

impl Inner {
    /// Serves one call to its end.
    pub(super) async fn serve(self: &Arc<Self>, call: Call, peer: Peer) -> Response {
        let chat = call.chat();
        let fault = {
            let mut state = self.lock();
            *state
                .calls
                .entry(call.method.name.to_ascii_lowercase())
                .or_default() += 1;
            state.faults.strike(&call.method.name, chat)
        };
        self.changed.notify_waiters();
        match fault {
            None => respond(&self.apply(call).await),
            Some(Struck {
                fault: Fault::Hang,
                era,
            }) => {
                self.released(era).await;
                respond(&self.apply(call).await)
            }
            // In a task of its own, because the real server applies what it has received even
            // when the client hangs up meanwhile.
            Some(struck) => {
                let inner = self.clone();
                let task = tokio::runtime::Handle::current()
                    .spawn(async move { inner.faulty(call, struck, peer).await });
                task.await
                    .unwrap_or_else(|e| reply(500, "text/plain", e.to_string()))
            }
        }
    }

    async fn faulty(self: &Arc<Self>, call: Call, struck: Struck, peer: Peer) -> Response {
        match struck.fault {
            Fault::TooMany(seconds) => {
                self.lock()
                    .rates
                    .block(call.scope(), Instant::now(), seconds);
                failure(&ApiError::too_many(seconds))
            }
            Fault::Status(code) => failure(&ApiError::new(code, "Internal Server Error")),
            Fault::Html(code) => {
                let page = "<html><head><title>Bad Gateway</title></head><body></body></html>";
                reply(code, "text/html", page)
            }
            Fault::Says(words) => reply(200, "application/json", words),
            Fault::ResetBefore => reset(&peer),
            Fault::ResetAfter => {
                self.apply(call).await.ok();
                reset(&peer)
            }
            Fault::DelayBefore(wait) => {
                tokio::time::sleep(wait).await;
                respond(&self.apply(call).await)
            }
            Fault::DelayAfter(wait) => {
                let done = self.apply(call).await;
                tokio::time::sleep(wait).await;
                respond(&done)
            }
            Fault::Hang | Fault::HangAfter => {
                let done = self.apply(call).await;
                self.released(struck.era).await;
                respond(&done)
            }
            Fault::HalfAnswer => {
                let done = self.apply(call).await;
                half(&answer_text(&done))
            }
        }
    }

    /// Waits until the faults of this era are cleared.
    async fn released(&self, era: u64) {
        loop {
            let mut news = pin!(self.release.notified());
            news.as_mut().enable();
            if self.lock().faults.era() != era {
                return;
            }
            news.await;
        }
    }

    /// Checks and applies a call.
    async fn apply(self: &Arc<Self>, call: Call) -> Applied {
        if self.opts.check_spec
            && let Err(e) = spec().check_call(call.method, &call.params)
        {
            self.lock().violation(&*e);
            return Err(ApiError::bad(e));
        }
        if call.method.name == "getUpdates" {
            return self.get_updates(&call).await;
        }
        let done = {
            let mut state = self.lock();
            state.gate(&call)?;
            let done = state.dispatch(&call);
            if self.opts.check_spec
                && let Ok(result) = &done
                && let Err(e) = spec().check_answer(call.method, result)
            {
                state.violation(format!("the simulator itself: {e}"));
            }
            done
        };
        self.changed.notify_waiters();
        if matches!(call.method.name.as_str(), "setWebhook" | "deleteWebhook") {
            self.hook_changed();
        }
        done.map(|result| result.to_string())
    }

    /// A file download, streamed in pieces of 64 KiB.
    pub(super) async fn download(&self, path: &str, peer: &Peer) -> Response {
        let struck = self.lock().faults.strike("file", None);
        let (fault, era) = struck.map_or((None, 0), |s| (Some(s.fault), s.era));
        let found = self.lock().files.values().find(|f| f.path == path).cloned();
        let Some(found) = found else {
            return failure(&ApiError::new(404, "Not Found"));
        };
        match fault {
            Some(Fault::ResetBefore | Fault::ResetAfter) => return reset(peer),
            Some(Fault::Status(code)) => {
                return failure(&ApiError::new(code, "Internal Server Error"));
            }
            Some(Fault::Html(code)) => return reply(code, "text/html", "<html></html>"),
            Some(Fault::Says(words)) => return reply(200, "application/json", words),
            Some(Fault::DelayBefore(wait) | Fault::DelayAfter(wait)) => {
                tokio::time::sleep(wait).await;
            }
            Some(Fault::Hang | Fault::HangAfter) => self.released(era).await,
            Some(Fault::HalfAnswer) => {
                let Content::Bytes(bytes) = &found.content else {
                    return reset(peer);
                };
                return half(&String::from_utf8_lossy(bytes));
            }
            Some(Fault::TooMany(seconds)) => return failure(&ApiError::too_many(seconds)),
            None => {}
        }
        let length = found.content.len();
        let pieces = stream::unfold(0, move |at| {
            let end = (at + PIECE).min(length);
            let piece = (at < length).then(|| match &found.content {
                Content::Bytes(bytes) => bytes.slice(index(at)..index(end)),
                Content::Zeros(_) => Bytes::from(vec![0; index(end - at)]),
            });
            std::future::ready(piece.map(|p| (Ok::<_, std::io::Error>(p), end)))
        });
        let mut response = reply(200, "application/octet-stream", Body::from_stream(pieces));
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length.into());
        response
    }
}

fn index(n: u64) -> usize {
    usize::try_from(n).expect("a file that fits into memory")
}

fn reset(peer: &Peer) -> Response {
    peer.reset();
    reply(500, "text/plain", "")
}

/// Announces the whole body, sends half of it and breaks off.
fn half(body: &str) -> Response {
    let whole = body.len();
    let first = Bytes::copy_from_slice(&body.as_bytes()[..whole / 2]);
    let pieces = stream::iter([Ok(first), Err(std::io::Error::other("cut on purpose"))]);
    let mut response = reply(200, "application/json", Body::from_stream(pieces));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, whole.into());
    response
}

impl Call {
    /// The chat a call is about, when it names one by number.
    pub(super) fn chat(&self) -> Option<i64> {
        let id = self.params.get("chat_id")?;
        id.as_i64().or_else(|| id.as_str()?.parse().ok())
    }

    fn scope(&self) -> Scope {
        match self.chat() {
            Some(chat) => Scope::Chat(chat),
            None => Scope::Method(self.method.name.clone()),
        }
    }

    fn counts(&self) -> bool {
        let name = self.method.name.as_str();
        matches!(name, "sendMessage" | "sendPhoto" | "sendDocument")
            || matches!(name, "sendVoice" | "editMessageCaption")
            || matches!(name, "editMessageText" | "editMessageReplyMarkup")
    }
}

impl super::state::State {
    /// Refuses what comes too fast, and records who does not wait as told.
    pub(super) fn gate(&mut self, call: &Call) -> Result<(), ApiError> {
        if let Some((wait, known)) = self.rates.early(&call.scope(), call.arrived) {
            if known {
                let method = &call.method.name;
                let scope = call.scope();
                self.violation(format!(
                    "{method} for {scope:?} came {} ms early",
                    wait.as_millis()
                ));
            }
            return Err(ApiError::too_many(ceil(wait)));
        }
        if !self.opts.enforce_rates || !call.counts() {
            return Ok(());
        }
        let Some(chat) = call.chat() else {
            return Ok(());
        };
        self.rates.take(chat, call.arrived).map_err(|seconds| {
            self.rates.block(call.scope(), Instant::now(), seconds);
            ApiError::too_many(seconds)
        })
    }
}
