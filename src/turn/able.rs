//! What is asked of Toney that it cannot do yet. It says so instead of pretending.

use super::intent::Act;

/// What an act would do, behind "you want me to"; `None` where words are enough or a command does it.
pub(super) const fn missing(act: Act) -> Option<&'static str> {
    match act {
        Act::Ask
        | Act::Chat
        | Act::CareerPlan
        | Act::Content
        | Act::Lyrics
        | Act::UploadHelp
        | Act::Documents
        | Act::Forget
        | Act::Why
        | Act::Feedback
        | Act::Crisis => None,
        Act::WorkflowCreate => Some("set up an automation"),
        Act::WorkflowStatus => Some("look after automations"),
        Act::WorkflowPause => Some("pause or resume an automation"),
        Act::Earnings => Some("add up your earnings"),
        Act::Payout => Some("pay money out"),
        Act::ReleaseSubmit => Some("hand in a release"),
        Act::ReleaseStatus => Some("follow a release to the stores"),
        Act::Approvals => Some("show what waits for a decision"),
        Act::Approve | Act::Reject => Some("record a decision"),
        Act::Playlist => Some("make a playlist"),
        Act::Play | Act::Pause | Act::Skip | Act::Queue | Act::NowPlaying | Act::Player => {
            Some("control the music player")
        }
        Act::Recommend => Some("recommend music from your listening"),
        Act::Tip => Some("take tips"),
        Act::Settings => Some("change your settings"),
        Act::Link => Some("link your accounts"),
        Act::StopNudges => Some("change which reminders you get"),
        Act::Human => Some("bring in a human"),
    }
}
