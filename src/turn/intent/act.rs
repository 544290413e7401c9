//! What a person can want of Toney, one variant for each act of `config/acts.toml`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::Target;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Asks to be told something from documents or from trade knowledge: what a paper says, how something works, what a word means, whether something is wise, also when an act with an effect is only mentioned.
    Ask,
    /// Small talk, greetings, thanks, news, musings, questions about Toney itself, and anything that mentions or forbids an act without an open request of Toney's.
    Chat,
    /// Wants something to happen by itself from now on, once or repeatedly, or wants an existing automation to work differently.
    WorkflowCreate,
    /// Asks which automations exist, whether one runs or ran, what it did or why it failed.
    WorkflowStatus,
    /// Wants an existing automation paused, resumed or deleted.
    WorkflowPause,
    /// Asks for figures of own money: income, tips, balance, pending or withdrawn sums, by period, source or song.
    Earnings,
    /// Orders own money to be paid out, withdrawn or transferred now.
    Payout,
    /// Wants a plan, roadmap, strategy, milestones or next steps made, changed or shown, or sets a goal.
    CareerPlan,
    /// Wants a text for the public or for partners written or reworked: caption, post, bio, newsletter, press text, pitch, reply, mail, ideas for posts.
    Content,
    /// Wants words of a song written, continued, judged or improved.
    Lyrics,
    /// Orders a release to be handed in, delivered, published or moved on in its chain.
    ReleaseSubmit,
    /// Asks where a release stands, whether it is delivered or live, what blocks it or why it was refused.
    ReleaseStatus,
    /// Asks what waits for a decision or what was decided.
    Approvals,
    /// Says yes to a request that is open or to what Toney has just proposed.
    Approve,
    /// Says no to, or sends back, a request that is open or what Toney has just proposed.
    Reject,
    /// Wants a playlist made, filled, changed or saved.
    Playlist,
    /// Wants music to start or to go on.
    Play,
    /// Wants the music to stop or pause.
    Pause,
    /// Wants the next or the previous track instead of this one.
    Skip,
    /// Wants tracks put behind the running one, taken out of the queue, or the queue shown.
    Queue,
    /// Asks what is playing, or about the running track.
    NowPlaying,
    /// Wants suggestions of music to hear.
    Recommend,
    /// Wants the player set: volume, shuffle, repeat, position, device, or asks which devices there are.
    Player,
    /// Wants to give money to an artist, or wants the link, code or page where fans can.
    Tip,
    /// Asks how, where or in which form to give Toney files, or what went wrong with one.
    UploadHelp,
    /// Wants own files listed, shown, renamed, or shared with or hidden from somebody.
    Documents,
    /// Wants documents, facts or all data deleted from Toney's keeping.
    Forget,
    /// Asks for the reasons, sources, readings or cost behind what Toney said or did.
    Why,
    /// Wants how Toney behaves towards this person shown or changed: language, name, hours, model, length, filters, retention, access.
    Settings,
    /// Wants an outside account or another chat account connected, disconnected, or asks which are, or brings an invitation code.
    Link,
    /// Judges an answer or the product, or reports an error or a wish.
    Feedback,
    /// Wants Toney to stop writing on its own, altogether or for some kind.
    StopNudges,
    /// Wants a person instead of Toney, or wants a person told.
    Human,
    /// Speaks of danger to life or health, their own or of somebody near, now: suicide, self-harm, violence at home, overdose or relapse, eating disorder, breakdown.
    Crisis,
}

