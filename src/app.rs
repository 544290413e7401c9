//! The only file that knows everyone: settings become handles, handles become workers, and all of it
//! is begun and ended in the right order.

mod approval;
mod books;
mod care;
mod entrusted;
mod flows;
mod health;
mod library;
mod money;
mod nudges;
pub(crate) mod past;
mod people;
mod proactive;
mod receive;
pub(crate) mod tips;
pub(crate) mod voice;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::approval::Lost;
use crate::capability::{Fans, React};
use crate::config::Config;
use crate::delivery::Delivery;
use crate::health::{KIND as NOTICE, Watch};
use crate::http::{self, Readiness};
use crate::intake::{self, Hider, Intake};
use crate::jobs::{Runner, Workers};
use crate::llm::{self, Door};
use crate::model::{Address, Clock, Ids};
use crate::platform::discord::Discord;
use crate::platform::telegram::Telegram;
use crate::platform::terminal::Terminal;
use crate::platform::{Desk, Fatal, Inbox, Platform};
use crate::proactive::Look;
use crate::proactive::outreach::Back;
use crate::proactive::triggers::Waits;
use crate::store::{self, Claim, Fenced, Redis, Store, Subscription};
use crate::turn::{Command, ReleaseDecided};
use crate::workflow::{self, engine::EVENTS as WORKFLOWS};

pub(crate) use self::tips::tips_alone;
pub(crate) use approval::{approvals_of, seal_of};
use library::Library;
pub(crate) use library::{knowledge_of, load_starter};
pub(crate) use money::limits;
use receive::Receive;

/// Who hears of which event. One line each.
const SUBSCRIPTIONS: &[Subscription] = &[
    hears("window_exceeded", "summarise"),
    hears("tip_received", WORKFLOWS),
    hears("fan_joined", WORKFLOWS),
    hears("fan_milestone", WORKFLOWS),
    hears("earnings_threshold_reached", WORKFLOWS),
    hears("payout_ended", WORKFLOWS),
    hears("streams_spiked", WORKFLOWS),
    hears("workflow_failed", WORKFLOWS),
    hears("workflow_failed", workflow::note::FAILED),
    hears("approval_decided", workflow::engine::DECIDED),
    hears("statement_imported", "thresholds"),
    hears("tip_received", "thresholds"),
    hears("fan_joined", Fans::KIND),
    hears("fan_milestone", React::KIND),
    hears("earnings_threshold_reached", React::KIND),
    hears("payout_available", React::KIND),
    hears("provider_down", NOTICE),
    hears("provider_back", NOTICE),
    hears("address_lost", Lost::KIND),
    hears("approval_decided", ReleaseDecided::KIND),
    hears("approval_asked", Waits::KIND),
    hears("address_regained", Back::KIND),
    hears("tip_received", Look::KIND),
    hears("approval_decided", Look::KIND),
];

const fn hears(event: &'static str, worker: &'static str) -> Subscription {
    Subscription { event, worker }
}

/// Who hears of events of a name.
pub(crate) fn subscribers(event: &str) -> impl Iterator<Item = &'static str> {
    let all = SUBSCRIPTIONS.iter();
    all.filter(move |one| one.event == event)
        .map(|one| one.worker)
}

/// How long running turns may take to finish once the process is told to end.
const TURNS_GRACE: Duration = Duration::from_secs(6);
/// How long sends that have left may take to come back.
const SENDS_GRACE: Duration = Duration::from_secs(3);
/// Windows of conversations kept at hand, in bytes.
const WINDOWS: u64 = 12 * 1024 * 1024;

/// What the process is started with.
pub struct Start {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// A fixed seed for ids, in tests.
    pub seed: Option<u64>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Makes the chat at the terminal, if there is to be one.
    pub terminal: Option<Box<dyn FnOnce(Clock, Idle) -> Terminal + Send>>,
    /// What `/readyz` shows.
    pub readiness: Readiness,
    /// Whether it leaves alone what others did not finish.
    pub own_work_only: bool,
}

/// Answers whether everything said at an address has been answered.
pub type Idle = crate::platform::terminal::Idle;

/// Why the gateway ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was told to, or the chat at the terminal was over.
    Told,
    /// No platform can be served any more; the sentences say why.
    Hopeless(Vec<String>),
    /// Another process took over while this one was held up; start again.
    Fenced,
}

/// Everything that runs.
struct Gateway {
    store: Store,
    redis: Option<Redis>,
    door: Door,
    /// Hears which models are well.
    watch: Option<Watch>,
    platforms: Vec<Arc<dyn Platform>>,
    readiness: Readiness,
    /// Adapters and the intake stop first.
    receiving: CancellationToken,
    /// Then the turns.
    working: CancellationToken,
    /// Then the sends.
    sending: CancellationToken,
    /// Last, what serves the others.
    serving: CancellationToken,
    keep_days: u64,
    lease: Duration,
}

