//! What becomes of each act: words, a command, or a plain word that it cannot be done yet.

use super::Command;
use super::intent::Act;

/// What an act leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Words are enough.
    Words,
    /// A command does it.
    Command(Command),
    /// Somebody may be in danger.
    Crisis,
    /// It cannot be done yet. What it would do stands behind "you want me to", and speaks to nobody.
    Missing(&'static str),
}

/// What an act leads to.
pub(super) const fn way(act: Act) -> Way {
    match act {
        Act::Ask
        | Act::Chat
        | Act::CareerPlan
        | Act::Content
        | Act::Lyrics
        | Act::UploadHelp
        | Act::Feedback => Way::Words,
        Act::Documents => Way::Command(Command::Docs),
        Act::Forget => Way::Command(Command::Forget),
        Act::Why => Way::Command(Command::Why),
        Act::Crisis => Way::Crisis,
        Act::WorkflowCreate => Way::Missing("set up an automation"),
        Act::WorkflowStatus => Way::Missing("look after automations"),
        Act::WorkflowPause => Way::Missing("pause or resume an automation"),
        Act::Earnings => Way::Missing("add up earnings"),
        Act::Payout => Way::Missing("pay money out"),
        Act::ReleaseSubmit => Way::Command(Command::Release),
        Act::ReleaseStatus => Way::Command(Command::Releases),
        Act::Approvals | Act::Approve | Act::Reject => Way::Command(Command::Approvals),
        Act::Playlist => Way::Missing("make a playlist"),
        Act::Play | Act::Pause | Act::Skip | Act::Queue | Act::NowPlaying | Act::Player => {
            Way::Missing("control the music player")
        }
        Act::Recommend => Way::Missing("recommend music by what was listened to"),
        Act::Tip => Way::Missing("take tips"),
        Act::Settings => Way::Missing("change settings"),
        Act::Link => Way::Missing("link accounts"),
        Act::StopNudges => Way::Missing("change which reminders come"),
        Act::Human => Way::Missing("bring in a human"),
    }
}

/// What an act would do that cannot be done yet.
pub(super) const fn missing(act: Act) -> Option<&'static str> {
    match way(act) {
        Way::Missing(what) => Some(what),
        Way::Words | Way::Command(_) | Way::Crisis => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same words stand in what a person reads and in what a model is told about the person.
    #[test]
    fn what_is_missing_speaks_to_nobody() {
        for what in Act::ALL.into_iter().filter_map(missing) {
            let mut words = what.split(' ');
            assert!(
                !words.any(|word| matches!(word, "you" | "your" | "get")),
                "{what}"
            );
        }
    }
}
