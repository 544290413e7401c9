//! Paints one message as rows of a terminal: styles as ANSI codes, links with their address, words
//! wrapped, and nothing left that could steer the terminal. Pure.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{Button, Part, Span, Style};

const BOLD: u8 = 1;
const ITALIC: u8 = 2;
const STRIKE: u8 = 4;
const DIM: u8 = 8;
const UNDERLINE: u8 = 16;

/// Select Graphic Rendition parameters of ECMA-48 for each look.
const CODES: [(u8, &str); 5] = [
    (BOLD, ";1"),
    (DIM, ";2"),
    (ITALIC, ";3"),
    (UNDERLINE, ";4"),
    (STRIKE, ";9"),
];

/// What is painted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paper {
    /// How many columns a row has; `None` = rows are never wrapped.
    pub(super) columns: Option<usize>,
    /// Whether styles are shown by ANSI codes.
    pub(super) color: bool,
}

/// Whether a character may reach the terminal or come from it. Controls (C0, C1, DEL) could move the
/// cursor, set the title or answer in the person's name; the two overrides of direction can make a
/// text read as something else.
pub(super) fn harmless(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{202d}' | '\u{202e}')
}

/// The rows of a text, each of them whole in itself: its codes are opened and closed inside.
pub(super) fn text(part: &Part, paper: Paper) -> Vec<String> {
    let mut rows = Vec::new();
    for line in lines(part) {
        let margin = if line.quoted { 2 } else { 0 };
        let columns = paper.columns.map(|columns| columns.saturating_sub(margin));
        for row in wrap(line.pieces, columns) {
            rows.push(paint(&row, line.quoted, paper.color));
        }
    }
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}

/// The rows of numbered choices; the numbers run on from row to row, beginning with 1.
pub(super) fn choices(buttons: &[Vec<Button>], paper: Paper) -> Vec<String> {
    let mut number = 0_usize;
    let mut rows = Vec::new();
    for row in buttons.iter().filter(|row| !row.is_empty()) {
        let mut pieces = Vec::new();
        for button in row {
            if let Some(url) = &button.url {
                say(&mut pieces, "  ", 0);
                say(
                    &mut pieces,
                    &format!("{}: ", button.label.replace('\n', " ")),
                    0,
                );
                say(&mut pieces, url, 0);
                continue;
            }
            number += 1;
            say(&mut pieces, "  ", 0);
            say(&mut pieces, &format!("[{number}]"), BOLD);
            say(&mut pieces, " ", 0);
            say(&mut pieces, &button.label.replace('\n', " "), 0);
        }
        for row in wrap(pieces, paper.columns) {
            rows.push(paint(&row, false, paper.color));
        }
    }
    rows
}

/// One grapheme and how it looks.
#[derive(Debug)]
struct Piece {
    text: String,
    width: usize,
    look: u8,
}

#[derive(Debug, Default)]
struct Line {
    quoted: bool,
    pieces: Vec<Piece>,
}

/// A span that has begun and not yet ended; `said` collects what a link covers.
struct Open<'a> {
    end: usize,
    style: &'a Style,
    said: String,
}

fn lines(part: &Part) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    let mut line = Line::default();
    let mut coming = part.spans.iter().peekable();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut at = 0_usize;
    lines.clear();
    for grapheme in part.text.graphemes(true) {
        close(&mut open, at, &mut line.pieces);
        while let Some(Span { start, len, style }) = coming.next_if(|span| span.start <= at) {
            open.push(Open {
                end: start.saturating_add(*len),
                style,
                said: String::new(),
            });
        }
        // A span may also lie wholly before this place, inside a grapheme that was passed.
        open.retain(|span| span.end > at);
        at += grapheme.encode_utf16().count();
        if matches!(grapheme, "\n" | "\r\n") {
            lines.push(std::mem::take(&mut line));
            continue;
        }
        let mut look = 0;
        for span in &mut open {
            look |= look_of(span.style);
            line.quoted |= matches!(span.style, Style::Quote);
            if matches!(span.style, Style::Link(_)) {
                span.said.push_str(grapheme);
            }
        }
        say(&mut line.pieces, grapheme, look);
    }
    close(&mut open, usize::MAX, &mut line.pieces);
    lines.push(line);
    lines
}

