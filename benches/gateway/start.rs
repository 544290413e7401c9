//! From the start of the process until it serves both platforms.

use std::time::{Duration, Instant};

use super::load::percentile;
use super::options::Options;
use super::report::{Part, Row, ms};
use super::stage::{Bot, Stage, is_ready};

const REACH: Duration = Duration::from_millis(150);

pub async fn measure(options: &Options) -> Part {
    let mut part = Part::new("Start");
    let times = options.amount(20, 5);
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let mut stage = Stage::new(1, Duration::ZERO).await;
        let program = stage.cast(Bot::Toney).await;
        stage.with_discord(&program);
        first.push(once(&stage, &program).await);
        again.push(once(&stage, &program).await);
    }
    for (what, times) in [
        ("the database exists", again),
        ("the very first start", first),
    ] {
        let median = percentile(times.clone(), 0.5);
        part.row(Row {
            what: format!("start to ready, both platforms, SQLite, {what}: median"),
            ours: ms(median),
            target: "≤ 150 ms",
            met: Some(median <= REACH),
            ..Row::default()
        });
        let worst = times.iter().max().copied().unwrap_or_default();
        part.note(format!(
            "{what}: the slowest of {} took {}",
            times.len(),
            ms(worst)
        ));
    }
    part.note(
        "ready: `/readyz` says 200, the Telegram poll waits and Discord's gateway is connected",
    );
    part
}

async fn once(stage: &Stage, program: &crate::sim::program::Program) -> Duration {
    let begun = Instant::now();
    stage.start(program).await;
    while !is_ready(program).await {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "never ready:\n{}",
            program.log()
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let took = begun.elapsed();
    program.kill();
    // The killed process no longer polls; the next start is seen by its own poll.
    stage.telegram.reset_connections();
    stage
        .telegram
        .wait_until(Duration::from_secs(5), |s| !s.polling())
        .await;
    stage
        .discord
        .wait_until(Duration::from_secs(5), |d| d.connected() == 0)
        .await;
    took
}
