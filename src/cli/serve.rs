//! `toney serve`, `toney chat` and `toney ask`: the gateway, with or without somebody in front of it.

use std::convert::Infallible;
use std::io::{Cursor, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::app::{self, Ended, Start};
use crate::config::Config;
use crate::http::Readiness;
use crate::model::Clock;
use crate::model::phrases::INTRODUCTION;
use crate::platform::terminal::{self, Streams};

use super::Exit;
use super::invite::{first_invitation, only_artist};
use super::queues::open;
use super::telemetry::{self, Output};

/// Whether the chat at the terminal is opened.
pub(super) enum Terminal {
    /// Yes, and who sits there.
    Open(Option<String>),
    /// Only when nothing else is configured and somebody sits there.
    IfAlone,
}

/// There is nobody to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no platform is configured: set TELEGRAM_BOT_TOKEN or DISCORD_BOT_TOKEN, \
     or talk at the terminal with `toney chat`"
)]
pub(super) struct NothingToServe;

/// Section `[terminal]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    history_file: PathBuf,
    person: String,
    color: bool,
    patience_seconds: u64,
}

/// Said above the chat at the terminal; like what follows it fits 80 columns.
const GREETING: &str = "Toney, at your terminal. Write, and it answers. /help helps, /quit ends.\n\
    Drop a file (PDF, Word, web page, CSV, Markdown, text) here, and it is read.\n";
/// Said while no model is configured.
const HOW_TO_ADD_A_MODEL: &str =
    "OPENAI_API_KEY, or Ollama on this machine, gives it a voice (see .env.example).\n";
/// Said while no platform is configured.
const HOW_TO_ADD_A_PLATFORM: &str =
    "TELEGRAM_BOT_TOKEN and DISCORD_BOT_TOKEN connect it to Telegram and Discord.\n";
/// Said when the end of the chat takes longer than a moment.
const ENDING: &str = "Finishing what is under way; what is missing then is shown next time.\n\
    Ctrl-C ends at once.\n";
/// An end that takes no longer needs no words.
const MOMENT: Duration = Duration::from_millis(300);

pub(super) async fn serve(config: Config, terminal: Terminal) -> Result<Exit> {
    let alone = !config.has("telegram.token") && !config.has("discord.token");
    let person = match terminal {
        Terminal::Open(person) => Some(person),
        Terminal::IfAlone if alone && std::io::stdin().is_terminal() => Some(None),
        Terminal::IfAlone if alone => return Err(NothingToServe.into()),
        Terminal::IfAlone => None,
    };
    let config = match &person {
        Some(Some(person)) => config.with("terminal.person", person)?,
        Some(None) | None => config,
    };
    // A key that is wrong, or cannot be kept, is said now and not when the first token is entrusted.
    config.secret_key()?;
    let settings: Settings = config.section("terminal")?;
    let log = match &person {
        // A line of the log would tear the conversation apart.
        Some(_) if std::io::stdout().is_terminal() => {
            Output::File(config.data()?.dir.join("toney.log"))
        }
        Some(_) | None => Output::Stderr,
    };
    if person.is_some() && std::io::stdout().is_terminal() {
        let mut out = std::io::stdout();
        out.write_all(GREETING.as_bytes())?;
        if !config.has("providers") {
            out.write_all(HOW_TO_ADD_A_MODEL.as_bytes())?;
        }
        if alone {
            out.write_all(HOW_TO_ADD_A_PLATFORM.as_bytes())?;
        }
    }
    let open = person.is_some();
    if open {
        // Whoever sits here may drop papers, which belong to somebody. A database that is away is waited for later.
        if let Err(error) = have_an_artist(&config).await {
            tracing::debug!(error = format!("{error:#}"), "Nobody is looked after yet");
        }
    }
    let make = move || -> Option<MakeTerminal> {
        open.then(|| {
            let settings = settings.for_adapter();
            Box::new(move |clock: Clock, idle| {
                terminal::Terminal::new(settings, clock).with_idle(idle)
            }) as MakeTerminal
        })
    };
    gateway(config, make, (log, false)).await
}

async fn have_an_artist(config: &Config) -> Result<()> {
    let store = open(config).await?;
    if store.artists().await?.is_empty() {
        only_artist(config, &store).await?;
    }
    Ok(())
}

type MakeTerminal = Box<dyn FnOnce(Clock, app::Idle) -> terminal::Terminal + Send>;

