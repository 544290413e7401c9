//! A model server with scripted answers: OpenAI's chat, models, embeddings and voices, Anthropic's messages, and the two
//! addresses by which Ollama is recognised.
//!
//! It runs inside the test process on a free port. Requests are checked against the schemas of OpenAI's specification, or
//! against what Anthropic's server turns down; what they got wrong is in `violations`. Answers come from a queue first, then from the default behaviour.

mod answer;
mod audio;
mod door;
mod embeddings;
mod habits;
mod messages;
mod pictures;
mod schema;
#[cfg(test)]
mod selftest;
#[cfg(test)]
mod selftest_messages;
mod strict;
mod wire;

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;

pub use answer::{Answer, Behaviour, Fault, Message, Request, ToolCall};
pub use audio::{AudioFault, Sound, opus};
use door::{Door, Line, Lines};
pub use embeddings::EmbedFault;
use embeddings::{Poison, embeddings};
use habits::Habits;
use schema::Schemas;

use super::servers::free_port;

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::load);

const CHAT: &str = "/chat/completions";
const EMBEDDINGS: &str = "/embeddings";

/// A handle on the server; clones share it. The server ends with the runtime, or by `stop`.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    script: Mutex<Script>,
    changed: Notify,
    held: watch::Sender<bool>,
    proceed: Semaphore,
    checked: AtomicBool,
    recorded: AtomicBool,
    answers: AtomicU64,
    lines: Lines,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

struct Script {
    queue: VecDeque<Answer>,
    embed_faults: VecDeque<EmbedFault>,
    embed_size: usize,
    audio_faults: VecDeque<AudioFault>,
    /// What recordings will say.
    spoken: VecDeque<String>,
    heard: Vec<Sound>,
    poison: Vec<Poison>,
    behaviour: Behaviour,
    requests: Vec<Request>,
    violations: Vec<String>,
    models: Vec<String>,
    keys: Vec<String>,
    /// Models that take no pictures.
    blind: Vec<String>,
    /// Whose ways it has.
    habits: Habits,
    /// What the provider keeps in its cache.
    prefixes: HashSet<String>,
    counts: Counts,
}

