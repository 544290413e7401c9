//! The program with a store of either kind, an artist with a workflow, and a mail server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use toney::model::{Clock, Ids, PersonId, WorkflowId};
use toney::store::{Change, Settings, Store, WorkflowRow, Write};

use crate::sim::dice::Dice;
use crate::sim::program::Program;
use crate::sim::servers::{Postgres, Redis};
use crate::sim::smtp::Sink;
use crate::sim::telegram::{SimOptions, Telegram, User};
use crate::story_tips::STRIPE;
use crate::world::pause;

/// What a dead program held on PostgreSQL stays its own for so long. On a busy machine a shorter one is lost by the
/// living.
const LEASE: Duration = Duration::from_secs(2);
/// Longer than the greeting of many takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Scene {
    pub(crate) telegram: Telegram,
    pub(crate) sink: Sink,
    pub(crate) program: Program,
    /// The servers of the larger installation.
    servers: Option<(Postgres, Redis)>,
    url: String,
    deaths: AtomicU32,
}

impl Scene {
    pub(crate) async fn open(is_shared: bool) -> Self {
        let telegram = Telegram::start(SimOptions::default()).await;
        let sink = Sink::start().await;
        let program = Program::toney();
        for (name, value) in [
            ("TELEGRAM_BOT_TOKEN", telegram.token().to_owned()),
            ("TELEGRAM_API_URL", telegram.url()),
            ("STRIPE_WEBHOOK_SECRET", STRIPE.to_owned()),
            ("TONEY_MAIL_URL", sink.url()),
            ("TONEY_MAIL_FROM", "hello@toney.example".to_owned()),
            ("TONEY_OFFLINE", "1".to_owned()),
            ("TONEY__DELIVERY__PACE", "false".to_owned()),
            ("TONEY__INTAKE__FLOOD_PER_MINUTE", "0".to_owned()),
            ("TONEY__TELEGRAM__POLL_TIMEOUT", "2".to_owned()),
            // A death is not the fault of what was worked on.
            ("TONEY__JOBS__MAX_ATTEMPTS", "1000".to_owned()),
            ("TONEY__DELIVERY__MAX_ATTEMPTS", "1000".to_owned()),
            ("TONEY__JOBS__LONGEST_PAUSE_SECONDS", "2".to_owned()),
        ] {
            program.set(name, value);
        }
        let file = program.folder().join("data/toney.db").display().to_string();
        let mut url = format!("sqlite://{file}");
        let mut servers = None;
        if is_shared {
            let (postgres, redis) = tokio::join!(Postgres::start(), Redis::start());
            postgres.create_database("toney").await;
            url = postgres.url("toney");
            program.set("DATABASE_URL", &url);
            program.set("REDIS_URL", redis.url());
            program.set("TONEY__STORE__LEASE_SECONDS", LEASE.as_secs().to_string());
            servers = Some((postgres, redis));
        }
        Self {
            telegram,
            sink,
            program,
            servers,
            url,
            deaths: AtomicU32::new(0),
        }
    }

    /// An artist for whom this happens by itself.
    pub(crate) async fn prepare(&self, definition: &Value) {
        let settings = Settings {
            url: self.url.clone(),
            redis_url: String::new(),
            power_safe: false,
            lease_seconds: 10,
            keep_days: 30,
        };
        let ids = Ids::new(Clock::System, None);
        let (store, writer, _) = Store::open(&settings, Clock::System, ids.clone())
            .await
            .unwrap();
        let writer = tokio::spawn(writer);
        store.start().await.unwrap();
        let artist = store.make_artist("Nina").await.unwrap();
        let now = Clock::System.now().ms();
        let row = WorkflowRow {
            id: WorkflowId::new(&ids).to_string(),
            artist_id: artist.id.to_string(),
            person_id: PersonId::new(&ids).to_string(),
            name: "Thanks".to_owned(),
            trigger_kind: "tip".to_owned(),
            definition: definition.to_string(),
            state: "active".to_owned(),
            revision: 1,
            created_at: now,
            changed_at: now,
        };
        let writes = vec![Write::workflows(&[row]).unwrap()];
        let change = Change {
            writes,
            ..Change::default()
        };
        store.apply(change).await.unwrap();
        store.leave().await.unwrap();
        drop(store);
        writer.await.unwrap();
    }

