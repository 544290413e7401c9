//! Telegram by the Bot API.
//!
//! Requests are the library's (`teloxide-core`), the transport is ours: the library sleeps ten seconds
//! on every 5xx and hides what we must know to never double a message, namely whether a request left.
//! What comes in is read into our own lean shapes for the reason given in `incoming`. The bot's token
//! never stands in an error or a log.
//!
//! Start with [`Telegram`]; `receive` holds the loop of polls, `reading` turns an update into an
//! `Inbound`, `outgoing` a letter into a request, and `probe` finds a letter whose fate is not known.

mod call;
mod fetch;
mod health;
mod incoming;
mod outgoing;
mod pay;
mod probe;
mod reading;
mod receive;
mod settings;
mod setup;
mod webhook;
mod words;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use serde::de::IgnoredAny;
use teloxide_core::payloads::{AnswerCallbackQuery, AnswerPreCheckoutQuery, GetMe};
use teloxide_core::types::{BotCommand, CallbackQueryId, PreCheckoutQueryId};
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use self::call::{Api, CallError};
use self::health::Health;
use self::outgoing::{Sent, Waits};
use self::probe::Seen;
use self::reading::{Asking, Me, Reader, Reading};
pub use self::settings::Settings;
use crate::model::{
    Address, Button, Clock, Features, File, Ids, Markup, Message, Pace, Unit, phrases,
};
use crate::platform::{
    Desk, Edit, Fatal, FetchError, FileStream, Letter, Lost, Payments, Platform, SendError, Webhook,
};

/// The platform's name in addresses.
const NAME: &str = "telegram";

/// The kinds of updates that we ask for.
const ALLOWED: &[&str] = &[
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "pre_checkout_query",
];

/// Largest file that `getFile` gives, by the Bot API.
const MAX_DOWNLOAD: u64 = 20 * 1024 * 1024;

/// So long the next updates wait for the quick answers to the last ones.
const ANSWERED: Duration = Duration::from_secs(2);

/// So long a search waits at most for what came while nobody was here to be read.
const BACKLOG: Duration = Duration::from_secs(10);

/// So long the last quick answers may take when we stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// Text 4096 UTF-16 units, 20 MB by `getFile`: Bot API. Pace: Bot FAQ (1 message a second in a chat
/// with short bursts, 20 a minute in a group, about 30 a second in all).
const FEATURES: Features = Features {
    max_text: 4096,
    max_caption: 1024,
    unit: Unit::Utf16,
    markup: Markup::Spans,
    edits: true,
    free_edits: false,
    typing: true,
    deletes: true,
    forms: false,
    buttons_per_row: 8,
    takes_files: true,
    lasts: true,
    max_download: MAX_DOWNLOAD,
    pace: Some(Pace {
        chat_per_second: 1,
        chat_burst: 3,
        group_per_minute: 20,
        total_per_second: 30,
    }),
};

/// One bot of Telegram.
pub struct Telegram {
    settings: Settings,
    commands: Vec<BotCommand>,
    /// Whether updates arrive at the moment.
    connected: Arc<AtomicBool>,
    webhook: Option<Url>,
    secret: String,
    clock: Clock,
    ids: Ids,
    api: Api,
    me: OnceCell<Me>,
    seen: Mutex<Seen>,
    waits: Mutex<Waits>,
    /// Whether all that came before we did is read.
    caught_up: watch::Sender<bool>,
    tasks: TaskTracker,
}

impl Telegram {
    /// `commands` are names without the slash, each with what it does. Fails on a wrong setting, with a
    /// sentence that names it; connects to nothing yet.
    pub fn new(
        settings: Settings,
        commands: Vec<(String, String)>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        settings.check()?;
        let secret = settings.webhook_secret.clone();
        Ok(Self {
            connected: Arc::default(),
            api: Api::new(settings.api()?, settings.token.clone())?,
            webhook: settings.webhook()?,
            secret: secret.unwrap_or_else(|| webhook::secret_from(&settings.token)),
            commands: commands
                .into_iter()
                .map(|(name, about)| BotCommand::new(name, about))
                .collect(),
            ids: Ids::new(clock.clone(), None),
            clock,
            me: OnceCell::new(),
            seen: Mutex::default(),
            waits: Mutex::default(),
            caught_up: watch::Sender::new(false),
            tasks: TaskTracker::new(),
            settings,
        })
    }

