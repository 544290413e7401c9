//! The running gateway with fakes around it: the harness of the stories.
//!
//! `World::new()` starts simulators of Telegram, Discord and a model, and the gateway in a runtime of its
//! own, so that it can be stopped (`restart`) or torn away (`crash`) while the simulators live on. People write,
//! `settle` waits until all is answered, `sees` renders a chat, and `finish` fails on whatever is left over.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, Once};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tokio_util::task::AbortOnDropHandle;
use toney::config::{Config, Sources};
use toney::model::{Clock, Ids, Seal, Standing};
use toney::platform::terminal::Streams;
use toney::store::Store;

mod gateway;
mod notes;
mod people;
mod place;

use crate::sim::discord::{self, Discord};
use crate::sim::model::Server as Model;
use crate::sim::servers::{Database, Postgres, Redis, free_port};
use crate::sim::telegram::{Place, SimOptions, Telegram};

use gateway::{Gateway, end};
pub(crate) use notes::NoNotes;
pub(crate) use people::Person;
use people::line;
use place::{folder, fresh_database};

/// Longer than anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What is due within this time is waited for; the pause between two attempts is shorter.
const SOON: Duration = Duration::from_millis(1_500);

/// Where the gateway keeps what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// A file.
    Sqlite,
    /// A fresh database in the cluster that all tests share, and a Redis of this world.
    Postgres,
    /// A cluster of this world alone, which may be killed, and a Redis.
    OwnPostgres,
}

/// What can be chosen before the world begins.
pub(crate) struct Options {
    pub(crate) engine: Engine,
    pub(crate) telegram: bool,
    pub(crate) discord: bool,
    /// The gateway's address is known (`World::http`) rather than any free one.
    pub(crate) http: bool,
    /// A second model stands behind the first.
    pub(crate) spare: bool,
    pub(crate) bot_api: SimOptions,
    pub(crate) discord_api: discord::Config,
    /// Somebody sits at the terminal; when their input ends, so does the program.
    pub(crate) terminal: Option<Streams>,
    /// What the gateway takes for the time.
    pub(crate) clock: Clock,
    env: BTreeMap<String, String>,
}

impl Options {
    /// A setting, as the environment gives it; `{http}` stands for the gateway's own address.
    pub(crate) fn set(&mut self, name: &str, value: impl ToString) {
        self.env.insert(name.to_owned(), value.to_string());
    }

    /// Settings that make stories quick; what they mean does not change.
    fn quick() -> Self {
        let mut options = Self {
            engine: Engine::Sqlite,
            telegram: true,
            discord: false,
            http: false,
            spare: false,
            bot_api: SimOptions::default(),
            discord_api: discord::Config::default(),
            terminal: None,
            clock: Clock::System,
            env: BTreeMap::new(),
        };
        options.set("TONEY__INTAKE__FLOOD_PER_MINUTE", 0);
        options.set("TONEY__INTAKE__QUIET_MS", 150);
        options.set("TONEY__DELIVERY__PACE", false);
        options.set("TONEY__DELIVERY__SETTLE_MS", 200);
        options.set("TONEY__DELIVERY__PREVIEW_EVERY_MS", 60);
        options.set("TONEY__TURN__PREVIEW_AFTER_MS", 100);
        // The story of thumbs switches them on; all others are about other buttons.
        options.set("TONEY__TURN__THUMBS", false);
        // The story of safety says when a notice is due; all others move the clock for other reasons.
        options.set("TONEY__SAFETY__NOTICE_HOURS", 0);
        // So does the story of nudges with the question about them.
        options.set("TONEY__NUDGES__ASK", false);
        // Whoever tells of the sweep does it by hand; no other story is about what is said unasked.
        options.set("TONEY__TRIGGERS__SWEEP_MINUTES", 0);
        options.set("TONEY__JOBS__LONGEST_PAUSE_SECONDS", 1);
        options.set("TONEY__TELEGRAM__POLL_TIMEOUT", 2);
        options.set("TONEY__MODELS__NEARBY", "");
        options.set("TONEY__KNOWLEDGE__READER", env!("CARGO_BIN_EXE_toney"));
        options.set("TONEY__KNOWLEDGE__STARTER", false);
        options
    }
}

