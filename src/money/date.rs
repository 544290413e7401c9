//! Dates as statements write them. Mostly the month alone counts.

use std::fmt;

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use crate::model::Time;

/// A month: the year times twelve, and the month from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Month(i32);

/// A day of a month, or the month alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    pub month: Month,
    /// 0 where no day is named.
    pub day: u32,
}

/// What comes first where both could be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// `10/15/2023`
    #[default]
    MonthFirst,
    /// `15/10/2023`
    DayFirst,
}

const NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Month {
    /// January 1990, before which there are no statements.
    pub const FIRST: Self = Self(1_990 * 12);

    pub fn new(year: i32, month: u32) -> Option<Self> {
        let index = i32::try_from(month).ok()?;
        ((1..=12).contains(&index) && (1_990..=2_100).contains(&year))
            .then_some(Self(year * 12 + index - 1))
    }

    /// The one in which a moment lies, in UTC.
    pub fn at(time: Time) -> Self {
        let date = chrono::DateTime::from_timestamp_millis(time.ms()).unwrap_or_default();
        Self::new(date.year(), date.month()).unwrap_or(Self::FIRST)
    }

    pub fn year(self) -> i32 {
        self.0.div_euclid(12)
    }

    /// From 1.
    pub fn month(self) -> u32 {
        u32::try_from(self.0.rem_euclid(12)).unwrap_or_default() + 1
    }

    pub fn plus(self, months: i32) -> Self {
        Self(self.0 + months)
    }

    /// How many months lie from `other` to this one.
    pub fn since(self, other: Self) -> i32 {
        self.0 - other.0
    }

    /// As the database keeps it: 202608.
    pub fn number(self) -> i64 {
        i64::from(self.year()) * 100 + i64::from(self.month())
    }

    pub fn from_number(number: i64) -> Option<Self> {
        Self::new(
            i32::try_from(number / 100).ok()?,
            u32::try_from(number % 100).ok()?,
        )
    }

    /// `Aug`
    pub fn short(self) -> String {
        self.name().chars().take(3).collect()
    }

    pub fn name(self) -> &'static str {
        let index = usize::try_from(self.month()).unwrap_or_default();
        NAMES
            .get(index.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    /// The month that a word names in English, from 1; at least its first three letters.
    pub fn named(word: &str) -> Option<u32> {
        let word = word.to_lowercase();
        let is = |name: &&str| word.len() >= 3 && name.to_lowercase().starts_with(&word);
        let found = NAMES.iter().position(is)?;
        u32::try_from(found + 1).ok()
    }
}

/// `Aug 2026`
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.short(), self.year())
    }
}

impl Date {
    fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        let year = if (0..100).contains(&year) {
            year + 2_000
        } else {
            year
        };
        let month = Month::new(year, month)?;
        (day <= 31).then_some(Self { month, day })
    }

    /// Reads a date as files write them; a time of day behind it is left out.
    pub fn parse(text: &str, order: Order) -> Option<Self> {
        let text = text.trim().trim_matches('"');
        let is_between =
            |c: char| c.is_whitespace() || matches!(c, '-' | '/' | '.' | ',' | 'T' | '_');
        if let Some(month) = words(text) {
            return Some(month);
        }
        let parts: Vec<&str> = text
            .split(is_between)
            .filter(|part| !part.is_empty())
            .collect();
        let number = |at: usize| {
            parts
                .get(at)
                .and_then(|part: &&str| part.parse::<u32>().ok())
        };
        let length = |at: usize| parts.get(at).map_or(0, |part: &&str| part.len());
        let year = |at: usize| number(at).and_then(|year| i32::try_from(year).ok());
        match (length(0), length(1)) {
            (4, 1 | 2) => Self::new(year(0)?, number(1)?, number(2).unwrap_or_default()),
            (1 | 2, 4) => Self::new(year(1)?, number(0)?, 0),
            (1 | 2, 1 | 2) if matches!(length(2), 2 | 4) => {
                let (one, two) = (number(0)?, number(1)?);
                let day_first = match (one > 12, two > 12) {
                    (true, _) => true,
                    (_, true) => false,
                    _ => order == Order::DayFirst || text.contains('.'),
                };
                let (month, day) = if day_first { (two, one) } else { (one, two) };
                Self::new(year(2)?, month, day)
            }
            (6, 0) => Self::new(year(0)? / 100, number(0)? % 100, 0),
            (8, _) => {
                let all = number(0)?;
                Self::new(
                    i32::try_from(all / 10_000).ok()?,
                    all / 100 % 100,
                    all % 100,
                )
            }
            _ => None,
        }
    }
}

