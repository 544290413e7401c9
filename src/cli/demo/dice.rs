//! Chance that is the same every time, and the calendar it is thrown over. Pure.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::model::Time;

pub(super) const DAY_MS: i64 = 86_400_000;

/// Chance.
pub(super) struct Dice(StdRng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A number below `many`; 0 where that is 0.
    pub(super) fn below(&mut self, many: u64) -> u64 {
        self.0.next_u64() % many.max(1)
    }

    /// The same as a place in a list.
    pub(super) fn place(&mut self, many: usize) -> usize {
        usize::try_from(self.below(many as u64)).unwrap_or_default()
    }

    /// One of them.
    pub(super) fn one<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let place = self.place(all.len());
        all.get(place)
    }

    /// `number` give or take so many of a thousand.
    pub(super) fn about(&mut self, number: u64, permille: u64) -> u64 {
        let by = self.below(2 * permille + 1);
        number * (1_000 - permille + by) / 1_000
    }

    /// Whether something happens that does so many times of a hundred.
    pub(super) fn comes(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A moment of a day when people are awake.
    pub(super) fn hour_of(&mut self, day: i64) -> Time {
        let minute = 8 * 60 + self.below(14 * 60);
        let ms = i64::try_from(minute * 60_000 + self.below(60_000)).unwrap_or_default();
        Time::from_ms(day * DAY_MS + ms)
    }
}

/// A month, counted from the first one ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month(i64);

impl Month {
    /// The month of a moment, in UTC.
    pub(super) fn of(at: Time) -> Self {
        let date = chrono::DateTime::from_timestamp_millis(at.ms()).unwrap_or_default();
        let number = |format: &str| date.format(format).to_string().parse().unwrap_or(1);
        Self(number("%Y") * 12 + number("%m") - 1)
    }

    pub(super) const fn plus(self, months: i64) -> Self {
        Self(self.0 + months)
    }

    /// How many months it lies behind `earlier`.
    pub(super) const fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// 1 to 12.
    pub(super) const fn of_year(self) -> i64 {
        self.0.rem_euclid(12) + 1
    }

    pub(super) const fn year(self) -> i64 {
        self.0.div_euclid(12)
    }

    /// Its first day, counted from 1970.
    pub(super) fn first_day(self) -> i64 {
        let year = i32::try_from(self.year()).unwrap_or(1970);
        let month = u32::try_from(self.of_year()).unwrap_or(1);
        let date = chrono::NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default();
        date.signed_duration_since(chrono::NaiveDate::default())
            .num_days()
    }

    /// One of its days, from 0 on; the last one where it is shorter.
    pub(super) fn day(self, day: i64) -> i64 {
        let first = self.first_day();
        (first + day).min(self.plus(1).first_day() - 1)
    }

    /// `2026-08`.
    pub(super) fn iso(self) -> String {
        format!("{:04}-{:02}", self.year(), self.of_year())
    }
}

/// A day as `2026-08-21`.
pub(super) fn iso(day: i64) -> String {
    let date = chrono::DateTime::from_timestamp_millis(day * DAY_MS).unwrap_or_default();
    date.format("%Y-%m-%d").to_string()
}

/// The Friday on or after a day: 1970 began on a Thursday.
pub(super) const fn friday(day: i64) -> i64 {
    day + (1 - day).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_days_are_those_of_the_calendar() {
        let november = Month::of(Time::from_ms(1_795_305_600_000));
        assert_eq!(
            (november.iso().as_str(), november.of_year()),
            ("2026-11", 11)
        );
        assert_eq!(november.plus(2).iso(), "2027-01");
        assert_eq!(november.plus(-11).iso(), "2025-12");
        assert_eq!(iso(november.first_day()), "2026-11-01");
        assert_eq!(iso(november.plus(-9).day(40)), "2026-02-28");
        assert_eq!(iso(friday(november.first_day())), "2026-11-06");
        assert_eq!(iso(friday(friday(november.first_day()))), "2026-11-06");
        assert_eq!(november.since(november.plus(-24)), 24);
    }

    #[test]
    fn the_same_seed_is_the_same_chance() {
        let thrown = |seed| {
            let mut dice = Dice::new(seed);
            (
                dice.below(1_000),
                dice.about(1_000, 80),
                dice.comes(50),
                dice.hour_of(20_000),
            )
        };
        assert_eq!(thrown(7), thrown(7));
        assert!((920..=1_080).contains(&thrown(7).1));
        assert_eq!(Dice::new(1).one::<u8>(&[]), None);
    }
}
