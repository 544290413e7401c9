//! The terminal as a chat platform: one direct chat with whoever sits at it.
//!
//! On a screen lines are edited with history, answers stand above the prompt and grow in place. In a
//! pipe each line is a message, answers are printed whole, and the end of the input waits until all
//! of them are answered. It never lets an answer steer the terminal, and never reads the environment
//! or the store. Start with [`Terminal`]; `typed`, `cards` and `ink` are the pure parts. The one thing it opens is
//! a file whose path is all that was typed.
//!
//! A blocked read cannot be called off, so the reading thread is left alone when the chat is stopped
//! and ends with the process; the terminal's mode is put back first. The app therefore stops when
//! [`Platform::receive`] has returned `Ok`, and does not wait for that thread.

mod cards;
mod chat;
mod dropped;
mod ink;
mod keyboard;
mod screen;
mod typed;

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Desk, Edit, Fatal, FetchError, FileStream, Letter, Lost, Platform, SendError, Shown};
use crate::model::{
    Address, Button, Chat, Clock, Features, File, Inbound, Markup, MediaKind, Message, Part,
    Sender, Setting, Span, Style, Unit, User, What, phrases,
};
use cards::Cards;
use keyboard::{Keyboard, Mode};
use screen::{Page, Screen, Sink};

/// How the terminal is set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where lines typed before are kept; made with mode 0600.
    pub history_file: PathBuf,
    /// Who sits at the terminal; the chat of the address, `local` when empty.
    pub person: String,
    /// Whether styles may be shown by ANSI codes; only a screen shows them.
    pub color: bool,
    /// How long the end of a pipe waits for answers.
    pub patience: Duration,
    /// What `~` stands for in the path of a file that is dropped.
    pub home: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            history_file: PathBuf::from("data/history"),
            person: "local".to_owned(),
            color: true,
            patience: Duration::from_secs(60),
            home: None,
        }
    }
}

/// What stands in for the process's own input and output.
pub struct Streams {
    /// Lines of people.
    pub input: Box<dyn BufRead + Send>,
    /// Takes the answers.
    pub output: Box<dyn Write + Send>,
    /// True: the output behaves like a screen of 80 × 24; false: like a pipe.
    pub live: bool,
}

/// Answers whether everything said at the terminal has been answered: no unfinished job of its
/// conversation, no unsent outbound to its address.
pub type Idle = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// The chat at the terminal.
pub struct Terminal {
    address: Address,
    person: String,
    patience: Duration,
    home: Option<PathBuf>,
    takes_files: bool,
    clock: Clock,
    features: Features,
    live: bool,
    idle: Option<Idle>,
    started: i64,
    count: AtomicU64,
    order: AtomicI64,
    keyboard: Mutex<Option<Keyboard>>,
    page: Arc<Page>,
    screen: Arc<Mutex<Screen>>,
    cards: Mutex<Cards>,
    /// Nobody can read the output any more.
    closed: CancellationToken,
}

impl Terminal {
    /// The terminal of this process: a screen if input and output are one, else a pipe.
    pub fn new(settings: Settings, clock: Clock) -> Self {
        let attached = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let (keyboard, sink, live) = match attached
            .then(|| Keyboard::editor(&settings.history_file))
            .flatten()
        {
            Some((keyboard, printer)) => (keyboard, Sink::Printer(printer), true),
            None => (
                Keyboard::Plain(Box::new(std::io::BufReader::new(std::io::stdin()))),
                Sink::Writer(Box::new(std::io::stdout())),
                false,
            ),
        };
        Self::build(settings, clock, keyboard, (sink, live))
    }

    /// The same over other streams.
    pub fn over(settings: Settings, clock: Clock, streams: Streams) -> Self {
        let Streams {
            input,
            output,
            live,
        } = streams;
        let keyboard = Keyboard::Plain(input);
        Self::build(settings, clock, keyboard, (Sink::Writer(output), live))
    }

