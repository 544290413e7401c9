use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use tokio::runtime::Handle;
use tokio_util::context::TokioContext;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use crate::config::Wrong;

/// The name under which a collector shows us.
const NAME: &str = "toney";

/// How long the end of the process waits for the collector.
const FLUSH: Duration = Duration::from_secs(2);

/// How long one request to the collector may take.
const REQUEST: Duration = Duration::from_secs(5);

/// Sends spans to a collector, many at once and beside the work.
pub(super) struct Exporter {
    provider: SdkTracerProvider,
}

impl Exporter {
    /// An exporter to the collector at this base; `name` is what the operator calls the setting.
    pub(super) fn new(endpoint: &str, name: &str) -> anyhow::Result<Self> {
        let url = traces_url(endpoint).ok_or_else(|| Wrong::Value {
            name: name.to_owned(),
            got: "no address of a collector".to_owned(),
            wanted: "one like http://127.0.0.1:4318".to_owned(),
        })?;
        // Whoever was first has installed the same one; without any the client would panic.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest_llm::Client::builder()
            .timeout(REQUEST)
            .build()
            .context("Building the client for the collector")?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(url.as_str())
            .with_timeout(REQUEST)
            .build()
            .context("Building the exporter of traces")?;
        let resource = Resource::builder().with_service_name(NAME).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_batch_exporter(OnRuntime {
                exporter,
                runtime: Handle::try_current().context("Traces need a running runtime")?,
                failing: AtomicBool::new(false),
            })
            .build();
        Ok(Self { provider })
    }

    /// Takes our own spans from the tracing; those of libraries are too many and say too little.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(NAME))
            .with_filter(filter_fn(is_ours))
    }

    /// Sends what is left, for [`FLUSH`] at most.
    pub(super) async fn shut_down(self) {
        let Self { provider } = self;
        // The library waits by blocking its thread, while the request needs the runtime's.
        let end = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH));
        match tokio::time::timeout(FLUSH, end).await {
            Ok(Ok(Ok(()))) => {}
            Ok(_) | Err(_) => tracing::warn!("the last traces may not have reached the collector"),
        }
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().split("::").next() == Some(NAME) && *metadata.level() <= tracing::Level::INFO
}

/// Where a collector takes traces, by its base or by that address itself.
fn traces_url(endpoint: &str) -> Option<Url> {
    let path = "/v1/traces";
    let base = endpoint.trim_end_matches('/').trim_end_matches(path);
    let url = Url::parse(&format!("{base}{path}")).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// The library exports on a thread of its own, where the HTTP client finds no runtime; this lends it
/// ours. It also says when the collector is lost and found, which the library keeps to itself.
#[derive(Debug)]
struct OnRuntime {
    exporter: SpanExporter,
    runtime: Handle,
    failing: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sending = self.exporter.export(batch);
        let sent = TokioContext::new(sending, self.runtime.clone()).await;
        let failed_before = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !failed_before => {
                tracing::warn!(%error, "traces do not reach the collector");
            }
            Ok(()) if failed_before => tracing::info!("traces reach the collector again"),
            Ok(()) | Err(_) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_leads_to_the_place_for_traces() {
        let url = |text| traces_url(text).map(String::from);
        let whole = Some("http://127.0.0.1:4318/v1/traces".to_owned());
        assert_eq!(url("http://127.0.0.1:4318"), whole);
        assert_eq!(url("http://127.0.0.1:4318/"), whole);
        assert_eq!(url("http://127.0.0.1:4318/v1/traces"), whole);
        assert_eq!(url("127.0.0.1:4318"), None);
        assert_eq!(url("here"), None);
    }
}
