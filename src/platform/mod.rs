//! Adapters between a chat platform's wire and our nouns.
//!
//! An adapter turns what comes in into [`Inbound`], hands it to the [`Inbox`] and confirms it to its
//! platform only when the inbox says that it is stored; and it sends one [`Part`] when told to. It
//! never decides what is answered, never retries a send and never waits for a pace: that is
//! `delivery`'s. Start with [`Platform`].

pub mod discord;
mod pay;
pub mod telegram;
pub mod terminal;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::model::{
    Address, Button, Features, File, Inbound, Interaction, Message, OutboundId, Pace, Part, Time,
};

pub use pay::{Cashier, Checkout, Invoice, NoCashier, Payments, Transaction};

/// One account on one chat platform.
#[async_trait]
pub trait Platform: Send + Sync {
    /// The platform's name, as it stands in addresses: lower case, no colon.
    fn name(&self) -> &'static str;

    /// The account's name, as it stands in addresses.
    fn bot(&self) -> &str;

    /// What it can do.
    fn features(&self) -> &Features;

    /// True where somebody sits in front of it: when they leave, the process ends.
    fn is_attended(&self) -> bool {
        false
    }

    /// Whether it can send there, among the addresses of its account.
    fn reaches(&self, address: &Address) -> bool {
        let _ = address;
        true
    }

    /// Whether what people write arrives at the moment.
    fn is_connected(&self) -> bool {
        true
    }

    /// Within what the message ids of this address count up together: the chat, or the account.
    /// A lost letter is looked for behind the newest id known there.
    fn id_scope(&self, address: &Address) -> String {
        address.whole_chat().to_string()
    }

    /// How fast it lets us send there; `None` = as fast as we like.
    fn pace(&self, address: &Address) -> Option<Pace> {
        let _ = address;
        self.features().pace
    }

    /// Receives until `stop`; returns early only for a reason that trying again cannot mend. Every
    /// passing trouble (outage, conflict, lost connection) is said once, waited out and recovered.
    async fn receive(&self, desk: Desk, stop: CancellationToken) -> Result<(), Fatal>;

    /// Sends one message. Exactly one request leaves; nothing is retried here.
    async fn send(&self, letter: &Letter<'_>) -> Result<Message, SendError>;

    /// Gives a standing message a new text and buttons. Saying the same again is success.
    async fn edit(&self, edit: &Edit<'_>) -> Result<(), SendError>;

    /// Gives a standing message other buttons, or none.
    async fn set_buttons(
        &self,
        address: &Address,
        message: &Message,
        buttons: &[Vec<Button>],
    ) -> Result<(), SendError>;

    /// Deletes a message that somebody wrote, where the platform lets the bot.
    async fn delete(&self, address: &Address, message: &Message) -> Result<(), SendError> {
        let _ = (address, message);
        Err(SendError::Rejected("nothing is deleted here".to_owned()))
    }

    /// Shows that an answer is being made. Best effort.
    async fn typing(&self, address: &Address) -> Result<(), SendError>;

    /// Looks for a letter that may or may not have been taken. `Ok(Some)`: it stands there, with the
    /// letter's text. `Ok(None)`: it was never taken, or sending it once more under the same nonce
    /// cannot double it.
    async fn find(&self, lost: &Lost<'_>) -> Result<Option<Message>, SendError>;

    /// Streams a file that a person sent; ends with an error once `limit` bytes are exceeded.
    async fn fetch(&self, file: &File, limit: u64) -> Result<FileStream, FetchError>;

    /// Takes a webhook call, where the platform has webhooks.
    async fn webhook(&self, desk: &Desk, secret: Option<&str>, body: &[u8]) -> Webhook {
        let _ = (desk, secret, body);
        Webhook::NotHere
    }

    /// What it can do about money, where the platform has money of its own.
    fn payments(&self) -> Option<&dyn Payments> {
        None
    }

    /// One sentence for `doctor`: who we are there, or what is wrong.
    async fn check(&self) -> Result<String, Fatal>;
}

/// A file as it comes over the wire, piece by piece.
pub type FileStream = BoxStream<'static, Result<Bytes, FetchError>>;

/// One message to send.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Which outbound it belongs to.
    pub id: OutboundId,
    /// 25 characters that are the same at every attempt of the same part.
    pub nonce: &'a str,
    /// Where it goes.
    pub address: &'a Address,
    /// What it says.
    pub part: &'a Part,
    /// What stands under it.
    pub buttons: &'a [Vec<Button>],
    /// The message it answers.
    pub reply_to: Option<&'a Message>,
    /// The deferred interaction that this letter fills, while it has not expired.
    pub interaction: Option<&'a Interaction>,
    /// The file that it brings, with `part` as the words that stand with it.
    pub attached: Option<Attached<'a>>,
}

/// A file that goes with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached<'a> {
    /// How people see it.
    pub shown: Shown,
    /// Where it lies.
    pub file: &'a Path,
    /// What it is called where files have names.
    pub name: &'a str,
}

/// How people see a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Played.
    Voice,
    /// Looked at.
    Picture,
    /// Kept.
    File,
}

