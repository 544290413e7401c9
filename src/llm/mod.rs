//! Models behind one door: what to ask, whom to ask, and what to do when nobody answers.
//!
//! This room never decides what a person is told, stores nothing, and never logs a word of a
//! prompt or of an answer. Start with [`Door::answer`]: it tries the models of a task's chain in
//! order and hands out one answer as it comes.

mod anthropic;
mod breaker;
mod cache;
mod catalogue;
mod chain;
mod choose;
mod door;
mod embed;
mod error;
mod guard;
mod health;
mod keys;
mod money;
mod offer;
mod ollama;
mod pass;
mod plan;
mod probe;
mod prompt;
mod pulse;
mod pump;
mod purse;
mod schema;
#[cfg(test)]
mod scripted;
mod settings;
mod sight;
mod sources;
mod sse;
mod states;
mod strays;
mod tokens;
mod voice;
mod wire;

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;

pub use catalogue::{
    Catalogue, Embedding, Entry, Protocol, Published, Refreshed, Unreadable, Unrefreshed, Voice,
    refresh,
};
pub use choose::Prefer;
pub use door::{Door, Wrong};
pub use embed::Embedder;
pub use error::{Error, Wait};
pub use health::{HealthChange, Saved};
pub use money::Cost;
pub use offer::Offer;
pub use prompt::{
    Known, Lyric, Manner, Passage, Persona, Place, Planning, Prompts, Sorting, Summary, Writing,
};

pub use purse::{Bill, Bottomless, Hold, Limit, Payer, Purse, Short};
pub use schema::Schema;
pub use settings::{Deadlines, Models, Pooling, Provider, Secret, Settings};
pub use sight::Image;
pub use strays::Stray;
pub use tokens::estimate;
pub use voice::{Call, Recording, Voiced, Voices};

/// What a call is for; each task has its own chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Task {
    /// Talking with a person.
    Chat,
    /// Sorting a message.
    Classify,
    /// Pulling facts out of text.
    Extract,
    /// Shortening a conversation.
    Summarise,
}

impl Task {
    /// The word for metrics and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Classify => "classify",
            Self::Extract => "extract",
            Self::Summarise => "summarise",
        }
    }
}

/// Who speaks a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Instructions.
    System,
    /// The person.
    Person,
    /// Toney, as it answered before.
    Toney,
    /// What a tool gave back for the call of this id.
    Tool(String),
}

/// One message of the window that a model sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
    /// The tools that Toney called with this line.
    pub calls: Vec<ToolCall>,
    /// Pictures that the person shows with it.
    pub images: Vec<Image>,
}

impl Line {
    /// A line without tool calls.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
            calls: Vec::new(),
            images: Vec::new(),
        }
    }
}

/// A tool that a model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// What it does, for the model.
    pub about: String,
    /// JSON schema of its arguments.
    pub schema: Schema,
}

/// A tool call as the model wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The model's id of this call, which the answer repeats.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, checked to be JSON but not against the schema.
    pub arguments: String,
}

/// What a model is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The window, oldest first; system lines lead.
    pub messages: Vec<Line>,
    /// So many of the leading system lines are the same in every request, whoever asks: a provider
    /// that is told so keeps them at hand and reads them for less.
    pub stable: usize,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it matters more that one of them can be called than who comes first in the list.
    pub acts: bool,
    /// The tool that has to be called; only asked for where the model refuses to be forced.
    pub force: Option<String>,
    /// Tokens of the answer at most; the model's own limit where it is lower or this is none.
    pub max_output: Option<u32>,
    /// Between 0 and 2; left out where the model takes none.
    pub temperature: Option<f64>,
    /// Whom it is for.
    pub payer: Payer,
    /// The model that this person wants; the chain's stand behind it.
    pub wish: Option<Wish>,
}

/// A model that somebody chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// `provider/id`.
    pub model: String,
    /// Their own key for its provider, with which they pay themselves.
    pub key: Option<Secret>,
}

impl Request {
    /// Whether there is something to see.
    pub fn sees(&self) -> bool {
        self.messages.iter().any(|line| !line.images.is_empty())
    }

    /// The tools that a model gets to see: all, or the one that has to be called where the model
    /// refuses to be forced.
    fn offered<'a>(&'a self, entry: &Entry) -> impl Iterator<Item = &'a Tool> {
        let only = self.force.as_deref().filter(|_| !entry.force);
        let is_known = only.is_some_and(|name| self.tools.iter().any(|tool| tool.name == name));
        let shown = if entry.tools {
            self.tools.as_slice()
        } else {
            &[]
        };
        let is_offered = move |tool: &&Tool| !is_known || Some(tool.name.as_str()) == only;
        shown.iter().filter(is_offered)
    }

    /// The tool that a model is forced to call.
    fn forced(&self, entry: &Entry) -> Option<&str> {
        let name = self
            .force
            .as_deref()
            .filter(|_| entry.force && entry.tools)?;
        let is_known = self.tools.iter().any(|tool| tool.name == name);
        is_known.then_some(name)
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model had said everything.
    Complete,
    /// The output limit cut it.
    Length,
    /// It waits for tools.
    Tools,
}

/// Tokens as a provider counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request, whether they were cached or not.
    pub tokens_in: u64,
    /// Tokens of the answer, thoughts included.
    pub tokens_out: u64,
    /// Those of `tokens_in` that the provider read from its cache.
    pub cache_read: u64,
    /// Those of `tokens_in` that the provider wrote into its cache.
    pub cache_written: u64,
}

