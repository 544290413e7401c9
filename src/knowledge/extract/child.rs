//! The child: limits itself, reads the file from its input, and writes what it found.

use std::io::{Read, Write};
use std::process::ExitCode;

use super::kind::{Known, know};
use super::pdf::{self, Attempt};
use super::{Kind, LONGEST_REPORT, Limits, MAGIC, Report, Unreadable, csv, docx, html, text};
use crate::knowledge::clean::{self, Lines};

/// What a child is told to do.
#[derive(Debug, Clone)]
pub struct Order {
    /// What people call the file.
    pub name: String,
    /// A PDF is read by the reader that bears everything.
    pub second: bool,
    /// What may be used.
    pub limits: Limits,
}

/// What a reader found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) title: Option<String>,
    pub(super) pages: Option<u32>,
    pub(super) text: String,
}

/// Enough for documents of people; what recurses without end shall end soon.
const STACK: usize = 32 << 20;
/// About what a printed page holds, in letters.
const PAGE: usize = 3_000;
/// Longest title, in letters.
const LONGEST_TITLE: usize = 200;

/// Reads the file from the standard input and reports on the standard output.
pub fn child(order: Order) -> ExitCode {
    if limit(&order.limits).is_err() {
        return ExitCode::FAILURE;
    }
    let reader = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            let mut bytes = Vec::new();
            let input = std::io::stdin().lock().take(order.limits.file + 1);
            match std::io::BufReader::new(input).read_to_end(&mut bytes) {
                Ok(_) => answer(&bytes, &order),
                Err(_) => None,
            }
        });
    let answer = reader.ok().and_then(|reader| reader.join().ok()).flatten();
    let Some((report, text)) = answer else {
        return ExitCode::FAILURE;
    };
    match write(&report, &text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Reads the file from the standard input within the limits, and lets `write` say what is in it.
pub fn confined(
    order: Order,
    write: impl FnOnce(&[u8], &mut dyn Write) -> std::io::Result<()> + Send + 'static,
) -> ExitCode {
    if limit(&order.limits).is_err() {
        return ExitCode::FAILURE;
    }
    let reader = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            let mut bytes = Vec::new();
            let input = std::io::stdin().lock().take(order.limits.file + 1);
            std::io::BufReader::new(input).read_to_end(&mut bytes)?;
            let mut out = std::io::BufWriter::with_capacity(1 << 18, std::io::stdout().lock());
            write(&bytes, &mut out)?;
            out.flush()
        });
    let written = reader.ok().and_then(|reader| reader.join().ok());
    match written {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(_)) | None => ExitCode::FAILURE,
    }
}

/// What to say; None asks for the other reader.
fn answer(bytes: &[u8], order: &Order) -> Option<(Report, String)> {
    match read(bytes, order) {
        Ok(None) => None,
        Ok(Some(found)) => Some(found),
        Err(error) => Some((Report::Unreadable(error), String::new())),
    }
}

fn read(bytes: &[u8], order: &Order) -> Result<Option<(Report, String)>, Unreadable> {
    let Order {
        name,
        second,
        limits,
    } = order;
    if bytes.len() as u64 > limits.file {
        return Err(Unreadable::TooLarge { most: limits.file });
    }
    let most = limits.text;
    let (kind, body) = match know(bytes, name)? {
        Known::Pdf if *second => (Kind::Pdf, pdf::second(bytes, most)?),
        Known::Pdf => match pdf::first(bytes, most) {
            Attempt::Read(body) => (Kind::Pdf, body),
            Attempt::Refused(error) => return Err(error),
            Attempt::NotMine => return Ok(None),
        },
        Known::Docx => (Kind::Docx, docx::read(bytes, most)?),
        Known::Text(_, text) if text.len() as u64 > most => {
            return Err(Unreadable::TooLong { most });
        }
        Known::Text(Kind::Html, text) => (Kind::Html, html::read(&text, most)?),
        Known::Text(Kind::Csv, text) => (Kind::Csv, csv::lines(&text, most)?),
        Known::Text(Kind::Markdown, text) => (Kind::Markdown, text::markdown(&text)),
        Known::Text(kind, text) => (kind, text::plain(text)),
    };
    let Body { title, pages, text } = body;
    let lines = match kind {
        Kind::Pdf | Kind::Text | Kind::Markdown => Lines::Wrapped,
        Kind::Docx | Kind::Html | Kind::Csv => Lines::Meant,
    };
    let text = clean::clean(&text, lines);
    if !text.chars().any(char::is_alphanumeric) {
        return Err(Unreadable::Empty);
    }
    if text.len() as u64 > most {
        return Err(Unreadable::TooLong { most });
    }
    let title = title_of(title.as_deref(), &text, name);
    let filled = || u32::try_from(text.chars().count().div_ceil(PAGE)).unwrap_or(u32::MAX);
    let pages = pages.filter(|pages| *pages > 0).unwrap_or_else(filled);
    Ok(Some((Report::Read { kind, title, pages }, text)))
}

