use crate::model::{ArtistId, AskId, Button, TipId};

/// What a button about tips asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TipPress {
    /// The jar of an artist.
    Jar(ArtistId),
    /// So many Stars for an artist.
    Stars(ArtistId, i64),
    /// So much by card for an artist, in the smallest unit of the jar's currency.
    Card(ArtistId, i64),
    /// The fan's name may be said in public, or may not.
    Public(AskId, bool),
    /// Asks once more before a tip is given back.
    Refund(TipId),
    /// Gives it back.
    GiveBack(TipId),
    /// Leaves it as it is.
    Keep,
}

impl TipPress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let rest = data.strip_prefix("tip:")?;
        if rest == "keep" {
            return Some(Self::Keep);
        }
        let (verb, what) = rest.split_once(':')?;
        let artist = |body: &str| format!("art_{body}").parse().ok();
        let tip = |body: &str| format!("tip_{body}").parse().ok();
        let amount = || {
            let (body, amount) = what.split_once(':')?;
            Some((artist(body)?, amount.parse().ok()?))
        };
        Some(match verb {
            "jar" => Self::Jar(artist(what)?),
            "stars" => amount().map(|(artist, minor)| Self::Stars(artist, minor))?,
            "card" => amount().map(|(artist, minor)| Self::Card(artist, minor))?,
            "name" => Self::Public(format!("ask_{what}").parse().ok()?, true),
            "hide" => Self::Public(format!("ask_{what}").parse().ok()?, false),
            "refund" => Self::Refund(tip(what)?),
            "back" => Self::GiveBack(tip(what)?),
            _ => return None,
        })
    }

    fn data(self) -> String {
        match self {
            Self::Jar(artist) => format!("tip:jar:{}", artist.body()),
            Self::Stars(artist, minor) => format!("tip:stars:{}:{minor}", artist.body()),
            Self::Card(artist, minor) => format!("tip:card:{}:{minor}", artist.body()),
            Self::Public(ask, true) => format!("tip:name:{}", ask.body()),
            Self::Public(ask, false) => format!("tip:hide:{}", ask.body()),
            Self::Refund(tip) => format!("tip:refund:{}", tip.body()),
            Self::GiveBack(tip) => format!("tip:back:{}", tip.body()),
            Self::Keep => "tip:keep".to_owned(),
        }
    }

    /// The button that asks for it.
    pub fn button(self, label: impl Into<String>) -> Button {
        Button::new(label, self.data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn buttons_of_tips_come_back_and_fit() {
        let ids = Ids::new(Clock::System, Some(1));
        let (artist, tip) = (ArtistId::new(&ids), TipId::new(&ids));
        for press in [
            TipPress::Jar(artist),
            TipPress::Stars(artist, i64::MAX),
            TipPress::Card(artist, 500),
            TipPress::Public(AskId::new(&ids), true),
            TipPress::Public(AskId::new(&ids), false),
            TipPress::Refund(tip),
            TipPress::GiveBack(tip),
            TipPress::Keep,
        ] {
            let button = press.button("x");
            assert!(button.data.len() <= 64, "{}", button.data);
            assert_eq!(TipPress::parse(&button.data), Some(press));
        }
        for foreign in [
            "",
            "tip:",
            "tip:jar:",
            "tip:stars:x:1",
            "tip:eat:1",
            "stop:1",
        ] {
            assert_eq!(TipPress::parse(foreign), None, "{foreign}");
        }
    }
}
