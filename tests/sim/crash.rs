//! The crash test: the real program is killed at random and at chosen moments while people talk on both platforms, and
//! in the end every message must have been answered exactly once, in order, in its own chat.
//!
//! `Plan::run` plays it; `talk` are the people, `verdict` counts what came of it.

mod decide;
mod talk;
mod verdict;

use std::time::{Duration, Instant};

use super::dice::Dice;
use super::discord::{Discord, Kind, When, route};
use super::model::Server;
use super::program::Program;
use super::servers::{Postgres, Redis};
use super::telegram::{Fault, On, Telegram};

pub use decide::{Calm, Decisions};
use talk::World;
pub use verdict::Report;

/// The longest a killed program stays away.
const AWAY: Duration = Duration::from_millis(60);
/// The longest a program lives before it is killed at random.
const LIFE: Duration = Duration::from_millis(700);
/// What a dead program held on PostgreSQL stays its own for so long, and the next one waits for it: nearly all of the
/// time of that test. Shorter leases cannot be set.
const LEASE: Duration = Duration::from_secs(1);
/// A moment that was waited for may not come; then the program dies all the same.
const PATIENCE: Duration = Duration::from_secs(4);
/// So long after it was tried to bring the moment about, it is tried again.
const AGAIN: Duration = Duration::from_millis(400);
/// Nobody says more while so many messages wait for their answers.
const WAITING: usize = 40;

/// Where everything is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Sqlite,
    /// PostgreSQL and Redis, which are killed as well.
    Shared,
}

/// A crash test.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub kills: usize,
    pub store: Store,
    /// After the last kill everything must be answered within this time.
    pub patience: Duration,
    /// Says how far it is.
    pub loud: bool,
}

/// When the program dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// At any time.
    Random,
    /// Before it is ready.
    Starting,
    /// When a message has just been handed to it.
    Fetched,
    /// When the model has just been asked.
    Asked,
    /// A send was taken by Telegram, and nobody heard of it.
    SentTelegram,
    /// A send was on its way to Telegram, and was not taken.
    Unsent,
    SentDiscord,
    EditedTelegram,
    EditedDiscord,
    /// An interaction was answered, and nobody heard of it.
    Acknowledged,
    /// A press of a button on Telegram, likewise.
    Pressed,
    /// The answer to a press was on its way, and was not taken.
    Unpressed,
}

const MOMENTS: [Moment; 12] = [
    Moment::Random,
    Moment::Starting,
    Moment::Fetched,
    Moment::Asked,
    Moment::SentTelegram,
    Moment::Unsent,
    Moment::SentDiscord,
    Moment::EditedTelegram,
    Moment::EditedDiscord,
    Moment::Acknowledged,
    Moment::Pressed,
    Moment::Unpressed,
];

/// The servers of the larger installation.
struct Servers {
    postgres: Postgres,
    redis: Redis,
}

/// One death.
#[derive(Clone, Copy, Debug)]
struct Death {
    at: Instant,
    moment: &'static str,
}

/// A crash test that runs.
struct Run {
    plan: Plan,
    dice: Dice,
    world: World,
    program: Program,
    servers: Option<Servers>,
    deaths: Vec<Death>,
}

impl Plan {
    /// Plays it to the end.
    pub async fn run(self) -> Report {
        let begun = Instant::now();
        let world = World::start(self.seed).await;
        let around = (&world.telegram, &world.discord, &world.model);
        let (program, servers) = cast(around, self.store).await;
        let mut run = Run {
            dice: Dice::new(self.seed),
            plan: self,
            world,
            program,
            servers,
            deaths: Vec::new(),
        };
        run.program.start();
        // Commands have to be registered before anybody can use one.
        let there = run.world.discord.wait_until(Duration::from_secs(30), |d| {
            d.connected() > 0 && !d.commands().is_empty()
        });
        assert!(there.await, "it never came up:\n{}", run.program.log());
        while run.deaths.len() < run.plan.kills {
            run.one_life().await;
            run.say_how_far(begun);
        }
        run.world.settle(run.plan.patience, &run.program).await;
        verdict::judge(&run, begun)
    }
}

