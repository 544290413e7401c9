use super::{ApprovalId, Button, Content, ProposalId};

/// What a capability came to: the one result of all of them, whoever called it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was done.
    Done(Shown),
    /// Some of it; `missing` says what is not, in a sentence.
    Partial { shown: Shown, missing: String },
    /// Something has to be known first.
    Clarify(Shown),
    /// Nothing was done; it waits for the asker's own press.
    AwaitingConfirmation { shown: Shown, proposal: ProposalId },
    /// Nothing was done; it waits for the decision of others.
    AwaitingApproval { shown: Shown, approval: ApprovalId },
    /// It will not be done; the sentence says why.
    Refused(String),
    /// It could not be done; the sentence says why, and what can be tried.
    Failed(String),
}

/// What a person gets to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Markdown.
    pub text: String,
    /// What a model is told in its place; empty = the text.
    pub told: String,
    /// What stands under it.
    pub buttons: Vec<Vec<Button>>,
    /// Pictures and files that go with it.
    pub files: Vec<Content>,
}

impl Shown {
    /// Words alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Words with buttons.
    pub fn with(text: impl Into<String>, buttons: Vec<Vec<Button>>) -> Self {
        Self {
            buttons,
            ..Self::text(text)
        }
    }
}

impl Outcome {
    /// The word for it, for figures and models.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Partial { .. } => "partial",
            Self::Clarify(_) => "clarify",
            Self::AwaitingConfirmation { .. } => "awaiting_confirmation",
            Self::AwaitingApproval { .. } => "awaiting_approval",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }

    /// What a person gets to see.
    pub fn into_shown(self) -> Shown {
        match self {
            Self::Done(shown)
            | Self::Clarify(shown)
            | Self::AwaitingConfirmation { shown, .. }
            | Self::AwaitingApproval { shown, .. } => shown,
            Self::Partial { shown, missing } => Shown {
                text: format!("{}\n\n{missing}", shown.text),
                ..shown
            },
            Self::Refused(sentence) | Self::Failed(sentence) => Shown::text(sentence),
        }
    }

    /// What a model that called it is told.
    pub fn told(&self) -> String {
        let said = match self {
            Self::Done(shown)
            | Self::Partial { shown, .. }
            | Self::Clarify(shown)
            | Self::AwaitingConfirmation { shown, .. }
            | Self::AwaitingApproval { shown, .. } => match shown.told.as_str() {
                "" => &shown.text,
                told => told,
            },
            Self::Refused(sentence) | Self::Failed(sentence) => sentence,
        };
        let missing = match self {
            Self::Partial { missing, .. } => Some(missing.as_str()),
            Self::AwaitingConfirmation { .. } => Some(
                "Nothing is done yet. The person sees a button and has to press it themselves.",
            ),
            Self::AwaitingApproval { .. } => {
                Some("Nothing is done yet. Those who decide have been asked.")
            }
            Self::Done(_) | Self::Clarify(_) | Self::Refused(_) | Self::Failed(_) => None,
        };
        serde_json::json!({"status": self.status(), "result": said, "note": missing}).to_string()
    }

    /// Whether the person has to see it as it is, whatever a model says about it.
    pub fn must_be_seen(&self) -> bool {
        match self {
            Self::AwaitingConfirmation { .. } | Self::AwaitingApproval { .. } => true,
            Self::Done(shown) | Self::Partial { shown, .. } | Self::Clarify(shown) => {
                !shown.buttons.is_empty() || !shown.files.is_empty()
            }
            Self::Refused(_) | Self::Failed(_) => false,
        }
    }
}
