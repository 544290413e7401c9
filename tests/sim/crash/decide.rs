//! The crash test of decisions: an artist on Telegram hands in release after release, a manager on Telegram and one on
//! Discord approve each at the same instant, and the program is killed at random and at chosen moments all the while.
//! In the end each was decided once, carried out once, and every copy says so.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::super::dice::Dice;
use super::super::discord::{self, Discord, Kind, When, route};
use super::super::model;
use super::super::program::Program;
use super::super::telegram::{self, Fault, On, SimOptions, Telegram};
use super::{AGAIN, AWAY, LEASE, LIFE, PATIENCE, Servers, Store, cast};

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
    pub decided: usize,
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
            "{} decisions: {} faults; {:.0} s",
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
        let mut rounds = 0;
        while run.killed() < run.plan.kills {
            rounds += 1;
            run.round(rounds).await;
        }
        // The last program lives until everything is done.
        run.dies_at = Instant::now() + Duration::from_secs(3_600);
        run.next = MOMENTS[0];
        run.telegram.clear_faults();
        run.discord.heal();
        run.rest(rounds).await;
        let mut faults = Vec::new();
        for round in 1..=rounds {
            run.judge(round, &mut faults);
        }
        run.judge_rows(rounds, &mut faults).await;
        faults.extend(run.telegram.violations());
        faults.extend(run.discord.violations());
        if !faults.is_empty() {
            let log = run.program.keep_log("decisions");
            faults.push(format!("The log: {}", log.display()));
        }
        Outcome {
            seed: run.plan.seed,
            store: run.plan.store,
            kills: run.kills.clone(),
            decided: rounds,
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
        self.program.kill();
        *self.kills.entry(self.next.1).or_default() += 1;
        let away = self.dice.within(AWAY);
        tokio::time::sleep(away).await;
        self.telegram.clear_faults();
        self.discord.heal();
        if let Some(servers) = &self.servers
            && self.dice.chance(10)
        {
            servers.redis.kill();
            servers.redis.restart().await;
            *self.kills.entry("redis").or_default() += 1;
        }
        self.program.start();
        if self.servers.is_some() {
            // What the dead one held is its own for a while; a program that dies within that time does nothing.
            let lease = self.dice.within(LEASE);
            tokio::time::sleep(lease).await;
        }
        self.live();
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

    /// One release: described, handed in, approved by two at once.
    async fn round(&mut self, round: usize) {
        let title = format!("Song {round}.");
        let before = |run: &Self, words: &str| run.said(run.ann, words);
        for (words, answer) in [
            (format!("/release {title}"), "When should it come out?"),
            ("2030-12-24".to_owned(), "Anything your manager"),
            ("skip".to_owned(), "Where are the files"),
            ("skip".to_owned(), "Shall I hand this in"),
        ] {
            let known = before(self, answer);
            self.telegram.says(self.ann, self.ann, &words);
            self.until(answer, move |run| run.said(run.ann, answer) > known)
                .await;
        }
        self.telegram
            .presses_last(self.ann, self.ann, "Yes, hand it in");
        let both = title.clone();
        self.until("both have a card", move |run| {
            run.card(&both).is_some() && run.card_of_mia(&both).is_some()
        })
        .await;
        let mut pressed_at = None;
        let mut begun = Instant::now();
        while !self.is_told(&title) {
            assert!(
                begun.elapsed() < self.plan.patience,
                "{title} was never decided; the log: {}\n{}",
                self.program.keep_log("decisions").display(),
                self.telegram.render(self.ben),
            );
            // A press on Discord is lost when nobody is there; whoever sees the button still presses again.
            if pressed_at.is_none_or(|at: Instant| at.elapsed() > 4 * AGAIN) {
                pressed_at = Some(Instant::now());
                if let Some(card) = self.card(&title) {
                    self.telegram.presses(self.ben, self.ben, card, "Approve");
                }
                if let Some(card) = self.card_of_mia(&title) {
                    self.discord.press_on(self.mia, card, "Approve");
                }
                begun = begun.max(Instant::now() - self.plan.patience / 2);
            }
            self.beat().await;
        }
    }

    /// Ben's card of a release, while it can be pressed.
    fn card(&self, title: &str) -> Option<i64> {
        self.telegram.look(|state| {
            let all = state.replies(self.ben);
            let card = all.iter().find(|msg| {
                let mut labels = msg.buttons.iter().flatten();
                msg.text.contains(title) && labels.any(|one| one.label == "Approve")
            });
            card.map(|msg| msg.id)
        })
    }

    fn card_of_mia(&self, title: &str) -> Option<discord::Message> {
        let all = self.discord.bot_messages(self.at_mia);
        let card = all.iter().find(|msg| {
            msg.content.contains(title) && msg.buttons.iter().any(|label| label == "Approve")
        });
        card.map(|msg| msg.id)
    }

    /// Whether the artist was told how it ended.
    fn is_told(&self, title: &str) -> bool {
        let title = format!("Your request “Release “{title}””");
        self.said(self.ann, &title) > 0
    }

    /// Waits until nothing can be pressed any more, and for what may come twice.
    async fn rest(&mut self, rounds: usize) {
        self.until("every copy says what was decided", |run| {
            (1..=rounds).all(|round| {
                let title = format!("Song {round}.");
                run.card(&title).is_none() && run.card_of_mia(&title).is_none()
            })
        })
        .await;
        tokio::time::sleep(Duration::from_secs(4)).await;
    }

    fn judge(&self, round: usize, faults: &mut Vec<String>) {
        let title = format!("Song {round}.");
        let card = format!("Release “{title}”");
        let told = self.said(self.ann, &format!("Your request “{card}”"));
        if told != 1 {
            faults.push(format!("{title} the artist was told {told} times"));
        }
        let at_ben: Vec<(String, usize)> = self.telegram.look(|state| {
            let all = state.replies(self.ben);
            let cards = all.iter().filter(|msg| msg.text.starts_with(&card));
            let cards = cards.map(|msg| (msg.text.clone(), msg.buttons.iter().flatten().count()));
            cards.collect()
        });
        let at_mia = self.discord.bot_messages(self.at_mia).into_iter();
        let at_mia: Vec<(String, usize)> = at_mia
            .filter(|msg| msg.content.starts_with(&format!("**{card}")))
            .map(|msg| (msg.content, msg.buttons.len()))
            .collect();
        let mut by = Vec::new();
        for (who, cards) in [("ben", at_ben), ("mia", at_mia)] {
            if cards.len() != 1 {
                faults.push(format!("{title} {who} has {} cards", cards.len()));
            }
            for (text, buttons) in cards {
                if buttons > 0 {
                    faults.push(format!("{title} {who}'s copy keeps its buttons: {text}"));
                }
                match text.split_once("✅ Approved by ") {
                    Some((_, rest)) => by.push(rest.trim().to_owned()),
                    None => faults.push(format!("{title} {who}'s copy says: {text}")),
                }
            }
        }
        by.dedup();
        if by.len() > 1 {
            faults.push(format!("{title} was decided by {by:?}"));
        }
    }

    /// What stands in the store: each decided, carried out and recorded once.
    async fn judge_rows(&self, rounds: usize, faults: &mut Vec<String>) {
        let wanted = rounds.to_string();
        for (what, sql) in [
            (
                "approved",
                "SELECT COUNT(*) FROM approvals WHERE state = 'approved'",
            ),
            ("requests", "SELECT COUNT(*) FROM approvals"),
            (
                "releases",
                "SELECT COUNT(*) FROM releases WHERE state = 'approved'",
            ),
            (
                "carried out",
                "SELECT COUNT(*) FROM jobs WHERE kind = 'release' AND state = 'done'",
            ),
            (
                "decided",
                "SELECT COUNT(*) FROM events WHERE name = 'approval_decided'",
            ),
        ] {
            let found = self.read(sql).await;
            if found != wanted {
                faults.push(format!("{what}: {found}, and not {wanted}"));
            }
        }
        let dead = self
            .read("SELECT COUNT(*) FROM jobs WHERE state = 'dead'")
            .await;
        if dead != "0" {
            faults.push(format!("{dead} jobs were given up"));
        }
        let record = self.program.run(&["approvals", "verify"]);
        let is_whole = record.contains("The record is whole.")
            && record.contains(&format!("Ann: {} rows", 2 * rounds));
        if !is_whole {
            faults.push(record);
        }
    }

    async fn read(&self, sql: &str) -> String {
        let sql = AssertSqlSafe(format!("SELECT CAST(({sql}) AS TEXT)"));
        let url = self.program.setting("DATABASE_URL");
        if url.is_empty() {
            let file = self.program.folder().join("data/toney.db");
            let url = format!("sqlite://{}", file.display());
            let mut connection = SqliteConnection::connect(&url).await.expect("a database");
            let row = sqlx::query_scalar(sql).fetch_one(&mut connection).await;
            row.expect("a row")
        } else {
            let mut connection = PgConnection::connect(&url).await.expect("a database");
            let row = sqlx::query_scalar(sql).fetch_one(&mut connection).await;
            row.expect("a row")
        }
    }
}
