//! The thread that reads what is typed.
//!
//! A read from a terminal cannot be called off, so this is a thread of its own which nobody waits
//! for: a task of the runtime's blocking pool would hold up the runtime's end until somebody pressed
//! a key. It ends by itself at the end of the input or when nobody listens any more.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};
use tokio::sync::mpsc;

use crate::model::holds_key;

use super::screen::Page;
use super::typed::{QUIT, Sheet};

const PROMPT: &str = "> ";
const PROMPT_GOES_ON: &str = "… ";
const PROMPT_LEAVING: &str = "(Ctrl-C again ends the chat) > ";

/// Longest line that is taken as one, in bytes; the rest of a longer one is the next message.
const LINE: usize = 64 * 1024;
/// Messages that may wait for being stored; a pipe is read no faster than that.
const WAITING: usize = 64;

/// Where lines come from.
pub(super) enum Keyboard {
    /// A person at a terminal, with line editing and history.
    Editor {
        editor: Box<DefaultEditor>,
        history: PathBuf,
    },
    /// Anything that has lines.
    Plain(Box<dyn BufRead + Send>),
}

impl Keyboard {
    /// Line editing on the terminal of this process, and the printer that writes above the line;
    /// `None` where the terminal is none or too simple for that (`TERM=dumb`).
    pub(super) fn editor(
        history: &Path,
    ) -> Option<(Self, Box<dyn rustyline::ExternalPrinter + Send>)> {
        let config = Config::builder().auto_add_history(false).build();
        let mut editor = DefaultEditor::with_config(config).ok()?;
        let printer = editor.create_external_printer().ok()?;
        if let Err(error) = prepare(history).and_then(|()| {
            editor
                .load_history(history)
                .map_err(|error| io::Error::other(error.to_string()))
        }) {
            tracing::warn!(%error, "The terminal's history cannot be read; the chat goes on without it");
        }
        let keyboard = Self::Editor {
            editor: Box::new(editor),
            history: history.to_owned(),
        };
        Some((keyboard, Box::new(printer)))
    }

    /// Begins to read; the receiver ends when the person does.
    pub(super) fn start(self, page: Arc<Page>) -> io::Result<mpsc::Receiver<String>> {
        let (sender, receiver) = mpsc::channel(WAITING);
        std::thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || match self {
                Self::Editor { editor, history } => edit(*editor, &history, &page, &sender),
                Self::Plain(input) => read(input, &page, &sender),
            })?;
        Ok(receiver)
    }
}

/// The terminal's settings, put back when dropped: whoever stops us while a line is being edited
/// would otherwise find a shell that echoes nothing.
pub(super) struct Mode {
    #[cfg(unix)]
    saved: Option<nix::sys::termios::Termios>,
}

impl Mode {
    /// Remembers how the terminal is set now.
    pub(super) fn saved() -> Self {
        Self {
            #[cfg(unix)]
            saved: nix::sys::termios::tcgetattr(io::stdin()).ok(),
        }
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(saved) = &self.saved {
            use nix::sys::termios::{SetArg, tcsetattr};
            if let Err(error) = tcsetattr(io::stdin(), SetArg::TCSADRAIN, saved) {
                tracing::debug!(%error, "The terminal's mode could not be put back");
            }
        }
    }
}

/// Makes the history file if it is not there, readable by nobody else: it holds private talk.
fn prepare(history: &Path) -> io::Result<()> {
    if let Some(folder) = history.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(history)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(file);
    Ok(())
}

