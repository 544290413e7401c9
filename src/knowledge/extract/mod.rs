//! Files become text, in a child process with limits of its own.
//!
//! A file that people send may be made to crash or to stall whoever opens it, so the gateway never
//! does: it starts itself as `toney extract`, hands over the open file, and takes back one line about
//! it and its text, or why there is none. A child that died, stalled or grew too large costs nothing
//! but the file. Start with [`extract`]; [`child`] is the other side.

mod child;
mod csv;
mod docx;
mod html;
mod kind;
mod layout;
mod pdf;
mod text;
mod xml;

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::Instant;

use crate::model::phrases;

pub use child::{Order, child, confined};
pub use kind::Kind;

/// What a child may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time until the text is there, second attempts included.
    pub wall: Duration,
    /// Processor time of one child.
    pub cpu: Duration,
    /// Memory of one child beyond what it has when it begins, in bytes.
    pub memory: u64,
    /// The largest file, in bytes.
    pub file: u64,
    /// The longest text, in bytes.
    pub text: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(20),
            memory: 1 << 30,
            file: 64 << 20,
            text: 10 << 20,
        }
    }
}

/// What was in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// What the file is, whatever its name says.
    pub kind: Kind,
    /// Its own title, else its first heading, else its name.
    pub title: String,
    /// How many pages it has; where a kind has none, how many its text would fill.
    pub pages: u32,
    /// Headings as lines that begin with `#`, paragraphs with blank lines between them, and a form feed
    /// between pages.
    pub text: String,
}

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    /// Pages without a text layer.
    #[error("pictures of pages, no text")]
    Scan,
    /// It opens with a password only.
    #[error("encrypted")]
    Encrypted,
    /// The file has more bytes than are taken.
    #[error("larger than {most} bytes")]
    TooLarge {
        /// So many are taken.
        most: u64,
    },
    /// The text has more bytes than are taken.
    #[error("more than {most} bytes of text")]
    TooLong {
        /// So many are taken.
        most: u64,
    },
    /// More pages than are taken.
    #[error("more than {most} pages")]
    TooManyPages {
        /// So many are taken.
        most: u32,
    },
    /// It is damaged, or made to do harm.
    #[error("broken")]
    Broken,
    /// It is something else than what is read here; named as people call it.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// There is nothing in it.
    #[error("empty")]
    Empty,
    /// It was not read within the time.
    #[error("it took too long")]
    TookTooLong,
    /// The child could not be started or heard; the file may be all right.
    #[error("the reader could not be run: {0}")]
    NotRun(String),
}

impl Unreadable {
    /// What a person is told about the file of this name.
    pub fn sentence(&self, name: &str) -> String {
        match self {
            Self::Scan => phrases::file_is_scan(name),
            Self::Encrypted => phrases::file_is_encrypted(name),
            Self::TooLarge { most } => phrases::file_too_large(name, *most),
            Self::TooLong { most } => phrases::file_too_long(name, *most),
            Self::TooManyPages { most } => phrases::file_too_many_pages(name, *most),
            Self::Broken => phrases::file_is_broken(name),
            Self::Unsupported(what) => phrases::file_unsupported(name, what),
            Self::Empty => phrases::file_is_empty(name),
            Self::TookTooLong => phrases::file_took_too_long(name),
            Self::NotRun(_) => phrases::file_not_read_now(name),
        }
    }

    /// Whether another attempt at the same file may go better.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NotRun(_))
    }
}

/// Who reads a PDF: the first is more faithful, the second bears more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reader {
    /// Understands the layout.
    #[default]
    First,
    /// Never died in any trial.
    Second,
}

/// What the child says about the file before its text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    Read {
        kind: Kind,
        title: String,
        pages: u32,
    },
    Unreadable(Unreadable),
}

/// The first word of the child's answer.
const MAGIC: &str = "toney-extract-1 ";
/// The report's line is never longer.
const LONGEST_REPORT: u64 = 16 * 1024;
/// A second reader is worth starting with so much time left.
const LEAST: Duration = Duration::from_secs(1);

