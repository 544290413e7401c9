use crate::model::{Button, ProposalId, RunId, WorkflowId};

/// What a button under a workflow asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowPress {
    /// The list.
    List,
    /// A workflow and what can be done with it.
    Show(WorkflowId),
    /// A rehearsal on past events.
    Rehearse(WorkflowId),
    Pause(WorkflowId),
    Resume(WorkflowId),
    /// Asks how it should change.
    Edit(WorkflowId),
    History(WorkflowId),
    /// Asks once more before it is deleted.
    Drop(WorkflowId),
    Delete(WorkflowId),
    /// Yes to what is proposed.
    Yes(ProposalId),
    /// No to it.
    No(ProposalId),
    /// A rehearsal of what is proposed.
    Try(ProposalId),
    /// A likely answer to what was asked back, by its place.
    Say(ProposalId, u8),
    /// A failed run is tried again.
    Retry(RunId),
    /// What a run did.
    Details(RunId),
}

impl FlowPress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let (verb, what) = data.strip_prefix("flow:")?.split_once(':')?;
        let workflow = || format!("wfl_{what}").parse::<WorkflowId>().ok();
        let run = || format!("run_{what}").parse::<RunId>().ok();
        let proposal = |body: &str| format!("prp_{body}").parse::<ProposalId>().ok();
        Some(match verb {
            "list" => Self::List,
            "show" => Self::Show(workflow()?),
            "dry" => Self::Rehearse(workflow()?),
            "pause" => Self::Pause(workflow()?),
            "resume" => Self::Resume(workflow()?),
            "edit" => Self::Edit(workflow()?),
            "history" => Self::History(workflow()?),
            "drop" => Self::Drop(workflow()?),
            "delete" => Self::Delete(workflow()?),
            "yes" => Self::Yes(proposal(what)?),
            "no" => Self::No(proposal(what)?),
            "try" => Self::Try(proposal(what)?),
            "say" => {
                let (body, place) = what.split_once(':')?;
                Self::Say(proposal(body)?, place.parse().ok()?)
            }
            "retry" => Self::Retry(run()?),
            "details" => Self::Details(run()?),
            _ => return None,
        })
    }

    fn data(self) -> String {
        match self {
            Self::List => "flow:list:".to_owned(),
            Self::Show(id) => format!("flow:show:{}", id.body()),
            Self::Rehearse(id) => format!("flow:dry:{}", id.body()),
            Self::Pause(id) => format!("flow:pause:{}", id.body()),
            Self::Resume(id) => format!("flow:resume:{}", id.body()),
            Self::Edit(id) => format!("flow:edit:{}", id.body()),
            Self::History(id) => format!("flow:history:{}", id.body()),
            Self::Drop(id) => format!("flow:drop:{}", id.body()),
            Self::Delete(id) => format!("flow:delete:{}", id.body()),
            Self::Yes(id) => format!("flow:yes:{}", id.body()),
            Self::No(id) => format!("flow:no:{}", id.body()),
            Self::Try(id) => format!("flow:try:{}", id.body()),
            Self::Say(id, place) => format!("flow:say:{}:{place}", id.body()),
            Self::Retry(id) => format!("flow:retry:{}", id.body()),
            Self::Details(id) => format!("flow:details:{}", id.body()),
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn buttons_come_back_and_fit() {
        let ids = Ids::new(Clock::System, Some(1));
        let (flow, run, asked) = (
            WorkflowId::new(&ids),
            RunId::new(&ids),
            ProposalId::new(&ids),
        );
        for press in [
            FlowPress::List,
            FlowPress::Show(flow),
            FlowPress::Rehearse(flow),
            FlowPress::Pause(flow),
            FlowPress::Resume(flow),
            FlowPress::Edit(flow),
            FlowPress::History(flow),
            FlowPress::Drop(flow),
            FlowPress::Delete(flow),
            FlowPress::Yes(asked),
            FlowPress::No(asked),
            FlowPress::Try(asked),
            FlowPress::Say(asked, 3),
            FlowPress::Retry(run),
            FlowPress::Details(run),
        ] {
            let button = press.button("x");
            assert!(button.data.len() <= 64, "{}", button.data);
            assert_eq!(FlowPress::parse(&button.data), Some(press));
        }
        for foreign in [
            "",
            "flow:",
            "flow:eat:1",
            "flow:show:zz",
            "docs:page:1",
            "flow:say:1",
        ] {
            assert_eq!(FlowPress::parse(foreign), None, "{foreign}");
        }
    }
}