fn edit(mut editor: DefaultEditor, history: &Path, page: &Page, sender: &mpsc::Sender<String>) {
    let mut sheet = Sheet::default();
    let mut leaving = false;
    loop {
        if let Some((columns, rows)) = editor.dimensions() {
            page.resize(usize::from(columns), usize::from(rows));
        }
        let prompt = match (leaving, sheet.goes_on()) {
            (true, _) => PROMPT_LEAVING,
            (false, true) => PROMPT_GOES_ON,
            (false, false) => PROMPT,
        };
        let line = editor.readline(prompt);
        page.typed_over();
        match line {
            Ok(line) => {
                leaving = false;
                let Some(text) = sheet.push(&line) else {
                    continue;
                };
                if !holds_key(&text) {
                    keep(&mut editor, history, &text);
                }
                if text == QUIT || sender.blocking_send(text).is_err() {
                    return;
                }
            }
            Err(ReadlineError::Interrupted) if !leaving => {
                leaving = true;
                sheet = Sheet::default();
            }
            Err(ReadlineError::Interrupted | ReadlineError::Eof) => return,
            Err(ReadlineError::Signal(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "The terminal can no longer be read");
                return;
            }
        }
    }
}

fn keep(editor: &mut DefaultEditor, history: &Path, text: &str) {
    let kept = editor
        .add_history_entry(text)
        .and_then(|_| editor.append_history(history));
    if let Err(error) = kept {
        tracing::debug!(%error, "A line could not be kept in the terminal's history");
    }
}

fn read(mut input: Box<dyn BufRead + Send>, page: &Page, sender: &mpsc::Sender<String>) {
    let mut sheet = Sheet::default();
    let mut bytes = Vec::new();
    loop {
        let room = LINE.saturating_sub(bytes.len()).max(1);
        let room = u64::try_from(room).unwrap_or(u64::MAX);
        let count = match (&mut input).take(room).read_until(b'\n', &mut bytes) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::warn!(%error, "The input can no longer be read");
                0
            }
        };
        page.typed_over();
        let text = if count == 0 && bytes.is_empty() {
            match sheet.rest() {
                Some(rest) => rest,
                None => return,
            }
        } else {
            let rest = match bytes.ends_with(b"\n") || count == 0 {
                true => Vec::new(),
                false if bytes.len() < LINE => continue,
                false => bytes.split_off(whole(&bytes)),
            };
            let line = String::from_utf8_lossy(&bytes).into_owned();
            bytes = rest;
            match sheet.push(line.trim_end_matches(['\n', '\r'])) {
                Some(text) => text,
                None => continue,
            }
        };
        if text == QUIT || sender.blocking_send(text).is_err() {
            return;
        }
    }
}

/// How many bytes at most can be cut off without cutting a character: a last one that is only
/// begun is left out.
fn whole(bytes: &[u8]) -> usize {
    let begun = bytes
        .iter()
        .rev()
        .take(4)
        .position(|&byte| byte >= 0xc0)
        .map_or(0, |back| back + 1);
    bytes.len() - begun
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(input: Vec<u8>) -> Vec<String> {
        let keyboard = Keyboard::Plain(Box::new(io::Cursor::new(input)));
        let mut messages = keyboard.start(Arc::default()).unwrap();
        std::iter::from_fn(|| messages.blocking_recv()).collect()
    }

    #[test]
    fn each_line_is_a_message() {
        let input = "one\r\n\n  \ntwo\\\nlines\nlast".as_bytes().to_vec();
        assert_eq!(said(input), ["one", "two\nlines", "last"]);
        assert_eq!(said(b"begun\\\n".to_vec()), ["begun"]);
        assert_eq!(said(b"one\n/quit\ntwo\n".to_vec()), ["one"]);
        assert!(said(Vec::new()).is_empty());
        assert_eq!(said(vec![0xff, 0, b'a', b'\n']), ["\u{fffd}a"]);
    }

    #[test]
    fn a_line_without_end_is_cut_between_characters() {
        let text = "aü😀".repeat(30_000);
        let pieces = said(text.clone().into_bytes());
        assert!(pieces.len() > 2);
        assert!(pieces.iter().all(|piece| piece.len() <= LINE));
        assert_eq!(pieces.concat(), text);
    }

    #[cfg(unix)]
    #[test]
    fn the_history_is_nobody_elses() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("toney-history-{}", std::process::id()));
        let file = folder.join("deep/history");
        prepare(&file).unwrap();
        prepare(&file).unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
