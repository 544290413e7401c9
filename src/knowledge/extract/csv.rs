//! Tables as text: every row says its columns, so that a piece of the table makes sense alone.

use super::Unreadable;
use super::child::Body;

/// A row with more cells than this is no table that anybody reads.
const MOST_CELLS: usize = 2_000;

/// Each row as one line: `Title: Blue; Streams: 120`. Where the first row names nothing, cells alone.
pub(super) fn lines(text: &str, most: u64) -> Result<Body, Unreadable> {
    let mut rows = Rows::new(text);
    let mut out = String::new();
    let Some(first) = rows.next() else {
        return Err(Unreadable::Empty);
    };
    let names = is_header(&first).then_some(first.as_slice());
    if names.is_none() {
        push_row(&mut out, None, &first);
    }
    for row in rows {
        push_row(&mut out, names, &row);
        if out.len() as u64 > most {
            return Err(Unreadable::TooLong { most });
        }
    }
    if let Some(names) = names.filter(|_| out.is_empty()) {
        push_row(&mut out, None, names);
    }
    Ok(Body {
        title: None,
        pages: None,
        text: out,
    })
}

fn push_row(out: &mut String, names: Option<&[String]>, row: &[String]) {
    let begin = out.len();
    for (index, cell) in row.iter().enumerate() {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        if out.len() > begin {
            out.push_str("; ");
        }
        let name = names.and_then(|names| names.get(index));
        if let Some(name) = name.map(|name| name.trim()).filter(|name| !name.is_empty()) {
            out.push_str(name);
            out.push_str(": ");
        }
        // A row is a line, whatever its cells hold.
        out.extend(cell.split_whitespace().flat_map(|word| [" ", word]).skip(1));
    }
    if out.len() > begin {
        out.push('\n');
    }
}

/// A first row of words only, all different, names the columns.
fn is_header(row: &[String]) -> bool {
    let cells = || row.iter().map(|cell| cell.trim());
    let numeric = |cell: &str| {
        cell.chars().any(|c| c.is_ascii_digit())
            && cell
                .chars()
                .all(|c| c.is_ascii_digit() || ".,-+ %€$£:/".contains(c))
    };
    let named: Vec<&str> = cells().filter(|cell| !cell.is_empty()).collect();
    let mut different = named.clone();
    different.sort_unstable();
    different.dedup();
    !named.is_empty()
        && named.len() == different.len()
        && named.len() * 2 > row.len()
        && named.iter().all(|cell| !numeric(cell) && cell.len() < 200)
}

/// The rows of a table: quotes may hold separators, line ends and doubled quotes.
struct Rows<'a> {
    rest: &'a str,
    separator: char,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str) -> Self {
        let mut rest = text;
        let mut separator = None;
        // Spreadsheets may say it in a first line.
        if let Some(tail) = rest.strip_prefix("sep=") {
            separator = tail.chars().next();
            rest = tail.split_once('\n').map_or("", |(_, rest)| rest);
        }
        let separator = separator.unwrap_or_else(|| separator_of(rest));
        Self { rest, separator }
    }

    /// One cell, and whether the row ends behind it.
    fn cell(&mut self) -> (String, bool) {
        let mut cell = String::new();
        let mut quoted = false;
        let mut letters = self.rest.char_indices().peekable();
        let mut over = true;
        let mut end = self.rest.len();
        while let Some((at, c)) = letters.next() {
            match c {
                '"' if quoted => {
                    if letters.next_if(|(_, next)| *next == '"').is_some() {
                        cell.push('"');
                    } else {
                        quoted = false;
                    }
                }
                '"' if cell.trim().is_empty() => {
                    cell.clear();
                    quoted = true;
                }
                c if quoted => cell.push(c),
                '\n' => {
                    end = at + 1;
                    break;
                }
                c if c == self.separator => {
                    over = false;
                    end = at + c.len_utf8();
                    break;
                }
                '\r' => {}
                c => cell.push(c),
            }
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
        (cell, over)
    }
}

impl Iterator for Rows<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        while !self.rest.is_empty() {
            let mut row = Vec::new();
            loop {
                let (cell, over) = self.cell();
                if row.len() < MOST_CELLS {
                    row.push(cell);
                }
                if over {
                    break;
                }
            }
            if row.iter().any(|cell| !cell.trim().is_empty()) {
                return Some(row);
            }
        }
        None
    }
}

/// The sign that stands most often in the first lines, outside of quotes.
fn separator_of(text: &str) -> char {
    let count = |sign: char| {
        let mut quoted = false;
        let mut count = 0;
        for c in text.lines().take(5).flat_map(str::chars) {
            quoted ^= c == '"';
            count += usize::from(c == sign && !quoted);
        }
        count
    };
    // The last of equals wins, so the usual one comes last.
    let signs = ['|', '\t', ';', ','];
    signs
        .into_iter()
        .max_by_key(|sign| count(*sign))
        .unwrap_or(',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        lines(text, 10_000).map(|body| body.text).unwrap()
    }

    #[test]
    fn every_row_names_its_columns() {
        assert_eq!(
            of("Title,Country,Amount\r\n\"Blue, \"\"live\"\"\",DE,12.50\r\n\r\nRed,,3\r\n"),
            "Title: Blue, \"live\"; Country: DE; Amount: 12.50\nTitle: Red; Amount: 3\n"
        );
        assert_eq!(of("a;b\n1,5;2\n"), "a: 1,5; b: 2\n");
        assert_eq!(of("sep=\t\na\tb\n1\t2"), "a: 1; b: 2\n");
        assert_eq!(
            of("a,b\n\"two\nlines\",x,more"),
            "a: two lines; b: x; more\n"
        );
    }

    #[test]
    fn without_names_there_are_only_cells() {
        assert_eq!(
            of("2026-01-01,12\n2026-01-02,13"),
            "2026-01-01; 12\n2026-01-02; 13\n"
        );
        assert_eq!(of("only,names"), "only; names\n");
    }

    #[test]
    fn what_is_odd_ends() {
        assert_eq!(of("a,b\n\"never closed,1\n2"), "a: never closed,1 2\n");
        assert!(lines("", 10).is_err());
        let wide = format!("{}\n", "x,".repeat(100_000));
        assert!(lines(&wide, 1_000_000).is_ok());
        assert_eq!(
            lines("a,b\n11111111,2", 5),
            Err(Unreadable::TooLong { most: 5 })
        );
    }
}
