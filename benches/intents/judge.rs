//! How well lines are read that were not learnt from.

use std::collections::BTreeMap;
use std::time::Instant;

use toney::model::Target;
use toney::model::weights::Weights;
use toney::turn::intent::{Act, Intent, MAGIC, Reader, labels};

use crate::data::{Line, learn};

#[derive(Default)]
struct Tally {
    lines: usize,
    acts: usize,
    scopes: usize,
    /// An act with an effect was read where none was meant.
    harmful: usize,
    /// The same where the text says not to.
    violations: usize,
    /// Nothing is looked up where something should be, and where nothing has to.
    unread: (usize, usize),
    /// A guard took away what was right, and what was wrong.
    guards: (usize, usize),
    by_act: BTreeMap<&'static str, (usize, usize)>,
    by_language: BTreeMap<String, (usize, usize)>,
    mixed_up: BTreeMap<(&'static str, &'static str), usize>,
    guard_misses: BTreeMap<(&'static str, &'static str), usize>,
}

impl Tally {
    fn count(&mut self, line: &Line, read: &Intent) {
        let right = read.act == line.act;
        self.lines += 1;
        self.acts += usize::from(right);
        self.scopes += usize::from(read.target == line.scope);
        let harmful = read.act.has_effect() && !line.act.has_effect();
        self.harmful += usize::from(harmful);
        self.violations += usize::from(line.must_not && read.act.has_effect());
        if read.wanted() == Target::None {
            let needed = line.scope != Target::None;
            self.unread.0 += usize::from(needed);
            self.unread.1 += usize::from(!needed);
        }
        if let Some(why) = read.guarded {
            if line.act.has_effect() {
                self.guards.0 += 1;
                *self.guard_misses.entry((why, line.act.name())).or_default() += 1;
            } else {
                self.guards.1 += 1;
            }
        }
        let entry = self.by_act.entry(line.act.name()).or_default();
        *entry = (entry.0 + usize::from(right), entry.1 + 1);
        let entry = self.by_language.entry(line.lang.clone()).or_default();
        *entry = (entry.0 + usize::from(right), entry.1 + 1);
        if !right {
            *self
                .mixed_up
                .entry((line.act.name(), read.act.name()))
                .or_default() += 1;
        }
    }

    fn say(&self, name: &str) {
        let share = |part: usize| part as f64 / self.lines.max(1) as f64;
        println!(
            "{name}: {} lines, act {:.4}, scope {:.4}, effect where none was meant {:.4}, must_not violated {}",
            self.lines,
            share(self.acts),
            share(self.scopes),
            share(self.harmful),
            self.violations,
        );
        println!(
            "  nothing looked up: {} lines that need it, {} that do not",
            self.unread.0, self.unread.1
        );
        println!(
            "  guards refused: {} lines that order something, {} that do not {:?}",
            self.guards.0, self.guards.1, self.guard_misses
        );
        let part = |(right, all): &(usize, usize)| *right as f64 / *all as f64;
        let languages = self.by_language.iter();
        let languages = languages.map(|(name, both)| format!("{name} {:.3}", part(both)));
        println!(
            "  by language: {}",
            languages.collect::<Vec<_>>().join(", ")
        );
        let mut acts: Vec<_> = self
            .by_act
            .iter()
            .map(|(name, both)| (part(both), name))
            .collect();
        acts.sort_by(|one, other| one.0.total_cmp(&other.0));
        let acts = acts
            .iter()
            .take(12)
            .map(|(part, name)| format!("{name} {part:.2}"));
        println!("  weakest acts: {}", acts.collect::<Vec<_>>().join(", "));
        let mut mixed: Vec<_> = self
            .mixed_up
            .iter()
            .map(|(pair, count)| (*count, pair))
            .collect();
        mixed.sort_by(|one, other| other.cmp(one));
        let mixed = mixed
            .iter()
            .take(14)
            .map(|(count, (is, read))| format!("{is}→{read} {count}"));
        println!(
            "  most often mixed up: {}",
            mixed.collect::<Vec<_>>().join(", ")
        );
    }
}

