//! The week that is over, put beside the one before: tips, fans, the newest statement, and what the next month may bring.
//! What cannot be said from enough figures is not said.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, Datelike, Days, NaiveDate};

use super::amount::Amount;
use super::date::Month;
use super::forecast::{Forecast, forecast};
use crate::model::{ArtistId, Currency, Money, Time};
use crate::store::{LinesBy, LinesOf, StatementRow, Store, TipsWithin};

/// Fewer tips and new fans than this are not worth a word of their own.
const THIN: i64 = 3;
/// A statement that is older by so many months says nothing of what comes: distributors are two or three late.
const LATE: i32 = 5;
/// Months behind the newest that are looked at.
const HISTORY: i32 = 36;

/// A week from Monday to Sunday, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week {
    monday: NaiveDate,
}

impl Week {
    /// The last one that is over at this time.
    pub fn before(now: Time) -> Self {
        let today = DateTime::from_timestamp_millis(now.ms()).unwrap_or_default();
        let today = today.date_naive();
        let since = u64::from(today.weekday().num_days_from_monday());
        Self {
            monday: today - Days::new(since + 7),
        }
    }

    fn start(self, weeks_later: u64) -> Time {
        let day = self.monday + Days::new(7 * weeks_later);
        let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
        Time::from_ms(midnight.timestamp_millis())
    }

    /// From when on and until when.
    pub fn span(self) -> (Time, Time) {
        (self.start(0), self.start(1))
    }

    /// The week before it.
    pub fn earlier(self) -> Self {
        Self {
            monday: self.monday - Days::new(7),
        }
    }

    /// `2026-W46`, by ISO 8601.
    pub fn name(self) -> String {
        self.monday.format("%G-W%V").to_string()
    }
}

/// `9 to 15 November`
impl std::fmt::Display for Week {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sunday = self.monday + Days::new(6);
        let from = match sunday.month() == self.monday.month() {
            true => self.monday.format("%-d"),
            false => self.monday.format("%-d %B"),
        };
        write!(f, "{from} to {}", sunday.format("%-d %B"))
    }
}

/// The tips of a week in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekOfTips {
    pub tips: i64,
    pub givers: i64,
    pub net: Money,
    /// What the week before brought.
    pub before: Money,
}

/// The newest month of which there are statements, in one currency.
#[derive(Debug, Clone, PartialEq)]
pub struct NewestMonth {
    pub month: Month,
    pub net: Money,
    /// What the month before it brought, where statements tell.
    pub before: Option<Money>,
    /// Where most of it is from.
    pub most: String,
    /// What the month after it may bring, in the smallest unit.
    pub next: Option<Forecast>,
}

/// What there is to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Insight {
    pub week: Week,
    /// By currency.
    pub tips: Vec<WeekOfTips>,
    pub fans: i64,
    pub fans_before: i64,
    pub months: Vec<NewestMonth>,
    /// The statements that the newest month is from.
    pub statements: Vec<String>,
    /// Whether one of them came in that week or later.
    pub is_statement_new: bool,
}

impl Insight {
    /// Whether the week brought enough to be told of it unasked.
    pub fn is_news(&self) -> bool {
        let tips: i64 = self.tips.iter().map(|one| one.tips).sum();
        self.is_statement_new || tips + self.fans >= THIN
    }

    /// Whether there is nothing at all to say.
    pub fn is_empty(&self) -> bool {
        self.tips.is_empty() && self.fans == 0 && self.months.is_empty()
    }
}

/// The last week of an artist that is over, and the newest statements.
///
/// # Errors
/// When the store cannot be read.
pub async fn insight(store: &Store, artist: ArtistId, now: Time) -> Result<Insight> {
    let week = Week::before(now);
    let (tips, fans) = store.brought(artist, week.span()).await?;
    let (before, fans_before) = store.brought(artist, week.earlier().span()).await?;
    let mut ready = store.statements(artist).await?;
    ready.retain(|statement| statement.state == "ready");
    let newest = ready.iter().map(|one| one.last_month).max();
    let newest = newest.and_then(Month::from_number);
    let mut months = match newest {
        Some(newest) => months(store, (artist, newest)).await?,
        None => Vec::new(),
    };
    if newest.is_some_and(|newest| Month::at(now).since(newest) > LATE) {
        for month in &mut months {
            month.next = None;
        }
    }
    ready.retain(|one| newest.is_some_and(|newest| one.last_month == newest.number()));
    Ok(Insight {
        week,
        tips: side_by_side(&tips, &before),
        fans,
        fans_before,
        months,
        statements: ready.iter().map(named).collect(),
        is_statement_new: ready.iter().any(|one| one.imported_at >= week.span().0),
    })
}

/// The newest month, by currency.
async fn months(store: &Store, (artist, newest): (ArtistId, Month)) -> Result<Vec<NewestMonth>> {
    let of = LinesOf {
        artist,
        months: (newest.plus(-HISTORY).number(), newest.number()),
        by: LinesBy::Store,
        only: String::new(),
    };
    let mut all: BTreeMap<Currency, Vec<(Month, String, Amount)>> = BTreeMap::new();
    for sum in store.statement_sums(&of).await? {
        let (Ok(currency), Some(month)) = (sum.currency.parse(), Month::from_number(sum.month))
        else {
            continue;
        };
        let net = Amount::from_pieces(sum.millionths, sum.rest);
        all.entry(currency)
            .or_default()
            .push((month, sum.name, net));
    }
    let all = all.into_iter();
    Ok(all
        .filter_map(|(currency, lines)| newest_month(&lines, (newest, currency)))
        .collect())
}

