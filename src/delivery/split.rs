use unicode_segmentation::UnicodeSegmentation;

use super::flat::{Flat, Look, Mark};
use super::unicode::{blank, measure, piece};
use super::{markdown, spans};
use crate::model::{Features, Markup, Part, Style, Unit};

/// Below this the markup of a single letter can be longer than the limit.
const TINY: usize = 100;

/// The parts of a text, one after the other, each as long as it may be.
pub(super) struct Splitter<'a> {
    flat: &'a Flat,
    markup: Markup,
    unit: Unit,
    limit: usize,
    at: usize,
    /// The marks that began before `at` and reach beyond it.
    alive: Vec<&'a Mark>,
    /// The first mark that begins at `at` or later.
    next: usize,
}

/// A stretch of the text with what lies over it, clipped to it; offsets count from its start.
pub(super) struct Slice<'a> {
    pub(super) text: &'a str,
    pub(super) marks: Vec<Clip<'a>>,
}

/// A clipped mark.
pub(super) struct Clip<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) look: &'a Look,
}

impl<'a> Splitter<'a> {
    /// Begins at the start of a text.
    pub(super) fn new(flat: &'a Flat, features: &Features) -> Self {
        Self {
            flat,
            markup: features.markup,
            unit: features.unit,
            limit: features.max_text.max(1),
            at: 0,
            alive: Vec::new(),
            next: 0,
        }
    }

    /// The next part, and where it ends.
    fn piece(&self) -> (usize, Part) {
        let whole = self.flat.text.len();
        // A unit of either kind is at most four bytes, so that this is cheap to rule out.
        if whole - self.at <= self.limit.saturating_mul(4)
            && let Some(part) = self.fitting(whole, true)
        {
            return (whole, part);
        }
        let least = if self.limit < TINY { self.limit / 8 } else { 0 };
        self.largest(least, true)
            .or_else(|| self.largest(0, false))
            .unwrap_or_else(|| self.crumb())
    }

    /// The largest part that fits, looked for with a budget that shrinks until the markup fits too.
    fn largest(&self, least: usize, styled: bool) -> Option<(usize, Part)> {
        let mut budget = self.limit;
        while budget > least {
            let end = self.cut(budget);
            if let Some(part) = self.fitting(end, styled) {
                return Some((end, part));
            }
            budget -= budget.div_ceil(4);
        }
        None
    }

    /// A piece of a single cluster that is longer than a message.
    fn crumb(&self) -> (usize, Part) {
        let rest = piece(&self.flat.text, self.at, self.flat.text.len());
        let mut used = 0;
        let mut end = self.at;
        for c in rest.chars() {
            // Escaped, a character is at most two units longer.
            used += c.len_utf16() + 2;
            if used > self.limit && end > self.at {
                break;
            }
            end += c.len_utf8();
        }
        let part = self.dressed(end, false).unwrap_or_default();
        (end, part)
    }

    fn fitting(&self, end: usize, styled: bool) -> Option<Part> {
        let part = self.dressed(end, styled)?;
        (measure(&part.text, self.unit) <= self.limit).then_some(part)
    }

    /// The part up to `end` as the platform takes it; none when it is far too long.
    fn dressed(&self, end: usize, styled: bool) -> Option<Part> {
        let text = piece(&self.flat.text, self.at, end).trim_end();
        let marks = if styled {
            self.clips(text.len())
        } else {
            Vec::new()
        };
        let slice = Slice { text, marks };
        match self.markup {
            Markup::Spans => Some(spans::dress(&slice)),
            Markup::Markdown => markdown::dress(&slice, self.limit.saturating_mul(8)),
            Markup::Plain => Some(spans::quoted(&slice)),
        }
    }