/// A page of the web that an answer rests on; the answer's numbers in brackets count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its title in one line; empty where the provider gave none.
    pub title: String,
    /// Its address, `http` or `https`.
    pub url: String,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// The model works, but has nothing to show: it thinks, or it writes a tool call.
    Busy,
    /// More text.
    Text(String),
    /// A whole tool call.
    Tool(ToolCall),
    /// Tokens counted by the provider; a later count replaces an earlier one.
    Usage(Usage),
    /// What the answer rests on, all of it, in the order of its numbers.
    Sources(Vec<Source>),
    /// The end; nothing follows.
    End(Finish),
}

/// An answer while it comes. Dropping it ends the call at the provider.
pub type AnswerStream = BoxStream<'static, Result<Chunk, Error>>;

/// One model at one provider. A stream ends with [`Chunk::End`] or one error.
#[async_trait::async_trait]
pub trait Model: Send + Sync {
    /// What is known about it; its name is `provider/id`.
    fn entry(&self) -> &Entry;

    /// `provider/id`.
    fn name(&self) -> &str {
        &self.entry().name
    }

    /// Tokens that it may answer with at most, thoughts included.
    fn limit(&self, request: &Request) -> u32 {
        pump::output(request, self.entry().output)
    }

    /// Whether it is known which model it is: one may be chosen at the first question.
    fn is_ready(&self) -> bool {
        true
    }

    /// Finds out which model it is.
    ///
    /// # Errors
    /// Like [`Model::stream`].
    async fn ready(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Sends the request once, without trying again.
    ///
    /// # Errors
    /// Sorted by what to do about it, see [`Error`].
    async fn stream(&self, request: &Request) -> Result<AnswerStream, Error>;

    /// Bytes of the largest picture that it is shown.
    fn largest_image(&self) -> usize {
        sight::LARGEST
    }

    /// Asks the provider for something that costs nothing, to see whether it is there and takes
    /// the key.
    ///
    /// # Errors
    /// Like [`Model::stream`].
    async fn check(&self) -> Result<(), Error>;
}

/// What the caller of [`Door::answer`] hears. The stream ends after `Done` or `Failed`.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// More text.
    Text(String),
    /// A whole tool call.
    Tool(ToolCall),
    /// The model broke off after text had been handed out; another one begins from the start.
    /// Whatever was shown since the beginning is to be replaced by what follows.
    Restart,
    /// The answer is whole.
    Done(Report),
    /// Nobody answered.
    Failed(Unavailable),
}

/// An answer that was waited for until it was whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Whole {
    /// Its text.
    pub text: String,
    /// The arguments of the first tool that was called, if one was.
    pub called: Option<String>,
    /// How it came about.
    pub end: Result<Report, Unavailable>,
}

/// Waits until an answer is whole.
pub async fn whole(mut heard: BoxStream<'static, Heard>) -> Whole {
    let (mut text, mut called) = (String::new(), None);
    loop {
        let end = match heard.next().await {
            Some(Heard::Text(more)) => {
                text.push_str(&more);
                continue;
            }
            Some(Heard::Restart) => {
                text.clear();
                called = None;
                continue;
            }
            Some(Heard::Tool(call)) => {
                called = called.or(Some(call.arguments));
                continue;
            }
            Some(Heard::Done(report)) => Ok(report),
            Some(Heard::Failed(unavailable)) => Err(unavailable),
            None => Err(Unavailable::silent()),
        };
        return Whole { text, called, end };
    }
}

/// How an answer came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// `provider/id`.
    pub model: String,
    /// The provider alone.
    pub provider: String,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the request.
    pub tokens_in: u64,
    /// Tokens of the answer.
    pub tokens_out: u64,
    /// Those of the request that the provider read from its cache.
    pub cache_read: u64,
    /// Those of the request that the provider wrote into its cache.
    pub cache_written: u64,
    /// Whether the tokens are our estimate, since the provider gave no figures.
    pub estimated: bool,
    /// What the answer cost by the catalogue; failed attempts are not in it.
    pub cost: Cost,
    /// From the question to the first text of this answer.
    pub first_token: Duration,
    /// From the question to the end.
    pub total: Duration,
    /// Every try, the good one last.
    pub attempts: Vec<Attempt>,
    /// The pages that the model found by itself and rests on; mostly none.
    pub sources: Vec<Source>,
    /// Whether it was paid with the person's own key.
    pub own: bool,
    /// Whether it is the answer that the same person got to the same request shortly before.
    pub cached: bool,
}

impl Report {
    /// What all tries cost together.
    pub fn spent(&self) -> Cost {
        let failed = self
            .attempts
            .iter()
            .filter(|one| one.outcome != Outcome::Answered);
        self.cost + failed.map(|one| one.cost).sum()
    }
}

/// One try with one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// `provider/id`.
    pub model: String,
    /// Whether it was asked with the person's own key.
    pub own: bool,
    /// How it went.
    pub outcome: Outcome,
    /// What it cost, as far as that is known; an estimate for one that did not end well.
    pub cost: Cost,
    /// How long it took.
    pub took: Duration,
}

/// How a try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Answered,
    /// Not at all: its breaker is open.
    Skipped,
    /// Not at all: it could cost more than is allowed.
    TooDear(Short),
    /// Badly.
    Failed(Error),
    /// Too slowly: another one that was asked meanwhile was faster.
    Outpaced,
}

/// Why nobody answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// The reason in one word.
    pub reason: Reason,
    /// Every try.
    pub attempts: Vec<Attempt>,
}

impl Unavailable {
    /// A stream that ended without a word from anybody.
    pub fn silent() -> Self {
        Self {
            reason: Reason::AllFailed,
            attempts: Vec::new(),
        }
    }
}

/// The reason in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The operator wants no model.
    Offline,
    /// No model is configured and none was found.
    NotConfigured,
    /// A model declined to answer this; its provider is well.
    Refused,
    /// All models of the chain failed or rest.
    AllFailed,
    /// It could cost more than is allowed.
    OverBudget(Short),
}