/// Its own title, else its first heading, else its name.
fn title_of(own: Option<&str>, text: &str, name: &str) -> String {
    let heading = || {
        let signed = text.lines().take(40).find(|line| line.starts_with('#'));
        signed.map(|line| line.trim_start_matches('#').trim().to_owned())
    };
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    own.and_then(own_title)
        .or_else(|| heading().filter(|heading| !heading.is_empty()))
        .unwrap_or_else(|| stem.replace(['_', '-'], " "))
        .chars()
        .take(LONGEST_TITLE)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// A title that a person gave, not a program.
fn own_title(title: &str) -> Option<String> {
    let title = clean::clean(title, Lines::Meant);
    let title: Vec<&str> = title.split_whitespace().collect();
    let title = title.join(" ");
    let title = title
        .trim_start_matches("Microsoft Word - ")
        .trim_start_matches('#')
        .trim();
    let lower = title.to_lowercase();
    let named_like_a_file = [
        ".doc", ".docx", ".pdf", ".indd", ".odt", ".tex", ".dvi", ".pages", ".txt",
    ]
    .iter()
    .any(|ending| lower.ends_with(ending));
    let nothing = [
        "untitled",
        "unbenannt",
        "sans titre",
        "sin título",
        "sem título",
        "document",
    ]
    .iter()
    .any(|nothing| lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ') == *nothing);
    let letters = title.chars().filter(|c| c.is_alphabetic()).count();
    (letters >= 2 && !named_like_a_file && !nothing).then(|| title.to_owned())
}

fn write(report: &Report, text: &str) -> std::io::Result<()> {
    let line = serde_json::to_string(report)?;
    if (MAGIC.len() + line.len()) as u64 >= LONGEST_REPORT {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut out = std::io::stdout().lock();
    out.write_all(MAGIC.as_bytes())?;
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")?;
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Whatever a file makes its reader do, it stays small, ends soon, and leaves no file behind.
#[cfg(unix)]
fn limit(limits: &Limits) -> nix::Result<()> {
    use nix::sys::resource::{Resource, setrlimit};
    let cpu = limits.cpu.as_secs().max(1);
    setrlimit(Resource::RLIMIT_CPU, cpu, cpu + 1)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?;
    // The allocator reserves addresses at the start that it may never use.
    let memory = reserved().saturating_add(limits.memory);
    match setrlimit(Resource::RLIMIT_AS, memory, memory) {
        // Some systems have the name and not the limit.
        Err(nix::Error::EINVAL) => Ok(()),
        other => other,
    }
}

/// How much of the address space is taken already, in bytes.
#[cfg(unix)]
fn reserved() -> u64 {
    let said = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let size = said.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kilobytes = size.and_then(|size| size.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0).saturating_mul(1_024)
}

#[cfg(not(unix))]
fn limit(_limits: &Limits) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_given_by_a_person() {
        let of = |own: &str| {
            title_of(
                Some(own),
                "words\n## Heading\n",
                "dir/my_split-sheet.v2.pdf",
            )
        };
        assert_eq!(of("Deal  memo\n2026"), "Deal memo 2026");
        assert_eq!(of("Microsoft Word - Deal memo"), "Deal memo");
        for program in [
            "Untitled 1",
            "Microsoft Word - deal.docx",
            "",
            "12",
            "Unbenannt",
        ] {
            assert_eq!(of(program), "Heading", "{program}");
        }
        assert_eq!(
            title_of(None, "words", "dir/my_split-sheet.v2.pdf"),
            "my split sheet.v2"
        );
    }
}
