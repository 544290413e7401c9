use crate::model::{Button, DraftId, MilestoneId, ProposalId, RequestId, TurnId};

/// What a button under a proposal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeedPress {
    /// Does it.
    Do(ProposalId),
    /// Leaves it.
    Leave(ProposalId),
}

/// What a button under a draft asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftPress {
    Shorter(DraftId),
    Warmer(DraftId),
    /// Something else altogether.
    Another(DraftId),
    /// This is how the artist sounds.
    Keep(DraftId),
}

/// What a button under a plan asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanPress {
    /// The step is done.
    Done(MilestoneId),
    /// All of it as a document.
    Export,
}

/// The button by which somebody takes a request for a human on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanPress(pub RequestId);

/// What a button about an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThumbPress<'a> {
    Up(TurnId),
    Down(TurnId),
    /// What was wrong, in a word.
    Why(TurnId, &'a str),
    /// Nobody wants to say.
    Skip,
}

/// The id that a button carries without its prefix.
fn id<T: std::str::FromStr>(prefix: &str, body: &str) -> Option<T> {
    format!("{prefix}_{body}").parse().ok()
}

fn button(label: impl Into<String>, data: String) -> Button {
    Button::new(label, data)
}

impl DeedPress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let (verb, body) = data.split_once(':')?;
        match verb {
            "do" => id("prp", body).map(Self::Do),
            "leave" => id("prp", body).map(Self::Leave),
            _ => None,
        }
    }

    /// The button that asks for it.
    pub fn button(self, label: impl Into<String>) -> Button {
        let data = match self {
            Self::Do(id) => format!("do:{}", id.body()),
            Self::Leave(id) => format!("leave:{}", id.body()),
        };
        button(label, data)
    }
}

impl DraftPress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let (verb, body) = data.strip_prefix("draft:")?.split_once(':')?;
        let id = id("drf", body)?;
        Some(match verb {
            "shorter" => Self::Shorter(id),
            "warmer" => Self::Warmer(id),
            "another" => Self::Another(id),
            "keep" => Self::Keep(id),
            _ => return None,
        })
    }

    /// The button that asks for it.
    pub fn button(self, label: impl Into<String>) -> Button {
        let data = match self {
            Self::Shorter(id) => format!("draft:shorter:{}", id.body()),
            Self::Warmer(id) => format!("draft:warmer:{}", id.body()),
            Self::Another(id) => format!("draft:another:{}", id.body()),
            Self::Keep(id) => format!("draft:keep:{}", id.body()),
        };
        button(label, data)
    }
}

impl PlanPress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        match data {
            "plan:export" => Some(Self::Export),
            data => id("mls", data.strip_prefix("plan:done:")?).map(Self::Done),
        }
    }

    /// The button that asks for it.
    pub fn button(self, label: impl Into<String>) -> Button {
        match self {
            Self::Done(id) => button(label, format!("plan:done:{}", id.body())),
            Self::Export => button(label, "plan:export".to_owned()),
        }
    }
}

impl HumanPress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        id("req", data.strip_prefix("human:take:")?).map(Self)
    }

    /// The button that asks for it.
    pub fn button(self, label: impl Into<String>) -> Button {
        button(label, format!("human:take:{}", self.0.body()))
    }
}

impl<'a> ThumbPress<'a> {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &'a str) -> Option<Self> {
        let said = data.strip_prefix("thumb:")?;
        if said == "skip" {
            return Some(Self::Skip);
        }
        let (verb, rest) = said.split_once(':')?;
        match verb {
            "up" => id("trn", rest).map(Self::Up),
            "down" => id("trn", rest).map(Self::Down),
            "why" => {
                let (body, why) = rest.split_once(':')?;
                Some(Self::Why(id("trn", body)?, why))
            }
            _ => None,
        }
    }

    /// The button that says it.
    pub fn button(self, label: impl Into<String>) -> Button {
        let data = match self {
            Self::Up(id) => format!("thumb:up:{}", id.body()),
            Self::Down(id) => format!("thumb:down:{}", id.body()),
            Self::Why(id, why) => format!("thumb:why:{}:{why}", id.body()),
            Self::Skip => "thumb:skip".to_owned(),
        };
        button(label, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn buttons_come_back_and_fit() {
        let ids = Ids::new(Clock::System, Some(3));
        let deed = ProposalId::new(&ids);
        for press in [DeedPress::Do(deed), DeedPress::Leave(deed)] {
            assert_eq!(DeedPress::parse(&press.button("x").data), Some(press));
        }
        let draft = DraftId::new(&ids);
        for press in [
            DraftPress::Shorter(draft),
            DraftPress::Warmer(draft),
            DraftPress::Another(draft),
            DraftPress::Keep(draft),
        ] {
            assert_eq!(DraftPress::parse(&press.button("x").data), Some(press));
        }
        for step in [PlanPress::Done(MilestoneId::new(&ids)), PlanPress::Export] {
            assert_eq!(PlanPress::parse(&step.button("x").data), Some(step));
        }
        let human = HumanPress(RequestId::new(&ids));
        assert_eq!(HumanPress::parse(&human.button("x").data), Some(human));
        let turn = TurnId::new(&ids);
        for press in [
            ThumbPress::Up(turn),
            ThumbPress::Down(turn),
            ThumbPress::Why(turn, "unclear"),
            ThumbPress::Skip,
        ] {
            let data = press.button("x").data;
            assert!(data.len() <= 64, "{data}");
            assert_eq!(ThumbPress::parse(&data), Some(press));
        }
        for foreign in [
            "",
            "do:",
            "do:zz",
            "draft:eat:1",
            "thumb:why:1",
            "plan:done:",
            "human:take:x",
        ] {
            assert_eq!(DeedPress::parse(foreign), None);
            assert_eq!(DraftPress::parse(foreign), None);
            assert_eq!(PlanPress::parse(foreign), None);
            assert_eq!(HumanPress::parse(foreign), None);
            assert_eq!(ThumbPress::parse(foreign), None);
        }
    }
}
