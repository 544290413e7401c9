//! Text as an author meant it: without the page around it and without what cannot be seen.
//!
//! Pure, and the same for the same text, because an ingest that was broken off goes on from it.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

/// Whether ends of lines were made by the width of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// Each line stands for itself, as in a table.
    Meant,
    /// A line may go on in the next one.
    Wrapped,
}

/// So many lines at each edge of a page may be its header or footer.
const EDGE: usize = 3;
/// Fewer pages show no pattern.
const LEAST_PAGES: usize = 3;
/// A running line stands on so many of a hundred pages; left and right pages may differ.
const RUNNING: usize = 40;
/// The longest running line, in bytes.
const LONGEST_RUNNING: usize = 160;
/// A running line that counts pages says so many letters besides, or nothing.
const LEAST_WORDS: usize = 12;
/// A line that reached the margin has so many letters at least.
const FULL: usize = 40;
/// Words after which a hyphen is one: "pre- and post-release".
const JOINED_BY: [&str; 12] = [
    "and", "or", "und", "oder", "bzw", "y", "e", "o", "ou", "et", "u", "sowie",
];

/// Takes out what nobody sees and what every page repeats, joins what the page's width parted, and
/// leaves single spaces, single line ends and one blank line between paragraphs. Form feeds part pages.
pub fn clean(text: &str, lines: Lines) -> String {
    let visible = visible(text);
    let pages: Vec<Vec<&str>> = visible
        .split('\u{c}')
        .map(|page| page.lines().collect())
        .collect();
    let running = Running::of(&pages);
    let mut out = Out {
        text: String::with_capacity(visible.len()),
        lines,
        begin: 0,
        gap: false,
        fenced: false,
    };
    let mut seen = HashSet::new();
    for (number, page) in pages.iter().enumerate() {
        let left = running.of_page(page, number, &mut seen);
        for (index, line) in page.iter().enumerate() {
            if !left.contains(&index) {
                out.line(line);
            }
        }
        out.end_page();
    }
    out.text
}

struct Out {
    text: String,
    lines: Lines,
    /// Where the last line begins.
    begin: usize,
    /// A blank line comes next.
    gap: bool,
    fenced: bool,
}

impl Out {
    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.gap = true;
            return;
        }
        let fence = line.starts_with("```");
        if !self.text.is_empty() {
            let last = self.text.get(self.begin..).unwrap_or_default();
            let free = self.lines == Lines::Wrapped && !self.gap && !self.fenced && !fence;
            match joint(last, line) {
                Joint::Hyphen if free => {
                    self.text.pop();
                    self.text.push_str(line);
                    return;
                }
                Joint::Space if free => {
                    self.text.push(' ');
                    self.text.push_str(line);
                    return;
                }
                _ if self.gap => self.text.push_str("\n\n"),
                _ => self.text.push('\n'),
            }
        }
        self.fenced ^= fence;
        self.gap = false;
        self.begin = self.text.len();
        self.text.push_str(line);
    }

    /// A sentence may go on behind the end of a page.
    fn end_page(&mut self) {
        let goes_on = self.lines == Lines::Wrapped
            && self
                .text
                .ends_with(|c: char| c.is_lowercase() || matches!(c, ',' | '-'));
        self.gap = !goes_on;
    }
}

/// How two lines belong together.
#[derive(Debug, PartialEq, Eq)]
enum Joint {
    /// A word was parted.
    Hyphen,
    /// A sentence was parted.
    Space,
    /// Not at all.
    None,
}

fn joint(last: &str, line: &str) -> Joint {
    if !line.starts_with(char::is_lowercase) || last.starts_with(['#', '|', '>']) {
        return Joint::None;
    }
    let word: String = line.chars().take_while(|c| c.is_alphabetic()).collect();
    let behind = line.get(word.len()..).unwrap_or_default();
    // "title: Blue" is a line of its own, and so is "a) first".
    if behind.starts_with([':', ')', '=']) {
        return Joint::None;
    }
    if let Some(parted) = last.strip_suffix(['-', '\u{2010}']) {
        return match parted.ends_with(char::is_lowercase) {
            true if JOINED_BY.contains(&word.as_str()) => Joint::Space,
            true => Joint::Hyphen,
            false => Joint::None,
        };
    }
    let over = last.ends_with(['.', '!', '?', ':', ';', '|']);
    let full = last.len() >= FULL && last.chars().count() >= FULL;
    if full && !over {
        Joint::Space
    } else {
        Joint::None
    }
}