/// Runs the gateway until `stop`, or until there is nothing left to do.
///
/// # Errors
///
/// When a setting is wrong or a needed service cannot be had.
pub async fn run(start: Start, stop: CancellationToken) -> Result<Ended> {
    let Start {
        config,
        clock,
        seed,
        metrics,
        terminal,
        readiness,
        own_work_only,
    } = start;
    let tools = (clock.clone(), Ids::new(clock.clone(), seed));
    let store_settings: store::Settings = config.section("store")?;
    let redis = redis(&store_settings)?;
    let (store, writer, news) =
        Store::open(&store_settings, clock.clone(), tools.1.clone()).await?;
    store.subscribe(SUBSCRIPTIONS.to_vec());
    let (door, voices) = (door(&config, &clock)?, voice::voices(&config, &clock)?);
    let platforms = platforms(&config, &clock, terminal, &store)?;

    let delivery = delivery((&config, &tools), (&store, &redis), &platforms)?;
    let intake = intake((&config, &door), (&store, redis.clone()), &delivery, &tools)?;
    let library = Library::open(&config, &store, &tools)?;
    let tips = tips::tips(&config, (&store, &delivery), &platforms, &tools)?;
    let care = care::care(&config, (&store, &delivery), &tools)?;
    let shared = (library.knowledge(), redis.clone(), &tips, &care);
    let mut workers = workers::workers(&config, shared, (&door, &voices, &delivery), &tools)?;
    workers.extend(library.workers(&delivery));
    let (sends, claims) = mpsc::unbounded_channel();
    let runner = runner((&config, &tools), &store, (workers, sends, own_work_only))?;
    let (inbox, deliveries) = Inbox::new(1_024);
    let desk = receive::desk(inbox, store.clone());
    name_parts(&readiness, &platforms);
    let listening = http::Gateway {
        platforms: platforms.clone(),
        desk: desk.clone(),
        hooks: tips::hooks(&tips),
        readiness: readiness.clone(),
        metrics,
        stops: Some(flows::stops(&config, &store, &tools.0)?),
    };
    let server = http::Server::bind(&config.section("http")?, listening).await?;

    let all = Gateway {
        watch: health::watch(&config, (&store, &door), &tools, own_work_only)?,
        store,
        redis,
        door,
        platforms,
        readiness,
        receiving: CancellationToken::new(),
        working: CancellationToken::new(),
        sending: CancellationToken::new(),
        serving: CancellationToken::new(),
        keep_days: store_settings.keep_days,
        lease: Duration::from_secs(store_settings.lease_seconds),
    };
    let tasks = TaskTracker::new();
    tasks.spawn(writer);
    tasks.spawn(server.serve(all.serving.clone()));
    if !all.wait_for_store(&stop).await? {
        all.serving.cancel();
        return Ok(Ended::Told);
    }
    money::keep(&config, (&all, &voices), &tasks, &tools)?;
    let recordings = voice::recordings(&config, (&all.store, &delivery), &tools.0)?;
    tasks.spawn(until(all.serving.clone(), recordings.tend()));
    tasks.spawn(until(all.serving.clone(), care::warm(care)));
    tasks.spawn(delivery.run(claims, all.sending.clone(), SENDS_GRACE));
    let runner = Arc::new(runner);
    let turns = tasks.spawn(runner.clone().run(news, all.working.clone(), TURNS_GRACE));
    tasks.spawn(intake.run(deliveries, all.receiving.clone()));
    all.listen_to_redis(&tasks, runner);
    let tending = tasks.spawn(until(all.receiving.clone(), library.tend(own_work_only)));
    if own_work_only {
        // Whoever asks one thing has no time to ask again once everything is read.
        drop(tending.await);
    } else {
        let sweep = proactive::sweeper(&config, &all.store, &tools)?;
        tasks.spawn(until(all.receiving.clone(), proactive::begin(sweep)));
    }
    let ended = all.serve(&tasks, desk, stop).await;
    all.end(tasks, turns, ended).await
}

/// The way out.
fn delivery(
    (config, tools): (&Config, &(Clock, Ids)),
    (store, redis): (&Store, &Option<Redis>),
    platforms: &[Arc<dyn Platform>],
) -> Result<Delivery> {
    let shared = (store.clone(), redis.clone());
    let how = config.section("delivery")?;
    Ok(Delivery::new(shared, how, tools.clone(), platforms))
}

/// What has the work done.
fn runner(
    (config, tools): (&Config, &(Clock, Ids)),
    store: &Store,
    (workers, sends, own_work_only): (Workers, mpsc::UnboundedSender<Claim>, bool),
) -> Result<Runner> {
    let how = config.section("jobs")?;
    let runner = Runner::new(store.clone(), how, tools.clone(), workers, sends);
    Ok(match own_work_only {
        true => runner.with_own_work_only(),
        false => runner,
    })
}

