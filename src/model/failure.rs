use std::time::Duration;

/// Why a piece of work did not succeed, sorted by what is to be done about it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The person can do something about it: the sentence goes to them, the work is over.
    #[error("told the person: {0}")]
    Tell(String),
    /// It may work later; `after` where the other side said when.
    #[error("to be tried again: {cause:#}")]
    Retry {
        /// What went wrong.
        cause: anyhow::Error,
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// It will never work.
    #[error("given up: {0:#}")]
    GiveUp(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(cause: anyhow::Error) -> Self {
        Self::Retry { cause, after: None }
    }
}
