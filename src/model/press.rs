mod approval;
mod doing;
mod flows;
mod tip;

mod money;
mod nudge;

use super::{Button, DocumentId};
pub use doing::{DeedPress, DraftPress, HumanPress, PlanPress, ThumbPress};
pub use flows::FlowPress;
mod dialogue;
mod link;
mod me;
mod page;
pub use dialogue::{DialoguePress, Reply};
pub use link::LinkPress;
pub use me::MePress;
pub use page::PagePress;

pub use money::MoneyPress;
pub use nudge::NudgePress;

pub use approval::ApprovalPress;
pub use tip::TipPress;

/// What a button under a document or a source asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentPress {
    /// Another page of the list.
    Page(usize),
    /// A document and what can be done with it.
    Show(DocumentId),
    /// Lets the artist's managers reach it.
    Share(DocumentId),
    /// Lets nobody else reach it any more.
    Keep(DocumentId),
    /// Asks once more before it is deleted.
    Drop(DocumentId),
    /// Deletes it.
    Delete(DocumentId),
    /// A passage: chunks from one to the other.
    Read(DocumentId, (i64, i64)),
}

impl DocumentPress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let (verb, rest) = data.split_once(':')?;
        let id = |body: &str| format!("doc_{body}").parse::<DocumentId>().ok();
        if verb == "read" {
            let (body, range) = rest.split_once(':')?;
            let (from, to) = range.split_once('-')?;
            return Some(Self::Read(
                id(body)?,
                (from.parse().ok()?, to.parse().ok()?),
            ));
        }
        let (verb, what) = rest.split_once(':').filter(|_| verb == "docs")?;
        Some(match verb {
            "page" => Self::Page(what.parse().ok()?),
            "show" => Self::Show(id(what)?),
            "share" => Self::Share(id(what)?),
            "keep" => Self::Keep(id(what)?),
            "drop" => Self::Drop(id(what)?),
            "delete" => Self::Delete(id(what)?),
            _ => return None,
        })
    }

    fn data(self) -> String {
        match self {
            Self::Page(page) => format!("docs:page:{page}"),
            Self::Show(id) => format!("docs:show:{}", id.body()),
            Self::Share(id) => format!("docs:share:{}", id.body()),
            Self::Keep(id) => format!("docs:keep:{}", id.body()),
            Self::Drop(id) => format!("docs:drop:{}", id.body()),
            Self::Delete(id) => format!("docs:delete:{}", id.body()),
            Self::Read(id, (from, to)) => format!("read:{}:{from}-{to}", id.body()),
        }
    }

    /// The button that asks for it.
    pub fn button(self, label: impl Into<String>) -> Button {
        Button::new(label, self.data())
    }
}

/// What a button under the list of models asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelPress {
    /// Another page of the list.
    Page(usize),
    /// Takes the model with this tag.
    Set(String),
    /// Leaves the choice to Toney.
    Auto,
    /// Opens a form for a key of one's own, for this provider where one is named.
    Key(String),
}

impl ModelPress {
    /// Reads what stands on a button or a form; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        if let Some(provider) = data.strip_prefix("form:key:") {
            return Some(Self::Key(provider.to_owned()));
        }
        let (verb, what) = data.strip_prefix("model:")?.split_once(':')?;
        Some(match verb {
            "page" => Self::Page(what.parse().ok()?),
            "set" => Self::Set(what.to_owned()),
            "auto" => Self::Auto,
            _ => return None,
        })
    }

    /// What stands on it.
    pub fn data(&self) -> String {
        match self {
            Self::Page(page) => format!("model:page:{page}"),
            Self::Set(tag) => format!("model:set:{tag}"),
            Self::Auto => "model:auto:".to_owned(),
            Self::Key(provider) => format!("form:key:{provider}"),
        }
    }

    /// The button that asks for it.
    pub fn button(&self, label: impl Into<String>) -> Button {
        Button::new(label, self.data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn buttons_of_models_come_back() {
        for press in [
            ModelPress::Page(2),
            ModelPress::Set("00ff".to_owned()),
            ModelPress::Auto,
            ModelPress::Key(String::new()),
            ModelPress::Key("openai".to_owned()),
        ] {
            assert_eq!(ModelPress::parse(&press.button("x").data), Some(press));
        }
        for foreign in ["", "model:", "model:eat:1", "model:page:x", "form:other:1"] {
            assert_eq!(ModelPress::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn buttons_come_back_and_fit() {
        let id = DocumentId::new(&Ids::new(Clock::System, Some(1)));
        for press in [
            DocumentPress::Page(3),
            DocumentPress::Show(id),
            DocumentPress::Share(id),
            DocumentPress::Keep(id),
            DocumentPress::Drop(id),
            DocumentPress::Delete(id),
            DocumentPress::Read(id, (1_000_000, 1_000_009)),
        ] {
            let button = press.button("x");
            assert!(button.data.len() <= 64, "{}", button.data);
            assert_eq!(DocumentPress::parse(&button.data), Some(press));
        }
        for foreign in [
            "",
            "stop:1",
            "docs:show:",
            "docs:show:zz",
            "read:x:1-2",
            "docs:eat:1",
        ] {
            assert_eq!(DocumentPress::parse(foreign), None, "{foreign}");
        }
    }
}