    /// Lets the end of a pipe's input wait until `idle` says yes. Asked only after the last line is
    /// stored, every 50 ms; without it nothing is waited for.
    #[must_use]
    pub fn with_idle(mut self, idle: Idle) -> Self {
        self.idle = Some(idle);
        self
    }

    /// Takes every line for words, even the path of a file.
    #[must_use]
    pub fn with_words_only(mut self) -> Self {
        self.takes_files = false;
        self
    }

    /// Where the person sits: `terminal:main:<person>`.
    pub fn address(&self) -> &Address {
        &self.address
    }

    fn build(
        settings: Settings,
        clock: Clock,
        keyboard: Keyboard,
        (sink, live): (Sink, bool),
    ) -> Self {
        let Settings {
            history_file: _,
            person,
            color,
            patience,
            home,
        } = settings;
        // An address cannot hold a colon inside its parts.
        let person = match person.trim() {
            "" => "local".to_owned(),
            person => person.replace(':', "_"),
        };
        let page = Arc::new(Page::default());
        let started = clock.now().ms();
        Self {
            address: Address {
                platform: "terminal".into(),
                bot: "main".into(),
                chat: Chat::new(&person),
                thread: None,
            },
            person,
            patience,
            home,
            takes_files: true,
            clock,
            features: features(live),
            live,
            idle: None,
            started,
            count: AtomicU64::new(0),
            order: AtomicI64::new(0),
            keyboard: Mutex::new(Some(keyboard)),
            page: Arc::clone(&page),
            screen: Arc::new(Mutex::new(Screen::new(sink, page, live, color))),
            cards: Mutex::default(),
            closed: CancellationToken::new(),
        }
    }

    /// Writes on the screen away from the runtime's threads: a terminal that is held with Ctrl-S, or
    /// a pipe that nobody empties, must not hold up anyone else.
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Screen) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, SendError> {
        let screen = Arc::clone(&self.screen);
        let written = tokio::task::spawn_blocking(move || job(&mut locked(&screen)))
            .await
            .map_err(std::io::Error::other)
            .flatten();
        written.map_err(|error| {
            self.closed.cancel();
            SendError::NotSent(error.to_string())
        })
    }

    /// Leaves a line that is still being edited: answers to come are written straight out.
    async fn let_go(&self) {
        let written = self
            .write(|screen| {
                let mut output = std::io::stdout();
                // Bracketed paste off, and away from the prompt.
                output.write_all(b"\x1b[?2004l\r\n")?;
                output.flush()?;
                screen.redirect(Sink::Writer(Box::new(output)));
                Ok(())
            })
            .await;
        if let Err(error) = written {
            tracing::debug!(%error, "The terminal was closed before it could be tidied up");
        }
    }
}

