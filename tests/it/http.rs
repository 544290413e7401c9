//! Health, metrics and webhooks over HTTP, and what is told to a collector of traces.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use tokio_util::sync::{CancellationToken, DropGuard};
use toney::cli::telemetry::{self, Figures, Output};
use toney::config::{Config, Sources};
use toney::http::{Gateway, Readiness, Server, Settings};
use toney::model::{Address, Button, Features, File, Markup, Message, Unit};
use toney::platform::{
    Desk, Edit, Fatal, FetchError, FileStream, Inbox, Letter, Lost, NoCashier, Platform, SendError,
    Webhook,
};

use crate::world::NoNotes;

/// An account whose webhook does what the body says.
struct Account {
    name: &'static str,
    features: Features,
}

#[async_trait]
impl Platform for Account {
    fn name(&self) -> &'static str {
        self.name
    }

    fn bot(&self) -> &str {
        "main"
    }

    fn features(&self) -> &Features {
        &self.features
    }

    async fn receive(&self, _: Desk, stop: CancellationToken) -> Result<(), Fatal> {
        stop.cancelled().await;
        Ok(())
    }

    async fn send(&self, _: &Letter<'_>) -> Result<Message, SendError> {
        Err(SendError::NotSent("never".to_owned()))
    }

    async fn edit(&self, _: &Edit<'_>) -> Result<(), SendError> {
        Err(SendError::NotSent("never".to_owned()))
    }

    async fn set_buttons(
        &self,
        _: &Address,
        _: &Message,
        _: &[Vec<Button>],
    ) -> Result<(), SendError> {
        Err(SendError::NotSent("never".to_owned()))
    }

    async fn typing(&self, _: &Address) -> Result<(), SendError> {
        Ok(())
    }

    async fn find(&self, _: &Lost<'_>) -> Result<Option<Message>, SendError> {
        Ok(None)
    }

    async fn fetch(&self, _: &File, _: u64) -> Result<FileStream, FetchError> {
        Err(FetchError::Gone)
    }

    async fn webhook(&self, desk: &Desk, secret: Option<&str>, body: &[u8]) -> Webhook {
        if self.name == "telegram" && secret != Some("right") {
            return Webhook::Stranger;
        }
        match body {
            b"kept" if desk.inbox.accept(Vec::new()).await => Webhook::Stored,
            b"later" => Webhook::Later,
            b"none" => Webhook::NotHere,
            _ => Webhook::Malformed,
        }
    }

    async fn check(&self) -> Result<String, Fatal> {
        Ok("well".to_owned())
    }
}

/// A running server and somebody who asks it.
struct Site {
    address: SocketAddr,
    readiness: Readiness,
    figures: Figures,
    client: reqwest::Client,
    served: tokio::task::JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
    _guard: DropGuard,
}

/// Takes what says that it is kept, with the right header.
fn hook() -> toney::http::Hook {
    Arc::new(|headers, body| {
        Box::pin(async move {
            match (
                headers.get("x-proof").map(|proof| proof.as_bytes()),
                &body[..],
            ) {
                (Some(b"right"), b"kept") => Webhook::Stored,
                (Some(b"right"), _) => Webhook::Malformed,
                (_, _) => Webhook::Stranger,
            }
        })
    })
}

fn gateway(readiness: &Readiness, figures: &Figures) -> Gateway {
    let account = |name| -> Arc<dyn Platform> {
        let features = Features {
            max_text: 100,
            max_caption: 100,
            unit: Unit::Chars,
            markup: Markup::Plain,
            edits: false,
            free_edits: false,
            typing: false,
            deletes: false,
            forms: false,
            buttons_per_row: 1,
            takes_files: true,
            lasts: true,
            max_download: 0,
            pace: None,
        };
        Arc::new(Account { name, features })
    };
    Gateway {
        stops: None,
        platforms: vec![account("telegram"), account("other")],
        desk: Desk {
            inbox: Inbox::new(1).0,
            notes: Arc::new(NoNotes),
            cashier: Arc::new(NoCashier),
        },
        hooks: vec![("echo", hook())],
        readiness: readiness.clone(),
        metrics: figures.handle(),
    }
}

fn settings(addr: &str) -> Settings {
    Settings {
        addr: addr.to_owned(),
        public_url: None,
    }
}