/// Names every part before the first one works: else the rest would pass for all.
fn name_parts(readiness: &Readiness, platforms: &[Arc<dyn Platform>]) {
    readiness.set("store", Err("not asked yet".to_owned()));
    for platform in platforms.iter().filter(|one| !one.is_attended()) {
        readiness.set(&account_of(platform.as_ref()), Err("connecting".to_owned()));
    }
}

impl Gateway {
    /// Enters the store; says once when it is not there and tries until it is. False: told to stop.
    async fn wait_for_store(&self, stop: &CancellationToken) -> Result<bool> {
        let mut said = false;
        loop {
            match self.store.start().await {
                Ok(()) => {
                    if said {
                        tracing::info!("The database is there now");
                    }
                    self.readiness.set("store", Ok(()));
                    return Ok(true);
                }
                Err(error) if !self.store.is_remote() => {
                    return Err(error).context("Opening the database");
                }
                Err(error) => {
                    let sentence = format!("The database does not answer: {error:#}");
                    // Whoever read the line finds the same in the readiness.
                    self.readiness.set("store", Err(sentence.clone()));
                    if !said {
                        tracing::warn!("{sentence}; trying again until it does");
                        said = true;
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
                () = stop.cancelled() => return Ok(false),
            }
        }
    }

    /// A ring says that work came into a lane elsewhere; whoever has room looks.
    fn listen_to_redis(&self, tasks: &TaskTracker, runner: Arc<Runner>) {
        let Some(redis) = self.redis.clone() else {
            return;
        };
        let (rings, mut heard) = mpsc::unbounded_channel();
        let stop = self.serving.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = redis.listen(rings) => {}
                () = stop.cancelled() => {}
            }
        });
        tasks.spawn(async move {
            while let Some(lane) = heard.recv().await {
                runner.rung(&lane).await;
            }
        });
    }

    /// Receives on every platform until there is a reason to end.
    async fn serve(&self, tasks: &TaskTracker, desk: Desk, stop: CancellationToken) -> Ended {
        let (tell, mut told) = mpsc::unbounded_channel();
        for platform in &self.platforms {
            let receive = Receive {
                platform: platform.clone(),
                desk: desk.clone(),
                store: self.store.clone(),
                readiness: self.readiness.clone(),
                stop: self.receiving.clone(),
                every: self.lease / 3,
            };
            let tell = tell.clone();
            tasks.spawn(async move { drop(tell.send(receive.run().await)) });
        }
        drop(tell);
        let door = self.door.clone();
        let look = async move {
            tokio::join!(door.keep_looking(), door.keep_probing());
        };
        tasks.spawn(until(self.serving.clone(), look));
        if let Some(watch) = self.watch.clone() {
            tasks.spawn(until(self.serving.clone(), watch.run()));
        }
        let watch = async {
            tokio::select! {
                () = self.keep_alive() => {}
                () = self.store.lost() => {}
            }
        };
        tokio::pin!(watch);
        let mut left = self.platforms.len();
        let mut sentences = Vec::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ended::Told,
                () = &mut watch => return Ended::Fenced,
                Some(end) = told.recv() => {
                    left -= 1;
                    match end {
                        Ok(ends_all) if ends_all => {
                            // To leave is the first signal; one more and nothing is waited for.
                            stop.cancel();
                            return Ended::Told;
                        }
                        Ok(_) => {}
                        Err(Fatal(sentence)) => {
                            tracing::error!("{sentence}");
                            sentences.push(sentence);
                        }
                    }
                    if left == 0 {
                        return Ended::Hopeless(sentences);
                    }
                }
            }
        }
    }

    /// Renews the lease, measures the queues and tidies up; returns only when the lease is lost.
    async fn keep_alive(&self) {
        let mut beats: u64 = 0;
        loop {
            tokio::time::sleep(self.lease / 6).await;
            beats += 1;
            match self.store.renew().await {
                Ok(()) => self.readiness.set("store", Ok(())),
                Err(error) if error.is::<Fenced>() => return,
                Err(error) => {
                    let sentence = format!("The database does not answer: {error:#}");
                    self.readiness.set("store", Err(sentence));
                }
            }
            if let Ok(depth) = self.store.depth().await {
                let store::QueueDepth {
                    due,
                    dead,
                    waiting,
                    failed,
                } = depth;
                let figures = [
                    ("jobs_due", due),
                    ("jobs_dead", dead),
                    ("outbox", waiting),
                    ("failed", failed),
                ];
                for (queue, depth) in figures {
                    metrics::gauge!("toney_queue_depth", "queue" => queue).set(depth as f64);
                }
            }
            if beats.is_multiple_of(720)
                && let Err(error) = self.store.prune(self.keep_days).await
            {
                tracing::debug!(error = format!("{error:#}"), "Tidying up has to wait");
            }
        }
    }

    /// Ends everything in order: nothing new comes in, turns finish or are handed back, sends that
    /// left come back, and the process leaves the store.
    async fn end(
        self,
        tasks: TaskTracker,
        turns: tokio::task::JoinHandle<()>,
        ended: Ended,
    ) -> Result<Ended> {
        self.readiness.draining();
        self.receiving.cancel();
        self.working.cancel();
        if ended != Ended::Fenced {
            drop(turns.await);
        }
        self.sending.cancel();
        self.serving.cancel();
        tasks.close();
        let last = async {
            // The store's writer ends when nobody can reach it any more.
            while tasks.len() > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        drop(tokio::time::timeout(SENDS_GRACE + Duration::from_millis(500), last).await);
        if ended != Ended::Fenced
            && let Err(error) = self.store.leave().await
        {
            tracing::warn!(
                error = format!("{error:#}"),
                "What was not finished waits for its lease"
            );
        }
        Ok(ended)
    }
}

