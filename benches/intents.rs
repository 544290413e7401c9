//! Makes the weights of `turn::intent` from `config/intents.jsonl` and says how well they do.
//!
//! ```text
//! cargo bench --bench intents              # cross-validation and the held-out lines
//! cargo bench --bench intents -- --write   # also writes config/intents.model
//! cargo bench --bench intents -- --quick   # no cross-validation (the temperature is kept)
//! cargo bench --bench intents -- --misses  # also every tenth line that cross-validation misses
//! ```
//!
//! The same examples give the same bytes. The lines in `tests/data` are only ever counted, never learnt from.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::field_reassign_with_default,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a measurement may stop at the first surprise, and its parts are nobody's interface"
)]

#[path = "intents/data.rs"]
mod data;
#[path = "intents/judge.rs"]
mod judge;
#[path = "learning/learn.rs"]
mod learn;

use std::path::Path;
use std::time::Instant;

use toney::model::weights::{Weights, fingerprint};
use toney::turn::intent::{CONCEPTS, MAGIC, MODEL, Reader, features};

/// Lines that stand together were often written from one thought, so they are tried together.
const BLOCK: usize = 8;
const FOLDS: usize = 5;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let option = |name: &str| std::env::args().any(|argument| argument == name);
    let read = |name: &str| std::fs::read_to_string(root.join(name)).expect(name);
    let examples = read("config/intents.jsonl");
    let lines = data::Line::read(&examples);
    let held_out = data::Line::read(&read("tests/data/intents-held-out.jsonl"));
    println!("{} examples, {} held out", lines.len(), held_out.len());

    let temperature = if option("--quick") {
        Weights::read(MAGIC, MODEL).map_or(1.0, |weights| weights.temperature)
    } else {
        judge::cross_validate(&lines, FOLDS, BLOCK, option("--misses"))
    };
    let begun = Instant::now();
    let mut weights = data::learn(&lines.iter().collect::<Vec<_>>());
    weights.temperature = temperature;
    weights.fingerprint = fingerprint(
        &[&examples, &read("config/acts.toml"), CONCEPTS],
        features::VERSION,
    );
    let bytes = weights.write();
    println!(
        "learnt in {:.1} s: {} features, {} weights, {} bytes, temperature {temperature:.2}",
        begun.elapsed().as_secs_f64(),
        weights.hashes.len(),
        weights.weights.len(),
        bytes.len(),
    );
    let reader = Reader::with(Weights::read(MAGIC, &bytes).expect("what was written can be read"));
    judge::unseen(&reader, "held out", &held_out);
    // Written when everything stood, by somebody who had seen neither examples nor guards.
    let unseen = data::Line::read(&read("tests/data/intents-unseen.jsonl"));
    judge::unseen(&reader, "unseen", &unseen);
    judge::speed(&bytes, &held_out);
    if option("--write") {
        std::fs::write(root.join("config/intents.model"), bytes).expect("config/intents.model");
        println!("written");
    }
}
