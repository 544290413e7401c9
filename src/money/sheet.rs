//! Files become rows: what the child process does with a table before anybody looks at what is in it.
//!
//! Its answer is lines: first what the file is, then a line for each row (its number, and its cells behind
//! separators that stand in no cell), and at the end how many there were. Without the last line it died.

use std::io::{self, Cursor, Write};

use calamine::{Data, Range, Reader, Xlsx};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde::{Deserialize, Serialize};

/// The first word of the answer.
pub const MAGIC: &str = "toney-table-1 ";
/// Between the cells of a row.
pub const CELL: char = '\u{1f}';
/// What the last line begins with.
pub const END: char = '\u{4}';
/// Rows beyond this are not read.
const MOST_ROWS: usize = 5_000_000;
/// Cells of one row beyond this are not read.
const MOST_CELLS: usize = 200;
/// Letters of one cell beyond this are not read.
const LONGEST_CELL: usize = 500;

/// Why there are no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    /// It is no table at all.
    #[error("no table")]
    NoTable,
    /// It opens with a password only.
    #[error("encrypted")]
    Encrypted,
    /// It is damaged, or made to do harm.
    #[error("broken")]
    Broken,
    /// It has more rows or bytes than are taken.
    #[error("too large")]
    TooLarge,
    /// It was not read within the time.
    #[error("it took too long")]
    TookTooLong,
    /// The child could not be run; the file may be all right.
    #[error("the reader could not be run: {0}")]
    NotRun(String),
}

/// What the child says before the rows.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    Rows,
    Unreadable(Unreadable),
}

/// Reads a table and writes its rows.
///
/// # Errors
///
/// When nobody takes them.
pub fn write(bytes: &[u8], out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let is_zip = bytes.starts_with(b"PK\x03\x04");
    // What Office encrypts, and what it wrote twenty years ago.
    if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return report(&Report::Unreadable(Unreadable::Encrypted), out);
    }
    let found = if is_zip { workbook(bytes) } else { Ok(None) };
    match found {
        Err(error) => report(&Report::Unreadable(error), out),
        Ok(Some(sheet)) => {
            report(&Report::Rows, out)?;
            sheet_rows(&sheet, out)
        }
        Ok(None) => match text(bytes) {
            None => report(&Report::Unreadable(Unreadable::NoTable), out),
            Some(text) => {
                report(&Report::Rows, out)?;
                text_rows(&text, out)
            }
        },
    }
}

fn report(report: &Report, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let line = serde_json::to_string(report)?;
    writeln!(out, "{MAGIC}{line}")
}

fn row<'a>(
    number: u64,
    cells: impl Iterator<Item = &'a str>,
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    write!(out, "{number}")?;
    for cell in cells.take(MOST_CELLS) {
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let cell: String = cell.chars().take(LONGEST_CELL).map(clean).collect();
        write!(out, "{CELL}{}", cell.trim())?;
    }
    writeln!(out)
}

fn end(rows: usize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    writeln!(out, "{END}{rows}")?;
    out.flush()
}

/// The sheet of a workbook that has most rows.
fn workbook(bytes: &[u8]) -> Result<Option<Range<Data>>, Unreadable> {
    let mut book: Xlsx<_> = match Xlsx::new(Cursor::new(bytes)) {
        Ok(book) => book,
        Err(calamine::XlsxError::Password) => return Err(Unreadable::Encrypted),
        Err(_) => return Err(Unreadable::Broken),
    };
    let names = book.sheet_names();
    let sheets = names
        .iter()
        .take(20)
        .filter_map(|name| book.worksheet_range(name).ok());
    sheets
        .max_by_key(|sheet| sheet.height())
        .filter(|sheet| sheet.height() > 0)
        .map(Some)
        .ok_or(Unreadable::Broken)
}

fn sheet_rows(sheet: &Range<Data>, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let first = u64::from(sheet.start().map_or(0, |(row, _)| row)) + 1;
    let mut rows = 0;
    for (number, cells) in (first..).zip(sheet.rows().take(MOST_ROWS)) {
        let cells: Vec<String> = cells.iter().take(MOST_CELLS).map(cell).collect();
        row(number, cells.iter().map(String::as_str), out)?;
        rows += 1;
    }
    end(rows, out)
}

/// A cell as text. Numbers keep the digits that the file has: the shortest that mean the same.
fn cell(data: &Data) -> String {
    match data {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Bool(is) => is.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::DateTime(date) => day(date.as_f64()),
        #[allow(
            unreachable_patterns,
            reason = "other kinds of cells came with newer versions"
        )]
        other => other.to_string(),
    }
}

/// A day as workbooks count them: from the last but one of 1899.
fn day(serial: f64) -> String {
    let days = serial.floor();
    if !(1.0..200_000.0).contains(&days) {
        return serial.to_string();
    }
    let begin = chrono::NaiveDate::from_ymd_opt(1899, 12, 30);
    // In range, as was seen just now.
    let days = chrono::Days::new(days as u64);
    let date = begin.and_then(|begin| begin.checked_add_days(days));
    date.map(|date| date.to_string()).unwrap_or_default()
}

