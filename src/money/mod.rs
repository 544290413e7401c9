//! What an artist earned: statements that were dropped into a chat, tips beside them, and the figures they add up to.
//!
//! A file becomes rows in a process of its own ([`sheet`]), rows become lines ([`import`]), lines are added up by the
//! store and put together for reading ([`report`], [`chart`]). Money is never a float, currencies are never added to one
//! another, and no row counts twice. It never says anything but to those who work for the artist, and never keeps a
//! statement's file once its rows are in. Start with [`Books`] and [`worker::TakeStatement`].

pub mod amount;
pub mod asked;
pub mod books;
pub mod chart;
pub mod date;
pub mod figures;
pub mod forecast;
pub mod given;
pub mod import;
pub mod insight;
pub mod profile;
pub mod question;
pub mod reading;
pub mod report;
pub mod row;
pub mod sheet;
pub mod shelf;
pub mod worker;

use serde::Deserialize;

pub use books::{Books, Told};
pub use figures::Figures;

use crate::model::{Currency, Money};

/// Settings of the section `[money]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Amounts like `100 USD`: earnings that go over one are an event.
    pub thresholds: Vec<String>,
    /// A statement is read so long, in seconds.
    pub read_seconds: u64,
}

/// A threshold that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`money.thresholds` holds `{0}`; amounts like `100 USD` are wanted")]
pub struct WrongThreshold(String);

impl Settings {
    /// The thresholds as amounts.
    ///
    /// # Errors
    ///
    /// Names the first that is none.
    pub fn thresholds(&self) -> Result<Vec<Money>, WrongThreshold> {
        let read = |text: &String| {
            let (amount, currency) = text.trim().rsplit_once(' ')?;
            let currency: Currency = currency.parse().ok()?;
            let amount = amount::Amount::parse(amount, amount::Mark::Point)?;
            Some(amount.money(currency)).filter(|money| money.minor > 0)
        };
        let all = self.thresholds.iter();
        all.map(|text| read(text).ok_or_else(|| WrongThreshold(text.clone())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_amounts() {
        let of = |text: &str| {
            let thresholds = vec![text.to_owned()];
            Settings {
                thresholds,
                read_seconds: 1,
            }
            .thresholds()
        };
        assert_eq!(
            of("1,000.50 usd").unwrap(),
            [Money {
                minor: 100_050,
                currency: Currency::USD
            }]
        );
        for wrong in ["100", "USD", "0 USD", "-5 USD", "x USD", "5 DOLLARS"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
