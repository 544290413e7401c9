//! What stands on the terminal, and how it changes in place.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::ink::{self, Paper};
use super::{Button, Message, Part};

/// How many messages are known well enough to be changed.
const ROOM: usize = 32;

/// Where the text goes.
pub(super) enum Sink {
    /// Straight out.
    Writer(Box<dyn Write + Send>),
    /// Above the line that is being edited.
    Printer(Box<dyn rustyline::ExternalPrinter + Send>),
}

/// What the keyboard's thread tells the screen. It takes no lock: the printer may block until that
/// very thread reads on.
#[derive(Debug)]
pub(super) struct Page {
    columns: AtomicUsize,
    rows: AtomicUsize,
    /// True while the newest message stands directly above the prompt.
    adjacent: AtomicBool,
}

impl Default for Page {
    /// 80 columns and 24 rows, until the terminal says otherwise.
    fn default() -> Self {
        Self {
            columns: AtomicUsize::new(80),
            rows: AtomicUsize::new(24),
            adjacent: AtomicBool::new(false),
        }
    }
}

impl Page {
    /// Takes the terminal's size.
    pub(super) fn resize(&self, columns: usize, rows: usize) {
        self.columns.store(columns, Ordering::SeqCst);
        self.rows.store(rows, Ordering::SeqCst);
    }

    /// A line was entered and now stands below whatever was shown.
    pub(super) fn typed_over(&self) {
        self.adjacent.store(false, Ordering::SeqCst);
    }
}

/// One message as it stands there.
struct Shown {
    message: Message,
    part: Part,
    /// Painted rows: first the text's, then the choices'.
    rows: Vec<String>,
    /// How many of them are the text's.
    text_rows: usize,
}

/// The newest messages and the way to the terminal.
pub(super) struct Screen {
    sink: Sink,
    page: Arc<Page>,
    /// False in a pipe: nothing is wrapped, coloured or changed in place.
    live: bool,
    color: bool,
    shown: VecDeque<Shown>,
}

impl Screen {
    pub(super) fn new(sink: Sink, page: Arc<Page>, live: bool, color: bool) -> Self {
        Self {
            sink,
            page,
            live,
            color: live && color,
            shown: VecDeque::new(),
        }
    }

    /// From now on everything goes there.
    pub(super) fn redirect(&mut self, sink: Sink) {
        self.sink = sink;
        self.page.typed_over();
    }

    /// Whether a message stands there.
    pub(super) fn knows(&self, message: &Message) -> bool {
        self.shown.iter().any(|shown| &shown.message == message)
    }

    /// Shows a message below everything else. One that is there already is not shown twice.
    pub(super) fn show(
        &mut self,
        message: &Message,
        part: &Part,
        buttons: &[Vec<Button>],
    ) -> io::Result<()> {
        if self.knows(message) {
            return Ok(());
        }
        let fresh = self.paint(message, part, buttons);
        self.put(lines(&fresh.rows))?;
        self.remember(fresh);
        Ok(())
    }

    /// Gives a message a new text and buttons: in place where it stands directly above the prompt,
    /// by what is new where it only grew, and whole otherwise.
    pub(super) fn change(
        &mut self,
        message: &Message,
        part: &Part,
        buttons: &[Vec<Button>],
    ) -> io::Result<()> {
        let Some(place) = self.shown.iter().position(|s| &s.message == message) else {
            return self.show(message, part, buttons);
        };
        let newest = place + 1 == self.shown.len();
        let Some(old) = self.shown.remove(place) else {
            return Ok(());
        };
        let fresh = self.paint(message, part, buttons);
        let words = match (self.live && newest, old.rows == fresh.rows) {
            (_, true) => String::new(),
            (true, false) => self.difference(&old, &fresh),
            // What was said further up keeps standing there; only what is new is said again.
            (false, false) if old.part == fresh.part => {
                lines(fresh.rows.get(fresh.text_rows..).unwrap_or_default())
            }
            (false, false) => lines(&fresh.rows),
        };
        let said = if words.is_empty() {
            Ok(())
        } else {
            self.put(words.clone())
        };
        if newest || !words.is_empty() {
            self.remember(fresh);
        } else {
            self.shown.insert(place, fresh);
        }
        said
    }

    /// Gives a message other buttons; its text stays.
    pub(super) fn set_buttons(
        &mut self,
        message: &Message,
        buttons: &[Vec<Button>],
    ) -> io::Result<()> {
        let known = self.shown.iter().find(|s| &s.message == message);
        match known.map(|shown| shown.part.clone()) {
            Some(part) => self.change(message, &part, buttons),
            None if buttons.iter().all(Vec::is_empty) => Ok(()),
            None => {
                let rows = ink::choices(buttons, self.paper());
                self.put(lines(&rows))
            }
        }
    }

