use super::flat::Look;
use super::links::{encoded, leading};
use super::split::{Clip, Slice};
use super::unicode::piece;
use crate::model::{Part, Style};

/// Stands between characters that must not be read together; it takes no room.
const APART: char = '\u{200b}';

/// Whether a cluster will need an escape.
pub(super) fn special(cluster: &str) -> bool {
    cluster.starts_with(['\\', '*', '_', '~', '|', '`', '[', ']', '<', '@'])
}

/// Markdown that shows the text and its styles and nothing else; none when it is longer than
/// `most` bytes.
///
/// A style whose signs would not be read as signs where they stand is left away.
pub(super) fn dress(slice: &Slice<'_>, most: usize) -> Option<Part> {
    let mut dropped = vec![false; slice.marks.len()];
    loop {
        let mut writer = Writer::new(slice, &dropped, most);
        if !writer.write() {
            return None;
        }
        let unread = unread(&writer.out, &writer.signs);
        if unread.is_empty() {
            return Some(Part {
                text: writer.out,
                spans: Vec::new(),
            });
        }
        for mark in unread {
            if let Some(dropped) = dropped.get_mut(mark) {
                *dropped = true;
            }
        }
    }
}

/// A sign of emphasis that was written.
struct Sign {
    at: usize,
    len: usize,
    opens: bool,
    mark: usize,
}

/// Where something begins or ends in the text.
struct Edge {
    at: usize,
    opens: bool,
    mark: usize,
}

struct Writer<'a> {
    slice: &'a Slice<'a>,
    edges: Vec<Edge>,
    /// Quotes and headings, which are written at the start of each of their lines.
    lines: Vec<&'a Clip<'a>>,
    most: usize,
    out: String,
    signs: Vec<Sign>,
    /// The lists that the current line lies in: depth, and the column where their text begins.
    lists: Vec<(usize, usize)>,
    line_start: bool,
    quoted: bool,
    headed: bool,
    after_blank: bool,
}

impl<'a> Writer<'a> {
    fn new(slice: &'a Slice<'a>, dropped: &[bool], most: usize) -> Self {
        let mut edges = Vec::new();
        let mut lines = Vec::new();
        for (mark, clip) in slice.marks.iter().enumerate() {
            match clip.look {
                Look::Heading(_) | Look::Style(Style::Quote) => lines.push(clip),
                _ if dropped.get(mark) == Some(&true) => {}
                _ => {
                    edges.push(Edge {
                        at: clip.start,
                        opens: true,
                        mark,
                    });
                    edges.push(Edge {
                        at: clip.end,
                        opens: false,
                        mark,
                    });
                }
            }
        }
        // At one place the inner ends before the outer, and everything ends before something begins.
        edges.sort_by_key(|edge| {
            let mark = if edge.opens {
                edge.mark
            } else {
                usize::MAX - edge.mark
            };
            (edge.at, edge.opens, mark)
        });
        Self {
            slice,
            edges,
            lines,
            most,
            out: String::with_capacity(slice.text.len() + slice.text.len() / 8 + 16),
            signs: Vec::new(),
            lists: Vec::new(),
            line_start: true,
            quoted: false,
            headed: false,
            after_blank: true,
        }
    }

    /// Writes the text; whether it was short enough.
    fn write(&mut self) -> bool {
        let slice = self.slice;
        let edges = std::mem::take(&mut self.edges);
        let marker = |edge: &Edge| {
            let clip = slice.marks.get(edge.mark);
            clip.is_some_and(|clip| matches!(clip.look, Look::Marker(_)))
        };
        let first = edges
            .first()
            .is_some_and(|edge| edge.at == 0 && marker(edge));
        self.begin_line(0, first);
        let mut at = 0;
        let mut within: Option<&Look> = None;
        for edge in &edges {
            let Some(clip) = slice.marks.get(edge.mark) else {
                continue;
            };
            self.stretch(at, edge.at, within, edge.opens && marker(edge));
            at = edge.at;
            if self.out.len() > self.most {
                return false;
            }
            within = edge.opens.then_some(clip.look);
            if edge.opens {
                self.open(clip, edge.mark);
            } else {
                self.close(clip, edge.mark);
            }
        }
        self.stretch(at, slice.text.len(), within, false);
        self.out.len() <= self.most
    }

    /// Writes the text between two edges as what it lies in asks for.
    fn stretch(&mut self, from: usize, to: usize, within: Option<&Look>, marker: bool) {
        let text = piece(self.slice.text, from, to);
        match within {
            Some(Look::Style(Style::Code)) => {
                let code = unbroken(text, 1);
                self.out.push_str(&code);
                self.line_start = false;
            }
            Some(Look::Style(Style::Fence(_))) => {
                let code = unbroken(text, 2);
                let prefix = if self.quoted { "\n> " } else { "\n" };
                self.out.push_str(&code.replace('\n', prefix));
            }
            Some(Look::Marker(depth)) => self.marker(text, *depth, to),
            _ => {
                let mut start = from;
                for (number, line) in text.split('\n').enumerate() {
                    if number > 0 {
                        self.out.push('\n');
                        let last = start + line.len() == to;
                        self.begin_line(start, marker && last);
                    }
                    let edge = start + line.len() == to && to < self.slice.text.len();
                    let deep = if self.line_start { deep(line) } else { 0 };
                    self.escape(piece(line, deep, line.len()), edge);
                    start += line.len() + 1;
                }
            }
        }
    }