    fn api(&self) -> &Api {
        &self.api
    }

    fn account(&self) -> &str {
        &self.settings.bot
    }

    fn secret(&self) -> &str {
        &self.secret
    }

    fn commands(&self) -> Vec<BotCommand> {
        self.commands.clone()
    }

    fn poll_timeout(&self) -> u64 {
        self.settings.poll_timeout
    }

    /// Seconds since 1970, as Telegram counts.
    fn now_s(&self) -> i64 {
        self.clock.now().ms() / 1000
    }

    fn health(&self) -> Health {
        Health::new(self.account(), self.ids.clone(), self.connected.clone())
    }

    fn reader(&self, me: Me) -> Reader {
        Reader {
            bot: self.account().into(),
            platform: NAME.into(),
            me,
            clock: self.clock.clone(),
        }
    }

    async fn me(&self) -> Result<Me, CallError> {
        let me = self
            .me
            .get_or_try_init(|| async { self.api.call(&GetMe::new()).await });
        me.await.cloned()
    }

    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers the ids that a reading shows.
    fn saw(&self, reading: &Reading) {
        if let Some(id) = reading.id {
            self.seen(|seen| seen.note(id));
        }
    }

    /// Does something beside; what is running when we stop gets a moment to end.
    fn beside(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.tasks.spawn(work)
    }

    /// Gives the quick answers that Telegram waits for, and waits for them a while: an update that is
    /// confirmed sooner would not come again to a process that makes up for them. That one fails is
    /// of no weight, since the press is stored; one that is slow goes on beside.
    async fn reply(&self, presses: Vec<String>, begun: Vec<JoinHandle<()>>) {
        let given = presses.into_iter().map(|press| self.give(press));
        let _ = timeout(ANSWERED, join_all(given.chain(begun))).await;
    }

    fn give(&self, press: String) -> JoinHandle<()> {
        let api = self.api.clone();
        self.beside(async move {
            let request = AnswerCallbackQuery::new(CallbackQueryId(press));
            if let Err(error) = api.call::<_, IgnoredAny>(&request).await {
                tracing::debug!(cause = %error, "A quick answer to Telegram was not taken.");
            }
        })
    }

    /// Answers somebody who is about to pay, beside everything else: Telegram breaks the payment off after ten seconds,
    /// however busy we are. Nothing of it has to be stored, since money that comes is told by itself.
    fn check_out(&self, desk: &Desk, asking: Asking) -> JoinHandle<()> {
        let (api, cashier) = (self.api.clone(), desk.cashier.clone());
        let (clock, began) = (self.clock.clone(), self.clock.now());
        self.beside(async move {
            let Asking { id, checkout } = asking;
            let verdict = match &checkout {
                Some(checkout) => cashier.approve(checkout).await,
                None => Err(phrases::NO_PAYMENTS.to_owned()),
            };
            let id = PreCheckoutQueryId(id);
            let mut request = AnswerPreCheckoutQuery::new(id, verdict.is_ok());
            request.error_message = verdict.err();
            let result = match request.error_message {
                Some(_) => "refused",
                None => "approved",
            };
            if let Err(error) = api.call::<_, IgnoredAny>(&request).await {
                tracing::debug!(cause = %error, "Telegram did not take the answer to a payment.");
            }
            metrics::counter!("toney_checkouts_total", "result" => result).increment(1);
            metrics::histogram!("toney_checkout_seconds")
                .record(clock.now().since(began).as_secs_f64());
        })
    }

    /// What a failed call means for what was to be said there.
    fn sort(&self, address: &Address, error: CallError) -> SendError {
        match outgoing::sort(error) {
            SendError::RateLimited { after, all: _ } => {
                let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
                let all = waits.note(self.clock.now().ms(), address.chat.as_str());
                SendError::RateLimited { after, all }
            }
            sorted => sorted,
        }
    }

    /// Sends a change of a standing message; that it says this already is success.
    async fn change<P>(&self, address: &Address, request: &P) -> Result<(), SendError>
    where
        P: teloxide_core::requests::Payload + serde::Serialize + Sync,
    {
        match self.api.call::<_, IgnoredAny>(request).await {
            Ok(IgnoredAny) => Ok(()),
            Err(error) if outgoing::is_unchanged(&error) => Ok(()),
            Err(error) => Err(self.sort(address, error)),
        }
    }
}

