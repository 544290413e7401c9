//! How quick it is while nothing dies: from a press to its acknowledgement, and to the last of its copies; and from an
//! event to the end of what follows from it, while tips come in.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::super::super::discord::{self, Discord};
use super::super::super::model;
use super::super::super::program::Program;
use super::super::super::telegram::{self, SimOptions, Telegram};
use super::super::{Servers, Store, cast};
use super::code;

/// Managers on each platform; each has a copy of each request.
const MANAGERS: usize = 10;
/// Tips a second.
const RATE: u32 = 50;
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Requests that are decided in peace.
#[derive(Clone, Copy, Debug)]
pub struct Calm {
    pub store: Store,
    pub rounds: usize,
    /// Tips that come behind them, each an event that two hear of.
    pub tips: usize,
}

/// How long things took.
#[derive(Debug)]
pub struct Times {
    store: Store,
    at_telegram: Vec<Duration>,
    at_discord: Vec<Duration>,
    copies: Vec<Duration>,
    /// So many events were handled within so many seconds.
    events: Vec<(f64, u64)>,
}

fn at(all: &[Duration], percent: usize) -> Duration {
    let mut all = all.to_vec();
    all.sort_unstable();
    let last = all.len().saturating_sub(1);
    all.get((all.len() * percent / 100).min(last))
        .copied()
        .unwrap_or_default()
}

impl Times {
    /// The longest that anybody waited for a press to show.
    pub fn slowest(&self) -> Duration {
        let all = [&self.at_telegram, &self.at_discord, &self.copies];
        all.into_iter().flatten().copied().max().unwrap_or_default()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, all) in [
            (
                "press on Telegram to its acknowledgement",
                &self.at_telegram,
            ),
            ("press on Discord to its acknowledgement", &self.at_discord),
            ("press to the last of 20 copies", &self.copies),
        ] {
            writeln!(
                f,
                "{:?}, {what}: p50 {:.1} ms, p99 {:.1} ms of {}",
                self.store,
                at(all, 50).as_secs_f64() * 1_000.0,
                at(all, 99).as_secs_f64() * 1_000.0,
                all.len()
            )?;
        }
        let all = self.events.last().map_or(0, |(_, count)| *count);
        for percent in [50, 95, 99] {
            let mut bounds = self.events.iter();
            let bound = bounds.find(|(_, count)| *count * 100 >= all * percent);
            writeln!(
                f,
                "{:?}, event to the end of what follows: p{percent} ≤ {:.0} ms of {all}",
                self.store,
                bound.map_or(f64::INFINITY, |(seconds, _)| seconds * 1_000.0)
            )?;
        }
        Ok(())
    }
}

struct Scene {
    telegram: Telegram,
    discord: Discord,
    program: Program,
    ann: telegram::User,
    at_telegram: Vec<telegram::User>,
    at_discord: Vec<(discord::User, discord::Channel)>,
    _servers: Option<Servers>,
    /// The model, which nobody asks.
    _model: model::Server,
}

impl Calm {
    /// Plays it to the end; presses come from both platforms by turns.
    pub async fn run(self) -> Times {
        let scene = Scene::open(self.store).await;
        let mut times = Times {
            store: self.store,
            at_telegram: Vec::new(),
            at_discord: Vec::new(),
            copies: Vec::new(),
            events: Vec::new(),
        };
        for round in 0..self.rounds {
            let title = format!("Song {round}.");
            scene.hands_in(&title).await;
            let begun = Instant::now();
            if round % 2 == 0 {
                let (mia, at_mia) = scene.at_discord[0];
                let press = scene.discord.press(mia, at_mia, "Approve");
                scene.decided(&title).await;
                times.copies.push(begun.elapsed());
                let answer = scene.discord.interaction(press);
                times
                    .at_discord
                    .push(answer.acked_after.expect("an acknowledgement"));
            } else {
                let ben = scene.at_telegram[0];
                let press = scene.telegram.presses_last(ben, ben, "Approve");
                scene.decided(&title).await;
                times.copies.push(begun.elapsed());
                let answer = scene.telegram.until_answered(&press).await;
                times
                    .at_telegram
                    .push(answer.answered_at.duration_since(answer.pressed_at));
            }
        }
        times.events = scene.events(self.tips).await;
        times
    }
}

/// `toney_event_handled_seconds_bucket{kind="workflows",le="0.1"} 7`; the last one says `+Inf`.
fn bucket(line: &str) -> Option<(&str, u64)> {
    let rest = line.strip_prefix("toney_event_handled_seconds_bucket")?;
    let (_, rest) = rest.split_once("le=\"")?;
    let (bound, count) = rest.split_once("\"} ")?;
    Some((bound, count.parse().ok()?))
}

/// How many events of any kind were handled within so many seconds.
fn handled(metrics: &str) -> Vec<(f64, u64)> {
    let mut all = BTreeMap::<&str, u64>::new();
    for (bound, count) in metrics.lines().filter_map(bucket) {
        *all.entry(bound).or_default() += count;
    }
    let all = all.into_iter();
    let mut all: Vec<(f64, u64)> = all
        .filter_map(|(bound, count)| Some((bound.trim_start_matches('+').parse().ok()?, count)))
        .collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    all
}

