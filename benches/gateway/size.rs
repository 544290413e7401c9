//! How large the program is, and what building it costs.

use std::process::Command;

use super::report::{Part, Row, megabytes};

const PROGRAM: &str = env!("CARGO_BIN_EXE_toney");

/// The binary without its symbols.
pub async fn stripped() -> Part {
    let mut part = Part::new("Size");
    let place = std::env::temp_dir().join(format!("toney-stripped-{}", std::process::id()));
    let done = Command::new("strip")
        .arg("-o")
        .arg(&place)
        .arg(PROGRAM)
        .status();
    let bytes = std::fs::metadata(&place).map_or(0, |data| data.len());
    std::fs::remove_file(&place).ok();
    if !done.is_ok_and(|status| status.success()) {
        part.note("`strip` of binutils is not installed");
        return part;
    }
    part.row(Row {
        what: "release binary, stripped".to_owned(),
        ours: megabytes(bytes),
        target: "≤ 40 MB",
        met: Some(bytes <= 40_000_000),
        ..Row::default()
    });
    part
}

/// A clean release build in a folder of its own.
pub async fn build() -> Part {
    let mut part = Part::new("Build");
    let place = std::env::temp_dir().join(format!("toney-build-{}", std::process::id()));
    // The shell counts the processor time of everything it ran.
    const SCRIPT: &str =
        r#"cargo build --release --locked --target-dir "$1" >&2 && times | tail -n 1"#;
    let script = ["-c", SCRIPT, "sh"];
    let output = Command::new("bash").args(script).arg(&place).output();
    std::fs::remove_dir_all(&place).ok();
    let output = output.expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let seconds = |text: &str| -> Option<f64> {
        let (minutes, seconds) = text.trim_end_matches('s').split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    let minutes = said.split_whitespace().filter_map(seconds).sum::<f64>() / 60.0;
    if !output.status.success() || minutes == 0.0 {
        part.note("the build failed");
        return part;
    }
    part.row(Row {
        what: "clean release build, processor time".to_owned(),
        ours: format!("{minutes:.1} min"),
        target: "≤ 20 min",
        met: Some(minutes <= 20.0),
        ..Row::default()
    });
    part
}