async fn cast(
    (telegram, discord, model): (&Telegram, &Discord, &Server),
    store: Store,
) -> (Program, Option<Servers>) {
    let program = Program::toney();
    for (name, value) in [
        ("TELEGRAM_BOT_TOKEN", telegram.token().to_owned()),
        ("TELEGRAM_API_URL", telegram.url()),
        ("DISCORD_BOT_TOKEN", discord.token()),
        ("DISCORD_API_URL", discord.api_url()),
        ("OPENAI_API_KEY", "simulated".to_owned()),
        ("OPENAI_BASE_URL", model.base_url()),
        ("TONEY__INTAKE__QUEUE", "each".to_owned()),
        ("TONEY__INTAKE__FLOOD_PER_MINUTE", "0".to_owned()),
        ("TONEY__DELIVERY__PACE", "false".to_owned()),
        // Everything that takes its time takes less, so that a kill meets something more often.
        ("TONEY__DELIVERY__SETTLE_MS", "150".to_owned()),
        ("TONEY__DELIVERY__PREVIEW_EVERY_MS", "40".to_owned()),
        ("TONEY__TURN__PREVIEW_AFTER_MS", "20".to_owned()),
        ("TONEY__JOBS__LONGEST_PAUSE_SECONDS", "2".to_owned()),
        // A death is not the fault of what was worked on.
        ("TONEY__JOBS__MAX_ATTEMPTS", "1000".to_owned()),
        ("TONEY__DELIVERY__MAX_ATTEMPTS", "1000".to_owned()),
        ("TONEY_LOG", "info".to_owned()),
    ] {
        program.set(name, value);
    }
    if store == Store::Sqlite {
        return (program, None);
    }
    let postgres = Postgres::start().await;
    postgres.create_database("toney").await;
    let redis = Redis::start().await;
    program.set("DATABASE_URL", postgres.url("toney"));
    program.set("REDIS_URL", redis.url());
    program.set("TONEY__STORE__LEASE_SECONDS", LEASE.as_secs().to_string());
    (program, Some(Servers { postgres, redis }))
}

impl Run {
    /// From a running program to the next one, with a death in between.
    async fn one_life(&mut self) {
        // Deaths may not come faster than the work is done for ever.
        if self.world.waiting() > WAITING {
            self.world.quieten(WAITING / 4, self.plan.patience).await;
        }
        if self.servers.is_some() && self.dice.chance(15) {
            self.kill_a_server().await;
        }
        let moment = MOMENTS[self.dice.below(MOMENTS.len())];
        if moment == Moment::Starting {
            // Killed while it starts, the program dies twice.
            self.die("random").await;
            let wait = self.dice.within(Duration::from_millis(120));
            self.talk_for(wait).await;
        } else {
            self.wait_for(moment).await;
        }
        self.die(moment.name()).await;
    }

    /// SIGKILL, and a new one soon after; people talk meanwhile.
    async fn die(&mut self, moment: &'static str) {
        self.program.kill();
        self.deaths.push(Death {
            at: Instant::now(),
            moment,
        });
        self.world.say(self.dice.below(3));
        let away = self.dice.within(AWAY);
        tokio::time::sleep(away).await;
        // What still hung belongs to connections that are gone.
        self.world.telegram.clear_faults();
        self.world.discord.heal();
        self.program.start();
    }

    async fn kill_a_server(&mut self) {
        let Some(servers) = &self.servers else {
            return;
        };
        let redis = self.dice.chance(50);
        if redis {
            servers.redis.kill();
        } else {
            servers.postgres.kill();
        }
        self.deaths.push(Death {
            at: Instant::now(),
            moment: if redis { "redis" } else { "postgresql" },
        });
        self.world.say(3);
        let away = self.dice.within(Duration::from_millis(400));
        tokio::time::sleep(away).await;
        if redis {
            servers.redis.restart().await;
        } else {
            servers.postgres.restart().await;
        }
    }

    /// People talk until the moment has come; a moment that does not come in time is passed over.
    async fn wait_for(&mut self, moment: Moment) {
        let life = self.dice.within(LIFE);
        match moment {
            Moment::Random => {
                // It shall not die before it holds anything, or not always.
                let idle = match self.servers {
                    Some(_) => self.dice.within(LEASE),
                    None => Duration::ZERO,
                };
                return self.talk_for(life + idle).await;
            }
            Moment::Starting => return,
            _ => {}
        }
        // It shall have something to do and may have come up.
        self.talk_for(life / 2).await;
        self.world.say(2);
        let before = Marks::read(&self.world);
        self.set_trap(moment);
        let begun = Instant::now();
        let mut again = begun + AGAIN;
        while begun.elapsed() < PATIENCE && !Marks::read(&self.world).passed(&before, moment) {
            // Simulators are looked at often, so that the kill comes right after.
            tokio::time::sleep(Duration::from_millis(1)).await;
            if Instant::now() > again {
                again = Instant::now() + AGAIN;
                self.trigger(moment);
            }
        }
        let late = self.dice.within(Duration::from_millis(3));
        tokio::time::sleep(late).await;
    }