/// The gateway and everything around it.
pub(crate) struct World {
    pub(crate) telegram: Telegram,
    pub(crate) discord: Discord,
    pub(crate) model: Model,
    pub(crate) spare: Model,
    pub(crate) postgres: Option<Postgres>,
    pub(crate) redis: Option<Redis>,
    pub(crate) folder: PathBuf,
    /// Where the gateway serves HTTP.
    pub(crate) http: String,
    /// The gateway's.
    pub(crate) clock: Clock,
    config: Config,
    env: BTreeMap<String, String>,
    url: String,
    _database: Option<Database>,
    gateway: Option<Gateway>,
    second: Option<Gateway>,
    has_telegram: bool,
    terminal: Option<Streams>,
    sitting: Vec<std::io::PipeWriter>,
    /// What was read of every chat: message and how often it had been edited.
    read: Mutex<HashMap<(i64, i64), u32>>,
    names: Mutex<HashMap<i64, String>>,
    dead_letters: i64,
    unsent: i64,
}

impl World {
    /// SQLite, Telegram, one model that says back what it hears.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn on(engine: Engine) -> Self {
        Self::with(|options| options.engine = engine).await
    }

    pub(crate) async fn with(choose: impl FnOnce(&mut Options)) -> Self {
        prepare();
        let mut options = Options::quick();
        choose(&mut options);
        let telegram = Telegram::start(options.bot_api.clone()).await;
        let discord = Discord::with_config(options.discord_api.clone()).await;
        let (model, spare) = (Model::start().await, Model::start().await);
        let folder = folder();
        // Only few stories ask over HTTP; between choosing a port and taking it another process may come.
        let port = if options.http { free_port() } else { 0 };
        let (url, database, postgres, redis) = match options.engine {
            Engine::Sqlite => {
                let url = format!("sqlite://{}/toney.db", folder.display());
                (url, None, None, None)
            }
            Engine::Postgres => {
                let database = fresh_database().await;
                let redis = Redis::start().await;
                (database.url.clone(), Some(database), None, Some(redis))
            }
            Engine::OwnPostgres => {
                let (postgres, redis) = tokio::join!(Postgres::start(), Redis::start());
                (postgres.url("postgres"), None, Some(postgres), Some(redis))
            }
        };
        let mut env = BTreeMap::new();
        let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
        set("TONEY_DATA_DIR", folder.display().to_string());
        set("TONEY_HTTP_ADDR", format!("127.0.0.1:{port}"));
        set("DATABASE_URL", url.clone());
        set("OPENAI_BASE_URL", model.base_url());
        set("OPENAI_API_KEY", "first".to_owned());
        let mut chain = "openai/scripted".to_owned();
        if options.spare {
            chain.push_str(",spare/scripted");
            set("TONEY__PROVIDERS__SPARE__BASE_URL", spare.base_url());
        }
        set("TONEY__MODELS__CHAT", chain);
        if let Some(redis) = &redis {
            set("REDIS_URL", redis.url());
        }
        if options.telegram {
            set("TELEGRAM_BOT_TOKEN", telegram.token().to_owned());
            set("TELEGRAM_API_URL", telegram.url());
        }
        if options.discord {
            set("DISCORD_BOT_TOKEN", discord.token());
            set("DISCORD_API_URL", discord.api_url());
        }
        // What a story asks for is stronger than all of it.
        env.extend(options.env);
        let http = format!("http://127.0.0.1:{port}");
        env.values_mut()
            .for_each(|value| *value = value.replace("{http}", &http));
        let mut world = Self {
            config: settings(env.clone()),
            env,
            clock: options.clock,
            telegram,
            discord,
            model,
            spare,
            postgres,
            redis,
            folder,
            http,
            url,
            _database: database,
            gateway: None,
            second: None,
            has_telegram: options.telegram,
            terminal: options.terminal,
            sitting: Vec::new(),
            read: Mutex::default(),
            names: Mutex::default(),
            dead_letters: 0,
            unsent: 0,
        };
        world.start().await;
        world.until_ready().await;
        world
    }

    /// A new person on Telegram.
    pub(crate) fn person(&self, name: &str) -> Person {
        let user = self.telegram.person(name);
        self.names.lock().unwrap().insert(user.id, name.to_owned());
        Person {
            user,
            telegram: self.telegram.clone(),
        }
    }

    /// Somebody who was greeted before the story begins.
    pub(crate) async fn friend(&self, name: &str) -> Person {
        let friend = self.person(name);
        friend.says("/start");
        self.settle().await;
        assert!(self.sees(&friend).contains("an AI"));
        friend
    }

    /// Somebody who came with an invitation, by which they work for `artist`.
    pub(crate) async fn invited(&self, name: &str, (artist, standing): (&str, Standing)) -> Person {
        let store = self.store().await;
        let artist = store.make_artist(artist).await.unwrap();
        let expires = self.clock.now().plus(PATIENCE);
        let code = store.invite(artist.id, standing, expires).await.unwrap();
        let person = self.person(name);
        person.says(&format!("/start {code}"));
        self.settle().await;
        assert!(self.sees(&person).contains("You're in"));
        person
    }

    /// A command of the program beside the gateway: how it ended and what it printed.
    pub(crate) async fn toney(&self, arguments: &[&str]) -> (i32, String) {
        let ran = self.program(arguments).output().await;
        let ran = ran.expect("a program");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        (ran.status.code().unwrap_or(-1), said)
    }

    /// The program with the gateway's settings, not started yet.
    pub(crate) fn program(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_toney"));
        command.args(arguments).env_clear().envs(&self.env);
        command.current_dir(&self.folder);
        command
    }

    /// The seal with which the program signs.
    pub(crate) fn seal(&self) -> Seal {
        let key = self.config.secret_key().expect("a key");
        let key = *key.expose();
        Seal::new(move || Some(key))
    }

    /// The database, beside the program.
    pub(crate) async fn store(&self) -> Store {
        let settings = self.config.section("store").unwrap();
        let ids = Ids::new(Clock::System, None);
        let (store, _, _) = Store::open(&settings, Clock::System, ids).await.unwrap();
        store
    }

    /// The database as a process of its own uses it, and the writer that it needs.
    pub(crate) async fn store_of(&self, clock: Clock, ids: Ids) -> (Store, AbortOnDropHandle<()>) {
        let settings = self.config.section("store").unwrap();
        let (store, writer, _) = Store::open(&settings, clock, ids).await.unwrap();
        let writer = AbortOnDropHandle::new(tokio::task::spawn(writer));
        store.start().await.unwrap();
        (store, writer)
    }

    /// Starts the program after `stop` or `crash`; does not wait until it is ready.
    pub(crate) async fn start(&mut self) {
        assert!(self.gateway.is_none(), "it runs already");
        let streams = self.terminal.take();
        let clock = self.clock.clone();
        self.gateway = Some(Gateway::start(self.config.clone(), clock, streams));
    }

    /// Starts the program a second time on the same database; it takes over what the first leaves.
    pub(crate) async fn join(&mut self) {
        let elsewhere = self.config.clone().with("http.addr", "127.0.0.1:0");
        let second = elsewhere.expect("an address");
        let second = Gateway::start(second, self.clock.clone(), None);
        until("the second is ready", || second.readiness.is_ready()).await;
        self.second = Some(second);
    }

    /// Starts the program on the same database after `stop` or `crash`, but with nobody to talk to except whoever
    /// would sit at its terminal.
    pub(crate) async fn start_elsewhere(&mut self) {
        assert!(self.gateway.is_none(), "it runs already");
        let config = self.config.clone().without("telegram.token");
        let (silent, typing) = std::io::pipe().expect("a pipe");
        let streams = Streams {
            input: Box::new(std::io::BufReader::new(silent)),
            output: Box::new(std::io::sink()),
            live: false,
        };
        // Whoever sits there never types, and never leaves.
        self.sitting.push(typing);
        self.gateway = Some(Gateway::start(config, self.clock.clone(), Some(streams)));
        self.until_ready().await;
    }

    /// Waits until every part says that it works.
    pub(crate) async fn until_ready(&self) {
        let gateway = self.gateway.as_ref().expect("a running gateway");
        let begun = Instant::now();
        while !gateway.readiness.is_ready() {
            assert!(
                begun.elapsed() < PATIENCE,
                "not ready: {:?}",
                gateway.readiness
            );
            pause().await;
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.gateway
            .as_ref()
            .is_some_and(|gateway| gateway.readiness.is_ready())
    }

    /// Ends the program as SIGTERM does.
    pub(crate) async fn stop(&mut self) {
        self.gateway.take().expect("a running gateway").stop().await;
    }

    /// Ends the program in order and starts it again, as an update does.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
        self.until_ready().await;
    }

    /// Ends the program in order and starts it again with a setting changed.
    pub(crate) async fn restart_with(&mut self, setting: &str, text: &str) {
        self.config = self.config.clone().with(setting, text).expect("a setting");
        self.restart().await;
    }

    /// Tears the program away in the middle of whatever it does. Its lease is made to be over, so that nobody has
    /// to wait for that; with SQLite its death is noticed at once.
    pub(crate) async fn die(&mut self) {
        let gateway = self.gateway.take().expect("a running gateway");
        end(gateway.runtime).await;
        if self.url.starts_with("postgres") {
            const DEAD: &str = "UPDATE processes SET lease_until = 1
                 WHERE started_at = (SELECT MIN(started_at) FROM processes)";
            self.write(DEAD).await;
        }
    }

    /// Dies and starts again.
    pub(crate) async fn crash(&mut self) {
        self.die().await;
        self.start().await;
        self.until_ready().await;
    }

    /// Waits until everything that people wrote is stored, worked on and answered.
    pub(crate) async fn settle(&self) {
        let begun = Instant::now();
        loop {
            let rest = self.unsettled().await;
            if rest.is_empty() {
                return;
            }
            let late = begun.elapsed() > PATIENCE;
            assert!(!late, "this never settled: {rest}\n{}", self.dump().await);
            pause().await;
        }
    }

    /// What is still to be done; empty when all is quiet. Looks upstream first, so that nothing slips past.
    async fn unsettled(&self) -> String {
        if self.has_telegram {
            let (waiting, presses) = self.telegram.look(|s| (s.unconfirmed(), s.unanswered()));
            if waiting + presses > 0 {
                return format!("{waiting} updates, {presses} presses");
            }
        }
        // What waits for its time is not late; a job that is tried again waits a second at most.
        let soon = self.clock.now().plus(SOON).ms();
        let open = format!(
            "SELECT 'job ' || kind || ' ' || error FROM jobs WHERE state = 'due' AND run_at < {soon}
             UNION ALL SELECT 'outbound ' || state || ' ' || error FROM outbound
             WHERE state NOT IN ('sent', 'failed')
             UNION ALL SELECT 'lane ' || lane FROM lanes WHERE holder <> ''"
        );
        match self.try_read(&open).await {
            Ok(rows) => rows.join("; "),
            Err(error) => format!("the database: {error}"),
        }
    }

    /// Waits until the statement, which gives one column of text, gives these rows.
    pub(crate) async fn until_stored(&self, sql: &str, rows: &[&str]) {
        let begun = Instant::now();
        loop {
            let is = self.read(sql).await;
            if is == rows {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{sql}: {is:?} and not {rows:?}\n{}",
                self.dump().await
            );
            pause().await;
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// Reads one column of text from the gateway's database.
    pub(crate) async fn read(&self, sql: &str) -> Vec<String> {
        self.try_read(sql).await.expect("a readable database")
    }

    async fn try_read(&self, sql: &str) -> sqlx::Result<Vec<String>> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.url.starts_with("postgres") {
            let mut connection = PgConnection::connect(&self.url).await?;
            let rows = sqlx::query_scalar(sql).fetch_all(&mut connection).await;
            connection.close().await.ok();
            rows
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await?;
            let rows = sqlx::query_scalar(sql).fetch_all(&mut connection).await;
            connection.close().await.ok();
            rows
        }
    }

    /// Changes the gateway's database.
    pub(crate) async fn write(&self, sql: &str) {
        self.read(&format!("{sql} RETURNING ''")).await;
    }

    /// What is new or changed in a chat since the last look, one message per line: `toney: Hello [Yes]`. Entities
    /// are not shown; files stand as `<photo>`, notes of the server as `* …`.
    pub(crate) fn sees(&self, place: impl Into<Place>) -> String {
        let place = place.into();
        let mut read = self.read.lock().unwrap();
        let names = self.names.lock().unwrap();
        let messages = self.telegram.transcript(place);
        let mut lines = Vec::new();
        for msg in &messages {
            let seen = read.insert((msg.chat, msg.id), msg.edits);
            if seen == Some(msg.edits) || msg.deleted {
                continue;
            }
            let to = messages.iter().find(|to| Some(to.id) == msg.reply_to);
            lines.push(line(&names, msg, to));
        }
        lines.join("\n")
    }

    /// Lets so many jobs be dead letters at the end.
    pub(crate) fn expect_dead_letters(&mut self, jobs: i64) {
        self.dead_letters = jobs;
    }

    /// Lets so many messages be given up at the end.
    pub(crate) fn expect_unsent(&mut self, outbound: i64) {
        self.unsent = outbound;
    }

    /// Ends the story: settles, stops, and fails on anything that is left over.
    pub(crate) async fn finish(mut self) {
        self.settle().await;
        let running = [self.gateway.take(), self.second.take()];
        for gateway in running.into_iter().flatten() {
            gateway.stop().await;
        }
        if self.has_telegram {
            self.telegram.assert_done();
        }
        let unread = self.unread();
        assert!(unread.is_empty(), "nobody read this:\n{unread}");
        assert_eq!(self.discord.violations(), [""; 0]);
        self.model.assert_clean();
        self.spare.assert_clean();
        let dead = self.count("jobs", "state = 'dead'").await;
        let failed = self.count("outbound", "state = 'failed'").await;
        let (left, declared) = ((dead, failed), (self.dead_letters, self.unsent));
        assert_eq!(left, declared, "{}", self.dump().await);
        let held = self.count("lanes", "holder <> ''").await;
        assert_eq!(held, 0, "lanes are held by nobody who lives");
    }

    async fn count(&self, table: &str, condition: &str) -> i64 {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table} WHERE {condition}");
        self.read(&sql).await[0].parse().unwrap()
    }

    fn unread(&self) -> String {
        let read = self.read.lock().unwrap();
        let mut unread = String::new();
        self.telegram.look(|s| {
            for msg in s.all() {
                let seen = read.get(&(msg.chat, msg.id)).copied();
                if msg.from_bot && !msg.deleted && seen != Some(msg.edits) {
                    writeln!(unread, "in {}: {}", msg.chat, msg.text).ok();
                }
            }
        });
        unread
    }

    /// Everything that helps to see why a story went wrong.
    pub(crate) async fn dump(&self) -> String {
        let mut out = String::new();
        let mut chats: Vec<i64> = self.telegram.look(|s| s.all().map(|m| m.chat).collect());
        chats.sort_unstable();
        chats.dedup();
        for chat in chats.into_iter().take(10) {
            let place = Place { chat, thread: None };
            writeln!(out, "-- {chat}\n{}", self.telegram.render(place)).ok();
        }
        writeln!(out, "{}", self.discord.render_all()).ok();
        const ROWS: &str = "SELECT kind || ' ' || state || ' ' || lane || ' tries '
             || CAST(attempts AS TEXT) || ' ' || error FROM jobs WHERE state <> 'done'
             UNION ALL SELECT 'outbound ' || state || ' ' || lane || ' tries '
             || CAST(attempts AS TEXT) || ' ' || error || ' ' || content FROM outbound
             WHERE state <> 'sent'
             UNION ALL SELECT 'lane ' || lane || ' held by ' || holder FROM lanes WHERE holder <> ''";
        let rows = self.try_read(ROWS).await;
        write!(out, "-- {:#?}\n-- model {:?}", rows, self.model.counts()).ok();
        out
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let running = [self.gateway.take(), self.second.take()];
        for gateway in running.into_iter().flatten() {
            gateway.runtime.shutdown_background();
        }
        if std::thread::panicking() {
            eprintln!("its folder: {}", self.folder.display());
        } else {
            std::fs::remove_dir_all(&self.folder).ok();
        }
    }
}

