//! The parent's side of reading a table: starts the child, and hands its rows on as they come.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::time::Instant;

use super::import::Importer;
use super::sheet::{CELL, END, MAGIC, Report, Unreadable};

/// What a child may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time until all rows are there.
    pub wall: Duration,
    /// Memory in bytes, beyond what it has when it begins.
    pub memory: u64,
    /// The largest file, in bytes.
    pub file: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_mins(2),
            memory: 1 << 30,
            file: 64 << 20,
        }
    }
}

/// A line of the child's answer is never longer.
const LONGEST_LINE: u64 = 2 << 20;
/// Rows between two looks at the progress.
const EVERY: u64 = 2_000;

/// Reads the table with `program extract --table` into the importer.
///
/// # Errors
///
/// Says why there are no rows; never takes longer than `limits.wall`.
pub async fn read(
    program: &Path,
    file: &Path,
    limits: &Limits,
    importer: &mut Importer<'_>,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<(), Unreadable> {
    let not_run = |error: std::io::Error| Unreadable::NotRun(error.to_string());
    let size = tokio::fs::metadata(file).await.map_err(not_run)?.len();
    if size == 0 {
        return Err(Unreadable::NoTable);
    }
    if size > limits.file {
        return Err(Unreadable::TooLarge);
    }
    let open = std::fs::File::open(file).map_err(not_run)?;
    let mut child = Command::new(program)
        .args(["extract", "--table"])
        .arg(format!("--cpu-seconds={}", limits.wall.as_secs().max(1)))
        .arg(format!("--memory={}", limits.memory))
        .arg(format!("--file={}", limits.file))
        .env_clear()
        .stdin(Stdio::from(open))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(not_run)?;
    let Some(out) = child.stdout.take() else {
        return Err(Unreadable::NotRun("no output".to_owned()));
    };
    let end = Instant::now() + limits.wall;
    let heard = hear(BufReader::with_capacity(256 << 10, out), importer, progress);
    match tokio::time::timeout_at(end, heard).await {
        Err(_) => Err(Unreadable::TookTooLong),
        Ok(heard) => heard,
    }
}

/// Takes in what a child says. One that ends without its last line died.
async fn hear(
    mut out: impl AsyncBufReadExt + Unpin + Send,
    importer: &mut Importer<'_>,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<(), Unreadable> {
    let mut line = Vec::new();
    let mut taken: u64 = 0;
    loop {
        line.clear();
        let read = (&mut out)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await;
        let whole = read.is_ok_and(|read| read > 0) && line.ends_with(b"\n");
        let text = std::str::from_utf8(&line)
            .ok()
            .filter(|_| whole)
            .ok_or(Unreadable::Broken)?;
        let text = text.trim_end_matches('\n');
        if taken == 0 {
            let report = text.strip_prefix(MAGIC).ok_or(Unreadable::Broken)?;
            match serde_json::from_str(report) {
                Ok(Report::Rows) => {}
                Ok(Report::Unreadable(why)) => return Err(why),
                Err(_) => return Err(Unreadable::Broken),
            }
        } else if text.starts_with(END) || importer.has_enough() {
            progress(importer.taken());
            return Ok(());
        } else {
            let mut cells = text.split(CELL);
            let number = cells.next().and_then(|number| number.parse().ok());
            let number = number.ok_or(Unreadable::Broken)?;
            importer.take(number, cells.map(str::to_owned).collect());
        }
        taken += 1;
        if taken.is_multiple_of(EVERY) {
            progress(importer.taken());
            // Many rows are there at once; others want this thread, too.
            tokio::task::yield_now().await;
        }
    }
}
