use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

/// Samples are gathered into buckets so often, also when nobody asks for `/metrics`: until then each
/// of them takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// Upper bounds in seconds: from what a store takes to what a model may take.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

/// Upper bounds for how many things are done together.
const CHANGES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Figures that only rise.
const COUNTERS: &[(&str, &str)] = &[
    (
        "toney_acknowledgements_failed_total",
        "Interactions that could not be acknowledged in time",
    ),
    (
        "toney_budget_refused_total",
        "Calls of models that were refused because they could go over a budget, by whose limit it was",
    ),
    (
        "toney_capabilities_total",
        "Times that something was done or prepared for somebody, by capability and result",
    ),
    (
        "toney_checkouts_total",
        "Payments that somebody was about to make, by whether they were approved",
    ),
    ("toney_tips_total", "What happened to tips, by provider"),
    (
        "toney_safety_concealed_total",
        "Answers of models from which a key, a number or an address was taken out",
    ),
    (
        "toney_safety_faults_total",
        "Answers of models that were not sent as they were, by what was wrong and whether another was asked for",
    ),
    (
        "toney_safety_injections_total",
        "Answers for which a document, a forwarded message or a tool gave orders to the model, so that nothing with an effect was offered",
    ),
    (
        "toney_safety_notices_total",
        "Times that somebody was told once more that Toney is an AI",
    ),
    (
        "toney_safety_pages_total",
        "What happened to pages about somebody who may be in danger, by result",
    ),
    (
        "toney_safety_referrals_total",
        "Times that somebody was shown where help is, by level",
    ),
    (
        "toney_safety_signs_total",
        "Messages in which a danger was seen, by level, topic and language",
    ),
    (
        "toney_embedded_texts_total",
        "Texts that were turned into vectors, by model",
    ),
    (
        "toney_feedback_total",
        "Answers that somebody said helped or did not",
    ),
    (
        "toney_flood_refused_total",
        "Messages left aside because their sender wrote too fast",
    ),
    (
        "toney_approvals_total",
        "Requests for approval, asked and decided, by result",
    ),
    (
        "toney_watches_total",
        "Looks at somebody who was due, by trigger and what came of it",
    ),
    ("toney_inbound_total", "Things that came in, by platform"),
    ("toney_jobs_total", "Jobs run, by kind and result"),
    (
        "toney_lost_sends_total",
        "Sends without an answer that were resolved, by result",
    ),
    ("toney_mails_total", "E-mails, by what became of them"),
    (
        "toney_model_cache_hits_total",
        "Questions that were answered by what the same person was told before, by task",
    ),
    (
        "toney_model_calls_total",
        "Calls of models, by provider, model and result",
    ),
    (
        "toney_model_key_rests_total",
        "Times that one of several keys was turned down, by provider and reason",
    ),
    (
        "toney_nudges_dropped_total",
        "Things worth saying that were not said, by the rule of the gate that was in the way",
    ),
    (
        "toney_nudges_outcomes_total",
        "What became of messages that were said unasked, by outcome",
    ),
    (
        "toney_nudges_seen_total",
        "Things worth saying that triggers saw, by kind",
    ),
    (
        "toney_nudges_total",
        "Things said unasked or not, and what was suggested with them, by kind and result",
    ),
    (
        "toney_nudges_wishes_total",
        "Times that somebody said how they want to be written to, by wish",
    ),
    (
        "toney_poll_conflicts_total",
        "Times that another program asked for the same bot's updates",
    ),
    (
        "toney_rate_limited_total",
        "Times that a platform asked us to wait",
    ),
    (
        "toney_redis_recalls_total",
        "Times that Redis was asked what it remembers, by result",
    ),
    (
        "toney_redis_refused_total",
        "Writes that Redis did not take",
    ),
    ("toney_sends_total", "Messages sent, by platform and result"),
    (
        "toney_statement_rows_total",
        "Rows of statements of earnings, by what became of them",
    ),
    ("toney_turns_total", "Answers made, by how they ended"),
    (
        "toney_updates_skipped_total",
        "Updates of a kind that is not used, by kind",
    ),
    (
        "toney_webhooks_total",
        "Webhook calls, by platform and result",
    ),
    (
        "toney_workflow_failures_total",
        "Runs of workflows that failed for good",
    ),
    (
        "toney_workflow_runs_total",
        "Runs of workflows that began, by trigger",
    ),
];

/// Figures that rise and fall.
const GAUGES: &[(&str, &str)] = &[
    (
        "toney_nudges_acceptance_ratio",
        "Share of what was said unasked in half a year that people took up, from 0 to 1, by kind",
    ),
    (
        "toney_nudges_hour_acceptance_ratio",
        "Share of what was said unasked in half a year that people took up, from 0 to 1, by the hour of their own clock at which its two hours begin",
    ),
    (
        "toney_model_up",
        "1 while a model answers, 0 while it is left alone, by provider and model",
    ),
    (
        "toney_budget_spent_usd",
        "Dollars that the installation spent on models on the day of the last call, in UTC",
    ),
    (
        "toney_queue_depth",
        "What waits, by queue: jobs due and dead, messages to send and given up",
    ),
    (
        "toney_model_up",
        "1 while a model answers, 0 while it is left alone, by provider and model",
    ),
    (
        "toney_platform_connected",
        "1 while the account receives, 0 while it does not",
    ),
    (
        "toney_redis_connected",
        "1 while Redis answers, 0 while it does not",
    ),
];

