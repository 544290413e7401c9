//! Earnings put together for reading: by currency, grouped, compared, and with what is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::amount::Amount;
use super::asked::{By, Period};
use super::date::Month;
use crate::model::Currency;

/// Groups that are shown; the rest are others.
const MOST: usize = 12;
/// Months that are shown; what is older is one line.
const MONTHS: usize = 24;

/// What the store adds up: one group of one month and currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earned {
    pub currency: Currency,
    pub month: Month,
    /// The group: a store, a country or a song; empty = not known.
    pub group: String,
    pub net: Amount,
}

/// The months of which a distributor sent something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    pub source: String,
    pub months: BTreeSet<Month>,
}

/// Everything in one currency. Currencies are never added to one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub currency: Currency,
    /// In the order in which they are shown.
    pub rows: Vec<(String, Amount)>,
    pub total: Amount,
    /// What the months before brought; `None` where nothing is known of them.
    pub before: Option<Amount>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub period: Period,
    pub by: By,
    pub only: String,
    pub sections: Vec<Section>,
    /// Who sent nothing for which months of the period.
    pub gaps: Vec<(String, Vec<Month>)>,
}

/// Puts the answer together. `earned` reaches over the period and as many months before.
pub fn report(
    earned: &[Earned],
    covered: &[Covered],
    (period, by, only): (Period, By, &str),
) -> Report {
    let mut sections: BTreeMap<Currency, Vec<&Earned>> = BTreeMap::new();
    for one in earned {
        sections.entry(one.currency).or_default().push(one);
    }
    let is_covered = covered
        .iter()
        .any(|one| one.months.iter().any(|month| period.before().holds(*month)));
    let sections = sections.into_iter().filter_map(|(currency, all)| {
        let within: Vec<&Earned> = all
            .iter()
            .copied()
            .filter(|one| period.holds(one.month))
            .collect();
        let before = all.iter().filter(|one| period.before().holds(one.month));
        // What came without a statement, like tips, can be compared with itself.
        let is_known = is_covered || before.clone().next().is_some();
        let before: Amount = before.map(|one| one.net).sum();
        let section = Section {
            currency,
            rows: rows(&within, by),
            total: within.iter().map(|one| one.net).sum(),
            before: is_known.then_some(before),
        };
        (!within.is_empty()).then_some(section)
    });
    Report {
        period,
        by,
        only: only.to_owned(),
        sections: sections.collect(),
        gaps: gaps(covered, period),
    }
}

fn rows(earned: &[&Earned], by: By) -> Vec<(String, Amount)> {
    if by == By::Month {
        let mut months: BTreeMap<Month, Amount> = BTreeMap::new();
        for one in earned {
            *months.entry(one.month).or_default() += one.net;
        }
        let older = months.len().saturating_sub(MONTHS);
        let sum: Amount = months.values().copied().take(older).sum();
        let mut rows: Vec<_> = months
            .into_iter()
            .skip(older)
            .map(|(month, sum)| (month.to_string(), sum))
            .collect();
        if older > 0 {
            rows.insert(0, ("Earlier".to_owned(), sum));
        }
        return rows;
    }
    let mut groups: BTreeMap<&str, Amount> = BTreeMap::new();
    for one in earned {
        *groups.entry(one.group.as_str()).or_default() += one.net;
    }
    let mut rows: Vec<_> = groups.into_iter().collect();
    rows.sort_by_key(|one| std::cmp::Reverse(one.1));
    let rest: Amount = rows.iter().skip(MOST).map(|(_, sum)| *sum).sum();
    let others = rows.len().saturating_sub(MOST);
    let named = |(name, sum): (&str, Amount)| {
        let name = if name.is_empty() { "Not said" } else { name };
        (name.to_owned(), sum)
    };
    let mut rows: Vec<(String, Amount)> = rows.into_iter().take(MOST).map(named).collect();
    if others > 0 {
        rows.push((format!("{others} others"), rest));
    }
    rows
}

/// A source that has been silent for more months than this while others were not is no source any more.
const ENDED: i32 = 6;

/// Months between the first and the last of a source, within the period, of which it sent nothing.
fn gaps(covered: &[Covered], period: Period) -> Vec<(String, Vec<Month>)> {
    let newest = covered
        .iter()
        .filter_map(|one| one.months.last())
        .max()
        .copied();
    let missing = covered.iter().filter_map(|one| {
        let (first, latest) = (*one.months.first()?, *one.months.last()?);
        let newest = newest.filter(|newest| newest.since(latest) <= ENDED);
        let last = newest.unwrap_or(latest).min(period.to);
        let from = first.max(period.from);
        let all = (0..=last.since(from)).map(|at| from.plus(at));
        let missing: Vec<Month> = all.filter(|month| !one.months.contains(month)).collect();
        (!missing.is_empty()).then(|| (one.source.clone(), missing))
    });
    missing.collect()
}

