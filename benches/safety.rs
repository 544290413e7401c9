//! Makes the weights of `safety::learnt` from `config/safety/messages.jsonl`, and from `config/intents.jsonl` for what people
//! ordinarily want, and says how well they and the rules do.
//!
//! ```text
//! cargo bench --bench safety                # the sets in tests/data/safety
//! cargo bench --bench safety -- --cross     # cross-validation, too
//! cargo bench --bench safety -- --write     # also writes config/safety/messages.model
//! cargo bench --bench safety -- --misses F  # what is seen wrongly of the lines in a file
//! ```
//!
//! The same lines give the same bytes. The lines in `tests/data` are only ever counted, never learnt from.

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

#[path = "learning/learn.rs"]
mod learn;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde::Deserialize;
use toney::model::Time;
use toney::model::weights::Weights;
use toney::safety::learnt::{LABELS, MAGIC, origin};
use toney::safety::{Level, Safety, Topic};

/// How many weights are kept.
const KEPT: usize = 420_000;
/// What only one line shows is not learnt.
const FEWEST: usize = 2;
/// Lines that stand together were often written from one thought, so they are tried together.
const BLOCK: usize = 8;
const FOLDS: usize = 5;

#[derive(Debug, Clone, Deserialize)]
struct Line {
    #[serde(default)]
    text: String,
    level: Level,
    category: Topic,
    #[serde(default)]
    lang: String,
    /// Whether it is what people ordinarily want.
    #[serde(skip)]
    is_ordinary: bool,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| arguments.iter().any(|argument| argument == name);
    let read = |name: &str| std::fs::read_to_string(root.join(name)).expect(name);
    let text = read("config/safety/messages.jsonl");
    let ordinary = read("config/intents.jsonl");
    let lines: Vec<Line> = lines(&text).into_iter().chain(wanted(&ordinary)).collect();
    let safety = Safety::new().expect("rules that can be read");
    if option("--cross") {
        cross(&safety, &lines);
    }
    let begun = Instant::now();
    let all: Vec<&Line> = lines.iter().collect();
    let mut weights = learnt(&safety, &all);
    weights.fingerprint = origin(&text, &ordinary);
    let bytes = weights.write();
    println!(
        "{} lines learnt in {:.1} s: {} features, {} weights, {} bytes",
        lines.len(),
        begun.elapsed().as_secs_f64(),
        weights.hashes.len(),
        weights.weights.len(),
        bytes.len(),
    );
    let safety =
        safety.learning(Weights::read(MAGIC, &bytes).expect("what was written can be read"));
    let mut files: Vec<String> = ["shown", "held-apart", "unseen", "fresh", "harder", "again"]
        .iter()
        .map(|name| format!("tests/data/safety/{name}.jsonl"))
        .collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--misses") {
        files = arguments[at + 1..].to_vec();
    }
    for held in ["intents-held-out", "intents-unseen"] {
        let lines = wanted(&read(&format!("tests/data/{held}.jsonl")));
        let seen: Vec<_> = lines.iter().map(|line| safety.apart(&line.text)).collect();
        say(held, &lines.iter().collect::<Vec<_>>(), &seen);
    }
    for file in files {
        let Ok(text) = std::fs::read_to_string(root.join(&file)) else {
            continue;
        };
        let lines = self::lines(&text);
        let seen: Vec<_> = lines.iter().map(|line| safety.apart(&line.text)).collect();
        say(&file, &lines.iter().collect::<Vec<_>>(), &seen);
        if option("--misses") {
            misses(&safety, &lines);
        }
    }
    if option("--write") {
        std::fs::write(root.join("config/safety/messages.model"), bytes).expect("messages.model");
        println!("written");
    }
}

/// Lines of one message.
fn lines(text: &str) -> Vec<Line> {
    let line = |line: &str| -> Line {
        serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))
    };
    let all = text.lines().map(line);
    all.filter(|line| !line.text.is_empty()).collect()
}

/// What people ordinarily want, and no danger.
fn wanted(text: &str) -> Vec<Line> {
    #[derive(Deserialize)]
    struct Wanted {
        text: String,
        act: String,
        #[serde(default)]
        lang: String,
    }
    let line = |line: &str| -> Wanted { serde_json::from_str(line).expect("a line") };
    let all = text.lines().map(line).filter(|line| line.act != "crisis");
    all.map(|line| Line {
        text: line.text,
        level: Level::None,
        category: Topic::None,
        lang: line.lang,
        is_ordinary: true,
    })
    .collect()
}

/// A few words out of each line without danger, which hold none either: what is short is no danger by being unknown.
fn pieces(lines: &[Line]) -> Vec<Line> {
    let safe = lines.iter().filter(|line| line.level == Level::None);
    let piece = |(at, line): (usize, &Line)| {
        let words: Vec<&str> = line.text.split_whitespace().collect();
        let length = (1 + at % 4).min(words.len());
        let from = (at / 4) % (words.len() - length + 1);
        Line {
            text: words[from..from + length].join(" "),
            ..line.clone()
        }
    };
    safe.enumerate().map(piece).collect()
}