impl Site {
    async fn new() -> Self {
        let readiness = Readiness::default();
        let figures = Figures::start().unwrap();
        let gateway = gateway(&readiness, &figures);
        let server = Server::bind(&settings("127.0.0.1:0"), gateway)
            .await
            .unwrap();
        let stop = CancellationToken::new();
        Self {
            address: server.address(),
            readiness,
            figures,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            served: tokio::spawn(server.serve(stop.clone())),
            _guard: stop.clone().drop_guard(),
            stop,
        }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.address);
        let answer = self.client.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn post(&self, path: &str, secret: &str, body: impl Into<reqwest::Body>) -> u16 {
        let url = format!("http://{}{path}", self.address);
        let request = self.client.post(url).body(body);
        let request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
        request.send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn health_is_being_alive_and_readiness_is_every_part() {
    let site = Site::new().await;
    assert_eq!(site.get("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(
        site.get("/readyz").await.0,
        503,
        "nothing is ready before its first part"
    );
    site.readiness.set("store", Ok(()));
    site.readiness
        .set("telegram:main", Err("no answer yet".to_owned()));
    let (status, body) = site.get("/readyz").await;
    assert_eq!(status, 503);
    assert_eq!(
        body,
        r#"{"ready":false,"draining":false,"parts":{"store":"ok","telegram:main":"no answer yet"}}"#
    );
    site.readiness.set("telegram:main", Ok(()));
    assert_eq!(site.get("/readyz").await.0, 200);
    site.readiness.draining();
    assert_eq!(site.get("/readyz").await.0, 503);
    assert_eq!(site.get("/healthz").await.0, 200);
    assert_eq!(site.get("/nothing").await.0, 404);
}

#[tokio::test]
async fn figures_are_shown_to_prometheus() {
    let site = Site::new().await;
    site.figures
        .during(|| metrics::histogram!("toney_turn_seconds").record(0.2));
    let (status, body) = site.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(
        body.contains("# TYPE toney_turn_seconds histogram"),
        "{body}"
    );
    assert!(
        body.contains("toney_turn_seconds_bucket{le=\"0.25\"} 1"),
        "{body}"
    );
}

#[tokio::test]
async fn a_webhook_is_answered_by_what_became_of_it() {
    let site = Site::new().await;
    let main = "/webhook/telegram/main";
    assert_eq!(site.post(main, "right", "kept").await, 200);
    assert_eq!(site.post(main, "wrong", "kept").await, 401);
    assert_eq!(site.post(main, "right", "[[[").await, 400);
    assert_eq!(site.post(main, "right", "\0\u{feff}").await, 400);
    assert_eq!(site.post(main, "right", "later").await, 503);
    assert_eq!(site.post(main, "right", "none").await, 404);
    assert_eq!(site.post(main, "right", vec![b'x'; 1 << 20]).await, 400);
    assert_eq!(
        site.post(main, "right", vec![b'x'; (1 << 20) + 1]).await,
        413
    );
    assert_eq!(
        site.post("/webhook/telegram/else", "right", "kept").await,
        404
    );
    assert_eq!(
        site.post("/webhook/pigeon/main", "right", "kept").await,
        404
    );
    assert_eq!(site.post("/webhook/other/main", "any", "kept").await, 200);
    assert_eq!(site.get(main).await.0, 405);
    let url = format!("http://{}{main}", site.address);
    let bare = site.client.post(url).body("kept").send().await.unwrap();
    assert_eq!(bare.status().as_u16(), 401, "no secret is a wrong one");
}

#[tokio::test]
async fn a_webhook_of_no_account_goes_to_whoever_takes_it() {
    let site = Site::new().await;
    let post = async |name: &str, proof: &str, body: Vec<u8>| {
        let url = format!("http://{}/webhook/{name}", site.address);
        let request = site.client.post(url).header("X-Proof", proof).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post("echo", "right", b"kept".to_vec()).await, 200);
    assert_eq!(post("echo", "wrong", b"kept".to_vec()).await, 401);
    assert_eq!(post("echo", "right", b"else".to_vec()).await, 400);
    assert_eq!(post("nobody", "right", b"kept".to_vec()).await, 404);
    let most = 256 * 1024;
    assert_eq!(post("echo", "right", vec![b'x'; most]).await, 400);
    assert_eq!(post("echo", "right", vec![b'x'; most + 1]).await, 413);
    assert_eq!(site.get("/webhook/echo").await.0, 405);
}

#[tokio::test]
async fn a_taken_port_is_one_sentence() {
    let site = Site::new().await;
    let bind = async |addr: String| {
        let (readiness, figures) = (Readiness::default(), Figures::start().unwrap());
        let server = Server::bind(&settings(&addr), gateway(&readiness, &figures)).await;
        server.err().unwrap().to_string()
    };
    let taken = site.address.to_string();
    assert_eq!(
        bind(taken.clone()).await,
        format!(
            "http.addr (TONEY_HTTP_ADDR) is \"{taken}\", which another program is using; it wants \
             HOST:PORT, like 127.0.0.1:8080, or port 0 for any free one"
        )
    );
    let said = bind("here".to_owned()).await;
    assert!(said.contains("\"here\", which is no address;"), "{said}");
}

#[tokio::test]
async fn the_server_ends_when_it_is_told_to() {
    let site = Site::new().await;
    // A connection on which nothing was ever asked must not hold it up.
    let idle = tokio::net::TcpStream::connect(site.address).await.unwrap();
    assert_eq!(site.get("/healthz").await.0, 200);
    site.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(8), site.served).await;
    ended.expect("still serving").unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(site.address).await.is_err());
    drop(idle);
}

/// A collector of traces that keeps what it is sent.
async fn collector() -> (SocketAddr, Arc<Mutex<Vec<Bytes>>>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&kept);
    let take = move |body: Bytes| async move {
        into.lock().unwrap().push(body);
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, kept)
}

