//! What is asked for on the command line.

use clap::Parser;

/// Measures the gateway next to a plain bot.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo bench --bench gateway --")]
pub struct Options {
    /// Small numbers, for a look within a minute or two.
    #[arg(long)]
    pub quick: bool,
    /// Writes the figures into benches/RESULTS.md.
    #[arg(long)]
    pub record: bool,
    /// Only these, separated by commas: talk, throughput, storm, start, memory, history, feel, events, size, build.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leaves PostgreSQL and Redis out.
    #[arg(long)]
    pub sqlite: bool,
    /// People who talk.
    #[arg(long, default_value_t = 1000)]
    pub people: usize,
    /// Messages a second in `talk`.
    #[arg(long, default_value_t = 100)]
    pub rate: usize,
    /// Messages a second of everybody but the flooder in `storm`.
    #[arg(long, default_value_t = 100)]
    pub storm_rate: usize,
    /// Stored messages in `history`.
    #[arg(long, default_value_t = 10_000_000)]
    pub rows: usize,
    /// Known sessions in `memory`.
    #[arg(long, default_value_t = 100_000)]
    pub sessions: usize,
    /// The same seed makes the same people say the same.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Runs the plain bot instead; used by the measurements themselves.
    #[arg(long, hide = true)]
    pub plain: Option<super::plain::Order>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// A number of things, smaller when in a hurry.
    pub fn amount(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick.min(full) } else { full }
    }

    pub fn wants(&self, name: &str) -> bool {
        // A clean build takes longer than everything else together.
        if self.only.is_empty() {
            return name != "build";
        }
        self.only.iter().any(|wanted| wanted == name)
    }
}
