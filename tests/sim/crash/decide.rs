//! The crash test of decisions: an artist on Telegram hands in release after release, a manager on Telegram and one on
//! Discord decide about each at the same instant (yes, no with a reason, sent back and handed in again) or let the time
//! run out, and the program is killed at random and at chosen moments all the while, and its servers with it. In the
//! end each was decided once, what was approved was carried out once, and every copy says so.
//!
//! `round` are the people, `judge` counts what came of it, `calm` measures how quick it is while nothing dies.

mod calm;
mod judge;
mod round;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::super::dice::Dice;
use super::super::discord::{self, Discord, Kind, When, route};
use super::super::model;
use super::super::program::Program;
use super::super::telegram::{self, Fault, On, SimOptions, Telegram};
use super::{AWAY, LEASE, LIFE, PATIENCE, Servers, Store, cast};
pub use calm::Calm;
use round::Way;

/// When the program dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Random,
    SentTelegram,
    EditedTelegram,
    Pressed,
    Unpressed,
    SentDiscord,
    EditedDiscord,
    Acknowledged,
}

const MOMENTS: [(Moment, &str); 8] = [
    (Moment::Random, "random"),
    (Moment::SentTelegram, "telegram card taken"),
    (Moment::EditedTelegram, "telegram copy edited"),
    (Moment::Pressed, "press answered"),
    (Moment::Unpressed, "press not answered"),
    (Moment::SentDiscord, "discord card taken"),
    (Moment::EditedDiscord, "discord copy edited"),
    (Moment::Acknowledged, "interaction acknowledged"),
];

/// A crash test of decisions.
#[derive(Clone, Debug)]
pub struct Decisions {
    pub seed: u64,
    pub kills: usize,
    pub store: Store,
    /// Nothing may take longer.
    pub patience: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub seed: u64,
    pub store: Store,
    pub kills: BTreeMap<&'static str, usize>,
    /// Requests, by what was to become of them.
    pub decided: BTreeMap<&'static str, usize>,
    pub faults: Vec<String>,
    pub wall: Duration,
}

impl Outcome {
    /// Each was decided once, carried out once, and every copy says so.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let killed: usize = self.kills.values().sum();
        writeln!(
            f,
            "{:?}, seed {}: {killed} kills {:?}",
            self.store, self.seed, self.kills
        )?;
        writeln!(
            f,
            "{} requests {:?}: {} faults; {:.0} s",
            self.decided.values().sum::<usize>(),
            self.decided,
            self.faults.len(),
            self.wall.as_secs_f64()
        )?;
        for fault in self.faults.iter().take(12) {
            writeln!(f, "  {fault}")?;
        }
        Ok(())
    }
}

struct Run {
    plan: Decisions,
    dice: Dice,
    telegram: Telegram,
    discord: Discord,
    program: Program,
    servers: Option<Servers>,
    ann: telegram::User,
    ben: telegram::User,
    mia: discord::User,
    at_mia: discord::Channel,
    kills: BTreeMap<&'static str, usize>,
    /// What was to become of each request, in order.
    ways: Vec<Way>,
    next: (Moment, &'static str),
    /// When the running program dies at the latest.
    dies_at: Instant,
    hits: u64,
    /// The model, which nobody asks.
    _model: model::Server,
}

impl Decisions {
    /// Plays it to the end.
    pub async fn run(self) -> Outcome {
        let begun = Instant::now();
        let telegram = Telegram::start(SimOptions::default()).await;
        let config = discord::Config {
            record_calls: false,
            ..discord::Config::default()
        };
        let discord = Discord::with_config(config).await;
        let model = model::Server::start().await;
        let (program, servers) = cast((&telegram, &discord, &model), self.store).await;
        let (ann, ben) = (telegram.person("ann"), telegram.person("ben"));
        let mia = discord.user("mia");
        let mut run = Run {
            dice: Dice::new(self.seed),
            at_mia: discord.dm(mia),
            kills: BTreeMap::new(),
            ways: Vec::new(),
            next: MOMENTS[0],
            dies_at: begun + Duration::from_secs(3_600),
            hits: 0,
            plan: self,
            telegram,
            discord,
            program,
            servers,
            ann,
            ben,
            mia,
            _model: model,
        };
        run.begin().await;
        run.live();
        while run.killed() < run.plan.kills || run.ways.len() < round::WAYS.len() {
            run.round().await;
        }
        // The last program lives until everything is done.
        run.dies_at = Instant::now() + Duration::from_secs(3_600);
        run.next = MOMENTS[0];
        run.telegram.clear_faults();
        run.discord.heal();
        run.rest().await;
        let faults = run.judge_all().await;
        let mut decided = BTreeMap::new();
        for way in &run.ways {
            *decided.entry(way.name()).or_default() += 1;
        }
        Outcome {
            seed: run.plan.seed,
            store: run.plan.store,
            kills: run.kills.clone(),
            decided,
            faults,
            wall: begun.elapsed(),
        }
    }
}

/// A code out of what `toney invite` says.
fn code(said: &str) -> String {
    let (_, rest) = said.split_once("/start ").expect("a code");
    rest.split_whitespace().next().expect("a code").to_owned()
}

impl Run {
    async fn begin(&mut self) {
        let invite = |role: &str| code(&self.program.run(&["invite", role, "--artist", "Ann"]));
        let (artist, first, second) = (invite("artist"), invite("manager"), invite("manager"));
        self.program.start();
        let there = self.discord.wait_until(Duration::from_secs(30), |d| {
            d.connected() > 0 && !d.commands().is_empty()
        });
        assert!(there.await, "it never came up:\n{}", self.program.log());
        self.telegram
            .says(self.ann, self.ann, &format!("/start {artist}"));
        self.telegram
            .says(self.ben, self.ben, &format!("/start {first}"));
        self.discord.whispers(self.mia, &format!("/start {second}"));
        self.until("they are in", |run| {
            let mia = run.discord.bot_messages(run.at_mia);
            run.said(run.ann, "You're in") == 1
                && run.said(run.ben, "You're in") == 1
                && mia.iter().any(|msg| msg.content.contains("You're in"))
        })
        .await;
    }