    /// Writes what stands at the start of a line; `at` is where its text begins.
    fn begin_line(&mut self, at: usize, marker: bool) {
        self.line_start = true;
        let quote = Look::Style(Style::Quote);
        let quoted = self.line_mark(at, |look| *look == quote).is_some();
        let level = match self.line_mark(at, |look| *look != quote) {
            Some(Look::Heading(level)) => *level,
            _ => 0,
        };
        let empty = self
            .slice
            .text
            .get(at..)
            .is_none_or(|rest| rest.starts_with('\n'));
        if quoted != self.quoted || (self.after_blank && !marker && !empty) {
            self.lists.clear();
        }
        self.after_blank = empty;
        self.quoted = quoted;
        self.headed = level > 0;
        if quoted {
            self.out.push_str(if empty { ">" } else { "> " });
        }
        if level > 0 {
            self.out.extend(std::iter::repeat_n('#', level));
            self.out.push(' ');
        }
    }

    /// The last of one sort of quotes and headings that covers a place.
    fn line_mark(&self, at: usize, sort: impl Fn(&Look) -> bool) -> Option<&'a Look> {
        let known = self.lines.partition_point(|clip| clip.start <= at);
        let before = self.lines.get(..known).unwrap_or_default();
        let last = before.iter().rev().find(|clip| sort(clip.look))?;
        (last.end > at).then_some(last.look)
    }

    fn marker(&mut self, text: &str, depth: usize, end: usize) {
        self.lists.retain(|&(known, _)| known < depth);
        let indent = self.lists.last().map_or(0, |&(_, column)| column);
        self.out.extend(std::iter::repeat_n(' ', indent));
        let sign = if text == "•" { "-" } else { text };
        self.out.push_str(sign);
        self.lists.push((depth, indent + sign.len() + 1));
        if !self
            .slice
            .text
            .get(end..)
            .is_some_and(|rest| rest.starts_with(' '))
        {
            // A bullet alone under a line would make that line a heading.
            self.out.push(' ');
            self.out.push(APART);
        }
    }

    fn open(&mut self, clip: &Clip<'_>, mark: usize) {
        match clip.look {
            Look::Style(Style::Code) => {
                let code = piece(self.slice.text, clip.start, clip.end);
                self.out.push_str(ticks(code));
                if code.contains('`') {
                    self.out.push(' ');
                }
            }
            Look::Style(Style::Fence(language)) => {
                self.out.push_str("```");
                self.out.push_str(language.as_deref().unwrap_or_default());
                self.out.push_str(if self.quoted { "\n> " } else { "\n" });
                self.lists.clear();
            }
            Look::Style(Style::Link(_)) => {
                self.out.push('[');
                self.line_start = false;
            }
            Look::Style(_) => self.sign(clip, mark, true),
            Look::Heading(_) | Look::Marker(_) => {}
        }
    }

    fn close(&mut self, clip: &Clip<'_>, mark: usize) {
        match clip.look {
            Look::Style(Style::Code) => {
                let code = piece(self.slice.text, clip.start, clip.end);
                if code.contains('`') {
                    self.out.push(' ');
                }
                self.out.push_str(ticks(code));
            }
            Look::Style(Style::Fence(_)) => {
                self.out
                    .push_str(if self.quoted { "\n> ```" } else { "\n```" });
            }
            Look::Style(Style::Link(address)) => {
                self.out.push_str("](");
                self.out.push_str(&encoded(address));
                self.out.push(')');
            }
            Look::Style(_) => self.sign(clip, mark, false),
            Look::Heading(_) | Look::Marker(_) => {}
        }
    }

    fn sign(&mut self, clip: &Clip<'_>, mark: usize, opens: bool) {
        let text = self.slice.text;
        let sign = match clip.look {
            Look::Style(Style::Bold) => "**",
            Look::Style(Style::Strike) => "~~",
            _ => {
                let before = piece(text, 0, clip.start).chars().next_back();
                let behind = piece(text, clip.end, text.len()).chars().next();
                let free = |c: Option<char>| c.is_none_or(|c| separates(c) && c != '_');
                if free(before) && free(behind) {
                    "_"
                } else {
                    "*"
                }
            }
        };
        let (at, len) = (self.out.len(), sign.len());
        self.signs.push(Sign {
            at,
            len,
            opens,
            mark,
        });
        self.out.push_str(sign);
    }

    /// Writes a line's text so that nothing in it is read as markup; `ends` where a style begins or
    /// ends behind it.
    fn escape(&mut self, text: &str, ends: bool) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c == 'h'
                && let Some(address) = leading(rest)
                && self.address(address, piece(rest, address.len(), rest.len()), ends)
            {
                rest = piece(rest, address.len(), rest.len());
                self.line_start = false;
                continue;
            }
            let behind = piece(rest, c.len_utf8(), rest.len());
            if self.line_start && c.is_ascii_digit() {
                let digits =
                    rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                self.out.push_str(piece(rest, 0, digits));
                rest = piece(rest, digits, rest.len());
                if rest.starts_with(['.', ')']) {
                    self.out.push('\\');
                    self.out.push_str(piece(rest, 0, 1));
                    rest = piece(rest, 1, rest.len());
                }
                self.line_start = false;
                continue;
            }
            if needs_escape(c, behind, self.line_start, self.headed) {
                self.out.push('\\');
            }
            let tagged = self.out.ends_with('<');
            self.out.push(c);
            if mentions(c, tagged, behind) {
                self.out.push(APART);
            }
            self.line_start = self.line_start && c.is_whitespace();
            rest = behind;
        }
    }

    /// Writes a web address so that it stays one; whether that could be done.
    fn address(&mut self, address: &str, behind: &str, ends: bool) -> bool {
        let entity = address.contains('&') && (address.contains(';') || behind.starts_with(';'));
        let call = address
            .match_indices('@')
            .any(|(at, _)| mentions('@', false, piece(address, at + 1, address.len())));
        if entity || call || address.contains(['\\', '`']) {
            return false;
        }
        if ends && behind.is_empty() || address.contains(['*', '_', '~', '|', '[', ']']) {
            self.out.push('<');
            self.out.push_str(address);
            self.out.push('>');
        } else {
            self.out.push_str(address);
        }
        true
    }
}