/// The lines that stand at the edges of most pages, alike but for a number that counts the pages.
struct Running {
    keys: HashSet<String>,
}

impl Running {
    fn of(pages: &[Vec<&str>]) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut full = 0;
        for (number, page) in pages.iter().enumerate() {
            let edges = edges(page);
            let edges = edges.iter().filter_map(|index| page.get(*index));
            let keys: HashSet<String> = edges.flat_map(|line| keys(line, number)).collect();
            full += usize::from(!keys.is_empty());
            for key in keys {
                *counts.entry(key).or_default() += 1;
            }
        }
        let least = LEAST_PAGES.max(full * RUNNING / 100);
        counts.retain(|_, count| *count >= least);
        Self {
            keys: counts.into_keys().collect(),
        }
    }

    /// The places of a page's lines that run through the pages. What says more than a number keeps its
    /// first place.
    fn of_page(&self, page: &[&str], number: usize, seen: &mut HashSet<String>) -> Vec<usize> {
        if self.keys.is_empty() {
            return Vec::new();
        }
        let runs = |index: &usize| {
            let Some(line) = page.get(*index) else {
                return false;
            };
            let mut keys = keys(line, number).into_iter();
            let known = keys.find(|key| self.keys.contains(key));
            known.is_some_and(|key| is_page_number(line) || !seen.insert(key))
        };
        edges(page).into_iter().filter(runs).collect()
    }
}

/// Whether a line says which page it is, and nothing else.
fn is_page_number(line: &str) -> bool {
    const WORDS: [&str; 14] = [
        "page", "p", "pg", "seite", "s", "página", "pág", "pag", "of", "von", "de", "sur", "di",
        "f",
    ];
    let mut words = line
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty());
    words.all(|word| WORDS.contains(&word.to_lowercase().as_str()))
}

/// By what a line is known again on other pages: itself, and itself with a number that grows by one from
/// page to page. None for lines too long to be repeated by a page.
fn keys(line: &str, page: usize) -> Vec<String> {
    if line.is_empty() || line.len() > LONGEST_RUNNING {
        return Vec::new();
    }
    let line = line.trim_start_matches('#').trim().to_lowercase();
    let mut keys = Vec::new();
    let numbers = line
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| (1..=4).contains(&digits.len()));
    for digits in numbers.take(4) {
        let begin = digits.as_ptr() as usize - line.as_ptr() as usize;
        let before = line.get(..begin).unwrap_or_default();
        let behind = line.get(begin + digits.len()..).unwrap_or_default();
        // In the midst of a line a number counts something else.
        if !before.is_empty() && !behind.is_empty() && !is_page_number(&line) {
            continue;
        }
        // Chapters and songs are counted too, one to a page.
        let says = before
            .chars()
            .chain(behind.chars())
            .filter(|c| c.is_alphabetic())
            .count();
        if says >= LEAST_WORDS || is_page_number(&line) {
            let counted = digits.parse::<usize>().unwrap_or(0).wrapping_sub(page);
            keys.push(format!("{before}\u{0}{counted}\u{0}{behind}"));
        }
    }
    keys.push(line);
    keys
}

/// The places of the lines at the edges of a page that say something: of a short page fewer.
fn edges(page: &[&str]) -> Vec<usize> {
    let said =
        || (0..page.len()).filter(|index| page.get(*index).is_some_and(|line| !line.is_empty()));
    let depth = (said().take(EDGE * 4).count() / 4).clamp(1, EDGE);
    let mut edges: Vec<usize> = said().take(depth).chain(said().rev().take(depth)).collect();
    // A page of one line has one edge.
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// The characters that people see, composed, with single spaces and plain line ends.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    let mut letters = text.nfc().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\n' | '\u{2028}' | '\u{2029}' | '\u{85}' => {
                space = false;
                out.push('\n');
            }
            '\r' => {
                space = false;
                if letters.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{c}' => {
                space = false;
                out.push(c);
            }
            '\t' => space = true,
            // Parts of one picture hang together.
            '\u{200d}' if out.ends_with(|before| before >= '\u{2600}') => out.push(c),
            c if is_unseen(c) => {}
            c if c.is_whitespace() || c == '\u{2800}' => space = true,
            c => {
                if std::mem::take(&mut space) && !out.is_empty() && !out.ends_with(['\n', '\u{c}'])
                {
                    out.push(' ');
                }
                match ligature(c) {
                    Some(letters) => out.push_str(letters),
                    None => out.push(c),
                }
            }
        }
    }
    out
}

