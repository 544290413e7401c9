//! Letters on a page become lines, paragraphs and headings.
//!
//! A page only says where each letter stands and how large it is. Lines that lie further apart than
//! usual are paragraphs; short lines in larger letters than the document's own are headings.

use std::collections::BTreeMap;

/// A space: the gap between two letters, in letter sizes.
const SPACE: f64 = 0.1;
/// Letters that much larger than the document's own make a heading.
const LARGER: f64 = 1.15;
/// Nobody writes longer headings.
const LONGEST_HEADING: usize = 160;
/// Headings deeper than this look alike.
const DEEPEST: usize = 4;

/// A letter as it stands on a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glyph<'a> {
    pub(super) x: f64,
    pub(super) y: f64,
    /// How far it reaches, on the page.
    pub(super) width: f64,
    /// How high it is, on the page.
    pub(super) size: f64,
    pub(super) text: &'a str,
}

#[derive(Debug)]
struct Line {
    text: String,
    /// Twice the size of its letters, rounded; 0 where it has none.
    size: u32,
    /// Its distance from the line before in letter sizes; 0 for the first of a page.
    advance: f64,
    /// The first of a page.
    page: bool,
}

/// The lines of a document in the making.
#[derive(Debug, Default)]
pub(super) struct Layout {
    lines: Vec<Line>,
    bytes: u64,
    /// The next letter begins a word.
    word: bool,
    /// The next letter begins a page.
    page: bool,
    end: f64,
    y: f64,
    /// Letters in each size.
    sizes: BTreeMap<u32, usize>,
}

impl Layout {
    /// A page begins.
    pub(super) fn page(&mut self) {
        // A page without a letter is one all the same.
        if self.page {
            self.begin_line(0.0, 0);
        }
        self.page = true;
    }

    /// A piece of text begins; gaps count between pieces only.
    pub(super) fn word(&mut self) {
        self.word = true;
    }

    /// A letter; answers how many bytes there are.
    pub(super) fn glyph(&mut self, glyph: Glyph<'_>) -> u64 {
        let Glyph {
            x,
            y,
            width,
            size,
            text,
        } = glyph;
        let size = if size.is_finite() && size > 0.01 {
            size
        } else {
            1.0
        };
        let rounded = rounded(size);
        let down = (y - self.y).abs() / size;
        let word = std::mem::take(&mut self.word);
        let blank = text.chars().all(char::is_whitespace);
        if self.page || self.lines.is_empty() {
            if blank {
                return self.bytes;
            }
            self.begin_line(0.0, rounded);
        } else if word && (down > 1.5 || (down > 0.5 && x < self.end)) {
            self.begin_line(down, rounded);
        } else if word && x > self.end + size * SPACE {
            self.push(" ");
        }
        self.push(text);
        if !blank {
            *self.sizes.entry(rounded).or_default() += 1;
            if let Some(line) = self.lines.last_mut() {
                line.size = line.size.max(rounded);
            }
        }
        (self.y, self.end) = (y, x + width);
        self.bytes
    }

    fn push(&mut self, text: &str) {
        if let Some(line) = self.lines.last_mut() {
            line.text.push_str(text);
            self.bytes += text.len() as u64;
        }
    }

    fn begin_line(&mut self, advance: f64, size: u32) {
        let page = std::mem::take(&mut self.page);
        self.lines.push(Line {
            text: String::new(),
            size,
            advance,
            page,
        });
        self.bytes += 1;
    }

