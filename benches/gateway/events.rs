//! From an event to the end of the work of whoever subscribed to it.
//!
//! The one subscriber of today folds a window that grew too long into a summary, so that its work holds a call of the
//! model, which takes no time here. The figure is the program's own, as `/metrics` shows it, and thus a bound: the
//! least of its buckets that holds so many.

use std::time::{Duration, Instant};

use super::load::{self, Line};
use super::options::Options;
use super::report::{Part, Row};
use super::seed;
use super::stage::{Bot, Stage, get};
use crate::sim::model::{Answer, Behaviour};
use crate::sim::program::Program;

const PATIENCE: Duration = Duration::from_secs(60);
/// Lines of each conversation beforehand: the next exchange is the one that makes the window too long.
const LINES: usize = 28;
/// Messages a second.
const RATE: usize = 50;

pub async fn measure(options: &Options) -> Part {
    let mut part = Part::new("Events");
    let people = options.amount(options.people, 100);
    let mut stage = Stage::new(people, Duration::ZERO).await;
    stage.model.otherwise(Behaviour::call(|request| {
        let said = request.last("user");
        let talk = said.starts_with("message ");
        Answer::text(if talk { said } else { "They talked." })
    }));
    let program = stage.cast(Bot::Toney).await;
    // The first start makes the tables.
    stage.start(&program).await;
    program.stop(Duration::from_secs(15)).await;
    let file = program.folder().join("data/toney.db");
    seed::fill(&file, people, LINES * people).await;
    stage.telegram.reset_connections();
    stage.start(&program).await;
    let lines: Vec<Line> = (0..people)
        .map(|person| Line {
            at: Duration::from_secs(1) / RATE as u32 * person as u32,
            person,
        })
        .collect();
    let said = load::speak(&stage, &lines, 1).await;
    let heard = load::listen(&stage, &said, PATIENCE).await;
    assert!(heard.is_whole(), "{}:\n{}", heard.faults(), program.log());
    let spread = handled(&program, people).await;
    for (share, target) in [(0.5, ""), (0.95, "≤ 100 ms"), (0.99, "")] {
        let least = (share * people as f64).ceil() as u64;
        let bound = spread.iter().find(|(_, count)| *count >= least);
        let seconds = bound.map_or(f64::INFINITY, |(seconds, _)| *seconds);
        part.row(Row {
            what: format!("event published → handled, SQLite, p{:.0}", 100.0 * share),
            ours: format!("≤ {:.0} ms", 1000.0 * seconds),
            target,
            met: (!target.is_empty()).then_some(seconds <= 0.1),
            ..Row::default()
        });
    }
    part.note(format!(
        "{people} people with {LINES} stored lines each say one thing each, {RATE} a second, and each answer makes one event, \
         whose subscriber reads the lines, asks the model (0 ms) for a summary and stores it; measured by the program as \
         `toney_event_handled_seconds`, from the event's own time to the commit; the figures are bounds of its buckets"
    ));
    part
}

/// How many events were handled within so many seconds, bucket by bucket, once all of them were.
async fn handled(program: &Program, events: usize) -> Vec<(f64, u64)> {
    let begun = Instant::now();
    loop {
        let metrics = get(program, "/metrics").await.unwrap_or_default();
        let spread: Vec<(f64, u64)> = metrics.lines().filter_map(bucket).collect();
        let done = spread.last().map_or(0, |(_, count)| *count);
        if done >= events as u64 {
            return spread;
        }
        let late = begun.elapsed() > PATIENCE;
        assert!(!late, "{done} of {events} events:\n{}", program.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// `toney_event_handled_seconds_bucket{kind="summarise",le="0.1"} 7`; the last one says `+Inf`.
fn bucket(line: &str) -> Option<(f64, u64)> {
    let rest = line.strip_prefix("toney_event_handled_seconds_bucket")?;
    let (_, rest) = rest.split_once("le=\"")?;
    let (bound, count) = rest.split_once("\"} ")?;
    let bound = bound.trim_start_matches('+').parse().ok()?;
    Some((bound, count.parse().ok()?))
}