impl Act {
    /// All of them, in the order of the file.
    pub const ALL: [Self; 34] = [
        Self::Ask,
        Self::Chat,
        Self::WorkflowCreate,
        Self::WorkflowStatus,
        Self::WorkflowPause,
        Self::Earnings,
        Self::Payout,
        Self::CareerPlan,
        Self::Content,
        Self::Lyrics,
        Self::ReleaseSubmit,
        Self::ReleaseStatus,
        Self::Approvals,
        Self::Approve,
        Self::Reject,
        Self::Playlist,
        Self::Play,
        Self::Pause,
        Self::Skip,
        Self::Queue,
        Self::NowPlaying,
        Self::Recommend,
        Self::Player,
        Self::Tip,
        Self::UploadHelp,
        Self::Documents,
        Self::Forget,
        Self::Why,
        Self::Settings,
        Self::Link,
        Self::Feedback,
        Self::StopNudges,
        Self::Human,
        Self::Crisis,
    ];

    /// Its name, as the file, a model and tools write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Chat => "chat",
            Self::WorkflowCreate => "workflow_create",
            Self::WorkflowStatus => "workflow_status",
            Self::WorkflowPause => "workflow_pause",
            Self::Earnings => "earnings",
            Self::Payout => "payout",
            Self::CareerPlan => "career_plan",
            Self::Content => "content",
            Self::Lyrics => "lyrics",
            Self::ReleaseSubmit => "release_submit",
            Self::ReleaseStatus => "release_status",
            Self::Approvals => "approvals",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Playlist => "playlist",
            Self::Play => "play",
            Self::Pause => "pause",
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::NowPlaying => "now_playing",
            Self::Recommend => "recommend",
            Self::Player => "player",
            Self::Tip => "tip",
            Self::UploadHelp => "upload_help",
            Self::Documents => "documents",
            Self::Forget => "forget",
            Self::Why => "why",
            Self::Settings => "settings",
            Self::Link => "link",
            Self::Feedback => "feedback",
            Self::StopNudges => "stop_nudges",
            Self::Human => "human",
            Self::Crisis => "crisis",
        }
    }

    /// What it means, for a language model; the sentence of the file.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Ask => {
                "Asks to be told something from documents or from trade knowledge: what a paper says, how something works, what a word means, whether something is wise, also when an act with an effect is only mentioned."
            }
            Self::Chat => {
                "Small talk, greetings, thanks, news, musings, questions about Toney itself, and anything that mentions or forbids an act without an open request of Toney's."
            }
            Self::WorkflowCreate => {
                "Wants something to happen by itself from now on, once or repeatedly, or wants an existing automation to work differently."
            }
            Self::WorkflowStatus => {
                "Asks which automations exist, whether one runs or ran, what it did or why it failed."
            }
            Self::WorkflowPause => "Wants an existing automation paused, resumed or deleted.",
            Self::Earnings => {
                "Asks for figures of own money: income, tips, balance, pending or withdrawn sums, by period, source or song."
            }
            Self::Payout => "Orders own money to be paid out, withdrawn or transferred now.",
            Self::CareerPlan => {
                "Wants a plan, roadmap, strategy, milestones or next steps made, changed or shown, or sets a goal."
            }
            Self::Content => {
                "Wants a text for the public or for partners written or reworked: caption, post, bio, newsletter, press text, pitch, reply, mail, ideas for posts."
            }
            Self::Lyrics => "Wants words of a song written, continued, judged or improved.",
            Self::ReleaseSubmit => {
                "Orders a release to be handed in, delivered, published or moved on in its chain."
            }
            Self::ReleaseStatus => {
                "Asks where a release stands, whether it is delivered or live, what blocks it or why it was refused."
            }
            Self::Approvals => "Asks what waits for a decision or what was decided.",
            Self::Approve => {
                "Says yes to a request that is open or to what Toney has just proposed."
            }
            Self::Reject => {
                "Says no to, or sends back, a request that is open or what Toney has just proposed."
            }
            Self::Playlist => "Wants a playlist made, filled, changed or saved.",
            Self::Play => "Wants music to start or to go on.",
            Self::Pause => "Wants the music to stop or pause.",
            Self::Skip => "Wants the next or the previous track instead of this one.",
            Self::Queue => {
                "Wants tracks put behind the running one, taken out of the queue, or the queue shown."
            }
            Self::NowPlaying => "Asks what is playing, or about the running track.",
            Self::Recommend => "Wants suggestions of music to hear.",
            Self::Player => {
                "Wants the player set: volume, shuffle, repeat, position, device, or asks which devices there are."
            }
            Self::Tip => {
                "Wants to give money to an artist, or wants the link, code or page where fans can."
            }
            Self::UploadHelp => {
                "Asks how, where or in which form to give Toney files, or what went wrong with one."
            }
            Self::Documents => {
                "Wants own files listed, shown, renamed, or shared with or hidden from somebody."
            }
            Self::Forget => "Wants documents, facts or all data deleted from Toney's keeping.",
            Self::Why => {
                "Asks for the reasons, sources, readings or cost behind what Toney said or did."
            }
            Self::Settings => {
                "Wants how Toney behaves towards this person shown or changed: language, name, hours, model, length, filters, retention, access."
            }
            Self::Link => {
                "Wants an outside account or another chat account connected, disconnected, or asks which are, or brings an invitation code."
            }
            Self::Feedback => "Judges an answer or the product, or reports an error or a wish.",
            Self::StopNudges => {
                "Wants Toney to stop writing on its own, altogether or for some kind."
            }
            Self::Human => "Wants a person instead of Toney, or wants a person told.",
            Self::Crisis => {
                "Speaks of danger to life or health, their own or of somebody near, now: suicide, self-harm, violence at home, overdose or relapse, eating disorder, breakdown."
            }
        }
    }

    /// Whether it changes something outside the talk, so that it needs an open order.
    pub const fn has_effect(self) -> bool {
        match self {
            Self::WorkflowCreate
            | Self::WorkflowPause
            | Self::Payout
            | Self::ReleaseSubmit
            | Self::Approve
            | Self::Reject
            | Self::Playlist
            | Self::Play
            | Self::Pause
            | Self::Skip
            | Self::Queue
            | Self::Player
            | Self::Tip
            | Self::Documents
            | Self::Forget
            | Self::Settings
            | Self::Link
            | Self::StopNudges
            | Self::Human
            | Self::Crisis => true,
            Self::Ask
            | Self::Chat
            | Self::WorkflowStatus
            | Self::Earnings
            | Self::CareerPlan
            | Self::Content
            | Self::Lyrics
            | Self::ReleaseStatus
            | Self::Approvals
            | Self::NowPlaying
            | Self::Recommend
            | Self::UploadHelp
            | Self::Why
            | Self::Feedback => false,
        }
    }

    /// Which knowledge it can mean; the usual one first.
    pub const fn targets(self) -> &'static [Target] {
        match self {
            Self::Ask => &[Target::Global, Target::Personal, Target::Hybrid],
            Self::CareerPlan => &[Target::Hybrid, Target::Personal],
            Self::Content => &[Target::Personal, Target::None, Target::Hybrid],
            Self::Lyrics | Self::Recommend => &[Target::None, Target::Personal],
            Self::WorkflowStatus
            | Self::Earnings
            | Self::Payout
            | Self::ReleaseStatus
            | Self::Approvals
            | Self::Documents
            | Self::Forget
            | Self::Why => &[Target::Personal],
            Self::Chat
            | Self::WorkflowCreate
            | Self::WorkflowPause
            | Self::ReleaseSubmit
            | Self::Approve
            | Self::Reject
            | Self::Playlist
            | Self::Play
            | Self::Pause
            | Self::Skip
            | Self::Queue
            | Self::NowPlaying
            | Self::Player
            | Self::Tip
            | Self::UploadHelp
            | Self::Settings
            | Self::Link
            | Self::Feedback
            | Self::StopNudges
            | Self::Human
            | Self::Crisis => &[Target::None],
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A word that names no act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no act")]
pub struct InvalidAct(String);

impl FromStr for Act {
    type Err = InvalidAct;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|act| act.name() == name)
            .ok_or_else(|| InvalidAct(name.to_owned()))
    }
}
