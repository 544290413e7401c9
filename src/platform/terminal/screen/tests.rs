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
    let button = |label: &&str| Button::new(*label, *label);
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
