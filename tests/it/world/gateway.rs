//! The program inside the test's own process, in a runtime that can be torn away.

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use toney::app::{self, Ended, Start};
use toney::cli::telemetry::Figures;
use toney::config::Config;
use toney::http::Readiness;
use toney::model::Clock;
use toney::platform::terminal::{self, Streams, Terminal};

use super::PATIENCE;

/// One run of the program.
pub(super) struct Gateway {
    pub(super) runtime: Runtime,
    stop: CancellationToken,
    ended: oneshot::Receiver<anyhow::Result<Ended>>,
    pub(super) readiness: Readiness,
}

impl Gateway {
    pub(super) async fn stop(self) {
        let Self {
            runtime,
            stop,
            ended,
            readiness: _,
        } = self;
        stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, ended).await;
        let ended = ended.expect("the gateway to end").expect("an end");
        assert_eq!(ended.expect("no error"), Ended::Told);
        end(runtime).await;
    }

    pub(super) fn start(config: Config, clock: Clock, streams: Option<Streams>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("gateway")
            .enable_all()
            .build()
            .expect("a runtime");
        let (stop, readiness) = (CancellationToken::new(), Readiness::default());
        let start = Start {
            config,
            clock,
            seed: None,
            metrics: Figures::start().expect("figures").handle(),
            terminal: streams.map(|streams| {
                Box::new(move |clock, idle| {
                    let settings = terminal::Settings::default();
                    Terminal::over(settings, clock, streams).with_idle(idle)
                }) as Box<dyn FnOnce(Clock, app::Idle) -> Terminal + Send>
            }),
            readiness: readiness.clone(),
            own_work_only: false,
        };
        let (end, ended) = oneshot::channel();
        let running = stop.clone();
        runtime.spawn(async move {
            let result = Box::pin(app::run(start, running)).await;
            if let Err(error) = &result {
                eprintln!("the gateway ended: {error:#}");
            }
            end.send(result).ok();
        });
        Self {
            runtime,
            stop,
            ended,
            readiness,
        }
    }
}

/// Ends a runtime with all its tasks, wherever they stand, and waits until they are gone.
pub(super) async fn end(runtime: Runtime) {
    let ending = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE));
    ending.await.expect("an end of the runtime");
}
