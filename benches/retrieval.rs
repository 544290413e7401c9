//! How well and how fast knowledge is found.
//!
//! `cargo bench --bench retrieval` measures quality on a public collection (left out with a clear line where that is
//! not at hand), and speed with many tenants, on SQLite and on a PostgreSQL that it starts itself. `-- --help` names
//! the measurements.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
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

#[allow(dead_code, reason = "the table of the gateway is another one")]
#[path = "gateway/report.rs"]
mod report;

#[path = "retrieval/collection.rs"]
mod collection;
#[path = "retrieval/engine.rs"]
mod engine;
#[path = "retrieval/meaning.rs"]
mod meaning;
#[path = "retrieval/quality.rs"]
mod quality;
#[path = "retrieval/speed.rs"]
mod speed;

use std::fmt::Write as _;

use clap::Parser;

/// Measures how well and how fast knowledge is found.
#[derive(Debug, Parser)]
pub struct Options {
    /// Only these: quality, meaning, speed.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only SQLite.
    #[arg(long)]
    sqlite: bool,
    /// A tenth of the chunks.
    #[arg(long)]
    quick: bool,
    /// The folder of a local embedding model for `meaning`; needs the feature `local-embeddings`.
    #[arg(long)]
    model: Option<std::path::PathBuf>,
    /// Writes the figures into benches/RESULTS.md.
    #[arg(long)]
    record: bool,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

/// The figures of one measurement.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(String, String, &'static str, Option<bool>)>,
    notes: Vec<String>,
}

impl Table {
    /// Adds a figure, with what it should reach and whether it does.
    pub fn row(
        &mut self,
        what: impl Into<String>,
        figure: String,
        reach: &'static str,
        met: Option<bool>,
    ) {
        let what = what.into();
        println!("   {what}: {figure}");
        self.rows.push((what, figure, reach, met));
    }

    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        println!("   {text}");
        self.notes.push(text);
    }

    fn markdown(&self) -> String {
        let mut out = String::from("| figure | toney | reach | |\n|---|---|---|---|\n");
        for (what, figure, reach, met) in &self.rows {
            let met = match met {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            writeln!(out, "| {what} | {figure} | {reach} | {met} |").ok();
        }
        for note in &self.notes {
            write!(out, "\n- {note}").ok();
        }
        out
    }
}

fn main() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let options = Options::parse();
    runtime.block_on(async {
        for (name, title) in [
            ("quality", "Retrieval, quality"),
            ("meaning", "Retrieval, words and meaning"),
            ("speed", "Retrieval, speed"),
        ] {
            if !options.wants(name) {
                continue;
            }
            println!("== {name}");
            let table = match name {
                "quality" => Box::pin(quality::measure(&options)).await,
                "meaning" => Box::pin(meaning::measure(&options)).await,
                _ => Box::pin(speed::measure(&options)).await,
            };
            let Some(table) = table else { continue };
            println!("{}\n", table.markdown());
            if options.record {
                let arguments: Vec<String> = std::env::args()
                    .skip(1)
                    .filter(|a| a != "--bench" && a != "--record")
                    .collect();
                let command = format!("cargo bench --bench retrieval -- {}", arguments.join(" "));
                let circumstances = report::circumstances(command.trim_end_matches(" -- "));
                report::record(title, &format!("{circumstances}\n\n{}", table.markdown()));
            }
        }
    });
}
