//! Tips beside the statements: what the book of tips says, month by month. A tip counts in the month in which it came,
//! with what is left of it after fees, refunds and disputes.

use anyhow::Result;

use super::amount::Amount;
use super::asked::Period;
use super::books::Books;
use super::date::Month;
use super::report::Earned;
use crate::model::{ArtistId, Currency, Money, Time, phrases};
use crate::store::TipSum;

/// What tips are called beside stores and distributors.
pub const TIPS: &str = "Tips";

/// The tips of one month that came one way, in one currency. Stars are a currency of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub month: Month,
    /// As it stands in tables: `stars`, `stripe`.
    pub provider: String,
    pub currency: Currency,
    /// What is left of them.
    pub net: Amount,
    pub tips: i64,
    /// When the newest of them came.
    pub last_at: Time,
}

/// Where tips came from, over several months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Giving {
    pub provider: String,
    pub net: Money,
    pub tips: i64,
    pub period: Period,
    pub last_at: Time,
}

impl Books {
    /// The tips of an artist, as far as they have what is looked for.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn given(&self, artist: ArtistId, only: &str) -> Result<Vec<Given>> {
        let mut all: Vec<Given> = self
            .store
            .tip_sums(artist)
            .await?
            .into_iter()
            .filter_map(given)
            .collect();
        all.retain(|one| is_meant(&one.provider, only));
        Ok(all)
    }
}

/// A line that nobody could have written is left out.
fn given(sum: TipSum) -> Option<Given> {
    let currency: Currency = sum.currency.parse().ok()?;
    let (year, month) = sum.month.split_once('-')?;
    Some(Given {
        month: Month::new(year.parse().ok()?, month.parse().ok()?)?,
        provider: sum.provider,
        currency,
        net: Amount::from_money(Money {
            minor: sum.net,
            currency,
        }),
        tips: sum.tips,
        last_at: Time::from_ms(sum.last_at),
    })
}

/// Whether tips that came this way are looked for: all of them, tips, or those of that provider.
fn is_meant(provider: &str, only: &str) -> bool {
    let name = phrases::tip_provider(provider).to_lowercase();
    TIPS.to_lowercase().contains(only) || name.contains(only) || provider.contains(only)
}

/// Tips as earnings of one source, whatever else is grouped.
pub fn earned(given: &[Given]) -> impl Iterator<Item = Earned> {
    given.iter().map(|one| Earned {
        currency: one.currency,
        month: one.month,
        group: TIPS.to_owned(),
        net: one.net,
    })
}

/// Where the tips of a period came from: by provider and currency, in the order of their names.
pub fn behind(given: &[Given], period: Period) -> Vec<Giving> {
    let mut all: Vec<Giving> = Vec::new();
    for one in given.iter().filter(|one| period.holds(one.month)) {
        let net = one.net.money(one.currency);
        let mut known = all.iter_mut();
        let same = |known: &&mut Giving| {
            known.provider == one.provider && known.net.currency == one.currency
        };
        match known.find(same) {
            Some(known) => {
                known.net.minor += net.minor;
                known.tips += one.tips;
                known.last_at = known.last_at.max(one.last_at);
                known.period = Period {
                    from: known.period.from.min(one.month),
                    to: known.period.to.max(one.month),
                };
            }
            None => all.push(Giving {
                provider: one.provider.clone(),
                net,
                tips: one.tips,
                period: Period {
                    from: one.month,
                    to: one.month,
                },
                last_at: one.last_at,
            }),
        }
    }
    all.sort_by(|one, other| {
        let key = |giving: &Giving| (giving.provider.clone(), giving.net.currency);
        key(one).cmp(&key(other))
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(month: &str, provider: &str, (currency, net): (&str, i64)) -> TipSum {
        TipSum {
            month: month.to_owned(),
            provider: provider.to_owned(),
            currency: currency.to_owned(),
            tips: 1,
            gross: net,
            fee: 0,
            refunded: 0,
            lost: 0,
            net,
            first_at: 1,
            last_at: net,
        }
    }

    #[test]
    fn tips_are_added_up_by_provider_and_currency() {
        let all: Vec<Given> = [
            sum("2026-08", "stripe", ("USD", 2_500)),
            sum("2026-09", "stripe", ("USD", -120)),
            sum("2026-09", "stars", ("XTR", 100)),
            sum("2026-10", "stripe", ("USD", 900)),
            sum("soon", "stripe", ("USD", 900)),
            sum("2026-09", "stripe", ("DOLLARS", 900)),
        ]
        .into_iter()
        .filter_map(given)
        .collect();
        assert_eq!(all.len(), 4, "what cannot be is left out");
        let month = |number| Month::from_number(number).unwrap();
        let period = Period {
            from: month(202_608),
            to: month(202_609),
        };
        let behind = behind(&all, period);
        let sums: Vec<_> = behind.iter().map(|one| one.net.to_string()).collect();
        assert_eq!(sums, ["100 Stars", "23.80 USD"]);
        assert_eq!(behind[1].period, period);
        assert_eq!(behind[1].last_at, Time::from_ms(2_500));
    }

    #[test]
    fn tips_are_found_by_what_they_are_called() {
        for (provider, only, is) in [
            ("stars", "", true),
            ("stars", "tips", true),
            ("stars", "tip", true),
            ("kofi", "ko-fi", true),
            ("stripe", "spotify", false),
            ("stripe", "first light", false),
        ] {
            assert_eq!(is_meant(provider, only), is, "{provider} {only}");
        }
    }
}