/// Learns from all folds but one and reads that one, for each; answers the temperature at which the
/// probabilities are most honest.
pub fn cross_validate(lines: &[Line], folds: usize, block: usize, misses: bool) -> f32 {
    let fold = |at: usize| {
        (((at / block) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as usize % folds
    };
    let mut tally = Tally::default();
    let mut honest: Vec<(Vec<f32>, usize)> = Vec::new();
    let mut sure: Vec<(f32, bool)> = Vec::new();
    for held in 0..folds {
        let learnt: Vec<&Line> = lines
            .iter()
            .enumerate()
            .filter(|(at, _)| fold(*at) != held)
            .map(|(_, line)| line)
            .collect();
        let weights = learn(&learnt);
        let reader = Reader::with(Weights::read(MAGIC, &weights.write()).expect("readable"));
        for (at, line) in lines.iter().enumerate().filter(|(at, _)| fold(*at) == held) {
            let read = line.with(|said| reader.read(said));
            tally.count(line, &read);
            sure.push((read.confidence.act, read.act == line.act));
            let label = labels()
                .iter()
                .position(|label| *label == (line.act, line.scope));
            honest.push((
                line.with(|said| reader.likely(said)),
                label.unwrap_or_default(),
            ));
            if misses && read.act != line.act && at % 10 == 0 {
                println!(
                    "  {} → {} {:?} {:.2} {:?}",
                    line.act, read.act, read.guarded, read.confidence.act, line.text
                );
            }
        }
    }
    tally.say("cross-validation");
    for bar in [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] {
        let above: Vec<bool> = sure
            .iter()
            .filter(|(sure, _)| *sure >= bar)
            .map(|(_, right)| *right)
            .collect();
        let right = above.iter().filter(|right| **right).count();
        println!(
            "  act at least {bar} sure (at temperature 1): {:.3} of lines, {:.3} right",
            above.len() as f64 / sure.len() as f64,
            right as f64 / above.len().max(1) as f64
        );
    }
    temperature(&honest)
}

fn temperature(lines: &[(Vec<f32>, usize)]) -> f32 {
    let loss = |temperature: f32| -> f64 {
        let of = |(likely, label): &(Vec<f32>, usize)| {
            let raised: Vec<f32> = likely
                .iter()
                .map(|one| one.max(1e-9).powf(1.0 / temperature))
                .collect();
            let sum: f32 = raised.iter().sum();
            -f64::from((raised[*label] / sum).max(1e-9).ln())
        };
        lines.iter().map(of).sum()
    };
    let tries = (8..=40).map(|step| step as f32 / 20.0);
    tries
        .min_by(|one, other| loss(*one).total_cmp(&loss(*other)))
        .unwrap_or(1.0)
}

/// Reads lines that were not learnt from.
pub fn unseen(reader: &Reader, name: &str, lines: &[Line]) {
    let mut tally = Tally::default();
    let mut effects: BTreeMap<Act, usize> = BTreeMap::new();
    for line in lines {
        let read = line.with(|said| reader.read(said));
        if line.must_not && read.act.has_effect() {
            *effects.entry(read.act).or_default() += 1;
        }
        tally.count(line, &read);
    }
    tally.say(name);
}

/// How long it takes to load the weights and to read a line.
pub fn speed(bytes: &[u8], lines: &[Line]) {
    let begun = Instant::now();
    let rounds = 50;
    for _ in 0..rounds {
        std::hint::black_box(Reader::with(
            Weights::read(MAGIC, std::hint::black_box(bytes)).expect("readable"),
        ));
    }
    let load = begun.elapsed() / rounds;
    let reader = Reader::with(Weights::read(MAGIC, bytes).expect("readable"));
    let begun = Instant::now();
    for _ in 0..rounds {
        for line in lines {
            std::hint::black_box(line.with(|said| reader.read(said)));
        }
    }
    let read = begun.elapsed() / rounds / lines.len() as u32;
    println!(
        "loading {:.2} ms, reading a line {:.1} µs",
        load.as_secs_f64() * 1e3,
        read.as_secs_f64() * 1e6
    );
}