#[async_trait]
impl Platform for Telegram {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bot(&self) -> &str {
        self.account()
    }

    fn features(&self) -> &Features {
        &FEATURES
    }

    fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    fn id_scope(&self, address: &Address) -> String {
        match address.chat.number() {
            Some(chat) if counts_per_bot(chat) => address.account(),
            Some(_) | None => address.whole_chat().to_string(),
        }
    }

    /// People's own chats have no limit by the minute.
    fn pace(&self, address: &Address) -> Option<Pace> {
        let group = address.chat.number::<i64>().is_none_or(|chat| chat < 0);
        FEATURES.pace.map(|pace| Pace {
            group_per_minute: if group { pace.group_per_minute } else { 0 },
            ..pace
        })
    }

    async fn receive(&self, desk: Desk, stop: CancellationToken) -> Result<(), Fatal> {
        let ended = match &self.webhook {
            Some(url) => webhook::keep(self, &desk, url, &stop).await,
            None => receive::poll(self, &desk, &stop).await,
        };
        self.tasks.close();
        // Whoever does not know yet that their press arrived learns it from what becomes of it.
        let _ = timeout(FAREWELL, self.tasks.wait()).await;
        ended
    }

    async fn send(&self, letter: &Letter<'_>) -> Result<Message, SendError> {
        let sent = match &letter.attached {
            None => self.api.call(&outgoing::message(letter)?).await,
            Some(attached) => {
                let (method, field) = outgoing::method(attached.shown);
                let name = (attached.name.to_owned(), attached.mime());
                let file = (field, name, attached.bytes().await?);
                let fields = outgoing::beside(letter)?;
                self.api.upload(method, fields, file).await
            }
        };
        let Sent { message_id } = sent.map_err(|error| self.sort(letter.address, error))?;
        self.seen(|seen| seen.sent(letter.nonce, letter.address, message_id));
        Ok(Message::new(message_id))
    }

    async fn edit(&self, edit: &Edit<'_>) -> Result<(), SendError> {
        match self.api.call(&outgoing::edit(edit)?).await {
            Ok(IgnoredAny) => Ok(()),
            Err(error) if outgoing::is_unchanged(&error) => Ok(()),
            // It stands with a file; nothing was changed by what was refused.
            Err(error) if outgoing::is_captioned(&error) => {
                let request = outgoing::recaption(edit)?;
                self.change(edit.address, &request).await
            }
            Err(error) => Err(self.sort(edit.address, error)),
        }
    }

    async fn set_buttons(
        &self,
        address: &Address,
        message: &Message,
        buttons: &[Vec<Button>],
    ) -> Result<(), SendError> {
        self.change(address, &outgoing::markup(address, message, buttons)?)
            .await
    }

    async fn delete(&self, address: &Address, message: &Message) -> Result<(), SendError> {
        self.change(address, &outgoing::deletion(address, message)?)
            .await
    }

    async fn typing(&self, address: &Address) -> Result<(), SendError> {
        self.change(address, &outgoing::typing(address)?).await
    }

    async fn find(&self, lost: &Lost<'_>) -> Result<Option<Message>, SendError> {
        // What came meanwhile takes ids as well; while it is not read they hide the letter's.
        let mut caught_up = self.caught_up.subscribe();
        let _ = timeout(BACKLOG, caught_up.wait_for(|is| *is)).await;
        probe::find(self, lost).await
    }

    async fn fetch(&self, file: &File, limit: u64) -> Result<FileStream, FetchError> {
        fetch::fetch(&self.api, file, limit).await
    }

    async fn webhook(&self, desk: &Desk, secret: Option<&str>, body: &[u8]) -> Webhook {
        if self.webhook.is_none() {
            return Webhook::NotHere;
        }
        webhook::take(self, desk, secret, body).await
    }

    fn payments(&self) -> Option<&dyn Payments> {
        Some(self)
    }

    async fn check(&self) -> Result<String, Fatal> {
        setup::check(self).await
    }
}

/// Whether the ids of messages in this chat count up over all chats of the bot: so in private chats and
/// plain groups, while supergroups and channels (below -10^12) count their own.
fn counts_per_bot(chat: i64) -> bool {
    chat > -1_000_000_000_000
}
