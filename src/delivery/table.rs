use std::borrow::Cow;

use pulldown_cmark::Alignment;

use super::unicode::columns;

/// Longest header that is repeated before each value of a wide table, in bytes.
const LONGEST_HEADER: usize = 200;

/// A table while it is read, cell by cell.
pub(super) struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    cell: String,
    links: Vec<(String, usize)>,
}

/// How a table is shown.
pub(super) enum Shown {
    /// Columns under one another, for a fixed-width font.
    Aligned(String),
    /// Paragraphs of lines, one paragraph a row.
    Lines(Vec<Vec<String>>),
}

impl Table {
    /// A table without rows.
    pub(super) fn new(alignments: Vec<Alignment>) -> Self {
        Self {
            alignments,
            rows: Vec::new(),
            row: Vec::new(),
            cell: String::new(),
            links: Vec::new(),
        }
    }

    /// More text in the cell that is being read.
    pub(super) fn say(&mut self, text: &str) {
        self.cell.extend(
            text.chars()
                .map(|c| if c.is_whitespace() { ' ' } else { c }),
        );
    }

    /// A link begins; its address is written behind its text.
    pub(super) fn open_link(&mut self, address: &str) {
        self.links.push((address.to_owned(), self.cell.len()));
    }

    /// The link that began last ends.
    pub(super) fn close_link(&mut self) {
        let Some((address, start)) = self.links.pop() else {
            return;
        };
        let shown = self.cell.get(start..).unwrap_or_default().trim();
        if shown.is_empty() {
            self.say(&address);
        } else if shown != address && !address.is_empty() {
            self.say(&format!(" ({address})"));
        }
    }

    /// The cell ends.
    pub(super) fn end_cell(&mut self) {
        self.row
            .push(std::mem::take(&mut self.cell).trim().to_owned());
    }

    /// The row ends.
    pub(super) fn end_row(&mut self) {
        self.rows.push(std::mem::take(&mut self.row));
    }

    /// The whole table, aligned where it is at most `widest` columns wide.
    pub(super) fn show(self, widest: usize) -> Shown {
        let mut widths = Vec::new();
        for row in &self.rows {
            for (at, cell) in row.iter().enumerate() {
                let width = columns(cell);
                match widths.get_mut(at) {
                    Some(known) => *known = width.max(*known),
                    None => widths.push(width),
                }
            }
        }
        let total = widths.iter().sum::<usize>() + 3 * widths.len().saturating_sub(1);
        if total <= widest {
            Shown::Aligned(self.aligned(&widths))
        } else {
            Shown::Lines(self.lines())
        }
    }

    fn aligned(&self, widths: &[usize]) -> String {
        let mut out = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let cells = row
                .iter()
                .zip(widths)
                .enumerate()
                .map(|(at, (cell, &width))| {
                    let alignment = self.alignments.get(at).copied();
                    pad(cell, width, alignment.unwrap_or(Alignment::None))
                });
            let line = cells.collect::<Vec<_>>().join(" │ ");
            out.push_str(line.trim_end());
            out.push('\n');
            if number == 0 {
                let rule: Vec<_> = widths.iter().map(|&width| "─".repeat(width)).collect();
                out.push_str(&rule.join("─┼─"));
                out.push('\n');
            }
        }
        out
    }

    fn lines(self) -> Vec<Vec<String>> {
        let mut rows = self.rows.into_iter();
        let header = rows.next().unwrap_or_default();
        // A long header before each of many rows would make a small text enormous.
        if header.iter().map(String::len).sum::<usize>() > LONGEST_HEADER || rows.len() == 0 {
            let all = std::iter::once(header).chain(rows);
            return all.map(|row| vec![row.join(" | ")]).collect();
        }
        rows.map(|row| {
            let pairs = row.into_iter().enumerate();
            pairs
                .filter_map(|(at, cell)| match header.get(at) {
                    Some(key) if !key.is_empty() => Some(format!("{key}: {cell}")),
                    _ if cell.is_empty() => None,
                    _ => Some(cell),
                })
                .collect()
        })
        .collect()
    }
}

fn pad(cell: &str, width: usize, alignment: Alignment) -> Cow<'_, str> {
    let missing = width.saturating_sub(columns(cell));
    if missing == 0 {
        return Cow::Borrowed(cell);
    }
    let left = match alignment {
        Alignment::None | Alignment::Left => 0,
        Alignment::Center => missing / 2,
        Alignment::Right => missing,
    };
    let (before, after) = (" ".repeat(left), " ".repeat(missing - left));
    Cow::Owned(format!("{before}{cell}{after}"))
}
