use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ArtistId, PersonId};

/// The payload of a job of the kind [`SendMail::KIND`]: one e-mail to one person. The job's key is the mail's: the same
/// key is never sent twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMail {
    /// For whom it is sent.
    pub artist: ArtistId,
    /// Who gets it, where that is a known person.
    pub person: Option<PersonId>,
    /// The address.
    pub to: String,
    /// What the person is called, or empty.
    pub to_name: String,
    /// Who stands as the sender, or empty.
    pub from_name: String,
    pub subject: String,
    /// Markdown.
    pub text: String,
    /// Who hears what became of it.
    pub tell: Option<TellMailed>,
}

impl SendMail {
    /// The kind of job that takes it.
    pub const KIND: &str = "mail";
}

/// A job that is ordered once it is known what became of a mail: its payload is `body` with `mailed` put into it, a
/// [`Mailed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TellMailed {
    pub kind: String,
    pub lane: String,
    /// A JSON object.
    pub body: Value,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailed {
    pub state: MailState,
    /// Why it is not there, in a few words; empty otherwise.
    pub reason: String,
}

/// What became of a mail, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailState {
    /// The server took it.
    Sent,
    /// The server refused it for good.
    Bounced,
    /// The person wants no mail.
    Stopped,
    /// No server took it.
    Failed,
}

impl MailState {
    /// The word of the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Bounced => "bounced",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}