    fn paper(&self) -> Paper {
        Paper {
            // The last column stays free: some terminals wrap as soon as it is filled.
            columns: self
                .live
                .then(|| self.page.columns.load(Ordering::SeqCst).saturating_sub(1)),
            color: self.color,
        }
    }

    fn paint(&self, message: &Message, part: &Part, buttons: &[Vec<Button>]) -> Shown {
        let paper = self.paper();
        let mut rows = ink::text(part, paper);
        if self.live {
            rows.insert(0, String::new());
        }
        let text_rows = rows.len();
        rows.extend(ink::choices(buttons, paper));
        Shown {
            message: message.clone(),
            part: part.clone(),
            rows,
            text_rows,
        }
    }

    /// What has to be written to turn the newest message from `old` into `fresh`.
    fn difference(&self, old: &Shown, fresh: &Shown) -> String {
        let same = old
            .rows
            .iter()
            .zip(&fresh.rows)
            .take_while(|(old, fresh)| old == fresh)
            .count()
            // At least one row is written, for the printer ends everything with a line break.
            .min(fresh.rows.len().saturating_sub(1));
        let new = lines(fresh.rows.get(same..).unwrap_or_default());
        let back = old.rows.len() - same;
        let reachable = back + 3 <= self.page.rows.load(Ordering::SeqCst);
        if self.page.adjacent.load(Ordering::SeqCst) && reachable {
            return match back {
                0 => new,
                _ => format!("\u{1b}[{back}A\r\u{1b}[J{new}"),
            };
        }
        // Something stands in between: the unfinished last row is said again, with what follows it.
        if same + 1 >= old.text_rows || old.part == fresh.part {
            let from = same.min(old.text_rows.min(fresh.text_rows));
            return lines(fresh.rows.get(from..).unwrap_or_default());
        }
        lines(&fresh.rows)
    }

    fn remember(&mut self, shown: Shown) {
        if self.shown.len() >= ROOM {
            self.shown.pop_front();
        }
        self.shown.push_back(shown);
    }

    fn put(&mut self, words: String) -> io::Result<()> {
        match &mut self.sink {
            Sink::Writer(writer) => {
                writer.write_all(words.as_bytes())?;
                writer.flush()?;
            }
            Sink::Printer(printer) => printer.print(words).map_err(io::Error::other)?,
        }
        self.page.adjacent.store(true, Ordering::SeqCst);
        Ok(())
    }
}