/// The nearest of what is told apart.
fn label(line: &Line) -> usize {
    let place =
        |level: Level, topic: Topic| LABELS.iter().position(|label| *label == (level, topic));
    let found = match line.level {
        Level::None => place(Level::None, Topic::None),
        Level::Concern => place(Level::Concern, Topic::MentalHealthCrisis),
        level => place(level, line.category).or_else(|| place(Level::High, line.category)),
    };
    found.unwrap_or_else(|| panic!("{line:?}"))
}

fn learnt(safety: &Safety, lines: &[&Line]) -> Weights {
    let own: Vec<Line> = lines.iter().map(|line| (*line).clone()).collect();
    let pieces = pieces(&own);
    // What mostly comes counts twice.
    let ordinary = own.iter().filter(|line| line.is_ordinary);
    let lessons: Vec<learn::Lesson> = own
        .iter()
        .chain(&pieces)
        .chain(ordinary)
        .map(|line| (safety.shown(&line.text), label(line)))
        .collect();
    let labels: Vec<[u8; 2]> = (0..LABELS.len() as u8).map(|at| [at, 0]).collect();
    let care = learn::Care {
        dropped: 0.05,
        smooth: 0.01,
    };
    learn::learn(&lessons, (*MAGIC, &labels), (FEWEST, KEPT), care)
}

fn cross(safety: &Safety, lines: &[Line]) {
    let fold = |at: usize| (at / BLOCK) % FOLDS;
    let mut seen = vec![(Level::None, 0.0); lines.len()];
    for held in 0..FOLDS {
        let some: Vec<&Line> = lines
            .iter()
            .enumerate()
            .filter(|(at, _)| fold(*at) != held)
            .map(|(_, line)| line)
            .collect();
        let bytes = learnt(safety, &some).write();
        let other = Safety::new().expect("rules");
        let other = other.learning(Weights::read(MAGIC, &bytes).expect("readable"));
        for (at, line) in lines.iter().enumerate().filter(|(at, _)| fold(*at) == held) {
            seen[at] = other.apart(&line.text);
        }
    }
    say("cross-validation", &lines.iter().collect::<Vec<_>>(), &seen);
}

/// Recall and false alarms, by rules alone, and with what was learnt from several likelihoods on.
fn say(name: &str, lines: &[&Line], seen: &[(Level, f32)]) {
    println!("{name}: {} lines", lines.len());
    for most in [0.02, 0.05] {
        let is = |level: Level| move |(line, _): &(&&Line, _)| line.level == level;
        let of = |level: Level| lines.iter().zip(seen).filter(is(level));
        let score = |(_, (rules, likely)): (&&Line, &(Level, f32))| {
            if rules.is_crisis() { 1.0 } else { *likely }
        };
        let mut safe: Vec<f32> = of(Level::None).map(score).collect();
        safe.sort_by(|one, other| other.total_cmp(one));
        let bar = safe
            .get((most * safe.len() as f32) as usize)
            .copied()
            .unwrap_or(0.0);
        let cries: Vec<f32> = of(Level::High)
            .chain(of(Level::Imminent))
            .map(score)
            .collect();
        let recall =
            cries.iter().filter(|score| **score > bar).count() as f32 / cries.len().max(1) as f32;
        println!("  with {most:.2} false alarms ({bar:.2}): recall {recall:.3}");
    }
    for bar in [2.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2] {
        let mut counts = [0_usize; 5];
        let mut by: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
        for (line, (rules, likely)) in lines.iter().zip(seen) {
            let is_seen = rules.is_crisis() || *likely >= bar;
            let own = by.entry(&line.lang).or_default();
            let at = match line.level {
                Level::High | Level::Imminent => 0,
                Level::None => 2,
                Level::Concern => {
                    counts[4] += usize::from(is_seen);
                    continue;
                }
            };
            counts[at] += 1;
            own[at] += 1;
            counts[at + 1] += usize::from(is_seen);
            own[at + 1] += usize::from(is_seen);
        }
        let share = |part: usize, all: usize| part as f64 / all.max(1) as f64;
        println!(
            "  {}: recall {:.3}, false alarms {:.3} ({} of {}), concern raised {}",
            if bar > 1.0 {
                "rules".to_owned()
            } else {
                format!("{bar:.1}")
            },
            share(counts[1], counts[0]),
            share(counts[3], counts[2]),
            counts[3],
            counts[2],
            counts[4],
        );
        if (bar - 0.5).abs() < 0.01 {
            let of = |(lang, c): (&&str, &[usize; 4])| {
                format!("{lang} {:.2}/{:.2}", share(c[1], c[0]), share(c[3], c[2]))
            };
            println!("    {}", by.iter().map(of).collect::<Vec<_>>().join(", "));
        }
    }
}

fn misses(safety: &Safety, lines: &[Line]) {
    for line in lines {
        let level = safety.look(&line.text, Time::default(), &[]).level;
        let (_, likely) = safety.apart(&line.text);
        let is_wrong = match line.level {
            Level::None => level.is_crisis(),
            Level::Concern => false,
            Level::High | Level::Imminent => !level.is_crisis(),
        };
        if is_wrong {
            println!(
                "  {} {} {likely:.2} {}",
                line.lang,
                line.level.name(),
                line.text
            );
        }
    }
}
