//! What Toney adds to a message, and how many it gets through.

use std::time::{Duration, Instant};

use super::load::{self, Heard, Line, percentile};
use super::options::Options;
use super::plain::Order;
use super::report::{Part, Row, ms, ratio};
use super::stage::{Bot, Stage};
use crate::sim::dice::Dice;

const THINKING: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(15);

/// One bot's share of a measurement.
struct Result {
    bot: Bot,
    heard: Heard,
    /// From the first message to the last answer.
    whole: Duration,
    /// Processor time of the bot for each message.
    processor: Duration,
}

/// Everybody in turn has the same people talk to them.
fn bots(options: &Options) -> Vec<Bot> {
    let mut bots = vec![
        Bot::Plain(Order::PerChat),
        Bot::Plain(Order::None),
        Bot::Toney,
    ];
    bots.extend((!options.sqlite).then_some(Bot::Shared));
    bots
}

async fn run(bot: Bot, people: usize, thinking: Duration, lines: &[Line]) -> Result {
    let mut stage = Stage::new(people, thinking).await;
    let program = stage.cast(bot).await;
    stage.start(&program).await;
    // Everybody has met before: a first contact is more than a message.
    let hello: Vec<Line> = (0..people)
        .map(|person| Line {
            at: Duration::from_millis(4 * person as u64),
            person,
        })
        .collect();
    let said = load::speak(&stage, &hello, 1).await;
    load::listen(&stage, &said, PATIENCE).await;
    let before = program.processor();
    let begun = Instant::now();
    let said = load::speak(&stage, lines, 1_000_000).await;
    let heard = load::listen(&stage, &said, PATIENCE).await;
    let processor = (program.processor() - before) / u32::try_from(lines.len().max(1)).unwrap_or(1);
    if heard.lost > 0 && !matches!(bot, Bot::Plain(_)) {
        println!("   log: {}", program.keep_log("talk").display());
    }
    let whole = heard.last.map_or(Duration::MAX, |last| last - begun);
    Result {
        bot,
        heard,
        whole,
        processor,
    }
}

pub async fn overhead(options: &Options) -> Part {
    let mut part = Part::new("Overhead of a message");
    let rate = options.amount(options.rate, 50);
    let count = options.amount(6000, 500);
    let people = options.amount(options.people, 200);
    let mut results = Vec::new();
    for bot in bots(options) {
        let lines = load::evenly(&mut Dice::new(options.seed), people, count, rate);
        let result = run(bot, people, THINKING, &lines).await;
        let (p50, p99) = added(&result.heard);
        part.note(format!(
            "{}: p50 {}, p99 {}, {} of processor a message; {}",
            bot.name(),
            ms(p50),
            ms(p99),
            ms(result.processor),
            result.heard.faults()
        ));
        results.push(result);
    }
    let plain = best_plain(&results, |r| added(&r.heard).1);
    let (plain_p50, plain_p99) = added(&plain.heard);
    for result in results.iter().filter(|r| !matches!(r.bot, Bot::Plain(_))) {
        let (p50, p99) = added(&result.heard);
        for (what, ours, theirs, reach, target) in [
            ("p50", p50, plain_p50, 1.5, "≤ 1.5 ×"),
            ("p99", p99, plain_p99, 2.0, "≤ 2 ×"),
        ] {
            let ratio = ratio(ours, theirs);
            part.row(Row {
                what: format!("added to a message, {what}; {}", result.bot.name()),
                plain: ms(theirs),
                ours: ms(ours),
                ratio: Some(ratio),
                target,
                met: Some(ratio <= reach && result.heard.is_whole()),
            });
        }
    }
    part.note(format!(
        "{people} people who have met the bot, {count} messages at {rate} a second; the model takes {}; added = from the update being there to the whole answer having arrived, less the model; compared with: {}",
        ms(THINKING), plain.bot.name()
    ));
    part
}

/// What is added to the model's time: median and 99th percentile.
fn added(heard: &Heard) -> (Duration, Duration) {
    let less = |share| percentile(heard.times(), share).saturating_sub(THINKING);
    (less(0.5), less(0.99))
}

fn best_plain(results: &[Result], cost: impl Fn(&Result) -> Duration) -> &Result {
    let plain = results.iter().filter(|r| matches!(r.bot, Bot::Plain(_)));
    plain.min_by_key(|r| cost(r)).expect("a plain bot")
}

pub async fn throughput(options: &Options) -> Part {
    let mut part = Part::new("Throughput");
    let people = options.amount(options.people, 200);
    let count = options.amount(10_000, 1000);
    let lines: Vec<Line> = (0..count)
        .map(|n| Line {
            at: Duration::ZERO,
            person: n % people,
        })
        .collect();
    let mut results = Vec::new();
    for bot in bots(options) {
        let result = run(bot, people, Duration::ZERO, &lines).await;
        part.note(format!(
            "{}: {:.0} messages/s, {} of processor a message; {}",
            bot.name(),
            speed(&result),
            ms(result.processor),
            result.heard.faults()
        ));
        results.push(result);
    }
    let plain = best_plain(&results, |r| r.whole);
    for result in results.iter().filter(|r| !matches!(r.bot, Bot::Plain(_))) {
        let ratio = speed(result) / speed(plain);
        part.row(Row {
            what: format!("messages a second, model 0 ms; {}", result.bot.name()),
            plain: format!("{:.0}", speed(plain)),
            ours: format!("{:.0}", speed(result)),
            ratio: Some(ratio),
            target: "≥ 0.8 ×",
            met: Some(ratio >= 0.8 && result.heard.is_whole()),
        });
    }
    part.note(format!(
        "{count} messages of {people} people at once, from the first message to the last answer; compared with: {}",
        plain.bot.name()
    ));
    part
}

fn speed(result: &Result) -> f64 {
    result.heard.took.len() as f64 / result.whole.as_secs_f64()
}