    /// The text of all pages.
    pub(super) fn finish(self) -> String {
        let body = self
            .sizes
            .iter()
            .max_by_key(|(_, count)| **count)
            .map_or(0, |(size, _)| *size);
        let levels = levels(&self.lines, body);
        let usual = usual_advance(&self.lines);
        let mut out = String::with_capacity(usize::try_from(self.bytes).unwrap_or(0));
        let mut before = None;
        for line in &self.lines {
            let text = line.text.trim();
            if line.page && !out.is_empty() {
                out.push_str("\n\u{c}");
                before = None;
            }
            let level = heading(line, text, &levels);
            match (level, before) {
                // A heading of several lines.
                (Some(level), Some(known)) if level == known && line.advance < usual * 1.6 => {
                    out.push(' ');
                }
                (Some(level), _) => {
                    out.push_str("\n\n");
                    out.push_str(&"#".repeat(level));
                    out.push(' ');
                }
                (None, Some(_)) => out.push_str("\n\n"),
                (None, None) if line.advance > usual * 1.3 => out.push_str("\n\n"),
                (None, None) => out.push('\n'),
            }
            out.push_str(text);
            before = level;
        }
        out
    }
}

/// Half points tell sizes apart.
fn rounded(size: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what fits"
    )]
    let rounded = (size * 2.0).round().clamp(1.0, 10_000.0) as u32;
    rounded
}

/// The sizes of headings, largest first; none where large letters are no exception.
fn levels(lines: &[Line], body: u32) -> Vec<u32> {
    let mut sizes: Vec<u32> = Vec::new();
    let (mut large, mut all) = (0, 0);
    for line in lines {
        let length = line.text.trim().len();
        all += length;
        if f64::from(line.size) >= f64::from(body) * LARGER {
            large += length;
            sizes.push(line.size);
        }
    }
    if large * 3 > all {
        return Vec::new();
    }
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    sizes
}

fn heading(line: &Line, text: &str, levels: &[u32]) -> Option<usize> {
    let rank = levels.iter().position(|size| *size == line.size)?;
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let fits = letters >= 2 && text.len() <= LONGEST_HEADING;
    fits.then_some((rank + 1).min(DEEPEST))
}

/// How far two lines of a paragraph usually lie apart, in letter sizes.
fn usual_advance(lines: &[Line]) -> f64 {
    let plausible = |advance: &f64| (0.8..3.0).contains(advance);
    let mut advances: Vec<f64> = lines
        .iter()
        .map(|line| line.advance)
        .filter(plausible)
        .collect();
    advances.sort_by(f64::total_cmp);
    advances.get(advances.len() / 2).copied().unwrap_or(1.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a line at this height.
    fn write(layout: &mut Layout, y: f64, size: f64, words: &str) {
        for (index, word) in words.split(' ').enumerate() {
            layout.word();
            for (at, letter) in word.chars().enumerate() {
                let x = 50.0 + index as f64 * 60.0 + at as f64 * size * 0.5;
                let text = letter.to_string();
                layout.glyph(Glyph {
                    x,
                    y,
                    width: size * 0.5,
                    size,
                    text: &text,
                });
            }
        }
    }

    #[test]
    fn lines_paragraphs_headings_and_pages() {
        let mut layout = Layout::default();
        layout.page();
        write(&mut layout, 700.0, 20.0, "Split sheets");
        write(&mut layout, 676.0, 20.0, "explained");
        write(&mut layout, 640.0, 10.0, "who wrote what is");
        write(&mut layout, 628.0, 10.0, "noted at once by all");
        write(&mut layout, 616.0, 10.0, "and signed by them");
        write(&mut layout, 590.0, 10.0, "a new paragraph");
        layout.page();
        layout.page();
        write(&mut layout, 700.0, 14.0, "Shares");
        write(&mut layout, 680.0, 10.0, "last words");
        assert_eq!(
            layout.finish(),
            "\n\n# Split sheets explained\n\nwho wrote what is\nnoted at once by all\nand signed by them\n\n\
             a new paragraph\n\u{c}\n\n\u{c}\n\n## Shares\n\nlast words"
        );
    }

    #[test]
    fn nonsense_is_borne() {
        let mut layout = Layout::default();
        for bad in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            layout.page();
            layout.word();
            layout.glyph(Glyph {
                x: bad,
                y: bad,
                width: bad,
                size: bad,
                text: "a",
            });
        }
        assert_eq!(layout.finish().matches('a').count(), 4);
    }
}