    fn clips(&self, length: usize) -> Vec<Clip<'a>> {
        let end = self.at + length;
        let fresh = self.flat.marks.get(self.next..).unwrap_or_default();
        let fresh = fresh.iter().take_while(|mark| mark.start < end);
        let marks = self.alive.iter().copied().chain(fresh);
        marks
            .filter_map(|mark| {
                let from = mark.start.max(self.at);
                let to = mark.end.min(end);
                let inner = self.flat.text.get(from..to)?;
                let kept = inner.trim_end();
                let start = match mark.look {
                    Look::Style(Style::Fence(_) | Style::Quote | Style::Code) => from,
                    _ => from + (inner.len() - inner.trim_start().len()),
                };
                (start < from + kept.len() && !blank(kept)).then(|| Clip {
                    start: start - self.at,
                    end: from + kept.len() - self.at,
                    look: &mark.look,
                })
            })
            .collect()
    }

    /// Where to cut so that the text before it weighs at most `budget`; behind the current place.
    fn cut(&self, budget: usize) -> usize {
        let whole = &self.flat.text;
        let far = self
            .at
            .saturating_add(budget.saturating_mul(4))
            .saturating_add(8);
        let window = piece(
            whole,
            self.at,
            whole.floor_char_boundary(far.min(whole.len())),
        );
        let mut seams = Seams::default();
        let mut weight = 0;
        let mut clusters = window.grapheme_indices(true).peekable();
        while let Some((at, cluster)) = clusters.next() {
            let following = clusters.peek().map(|&(_, next)| next);
            if at > 0 {
                seams.look(at, cluster, following, weight * 2 >= budget);
            }
            let more = self.weight(cluster);
            if at > 0 && weight + more > budget {
                return self.before_marker(self.at + seams.best().unwrap_or(at));
            }
            weight += more;
        }
        self.at + window.len()
    }

    /// A bullet stays with its text.
    fn before_marker(&self, cut: usize) -> usize {
        let known = self.flat.marks.partition_point(|mark| mark.start < cut);
        let before = self.flat.marks.get(..known).unwrap_or_default();
        match before
            .iter()
            .rev()
            .take(8)
            .find(|mark| matches!(mark.look, Look::Marker(_)))
        {
            Some(mark) if cut <= mark.end + 1 && mark.start > self.at => mark.start,
            _ => cut,
        }
    }

    fn weight(&self, cluster: &str) -> usize {
        let escaped = self.markup == Markup::Markdown && markdown::special(cluster);
        measure(cluster, self.unit) + usize::from(escaped)
    }

    /// Goes on at `at`, behind white space; but the indentation of code stays.
    fn move_to(&mut self, at: usize) {
        self.at = at;
        self.settle();
        let rest = piece(&self.flat.text, at, self.flat.text.len());
        let skipped = spaces(rest);
        let fenced = |mark: &&&Mark| matches!(mark.look, Look::Style(Style::Fence(_)));
        self.at = match self.alive.iter().find(fenced) {
            Some(fence) if fence.end > at + skipped => {
                let line = piece(rest, 0, skipped).rfind('\n').map_or(0, |end| end + 1);
                at + line
            }
            _ => at + skipped,
        };
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(mark) = self.flat.marks.get(self.next)
            && mark.start < self.at
        {
            self.alive.push(mark);
            self.next += 1;
        }
        self.alive.retain(|mark| mark.end > self.at);
    }
}

/// How many bytes of white space a text begins with; a space that carries a combining character
/// is a letter.
fn spaces(text: &str) -> usize {
    let length = text.len() - text.trim_start().len();
    let Some(last) = piece(text, 0, length).chars().next_back() else {
        return 0;
    };
    let start = length - last.len_utf8();
    let near = piece(text, start, text.floor_char_boundary(length + 8));
    let first = near.graphemes(true).next().map_or(0, str::len);
    if first > last.len_utf8() && !near.starts_with('\r') {
        start
    } else {
        length
    }
}

impl Iterator for Splitter<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        while self.at < self.flat.text.len() {
            let (end, part) = self.piece();
            let empty = blank(piece(&self.flat.text, self.at, end));
            self.move_to(end);
            if !empty {
                return Some(part);
            }
        }
        None
    }
}

/// The best place of each kind to cut that was seen so far.
#[derive(Default)]
struct Seams {
    paragraph: Option<usize>,
    line: Option<usize>,
    sentence: Option<usize>,
    word: Option<usize>,
    /// Whether the text before ends a sentence.
    ended: bool,
    /// Whether it does so with a full-width sign, after which no space is written.
    full: bool,
}

impl Seams {
    /// Looks at the place before a cluster; all but words count only where enough stands before.
    fn look(&mut self, at: usize, cluster: &str, following: Option<&str>, enough: bool) {
        let first = cluster.chars().next().unwrap_or(' ');
        let breaks =
            cluster.trim_start().is_empty() && !matches!(first, '\u{a0}' | '\u{2007}' | '\u{202f}');
        if breaks {
            self.word = Some(at);
            if enough && first == '\n' {
                if following == Some("\n") {
                    self.paragraph = Some(at);
                } else {
                    self.line = Some(at);
                }
            }
        }
        let closes = matches!(
            first,
            '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '』' | '）'
        );
        if enough && self.ended && (breaks || self.full && !closes) {
            self.sentence = Some(at);
        }
        if !closes {
            self.full = matches!(first, '。' | '！' | '？');
            self.ended = self.full || matches!(first, '.' | '!' | '?' | '…' | '؟' | '۔');
        }
    }

    fn best(&self) -> Option<usize> {
        self.paragraph.or(self.line).or(self.sentence).or(self.word)
    }
}