/// `13 May 2026 23:28:01 GMT`, `August 2026`, `Aug-26`, `Oct 15, 2023`.
fn words(text: &str) -> Option<Date> {
    let is_between = |c: char| c.is_whitespace() || matches!(c, '-' | '/' | '.' | ',' | '_');
    let parts: Vec<&str> = text
        .split(is_between)
        .filter(|part| !part.is_empty())
        .take(3)
        .collect();
    let number = |at: usize| {
        parts
            .get(at)
            .and_then(|part: &&str| part.parse::<u32>().ok())
    };
    let named = |at: usize| parts.get(at).and_then(|part| Month::named(part));
    let year = |at: usize| number(at).and_then(|year| i32::try_from(year).ok());
    if let (Some(day), Some(month), Some(year)) = (number(0), named(1), year(2)) {
        return match day > 31 {
            true => Date::new(i32::try_from(day).ok()?, month, number(2)?),
            false => Date::new(year, month, day),
        };
    }
    if let (Some(month), Some(day), Some(year)) = (named(0), number(1), year(2)) {
        return Date::new(year, month, day);
    }
    if let (Some(month), Some(year)) = (named(0), year(1)) {
        return Date::new(year, month, 0);
    }
    let (year, month) = (year(0)?, named(1)?);
    Date::new(year, month, 0)
}

/// `2026-08-01`, or the month alone.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.month.year(), self.month.month())?;
        match self.day {
            0 => Ok(()),
            day => write!(f, "-{day:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_files_write_them() {
        for (text, is) in [
            ("2026-08", "2026-08"),
            ("2026-08-01", "2026-08-01"),
            ("2026/8/1", "2026-08-01"),
            ("2026-08-01T12:00:00Z", "2026-08-01"),
            ("2026-08-01 00:00:00", "2026-08-01"),
            ("08/2026", "2026-08"),
            ("10/15/2023 12:00:00 AM", "2023-10-15"),
            ("1/2/26 3:04am", "2026-01-02"),
            ("15/10/2023", "2023-10-15"),
            ("01.08.2026", "2026-08-01"),
            ("13 May 2026 23:28:01 GMT", "2026-05-13"),
            ("August 2026", "2026-08"),
            ("Aug-26", "2026-08"),
            ("Oct 15, 2023", "2023-10-15"),
            ("202608", "2026-08"),
            ("20260801", "2026-08-01"),
        ] {
            let read = Date::parse(text, Order::MonthFirst).map(|date| date.to_string());
            assert_eq!(read.as_deref(), Some(is), "{text}");
        }
        let day_first = Date::parse("1/2/26", Order::DayFirst).unwrap();
        assert_eq!(day_first.to_string(), "2026-02-01");
        for wrong in [
            "",
            "hello",
            "2026",
            "2026-13",
            "32/13/2026",
            "12",
            "1.5",
            "Total",
            "99999999",
        ] {
            assert_eq!(Date::parse(wrong, Order::MonthFirst), None, "{wrong}");
        }
    }

    #[test]
    fn months_count() {
        let month = Month::new(2026, 1).unwrap();
        assert_eq!(month.plus(-1).number(), 202_512);
        assert_eq!(Month::from_number(202_601), Some(month));
        assert_eq!(month.plus(14).since(month), 14);
        assert_eq!(
            (month.to_string().as_str(), month.name()),
            ("Jan 2026", "January")
        );
    }
}
