use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Address, Interaction, Message, OutboundId};

/// Something that goes out. Once committed, it arrives exactly once or ends as a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// Its id, from which the nonce of every part is made.
    pub id: OutboundId,
    /// A second outbound with the same key is the same outbound.
    pub key: String,
    /// Where it goes.
    pub address: Address,
    /// Who goes first when the pace is short.
    pub priority: Priority,
    /// What it is.
    pub content: Content,
}

/// Who goes first when the pace is short; the smaller goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// A final reply.
    Reply,
    /// An approval card.
    Approval,
    /// A proactive message.
    Nudge,
    /// The growing text of an answer that is still being made.
    Preview,
}

/// What goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Markdown, split and rendered as the platform needs it; the buttons stand under the last part.
    Message {
        text: String,
        buttons: Vec<Vec<Button>>,
        reply_to: Option<Message>,
        interaction: Option<Interaction>,
    },
    /// A recording in Opus, played as a voice note where the platform has such; `caption` stands with it, in Markdown.
    Voice {
        file: PathBuf,
        caption: String,
        reply_to: Option<Message>,
        /// What is said where it cannot be sent; empty = nothing.
        #[serde(default)]
        instead: String,
    },
    /// A picture (PNG or JPEG) with words under it, in Markdown; the buttons stand under the last of them.
    Picture {
        file: PathBuf,
        caption: String,
        #[serde(default)]
        buttons: Vec<Vec<Button>>,
        #[serde(default)]
        reply_to: Option<Message>,
        /// What the picture shows, in words: said where it cannot be sent, and shown beside it where nobody
        /// sees pictures. Empty = nothing.
        #[serde(default)]
        instead: String,
    },
    /// A file that people keep, under `name`; `caption` stands with it, in Markdown.
    File {
        file: PathBuf,
        name: String,
        caption: String,
        #[serde(default)]
        reply_to: Option<Message>,
        /// What is said where it cannot be sent; empty = nothing.
        #[serde(default)]
        instead: String,
    },
    /// A new text and new buttons for a message that stands already; with a picture or a file, for its caption.
    Edit {
        message: Message,
        text: String,
        buttons: Vec<Vec<Button>>,
    },
    /// A message that somebody wrote is taken away, where the platform lets us; `refused` is said where it does not.
    Delete {
        message: Message,
        #[serde(default)]
        refused: String,
    },
    /// New buttons (or none) for a message that stands already; its text stays.
    Buttons {
        message: Message,
        buttons: Vec<Vec<Button>>,
    },
}

/// The folders of files that are made for one outbound and deleted once it is sent.
pub const OUTGOING: [&str; 2] = ["spoken", "outgoing"];

impl Content {
    /// The file that was made for this outbound alone, and is deleted once that is sent: a file in one of the
    /// folders [`OUTGOING`]. Whatever lies elsewhere is somebody's and stays.
    pub fn own_file(&self) -> Option<&Path> {
        let file = match self {
            Self::Voice { file, .. } | Self::Picture { file, .. } | Self::File { file, .. } => file,
            Self::Message { .. }
            | Self::Edit { .. }
            | Self::Delete { .. }
            | Self::Buttons { .. } => return None,
        };
        let folder = file.parent()?.file_name()?.to_str()?;
        OUTGOING.contains(&folder).then_some(file)
    }
}

/// A button. `data` is opaque to everyone but the room that wrote it: `verb:id`, at most 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// What comes back when it is pressed; empty where it opens a page.
    pub data: String,
    /// The page that it opens; nothing comes back then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Button {
    /// A button that comes back with `data`.
    pub fn new(label: impl Into<String>, data: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            data: data.into(),
            url: None,
        }
    }

    /// A button that opens a page.
    pub fn link(label: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            data: String::new(),
            url: Some(url.into()),
        }
    }
}

/// One message on the wire: text that fits, and the styles that lie over it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Part {
    /// The text as the platform takes it.
    pub text: String,
    /// The styles over it, sorted by start, longest first; empty where the markup is in the text.
    pub spans: Vec<Span>,
}

/// A style over a piece of text; `start` and `len` in UTF-16 units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Where it begins.
    pub start: usize,
    /// How far it reaches.
    pub len: usize,
    /// What it does.
    pub style: Style,
}

/// How a piece of text looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    Bold,
    Italic,
    Strike,
    /// Fixed width inside a line.
    Code,
    /// A block of fixed width, with the name of its language.
    Fence(Option<String>),
    /// A link to an address.
    Link(String),
    /// A quoted block.
    Quote,
}