/// Characters without a shape; text hidden in them is meant for machines.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Letters that fonts draw as one.
fn ligature(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{fb00}' => "ff",
        '\u{fb01}' => "fi",
        '\u{fb02}' => "fl",
        '\u{fb03}' => "ffi",
        '\u{fb04}' => "ffl",
        '\u{fb05}' | '\u{fb06}' => "st",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrapped(text: &str) -> String {
        clean(text, Lines::Wrapped)
    }

    #[test]
    fn the_width_of_the_page_goes() {
        let text = "The mechanical royalty is paid for the repro-\nduction of a song, and it is col-\nlected by a \
                    society in most\ncountries. Pre-\nand post-release.\nNew line\nhere too\n\nA\n\n\n\nB  c\u{a0}d";
        assert_eq!(
            wrapped(text),
            "The mechanical royalty is paid for the reproduction of a song, and it is collected by a society in most \
             countries. Pre- and post-release.\nNew line\nhere too\n\nA\n\nB c d"
        );
        let table = "track: a long title that reaches the margin\ntrack: another\nun-\nfit";
        assert_eq!(clean(table, Lines::Meant), table);
        assert_eq!(
            wrapped("track: a long title that reaches the margin\ntrack: b"),
            "track: a long title that reaches the margin\ntrack: b"
        );
    }

    #[test]
    fn what_every_page_repeats_stays_once() {
        let page = |number: usize, words: &str| {
            format!(
                "Deal memo\nLabel X\n\nSong {number}\n{words}\na\nb\nc\nTotal {}\n\nStrictly confidential {number}\nPage {number} of 4\n",
                number * 17
            )
        };
        let all = |pages: &[&str]| {
            let pages = pages
                .iter()
                .enumerate()
                .map(|(at, words)| page(at + 1, words));
            wrapped(&pages.collect::<Vec<_>>().join("\u{c}"))
        };
        assert_eq!(
            all(&["one", "two", "three", "four"]),
            "Deal memo\nLabel X\n\nSong 1\none\na\nb\nc\nTotal 17\n\nStrictly confidential 1\n\n\
             Song 2\ntwo\na\nb\nc\nTotal 34\n\nSong 3\nthree\na\nb\nc\nTotal 51\n\n\
             Song 4\nfour\na\nb\nc\nTotal 68"
        );
        assert_eq!(
            all(&["one", "two"]).matches("Deal memo").count(),
            2,
            "two pages are no pattern"
        );
        let bare: String = (7..20)
            .map(|number| format!("words {number} here\n- {number} -\n\u{c}"))
            .collect();
        assert_eq!(wrapped(&bare).matches('-').count(), 0);
        assert_eq!(wrapped(&"alike\u{c}".repeat(9)), "alike");
    }

    #[test]
    fn a_sentence_goes_on_behind_the_page() {
        let text = "The advance is recouped from all income of the\n\u{c}artist before royalties.\u{c}Next.";
        assert_eq!(
            wrapped(text),
            "The advance is recouped from all income of the artist before royalties.\n\nNext."
        );
    }

    #[test]
    fn what_nobody_sees_goes() {
        assert_eq!(
            wrapped(
                "\u{feff}a\u{200b}b\u{ad}c\u{202e}d\u{7}\r\ne\rf\u{e0041} \u{fb01}n e\u{301}👩\u{200d}🎤"
            ),
            "abcd\ne\nf fin é👩\u{200d}🎤"
        );
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing_for_tables(text in "[a-zé\u{200b} \t\r\n#|.-]{0,200}") {
            let once = clean(&text, Lines::Meant);
            prop_assert_eq!(clean(&once, Lines::Meant), once);
        }

        #[test]
        fn no_word_is_lost(text in "[a-zA-Z0-9 .,\n]{0,400}") {
            let words = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            prop_assert_eq!(words(&wrapped(&text)), words(&text));
        }
    }
}
