use std::borrow::Cow;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::links::tappable;
use super::table::{Shown, Table};
use super::unicode::{blank, forbidden, piece};
use crate::model::{Features, Markup, Style};

/// A line across the message; drawn, since not every platform has one.
const RULE: &str = "──────────";
/// Deepest list that is indented further.
const DEEPEST_LIST: usize = 6;
/// Widest table that is shown in columns: about what a phone shows, and a terminal.
const WIDEST_ON_PHONE: usize = 60;
const WIDEST_IN_TERMINAL: usize = 78;

/// A whole text without markup, and what lies over it.
#[derive(Debug, Default)]
pub(super) struct Flat {
    /// The text as it is read.
    pub(super) text: String,
    /// What lies over it, sorted by start, longest first; properly nested.
    pub(super) marks: Vec<Mark>,
}

/// Something that lies over a piece of text; `start` and `end` in bytes.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) look: Look,
    /// How many others it lies in; decides between two over the same piece.
    depth: usize,
}

/// What can lie over a piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    Style(Style),
    /// A heading, with its level; only where markup is written into the text.
    Heading(usize),
    /// The bullet or number of a list item, with the depth of its list.
    Marker(usize),
}

impl Flat {
    /// Reads Markdown.
    pub(super) fn read(markdown: &str, features: &Features) -> Self {
        let clean: Cow<'_, str> = if markdown.contains(|c| forbidden(c) && c != '\r') {
            let kept = markdown.chars().filter(|&c| !forbidden(c) || c == '\r');
            Cow::Owned(kept.collect())
        } else {
            Cow::Borrowed(markdown)
        };
        let options =
            Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
        let mut reader = Reader::new(features, clean.len());
        for event in Parser::new_ext(&clean, options) {
            reader.take(event);
        }
        reader.finish()
    }
}

/// The distance to the text before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Line,
    Blank,
}

/// A look that has begun; `start` is known once there is text.
struct Open {
    look: Look,
    start: Option<usize>,
}

struct Reader {
    flat: Flat,
    markup: Markup,
    limit: usize,
    gap: Gap,
    open: Vec<Open>,
    /// For each tag around the text whether it opened a look: deep nesting opens few.
    tags: Vec<bool>,
    lists: Vec<Option<u64>>,
    marker: Option<String>,
    code: Option<(String, Option<String>)>,
    table: Option<Table>,
    heading: bool,
}

impl Reader {
    fn new(features: &Features, size: usize) -> Self {
        Self {
            flat: Flat {
                text: String::with_capacity(size),
                marks: Vec::new(),
            },
            markup: features.markup,
            limit: features.max_text,
            gap: Gap::None,
            open: Vec::new(),
            tags: Vec::new(),
            lists: Vec::new(),
            marker: None,
            code: None,
            table: None,
            heading: false,
        }
    }