impl Scene {
    /// Tips at an even pace; how long those took who hear of the events.
    async fn events(&self, tips: usize) -> Vec<(f64, u64)> {
        let before = self.handled().await;
        let begun = Instant::now();
        for tip in 0..tips {
            let fan = self.at_telegram[tip % self.at_telegram.len()];
            self.telegram.charges(fan, (50, "x"), true);
            let next = begun + Duration::from_secs(1) / RATE * u32::try_from(tip).unwrap_or(0);
            tokio::time::sleep_until(next.into()).await;
        }
        let count = |all: &[(f64, u64)]| all.last().map_or(0, |(_, count)| *count);
        let wanted = count(&before) + 2 * tips as u64;
        loop {
            let now = self.handled().await;
            if count(&now) >= wanted {
                let known = before
                    .iter()
                    .map(|(_, count)| *count)
                    .chain([0].into_iter().cycle());
                let both = now.into_iter().zip(known);
                return both
                    .map(|((bound, now), before)| (bound, now - before))
                    .collect();
            }
            assert!(begun.elapsed() < 2 * PATIENCE, "{}", self.program.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn handled(&self) -> Vec<(f64, u64)> {
        let client = reqwest::Client::builder().no_proxy().build();
        let url = format!("http://{}/metrics", self.program.setting("TONEY_HTTP_ADDR"));
        let answer = client.expect("a client").get(url).send().await;
        let text = answer.expect("figures").text().await;
        handled(&text.expect("text"))
    }

    async fn open(store: Store) -> Self {
        let telegram = Telegram::start(SimOptions::default()).await;
        let config = discord::Config {
            record_calls: false,
            ..discord::Config::default()
        };
        let discord = Discord::with_config(config).await;
        let model = model::Server::start().await;
        let (program, servers) = cast((&telegram, &discord, &model), store).await;
        let invite = |role: &str| code(&program.run(&["invite", role, "--artist", "Ann"]));
        let artist = invite("artist");
        let codes: Vec<String> = (0..2 * MANAGERS).map(|_| invite("manager")).collect();
        program.start();
        let there = discord.wait_until(Duration::from_secs(30), |d| {
            d.connected() > 0 && !d.commands().is_empty()
        });
        assert!(there.await, "it never came up:\n{}", program.log());
        let ann = telegram.person("ann");
        telegram.says(ann, ann, &format!("/start {artist}"));
        telegram.until_replies(ann, 1).await;
        let mut scene = Self {
            telegram,
            discord,
            program,
            ann,
            at_telegram: Vec::new(),
            at_discord: Vec::new(),
            _servers: servers,
            _model: model,
        };
        for pair in codes.chunks(2) {
            scene.joins(pair).await;
        }
        scene
    }

    /// A manager on each platform.
    async fn joins(&mut self, codes: &[String]) {
        let number = self.at_telegram.len();
        let ben = self.telegram.person(&format!("ben{number}"));
        self.telegram
            .says(ben, ben, &format!("/start {}", codes[0]));
        self.telegram.until_replies(ben, 1).await;
        self.at_telegram.push(ben);
        let mia = self.discord.user(&format!("mia{number}"));
        let at_mia = self.discord.dm(mia);
        self.discord.whispers(mia, &format!("/start {}", codes[1]));
        let is_in = |discord: &Discord| {
            let said = discord.bot_messages(at_mia);
            said.iter().any(|msg| msg.content.contains("You're in"))
        };
        assert!(self.discord.wait_until(PATIENCE, is_in).await);
        self.at_discord.push((mia, at_mia));
    }

    async fn hands_in(&self, title: &str) {
        for (words, answer) in [
            (format!("/release {title}"), "When should it come out?"),
            ("2030-12-24".to_owned(), "Anything your manager"),
            ("skip".to_owned(), "Where are the files"),
            ("skip".to_owned(), "Shall I hand this in"),
        ] {
            let said = |state: &telegram::State| {
                let all = state.replies(self.ann);
                all.iter().filter(|msg| msg.text.contains(answer)).count()
            };
            let known = self.telegram.look(said);
            self.telegram.says(self.ann, self.ann, &words);
            self.telegram
                .until(answer, |state| said(state) > known)
                .await;
        }
        self.telegram
            .presses_last(self.ann, self.ann, "Yes, hand it in");
        self.in_all(title, "Release ").await;
    }

    async fn decided(&self, title: &str) {
        self.in_all(title, "✅ Approved by").await;
    }

    /// Waits until every copy says so.
    async fn in_all(&self, title: &str, words: &str) {
        let says = |text: &str| text.contains(title) && text.contains(words);
        let begun = Instant::now();
        loop {
            let at_telegram = self.telegram.look(|state| {
                self.at_telegram.iter().all(|person| {
                    let said = state.replies(*person);
                    said.iter().rev().take(3).any(|msg| says(&msg.text))
                })
            });
            let at_discord = |(_, channel): &(discord::User, discord::Channel)| {
                let newest = self.discord.newest(*channel, 3);
                newest.iter().any(|msg| says(&msg.content))
            };
            if at_telegram && self.at_discord.iter().all(at_discord) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{}", self.program.log());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