/// What an account is called in the readiness report.
fn account_of(platform: &dyn Platform) -> String {
    format!("{}:{}", platform.name(), platform.bot())
}

fn intake(
    (config, door): (&Config, &Door),
    (store, redis): (&Store, Option<Redis>),
    delivery: &Delivery,
    tools: &(Clock, Ids),
) -> Result<Arc<Intake>> {
    let settings: intake::Settings = config.section("intake")?;
    Ok(Arc::new(Intake::new(
        (store.clone(), redis),
        delivery.clone(),
        tools.clone(),
        settings.flood_per_minute,
        Hider::new(entrusted::seal(config), door.key_providers()),
    )))
}

/// The door to the models.
pub(crate) fn door(config: &Config, clock: &Clock) -> Result<Door> {
    let settings: llm::Settings = config.sections(&["offline", "models", "providers"])?;
    Ok(Door::open(&settings, clock.clone())?)
}

/// Redis, where it is set; asks nobody.
pub(crate) fn redis(settings: &store::Settings) -> Result<Option<Redis>> {
    Ok(settings.redis().map_err(misset)?)
}

/// A platform on which an account can be configured.
pub(crate) struct Configurable {
    /// The setting that switches it on.
    pub(crate) token: &'static str,
    /// The setting that says where it is.
    pub(crate) api_url: &'static str,
    /// A path there that answers everybody.
    pub(crate) greeting: &'static str,
    /// Makes the account; asks nobody.
    pub(crate) account: fn(&Config, Clock) -> Result<Arc<dyn Platform>>,
}

/// Where accounts can be had; the terminal is none. One piece each.
pub(crate) const ACCOUNTS: &[Configurable] = &[
    Configurable {
        token: "telegram.token",
        api_url: "telegram.api_url",
        greeting: "/",
        account: |config, clock| {
            let telegram = Telegram::new(config.section("telegram")?, commands(), clock);
            Ok(Arc::new(telegram.map_err(misset)?))
        },
    },
    Configurable {
        token: "discord.token",
        api_url: "discord.api_url",
        greeting: "/v10/gateway",
        account: |config, clock| {
            let discord = Discord::new(config.section("discord")?, clock, commands());
            Ok(Arc::new(discord.map_err(misset)?))
        },
    },
];

/// A setting that its room refuses; the sentence names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misset(String);

fn misset(error: anyhow::Error) -> Misset {
    Misset(format!("{error:#}"))
}

fn commands() -> Vec<(String, String)> {
    let all = Command::ALL.into_iter();
    all.map(|command| (command.name().to_owned(), command.about().to_owned()))
        .collect()
}

/// The accounts that are configured, and the terminal.
fn platforms(
    config: &Config,
    clock: &Clock,
    terminal: Option<Box<dyn FnOnce(Clock, Idle) -> Terminal + Send>>,
    store: &Store,
) -> Result<Vec<Arc<dyn Platform>>> {
    let configured = ACCOUNTS.iter().filter(|one| config.has(one.token));
    let mut platforms = configured
        .map(|one| (one.account)(config, clock.clone()))
        .collect::<Result<Vec<_>>>()?;
    if let Some(terminal) = terminal {
        let person = config.text("terminal.person");
        let lane_of: Address = format!("terminal:main:{person}").parse()?;
        let store = store.clone();
        let idle: Idle = Arc::new(move || {
            let (store, address) = (store.clone(), lane_of.clone());
            Box::pin(async move { store.is_idle(&address).await.unwrap_or(false) })
        });
        platforms.push(Arc::new(terminal(clock.clone(), idle)));
    }
    Ok(platforms)
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}