/// The table of a section: lines of at most 32 letters.
pub fn table(section: &Section, by: By) -> String {
    let share = by != By::Month && !section.total.is_negative();
    let amounts: Vec<String> = section
        .rows
        .iter()
        .map(|(_, sum)| sum.shown(section.currency))
        .collect();
    let total = section.total.shown(section.currency);
    let wide = amounts
        .iter()
        .chain([&total])
        .map(|text| text.chars().count())
        .max()
        .unwrap_or_default();
    let room = 32_usize.saturating_sub(wide + 1 + if share { 5 } else { 0 });
    let mut out = String::new();
    let mut line = |name: &str, amount: &str, part: &str| {
        let name = fitted(name, room);
        out.push_str(format!("{name} {amount:>wide$}{part}").trim_end());
        out.push('\n');
    };
    for ((name, sum), amount) in section.rows.iter().zip(&amounts) {
        let part = match sum.permille_of(section.total).filter(|_| share) {
            Some(permille) => format!("{:>4}%", (permille + 5).div_euclid(10)),
            None => String::new(),
        };
        line(name, amount, &part);
    }
    line("Total", &total, "");
    out
}

/// A name in exactly so many columns.
fn fitted(name: &str, room: usize) -> String {
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
    let name = name.replace('`', "'");
    let mut out = String::new();
    let mut used = 0;
    let fits = name.width() <= room;
    for letter in name.chars() {
        let wide = letter.width().unwrap_or_default();
        if used + wide > room.saturating_sub(usize::from(!fits)) {
            break;
        }
        out.push(letter);
        used += wide;
    }
    if !fits {
        out.push('…');
        used += 1;
    }
    out + &" ".repeat(room.saturating_sub(used))
}

/// How much more or less than before, in words; nothing where there is nothing to compare.
pub fn change(section: &Section) -> Option<String> {
    let before = section.before?;
    if before.is_zero() || before.is_negative() {
        return None;
    }
    let permille = (section.total - before).permille_of(before)?;
    let sign = if permille < 0 { "-" } else { "+" };
    let amount = permille.unsigned_abs();
    Some(format!("{sign}{}.{} %", amount / 10, amount % 10))
}

#[cfg(test)]
mod tests {
    use super::super::amount::Mark;
    use super::*;

    fn month(number: i64) -> Month {
        Month::from_number(number).unwrap()
    }

    fn earned(month_: i64, group: &str, net: &str, currency: &str) -> Earned {
        Earned {
            currency: currency.parse().unwrap(),
            month: month(month_),
            group: group.to_owned(),
            net: Amount::parse(net, Mark::Point).unwrap(),
        }
    }

    fn period(from: i64, to: i64) -> Period {
        Period {
            from: month(from),
            to: month(to),
        }
    }

    #[test]
    fn currencies_are_never_added() {
        let all = [
            earned(202_607, "Spotify", "1", "USD"),
            earned(202_608, "Spotify", "2.005", "USD"),
            earned(202_608, "Bandcamp", "5", "EUR"),
        ];
        let covered = [Covered {
            source: "DistroKid".to_owned(),
            months: [month(202_607), month(202_608)].into(),
        }];
        let report = report(&all, &covered, (period(202_608, 202_608), By::Source, ""));
        assert_eq!(report.sections.len(), 2);
        let usd = &report.sections[1];
        assert_eq!(
            (usd.total.to_string(), usd.before.unwrap().to_string()),
            ("2.005".to_owned(), "1".to_owned())
        );
        assert_eq!(change(usd).as_deref(), Some("+100.5 %"));
    }

    #[test]
    fn a_table_fits_a_phone() {
        let mut all: Vec<Earned> = (0..20)
            .map(|at| {
                earned(
                    202_608,
                    &format!("A very long name of a store, number {at}"),
                    &format!("{}", 1_000 + at),
                    "USD",
                )
            })
            .collect();
        all.push(earned(202_608, "", "-3.5", "USD"));
        let report = report(&all, &[], (period(202_608, 202_608), By::Source, ""));
        let table = table(&report.sections[0], By::Source);
        assert!(
            table.lines().all(|line| line.chars().count() <= 32),
            "{table}"
        );
        assert!(
            table.lines().count() == MOST + 2 && table.contains("9 others"),
            "{table}"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let covered = [
            Covered {
                source: "DistroKid".to_owned(),
                months: [month(202_605), month(202_608)].into(),
            },
            Covered {
                source: "Bandcamp".to_owned(),
                months: [month(202_606), month(202_607)].into(),
            },
        ];
        let of = |covered: &[Covered]| {
            report(&[], covered, (period(202_601, 202_612), By::Month, "")).gaps
        };
        // Whoever changed the distributor long ago misses nothing from the old one but what lies between.
        let old = |last| Covered {
            source: "Old".to_owned(),
            months: [month(202_511), month(202_512), month(last)].into(),
        };
        assert_eq!(of(&[old(202_601), covered[0].clone()])[0].0, "DistroKid");
        assert_eq!(of(&[old(202_603), covered[0].clone()])[0].1.len(), 7);
        assert_eq!(
            of(&covered),
            [
                ("DistroKid".to_owned(), vec![month(202_606), month(202_607)]),
                ("Bandcamp".to_owned(), vec![month(202_608)])
            ]
        );
    }

    #[test]
    fn changes_are_in_percent() {
        let section = |total: &str, before: &str| Section {
            currency: Currency::USD,
            rows: Vec::new(),
            total: Amount::parse(total, Mark::Point).unwrap(),
            before: Amount::parse(before, Mark::Point),
        };
        assert_eq!(
            change(&section("112.35", "100")).as_deref(),
            Some("+12.3 %")
        );
        assert_eq!(change(&section("50", "100")).as_deref(), Some("-50.0 %"));
        assert_eq!(change(&section("50", "0")), None);
    }
}
