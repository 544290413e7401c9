use super::super::{ArtistId, Button, Currency, Place, StatementId};

/// What a button under earnings or a statement asks for. Months are as 202608.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoneyPress {
    /// What was earned lately.
    Earnings,
    /// The same months grouped otherwise: by the letter of a grouping; and what alone counts.
    Group(ArtistId, char, (i64, i64), String),
    /// The statements behind an answer.
    From(ArtistId, (i64, i64)),
    /// The statements of an artist, from one on.
    List(ArtistId, usize),
    /// A statement and what can be done with it.
    Show(StatementId),
    /// Asks once more before it is forgotten.
    Drop(StatementId),
    /// Forgets it.
    Delete(StatementId),
    /// Something stands in that column.
    Map(StatementId, Place, usize),
    /// All rows are in that currency.
    Money(StatementId, Currency),
    /// Asks for a place anew.
    Ask(StatementId, Place),
    /// Reads it as was said.
    Import(StatementId),
    /// It is a document and no statement.
    Document(StatementId),
}

impl MoneyPress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let artist = |body: &str| format!("art_{body}").parse::<ArtistId>().ok();
        let statement = |body: &str| format!("stm_{body}").parse::<StatementId>().ok();
        let parts: Vec<&str> = data.splitn(5, ':').collect();
        Some(match parts.as_slice() {
            ["earn", "now"] => Self::Earnings,
            ["earn", by, of, months, only] => {
                let mut by = by.chars();
                let (by, None) = (by.next()?, by.next()) else {
                    return None;
                };
                Self::Group(artist(of)?, by, pair(months)?, (*only).to_owned())
            }
            ["from", of, months] => Self::From(artist(of)?, pair(months)?),
            ["stms", of, from] => Self::List(artist(of)?, from.parse().ok()?),
            ["stm", "show", id] => Self::Show(statement(id)?),
            ["stm", "drop", id] => Self::Drop(statement(id)?),
            ["stm", "delete", id] => Self::Delete(statement(id)?),
            ["stm", "map", id, place, at] => {
                Self::Map(statement(id)?, Place::find(place)?, at.parse().ok()?)
            }
            ["stm", "in", id, currency] => Self::Money(statement(id)?, currency.parse().ok()?),
            ["stm", "ask", id, place] => Self::Ask(statement(id)?, Place::find(place)?),
            ["stm", "import", id] => Self::Import(statement(id)?),
            ["stm", "doc", id] => Self::Document(statement(id)?),
            _ => return None,
        })
    }

    fn data(&self) -> String {
        match self {
            Self::Earnings => "earn:now".to_owned(),
            Self::Group(of, by, (from, to), only) => {
                format!("earn:{by}:{}:{from}-{to}:{only}", of.body())
            }
            Self::From(of, (from, to)) => format!("from:{}:{from}-{to}", of.body()),
            Self::List(of, from) => format!("stms:{}:{from}", of.body()),
            Self::Show(id) => format!("stm:show:{}", id.body()),
            Self::Drop(id) => format!("stm:drop:{}", id.body()),
            Self::Delete(id) => format!("stm:delete:{}", id.body()),
            Self::Map(id, place, at) => format!("stm:map:{}:{}:{at}", id.body(), place.letter()),
            Self::Money(id, currency) => format!("stm:in:{}:{currency}", id.body()),
            Self::Ask(id, place) => format!("stm:ask:{}:{}", id.body(), place.letter()),
            Self::Import(id) => format!("stm:import:{}", id.body()),
            Self::Document(id) => format!("stm:doc:{}", id.body()),
        }
    }

    /// Whether it fits on a button.
    pub fn fits(&self) -> bool {
        self.data().len() <= 64
    }

    /// The button that asks for it.
    pub fn button(&self, label: impl Into<String>) -> Button {
        Button::new(label, self.data())
    }
}

fn pair(months: &str) -> Option<(i64, i64)> {
    let (from, to) = months.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn presses_come_back_and_fit() {
        let ids = Ids::new(Clock::System, Some(3));
        let (artist, id) = (ArtistId::new(&ids), StatementId::new(&ids));
        let months = (202_601, 202_612);
        for press in [
            MoneyPress::Earnings,
            MoneyPress::Group(artist, 's', months, String::new()),
            MoneyPress::Group(artist, 'm', months, "spotify: x".to_owned()),
            MoneyPress::From(artist, months),
            MoneyPress::List(artist, 8),
            MoneyPress::Show(id),
            MoneyPress::Drop(id),
            MoneyPress::Delete(id),
            MoneyPress::Map(id, Place::Net, 199),
            MoneyPress::Money(id, Currency::USD),
            MoneyPress::Ask(id, Place::Title),
            MoneyPress::Import(id),
            MoneyPress::Document(id),
        ] {
            let button = press.button("x");
            assert!(press.fits(), "{}", button.data);
            assert_eq!(MoneyPress::parse(&button.data), Some(press));
        }
        let back = |place: &Place| Place::find(&place.letter().to_string()) == Some(*place);
        assert!(Place::ALL.iter().all(back));
        for wrong in [
            "",
            "stm",
            "stm:show:x",
            "earn:",
            "docs:page:1",
            "stm:map::n:1",
        ] {
            assert_eq!(MoneyPress::parse(wrong), None, "{wrong}");
        }
    }
}