    /// Orders what is to go wrong.
    fn set_trap(&mut self, moment: Moment) {
        let telegram = |method: &str, fault| self.world.telegram.fault(On::method(method), fault);
        let discord = |route: &str| {
            let when = When::Times(1);
            self.world.discord.fail(route, when, Kind::ApplyThenHang);
        };
        match moment {
            Moment::SentTelegram => telegram("sendMessage", Fault::HangAfter),
            Moment::Unsent => telegram("sendMessage", Fault::Hang),
            Moment::EditedTelegram => telegram("editMessageText", Fault::HangAfter),
            Moment::Pressed => telegram("answerCallbackQuery", Fault::HangAfter),
            Moment::Unpressed => telegram("answerCallbackQuery", Fault::Hang),
            Moment::SentDiscord => discord(route::SEND),
            Moment::EditedDiscord => discord(route::EDIT),
            Moment::Acknowledged => discord(route::CALLBACK),
            Moment::Random | Moment::Starting | Moment::Fetched | Moment::Asked => {}
        }
        self.trigger(moment);
    }

    /// Somebody does what leads to the moment.
    fn trigger(&mut self, moment: Moment) {
        match moment {
            Moment::Acknowledged => self.world.use_command(),
            Moment::Pressed | Moment::Unpressed => self.world.press(),
            _ if self.world.waiting() < WAITING => self.world.say(1),
            _ => {}
        }
    }

    /// People talk for a while.
    async fn talk_for(&mut self, while_: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < while_ {
            if self.world.waiting() < WAITING {
                self.world.say(1);
            }
            let pause = self.dice.within(Duration::from_millis(60));
            tokio::time::sleep(pause.min(while_.saturating_sub(begun.elapsed()))).await;
        }
    }

    fn say_how_far(&self, begun: Instant) {
        if self.plan.loud && self.deaths.len().is_multiple_of(50) {
            eprintln!(
                "{} kills, {} messages, {} waiting, {:.0} s",
                self.deaths.len(),
                self.world.said.len(),
                self.world.waiting(),
                begun.elapsed().as_secs_f64()
            );
        }
    }
}

/// How far the simulators have counted.
struct Marks {
    asked: usize,
    unconfirmed: usize,
    telegram_hits: u64,
    discord_hits: u64,
}

impl Marks {
    fn read(world: &World) -> Self {
        Self {
            asked: world.model.counts().started,
            unconfirmed: world.telegram.look(|s| s.unconfirmed()),
            telegram_hits: world.telegram.fault_hits(),
            discord_hits: world.discord.fault_hits(),
        }
    }

    fn passed(&self, before: &Self, moment: Moment) -> bool {
        match moment {
            Moment::Random | Moment::Starting => true,
            // The update is out and not confirmed, or has been confirmed this instant.
            Moment::Fetched => self.unconfirmed != before.unconfirmed,
            Moment::Asked => self.asked > before.asked,
            Moment::SentTelegram
            | Moment::Unsent
            | Moment::EditedTelegram
            | Moment::Pressed
            | Moment::Unpressed => self.telegram_hits > before.telegram_hits,
            Moment::SentDiscord | Moment::EditedDiscord | Moment::Acknowledged => {
                self.discord_hits > before.discord_hits
            }
        }
    }
}

impl Moment {
    fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Starting => "starting",
            Self::Fetched => "update fetched",
            Self::Asked => "model asked",
            Self::SentTelegram => "telegram send taken",
            Self::Unsent => "telegram send not taken",
            Self::SentDiscord => "discord send taken",
            Self::EditedTelegram => "telegram edit taken",
            Self::EditedDiscord => "discord edit taken",
            Self::Acknowledged => "interaction acknowledged",
            Self::Pressed => "press answered",
            Self::Unpressed => "press not answered",
        }
    }
}
