//! The simulators of one measurement, and the bots that can be put in front of them.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::plain::Order;
use crate::sim::discord::{Config, Discord};
use crate::sim::model::{self, Answer, Behaviour};
use crate::sim::program::Program;
use crate::sim::servers::{Postgres, Redis};
use crate::sim::telegram::{SimOptions, Telegram, User};

/// How long a bot may take to be there.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bot {
    Plain(Order),
    /// Toney on SQLite.
    Toney,
    /// Toney on PostgreSQL and Redis.
    Shared,
}

impl Bot {
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain(Order::PerChat) => "plain bot, in order per chat",
            Self::Plain(Order::None) => "plain bot, no order",
            Self::Toney => "toney, SQLite",
            Self::Shared => "toney, PostgreSQL + Redis",
        }
    }
}

/// The servers of the larger installation.
pub struct Servers {
    postgres: Postgres,
    redis: Redis,
}

impl Servers {
    pub async fn start() -> Self {
        Self {
            postgres: Postgres::start().await,
            redis: Redis::start().await,
        }
    }
}

/// A Telegram, a Discord and a model of one measurement.
pub struct Stage {
    pub telegram: Telegram,
    pub discord: Discord,
    pub model: model::Server,
    pub people: Vec<User>,
    servers: Option<Servers>,
}

impl Stage {
    /// The model says the last message (up to 500 characters) back, this long after it was asked.
    pub async fn new(people: usize, thinking: Duration) -> Self {
        let options = SimOptions {
            check_spec: false,
            ..SimOptions::default()
        };
        let telegram = Telegram::start(options).await;
        let config = Config {
            check_spec: false,
            record_calls: false,
            ..Config::default()
        };
        let discord = Discord::with_config(config).await;
        let model = model::Server::start().await;
        model.check(false);
        model.record(false);
        model.otherwise(Behaviour::call(move |request| {
            // A summary is asked for with the whole talk as the last message; no model answers at that length.
            let said: String = request.last("user").chars().take(500).collect();
            Answer::text(said).after(thinking)
        }));
        let people = (0..people).map(|n| telegram.person(&format!("fan{n}")));
        let people = people.collect();
        Self {
            telegram,
            discord,
            model,
            people,
            servers: None,
        }
    }

    /// The bot with everything it needs to know, not started yet. Toney answers every message for itself and is not
    /// held back by any limit of its own.
    pub async fn cast(&mut self, bot: Bot) -> Program {
        let program = match bot {
            Bot::Plain(order) => {
                let order = match order {
                    Order::PerChat => "per-chat",
                    Order::None => "none",
                };
                let me = std::env::current_exe().expect("the benchmark itself");
                Program::new(me, &["--plain", order])
            }
            Bot::Toney | Bot::Shared => Program::toney(),
        };
        program.set("TELEGRAM_BOT_TOKEN", self.telegram.token());
        program.set("TELEGRAM_API_URL", self.telegram.url());
        program.set("OPENAI_BASE_URL", self.model.base_url());
        if let Bot::Plain(_) = bot {
            return program;
        }
        program.set("OPENAI_API_KEY", "simulated");
        program.set("TONEY__DELIVERY__PACE", "false");
        program.set("TONEY__INTAKE__FLOOD_PER_MINUTE", "0");
        program.set("TONEY__INTAKE__QUEUE", "each");
        program.set("TONEY_LOG", "warn");
        if bot == Bot::Shared {
            let servers = Servers::start().await;
            servers.postgres.create_database("toney").await;
            program.set("DATABASE_URL", servers.postgres.url("toney"));
            program.set("REDIS_URL", servers.redis.url());
            self.servers = Some(servers);
        }
        program
    }

    /// Adds Discord to what Toney serves.
    pub fn with_discord(&self, program: &Program) {
        program.set("DISCORD_BOT_TOKEN", self.discord.token());
        program.set("DISCORD_API_URL", self.discord.api_url());
    }

    /// Starts it and waits until it listens to Telegram, and to Discord if it was told of it.
    pub async fn start(&self, program: &Program) {
        program.start();
        let both = !program.setting("DISCORD_BOT_TOKEN").is_empty();
        let polls = self.telegram.wait_until(PATIENCE, |s| s.polling()).await;
        let there = polls
            && (!both
                || self
                    .discord
                    .wait_until(PATIENCE, |d| d.connected() > 0)
                    .await);
        assert!(there, "the bot is not there; it said:\n{}", program.log());
    }
}

/// Whether the program says that it is ready.
pub async fn is_ready(program: &Program) -> bool {
    get(program, "/readyz")
        .await
        .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// What the program answers, its head included.
pub async fn get(program: &Program, path: &str) -> std::io::Result<String> {
    let address = program.setting("TONEY_HTTP_ADDR");
    let mut stream = TcpStream::connect(&address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