fn config(pairs: &[(&str, &str)]) -> Config {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Config::load(&Sources {
        env: pairs.iter().map(owned).collect(),
        ..Sources::default()
    })
    .unwrap()
}

fn work() {
    let span = tracing::info_span!(target: "toney::turn", "answering", turn.id = "trn_1");
    span.in_scope(|| tracing::info!(target: "toney::turn", "answered"));
    tracing::info_span!(target: "hyper::client", "connecting").in_scope(|| ());
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn a_collector_is_sent_our_spans() {
    let (address, kept) = collector().await;
    let endpoint = format!("http://{address}");
    let config = config(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("TONEY_LOG", "off"),
    ]);
    let logs = telemetry::logs(&config, &Output::Stderr).unwrap();
    tracing::dispatcher::with_default(&logs.dispatch, work);
    logs.shut_down().await;
    let kept = kept.lock().unwrap().concat();
    assert!(contains(&kept, "answering"));
    assert!(contains(&kept, "trn_1"));
    assert!(contains(&kept, "toney"));
    assert!(!contains(&kept, "connecting"));
}

#[tokio::test]
async fn without_an_address_nothing_is_exported() {
    let (_, kept) = collector().await;
    let logs = telemetry::logs(&config(&[("TONEY_LOG", "off")]), &Output::Stderr).unwrap();
    let before = Instant::now();
    tracing::dispatcher::with_default(&logs.dispatch, work);
    logs.shut_down().await;
    assert!(before.elapsed() < Duration::from_secs(1));
    assert!(kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_silent_collector_does_not_hold_up_the_end() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let config = config(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("TONEY_LOG", "off"),
    ]);
    let logs = telemetry::logs(&config, &Output::Stderr).unwrap();
    tracing::dispatcher::with_default(&logs.dispatch, work);
    let before = Instant::now();
    logs.shut_down().await;
    assert!(
        before.elapsed() < Duration::from_secs(3),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test]
async fn the_log_can_go_to_a_file_as_json() {
    let path = std::env::temp_dir().join(format!("toney-log-{}", std::process::id()));
    let config = config(&[
        ("TONEY_LOG_FORMAT", "json"),
        ("TONEY_LOG", "info,toney::noisy=off"),
    ]);
    let logs = telemetry::logs(&config, &Output::File(path.clone())).unwrap();
    tracing::dispatcher::with_default(&logs.dispatch, || {
        tracing::info!(target: "toney::turn", { turn.id = "trn_1" }, "answered");
        tracing::info!(target: "toney::noisy", "noise");
        tracing::debug!(target: "toney::turn", "detail");
    });
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert_eq!(lines[0]["message"], "answered");
    assert_eq!(lines[0]["turn.id"], "trn_1");
    assert!(!text.contains('\u{1b}'));
}

#[tokio::test]
async fn wrong_settings_of_the_log_are_named() {
    let said = |name, value| {
        let logs = telemetry::logs(&config(&[(name, value)]), &Output::Stderr);
        logs.err().unwrap().to_string()
    };
    let filter = said("TONEY_LOG", "info,toney=loud");
    assert!(
        filter.starts_with("TONEY_LOG is \"info,toney=loud\""),
        "{filter}"
    );
    assert_eq!(
        said("TONEY_LOG_FORMAT", "xml"),
        "TONEY_LOG_FORMAT is \"xml\"; it wants `text` or `json`"
    );
    assert_eq!(
        said("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
        "OTEL_EXPORTER_OTLP_ENDPOINT is no address of a collector; it wants one like http://127.0.0.1:4318"
    );
}