    /// The program runs, and fans have a chat.
    pub(crate) async fn begin(&self, fans: usize) -> Vec<User> {
        self.program.start();
        let people: Vec<User> = (0..fans)
            .map(|n| self.telegram.person(&format!("fan{n}")))
            .collect();
        for person in &people {
            self.telegram.says(*person, *person, "/start");
        }
        let begun = Instant::now();
        while self
            .telegram
            .look(|s| people.iter().any(|one| s.replies(*one).is_empty()))
        {
            assert!(begun.elapsed() < PATIENCE, "{}", self.dump().await);
            pause().await;
        }
        people
    }

    pub(crate) fn webhook(&self) -> String {
        let address = self.program.setting("TONEY_HTTP_ADDR");
        format!("http://{address}/webhook/stripe")
    }

    pub(crate) fn store(&self) -> &'static str {
        match self.servers {
            None => "SQLite",
            Some(_) => "PostgreSQL and Redis",
        }
    }

    /// So long the next program lives, each a little longer than the last: on a machine so busy that none comes up in
    /// time, the story goes on all the same. On PostgreSQL it waits first for what the dead one held.
    pub(crate) fn life(&self, dice: &mut Dice) -> Duration {
        let longer = 15 * self.deaths.load(Ordering::Relaxed);
        let life = Duration::from_millis(300 + u64::from(longer));
        let life = life + dice.within(Duration::from_millis(500));
        match self.servers {
            None => life,
            Some(_) => life + LEASE,
        }
    }

    /// Kills the program, or now and then a server, and starts it again.
    pub(crate) async fn kill(&self, dice: &mut Dice) -> usize {
        self.deaths.fetch_add(1, Ordering::Relaxed);
        match &self.servers {
            Some((postgres, _)) if dice.chance(10) => {
                postgres.kill();
                postgres.restart().await;
            }
            Some((_, redis)) if dice.chance(10) => {
                redis.kill();
                redis.restart().await;
            }
            _ => {
                self.program.kill();
                self.program.start();
            }
        }
        1
    }

    /// What a statement gives; `{tip}` stands for the tip that an event is about.
    pub(crate) async fn read(&self, sql: &str) -> Vec<(String, i64)> {
        self.ask(sql).await.expect("a readable database")
    }

    /// Changes the database beside the program; whether that worked.
    pub(crate) async fn write(&self, sql: &str) -> bool {
        let sql = format!("{sql} RETURNING '', CAST(0 AS BIGINT)");
        self.ask(&sql).await.is_ok()
    }

    async fn ask(&self, sql: &str) -> sqlx::Result<Vec<(String, i64)>> {
        let is_postgres = self.servers.is_some();
        let tip = match is_postgres {
            true => "(CAST(body AS json) -> 'what' ->> 'tip')",
            false => "(body -> 'what' ->> 'tip')",
        };
        let sql = AssertSqlSafe(sql.replace("{tip}", tip));
        if is_postgres {
            let mut db = PgConnection::connect(&self.url).await?;
            let rows = sqlx::query_as(sql).fetch_all(&mut db).await;
            db.close().await.ok();
            return rows;
        }
        let mut db = SqliteConnection::connect(&self.url).await?;
        let rows = sqlx::query_as(sql).fetch_all(&mut db).await;
        db.close().await.ok();
        rows
    }

    /// Whether everything that was told is worked off. What is due later (the artist's digest) is not waited for.
    pub(crate) async fn is_settled(&self, tips: usize) -> bool {
        if self.telegram.look(|s| s.unconfirmed() > 0) {
            return false;
        }
        let soon = Clock::System.now().ms() + 60_000;
        let due =
            format!("SELECT 'due', COUNT(*) FROM jobs WHERE state = 'due' AND run_at < {soon}");
        let booked = "SELECT 'tips', COUNT(*) FROM tips WHERE paid = 1";
        let out = "SELECT 'out', COUNT(*) FROM outbound WHERE state NOT IN ('sent', 'failed')";
        self.read(booked).await[0].1 == i64::try_from(tips).unwrap()
            && self.read(&due).await[0].1 == 0
            && self.read(out).await[0].1 == 0
    }

    /// What is left over, and the log's end.
    pub(crate) async fn dump(&self) -> String {
        let left = "SELECT kind, COUNT(*) FROM jobs WHERE state = 'due' GROUP BY kind
            UNION ALL SELECT 'outbound ' || state, COUNT(*) FROM outbound GROUP BY state";
        let log = self.program.log();
        let lines: Vec<&str> = log.lines().rev().take(40).collect();
        format!("{:?}\n{}", self.read(left).await, lines.join("\n"))
    }
}
