//! The figures of an artist for whoever puts together what is known about them: each with where it is from and how
//! old it is.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::amount::Amount;
use super::books::Books;
use super::date::Month;
use super::given::TIPS;
use crate::model::{ArtistId, Currency, Money, Time};
use crate::store::{LinesBy, LinesOf};

/// Everything that is known about an artist's money; currencies stand side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    pub currencies: Vec<Purse>,
    /// Who says so, the newest first.
    pub sources: Vec<Source>,
}

/// The figures of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Purse {
    /// Everything that was earned.
    pub total: Money,
    /// What can be withdrawn, what will be, and what was; `None` where nobody tells: statements do not.
    pub available: Option<Money>,
    pub pending: Option<Money>,
    pub withdrawn: Option<Money>,
    /// Of the last twelve months of which there are figures.
    pub monthly_average: Money,
    /// By store or provider, the largest first.
    pub by_source: Vec<(String, Money)>,
    /// The first and the last month of which there is anything, as 202608.
    pub months: (i64, i64),
}

/// Who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// `DistroKid, statement “sales.tsv”`, or `Tips`
    pub name: String,
    /// Whether a statement says so; else the book of tips does.
    pub is_statement: bool,
    /// When that was learned.
    pub at: Time,
    /// Up to which month, as 202608.
    pub until: i64,
}

/// Months that an average is of.
const YEAR: i32 = 12;

impl Books {
    /// The figures of an artist, from statements and tips.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn figures(&self, artist: ArtistId) -> Result<Figures> {
        let of = LinesOf {
            artist,
            months: (0, 999_999),
            by: LinesBy::Store,
            only: String::new(),
        };
        let sums = self.store.statement_sums(&of).await?;
        let earned = sums.into_iter().filter_map(|sum| {
            let net = Amount::from_pieces(sum.millionths, sum.rest);
            Some((
                sum.currency.parse().ok()?,
                Month::from_number(sum.month)?,
                sum.name,
                net,
            ))
        });
        let given = self.given(artist, "").await?;
        let tips = given.iter().map(|one| {
            let source = TIPS.to_owned();
            (one.currency, one.month, source, one.net)
        });
        let earned = earned.chain(tips);
        let statements = self.ready(artist).await?.into_iter();
        let mut sources: Vec<Source> = Vec::new();
        if let Some(until) = given.iter().map(|one| one.month).max() {
            let at = given.iter().map(|one| one.last_at).max();
            sources.push(Source {
                name: TIPS.to_owned(),
                is_statement: false,
                at: at.unwrap_or_default(),
                until: until.number(),
            });
        }
        sources.extend(statements.map(|statement| Source {
            name: match statement.source.as_str() {
                "" => format!("statement “{}”", statement.name),
                source => format!("{source}, statement “{}”", statement.name),
            },
            is_statement: true,
            at: statement.imported_at,
            until: statement.last_month,
        }));
        sources.sort_by_key(|source| std::cmp::Reverse(source.at));
        Ok(Figures {
            currencies: purses(earned),
            sources,
        })
    }
}

/// Puts figures together.
pub fn purses(earned: impl Iterator<Item = (Currency, Month, String, Amount)>) -> Vec<Purse> {
    let mut currencies: BTreeMap<Currency, Vec<(Month, String, Amount)>> = BTreeMap::new();
    for (currency, month, source, net) in earned {
        currencies
            .entry(currency)
            .or_default()
            .push((month, source, net));
    }
    currencies
        .into_iter()
        .filter_map(|(currency, all)| purse(currency, &all))
        .collect()
}

fn purse(currency: Currency, all: &[(Month, String, Amount)]) -> Option<Purse> {
    let first = all.iter().map(|(month, _, _)| *month).min()?;
    let last = all.iter().map(|(month, _, _)| *month).max()?;
    let from = last.plus(1 - YEAR).max(first);
    let newest = all.iter().filter(|(month, _, _)| *month >= from);
    let year: Amount = newest.map(|(_, _, net)| *net).sum();
    let mut sources: BTreeMap<&str, Amount> = BTreeMap::new();
    for (_, source, net) in all {
        *sources.entry(source.as_str()).or_default() += *net;
    }
    let mut sources: Vec<_> = sources.into_iter().collect();
    sources.sort_by_key(|one| std::cmp::Reverse(one.1));
    let total: Amount = all.iter().map(|(_, _, net)| *net).sum();
    Some(Purse {
        total: total.money(currency),
        available: None,
        pending: None,
        withdrawn: None,
        monthly_average: year.over(i64::from(last.since(from) + 1)).money(currency),
        by_source: sources
            .into_iter()
            .map(|(source, net)| (source.to_owned(), net.money(currency)))
            .collect(),
        months: (first.number(), last.number()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::amount::Mark;
    use super::*;

    #[test]
    fn averages_are_of_the_last_year_with_figures() {
        let month = |number| Month::from_number(number).unwrap();
        let one = |number, source: &str, net| {
            let net = Amount::parse(net, Mark::Point).unwrap();
            (Currency::USD, month(number), source.to_owned(), net)
        };
        let all = [
            one(202_401, "Spotify", "1000"),
            one(202_601, "Spotify", "20.004"),
            one(202_604, "Deezer", "20.004"),
        ];
        let purses = purses(all.into_iter());
        let money = |minor| Money {
            minor,
            currency: Currency::USD,
        };
        assert_eq!(purses[0].total, money(104_001));
        assert_eq!(purses[0].monthly_average, money(333), "of twelve months");
        assert_eq!(
            purses[0].by_source[0],
            ("Spotify".to_owned(), money(102_000))
        );
        assert_eq!(purses[0].available, None);
    }
}
