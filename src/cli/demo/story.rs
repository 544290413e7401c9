//! The order of what happened to the example artist: moments, each with its time. Pure.

use super::dice::{DAY_MS, Dice, Month, friday};
use super::example::Example;
use super::giving::{Gift, gifts, meetings};
use super::sales::{Sheet, sheets};
use crate::model::{Currency, Money, Time};
use crate::tips::step::Fact;

/// The same figures for the same day, everywhere.
pub(super) const SEED: u64 = 0x746f_6e65_7900;
/// So far back it goes, in months.
const MONTHS: i64 = 24;

/// Something that happened. Numbers are places in the lists of the example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A fan writes for the first time.
    Meets(usize),
    Gives(Box<Gift>),
    /// A provider tells more of a payment.
    Told {
        provider: String,
        external: String,
        fact: Fact,
    },
    Drops(Sheet),
    /// A paper of the team is taken in.
    Files(usize),
    /// A payout reaches the bank.
    Paid(Money),
    HandsIn(usize),
    Decides(usize),
    Says(usize),
    Wants(usize),
    Reaches(usize),
    Plans,
    Ticks(usize),
    Writes(usize),
    Starts(usize),
    Pauses(usize),
    /// A model is asked.
    Asks {
        small: bool,
        read: u64,
        written: u64,
        answered: bool,
    },
}

/// A moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Time,
    pub(super) what: What,
}

/// All of it.
pub(super) struct Story {
    pub(super) from: Time,
    pub(super) this: Month,
    /// Today, counted from 1970.
    pub(super) today: i64,
    pub(super) moments: Vec<Moment>,
}

/// What happened until the day of `now`.
pub(super) fn story(example: &Example, now: Time) -> Story {
    let today = now.ms().div_euclid(DAY_MS);
    let this = Month::of(now);
    let first = this.plus(-MONTHS);
    let mut story = Story {
        from: Time::from_ms(first.first_day() * DAY_MS),
        this,
        today,
        moments: Vec::new(),
    };
    let mut dice = Dice::new(SEED);
    let days = (first.first_day() + 1, today);
    let met = meetings(example.fans.len(), (days.0, days.1 - 1));
    for (fan, day) in met.iter().enumerate() {
        story.add(dice.hour_of(*day), What::Meets(fan));
    }
    for gift in gifts(example, days, &met, &mut dice) {
        let Gift {
            provider,
            external,
            then,
            ..
        } = &gift;
        for (at, fact) in then {
            let (provider, external) = (provider.clone(), external.clone());
            let fact = fact.clone();
            story.add(
                *at,
                What::Told {
                    provider,
                    external,
                    fact,
                },
            );
        }
        story.add(gift.at, What::Gives(Box::new(gift)));
    }
    let midnight = Time::from_ms(today * DAY_MS);
    for sheet in sheets(example, (first, midnight), &mut dice) {
        story.add(sheet.at, What::Drops(sheet));
    }
    story.payouts(&mut dice);
    story.team(example, &mut dice);
    story.releases(example, &mut dice);
    story.models(&mut dice);
    // What is told of the last payments may lie ahead.
    story.moments.retain(|moment| moment.at < midnight);
    story.moments.sort_by_key(|moment| moment.at);
    story
}

impl Story {
    fn add(&mut self, at: Time, what: What) {
        self.moments.push(Moment { at, what });
    }

    /// Some day so many months ago, never before it began nor today.
    fn ago(&self, months: i64, dice: &mut Dice) -> Time {
        let day = self
            .this
            .plus(-months)
            .day(3 + i64::try_from(dice.below(20)).unwrap_or(0));
        let first = self.from.ms() / DAY_MS + 2;
        dice.hour_of(day.clamp(first, self.today - 2))
    }

    fn payouts(&mut self, dice: &mut Dice) {
        for quarter in 0..8_i64 {
            let cents = dice.about(u64::try_from(4_000 + quarter * 4_500).unwrap_or(0), 90);
            let gross = Money {
                minor: i64::try_from(cents).unwrap_or_default(),
                currency: Currency::USD,
            };
            let at = dice.hour_of(self.this.plus(3 * quarter - 22).day(20));
            self.add(at, What::Paid(gross));
        }
    }

