//! Discord: the gateway and REST on one side, our nouns on the other.
//!
//! The wire's nouns and the builders of what we send are serenity's; the two transports are ours.
//! *REST*, because the library either ignores the configured base (limiter on) or hides
//! `Retry-After` (limiter off). *The gateway*, because the library's connection loses what the
//! platform would have kept: it begins a new session where it could resume (an unanswered heartbeat,
//! a reconnection that fails), it cannot take up the session of the last process, it runs handlers
//! out of order, it cannot tell the close codes 4010 to 4012 from a passing trouble, and when the
//! configured base does not answer it turns to the public gateway without a word.
//!
//! Here every dispatch goes through one ordered queue (`pump`); how far a session is *stored*
//! is noted, so that the next process resumes it and the platform replays the rest, button presses
//! included. Only when a session is really gone is a new one begun, noted before anything is taken from
//! it, and what was said meanwhile read up over REST (`catchup`). Interactions are acknowledged the
//! moment they arrive, before the store is asked. It never retries a send and never waits for a pace.

mod acknowledge;
mod catchup;
mod clerk;
mod ending;
mod files;
mod find;
mod gateway;
mod limits;
mod login;
mod outgoing;
mod pump;
mod receive;
mod rest;
mod settings;
mod wire;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use self::acknowledge::Underway;
use self::catchup::Gaps;
use self::login::Closed;
use self::outgoing::Command;
use self::rest::{Rest, Route, Trouble};
pub use self::settings::{Settings, Shards};
use self::wire::NAME;
use crate::model::{Address, Button, Clock, Features, File, Markup, Message, Pace, Unit};
use crate::platform::{
    Desk, Edit, Fatal, FetchError, FileStream, Letter, Lost, Platform, SendError,
};

/// Most buttons side by side, from the reference.
const BUTTONS_PER_ROW: usize = 5;

/// 2,000 characters per message and five messages in five seconds per channel are the platform's;
/// 25 MB is the most that a person without a subscription could ever upload, and what we take.
const FEATURES: Features = Features {
    max_text: 2_000,
    max_caption: 2_000,
    unit: Unit::Chars,
    markup: Markup::Markdown,
    edits: true,
    free_edits: false,
    typing: true,
    deletes: false,
    forms: true,
    buttons_per_row: BUTTONS_PER_ROW,
    takes_files: true,
    lasts: true,
    max_download: 25 * 1024 * 1024,
    pace: Some(Pace {
        chat_per_second: 1,
        chat_burst: 5,
        group_per_minute: 0,
        total_per_second: 50,
    }),
};

/// One bot account on Discord.
pub struct Discord {
    core: Arc<Core>,
}

/// What the tasks of one account share.
struct Core {
    settings: Settings,
    clock: Clock,
    commands: Vec<Command>,
    answer: Arc<HashSet<u64>>,
    rest: Rest,
    /// Our own user id; 0 until the platform told.
    me: AtomicU64,
    /// Whether every shard is ready.
    connected: AtomicBool,
    gaps: Gaps,
    underway: Underway,
}

#[derive(Deserialize)]
struct Account {
    id: String,
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct Application {
    #[serde(default)]
    flags: u64,
}

/// Flags of an application that may read message content, in full or while in few guilds.
const MAY_READ_CONTENT: u64 = 1 << 18 | 1 << 19;

impl Discord {
    /// Checks the settings; asks nobody. `commands` are names without a slash, and what each does.
    pub fn new(
        settings: Settings,
        clock: Clock,
        commands: Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        let base = settings.check()?;
        let rest = Rest::new(base, settings.token.trim())?;
        let commands = commands
            .iter()
            .map(|(name, about)| Command::new(name, about))
            .collect();
        let answer = settings
            .answer_channels
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect();
        Ok(Self {
            core: Arc::new(Core {
                settings,
                clock,
                commands,
                answer: Arc::new(answer),
                rest,
                me: AtomicU64::new(0),
                connected: AtomicBool::new(false),
                gaps: Gaps::default(),
                underway: Underway::default(),
            }),
        })
    }
}

impl Core {
    /// Our own user id, asked for when no session has told it yet.
    async fn myself(&self) -> Result<u64, SendError> {
        match self.me.load(Ordering::Relaxed) {
            0 => {
                let account: Account = self.rest.call(Route::myself(), None).await?;
                let me = outgoing::number(&account.id)?;
                self.me.store(me, Ordering::Relaxed);
                Ok(me)
            }
            me => Ok(me),
        }
    }

    async fn check(&self) -> Result<String, Fatal> {
        let fatal = |trouble: Trouble| {
            Fatal(match trouble {
                Trouble::Refused { status: 401, .. } => {
                    "Discord refused `discord.token`; reset the bot's token in the developer portal and set it"
                        .to_owned()
                }
                trouble => format!("Discord at `{}`: {trouble}", self.settings.api_url),
            })
        };
        let account: Account = self.rest.call(Route::myself(), None).await.map_err(fatal)?;
        match self.gateway().await {
            Ok(_) | Err(Closed::Stopped) => {}
            Err(Closed::Fatal(reason)) => return Err(reason),
            Err(Closed::Later(reason)) => {
                return Err(Fatal(format!("Discord names no gateway: {reason}")));
            }
        }
        let application = self
            .rest
            .call::<Application>(Route::application(), None)
            .await;
        if self.settings.message_content
            && application.is_ok_and(|application| application.flags & MAY_READ_CONTENT == 0)
        {
            return Err(Fatal(
                "the message content intent is not allowed for this bot; enable \"Message Content Intent\" in the developer portal or set `discord.message_content = false`"
                    .to_owned(),
            ));
        }
        Ok(format!(
            "signed in to Discord as {} ({})",
            account.username, account.id
        ))
    }
}

/// Counts what came in and cannot be read, under a name that cannot flood the metrics.
fn skipped(kind: &str) {
    let plain = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let kind: String = kind
        .chars()
        .filter(|&letter| plain(letter))
        .take(64)
        .collect();
    tracing::debug!(
        discord.event = kind,
        "Skipped an event that means nothing to us"
    );
    metrics::counter!("toney_updates_skipped_total", "platform" => NAME, "kind" => kind)
        .increment(1);
}

#[async_trait]
impl Platform for Discord {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bot(&self) -> &str {
        &self.core.settings.bot
    }

    fn features(&self) -> &Features {
        &FEATURES
    }

    fn is_connected(&self) -> bool {
        self.core.connected.load(Ordering::Relaxed)
    }

    async fn receive(&self, desk: Desk, stop: CancellationToken) -> Result<(), Fatal> {
        self.core.receive(desk, stop).await
    }

    async fn send(&self, letter: &Letter<'_>) -> Result<Message, SendError> {
        self.core.send(letter).await
    }

    async fn edit(&self, edit: &Edit<'_>) -> Result<(), SendError> {
        self.core.edit(edit).await
    }

    async fn set_buttons(
        &self,
        address: &Address,
        message: &Message,
        buttons: &[Vec<Button>],
    ) -> Result<(), SendError> {
        let body = outgoing::rebuttoned(buttons)?;
        self.core.change(address, message, &body).await
    }

    async fn typing(&self, address: &Address) -> Result<(), SendError> {
        self.core.typing(address).await
    }

    async fn find(&self, lost: &Lost<'_>) -> Result<Option<Message>, SendError> {
        self.core.find(lost).await
    }

    async fn fetch(&self, file: &File, limit: u64) -> Result<FileStream, FetchError> {
        self.core.fetch(file, limit).await
    }

    async fn check(&self) -> Result<String, Fatal> {
        self.core.check().await
    }
}
