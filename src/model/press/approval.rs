use crate::model::{ApprovalId, Button, GrantId};

/// What a button under a request for approval, or under a list of them, asks for. A press counts for the revision
/// that it stood under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalPress {
    /// Yes.
    Approve(ApprovalId, i64),
    /// No; what is written next, or into the form, is the reason.
    Reject(ApprovalId, i64),
    /// No, without a reason.
    RejectPlainly(ApprovalId, i64),
    /// Sends it back; what is written next, or into the form, is the note.
    Change(ApprovalId, i64),
    /// Yes, and to all like it for a while.
    Grant(ApprovalId, i64),
    /// Takes one's own request back.
    Withdraw(ApprovalId, i64),
    /// Everything that is known of it.
    Details(ApprovalId),
    /// Ends a standing permission.
    EndGrant(GrantId),
    /// What was decided of late.
    History,
    /// Hands in what a dialogue gathered, once more for a request that was sent back where one is named.
    Submit,
    /// Begins the next version of a release that was sent back.
    Again(ApprovalId),
    /// Ends a dialogue.
    Cancel,
}

impl ApprovalPress {
    /// Reads what stands on a button or a form; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let data = data.strip_prefix("form:").unwrap_or(data);
        let (verb, what) = data.strip_prefix("apv:")?.split_once(':')?;
        let approval = |body: &str| format!("apv_{body}").parse::<ApprovalId>().ok();
        let revised = || {
            let (body, revision) = what.split_once(':')?;
            Some((approval(body)?, revision.parse().ok()?))
        };
        Some(match verb {
            "yes" => revised().map(|(id, at)| Self::Approve(id, at))?,
            "no" => revised().map(|(id, at)| Self::Reject(id, at))?,
            "plainly" => revised().map(|(id, at)| Self::RejectPlainly(id, at))?,
            "change" => revised().map(|(id, at)| Self::Change(id, at))?,
            "grant" => revised().map(|(id, at)| Self::Grant(id, at))?,
            "withdraw" => revised().map(|(id, at)| Self::Withdraw(id, at))?,
            "show" => Self::Details(approval(what)?),
            "end" => Self::EndGrant(format!("grt_{what}").parse().ok()?),
            "history" => Self::History,
            "submit" => Self::Submit,
            "again" => Self::Again(approval(what)?),
            "cancel" => Self::Cancel,
            _ => return None,
        })
    }

    /// What stands on it.
    pub fn data(self) -> String {
        match self {
            Self::Approve(id, at) => format!("apv:yes:{}:{at}", id.body()),
            Self::Reject(id, at) => format!("apv:no:{}:{at}", id.body()),
            Self::RejectPlainly(id, at) => format!("apv:plainly:{}:{at}", id.body()),
            Self::Change(id, at) => format!("apv:change:{}:{at}", id.body()),
            Self::Grant(id, at) => format!("apv:grant:{}:{at}", id.body()),
            Self::Withdraw(id, at) => format!("apv:withdraw:{}:{at}", id.body()),
            Self::Details(id) => format!("apv:show:{}", id.body()),
            Self::EndGrant(id) => format!("apv:end:{}", id.body()),
            Self::History => "apv:history:".to_owned(),
            Self::Submit => "apv:submit:".to_owned(),
            Self::Again(id) => format!("apv:again:{}", id.body()),
            Self::Cancel => "apv:cancel:".to_owned(),
        }
    }

    /// The button that asks for it.
    pub fn button(self, label: impl Into<String>) -> Button {
        Button {
            label: label.into(),
            data: self.data(),
            url: None,
        }
    }

    /// The button that opens a form for it, where there are forms.
    pub fn form_button(self, label: impl Into<String>, forms: bool) -> Button {
        let mark = if forms { "form:" } else { "" };
        Button {
            label: label.into(),
            data: format!("{mark}{}", self.data()),
            url: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn buttons_of_approvals_come_back_and_fit() {
        let ids = Ids::new(Clock::System, Some(1));
        let (id, grant) = (ApprovalId::new(&ids), GrantId::new(&ids));
        for press in [
            ApprovalPress::Approve(id, 1),
            ApprovalPress::Reject(id, 99),
            ApprovalPress::RejectPlainly(id, 2),
            ApprovalPress::Change(id, i64::from(i32::MAX)),
            ApprovalPress::Grant(id, 3),
            ApprovalPress::Withdraw(id, 3),
            ApprovalPress::Details(id),
            ApprovalPress::EndGrant(grant),
            ApprovalPress::History,
            ApprovalPress::Submit,
            ApprovalPress::Again(id),
            ApprovalPress::Cancel,
        ] {
            for button in [press.button("x"), press.form_button("x", true)] {
                assert!(button.data.len() <= 64, "{}", button.data);
                assert_eq!(ApprovalPress::parse(&button.data), Some(press));
            }
        }
        for foreign in [
            "",
            "apv:",
            "apv:yes:x:1",
            "apv:yes:1",
            "form:key:",
            "apv:eat:1",
        ] {
            assert_eq!(ApprovalPress::parse(foreign), None, "{foreign}");
        }
    }
}
