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

    /// Says something that is no message.
    pub(super) fn note(&mut self, words: &str) -> io::Result<()> {
        self.put(format!("{words}\n"))?;
        self.page.typed_over();
        Ok(())
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
        // Said first: a line that is entered meanwhile must be able to take it back.
        self.page.adjacent.store(true, Ordering::SeqCst);
        match &mut self.sink {
            Sink::Writer(writer) => {
                writer.write_all(words.as_bytes())?;
                writer.flush()
            }
            Sink::Printer(printer) => printer.print(words).map_err(io::Error::other),
        }
    }
}

fn lines(rows: &[String]) -> String {
    rows.iter().flat_map(|row| [row.as_str(), "\n"]).collect()
}

#[cfg(test)]
mod tests;
