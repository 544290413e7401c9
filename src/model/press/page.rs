use super::Button;
use crate::model::PageId;

/// The button by which a human takes care of somebody who may be in danger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagePress(pub PageId);

impl PagePress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let body = data.strip_prefix("page:take:")?;
        format!("pag_{body}").parse().ok().map(Self)
    }

    /// The button that says it.
    pub fn button(self, label: impl Into<String>) -> Button {
        Button::new(label, format!("page:take:{}", self.0.body()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn the_button_comes_back_and_fits() {
        let press = PagePress(PageId::new(&Ids::new(Clock::System, Some(2))));
        let data = press.button("x").data;
        assert!(data.len() <= 64, "{data}");
        assert_eq!(PagePress::parse(&data), Some(press));
        assert_eq!(PagePress::parse("page:take:"), None);
        assert_eq!(PagePress::parse("human:take:1"), None);
    }
}