impl Attached<'_> {
    /// Its bytes.
    async fn bytes(&self) -> Result<Bytes, SendError> {
        match tokio::fs::read(self.file).await {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(SendError::Rejected("its file is gone".to_owned()))
            }
            Err(error) => Err(SendError::NotSent(format!("its file: {error}"))),
        }
    }

    /// What is in it, by the end of its name.
    fn mime(&self) -> &'static str {
        let ending = self.name.rsplit_once('.').map(|(_, ending)| ending);
        match ending.unwrap_or_default().to_ascii_lowercase().as_str() {
            "ogg" | "oga" | "opus" => "audio/ogg",
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "pdf" => "application/pdf",
            "csv" => "text/csv",
            "txt" => "text/plain",
            "md" => "text/markdown",
            "json" => "application/json",
            "ics" => "text/calendar",
            "xml" => "application/xml",
            "zip" => "application/zip",
            "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            _ => "application/octet-stream",
        }
    }
}

/// A new text for a standing message.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// Where it stands.
    pub address: &'a Address,
    /// Which message.
    pub message: &'a Message,
    /// What it says now.
    pub part: &'a Part,
    /// What stands under it now.
    pub buttons: &'a [Vec<Button>],
    /// True for the text of an answer that is still growing.
    pub growing: bool,
    /// The interaction whose first answer this is, if the message can only be changed through it.
    pub interaction: Option<&'a Interaction>,
}

/// A letter whose fate is not known.
#[derive(Debug, Clone, Copy)]
pub struct Lost<'a> {
    /// The letter.
    pub letter: Letter<'a>,
    /// When it left.
    pub left_at: Time,
    /// The newest message known in that chat (or, where ids count up per bot, of that bot) when it left.
    pub after: Option<&'a Message>,
    /// The newest one known now, in the same counting.
    pub newest: Option<&'a Message>,
    /// Our own messages in that chat that belong to other letters and must not be touched.
    pub taken: &'a [Message],
}

/// Why a send or an edit did not succeed, sorted by what is to be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too fast: nothing was taken; not before `after`, for this chat or, if `all`, for the account.
    #[error("asked to wait {} ms", after.as_millis())]
    RateLimited {
        /// How long.
        after: Duration,
        /// Whether the whole account has to wait.
        all: bool,
    },
    /// Nobody is there any more: blocked, deleted, left.
    #[error("nobody there: {0}")]
    Gone(String),
    /// The chat goes on under another id; nothing was taken.
    #[error("moved to {0}")]
    Moved(crate::model::Chat),
    /// The message that was to be changed is no longer there; the chat is.
    #[error("the message is gone: {0}")]
    Vanished(String),
    /// The platform refuses this content for good.
    #[error("refused: {0}")]
    Rejected(String),
    /// The request never left, or was surely not taken; it may be sent again.
    #[error("not reached: {0}")]
    NotSent(String),
    /// It left, and no answer says what became of it.
    #[error("no answer: {0}")]
    Unknown(String),
}

/// A reason why receiving cannot go on until somebody changes something: one sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fatal(pub String);

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Larger than allowed.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The platform no longer has it.
    #[error("the file is gone")]
    Gone,
    /// Anything that may pass.
    #[error("the file could not be fetched: {0}")]
    Failed(String),
}

/// What to answer a webhook call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Webhook {
    /// Stored; 200.
    Stored,
    /// The secret is wrong; 401.
    Stranger,
    /// Not understood, and never will be; 400.
    Malformed,
    /// Could not be stored now; 503, so that the platform tries again.
    Later,
    /// This account takes no webhooks; 404.
    NotHere,
}

/// What an adapter is given: where to put what comes in, its memory, and who takes money.
#[derive(Clone)]
pub struct Desk {
    /// Takes what comes in.
    pub inbox: Inbox,
    /// Small notes that outlive the process.
    pub notes: Arc<dyn Notes>,
    /// Asked before somebody pays.
    pub cashier: Arc<dyn Cashier>,
}

/// Takes what comes in and says when it is stored.
#[derive(Debug, Clone)]
pub struct Inbox {
    sender: mpsc::Sender<Delivery>,
}

/// Several inbound items and the way to say that they are stored.
#[derive(Debug)]
pub struct Delivery {
    /// What came, in order.
    pub items: Vec<Inbound>,
    /// Answered with true once all of it is durable.
    pub stored: oneshot::Sender<bool>,
}

impl Inbox {
    /// An inbox and the end that `intake` reads; at most `room` deliveries wait.
    pub fn new(room: usize) -> (Self, mpsc::Receiver<Delivery>) {
        let (sender, receiver) = mpsc::channel(room);
        (Self { sender }, receiver)
    }

    /// Hands over `items`; true once all of them are durable, false if that cannot be had now. Things
    /// seen before are quietly the same thing.
    pub async fn accept(&self, items: Vec<Inbound>) -> bool {
        if items.is_empty() {
            return true;
        }
        let (stored, answer) = oneshot::channel();
        self.sender.send(Delivery { items, stored }).await.is_ok() && answer.await.unwrap_or(false)
    }
}

/// What an adapter remembers over restarts. An error says that the store is away: what must not be
/// forgotten is insisted on.
#[async_trait]
pub trait Notes: Send + Sync {
    /// Reads a note of this account.
    async fn read(&self, account: &str, name: &str) -> anyhow::Result<Option<String>>;

    /// Writes a note of this account; durable once it says so.
    async fn write(&self, account: &str, name: &str, value: &str) -> anyhow::Result<()>;

    /// The chats of this account in which Toney is in conversation, with the newest inbound message
    /// known in each, the latest talk first; at most `limit`.
    async fn conversations(
        &self,
        account: &str,
        limit: usize,
    ) -> anyhow::Result<Vec<(Address, Option<Message>)>>;
}
