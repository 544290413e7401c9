//! What the process says about itself: log lines, figures for Prometheus, traces for OpenTelemetry.
//!
//! Nothing leaves the machine unless a collector is set. Start with [`start`].

mod figures;
mod traces;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::IsTerminal;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{Config, Wrong};

pub use figures::Figures;
use traces::Exporter;

/// Settings of the section `[log]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What is logged, as `tracing` filters are written.
    pub filter: String,
    /// How a line looks.
    pub format: Format,
    /// The base of a collector that takes traces by OTLP over HTTP.
    pub otlp_endpoint: Option<String>,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// For machines: one object a line.
    Json,
}

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The error output.
    Stderr,
    /// The end of this file, for as long as a chat owns the screen; made with mode 0600.
    File(PathBuf),
}

/// Log, figures and traces of a running process.
pub struct Telemetry {
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Keeps the figures small while it lives.
    figures: Figures,
    traces: Option<Exporter>,
}

/// Log lines and traces that are put together and not yet in charge.
pub struct Logs {
    /// Takes events and spans.
    pub dispatch: Dispatch,
    traces: Option<Exporter>,
}

/// Takes over log, figures and traces for the whole process. Needs a running tokio runtime.
///
/// # Errors
///
/// When a setting is wrong ([`Wrong`] is in the chain), the file cannot be written, or something else
/// in the process has taken over before.
pub fn start(config: &Config, output: &Output) -> anyhow::Result<Telemetry> {
    let Logs { dispatch, traces } = logs(config, output)?;
    let mut figures = Figures::start()?;
    figures.take_over()?;
    tracing::dispatcher::set_global_default(dispatch).context("Taking over the log")?;
    for hint in config.hints() {
        tracing::warn!("{hint}");
    }
    Ok(Telemetry {
        metrics: figures.handle(),
        figures,
        traces,
    })
}

impl Telemetry {
    /// Sends what has not been sent yet; takes 2 s at most.
    pub async fn shut_down(self) {
        let Self {
            metrics: _,
            figures,
            traces,
        } = self;
        drop(figures);
        if let Some(traces) = traces {
            traces.shut_down().await;
        }
    }
}

/// Puts log lines and traces together.
///
/// # Errors
///
/// As for [`start`].
pub fn logs(config: &Config, output: &Output) -> anyhow::Result<Logs> {
    let settings: Settings = config.section("log")?;
    let Settings {
        filter,
        format,
        otlp_endpoint,
    } = &settings;
    let filter = EnvFilter::from_str(filter).map_err(|error| Wrong::Value {
        name: config.name("log.filter"),
        got: format!("\"{filter}\" ({error})"),
        wanted: "a level, or several parts with one each, like info,toney::delivery=debug".into(),
    })?;
    let (writer, color) = match output {
        Output::Stderr => (
            BoxMakeWriter::new(std::io::stderr),
            std::io::stderr().is_terminal(),
        ),
        Output::File(path) => (BoxMakeWriter::new(open(path)?), false),
    };
    let traces = match otlp_endpoint.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(endpoint) => Some(Exporter::new(endpoint, &config.name("log.otlp_endpoint"))?),
    };
    let subscriber = Registry::default()
        .with(traces.as_ref().map(Exporter::layer))
        .with(lines(*format, writer, color).with_filter(filter));
    Ok(Logs {
        dispatch: Dispatch::new(subscriber),
        traces,
    })
}

impl Logs {
    /// Sends what has not been sent yet; takes 2 s at most.
    pub async fn shut_down(self) {
        if let Some(traces) = self.traces {
            traces.shut_down().await;
        }
    }
}

fn lines<S, W>(format: Format, writer: W, color: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(color);
    match format {
        Format::Text => layer.boxed(),
        Format::Json => layer.json().flatten_event(true).boxed(),
    }
}

fn open(path: &Path) -> anyhow::Result<File> {
    // On the very first start the data folder is not there yet.
    if let Some(folder) = path.parent() {
        // Private talk will lie in it.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("The folder {} cannot be made", folder.display()))?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("The log cannot be written to {}", path.display()))
}
