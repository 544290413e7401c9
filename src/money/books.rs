//! What the statements of an artist say, asked for by those who work for the artist.

use std::collections::BTreeMap;

use anyhow::Result;

use super::amount::Amount;
use super::asked::{Asked, By, Known, Period};
use super::date::Month;
use super::given::{self, Given};
use super::report::{Covered, Earned, Report, report};
use crate::model::{ArtistId, Clock, Currency, Money};
use crate::store::{LineSum, LinesBy, LinesOf, StatementRow, Store};

/// The books of all artists; cheap to clone. Whose may be looked into is asked before.
#[derive(Clone)]
pub struct Books {
    /// Where they are.
    pub store: Store,
    /// The time.
    pub clock: Clock,
}

/// An answer, and what its picture is made of.
#[derive(Debug, Clone)]
pub struct Told {
    pub report: Report,
    /// By month and store.
    pub stores: Vec<Earned>,
    /// The statements behind it, the newest first.
    pub statements: Vec<StatementRow>,
    /// The tips beside them, of whatever month.
    pub given: Vec<Given>,
}

impl Books {
    /// The month it is.
    pub fn now(&self) -> Month {
        Month::at(self.clock.now())
    }

    /// What somebody asked for; `None` where there is neither a statement nor a tip.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn told(&self, artist: ArtistId, asked: &Asked) -> Result<Option<Told>> {
        let covered = self.covered(artist).await?;
        let given = self.given(artist, "").await?;
        let months = || {
            let stated = covered.iter().flat_map(|one| one.months.iter().copied());
            stated.chain(given.iter().map(|one| one.month))
        };
        let (Some(first), Some(last)) = (months().min(), months().max()) else {
            return Ok(None);
        };
        let now = self.now();
        let period = asked.period(Known { now, first, last });
        self.report(artist, (period, asked.by, &asked.only)).await
    }

    /// The same for months that are known.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn report(
        &self,
        artist: ArtistId,
        (period, by, only): (Period, By, &str),
    ) -> Result<Option<Told>> {
        let statements = self.ready(artist).await?;
        let given = self.given(artist, "").await?;
        if statements.is_empty() && given.is_empty() {
            return Ok(None);
        }
        let covered = self.covered(artist).await?;
        let months = (period.before().from.number(), period.to.number());
        let of = |by| LinesOf {
            artist,
            months,
            by,
            only: only.to_owned(),
        };
        let lines_by = match by {
            By::Month => LinesBy::Nothing,
            By::Source => LinesBy::Store,
            By::Country => LinesBy::Territory,
            By::Song => LinesBy::Title,
        };
        let mut sums = earned(self.store.statement_sums(&of(lines_by)).await?);
        let mut stores = match by {
            By::Source => sums.clone(),
            By::Month | By::Country | By::Song => {
                earned(self.store.statement_sums(&of(LinesBy::Store)).await?)
            }
        };
        let mut tips = self.given(artist, only).await?;
        tips.retain(|one| (months.0..=months.1).contains(&one.month.number()));
        sums.extend(given::earned(&tips));
        stores.extend(given::earned(&tips));
        Ok(Some(Told {
            report: report(&sums, &covered, (period, by, only)),
            stores,
            statements,
            given,
        }))
    }

    /// The statements that count, the newest first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn ready(&self, artist: ArtistId) -> Result<Vec<StatementRow>> {
        let mut all = self.store.statements(artist).await?;
        all.retain(|statement| statement.state == "ready");
        Ok(all)
    }

    async fn covered(&self, artist: ArtistId) -> Result<Vec<Covered>> {
        let mut sources: BTreeMap<String, Covered> = BTreeMap::new();
        for one in self.store.statement_months(artist).await? {
            let covered = sources
                .entry(one.source.clone())
                .or_insert_with(|| Covered {
                    source: one.source,
                    months: [].into(),
                });
            covered.months.extend(Month::from_number(one.month));
        }
        Ok(sources.into_values().collect())
    }

    /// Everything that was ever earned, tips with it, by currency.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn totals(&self, artist: ArtistId) -> Result<BTreeMap<Currency, Amount>> {
        let of = LinesOf {
            artist,
            months: (0, 999_999),
            by: LinesBy::Nothing,
            only: String::new(),
        };
        let mut totals = BTreeMap::new();
        let stated = earned(self.store.statement_sums(&of).await?);
        let given = self.given(artist, "").await?;
        for one in stated.into_iter().chain(given::earned(&given)) {
            *totals.entry(one.currency).or_insert(Amount::ZERO) += one.net;
        }
        Ok(totals)
    }

    /// Of `thresholds` those that were gone over since somebody looked last, each with what was earned.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn crossed(
        &self,
        artist: ArtistId,
        thresholds: &[Money],
    ) -> Result<Vec<(Money, Money)>> {
        if thresholds.is_empty() {
            return Ok(Vec::new());
        }
        let (totals, reached) = (
            self.totals(artist).await?,
            self.store.thresholds_reached(artist).await?,
        );
        let crossed = thresholds.iter().filter_map(|threshold| {
            let total = totals.get(&threshold.currency)?.money(threshold.currency);
            let is_new = total.minor >= threshold.minor && !reached.contains(threshold);
            is_new.then_some((*threshold, total))
        });
        Ok(crossed.collect())
    }
}

/// What the store added up. A line that nobody could have written is left out.
fn earned(sums: Vec<LineSum>) -> Vec<Earned> {
    let one = |sum: LineSum| {
        Some(Earned {
            currency: sum.currency.parse().ok()?,
            month: Month::from_number(sum.month)?,
            group: sum.name,
            net: Amount::from_pieces(sum.millionths, sum.rest),
        })
    };
    sums.into_iter().filter_map(one).collect()
}