/// How much of a line's indentation would make code of it, in bytes: code that lost its fence is prose.
fn deep(line: &str) -> usize {
    let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
    match piece(line, 0, indent).contains('\t') {
        true => indent,
        false => indent.saturating_sub(3),
    }
}

fn needs_escape(c: char, behind: &str, line_start: bool, headed: bool) -> bool {
    match c {
        '\\' | '*' | '_' | '~' | '|' | '`' | '[' | ']' | '<' => true,
        '!' => behind.is_empty(),
        '&' => {
            let name = behind.bytes().take(40);
            let mut name = name.skip_while(|b| b.is_ascii_alphanumeric() || *b == b'#');
            name.next() == Some(b';')
        }
        '#' => line_start || headed,
        '>' | '-' | '+' | '=' => line_start,
        ':' => line_start && behind.starts_with('-'),
        _ => false,
    }
}

/// Whether this character begins what would call people; `tagged` after an opening bracket.
fn mentions(c: char, tagged: bool, behind: &str) -> bool {
    let calls = |name: &str| {
        let start = behind.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    match c {
        '@' => tagged || calls("everyone") || calls("here"),
        '#' => tagged,
        _ => false,
    }
}

/// Code with no more than `most` backticks in a row, and without a call to anyone.
fn unbroken(code: &str, most: usize) -> String {
    let mut out = String::with_capacity(code.len());
    let mut run = 0;
    let mut tagged = false;
    for (at, c) in code.char_indices() {
        run = if c == '`' { run + 1 } else { 0 };
        if run > most {
            out.push(APART);
            run = 1;
        }
        out.push(c);
        if mentions(c, tagged, piece(code, at + c.len_utf8(), code.len())) {
            out.push(APART);
        }
        tagged = c == '<';
    }
    out
}

fn ticks(code: &str) -> &'static str {
    if code.contains('`') { "``" } else { "`" }
}

/// Whether a character parts words for certain, whoever reads.
fn separates(c: char) -> bool {
    c.is_whitespace() || c.is_ascii_punctuation()
}

/// The marks whose signs would stand in the text as they are.
fn unread(out: &str, signs: &[Sign]) -> Vec<usize> {
    let mut unread = Vec::new();
    let sort = |sign: &Sign| out.as_bytes().get(sign.at).copied();
    let runs = signs.chunk_by(|a, b| a.at + a.len == b.at && sort(a) == sort(b));
    for run in runs {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let before = piece(out, 0, first.at).chars().next_back();
        let behind = piece(out, last.at + last.len, out.len()).chars().next();
        let mixed = run.iter().any(|sign| sign.opens != first.opens);
        for sign in run {
            let (inner, outer) = if sign.opens {
                (behind, before)
            } else {
                (before, behind)
            };
            let solid = inner.is_some_and(|c| !c.is_whitespace());
            let held = inner.is_some_and(char::is_alphanumeric) || outer.is_none_or(separates);
            if !solid || !held || mixed {
                unread.push(sign.mark);
            }
        }
    }
    unread
}
