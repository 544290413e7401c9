//! The terminal adapter over streams that the test holds: what is typed arrives as `Inbound`, what
//! is sent stands in the output.

use std::io::{self, Cursor, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use toney::model::{Button, Clock, Ids, Inbound, Message, OutboundId, Part, Setting, Time, What};
use toney::platform::terminal::{Settings, Streams, Terminal};
use toney::platform::{Delivery, Desk, Edit, Inbox, Letter, Lost, NoCashier, Platform, SendError};

use crate::world::NoNotes;

/// No single step of these stories takes longer.
const SOON: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An output whose reader went away.
struct Torn;

impl Write for Torn {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn clock() -> Clock {
    Clock::manual(Time::from_ms(5_000))
}

fn settings() -> Settings {
    Settings {
        person: "ann".to_owned(),
        ..Settings::default()
    }
}

fn streams(input: &str, output: impl Write + Send + 'static, live: bool) -> Streams {
    Streams {
        input: Box::new(Cursor::new(input.as_bytes().to_vec())),
        output: Box::new(output),
        live,
    }
}

fn desk() -> (Desk, mpsc::Receiver<Delivery>) {
    let (inbox, deliveries) = Inbox::new(16);
    let notes = Arc::new(NoNotes);
    let cashier = Arc::new(NoCashier);
    let desk = Desk {
        inbox,
        notes,
        cashier,
    };
    (desk, deliveries)
}

/// Runs a chat to its end; `each` sees every message once it is stored.
async fn chat(terminal: &Terminal, mut each: impl AsyncFnMut(Inbound)) {
    let (desk, mut deliveries) = desk();
    let store = async {
        while let Some(Delivery { items, stored }) = deliveries.recv().await {
            stored.send(true).unwrap();
            for item in items {
                each(item).await;
            }
        }
    };
    let talk = async {
        terminal
            .receive(desk, CancellationToken::new())
            .await
            .unwrap();
    };
    tokio::time::timeout(SOON, async { tokio::join!(talk, store) })
        .await
        .unwrap();
}

/// Sends one letter; `ids` gives it its nonce.
async fn answer(terminal: &Terminal, ids: &Ids, text: &str, data: &[&str]) -> Message {
    let id = OutboundId::new(ids);
    let buttons = buttons(data);
    let letter = Letter {
        id,
        nonce: &id.nonce(0),
        address: terminal.address(),
        part: &part(text),
        buttons: &buttons,
        reply_to: None,
        interaction: None,
        attached: None,
    };
    terminal.send(&letter).await.unwrap()
}

fn part(text: &str) -> Part {
    Part {
        text: text.to_owned(),
        spans: Vec::new(),
    }
}

fn buttons(data: &[&str]) -> Vec<Vec<Button>> {
    let button = |data: &&str| Button::new(data.to_uppercase(), *data);
    vec![data.iter().map(button).collect()]
}

fn text(text: &str) -> What {
    What::Text {
        text: text.to_owned(),
    }
}

#[tokio::test]
async fn a_pipe_is_read_line_by_line() {
    let input = "hello\nmany \\\nlines\n\n/Help me\n1\n";
    let terminal = Terminal::over(settings(), clock(), streams(input, Paper::default(), false));
    let mut came = Vec::new();
    chat(&terminal, async |inbound| came.push(inbound)).await;

    let what: Vec<What> = came.iter().map(|inbound| inbound.what.clone()).collect();
    let help = What::Command {
        name: "help".to_owned(),
        args: "me".to_owned(),
    };
    assert_eq!(what, [text("hello"), text("many \nlines"), help, text("1")]);
    let keys: Vec<&str> = came.iter().map(|inbound| inbound.key.as_str()).collect();
    let expected = [1, 2, 3, 4].map(|n| format!("terminal:main:5000-{n}"));
    assert_eq!(keys, expected);
    assert!(came.windows(2).all(|pair| pair[0].order < pair[1].order));
    for inbound in &came {
        assert_eq!(inbound.address.to_string(), "terminal:main:ann");
        assert_eq!(inbound.sender.user.as_str(), "ann");
        assert_eq!(inbound.setting, Setting::Direct);
        assert!(inbound.addressed);
    }
    assert!(!terminal.features().edits);
}

#[tokio::test]
async fn the_end_of_a_pipe_waits_for_the_answers() {
    let paper = Paper::default();
    let unanswered = Arc::new(AtomicUsize::new(0));
    let asked = Arc::new(AtomicUsize::new(0));
    let idle = {
        let (unanswered, asked) = (Arc::clone(&unanswered), Arc::clone(&asked));
        Arc::new(move || {
            asked.fetch_add(1, Ordering::SeqCst);
            let idle = unanswered.load(Ordering::SeqCst) == 0;
            async move { idle }.boxed()
        })
    };
    let streams = streams("one\ntwo\n", paper.clone(), false);
    let terminal = Arc::new(Terminal::over(settings(), clock(), streams).with_idle(idle));
    let ids = Ids::new(clock(), Some(1));
    let (desk, mut deliveries) = desk();
    let talk = terminal.receive(desk, CancellationToken::new());
    let work = async {
        for text in ["One.", "Two."] {
            unanswered.fetch_add(1, Ordering::SeqCst);
            let delivery = deliveries.recv().await.unwrap();
            delivery.stored.send(true).unwrap();
            if text == "Two." {
                // The answers come only after the end of the input has been noticed.
                while asked.load(Ordering::SeqCst) == 0 {
                    tokio::task::yield_now().await;
                }
                answer(&terminal, &ids, "One.", &[]).await;
                answer(&terminal, &ids, "Two.", &[]).await;
                unanswered.store(0, Ordering::SeqCst);
            }
        }
    };
    let (talk, ()) = tokio::time::timeout(SOON, async { tokio::join!(talk, work) })
        .await
        .unwrap();
    talk.unwrap();
    assert_eq!(paper.text(), "One.\nTwo.\n");
}

#[tokio::test]
async fn patience_ends() {
    let never = Arc::new(|| async { false }.boxed());
    let settings = Settings {
        patience: Duration::from_millis(1),
        ..settings()
    };
    let streams = streams("one\n", Paper::default(), false);
    let terminal = Terminal::over(settings, clock(), streams).with_idle(never);
    chat(&terminal, async |_| {}).await;
}

#[tokio::test]
async fn a_number_presses_the_newest_card_once() {
    let paper = Paper::default();
    let streams = streams("go\n2\n2\n", paper.clone(), true);
    let terminal = Terminal::over(settings(), clock(), streams);
    let ids = Ids::new(clock(), Some(1));
    answer(&terminal, &ids, "Older", &["a:1", "b:1"]).await;
    let card = answer(&terminal, &ids, "Sure?", &["yes:2", "no:2"]).await;
    let mut came = Vec::new();
    chat(&terminal, async |inbound| came.push(inbound.what)).await;
    let press = What::Press {
        data: "no:2".to_owned(),
        values: Vec::new(),
        card: Some(card),
    };
    assert_eq!(came, [text("go"), press, text("2")]);
    assert_eq!(
        paper.text(),
        "\nOlder\n  [1] A:1  [2] B:1\n\nSure?\n  [1] YES:2  [2] NO:2\n"
            .replace("[1]", "\u{1b}[0;1m[1]\u{1b}[0m")
            .replace("[2]", "\u{1b}[0;1m[2]\u{1b}[0m")
    );
}

#[tokio::test]
async fn a_message_is_handed_over_until_it_is_stored() {
    let terminal = Terminal::over(
        settings(),
        clock(),
        streams("one\n", Paper::default(), false),
    );
    let (desk, mut deliveries) = desk();
    let refused_once = AtomicBool::new(false);
    let store = async {
        let mut keys = Vec::new();
        while let Some(Delivery { items, stored }) = deliveries.recv().await {
            keys.extend(items.into_iter().map(|item| item.key));
            stored
                .send(refused_once.swap(true, Ordering::SeqCst))
                .unwrap();
        }
        keys
    };
    let talk = terminal.receive(desk, CancellationToken::new());
    let (talk, keys) = tokio::time::timeout(SOON, async { tokio::join!(talk, store) })
        .await
        .unwrap();
    talk.unwrap();
    assert_eq!(keys, ["terminal:main:5000-1", "terminal:main:5000-1"]);
}

#[tokio::test]
async fn a_letter_tried_again_stands_once() {
    let paper = Paper::default();
    let terminal = Terminal::over(settings(), clock(), streams("", paper.clone(), true));
    let id = OutboundId::new(&Ids::new(clock(), Some(1)));
    let letter = Letter {
        id,
        nonce: &id.nonce(0),
        address: terminal.address(),
        part: &part("Hello\u{1b}[2J"),
        buttons: &[],
        reply_to: None,
        interaction: None,
        attached: None,
    };
    let lost = Lost {
        letter,
        left_at: Time::from_ms(1),
        newest: None,
        after: None,
        taken: &[],
    };
    assert_eq!(terminal.find(&lost).await, Ok(None));
    let message = terminal.send(&letter).await.unwrap();
    assert_eq!(terminal.find(&lost).await, Ok(Some(message.clone())));
    assert_eq!(terminal.send(&letter).await, Ok(message.clone()));
    assert_eq!(paper.text(), "\nHello[2J\n");

    let edit = Edit {
        address: terminal.address(),
        message: &message,
        part: &part("Hello again"),
        buttons: &[],
        growing: true,
        interaction: None,
    };
    terminal.edit(&edit).await.unwrap();
    terminal.edit(&edit).await.unwrap();
    assert_eq!(paper.text(), "\nHello[2J\n\u{1b}[1A\r\u{1b}[JHello again\n");
}

#[tokio::test]
async fn a_chat_ends_when_nobody_reads_it() {
    let (silent, _kept) = io::pipe().unwrap();
    let streams = Streams {
        input: Box::new(io::BufReader::new(silent)),
        output: Box::new(Torn),
        live: false,
    };
    let terminal = Terminal::over(settings(), clock(), streams);
    let (desk, _deliveries) = desk();
    let talk = terminal.receive(desk, CancellationToken::new());
    let send = async {
        let id = OutboundId::new(&Ids::new(clock(), Some(1)));
        let letter = Letter {
            id,
            nonce: &id.nonce(0),
            address: terminal.address(),
            part: &part("Hello"),
            buttons: &[],
            reply_to: None,
            interaction: None,
            attached: None,
        };
        terminal.send(&letter).await
    };
    let (talk, sent) = tokio::time::timeout(SOON, async { tokio::join!(talk, send) })
        .await
        .unwrap();
    talk.unwrap();
    assert!(matches!(sent, Err(SendError::NotSent(_))));
}

#[tokio::test]
async fn what_could_not_be_kept_is_said() {
    let paper = Paper::default();
    let terminal = Terminal::over(settings(), clock(), streams("one\n", paper.clone(), false));
    let (desk, mut deliveries) = desk();
    let stop = CancellationToken::new();
    let talk = terminal.receive(desk, stop.clone());
    let store = async {
        let delivery = deliveries.recv().await.unwrap();
        stop.cancel();
        delivery
    };
    let (talk, _never_answered) = tokio::time::timeout(SOON, async { tokio::join!(talk, store) })
        .await
        .unwrap();
    talk.unwrap();
    assert!(
        paper
            .text()
            .starts_with("Your last message could not be stored.")
    );
}

#[tokio::test]
async fn a_stop_ends_a_silent_chat() {
    let (silent, _kept) = io::pipe().unwrap();
    let streams = Streams {
        input: Box::new(io::BufReader::new(silent)),
        output: Box::new(Paper::default()),
        live: true,
    };
    let terminal = Terminal::over(settings(), clock(), streams);
    let (desk, _deliveries) = desk();
    let stop = CancellationToken::new();
    let talk = terminal.receive(desk, stop.clone());
    let (talk, ()) =
        tokio::time::timeout(SOON, async { tokio::join!(talk, async { stop.cancel() }) })
            .await
            .unwrap();
    talk.unwrap();
    assert!(terminal.features().edits);
    assert!(terminal.check().await.unwrap().contains("ann"));
}