/// What became of the chat requests so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Came in.
    pub started: usize,
    /// Were answered to the end, scripted faults included.
    pub finished: usize,
    /// The client left before the end.
    pub cancelled: usize,
    /// Wait for `release` or `proceed`, or are stalled by a fault.
    pub waiting: usize,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", free_port()))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let script = Script {
            queue: VecDeque::new(),
            embed_faults: VecDeque::new(),
            embed_size: embeddings::SIZE,
            audio_faults: VecDeque::new(),
            spoken: VecDeque::new(),
            heard: Vec::new(),
            poison: Vec::new(),
            behaviour: Behaviour::Echo,
            requests: Vec::new(),
            violations: Vec::new(),
            models: vec!["scripted".to_owned()],
            keys: Vec::new(),
            blind: Vec::new(),
            habits: Habits::default(),
            prefixes: HashSet::new(),
            counts: Counts::default(),
        };
        let server = Self(Arc::new(Inner {
            address,
            script: Mutex::new(script),
            changed: Notify::new(),
            held: watch::Sender::new(false),
            proceed: Semaphore::new(0),
            checked: AtomicBool::new(true),
            recorded: AtomicBool::new(true),
            answers: AtomicU64::new(0),
            lines: Lines::default(),
            accepting: Mutex::new(None),
        }));
        server.accept(listener);
        server
    }

    /// For `OPENAI_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.0.address)
    }

    /// For `OLLAMA_BASE_URL`.
    pub fn root_url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Adds an answer to the queue. The first one in it that fits a request is used up by it.
    pub fn push(&self, answer: Answer) {
        self.script().queue.push_back(answer);
    }

    /// Says what happens when no scripted answer fits.
    pub fn otherwise(&self, behaviour: Behaviour) {
        self.script().behaviour = behaviour;
    }

    /// Requests with any other bearer key are refused with 401. An empty list lets everybody in.
    pub fn accept_keys(&self, keys: &[&str]) {
        self.script().keys = keys.iter().map(ToString::to_string).collect();
    }

    /// The names told by `/v1/models` and `/api/tags`.
    pub fn offer_models(&self, models: &[&str]) {
        self.script().models = models.iter().map(ToString::to_string).collect();
    }

    /// Takes on the ways of a provider.
    pub fn speaks_like(&self, provider: &str) {
        self.script().habits = Habits::of(provider);
    }

    /// Switches the checks against the specification; a benchmark leaves them out.
    pub fn check(&self, on: bool) {
        self.0.checked.store(on, Ordering::Relaxed);
    }

    /// Switches the keeping of requests; a benchmark counts only.
    pub fn record(&self, on: bool) {
        self.0.recorded.store(on, Ordering::Relaxed);
    }

    /// From here the model thinks until `release`.
    pub fn hold(&self) {
        self.0.held.send_replace(true);
    }

    pub fn release(&self) {
        self.0.held.send_replace(false);
    }

    /// Lets one answer go on that stands at its `pause_after`.
    pub fn proceed(&self) {
        self.0.proceed.add_permits(1);
    }

    /// An outage: the port is closed and every connection ends.
    pub async fn stop(&self) {
        let accepting = self.0.accepting.lock().expect("accepting").take();
        if let Some(task) = accepting {
            task.abort();
            task.await.ok();
        }
        self.0.lines.close_all();
    }

    /// Ends an outage, on the same port.
    pub async fn resume(&self) {
        let listener = TcpListener::bind(self.0.address)
            .await
            .expect("the same port again");
        self.accept(listener);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.script().requests.clone()
    }

    pub fn counts(&self) -> Counts {
        self.script().counts
    }

    /// What requests got wrong against the specification.
    pub fn violations(&self) -> Vec<String> {
        self.script().violations.clone()
    }

    /// Scripted answers that nobody asked for.
    pub fn unused(&self) -> Vec<Answer> {
        self.script().queue.iter().cloned().collect()
    }

    /// Fails the test when anything is left over or was asked wrongly.
    pub fn assert_clean(&self) {
        let (violations, unused) = (self.violations(), self.unused());
        assert!(
            violations.is_empty(),
            "the model was asked wrongly: {violations:#?}"
        );
        assert!(
            unused.is_empty(),
            "scripted answers were not used: {unused:#?}"
        );
        let unheard = self.unheard();
        assert!(
            unheard.is_empty(),
            "scripted voices were not heard: {unheard:#?}"
        );
        let unused = self.script().embed_faults.clone();
        assert!(
            unused.is_empty(),
            "scripted faults were not met: {unused:#?}"
        );
    }

    /// Waits until the counts satisfy the condition; panics with `what` after ten seconds.
    pub async fn wait_until(&self, what: &str, condition: impl Fn(Counts) -> bool) {
        let waiting = async {
            loop {
                let changed = self.0.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if condition(self.counts()) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(10), waiting)
            .await
            .is_err()
        {
            panic!("the model waited in vain for: {what}; {:?}", self.counts());
        }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.script.lock().expect("script")
    }

    fn accept(&self, listener: TcpListener) {
        let door = Door {
            listener,
            lines: self.0.lines.clone(),
        };
        let routes = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/messages", post(converse))
            .route("/v1/embeddings", post(embeddings))
            .route("/v1/audio/transcriptions", post(audio::transcriptions))
            .route("/v1/audio/speech", post(audio::speech))
            .route("/v1/models", get(models))
            .route("/api/tags", get(tags))
            .route(
                "/api/version",
                get(|| async { Json(json!({"version": "0.12.0"})) }),
            )
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(self.clone())
            .into_make_service_with_connect_info::<Line>();
        let task = tokio::spawn(async move {
            axum::serve(door, routes).await.ok();
        });
        *self.0.accepting.lock().expect("accepting") = Some(task);
    }

    /// Reads and checks a request; a refusal is a response.
    fn read(
        &self,
        path: &'static str,
        schema: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Request, Box<Response>> {
        let key = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        let key = key
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(String::from);
        let body: Value = serde_json::from_slice(body).map_err(|error| {
            self.script()
                .violations
                .push(format!("{path}: no JSON: {error}"));
            refuse(
                400,
                "invalid_request_error",
                "We could not parse the JSON body of your request.",
            )
        })?;
        let complaints = if self.0.checked.load(Ordering::Relaxed) {
            let mut complaints = SCHEMAS.check(schema, &body);
            complaints.extend(SCHEMAS.unknown_keys(schema, &body));
            complaints.extend(pictures::complaints(&body));
            if path == CHAT {
                complaints.extend(self.habits().complaints(&body));
            }
            complaints
        } else {
            Vec::new()
        };
        let request = Request::read(path, key, body);
        let mut script = self.script();
        let locked_out = !script.keys.is_empty()
            && !request
                .key
                .as_ref()
                .is_some_and(|key| script.keys.contains(key));
        if self.0.recorded.load(Ordering::Relaxed) {
            script.requests.push(request.clone());
        }
        let mut refusal = complaints.first().cloned();
        if request.pictures > 0 && script.blind.contains(&request.model) {
            refusal = Some("This model does not support image input.".to_owned());
        }
        script
            .violations
            .extend(complaints.into_iter().map(|text| format!("{path}: {text}")));
        if locked_out {
            return Err(refuse(
                401,
                "invalid_api_key",
                "Incorrect API key provided.",
            ));
        }
        refusal.map_or(Ok(request), |text| {
            Err(refuse(400, "invalid_request_error", &text))
        })
    }

    fn habits(&self) -> Habits {
        self.script().habits
    }

    fn choose(&self, request: &Request) -> Answer {
        let mut script = self.script();
        if let Some(at) = script.queue.iter().position(|answer| answer.fits(request)) {
            return script.queue.remove(at).expect("an answer at its position");
        }
        let behaviour = script.behaviour.clone();
        drop(script);
        match behaviour {
            Behaviour::Echo => Answer::text(request.last("user")),
            Behaviour::Answer(answer) => Answer::clone(&answer),
            Behaviour::Call(make) => make(request),
        }
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.script().counts);
        self.0.changed.notify_waiters();
    }

    fn ticket(&self) -> Ticket {
        Ticket {
            server: self.clone(),
            done: false,
            stuck: false,
        }
    }

    async fn paused(&self) {
        self.count(|counts| counts.waiting += 1);
        let _waiting = Waiting(self);
        self.0
            .proceed
            .acquire()
            .await
            .expect("the semaphore stays open")
            .forget();
    }

    async fn held(&self) {
        let mut held = self.0.held.subscribe();
        if *held.borrow_and_update() {
            self.count(|counts| counts.waiting += 1);
            let _waiting = Waiting(self);
            held.wait_for(|held| !held).await.ok();
        }
    }
}

