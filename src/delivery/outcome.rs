//! What is to be done after an attempt to send: a pure decision.

use std::time::Duration;

use crate::model::Chat;
use crate::platform::SendError;

/// What to do after an attempt that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait, then send again: nothing was taken.
    Again { pause: Duration, counts: bool },
    /// Wait, then find out whether it was taken.
    Find { pause: Duration },
    /// Nobody is there.
    Gone { why: String },
    /// The chat is elsewhere now.
    Moved { to: Chat },
    /// The message that was to be changed was deleted.
    Vanished,
    /// It is given up; in doubt, if it may have been taken all the same.
    Fail { why: String, in_doubt: bool },
}

/// How much patience is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Attempts so far that count.
    pub(super) attempts: i64,
    /// After how many it is given up.
    pub(super) most: i64,
    /// The pause that is due now.
    pub(super) pause: Duration,
    /// How long a lost request may still be on its way.
    pub(super) settle: Duration,
}

/// Decides what follows `error`. `repeatable` says that doing it twice is the same as once (edits).
pub(super) fn next(error: SendError, repeatable: bool, patience: Patience) -> Next {
    let Patience {
        attempts,
        most,
        pause,
        settle,
    } = patience;
    match error {
        SendError::RateLimited { after, all: _ } => Next::Again {
            pause: after,
            counts: false,
        },
        SendError::Gone(why) => Next::Gone { why },
        SendError::Moved(to) => Next::Moved { to },
        SendError::Vanished(_) => Next::Vanished,
        SendError::Rejected(why) => Next::Fail {
            why,
            in_doubt: false,
        },
        error @ (SendError::NotSent(_) | SendError::Unknown(_)) if attempts + 1 >= most => {
            Next::Fail {
                why: error.to_string(),
                in_doubt: matches!(error, SendError::Unknown(_)),
            }
        }
        SendError::NotSent(_) => Next::Again {
            pause,
            counts: true,
        },
        SendError::Unknown(_) if repeatable => Next::Again {
            pause,
            counts: true,
        },
        SendError::Unknown(_) => Next::Find {
            pause: pause.max(settle),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        attempts: 0,
        most: 3,
        pause: Duration::from_secs(1),
        settle: Duration::from_secs(2),
    };

    #[test]
    fn a_lost_letter_is_never_simply_sent_again() {
        for attempts in 0..2 {
            let patience = Patience {
                attempts,
                ..PATIENCE
            };
            let decided = next(SendError::Unknown("reset".to_owned()), false, patience);
            assert_eq!(
                decided,
                Next::Find {
                    pause: Duration::from_secs(2)
                }
            );
        }
    }

    #[test]
    fn a_lost_edit_is_made_again() {
        let decided = next(SendError::Unknown("reset".to_owned()), true, PATIENCE);
        assert_eq!(
            decided,
            Next::Again {
                pause: Duration::from_secs(1),
                counts: true
            }
        );
    }

    #[test]
    fn being_asked_to_wait_is_honoured_in_full_and_never_counts() {
        let patience = Patience {
            attempts: 99,
            ..PATIENCE
        };
        let after = Duration::from_secs(340);
        let decided = next(SendError::RateLimited { after, all: true }, false, patience);
        assert_eq!(
            decided,
            Next::Again {
                pause: after,
                counts: false
            }
        );
    }

    #[test]
    fn patience_ends() {
        let patience = Patience {
            attempts: 2,
            ..PATIENCE
        };
        for (error, doubt) in [
            (SendError::NotSent("refused".to_owned()), false),
            (SendError::Unknown("reset".to_owned()), true),
        ] {
            let decided = next(error, false, patience);
            assert!(matches!(decided, Next::Fail { in_doubt, .. } if in_doubt == doubt));
        }
    }
}