/// Ends what ends at or before `at`; the address of a link follows its words unless it is the same.
fn close(open: &mut Vec<Open<'_>>, at: usize, pieces: &mut Vec<Piece>) {
    open.retain(|span| {
        if span.end > at {
            return true;
        }
        if let Style::Link(address) = span.style {
            let bare = address.strip_prefix("mailto:").unwrap_or(address);
            if span.said != *address && span.said != bare {
                say(pieces, &format!(" ({})", address.replace('\n', "")), DIM);
            }
        }
        false
    });
}

fn look_of(style: &Style) -> u8 {
    match style {
        Style::Bold => BOLD,
        Style::Italic => ITALIC,
        Style::Strike => STRIKE,
        Style::Code | Style::Fence(_) => DIM,
        Style::Link(_) => UNDERLINE,
        Style::Quote => 0,
    }
}

fn say(pieces: &mut Vec<Piece>, text: &str, look: u8) {
    for grapheme in text.graphemes(true) {
        if grapheme == "\t" {
            pieces.extend((0..4).map(|_| Piece {
                text: " ".to_owned(),
                width: 1,
                look,
            }));
            continue;
        }
        let text: String = grapheme.chars().filter(|&c| harmless(c)).collect();
        if !text.is_empty() {
            let width = text.width();
            pieces.push(Piece { text, width, look });
        }
    }
}

/// Breaks at the last space that fits, or inside a word that is longer than a row.
fn wrap(pieces: Vec<Piece>, columns: Option<usize>) -> Vec<Vec<Piece>> {
    let Some(columns) = columns else {
        return vec![pieces];
    };
    let columns = columns.max(8);
    let mut rows = Vec::new();
    let mut row: Vec<Piece> = Vec::new();
    let mut used = 0_usize;
    for piece in pieces {
        if used + piece.width > columns {
            let space = piece.text == " ";
            let rest = match row.iter().rposition(|piece| piece.text == " ") {
                // Spaces at the beginning are an indent: to break behind them would win nothing.
                Some(place) if !space && row.iter().take(place).any(|p| p.text != " ") => {
                    let rest = row.split_off(place + 1);
                    row.pop();
                    rest
                }
                _ => Vec::new(),
            };
            used = rest.iter().map(|piece| piece.width).sum();
            rows.push(std::mem::replace(&mut row, rest));
            if space {
                continue;
            }
        }
        used += piece.width;
        row.push(piece);
    }
    rows.push(row);
    rows
}

