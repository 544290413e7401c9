use serde::{Deserialize, Serialize};

use super::{
    Address, ApprovalId, ArtistId, EventId, Money, Payment, PersonId, RunId, StatementId, Time,
    TipId, WorkflowId,
};

/// Something that happened; stored in the transaction that made it true, then handed to everyone
/// who subscribed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Time,
    /// Whom it concerns.
    pub person: Option<PersonId>,
    /// The artist whom it concerns.
    #[serde(default)]
    pub artist: Option<ArtistId>,
    /// Where it happened, if that was in a chat.
    pub address: Option<Address>,
    /// What happened.
    pub what: Happening,
}

/// What happened, in the past tense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// Somebody wrote for the first time.
    PersonMet,
    /// A session grew beyond its window.
    WindowExceeded { session: super::SessionId },
    /// A file came in and waits with the platform.
    AttachmentReceived { attachment: super::AttachmentId },
    /// A chat can no longer be reached.
    AddressLost,
    /// A chat can be reached again.
    AddressRegained,
    /// Money arrived.
    PaymentReceived { payment: Payment },
    /// A fan gave money, and it is booked.
    TipReceived { tip: TipId, gross: Money },
    /// A tip was given back, in part or whole; `gross` is what went.
    TipRefunded { tip: TipId, gross: Money },
    /// A tip is disputed, or the dispute ended well (`won`) or badly.
    TipDisputed { tip: TipId, won: Option<bool> },
    /// Somebody gave or wrote to an artist for the first time.
    FanJoined,
    /// An artist has so many fans now.
    FanMilestone { fans: u64 },
    /// What an artist earned went over a threshold.
    EarningsThresholdReached { threshold: Money, total: Money },
    /// The artist's music is streamed by so many percent more than usual.
    StreamsSpiked { percent: u64 },
    /// A statement was imported.
    StatementImported { statement: StatementId, rows: u64 },
    /// Money was paid out, or could not be.
    PayoutEnded { gross: Money, paid: bool },
    /// So much can be paid out now.
    PayoutAvailable { sum: Money },
    /// An automation was made.
    WorkflowCreated { workflow: WorkflowId },
    /// An automation did all it was to do.
    WorkflowDone { workflow: WorkflowId, run: RunId },
    /// An automation failed for good.
    WorkflowFailed {
        workflow: WorkflowId,
        run: RunId,
        /// What went wrong, in a sentence for the person.
        reason: String,
    },
    /// Something waits for a decision.
    ApprovalAsked { approval: ApprovalId },
    /// A decision was taken, or the time for it ended; `state` is the word of the table.
    ApprovalDecided { approval: ApprovalId, state: String },
    /// Two identities are one person now; `from` is no person any more.
    PersonLinked { from: PersonId },
    /// A goal was set or changed.
    GoalSet,
    /// A step of a plan was reached.
    MilestoneReached { milestone: super::MilestoneId },
    /// Somebody said what they think of an answer.
    FeedbackGiven { good: bool },
    /// A provider of models stopped answering.
    ProviderDown {
        provider: String,
        /// Those of its models that are left alone.
        models: Vec<String>,
        /// The word of the figures for what went wrong last.
        reason: String,
        since: Time,
    },
    /// A provider of models answers again, and stayed so.
    ProviderBack {
        provider: String,
        since: Time,
        until: Time,
        /// Calls that failed meanwhile.
        failed: u64,
        /// Calls that others answered meanwhile.
        saved: u64,
    },
}

impl Happening {
    /// The name it is stored and counted under.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PersonMet => "person_met",
            Self::WindowExceeded { .. } => "window_exceeded",
            Self::AttachmentReceived { .. } => "attachment_received",
            Self::AddressLost => "address_lost",
            Self::AddressRegained => "address_regained",
            Self::PaymentReceived { .. } => "payment_received",
            Self::TipReceived { .. } => "tip_received",
            Self::TipRefunded { .. } => "tip_refunded",
            Self::TipDisputed { .. } => "tip_disputed",
            Self::FanJoined => "fan_joined",
            Self::FanMilestone { .. } => "fan_milestone",
            Self::EarningsThresholdReached { .. } => "earnings_threshold_reached",
            Self::StreamsSpiked { .. } => "streams_spiked",
            Self::StatementImported { .. } => "statement_imported",
            Self::PayoutEnded { .. } => "payout_ended",
            Self::PayoutAvailable { .. } => "payout_available",
            Self::WorkflowCreated { .. } => "workflow_created",
            Self::WorkflowDone { .. } => "workflow_done",
            Self::WorkflowFailed { .. } => "workflow_failed",
            Self::ApprovalAsked { .. } => "approval_asked",
            Self::ApprovalDecided { .. } => "approval_decided",
            Self::PersonLinked { .. } => "person_linked",
            Self::GoalSet => "goal_set",
            Self::MilestoneReached { .. } => "milestone_reached",
            Self::FeedbackGiven { .. } => "feedback_given",
            Self::ProviderDown { .. } => "provider_down",
            Self::ProviderBack { .. } => "provider_back",
        }
    }
}