/// `DistroKid, “sales.tsv”`
fn named(statement: &StatementRow) -> String {
    match statement.source.as_str() {
        "" => format!("“{}”", statement.name),
        source => format!("{source}, “{}”", statement.name),
    }
}

/// Puts a week beside the one before; a currency that only the one before had came to nothing.
fn side_by_side(week: &[TipsWithin], before: &[TipsWithin]) -> Vec<WeekOfTips> {
    let mut all: BTreeMap<Currency, WeekOfTips> = BTreeMap::new();
    let both = week.iter().map(|one| (one, true));
    for (one, is_now) in both.chain(before.iter().map(|one| (one, false))) {
        let Ok(currency) = one.currency.parse::<Currency>() else {
            continue;
        };
        let nothing = Money { minor: 0, currency };
        let known = all.entry(currency).or_insert(WeekOfTips {
            tips: 0,
            givers: 0,
            net: nothing,
            before: nothing,
        });
        if is_now {
            (known.tips, known.givers, known.net.minor) = (one.tips, one.givers, one.net);
        } else {
            known.before.minor = one.net;
        }
    }
    all.into_values().collect()
}

/// The newest month of one currency, by store; `None` where it brought nothing.
fn newest_month(
    lines: &[(Month, String, Amount)],
    (newest, currency): (Month, Currency),
) -> Option<NewestMonth> {
    let mut months: BTreeMap<Month, Amount> = BTreeMap::new();
    for (month, _, net) in lines {
        *months.entry(*month).or_default() += *net;
    }
    let of = |month: Month| months.get(&month).map(|net| net.money(currency));
    let net = of(newest)?;
    let stores = lines.iter().filter(|(month, _, _)| *month == newest);
    let most = stores.max_by_key(|(_, _, net)| *net);
    // Only months without a gap say how they go on.
    let run = (0..=HISTORY).map_while(|back| of(newest.plus(-back)));
    let mut run: Vec<f64> = run.map(|net| net.minor as f64).collect();
    run.reverse();
    Some(NewestMonth {
        month: newest,
        net,
        before: of(newest.plus(-1)),
        most: most.map(|(_, store, _)| store.clone()).unwrap_or_default(),
        next: forecast(&run),
    })
}

#[cfg(test)]
mod tests {
    use super::super::amount::Mark;
    use super::*;

    fn at(text: &str) -> Time {
        let time = DateTime::parse_from_rfc3339(text).unwrap();
        Time::from_ms(time.timestamp_millis())
    }

    #[test]
    fn a_week_is_over_on_monday() {
        let sunday = Week::before(at("2026-11-22T23:59:59Z"));
        assert_eq!(sunday.to_string(), "9 to 15 November");
        let monday = Week::before(at("2026-11-23T00:00:00Z"));
        assert_eq!(monday.to_string(), "16 to 22 November");
        assert_eq!(monday.name(), "2026-W47");
        assert_eq!(
            monday.span(),
            (at("2026-11-16T00:00:00Z"), at("2026-11-23T00:00:00Z"))
        );
        assert_eq!(monday.earlier(), sunday);
        let new_year = Week::before(at("2027-01-05T12:00:00Z"));
        assert_eq!(new_year.to_string(), "28 December to 3 January");
        assert_eq!(new_year.name(), "2026-W53");
    }

    #[test]
    fn weeks_stand_side_by_side_by_currency() {
        let of = |currency: &str, tips, net| TipsWithin {
            currency: currency.to_owned(),
            tips,
            givers: tips,
            net,
        };
        let both = side_by_side(
            &[of("EUR", 2, 900), of("USD", 1, 500)],
            &[of("GBP", 3, 700), of("USD", 2, 250)],
        );
        let seen: Vec<_> = both
            .iter()
            .map(|one| (one.tips, one.net.minor, one.before.minor))
            .collect();
        assert_eq!(seen, [(2, 900, 0), (0, 0, 700), (1, 500, 250)]);
    }

    #[test]
    fn a_gap_says_nothing_of_the_next_month() {
        let month = |number| Month::from_number(number).unwrap();
        let line = |number, store: &str, net: &str| {
            let net = Amount::parse(net, Mark::Point).unwrap();
            (month(number), store.to_owned(), net)
        };
        let mut lines: Vec<_> = (1..=8)
            .map(|number| line(202_600 + number, "Spotify", "100"))
            .collect();
        lines.push(line(202_608, "Deezer", "20"));
        let newest = |lines: &[_]| newest_month(lines, (month(202_608), Currency::USD)).unwrap();
        let whole = newest(&lines);
        assert_eq!(whole.net.minor, 12_000);
        assert_eq!(whole.before.map(|money| money.minor), Some(10_000));
        assert_eq!(whole.most, "Spotify");
        assert_eq!(whole.next.map(|next| next.months), Some(8));
        lines.retain(|(at, _, _)| *at != month(202_605));
        assert_eq!(newest(&lines).next, None);
        assert_eq!(newest_month(&lines, (month(202_609), Currency::USD)), None);
    }
}
