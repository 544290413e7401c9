use std::time::Duration;

use super::breaker::Severity;

/// How long a model rests whose key, account or name was turned down: only a human mends that.
const MENDED_BY_HUMANS: Duration = Duration::from_secs(300);
/// How long a model rests after a rate limit that gave no time.
const UNTOLD_LIMIT: Duration = Duration::from_secs(10);
/// The longest rest a provider can ask for.
const LONGEST_LIMIT: Duration = Duration::from_secs(3600);

/// Why a model gave no answer. Never holds a word of a prompt or an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too many requests; `after` where the provider said how long.
    #[error("rate limited")]
    RateLimited {
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// The window is longer than the model takes.
    #[error("the window is too long for the model")]
    TooLong,
    /// The model or its filter declined the content.
    #[error("declined by the model")]
    Refused,
    /// The key is wrong or may not do this.
    #[error("the key was not accepted")]
    Unauthorised,
    /// The account has no money left.
    #[error("the account is out of credit")]
    Unpaid,
    /// There is no such model at this address.
    #[error("there is no such model")]
    Gone,
    /// The provider did not like the form of the request (HTTP status).
    #[error("the request was turned down with status {0}")]
    Rejected(u16),
    /// Not reachable, or 5xx.
    #[error("down: {0}")]
    Down(String),
    /// Nothing, or not everything, within the time.
    #[error("no {0} in time")]
    Late(Wait),
    /// It answered, but said nothing.
    #[error("an empty answer")]
    Empty,
    /// Not the language of this wire: a web page, broken JSON.
    #[error("nonsense instead of an answer: {0}")]
    Nonsense(&'static str),
    /// The answer broke off in the middle.
    #[error("the answer broke off")]
    Broken,
    /// The answer did not stop at its limit.
    #[error("an answer without end")]
    Endless,
}

/// What was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The first sign of an answer.
    FirstToken,
    /// The next piece.
    NextToken,
    /// The end.
    End,
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FirstToken => "first token",
            Self::NextToken => "next token",
            Self::End => "end",
        })
    }
}

/// How long a key rests that was turned down with this, and whether for every model; none where another
/// key would fare no better.
pub(super) fn key_rests(error: &Error) -> Option<(Duration, bool)> {
    let is_whole = match error {
        Error::RateLimited { .. } => false,
        Error::Unauthorised | Error::Unpaid => true,
        Error::TooLong
        | Error::Refused
        | Error::Gone
        | Error::Rejected(_)
        | Error::Down(_)
        | Error::Late(_)
        | Error::Empty
        | Error::Nonsense(_)
        | Error::Broken
        | Error::Endless => return None,
    };
    match error.severity() {
        Some(Severity::OpensFor(pause)) => Some((pause, is_whole)),
        Some(Severity::Counts) | None => None,
    }
}

impl Error {
    /// The word for metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::TooLong => "too_long",
            Self::Refused => "refused",
            Self::Unauthorised => "unauthorised",
            Self::Unpaid => "unpaid",
            Self::Gone => "gone",
            Self::Rejected(_) => "rejected",
            Self::Down(_) => "down",
            Self::Late(_) => "late",
            Self::Empty => "empty",
            Self::Nonsense(_) => "nonsense",
            Self::Broken => "broken",
            Self::Endless => "endless",
        }
    }

    /// Whether the next model may be asked. A refusal is an answer: asking around until somebody
    /// says yes is not what a refusal is for.
    pub const fn goes_on(&self) -> bool {
        !matches!(self, Self::Refused)
    }

    /// Whether the same model may be asked again right away: it was quick to fail, and such
    /// failures pass.
    pub const fn passes(&self) -> bool {
        matches!(
            self,
            Self::Down(_) | Self::Broken | Self::Empty | Self::Nonsense(_)
        )
    }

    /// Whether a model may fail like that because it is shown a picture and has no eyes.
    pub(super) fn may_be_blind(&self) -> bool {
        self.severity() == Some(Severity::Counts)
    }

    /// What the breaker is told; none where the provider is well and only this request was not.
    pub(super) fn severity(&self) -> Option<Severity> {
        match self {
            Self::TooLong | Self::Refused | Self::Rejected(_) => None,
            Self::RateLimited { after } => Some(Severity::OpensFor(
                after.unwrap_or(UNTOLD_LIMIT).min(LONGEST_LIMIT),
            )),
            Self::Unauthorised | Self::Unpaid | Self::Gone => {
                Some(Severity::OpensFor(MENDED_BY_HUMANS))
            }
            Self::Down(_)
            | Self::Late(_)
            | Self::Empty
            | Self::Nonsense(_)
            | Self::Broken
            | Self::Endless => Some(Severity::Counts),
        }
    }
}