    fn team(&mut self, example: &Example, dice: &mut Dice) {
        for (place, goal) in example.goals.iter().enumerate() {
            let at = self.ago(goal.months, dice);
            self.add(at, What::Wants(place));
            if goal.state == crate::store::GoalState::Done {
                let at = self.ago(goal.months / 2, dice);
                self.add(at, What::Reaches(place));
            }
        }
        for (place, talk) in example.talk.iter().enumerate() {
            let at = self.ago(talk.months, dice);
            self.add(at, What::Says(place));
        }
        for (place, flow) in example.workflows.iter().enumerate() {
            let at = self.ago(flow.months, dice);
            self.add(at, What::Starts(place));
            if let Some(paused) = flow.paused {
                let at = self
                    .ago(paused, dice)
                    .max(at.plus(std::time::Duration::from_secs(600)));
                self.add(at, What::Pauses(place));
            }
        }
        for (place, draft) in example.drafts.iter().enumerate() {
            let at = self.ago(draft.months, dice);
            self.add(at, What::Writes(place));
        }
        for place in 0..super::example::DOCUMENTS.len() {
            let months = 9 - i64::try_from(place).unwrap_or_default();
            let at = self.ago(months, dice);
            self.add(at, What::Files(place));
        }
        let at = self.ago(example.plan.made, dice);
        self.add(at, What::Plans);
        for (place, step) in example.plan.steps.iter().enumerate() {
            if step.done {
                let day = self.today + step.days - i64::try_from(dice.below(5)).unwrap_or(0);
                self.add(
                    dice.hour_of(day)
                        .max(at.plus(std::time::Duration::from_secs(60))),
                    What::Ticks(place),
                );
            }
        }
    }

    /// The day on which a release comes out, or was to.
    pub(super) fn out(&self, release: &super::example::Handed) -> i64 {
        match release.ahead {
            Some(days) => friday(self.today + days),
            None => friday(self.this.plus(-release.months).day(9)),
        }
    }

    fn releases(&mut self, example: &Example, dice: &mut Dice) {
        for (place, release) in example.releases.iter().enumerate() {
            let Some(verb) = release.verb else {
                self.add(dice.hour_of(self.today - 1), What::HandsIn(place));
                continue;
            };
            let day = (self.out(release) - release.days).min(self.today - 4);
            self.add(dice.hour_of(day), What::HandsIn(place));
            let days = if verb == crate::approval::Verb::Approve {
                1
            } else {
                2
            };
            self.add(dice.hour_of(day + days), What::Decides(place));
        }
    }

    fn models(&mut self, dice: &mut Dice) {
        let first = self.from.ms() / DAY_MS;
        for day in first + 7..self.today {
            let chance = 8 + u64::try_from((day - first) / 20).unwrap_or(0);
            if dice.comes(chance) {
                let what = What::Asks {
                    small: dice.comes(55),
                    read: 300 + dice.below(2_400),
                    written: 40 + dice.below(420),
                    answered: !dice.comes(4),
                };
                self.add(dice.hour_of(day), what);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_a_story() {
        let example = Example::read().unwrap();
        let begin = 1_795_305_600_000;
        for days in [0, 1, 9, 30, 58, 100, 365, 466] {
            let now = Time::from_ms(begin + days * DAY_MS + 12_345);
            let story = super::story(&example, now);
            let again = super::story(&example, Time::from_ms(now.ms() + 3_600_000));
            assert_eq!(story.moments, again.moments, "the same day");
            let first = story.moments.first().unwrap().at;
            let last = story.moments.last().unwrap().at;
            assert!(story.from <= first && last < now, "{first} {last}");
            let count = |fits: fn(&What) -> bool| {
                story.moments.iter().filter(|one| fits(&one.what)).count()
            };
            assert_eq!(
                count(|what| matches!(what, What::Meets(_))),
                example.fans.len()
            );
            assert_eq!(
                count(|what| matches!(what, What::HandsIn(_))),
                example.releases.len()
            );
            assert_eq!(
                count(|what| matches!(what, What::Decides(_))),
                example.releases.len() - 1
            );
            assert_eq!(count(|what| matches!(what, What::Files(_))), 5);
            assert!(count(|what| matches!(what, What::Drops(_))) > 25);
            assert!(count(|what| matches!(what, What::Ticks(_))) == 4);
        }
    }
}