/// Takes back the count of a waiting request, also when its client leaves.
struct Waiting<'a>(&'a Server);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.count(|counts| counts.waiting -= 1);
    }
}

/// One chat request under way; dropped before `done` it counts as cancelled.
pub struct Ticket {
    server: Server,
    done: bool,
    stuck: bool,
}

impl Ticket {
    fn done(&mut self) {
        self.done = true;
    }

    fn stuck(&mut self) {
        self.stuck = true;
        self.server.count(|counts| counts.waiting += 1);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.server.count(|counts| {
            counts.finished += usize::from(self.done);
            counts.cancelled += usize::from(!self.done);
            counts.waiting -= usize::from(self.stuck);
        });
    }
}

async fn chat(
    State(server): State<Server>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let ticket = server.ticket();
    let request = server.read(CHAT, "CreateChatCompletionRequest", &headers, &body);
    let habits = server.habits();
    let request = request.map(|request| (request, habits));
    let plan =
        |answer: &Answer, request: &Request, habits, id| wire::plan(answer, request, (id, habits));
    ticket.answer(line, request, plan).await
}

async fn converse(
    State(server): State<Server>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let ticket = server.ticket();
    let request = messages::read(&server, &headers, &body);
    ticket.answer(line, request, messages::plan).await
}

impl Ticket {
    async fn answer<E>(
        mut self,
        line: Line,
        request: Result<(Request, E), Box<Response>>,
        plan: impl Fn(&Answer, &Request, E, u64) -> wire::Plan,
    ) -> Response {
        let server = self.server.clone();
        server.count(|counts| counts.started += 1);
        let (request, extra) = match request {
            Ok(read) => read,
            Err(refusal) => {
                self.done();
                return *refusal;
            }
        };
        let answer = server.choose(&request);
        server.held().await;
        if matches!(answer.fault, Some(Fault::Hang)) {
            self.stuck();
            std::future::pending::<()>().await;
        }
        let id = server.0.answers.fetch_add(1, Ordering::Relaxed);
        wire::respond(plan(&answer, &request, extra, id), server, line, self)
    }
}

async fn models(State(server): State<Server>, headers: HeaderMap) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let key = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let key = key.or(header("x-api-key"));
    let keys = server.script().keys.clone();
    if !keys.is_empty() && !keys.iter().any(|known| Some(known.as_str()) == key) {
        return *refuse(401, "invalid_api_key", "Incorrect API key provided.");
    }
    let entry = |id: &String| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "tests"});
    let data: Vec<Value> = server.script().models.iter().map(entry).collect();
    Json(json!({"object": "list", "data": data})).into_response()
}

async fn tags(State(server): State<Server>) -> Json<Value> {
    let entry = |name: &String| json!({"name": name, "model": name, "modified_at": "2025-01-01T00:00:00Z", "size": 1, "digest": "0"});
    let models: Vec<Value> = server.script().models.iter().map(entry).collect();
    Json(json!({"models": models}))
}

fn refuse(status: u16, kind: &str, message: &str) -> Box<Response> {
    let status = StatusCode::from_u16(status).expect("a known status");
    Box::new((status, Json(wire::error_body(message, kind))).into_response())
}