fn settings(env: BTreeMap<String, String>) -> Config {
    let sources = Sources {
        env,
        ..Sources::default()
    };
    Config::load(&sources).expect("settings of a story")
}

fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let filter = tracing_subscriber::EnvFilter::try_from_env("TONEY_TEST_LOG");
        if let Ok(filter) = filter {
            tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_writer(std::io::stderr)
                .init();
        }
    });
}

/// The pause between two looks at a condition that nobody announces.
pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    until_so(what, async || holds()).await;
}

/// Waits until the condition, which has to be asked for, holds.
pub(crate) async fn until_so(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for: {what}");
        pause().await;
    }
}

/// Runs a story; the snapshots in it may be looked at by several tests.
pub(crate) fn tell(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    insta::allow_duplicates! { runtime.block_on(story) }
}

/// Tells each story twice: on SQLite alone, and on PostgreSQL with Redis.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod on_sqlite {
            $(#[test]
            fn $name() {
                $crate::world::tell(super::$name($crate::world::Engine::Sqlite));
            })*
        }
        mod on_postgres {
            $(#[test]
            fn $name() {
                $crate::world::tell(super::$name($crate::world::Engine::Postgres));
            })*
        }
    };
}
pub(crate) use on_both;

/// Lets a test that keeps the log hear every line: with a single subscriber in the process, a line that another
/// thread reaches first is taken for one that nobody wants.
pub(crate) fn hear_every_line() {
    static SECOND: LazyLock<tracing::Dispatch> =
        LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&SECOND);
}