/// Reads the file with `program extract`; `name` is what people call it.
///
/// # Errors
///
/// Says why there is no text; never takes longer than `limits.wall`.
pub async fn extract(
    program: &Path,
    file: &Path,
    name: &str,
    limits: &Limits,
) -> Result<Extracted, Unreadable> {
    let size = tokio::fs::metadata(file)
        .await
        .map_err(|error| not_run(&error))?
        .len();
    if size == 0 {
        return Err(Unreadable::Empty);
    }
    if size > limits.file {
        return Err(Unreadable::TooLarge { most: limits.file });
    }
    let end = Instant::now() + limits.wall;
    let is_pdf = kind::is_pdf(file).await;
    // The first reader must leave time for the second, where there is one.
    let share = if is_pdf { 0.6 } else { 1.0 };
    let half = Instant::now() + limits.wall.mul_f64(share);
    let first = run(program, file, name, (Reader::First, limits), half).await;
    match first {
        Ok(Some(answer)) => return answer,
        Err(error) => return Err(error),
        // It died or stalled.
        Ok(None) if !is_pdf => {
            return Err(match Instant::now() < half {
                true => Unreadable::Broken,
                false => Unreadable::TookTooLong,
            });
        }
        Ok(None) => {}
    }
    if end.saturating_duration_since(Instant::now()) < LEAST {
        return Err(Unreadable::TookTooLong);
    }
    let second = run(program, file, name, (Reader::Second, limits), end).await?;
    second.unwrap_or(Err(match Instant::now() < end {
        true => Unreadable::Broken,
        false => Unreadable::TookTooLong,
    }))
}

/// One child. None: it died or did not end in time, or it asks for the other reader.
async fn run(
    program: &Path,
    file: &Path,
    name: &str,
    (reader, limits): (Reader, &Limits),
    until: Instant,
) -> Result<Option<Result<Extracted, Unreadable>>, Unreadable> {
    let open = std::fs::File::open(file).map_err(|error| not_run(&error))?;
    let seconds = limits.cpu.as_secs().max(1);
    let mut command = Command::new(program);
    command
        .arg("extract")
        .arg(format!("--name={}", plain(name)))
        .arg(format!("--cpu-seconds={seconds}"))
        .arg(format!("--memory={}", limits.memory))
        .arg(format!("--file={}", limits.file))
        .arg(format!("--text={}", limits.text))
        .env_clear()
        .stdin(Stdio::from(open))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if reader == Reader::Second {
        command.arg("--second");
    }
    let mut child = command.spawn().map_err(|error| not_run(&error))?;
    let Some(out) = child.stdout.take() else {
        return Err(Unreadable::NotRun("no output".to_owned()));
    };
    let most = limits.text + LONGEST_REPORT + 1;
    let mut heard = Vec::new();
    let hearing = async {
        out.take(most).read_to_end(&mut heard).await?;
        child.wait().await
    };
    match tokio::time::timeout_at(until, hearing).await {
        Err(_) => Ok(None),
        Ok(Err(error)) => Err(not_run(&error)),
        Ok(Ok(status)) if !status.success() => Ok(None),
        Ok(Ok(_)) => Ok(understood(heard, limits)),
    }
}

/// What a child said; None when that makes no sense.
fn understood(heard: Vec<u8>, limits: &Limits) -> Option<Result<Extracted, Unreadable>> {
    let heard = String::from_utf8(heard).ok()?;
    let (line, _) = heard.split_once('\n')?;
    let report: Report = serde_json::from_str(line.strip_prefix(MAGIC)?).ok()?;
    let (kind, title, pages) = match report {
        Report::Read { kind, title, pages } => (kind, title, pages),
        Report::Unreadable(error) => return Some(Err(error)),
    };
    let begin = line.len() + 1;
    let mut text = heard;
    text.drain(..begin);
    if text.len() as u64 > limits.text {
        return Some(Err(Unreadable::TooLong { most: limits.text }));
    }
    Some(Ok(Extracted {
        kind,
        title,
        pages,
        text,
    }))
}

fn not_run(error: &io::Error) -> Unreadable {
    Unreadable::NotRun(error.to_string())
}

/// A name that can be an argument: one line, not endless.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A reader that takes three quarters of the time; there is no second one that would need the rest.
    #[tokio::test]
    async fn what_is_no_pdf_has_all_the_time() {
        let folder = std::env::temp_dir().join(format!("toney-slow-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (file, slow) = (folder.join("a.txt"), folder.join("slow"));
        std::fs::write(&file, "words").unwrap();
        let report = r#"{"read":{"kind":"text","title":"a","pages":1}}"#;
        let answer = format!("/bin/sleep 3\nprintf '%s\\n%s' '{MAGIC}{report}' words");
        std::fs::write(&slow, format!("#!/bin/sh\n{answer}\n")).unwrap();
        std::fs::set_permissions(&slow, std::fs::Permissions::from_mode(0o755)).unwrap();
        let limits = Limits {
            wall: Duration::from_secs(4),
            ..Limits::default()
        };
        let read = extract(&slow, &file, "a.txt", &limits).await;
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(read.unwrap().text, "words");
    }
}