    fn finish(mut self) -> Flat {
        self.flat
            .marks
            .sort_by(|a, b| (a.start, b.end, a.depth).cmp(&(b.start, a.end, b.depth)));
        self.flat
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some((code, _)) => code.push_str(&text),
                None => self.say(&text),
            },
            Event::Code(text) => self.code_span(&text),
            Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text) => self.say(&text),
            Event::FootnoteReference(name) => self.say(&format!("[{name}]")),
            Event::SoftBreak | Event::HardBreak if self.heading || self.table.is_some() => {
                self.say(" ");
            }
            Event::SoftBreak | Event::HardBreak => self.block(Gap::Line),
            Event::Rule => {
                self.block(Gap::Blank);
                self.say(RULE);
                self.block(Gap::Blank);
            }
            Event::TaskListMarker(done) => self.say(if done { "☑ " } else { "☐ " }),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.block(self.apart()),
            Tag::Heading { level, .. } => {
                self.block(Gap::Blank);
                self.heading = true;
                let look = self.heading_look(level);
                self.open(look);
            }
            Tag::BlockQuote(_) => {
                self.block(Gap::Blank);
                if self.lists.is_empty() {
                    self.open(Look::Style(Style::Quote));
                } else {
                    self.tags.push(false);
                }
            }
            Tag::CodeBlock(kind) => {
                self.block(self.apart());
                self.code = Some((String::new(), language(&kind)));
            }
            Tag::List(first) => {
                self.block(self.apart());
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Table(alignments) => {
                self.block(self.apart());
                self.table = Some(Table::new(alignments));
            }
            Tag::Emphasis => self.open(Look::Style(Style::Italic)),
            Tag::Strong => self.open(Look::Style(Style::Bold)),
            Tag::Strikethrough => self.open(Look::Style(Style::Strike)),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.open_link(&dest_url),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.block(Gap::Blank),
            TagEnd::Heading(_) => {
                self.close();
                self.heading = false;
                // Where headings are the platform's own, it keeps the distance itself.
                self.block(if self.markup == Markup::Markdown {
                    Gap::Line
                } else {
                    Gap::Blank
                });
            }
            TagEnd::BlockQuote(_) => {
                self.close();
                self.block(Gap::Blank);
            }
            TagEnd::CodeBlock => {
                if let Some((code, language)) = self.code.take() {
                    self.fence(&code, language);
                }
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.block(self.apart());
            }
            TagEnd::Item if self.marker.is_some() => self.flush(),
            TagEnd::Table => self.end_table(),
            TagEnd::TableHead | TagEnd::TableRow => {
                if let Some(table) = &mut self.table {
                    table.end_row();
                }
            }
            TagEnd::TableCell => {
                if let Some(table) = &mut self.table {
                    table.end_cell();
                }
            }
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Link
            | TagEnd::Image => self.close(),
            _ => {}
        }
    }

    /// Blocks of a list stand closer together.
    fn apart(&self) -> Gap {
        if self.lists.is_empty() {
            Gap::Blank
        } else {
            Gap::Line
        }
    }

    /// What comes next stands at least this far away; but the first block of a list item stands
    /// on the line of its bullet.
    fn block(&mut self, gap: Gap) {
        if self.marker.is_none() {
            self.gap = self.gap.max(gap);
        }
    }

    fn item(&mut self) {
        if self.marker.is_some() {
            self.flush();
        }
        self.gap = self.gap.max(Gap::Line);
        self.marker = Some(match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}.");
                *number = number.saturating_add(1);
                marker
            }
            _ => "•".to_owned(),
        });
    }

    fn heading_look(&self, level: HeadingLevel) -> Look {
        let level = level as usize;
        if self.markup == Markup::Markdown && level <= 3 && self.lists.is_empty() {
            Look::Heading(level)
        } else {
            Look::Style(Style::Bold)
        }
    }

    fn open(&mut self, look: Look) {
        let known = self.open.iter().any(|open| {
            matches!(open.look, Look::Style(Style::Link(_)))
                && matches!(look, Look::Style(Style::Link(_)))
                || open.look == look
        });
        let styled = self.markup != Markup::Plain
            || matches!(look, Look::Style(Style::Link(_) | Style::Quote));
        let opens = !known && styled && self.table.is_none();
        self.tags.push(opens);
        if opens {
            self.open.push(Open { look, start: None });
        }
    }

    fn open_link(&mut self, address: &str) {
        if let Some(table) = &mut self.table {
            table.open_link(address);
        }
        self.open(Look::Style(Style::Link(address.to_owned())));
    }

    fn close(&mut self) {
        if self.tags.pop() == Some(true) {
            match self.open.pop() {
                Some(Open {
                    look: Look::Style(Style::Link(address)),
                    start,
                }) => self.link(&address, start),
                Some(Open { look, start }) => self.mark(look, start),
                None => {}
            }
        } else if let Some(table) = &mut self.table {
            table.close_link();
        }
    }

    /// Ends a link: hides its address behind its text, or writes it out where that is not safe.
    fn link(&mut self, address: &str, start: Option<usize>) {
        let address = address.replace(forbidden, "");
        let text = &self.flat.text;
        let shown = piece(text, start.unwrap_or(text.len()), text.len()).trim();
        let plain = address.strip_prefix("mailto:").unwrap_or(&address);
        if plain.is_empty() {
            return;
        }
        let tappable = tappable(&address, self.markup, self.limit);
        if blank(shown) {
            let at = self.flat.text.len();
            self.say(plain);
            let at = at
                + self
                    .flat
                    .text
                    .get(at..)
                    .map_or(0, |new| new.find(plain).unwrap_or(0));
            if tappable && self.markup == Markup::Spans {
                self.mark(Look::Style(Style::Link(address)), Some(at));
            }
            return;
        }
        // A text that looks like an address itself is not taken as a link's text by every client.
        let misleading = self.markup == Markup::Markdown && shown.contains("://");
        if tappable && !misleading {
            self.mark(Look::Style(Style::Link(address)), start);
        } else if shown != plain && shown != address {
            let behind = format!(" ({plain})");
            self.say(&behind);
        }
    }

    /// Lays a look over the text since `start`, without the white space at its ends.
    fn mark(&mut self, look: Look, start: Option<usize>) {
        let Some(start) = start else { return };
        let text = piece(&self.flat.text, start, self.flat.text.len());
        let end = start + text.trim_end().len();
        let start = match look {
            Look::Style(Style::Fence(_) | Style::Quote) => start,
            _ => start + (text.len() - text.trim_start().len()),
        };
        if start < end && !blank(piece(&self.flat.text, start, end)) {
            let depth = self.open.len();
            self.flat.marks.push(Mark {
                start,
                end,
                look,
                depth,
            });
        }
    }

    /// Adds text of a line or several; indentation means nothing in prose.
    fn say(&mut self, text: &str) {
        if let Some(table) = &mut self.table {
            table.say(text);
            return;
        }
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                self.block(Gap::Line);
            }
            let line = if self.fresh() {
                line.trim_start_matches([' ', '\t', '\r'])
            } else {
                line
            };
            if line.is_empty() {
                continue;
            }
            self.flush();
            let at = self.flat.text.len();
            for open in &mut self.open {
                open.start.get_or_insert(at);
            }
            if line.contains(forbidden) {
                self.flat
                    .text
                    .extend(line.chars().filter(|&c| !forbidden(c)));
            } else {
                self.flat.text.push_str(line);
            }
        }
    }

    /// Whether what comes next begins a line.
    fn fresh(&self) -> bool {
        self.gap > Gap::None
            || self.marker.is_some()
            || self.flat.text.is_empty()
            || self.flat.text.ends_with('\n')
    }

    fn code_span(&mut self, code: &str) {
        let code = if self.fresh() {
            code.trim_start()
        } else {
            code
        };
        let linked = |open: &Open| matches!(open.look, Look::Style(Style::Link(_)));
        let bare = self.markup == Markup::Plain
            || self.markup == Markup::Spans && self.open.iter().any(linked);
        if bare || self.table.is_some() {
            self.say(code);
            return;
        }
        self.flush();
        if self.markup == Markup::Spans {
            // Fixed width neither holds other styles nor lies in them, but for a quote.
            let depth = self.open.len();
            for at in 0..depth {
                let Some(open) = self.open.get_mut(at) else {
                    continue;
                };
                if open.look != Look::Style(Style::Quote) {
                    let (look, start) = (open.look.clone(), open.start.take());
                    self.mark(look, start);
                }
            }
        } else {
            let at = self.flat.text.len();
            for open in &mut self.open {
                open.start.get_or_insert(at);
            }
        }
        let at = self.flat.text.len();
        self.flat
            .text
            .extend(code.chars().filter(|&c| !forbidden(c)));
        self.mark(Look::Style(Style::Code), Some(at));
    }

    fn fence(&mut self, code: &str, language: Option<String>) {
        let code = code.trim_end();
        let first = code.find(|c: char| !c.is_whitespace()).unwrap_or(0);
        let skipped = piece(code, 0, first).rfind('\n').map_or(0, |at| at + 1);
        let code = piece(code, skipped, code.len());
        if blank(code) {
            return;
        }
        self.flush();
        // Code begins at the margin, under the bullet where there is one.
        let margin = self.flat.text.trim_end_matches(' ').len();
        self.flat.text.truncate(margin);
        if margin > 0 && !self.flat.text.ends_with('\n') {
            self.flat.text.push('\n');
        }
        let at = self.flat.text.len();
        self.flat
            .text
            .extend(code.chars().filter(|&c| !forbidden(c)));
        self.mark(Look::Style(Style::Fence(language)), Some(at));
        self.block(self.apart());
    }

    fn end_table(&mut self) {
        let Some(table) = self.table.take() else {
            return;
        };
        let widest = match self.markup {
            Markup::Plain => WIDEST_IN_TERMINAL,
            Markup::Spans | Markup::Markdown => WIDEST_ON_PHONE,
        };
        match table.show(widest) {
            Shown::Aligned(text) => self.fence(&text, None),
            Shown::Lines(rows) => {
                for row in rows {
                    for line in row {
                        self.say(&line);
                        self.block(Gap::Line);
                    }
                    self.block(Gap::Blank);
                }
            }
        }
        self.block(self.apart());
    }

    /// Writes what stands before the next text: line ends, indentation, a bullet.
    fn flush(&mut self) {
        if self.gap > Gap::None && !self.flat.text.is_empty() {
            let length = self.flat.text.trim_end_matches([' ', '\t', '\n']).len();
            self.flat.text.truncate(length);
            for open in &mut self.open {
                open.start = open.start.map(|start| start.min(length));
            }
            self.flat
                .text
                .push_str(if self.gap == Gap::Blank { "\n\n" } else { "\n" });
        }
        self.gap = Gap::None;
        let at = self.flat.text.len();
        for open in &mut self.open {
            if open.look == Look::Style(Style::Quote) {
                open.start.get_or_insert(at);
            }
        }
        if at > 0 && !self.flat.text.ends_with('\n') {
            return;
        }
        let depth = self.lists.len();
        let marker = self.marker.take();
        if depth > 0 && self.markup != Markup::Markdown {
            let steps = if marker.is_some() { depth - 1 } else { depth };
            self.flat
                .text
                .push_str(&"  ".repeat(steps.min(DEEPEST_LIST)));
        }
        if let Some(marker) = marker {
            let start = self.flat.text.len();
            self.flat.text.push_str(&marker);
            let end = self.flat.text.len();
            let look = Look::Marker(depth.min(DEEPEST_LIST));
            self.flat.marks.push(Mark {
                start,
                end,
                look,
                depth: usize::MAX,
            });
            self.flat.text.push(' ');
        }
    }
}

/// The name of a fence's language, where it is a name.
fn language(kind: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(info) = kind else {
        return None;
    };
    let info: &CowStr<'_> = info;
    let name = info.split([' ', ',', '{', '\t']).next().unwrap_or_default();
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '.' | '#');
    (!name.is_empty() && name.len() <= 24 && name.chars().all(safe)).then(|| name.to_owned())
}