fn lines(rows: &[String]) -> String {
    rows.iter().flat_map(|row| [row.as_str(), "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Tape(Arc<Mutex<Vec<u8>>>);

    impl Write for Tape {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut tape = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            tape.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A screen, what was written to it, and what a person sees of that.
    struct Window {
        screen: Screen,
        page: Arc<Page>,
        tape: Tape,
        seen: Vec<String>,
    }

    impl Window {
        fn open(live: bool) -> Self {
            let (tape, page) = (Tape::default(), Arc::new(Page::default()));
            let sink = Sink::Writer(Box::new(tape.clone()));
            Self {
                screen: Screen::new(sink, Arc::clone(&page), live, false),
                page,
                tape,
                seen: Vec::new(),
            }
        }

        /// What was written since the last look; the rows are brought up to date with it.
        fn written(&mut self) -> String {
            let bytes = std::mem::take(&mut *self.tape.0.lock().unwrap());
            let written = String::from_utf8(bytes).unwrap();
            let mut rest = written.as_str();
            while let Some(escape) = rest.strip_prefix("\u{1b}[") {
                let (back, after) = escape.split_once("A\r\u{1b}[J").unwrap();
                self.seen
                    .truncate(self.seen.len() - back.parse::<usize>().unwrap());
                rest = after;
            }
            assert!(!rest.contains('\u{1b}'));
            assert!(rest.is_empty() || rest.ends_with('\n'));
            self.seen.extend(rest.lines().map(str::to_owned));
            written
        }

        fn types(&mut self, line: &str) {
            self.written();
            self.seen.push(format!("> {line}"));
            self.page.typed_over();
        }

        fn change(&mut self, id: &str, text: &str, buttons: &[Vec<Button>]) -> String {
            self.screen
                .change(&Message::new(id), &part(text), buttons)
                .unwrap();
            self.written()
        }

        fn show(&mut self, id: &str, text: &str, buttons: &[Vec<Button>]) -> String {
            self.screen
                .show(&Message::new(id), &part(text), buttons)
                .unwrap();
            self.written()
        }
    }

    fn part(text: &str) -> Part {
        Part {
            text: text.to_owned(),
            spans: Vec::new(),
        }
    }

    fn row(labels: &[&str]) -> Vec<Vec<Button>> {
        let button = |label: &&str| Button {
            label: (*label).to_owned(),
            data: (*label).to_owned(),
        };
        vec![labels.iter().map(button).collect()]
    }

    #[test]
    fn an_answer_grows_in_place() {
        let mut window = Window::open(true);
        window.show("1", "First line\nsec", &row(&["Stop"]));
        assert_eq!(window.seen, ["", "First line", "sec", "  [1] Stop"]);
        let written = window.change("1", "First line\nsecond line\nthird", &row(&["Stop"]));
        assert!(!written.contains("First"), "{written:?}");
        window.change("1", "First line\nsecond line\nthird.", &[]);
        assert_eq!(window.seen, ["", "First line", "second line", "third."]);
        assert_eq!(
            window.change("1", "First line\nsecond line\nthird.", &[]),
            ""
        );
    }

    #[test]
    fn an_answer_grows_on_below_what_was_typed() {
        let mut window = Window::open(true);
        window.show("1", "One\ntwo and", &row(&["Stop"]));
        window.types("hm");
        window.change("1", "One\ntwo and three\nfour", &row(&["Stop"]));
        window.change("1", "One\ntwo and three\nfour five", &[]);
        assert_eq!(
            window.seen,
            [
                "",
                "One",
                "two and",
                "  [1] Stop",
                "> hm",
                "two and three",
                "four five"
            ]
        );
    }

    #[test]
    fn an_answer_that_changed_further_up_is_said_again() {
        let mut window = Window::open(true);
        window.show("1", "One\ntwo", &[]);
        window.change("1", "Uno\ntwo", &[]);
        assert_eq!(window.seen, ["", "Uno", "two"]);
        window.types("hm");
        window.change("1", "One\ntwo", &[]);
        assert_eq!(window.seen, ["", "Uno", "two", "> hm", "", "One", "two"]);
    }

    #[test]
    fn rows_out_of_reach_are_left_alone() {
        let mut window = Window::open(true);
        let long: String = (0..40).map(|n| format!("row {n}\n")).collect();
        window.show("1", &long, &[]);
        let written = window.change("1", &format!("new {long}"), &[]);
        assert!(written.starts_with("\nnew row 0\nrow 1\n"), "{written:?}");
        assert!(
            window
                .change("1", &format!("new {long}end"), &[])
                .ends_with("end\n")
        );
        assert_eq!(window.seen.last().map(String::as_str), Some("end"));
    }

    #[test]
    fn buttons_come_and_go_in_place() {
        let mut window = Window::open(true);
        window.show("1", "Sure?", &row(&["Yes", "No"]));
        assert_eq!(window.seen, ["", "Sure?", "  [1] Yes  [2] No"]);
        window.screen.set_buttons(&Message::new("1"), &[]).unwrap();
        window.written();
        assert_eq!(window.seen, ["", "Sure?"]);
        window.screen.set_buttons(&Message::new("0"), &[]).unwrap();
        window
            .screen
            .set_buttons(&Message::new("0"), &row(&["Old"]))
            .unwrap();
        assert_eq!(window.written(), "  [1] Old\n");
    }

    #[test]
    fn an_older_card_is_said_again_when_it_says_something_else() {
        let mut window = Window::open(true);
        window.show("1", "Sure?", &row(&["Yes", "No"]));
        window.show("2", "Meanwhile", &[]);
        assert_eq!(window.change("1", "Sure?", &[]), "");
        assert_eq!(window.change("1", "Approved.", &[]), "\nApproved.\n");
    }

    #[test]
    fn a_letter_is_shown_once() {
        let mut window = Window::open(true);
        assert_eq!(window.show("1", "Hello", &[]), "\nHello\n");
        assert_eq!(window.show("1", "Hello", &[]), "");
    }

    #[test]
    fn a_pipe_gets_whole_messages() {
        let mut window = Window::open(false);
        let long = "word ".repeat(60);
        assert_eq!(window.show("1", &long, &[]), format!("{long}\n"));
        assert_eq!(
            window.show("2", "Sure?", &row(&["Yes"])),
            "Sure?\n  [1] Yes\n"
        );
        assert_eq!(window.change("2", "Sure?", &[]), "");
        assert_eq!(window.change("2", "Done", &[]), "Done\n");
    }
}