/// One question, one answer, through the same door as everybody's.
pub(super) async fn ask(config: Config, text: String, json: bool) -> Result<Exit> {
    let person = format!("ask-{}", Clock::System.now().ms());
    let config = config.without("telegram.token").without("discord.token");
    let config = config
        .with("terminal.person", &person)?
        .with("http.addr", "127.0.0.1:0")?;
    let settings: Settings = config.section("terminal")?;
    let heard = Heard::default();
    let output = heard.clone();
    let question = format!("{}\n", text.replace('\n', "\\\n"));
    let make = move || -> Option<MakeTerminal> {
        let settings = settings.for_adapter();
        let streams = Streams {
            input: Box::new(Cursor::new(question.clone().into_bytes())),
            output: Box::new(output.clone()),
            live: false,
        };
        Some(Box::new(move |clock, idle| {
            terminal::Terminal::over(settings, clock, streams)
                .with_idle(idle)
                .with_words_only()
        }))
    };
    let exit = gateway(config, make, (Output::Stderr, true)).await?;
    let answer = heard.text();
    // Whoever asks one thing on the command line need not be told each time whom they ask.
    let answer = answer.trim();
    let answer = answer.strip_prefix(INTRODUCTION).unwrap_or(answer).trim();
    if answer.is_empty() {
        anyhow::bail!("no answer came in time");
    }
    let line = if json {
        serde_json::json!({"question": text, "answer": answer}).to_string()
    } else {
        answer.to_owned()
    };
    writeln!(std::io::stdout(), "{line}")?;
    Ok(exit)
}

/// Runs the gateway until it is told to end, however often another process takes over.
async fn gateway(
    config: Config,
    terminal: impl Fn() -> Option<MakeTerminal>,
    (log, own_work_only): (Output, bool),
) -> Result<Exit> {
    let telemetry = telemetry::start(&config, &log)?;
    let stop = CancellationToken::new();
    let signals = tokio_util::task::TaskTracker::new();
    signals.spawn(stop_on_signals(stop.clone()));
    let result = loop {
        let start = Start {
            config: config.clone(),
            clock: Clock::System,
            seed: None,
            metrics: telemetry.metrics.clone(),
            terminal: terminal(),
            readiness: Readiness::default(),
            own_work_only,
        };
        let readiness = start.readiness.clone();
        let ended = tokio::select! {
            ended = Box::pin(app::run(start, stop.clone())) => ended,
            never = tell_of_the_end(readiness.clone(), &log) => match never {},
            never = invite(&config, readiness) => match never {},
        };
        match ended {
            Ok(Ended::Fenced) => {
                tracing::warn!(
                    "Another process took over while this one was held up; beginning anew"
                );
            }
            other => break other,
        }
    };
    telemetry.shut_down().await;
    match result? {
        Ended::Told | Ended::Fenced => Ok(Exit::Well),
        Ended::Hopeless(sentences) => anyhow::bail!("{}", sentences.join(" ")),
    }
}

/// Tells whoever started an installation that nobody has joined yet how its artist does.
async fn invite(config: &Config, readiness: Readiness) -> Infallible {
    if config.has("telegram.token") || config.has("discord.token") {
        while !readiness.is_ready() {
            tokio::time::sleep(MOMENT).await;
        }
        if let Ok(Some(invitation)) = first_invitation(config).await {
            drop(std::io::stdout().write_all(invitation.as_bytes()));
        }
    }
    std::future::pending().await
}

/// Tells whoever sits in front of a screen why they do not have it back yet.
async fn tell_of_the_end(readiness: Readiness, log: &Output) -> Infallible {
    readiness.leaving().await;
    tokio::time::sleep(MOMENT).await;
    // The log goes into a file exactly where somebody looks at the screen.
    if let Output::File(_) = log {
        drop(std::io::stdout().write_all(ENDING.as_bytes()));
    }
    std::future::pending().await
}

/// The first signal lets everything finish, the second ends it at once.
async fn stop_on_signals(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return;
    };
    loop {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        if stop.is_cancelled() {
            std::process::exit(Exit::Failed as i32);
        }
        stop.cancel();
    }
}

impl Settings {
    fn for_adapter(&self) -> terminal::Settings {
        let Self {
            history_file,
            person,
            color,
            patience_seconds,
        } = self.clone();
        terminal::Settings {
            history_file,
            person,
            color,
            patience: Duration::from_secs(patience_seconds),
            home: std::env::home_dir(),
        }
    }
}

/// Keeps what would have been printed.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