#[async_trait]
impl Platform for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn bot(&self) -> &str {
        &self.address.bot
    }

    fn features(&self) -> &Features {
        &self.features
    }

    fn is_attended(&self) -> bool {
        true
    }

    /// Who sits here reads what is meant for them, never what waits for somebody else.
    fn reaches(&self, address: &Address) -> bool {
        *address == self.address
    }

    /// Ends with `Ok` when the person ends the chat (Ctrl-D, `/quit`, Ctrl-C twice, the end of a
    /// pipe): the app is to stop then. A second call ends at once, for there is one input only.
    async fn receive(&self, desk: Desk, stop: CancellationToken) -> Result<(), Fatal> {
        let Some(keyboard) = locked(&self.keyboard).take() else {
            return Ok(());
        };
        let edited = matches!(keyboard, Keyboard::Editor { .. });
        let mode = edited.then(Mode::saved);
        let mut messages = keyboard
            .start(Arc::clone(&self.page))
            .map_err(|error| Fatal(format!("The terminal cannot be read: {error}")))?;
        let mut kept = true;
        loop {
            let text = tokio::select! {
                () = stop.cancelled() => break,
                () = self.closed.cancelled() => break,
                text = messages.recv() => text,
            };
            let Some(text) = text else {
                if !self.live {
                    self.answered(&stop).await;
                }
                return Ok(());
            };
            let inbound = self.inbound(text);
            if !self.hand_over(&desk, inbound, &stop).await {
                kept = false;
                break;
            }
        }
        if edited {
            self.let_go().await;
        }
        drop(mode);
        if !kept && let Err(error) = self.write(|screen| screen.note(phrases::NOT_KEPT)).await {
            tracing::debug!(%error, "Nobody reads any more that the last message was not kept");
        }
        Ok(())
    }

    /// The nonce is the message's id: it is the letter's own at every attempt and never comes again.
    async fn send(&self, letter: &Letter<'_>) -> Result<Message, SendError> {
        let message = Message::new(letter.nonce);
        let (mut part, buttons) = (letter.part.clone(), letter.buttons.to_vec());
        if let Some(attached) = &letter.attached {
            let (words, path) = (part.text.trim_end(), attached.file.display().to_string());
            part.text = match attached.shown {
                Shown::Voice => phrases::voice_lies(words, &path),
                Shown::Picture => phrases::picture_lies(words, &path),
                Shown::File => phrases::file_lies(words, &path),
            };
        }
        locked(&self.cards).put(&message, &buttons);
        let shown = message.clone();
        self.write(move |screen| screen.show(&shown, &part, &buttons))
            .await?;
        Ok(message)
    }

    async fn edit(&self, edit: &Edit<'_>) -> Result<(), SendError> {
        // What is still growing would stand in a pipe again and again.
        if edit.growing && !self.live {
            return Ok(());
        }
        let message = edit.message.clone();
        let (part, buttons) = (edit.part.clone(), edit.buttons.to_vec());
        locked(&self.cards).put(&message, &buttons);
        self.write(move |screen| screen.change(&message, &part, &buttons))
            .await
    }

    async fn set_buttons(
        &self,
        _: &Address,
        message: &Message,
        buttons: &[Vec<Button>],
    ) -> Result<(), SendError> {
        locked(&self.cards).put(message, buttons);
        let (message, buttons) = (message.clone(), buttons.to_vec());
        self.write(move |screen| screen.set_buttons(&message, &buttons))
            .await
    }

    /// Shows nothing: whoever looks at a prompt sees that it is not answered yet.
    async fn typing(&self, _: &Address) -> Result<(), SendError> {
        Ok(())
    }

    /// A terminal has no memory of its own: what an earlier process printed went to a window or a
    /// pipe that this process cannot read, and whose reader may be gone with it. So a letter that
    /// was under way when that process died counts as never taken, and the person who opens the
    /// chat again sees it in the new window. Within one process nothing is doubled: what stands on
    /// the screen is found here, and [`Platform::send`] does not show it again.
    async fn find(&self, lost: &Lost<'_>) -> Result<Option<Message>, SendError> {
        let message = Message::new(lost.letter.nonce);
        let known = self.write({
            let message = message.clone();
            move |screen| Ok(screen.knows(&message))
        });
        Ok(known.await?.then_some(message))
    }

    async fn fetch(&self, file: &File, limit: u64) -> Result<FileStream, FetchError> {
        dropped::fetch(&file.handle, limit).await
    }

    async fn check(&self) -> Result<String, Fatal> {
        let way = if self.live {
            "on a screen"
        } else {
            "in a pipe"
        };
        Ok(format!("The terminal talks with {} {way}.", self.person))
    }
}

/// A screen takes a million characters, which is far more than anyone reads; what cannot be changed
/// (a pipe) is not previewed.
fn features(live: bool) -> Features {
    Features {
        max_text: 1_000_000,
        max_caption: 1_000_000,
        unit: Unit::Chars,
        markup: Markup::Spans,
        edits: live,
        free_edits: true,
        typing: false,
        deletes: false,
        forms: false,
        buttons_per_row: 9,
        takes_files: false,
        lasts: false,
        max_download: u64::MAX,
        pace: None,
    }
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
