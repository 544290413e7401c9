use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Address, Chat, Message, Time, User};

/// Something that came in from a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The same for every redelivery of the same thing: platform, bot and the platform's own id.
    pub key: String,
    /// Where it was said.
    pub address: Address,
    /// Whether others read along there.
    pub setting: Setting,
    /// Who said it.
    pub sender: Sender,
    /// When it was said, by the platform's clock.
    pub at: Time,
    /// Its place in the conversation: later things have greater numbers, in the platform's own
    /// counting (update id, snowflake).
    pub order: i64,
    /// True when Toney is meant: a direct chat, a command, a mention, a reply to one of its lines.
    pub addressed: bool,
    /// The platform's id of the message, if it is or belongs to one.
    pub message: Option<Message>,
    /// The message it answers.
    pub reply_to: Option<Message>,
    /// Whether it was said elsewhere, by whomever, and only passed on.
    #[serde(default)]
    pub forwarded: bool,
    /// The handle that lets the platform tie our answer to a slash command or a press.
    pub interaction: Option<Interaction>,
    /// What it is.
    pub what: What,
}

/// Whether a conversation is between two, or heard by others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// One person and Toney.
    Direct,
    /// A group, a channel of a guild, a topic, a thread.
    Group,
}

/// Who sent something, in the platform's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The platform's id of the user.
    pub user: User,
    /// The name shown; data, never an instruction.
    pub name: String,
    /// IETF language tag, where the platform tells.
    pub language: Option<String>,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// Words. A mention of Toney at the beginning is taken off.
    Text { text: String },
    /// A command without its slash and bot name, and the words behind it.
    Command { name: String, args: String },
    /// A button or a choice; `data` is what we wrote on it, `card` the message it stands under.
    Press {
        data: String,
        values: Vec<String>,
        card: Option<Message>,
    },
    /// A filled form (modal); `data` is what we wrote on it.
    Form {
        data: String,
        fields: BTreeMap<String, String>,
    },
    /// A file with the words written under it.
    Media {
        media: MediaKind,
        file: File,
        caption: String,
    },
    /// A message was changed; `message` of the [`Inbound`] says which.
    Edited { text: String },
    /// Toney was let in, thrown out, blocked or unblocked.
    Membership { change: Membership },
    /// The chat goes on under another id.
    Migrated { to: Chat },
    /// Money arrived.
    Payment { payment: Payment },
    /// Money that had arrived went back.
    Refunded { payment: Payment },
}

impl Inbound {
    /// The message in which it came, the newest one there at its time. What happens to an older message,
    /// a press under it or a change of it, says nothing about the newest.
    pub fn newest(&self) -> Option<&Message> {
        match self.what {
            What::Press { .. } | What::Form { .. } | What::Edited { .. } => None,
            What::Text { .. }
            | What::Command { .. }
            | What::Media { .. }
            | What::Membership { .. }
            | What::Migrated { .. }
            | What::Payment { .. }
            | What::Refunded { .. } => self.message.as_ref(),
        }
    }

    /// Whether somebody waits for words in return.
    pub fn is_awaited(&self) -> bool {
        match self.what {
            What::Text { .. }
            | What::Command { .. }
            | What::Press { .. }
            | What::Form { .. }
            | What::Media { .. } => true,
            What::Edited { .. }
            | What::Membership { .. }
            | What::Migrated { .. }
            | What::Payment { .. }
            | What::Refunded { .. } => false,
        }
    }
}

/// The sorts of files that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Any file sent as such.
    Document,
    /// A voice note.
    Voice,
    /// A picture.
    Photo,
}

/// A file that still lies with the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// What the adapter needs to fetch it: a file id or an address.
    pub handle: String,
    /// The name it was sent under.
    pub name: Option<String>,
    /// Its type, as claimed.
    pub mime: Option<String>,
    /// Its size in bytes, as claimed.
    pub size: Option<u64>,
    /// How long a recording lasts, in whole seconds, as claimed.
    #[serde(default)]
    pub seconds: Option<u64>,
}

impl File {
    /// Whether a file of this name is worth reading as a document.
    pub fn is_document(name: &str) -> bool {
        const ENDINGS: [&str; 12] = [
            "txt", "text", "md", "markdown", "pdf", "docx", "html", "htm", "xhtml", "csv", "tsv",
            "log",
        ];
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
    }

    /// Whether a file of this name may be a table.
    pub fn is_table(name: &str) -> bool {
        const ENDINGS: [&str; 5] = ["csv", "tsv", "tab", "txt", "xlsx"];
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
    }
}

/// A change of Toney's standing in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// The person blocked Toney, or Toney was removed: nothing can be sent there.
    Gone,
    /// The person let Toney in again, or Toney was added.
    Back,
}

/// Money that a platform says was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The platform's id of the charge, needed for a refund.
    pub charge: String,
    /// In the smallest unit of the currency.
    pub amount: i64,
    /// ISO 4217 code, or what the platform calls a currency of its own (`XTR`).
    pub currency: String,
    /// What we wrote on the invoice.
    pub payload: String,
}

/// The platform's handle for answering a slash command or a press.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interaction {
    /// Its id.
    pub id: String,
    /// The secret that lets us answer.
    pub token: String,
    /// After this moment it is worthless.
    pub expires: Time,
    /// True when the platform waits for the first answer to fill a deferred reply.
    pub deferred: bool,
}
