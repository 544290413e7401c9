//! The nouns everyone shares: ids, addresses, what comes in, what goes out, what happened.
//!
//! This room does no I/O and never decides anything. Start with [`Inbound`] and [`Outbound`]: a
//! gateway turns the first into the second.

mod address;
mod approving;
mod clock;
mod dialogue;
mod event;
mod failure;
mod features;
mod hex;
mod ids;
mod inbound;
mod key;
mod mailing;
mod money;
mod nudge;
mod nudging;
mod outbound;
mod outcome;
pub mod phrases;
mod place;
mod press;
mod seal;
mod standing;
pub mod terms;
mod tip;
mod wall;
pub mod weights;

pub use address::{Address, Chat, InvalidAddress, Message, Thread, User};
pub use approving::{Action, ApprovedAction, AskApproval, Decision};
pub use clock::{Clock, Time};
pub use dialogue::Dialogue;
pub use event::{Event, Happening};
pub use failure::Failure;
pub use features::{Features, Markup, Pace, Unit};
pub use hex::hex;
pub use ids::{
    ApprovalId, ArtistId, AskId, AttachmentId, ConversationId, DocumentId, DraftId, EntryId,
    EventId, FactId, FeedbackId, GoalId, GrantId, HoldId, Ids, InvalidId, JobId, LinkId, MessageId,
    MilestoneId, ModelCallId, NudgeId, OutboundId, PageId, PersonId, ProcessId, ProposalId, ReadId,
    RecommendationId, ReleaseId, RequestId, RunId, SessionId, StatementId, TipId, TurnId,
    WorkflowId,
};
pub use inbound::{
    File, Inbound, Interaction, MediaKind, Membership, Payment, Sender, Setting, What,
};
pub use key::{
    Brought, args_of_model, holds_key, is_key, is_name, key_among, key_behind, model_args,
};
pub use mailing::{MailState, Mailed, SendMail, TellMailed};
pub use money::{Currency, Money, UnknownCurrency};
pub use nudge::{Category, Impulse, Suggested};
pub use nudging::{Minute, NudgeSaid, NudgeSettings, NudgeWord};
pub use outbound::{Button, Content, OUTGOING, Outbound, Part, Priority, Span, Style};
pub use outcome::{Outcome, Shown};
pub use place::Place;
pub use press::{
    ApprovalPress, DeedPress, DialoguePress, DocumentPress, DraftPress, FlowPress, HumanPress,
    LinkPress, MePress, ModelPress, MoneyPress, NudgePress, PagePress, PlanPress, Reply,
    ThumbPress, TipPress,
};
pub use seal::{Seal, Unsealable, own_key_place};

pub use standing::{Standing, Target, UnknownWord};
pub use tip::TipFacts;
pub use wall::first_shown;
