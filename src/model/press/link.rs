use super::super::LinkId;
use super::Button;

/// What a button under the card of a link asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkPress {
    /// It is me; or it is not.
    Say(LinkId, bool),
    /// Asks once more before the account of this number in the list becomes a person of its own.
    TakeOut(usize),
    /// Does it: the platform and the id there.
    Really(String, String),
    /// Leaves it as it is.
    Leave,
}

impl LinkPress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let (verb, what) = data.strip_prefix("link:")?.split_once(':')?;
        let id = || format!("lnk_{what}").parse().ok();
        Some(match verb {
            "yes" => Self::Say(id()?, true),
            "no" => Self::Say(id()?, false),
            "out" => Self::TakeOut(what.parse().ok()?),
            "really" => {
                let (platform, user) = what.split_once(':')?;
                Self::Really(platform.to_owned(), user.to_owned())
            }
            "leave" => Self::Leave,
            _ => return None,
        })
    }

    /// The button that asks for it.
    pub fn button(&self, label: impl Into<String>) -> Button {
        let data = match self {
            Self::Say(link, true) => format!("link:yes:{}", link.body()),
            Self::Say(link, false) => format!("link:no:{}", link.body()),
            Self::TakeOut(number) => format!("link:out:{number}"),
            Self::Really(platform, user) => format!("link:really:{platform}:{user}"),
            Self::Leave => "link:leave:".to_owned(),
        };
        Button::new(label, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn buttons_of_links_come_back() {
        let link = LinkId::new(&Ids::new(Clock::System, Some(1)));
        for press in [
            LinkPress::Say(link, true),
            LinkPress::Say(link, false),
            LinkPress::TakeOut(1),
            LinkPress::Really("somewhere".to_owned(), "1234567890123456789".to_owned()),
            LinkPress::Leave,
        ] {
            let data = press.button("x").data;
            assert!(data.len() <= 64, "{data}");
            assert_eq!(LinkPress::parse(&data), Some(press));
        }
        for foreign in ["", "link:", "link:yes:", "link:really:a", "stop:1"] {
            assert_eq!(LinkPress::parse(foreign), None, "{foreign}");
        }
    }
}