/// The text of a file, whatever it is written in; `None` where it is no text.
fn text(bytes: &[u8]) -> Option<String> {
    let (encoding, skip): (&'static Encoding, usize) = match bytes {
        [0xef, 0xbb, 0xbf, ..] => (UTF_8, 3),
        [0xff, 0xfe, ..] => (UTF_16LE, 2),
        [0xfe, 0xff, ..] => (UTF_16BE, 2),
        _ => (without_mark(bytes)?, 0),
    };
    let (text, _) = encoding.decode_without_bom_handling(bytes.get(skip..)?);
    let odd = |c: &char| *c == '\0' || c.is_control() && !c.is_whitespace();
    let is_text = text.chars().take(4_000).filter(odd).count() == 0;
    (is_text && !text.trim().is_empty()).then(|| text.into_owned())
}

fn without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..bytes.len().min(2_000))?;
    let zeros = |odd: usize| {
        head.iter()
            .skip(odd)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let half = head.len() / 2;
    if half > 4 && zeros(1) * 2 > half && zeros(0) * 10 < half {
        return Some(UTF_16LE);
    }
    if half > 4 && zeros(0) * 2 > half && zeros(1) * 10 < half {
        return Some(UTF_16BE);
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => Some(UTF_8),
        Err(_) if head.contains(&0) => None,
        // Every byte is a letter there.
        Err(_) => Some(WINDOWS_1252),
    }
}

fn text_rows(text: &str, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut reader = reader(text, separator(text));
    let mut record = csv::StringRecord::new();
    let mut rows = 0;
    while rows < MOST_ROWS {
        // What is no row is none of the file's; a reader of text that is in memory fails at nothing else.
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => continue,
        }
        let number = record.position().map_or(0, |at| line_of(text, at));
        row(number, record.iter(), out)?;
        rows += 1;
    }
    end(rows, out)
}

/// The line in which a row begins; the reader counts it before the empty lines that it leaves out.
fn line_of(text: &str, at: &csv::Position) -> u64 {
    let from = usize::try_from(at.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    at.line() + ends.filter(|byte| **byte == b'\n').count() as u64
}

fn reader(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
}

/// What stands between cells: what cuts most of the first rows into equally many.
fn separator(text: &str) -> u8 {
    const KNOWN: [u8; 4] = [b'\t', b';', b',', b'|'];
    // A quote that is never closed must not make one row of everything.
    let head: String = text
        .lines()
        .take(60)
        .flat_map(|line| [line, "\n"])
        .collect();
    let score = |separator: &u8| {
        let mut counts: Vec<usize> = Vec::new();
        for record in reader(&head, *separator).records().flatten() {
            counts.push(record.len());
        }
        let most = counts
            .iter()
            .copied()
            .filter(|cells| *cells > 1)
            .max_by_key(|cells| {
                let alike = counts.iter().filter(|count| *count == cells).count();
                (alike, *cells)
            });
        let alike = |cells| counts.iter().filter(|count| **count == cells).count();
        most.map_or(0, |cells| alike(cells) * 1_000 + cells)
    };
    // Of equals the first: tabs are no part of any sentence.
    KNOWN.into_iter().rev().max_by_key(score).unwrap_or(b',')
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        let mut out = Vec::new();
        write(bytes, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let lines = out.lines().skip(1).filter(|line| !line.starts_with(END));
        lines
            .map(|line| line.split(CELL).map(str::to_owned).collect())
            .collect()
    }

    fn utf16(text: &str) -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xff, 0xfe].into_iter().chain(units).collect()
    }

    #[test]
    fn every_encoding_is_the_same_table() {
        let text = "Titel,Künstler\nLicht,Björk";
        let is = [["1", "Titel", "Künstler"], ["2", "Licht", "Björk"]];
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        let bare = utf16(text).split_off(2);
        for bytes in [text.as_bytes().to_vec(), marked, utf16(text), bare, latin] {
            assert_eq!(rows(&bytes), is, "{bytes:?}");
        }
    }

    #[test]
    fn separators_are_found() {
        assert_eq!(rows(b"a;b,c;d\n1;2,5;3\n")[1], ["2", "1", "2,5", "3"]);
        assert_eq!(rows(b"a\tb\n\"1\t1\"\t2\n")[1], ["2", "1 1", "2"]);
        assert_eq!(
            rows(b"id 7\n\na,b\n\"x\ny\",2\nz,3\n"),
            [
                vec!["1", "id 7"],
                vec!["3", "a", "b"],
                vec!["4", "x y", "2"],
                vec!["6", "z", "3"]
            ]
        );
    }

    #[test]
    fn what_is_no_table_is_owned_up_to() {
        for bytes in [
            &b"\x89PNG\r\n\x1a\n\0\0\0"[..],
            b"",
            b"%PDF-1.4\n\x00\x01\x02\xff",
        ] {
            let mut out = Vec::new();
            write(bytes, &mut out).unwrap();
            assert!(
                String::from_utf8(out).unwrap().contains("no_table"),
                "{bytes:?}"
            );
        }
        let mut out = Vec::new();
        write(b"PK\x03\x04 and nothing", &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("broken"));
    }

    #[test]
    fn days_are_counted_from_1899() {
        assert_eq!(day(46_235.5), "2026-08-01");
        assert_eq!(cell(&Data::Float(199_999_000_013.0)), "199999000013");
        assert_eq!(cell(&Data::Float(31.451_234_567_8)), "31.4512345678");
        assert_eq!(cell(&Data::Float(3.1e-7)), "0.00000031");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_fall(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            write(&bytes, &mut Vec::new()).unwrap();
        }
    }
}