    fn killed(&self) -> usize {
        self.kills.values().sum()
    }

    /// How many lines of the bot to somebody hold these words.
    fn said(&self, who: telegram::User, words: &str) -> usize {
        self.telegram.look(|state| {
            let all = state.replies(who);
            all.iter().filter(|msg| msg.text.contains(words)).count()
        })
    }

    /// The next program is about to die.
    fn live(&mut self) {
        self.next = MOMENTS[self.dice.below(MOMENTS.len())];
        let life = match self.next.0 {
            Moment::Random => self.dice.within(LIFE),
            _ => PATIENCE,
        };
        self.dies_at = Instant::now() + life;
        self.hits = self.telegram.fault_hits() + self.discord.fault_hits();
        let telegram = |method: &str, fault| self.telegram.fault(On::method(method), fault);
        let discord = |route: &str| {
            self.discord
                .fail(route, When::Times(1), Kind::ApplyThenHang);
        };
        match self.next.0 {
            Moment::Random => {}
            Moment::SentTelegram => telegram("sendMessage", Fault::HangAfter),
            Moment::EditedTelegram => telegram("editMessageText", Fault::HangAfter),
            Moment::Pressed => telegram("answerCallbackQuery", Fault::HangAfter),
            Moment::Unpressed => telegram("answerCallbackQuery", Fault::Hang),
            Moment::SentDiscord => discord(route::SEND),
            Moment::EditedDiscord => discord(route::EDIT),
            Moment::Acknowledged => discord(route::CALLBACK),
        }
    }

    /// Kills the program if its time has come, and starts the next.
    async fn beat(&mut self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let hits = self.telegram.fault_hits() + self.discord.fault_hits();
        if self.dies_at > Instant::now() && (self.next.0 == Moment::Random || hits == self.hits) {
            return;
        }
        let late = self.dice.within(Duration::from_millis(3));
        tokio::time::sleep(late).await;
        if self.servers.is_some() && self.dice.chance(20) {
            self.kill_a_server().await;
            return self.live();
        }
        self.program.kill();
        *self.kills.entry(self.next.1).or_default() += 1;
        let away = self.dice.within(AWAY);
        tokio::time::sleep(away).await;
        self.telegram.clear_faults();
        self.discord.heal();
        self.program.start();
        if self.servers.is_some() {
            // What the dead one held is its own for a while; a program that dies within that time does nothing.
            let lease = self.dice.within(LEASE);
            tokio::time::sleep(lease).await;
        }
        self.live();
    }

    /// Redis or PostgreSQL dies under the running program and comes back.
    async fn kill_a_server(&mut self) {
        let away = self.dice.within(Duration::from_millis(400));
        let redis = self.dice.chance(50);
        let Some(servers) = &self.servers else {
            return;
        };
        match redis {
            true => servers.redis.kill(),
            false => servers.postgres.kill(),
        }
        tokio::time::sleep(away).await;
        match redis {
            true => servers.redis.restart().await,
            false => servers.postgres.restart().await,
        }
        self.telegram.clear_faults();
        self.discord.heal();
        let name = if redis { "redis" } else { "postgresql" };
        *self.kills.entry(name).or_default() += 1;
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            if begun.elapsed() > self.plan.patience {
                let log = self.program.keep_log("decisions");
                panic!(
                    "waited in vain for: {what}; the log: {}\n{}\n{}\n{}",
                    log.display(),
                    self.telegram.render(self.ann),
                    self.telegram.render(self.ben),
                    self.discord.render_all()
                );
            }
            self.beat().await;
        }
    }
}
