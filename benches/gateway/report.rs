//! The table of figures, and its place in benches/RESULTS.md.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// One figure.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub what: String,
    pub plain: String,
    pub ours: String,
    pub ratio: Option<f64>,
    pub target: &'static str,
    pub met: Option<bool>,
}

/// The figures of one measurement.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub name: &'static str,
    pub rows: Vec<Row>,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

impl Part {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    pub fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        println!("   {text}");
        self.notes.push(text);
    }

    pub fn markdown(&self) -> String {
        let mut out = String::from(
            "| figure | plain bot | toney | ratio | reach | |\n|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let ratio = row.ratio.map_or(String::new(), |r| format!("{r:.2} ×"));
            let met = match row.met {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            let Row {
                what,
                plain,
                ours,
                target,
                ..
            } = row;
            writeln!(
                out,
                "| {what} | {plain} | {ours} | {ratio} | {target} | {met} |"
            )
            .ok();
        }
        for note in &self.notes {
            write!(out, "\n- {note}").ok();
        }
        out
    }
}

/// Milliseconds with a sensible number of digits.
pub fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    match ms {
        ..10.0 => format!("{ms:.2} ms"),
        10.0..100.0 => format!("{ms:.1} ms"),
        _ => format!("{ms:.0} ms"),
    }
}

pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1_000_000.0)
}

pub fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64().max(1e-9)
}

/// The machine, the date and the commit, for a reader of the results.
pub fn circumstances(command: &str) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|l| l.strip_prefix("model name"));
    let model = model
        .and_then(|l| l.split_once(": "))
        .map_or("", |(_, m)| m);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory
        .split_whitespace()
        .nth(1)
        .and_then(|k| k.parse::<u64>().ok());
    let memory = memory.unwrap_or(0) / 1024 / 1024;
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok();
        let output = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
        output.unwrap_or_default()
    };
    let commit = git(&["rev-parse", "--short", "HEAD"]);
    let changed = if git(&[
        "status",
        "--porcelain",
        "--untracked-files=no",
        "src",
        "Cargo.toml",
    ])
    .is_empty()
    {
        ""
    } else {
        " with changes"
    };
    let date = chrono::Utc::now().format("%Y-%m-%d");
    format!("{date}, commit {commit}{changed}, {model}, {cores} cores, {memory} GB: `{command}`")
}

/// Replaces the section of this title, or adds it at the end.
pub fn record(title: &str, text: &str) {
    let place = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md");
    let old = std::fs::read_to_string(&place).unwrap_or_else(|_| INTRODUCTION.to_owned());
    let heading = format!("\n## {title}\n");
    let section = format!("{heading}\n{}\n", text.trim());
    let new = match old.find(&heading) {
        Some(start) => {
            let rest = &old[start + heading.len()..];
            let end = rest
                .find("\n## ")
                .map_or(old.len(), |at| start + heading.len() + at);
            format!("{}{section}{}", &old[..start], &old[end..])
        }
        None => format!("{}\n{section}", old.trim_end()),
    };
    std::fs::write(&place, new).expect("benches/RESULTS.md can be written");
    println!("written to {}", place.display());
}

const INTRODUCTION: &str = "# Results

Written by `cargo bench --bench gateway -- --record` and `cargo bench --bench crash -- --record`. The simulators, the
plain bot and Toney share the machine, so ratios count and not times. The plain bot is teloxide 0.17 that receives,
calls the model and sends; its better dispatcher setting is taken.
";
