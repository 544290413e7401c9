//! The long crash test: `cargo bench --bench crash -- --kills 1000`.
//!
//! Half of the kills meet the gateway on SQLite, half on PostgreSQL and Redis, which are killed as well. The suite
//! runs the same with a few dozen kills.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a measurement may stop at the first surprise, and its parts are nobody's interface"
)]

#[allow(
    dead_code,
    unused_imports,
    reason = "each target uses a part of the simulators"
)]
#[path = "../tests/sim/mod.rs"]
mod sim;

#[allow(dead_code, reason = "the crash test has no figures, only a section")]
#[path = "gateway/report.rs"]
mod report;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use sim::crash::{Calm, Decisions, Plan, Store};
use sim::dice::Dice;

/// Requests that are decided in peace.
const CALM: usize = 200;
/// Tips that come in peace.
const TIPS: usize = 1_000;

/// Kills the gateway many times while people talk, and counts what was lost or doubled.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo bench --bench crash --")]
struct Options {
    /// All kills together.
    #[arg(long, default_value_t = 1000)]
    kills: usize,
    /// Only this engine.
    #[arg(long, value_enum)]
    store: Option<Engine>,
    /// The same seed makes the same choices, as far as the machine's own timing lets it.
    #[arg(long)]
    seed: Option<u64>,
    /// Kills it while people decide about requests, instead of while they talk; measures before how quick that is.
    #[arg(long)]
    decisions: bool,
    /// Writes the counts into benches/RESULTS.md.
    #[arg(long)]
    record: bool,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Engine {
    Sqlite,
    Shared,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if runtime.block_on(run(&options)) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(options: &Options) -> bool {
    let stores = match options.store {
        Some(Engine::Sqlite) => vec![Store::Sqlite],
        Some(Engine::Shared) => vec![Store::Shared],
        None => vec![Store::Sqlite, Store::Shared],
    };
    let seed = options.seed.unwrap_or_else(Dice::seed);
    println!("seed {seed}");
    let (mut clean, mut text) = (true, String::new());
    for store in &stores {
        if options.decisions {
            let calm = Calm {
                store: *store,
                rounds: CALM,
                tips: TIPS,
            };
            let times = calm.run().await;
            println!("{times}");
            let plan = Decisions {
                seed,
                kills: options.kills / stores.len(),
                store: *store,
                patience: Duration::from_secs(120),
            };
            let outcome = plan.run().await;
            println!("{outcome}");
            clean &= outcome.is_clean();
            text.push_str(&format!("```\n{times}{outcome}```\n"));
            continue;
        }
        let plan = Plan {
            seed,
            kills: options.kills / stores.len(),
            store: *store,
            patience: Duration::from_secs(120),
            loud: true,
        };
        let report = plan.run().await;
        println!("{report}");
        clean &= report.is_clean();
        text.push_str(&format!("```\n{report}```\n"));
    }
    if options.record {
        let (section, mode) = match options.decisions {
            true => ("Crash, decisions", "--decisions "),
            false => ("Crash", ""),
        };
        let kills = options.kills;
        let command = format!("cargo bench --bench crash -- {mode}--kills {kills}");
        let circumstances = report::circumstances(&command);
        report::record(section, &format!("{circumstances}\n\n{text}"));
    }
    clean
}