/// Figures that are spread over buckets; those without `_seconds` count things.
const HISTOGRAMS: &[(&str, &str)] = &[
    (
        "toney_budget_batch_changes",
        "Reservations and settlements of budgets that were committed together",
    ),
    (
        "toney_delivery_seconds",
        "From the moment a message was due to the platform's answer",
    ),
    (
        "toney_event_handled_seconds",
        "From an event to the end of the work of one who subscribed to it, by kind of job",
    ),
    (
        "toney_model_first_token_seconds",
        "From the call of a model to the first sign of an answer",
    ),
    (
        "toney_embed_seconds",
        "From the call of an embedding model to its vectors",
    ),
    (
        "toney_model_seconds",
        "From the call of a model to the end of its answer",
    ),
    (
        "toney_store_batch_changes",
        "Changes that the store committed together",
    ),
    (
        "toney_checkout_seconds",
        "From the question whether a payment is right to its answer",
    ),
    (
        "toney_sweep_seconds",
        "One slice of the look at those who are due",
    ),
    (
        "toney_turn_seconds",
        "From the start of a turn to its commit",
    ),
];

/// Collects the process's figures; a thread keeps them small until this is dropped.
pub struct Figures {
    recorder: Option<PrometheusRecorder>,
    handle: PrometheusHandle,
    _stop: Sender<()>,
}

impl Figures {
    /// Begins to collect, for whoever is given the recorder.
    ///
    /// # Errors
    ///
    /// When no thread can be had.
    pub fn start() -> anyhow::Result<Self> {
        let seconds = Matcher::Suffix("_seconds".to_owned());
        let changes = Matcher::Suffix("_changes".to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(seconds, &SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(changes, &CHANGES))
            .context("Setting the buckets of the figures")?
            .build_recorder();
        metrics::with_local_recorder(&recorder, describe);
        let handle = recorder.handle();
        let (stop, stopped) = mpsc::channel::<()>();
        let kept = handle.clone();
        thread::Builder::new()
            .name("figures".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(UPKEEP) == Err(RecvTimeoutError::Timeout) {
                    kept.run_upkeep();
                }
            })
            .context("Starting the thread of the figures")?;
        Ok(Self {
            recorder: Some(recorder),
            handle,
            _stop: stop,
        })
    }

    /// Shows what was collected.
    pub fn handle(&self) -> PrometheusHandle {
        self.handle.clone()
    }

    /// Collects from the whole process.
    ///
    /// # Errors
    ///
    /// When something else does already.
    pub(super) fn take_over(&mut self) -> anyhow::Result<()> {
        match self.recorder.take() {
            Some(recorder) => {
                metrics::set_global_recorder(recorder).context("Taking over the figures")
            }
            None => Ok(()),
        }
    }

    /// Runs `work` with its figures collected here rather than from the whole process.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.recorder {
            Some(recorder) => metrics::with_local_recorder(recorder, work),
            None => work(),
        }
    }
}

fn describe() {
    for (name, about) in COUNTERS {
        describe_counter!(*name, *about);
    }
    for (name, about) in GAUGES {
        describe_gauge!(*name, *about);
    }
    for (name, about) in HISTOGRAMS {
        let unit = match name.ends_with("_seconds") {
            true => Unit::Seconds,
            false => Unit::Count,
        };
        describe_histogram!(*name, unit, *about);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn figures_are_shown_with_buckets_and_a_sentence() {
        let figures = Figures::start().unwrap();
        figures.during(|| {
            metrics::histogram!("toney_turn_seconds").record(0.3);
            metrics::histogram!("toney_store_batch_changes").record(3.0);
            metrics::counter!("toney_jobs_total", "kind" => "answer").increment(2);
        });
        let text = figures.handle().render();
        assert!(
            text.contains("toney_turn_seconds_bucket{le=\"0.25\"} 0"),
            "{text}"
        );
        assert!(
            text.contains("toney_turn_seconds_bucket{le=\"0.5\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("toney_store_batch_changes_bucket{le=\"4\"} 1"),
            "{text}"
        );
        assert!(text.contains("# HELP toney_jobs_total Jobs run"), "{text}");
        assert!(
            text.contains("toney_jobs_total{kind=\"answer\"} 2"),
            "{text}"
        );
    }

    #[test]
    fn every_figure_in_the_sources_has_a_sentence() {
        fn names(folder: &Path, into: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    names(&path, into);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let quoted = text.split('"').filter(|part| {
                        let name = part.strip_prefix("toney_").unwrap_or_default();
                        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                    });
                    into.extend(quoted.map(str::to_owned));
                }
            }
        }
        let mut used = Vec::new();
        names(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut used,
        );
        assert!(used.len() > 10);
        let described: Vec<_> = [COUNTERS, GAUGES, HISTOGRAMS].concat();
        for name in used {
            let known = described.iter().any(|(known, _)| *known == name);
            assert!(known, "{name} has no sentence in figures.rs");
        }
    }
}
