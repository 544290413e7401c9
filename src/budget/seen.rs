use std::collections::HashSet;

use crate::llm::Limit;
use crate::model::Time;
use crate::store::{Budget, Spender};

use super::limits::{Limits, limit_of};

/// What was last seen of a day, as far as it matters: whose limit is near, and of whom the operator heard.
#[derive(Debug, Default)]
pub(super) struct Seen {
    day: Time,
    near: HashSet<Spender>,
    told_near: HashSet<Spender>,
    told_full: HashSet<Spender>,
}

/// What the operator is to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// So much of somebody's day is spent that the cheap models come first.
    Near(Spender),
    /// A call was refused by somebody's limit for the first time on this day.
    Full(Spender),
}

impl Seen {
    /// Whether somebody's limit was near on this day.
    pub(super) fn is_near(&self, spender: Spender, day: Time) -> bool {
        self.day == day && self.near.contains(&spender)
    }

    /// Takes in how it stands; what lies in the past is no news.
    pub(super) fn stands(&mut self, limits: &Limits, budgets: &[Budget]) -> Vec<Notice> {
        let mut notices = Vec::new();
        for budget in budgets {
            let Budget {
                spender,
                day,
                spent,
                held,
            } = *budget;
            if !self.turn_to(day) {
                continue;
            }
            // What is set aside may come back; it is gone for whoever asks now all the same.
            match limits.is_near(spender, spent.plus(held)) {
                true => self.near.insert(spender),
                false => self.near.remove(&spender),
            };
            if limits.is_near(spender, spent) && self.told_near.insert(spender) {
                notices.push(Notice::Near(spender));
            }
        }
        notices
    }

    /// Notes that somebody's limit refused a call.
    pub(super) fn refused(&mut self, spender: Spender, day: Time) -> Option<Notice> {
        let is_news = self.turn_to(day) && self.told_full.insert(spender);
        is_news.then_some(Notice::Full(spender))
    }

    /// Begins a newer day; false for one that is over.
    fn turn_to(&mut self, day: Time) -> bool {
        if day > self.day {
            *self = Self {
                day,
                ..Self::default()
            };
        }
        day == self.day
    }
}

impl Notice {
    /// Writes the operator's line.
    pub(super) fn tell(self, limits: &Limits, until: Time) {
        let (Self::Near(spender) | Self::Full(spender)) = self;
        let limit = limits.of(spender);
        let (usd, tokens) = (limit.nano_usd as f64 / 1e9, limit.tokens);
        match self {
            Self::Near(_) => tracing::warn!(
                budget.scope = %spender, budget.limit_usd = usd, budget.limit_tokens = tokens,
                "A day's budget for models is nearly spent: cheaper models come first until {until}"
            ),
            Self::Full(_) => tracing::warn!(
                budget.scope = %spender, budget.limit_usd = usd, budget.limit_tokens = tokens,
                "A day's budget for models is used up: calls that could go over it are refused until {until}"
            ),
        }
    }
}

/// The word of a limit for metrics, which never name a person.
pub(super) const fn word(limit: Limit) -> &'static str {
    match limit {
        Limit::Installation => "installation",
        Limit::Artist => "artist",
        Limit::Person => "person",
    }
}

/// Counts a refusal.
pub(super) fn count_refusal(spender: Spender) {
    metrics::counter!("toney_budget_refused_total", "limit" => word(limit_of(spender)))
        .increment(1);
}

/// Shows what the installation spent.
pub(super) fn show(budgets: &[Budget], day: Time) {
    let is_ours = |one: &&Budget| one.spender == Spender::Installation && one.day == day;
    if let Some(budget) = budgets.iter().find(is_ours) {
        metrics::gauge!("toney_budget_spent_usd", "scope" => "installation")
            .set(budget.spent.nano_usd as f64 / 1e9);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Settings;
    use crate::store::Amount;

    fn limits() -> Limits {
        Limits::new(&Settings {
            day_usd: 1.0,
            artist_day_usd: 0.0,
            person_day_usd: 0.0,
            day_tokens: 0,
            artist_day_tokens: 0,
            person_day_tokens: 0,
            near: 0.8,
        })
    }

    fn at(day: i64, (spent, held): (i64, i64)) -> Budget {
        let amount = |nano_usd| Amount {
            nano_usd,
            tokens: 1,
        };
        Budget {
            spender: Spender::Installation,
            day: Time::from_ms(day),
            spent: amount(spent),
            held: amount(held),
        }
    }

    #[test]
    fn the_operator_hears_of_each_limit_once_a_day() {
        let (mut seen, limits) = (Seen::default(), limits());
        let ours = Spender::Installation;
        let near = Notice::Near(ours);
        assert_eq!(seen.stands(&limits, &[at(1, (700_000_000, 0))]), []);
        assert!(!seen.is_near(ours, Time::from_ms(1)));
        // What is only set aside is no news to the operator, but little is left.
        assert_eq!(
            seen.stands(&limits, &[at(1, (700_000_000, 200_000_000))]),
            []
        );
        assert!(seen.is_near(ours, Time::from_ms(1)));
        assert!(!seen.is_near(ours, Time::from_ms(2)));
        assert_eq!(seen.stands(&limits, &[at(1, (800_000_000, 0))]), [near]);
        assert_eq!(seen.stands(&limits, &[at(1, (900_000_000, 0))]), []);
        let day = Time::from_ms(1);
        assert_eq!(seen.refused(ours, day), Some(Notice::Full(ours)));
        assert_eq!(seen.refused(ours, day), None);
        assert_eq!(seen.stands(&limits, &[at(2, (0, 0))]), []);
        assert!(!seen.is_near(ours, Time::from_ms(2)));
        // A call of yesterday that ends today says nothing about today.
        assert_eq!(seen.stands(&limits, &[at(1, (950_000_000, 0))]), []);
        assert_eq!(seen.refused(ours, day), None);
        let day = Time::from_ms(2);
        assert_eq!(seen.refused(ours, day), Some(Notice::Full(ours)));
    }
}
