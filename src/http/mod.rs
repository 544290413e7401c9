//! What is reached over HTTP: health, metrics and the webhooks of the platforms.
//!
//! A webhook's body goes to the adapter of its account, or to whoever takes it by its name, as it is, and the answer says whether it is
//! stored; nothing here reads it, knows a secret or decides anything. Start with [`Server`].

mod readiness;
mod webhook;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::platform::{Desk, Platform};

pub use readiness::Readiness;
pub use webhook::Hook;

/// How long requests that are under way may take to end once the server is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Settings of the section `[http]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `HOST:PORT`; port 0 takes any free one.
    pub addr: String,
    /// The address under which people reach the server from outside.
    pub public_url: Option<String>,
}

/// What the server shows and whom it hands webhooks to.
pub struct Gateway {
    /// The accounts that may have webhooks.
    pub platforms: Vec<Arc<dyn Platform>>,
    /// What they put into it.
    pub desk: Desk,
    /// Who else takes webhooks, by name.
    pub hooks: Vec<(&'static str, Hook)>,
    /// What `/readyz` shows.
    pub readiness: Readiness,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
}

/// Why the server cannot listen: one line for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("http.addr (TONEY_HTTP_ADDR) is \"{addr}\", {reason}")]
pub struct Unusable {
    addr: String,
    reason: String,
    is_taken: bool,
}

impl Unusable {
    /// Whether another program listens there.
    pub fn is_taken(&self) -> bool {
        self.is_taken
    }
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    ///
    /// When the address is none, or is not to be had.
    pub async fn bind(settings: &Settings, gateway: Gateway) -> Result<Self, Unusable> {
        let (listener, address) = listen(settings).await?;
        Ok(Self {
            listener,
            address,
            router: router(gateway),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`, then lets requests that are under way end, for 5 s at most.
    ///
    /// # Errors
    ///
    /// When the listener fails for good.
    pub async fn serve(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            listener,
            address,
            router,
        } = self;
        tracing::info!(http.address = %address, "listening for HTTP");
        let ended = stop.clone();
        let serving = axum::serve(listener, router).with_graceful_shutdown(ended.cancelled_owned());
        let too_long = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = serving.into_future() => served.context("Serving HTTP"),
            () = too_long => Ok(()),
        }
    }
}

/// Takes the port, and says where it is.
///
/// # Errors
///
/// When the address is none, or is not to be had.
pub async fn listen(settings: &Settings) -> Result<(TcpListener, SocketAddr), Unusable> {
    let addr = settings.addr.trim();
    let unusable = |error: std::io::Error| Unusable {
        addr: addr.to_owned(),
        reason: reason(&error),
        is_taken: error.kind() == ErrorKind::AddrInUse,
    };
    let listener = TcpListener::bind(addr).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    Ok((listener, address))
}

fn reason(error: &std::io::Error) -> String {
    let wanted = "it wants HOST:PORT, like 127.0.0.1:8080, or port 0 for any free one";
    match error.kind() {
        ErrorKind::AddrInUse => format!("which another program is using; {wanted}"),
        ErrorKind::PermissionDenied => {
            format!(
                "which this user may not listen on (ports from 1024 need no permission); {wanted}"
            )
        }
        ErrorKind::AddrNotAvailable => format!("which is no address of this machine; {wanted}"),
        ErrorKind::InvalidInput => format!("which is no address; {wanted}"),
        _ => format!("which cannot be listened on ({error}); {wanted}"),
    }
}

fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/webhook/{platform}/{bot}", post(webhook::take))
        .route("/webhook/{name}", post(webhook::hook))
        .with_state(Arc::new(gateway))
}

async fn ready(State(gateway): State<Arc<Gateway>>) -> Response {
    let report = gateway.readiness.report();
    let status = match report.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, axum::Json(report)).into_response()
}

async fn metrics(State(gateway): State<Arc<Gateway>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, gateway.metrics.render()).into_response()
}
