//! Resident memory: with nothing to do, and with very many people known.

use std::time::{Duration, Instant};

use super::load::{self, Line};
use super::options::Options;
use super::report::{Part, Row, megabytes};
use super::seed;
use super::stage::{Bot, Stage};

const PATIENCE: Duration = Duration::from_secs(60);
/// Not more messages than this wait for their answers, so that memory is not measured under a pile of work.
const UNDER_WAY: u64 = 300;

pub async fn measure(options: &Options) -> Part {
    let mut part = Part::new("Memory");
    idle(&mut part).await;
    known(options, &mut part).await;
    part
}

async fn idle(part: &mut Part) {
    let mut stage = Stage::new(1, Duration::ZERO).await;
    let program = stage.cast(Bot::Toney).await;
    stage.with_discord(&program);
    stage.start(&program).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let bytes = program.memory();
    part.row(Row {
        what: "resident, idle, both platforms, SQLite".to_owned(),
        ours: megabytes(bytes),
        target: "≤ 40 MB",
        met: Some(bytes <= 40_000_000),
        ..Row::default()
    });
}

async fn known(options: &Options, part: &mut Part) {
    let sessions = options.amount(options.sessions, 3000);
    let mut stage = Stage::new(sessions, Duration::ZERO).await;
    let program = stage.cast(Bot::Toney).await;
    stage.with_discord(&program);
    // The first start makes the tables.
    stage.start(&program).await;
    program.stop(Duration::from_secs(15)).await;
    seed::fill(
        &program.folder().join("data/toney.db"),
        sessions,
        4 * sessions,
    )
    .await;
    stage.telegram.reset_connections();
    stage.start(&program).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    part.note(format!(
        "{sessions} sessions stored, nobody has talked since the start: {}",
        megabytes(program.memory())
    ));
    let begun = Instant::now();
    let mut said = Vec::new();
    for person in 0..sessions {
        let line = Line {
            at: Duration::ZERO,
            person,
        };
        said.extend(load::speak(&stage, &[line], said.len() as u64 + 1).await);
        let floor = (said.len() as u64).saturating_sub(UNDER_WAY);
        stage
            .telegram
            .wait_until(PATIENCE, |s| s.sent() >= floor)
            .await;
    }
    let heard = load::listen(&stage, &said, PATIENCE).await;
    let peak = program.memory();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let bytes = program.memory();
    part.row(Row {
        what: format!(
            "resident with {sessions} sessions known, all of which have talked since the start"
        ),
        ours: megabytes(bytes),
        target: "≤ 120 MB",
        met: Some(bytes <= 120_000_000 && heard.is_whole()),
        ..Row::default()
    });
    part.note(format!(
        "the sessions were put into the database beforehand, four lines each; then everybody said something once ({:.0} messages/s); right after the last answer: {}; {}",
        sessions as f64 / begun.elapsed().as_secs_f64(), megabytes(peak), heard.faults()
    ));
}
