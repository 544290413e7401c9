//! What a turn costs when very much has been said before.

use std::time::{Duration, Instant};

use super::load::{self, Line, percentile};
use super::options::Options;
use super::report::{Part, Row, ms, ratio};
use super::seed;
use super::stage::{Bot, Stage};

const PATIENCE: Duration = Duration::from_secs(20);
const FEW: usize = 10_000;
/// Lines of each conversation, few or many conversations.
const LINES: usize = 25;
const PEOPLE: usize = FEW / LINES;

struct Cost {
    /// Processor time of a turn.
    processor: Duration,
    /// Median of the time to the answer.
    median: Duration,
}

pub async fn measure(options: &Options) -> Part {
    let mut part = Part::new("Long history");
    let many = options.amount(options.rows, 300_000);
    let few = run(FEW, &mut part).await;
    let much = run(many, &mut part).await;
    for (what, ours, theirs) in [
        ("processor time", much.processor, few.processor),
        ("median time to the answer", much.median, few.median),
    ] {
        let ratio = ratio(ours, theirs);
        part.row(Row {
            what: format!("a turn at {many} stored messages against {FEW}: {what}"),
            plain: String::new(),
            ours: format!("{} → {}", ms(theirs), ms(ours)),
            ratio: Some(ratio),
            target: "≤ 1.1 ×",
            met: Some(ratio <= 1.1),
        });
    }
    part.note(format!(
        "SQLite; {LINES} lines a conversation, written in the order of time; {PEOPLE} people say four things each, one message every 20 ms; the first of the four finds nothing at hand"
    ));
    part
}

async fn run(rows: usize, part: &mut Part) -> Cost {
    let mut stage = Stage::new(PEOPLE, Duration::ZERO).await;
    let program = stage.cast(Bot::Toney).await;
    stage.start(&program).await;
    program.stop(Duration::from_secs(15)).await;
    let begun = Instant::now();
    let file = program.folder().join("data/toney.db");
    seed::fill(&file, rows / LINES, rows).await;
    let bytes = std::fs::metadata(&file).map_or(0, |data| data.len());
    part.note(format!(
        "{rows} messages: {} MB, filled in {:.0} s",
        bytes / 1_000_000,
        begun.elapsed().as_secs_f64()
    ));
    stage.telegram.reset_connections();
    stage.start(&program).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = program.processor();
    let lines: Vec<Line> = (0..4 * PEOPLE)
        .map(|n| Line {
            at: Duration::from_millis(20 * n as u64),
            person: (n * 7) % PEOPLE,
        })
        .collect();
    let said = load::speak(&stage, &lines, 1).await;
    let heard = load::listen(&stage, &said, PATIENCE).await;
    assert!(heard.is_whole(), "{}:\n{}", heard.faults(), program.log());
    Cost {
        processor: (program.processor() - before) / u32::try_from(lines.len()).unwrap_or(1),
        median: percentile(heard.times(), 0.5),
    }
}
