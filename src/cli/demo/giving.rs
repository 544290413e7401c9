//! Who becomes a fan when, and what fans gave: the payments of two years and what became of them. Pure.

use super::dice::{DAY_MS, Dice, Month, friday};
use super::example::{Example, Way};
use super::sales::season;
use crate::model::Time;
use crate::tips::step::Fact;
use crate::tips::{STARS, STRIPE};

/// Tips end so many days before today, so that nothing of them is still under way.
const QUIET: i64 = 3;
/// A card's provider keeps this of each payment, and so many of a thousand.
const FIXED: i64 = 30;
const KEPT: i64 = 29;

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gift {
    pub(super) at: Time,
    pub(super) provider: String,
    pub(super) external: String,
    /// Which fan gave it.
    pub(super) fan: usize,
    pub(super) message: String,
    pub(super) is_public: bool,
    pub(super) paid: Fact,
    /// What was told of it later.
    pub(super) then: Vec<(Time, Fact)>,
}

/// The day on which each fan is met: few at first, then more and more.
pub(super) fn meetings(many: usize, (from, until): (i64, i64)) -> Vec<i64> {
    let (all, days) = (many as u64, u64::try_from(until - from).unwrap_or_default());
    let day = |number: u64| {
        let at = (number * 1_000_000 / all.max(1)).isqrt();
        from + i64::try_from(days * at / 1_000).unwrap_or_default()
    };
    (0..all).map(day).collect()
}

/// Everything that was given between two days by fans who were met on `met`.
pub(super) fn gifts(
    example: &Example,
    (from, until): (i64, i64),
    met: &[i64],
    dice: &mut Dice,
) -> Vec<Gift> {
    let this = Month::of(Time::from_ms(until * DAY_MS));
    let first = Month::of(Time::from_ms(from * DAY_MS));
    let mut gifts = Vec::new();
    for month in (0..=this.since(first)).map(|ago| first.plus(ago)) {
        let grown = u64::try_from(3 + month.since(first) * 3 / 4).unwrap_or_default();
        let is_new = example
            .songs
            .iter()
            .any(|song| month == this.plus(-song.months));
        let many = dice.about(grown * season(month) / 1_000, 200) * if is_new { 2 } else { 1 };
        for _ in 0..many {
            let day = match is_new && dice.comes(60) {
                // Most come in the days after something came out.
                true => friday(month.day(10)) + i64::try_from(dice.below(6)).unwrap_or_default(),
                false => month.day(i64::try_from(dice.below(31)).unwrap_or_default()),
            };
            if (from..until - QUIET).contains(&day) {
                gifts.extend(gift(example, (day, gifts.len()), met, dice));
            }
        }
    }
    trouble(&mut gifts);
    gifts
}

fn gift(
    example: &Example,
    (day, number): (i64, usize),
    met: &[i64],
    dice: &mut Dice,
) -> Option<Gift> {
    let known = met.iter().filter(|met| **met < day).count();
    if known == 0 {
        return None;
    }
    // Some give again and again.
    let often = dice.place(known);
    let fan = dice.place(often + 1);
    let way = way(&example.ways, dice)?;
    let gross = *dice.one(&way.amounts)?;
    let at = dice.hour_of(day);
    let message = match dice.comes(35) {
        true => dice.one(&example.words.tips).cloned(),
        false => None,
    };
    let currency = way.currency.clone();
    let mut then = Vec::new();
    if way.provider == STRIPE {
        let minor = gross * KEPT / 1_000 + FIXED;
        let currency = currency.clone();
        then.push((later(at, 0), Fact::Fee { minor, currency }));
    }
    Some(Gift {
        at,
        provider: way.provider.clone(),
        external: format!("example-{}-{number:04}", way.provider),
        fan,
        message: message.unwrap_or_default(),
        is_public: dice.comes(60),
        paid: Fact::Paid {
            gross,
            currency,
            at,
        },
        then,
    })
}

fn way<'a>(ways: &'a [Way], dice: &mut Dice) -> Option<&'a Way> {
    let mut thrown = dice.below(100);
    ways.iter().find(|way| match thrown.checked_sub(way.share) {
        None => true,
        Some(left) => {
            thrown = left;
            false
        }
    })
}

/// So many days and an hour later.
fn later(at: Time, days: i64) -> Time {
    Time::from_ms(at.ms() + days * DAY_MS + 3_600_000)
}

/// A few are given back, and two are disputed: one is won, one is lost.
fn trouble(gifts: &mut [Gift]) {
    let of = |provider: &str, gifts: &[Gift]| -> Vec<usize> {
        let places = gifts.iter().enumerate();
        let theirs = places.filter(|(_, gift)| gift.provider == provider);
        theirs.map(|(place, _)| place).collect()
    };
    let (stars, cards) = (of(STARS, gifts), of(STRIPE, gifts));
    let back = |all: &[usize], part: usize| all.get(all.len() * part / 10).copied();
    for (place, what) in [
        (back(&stars, 3), "all"),
        (back(&stars, 6), "all"),
        (back(&cards, 2), "half"),
        (back(&cards, 4), "lost"),
        (back(&cards, 6), "won"),
    ] {
        let Some(gift) = place.and_then(|place| gifts.get_mut(place)) else {
            continue;
        };
        let Fact::Paid {
            gross,
            currency,
            at,
        } = gift.paid.clone()
        else {
            continue;
        };
        let dispute = |won: Option<bool>, days| {
            let at = later(at, days);
            let fee = if won.is_some() { 1_500 } else { 0 };
            let (minor, currency) = (gross, currency.clone());
            let at_ms = at.ms();
            (
                at,
                Fact::Disputed {
                    minor,
                    currency,
                    fee,
                    won,
                    at: at_ms,
                },
            )
        };
        match what {
            "lost" | "won" => {
                gift.then.push(dispute(None, 4));
                gift.then.push(dispute(Some(what == "won"), 31));
            }
            part => {
                let total = if part == "half" { gross / 2 } else { gross };
                let currency = currency.clone();
                gift.then
                    .push((later(at, 2), Fact::Refunded { total, currency }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn two_years_of_gifts_are_plausible_and_the_same_every_time() {
        let example = Example::read().unwrap();
        let (from, until) = (20_000, 20_740);
        let met = meetings(example.fans.len(), (from, until));
        assert!(met.is_sorted() && met[0] == from && met[met.len() - 1] < until);
        let all = || gifts(&example, (from, until), &met, &mut Dice::new(5));
        let all = (all(), all());
        assert_eq!(all.0, all.1);
        let all = all.0;
        assert!((150..600).contains(&all.len()), "{}", all.len());
        let externals: HashSet<_> = all.iter().map(|gift| &gift.external).collect();
        assert_eq!(externals.len(), all.len());
        let ways: HashSet<_> = all.iter().map(|gift| &gift.provider).collect();
        assert_eq!(ways.len(), example.ways.len());
        for gift in &all {
            let last = gift.then.last().map_or(gift.at, |(at, _)| *at);
            assert!(gift.at <= last && met[gift.fan] * DAY_MS < gift.at.ms());
        }
        let disputed = |gift: &&Gift| {
            let mut told = gift.then.iter();
            told.any(|(_, fact)| matches!(fact, Fact::Disputed { .. }))
        };
        assert_eq!(all.iter().filter(disputed).count(), 2);
        let half = all.len() / 2;
        let middle = (from + until) / 2 * DAY_MS;
        assert!(all[half].at.ms() > middle, "more come later");
    }
}