fn paint(row: &[Piece], quoted: bool, color: bool) -> String {
    let mut painted = String::new();
    match (quoted, color) {
        (true, true) => painted.push_str("\u{1b}[2m│\u{1b}[0m "),
        (true, false) => painted.push_str("> "),
        (false, _) => {}
    }
    let mut look = 0;
    for piece in row {
        if color && piece.look != look {
            look = piece.look;
            painted.push_str("\u{1b}[0");
            for (_, code) in CODES.iter().filter(|(bit, _)| look & bit != 0) {
                painted.push_str(code);
            }
            painted.push('m');
        }
        painted.push_str(&piece.text);
    }
    if look != 0 {
        painted.push_str("\u{1b}[0m");
    }
    painted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Paper = Paper {
        columns: None,
        color: false,
    };
    const COLOR: Paper = Paper {
        columns: None,
        color: true,
    };

    fn part(text: &str, spans: &[(usize, usize, Style)]) -> Part {
        Part {
            text: text.to_owned(),
            spans: spans
                .iter()
                .map(|(start, len, style)| Span {
                    start: *start,
                    len: *len,
                    style: style.clone(),
                })
                .collect(),
        }
    }

    #[test]
    fn styles_become_codes_and_end_again() {
        let part = part(
            "😀 bold both code",
            &[
                (3, 9, Style::Bold),
                (8, 4, Style::Italic),
                (13, 4, Style::Code),
            ],
        );
        assert_eq!(
            text(&part, COLOR),
            ["😀 \u{1b}[0;1mbold \u{1b}[0;1;3mboth\u{1b}[0m \u{1b}[0;2mcode\u{1b}[0m"]
        );
        assert_eq!(text(&part, PLAIN), ["😀 bold both code"]);
    }

    #[test]
    fn a_link_shows_its_address_once() {
        let link = |to: &str| Style::Link(to.to_owned());
        let named = part("see here now", &[(4, 4, link("https://a.example/"))]);
        assert_eq!(text(&named, PLAIN), ["see here (https://a.example/) now"]);
        let last = part("here", &[(0, 4, link("https://a.example/"))]);
        assert_eq!(
            text(&last, COLOR),
            ["\u{1b}[0;4mhere\u{1b}[0;2m (https://a.example/)\u{1b}[0m"]
        );
        let bare = part("https://a.example/", &[(0, 18, link("https://a.example/"))]);
        assert_eq!(text(&bare, PLAIN), ["https://a.example/"]);
    }

    #[test]
    fn a_quote_has_a_margin_on_every_row() {
        let quote = part("one two three\nafter", &[(0, 13, Style::Quote)]);
        assert_eq!(text(&quote, PLAIN), ["> one two three", "after"]);
        let narrow = Paper {
            columns: Some(11),
            color: false,
        };
        assert_eq!(text(&quote, narrow), ["> one two", "> three", "after"]);
    }

    #[test]
    fn an_escape_sequence_is_only_letters() {
        let nasty = part(
            "a\u{1b}]0;title\u{7}b\u{0}c\u{9b}31md\u{202e}e\r\nf\tg",
            &[],
        );
        assert_eq!(text(&nasty, COLOR), ["a]0;titlebc31mde", "f    g"]);
        let link = part(
            "x",
            &[(0, 1, Style::Link("http://a/\u{1b}[2J\n".to_owned()))],
        );
        assert_eq!(text(&link, PLAIN), ["x (http://a/[2J)"]);
        let button = Button::new("Y\u{1b}[8mes\nplease", "");
        assert_eq!(choices(&[vec![button]], PLAIN), ["  [1] Y[8mes please"]);
        let link = Button::link("Pay", "https://a/\u{1b}[2J");
        let no = Button::new("No", "no");
        assert_eq!(
            choices(&[vec![link, no]], PLAIN),
            ["  Pay: https://a/[2J  [1] No"]
        );
    }

    #[test]
    fn rows_break_between_words_and_count_columns() {
        let paper = Paper {
            columns: Some(10),
            color: false,
        };
        let words = part("the quick brown fox 音楽音楽音楽 unbreakable-word", &[]);
        assert_eq!(
            text(&words, paper),
            [
                "the quick",
                "brown fox",
                "音楽音楽音",
                "楽",
                "unbreakabl",
                "e-word"
            ]
        );
    }

    proptest! {
        #[test]
        fn rows_fit_and_lose_no_word(
            words in "[a-z ü音😀\n]{0,200}",
            columns in 8_usize..40,
            start in 0_usize..50,
            len in 0_usize..50,
        ) {
            let part = part(&words, &[(start, len, Style::Bold)]);
            let rows = text(&part, Paper { columns: Some(columns), color: false });
            for row in &rows {
                prop_assert!(row.width() <= columns, "{row:?}");
            }
            let squeeze = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(squeeze(&rows.concat()), squeeze(&words));
        }

        #[test]
        fn no_control_survives(words in any::<String>(), start in 0_usize..20, len in 0_usize..20) {
            let part = part(&words, &[(start, len, Style::Link(words.clone()))]);
            for row in text(&part, PLAIN) {
                prop_assert!(row.chars().all(harmless));
            }
        }
    }
}
