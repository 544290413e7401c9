//! What people say about being written to, and what they want from then on. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{Category, Minute, NudgeSettings, Time};

/// The longest that somebody is left alone by "snooze", in days.
const LONGEST: u64 = 365;

/// What somebody wants of how they are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// One category, on or off.
    Switch(Category, bool),
    /// All of them.
    All(bool),
    Less,
    /// As often as usual again.
    Usual,
    /// Nothing for so many days.
    Snooze(u64),
    /// Nothing any more.
    Stop,
    /// After a stop or a snooze.
    Resume,
    /// Quiet from the one to the other.
    Quiet(Minute, Minute),
    /// The usual quiet hours.
    UsualQuiet,
}

/// Reads what stands behind the command; `None` when it is not understood. `days` is the usual snooze.
pub fn read(text: &str, days: u64) -> Option<Wish> {
    let lower = text.trim().to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let number = |word: &str| {
        word.parse::<u64>()
            .ok()
            .filter(|days| (1..=LONGEST).contains(days))
    };
    Some(match words.as_slice() {
        ["less" | "fewer"] | ["less", "often"] => Wish::Less,
        ["usual" | "more"] | ["as", "usual"] => Wish::Usual,
        ["stop"] => Wish::Stop,
        ["resume" | "start" | "continue" | "go"] => Wish::Resume,
        ["snooze" | "pause"] => Wish::Snooze(days),
        ["snooze" | "pause", count] | ["snooze" | "pause", count, "days" | "day"] => {
            Wish::Snooze(number(count)?)
        }
        ["quiet", "usual" | "default"] => Wish::UsualQuiet,
        ["quiet", span] => quiet(span.split_once('-')?)?,
        ["quiet", from, "to" | "-", to] | ["quiet", "from", from, "to", to] => quiet((from, to))?,
        [what, word] => switch(what, is_on(word)?)?,
        [word] => Wish::All(is_on(word)?),
        _ => return None,
    })
}

fn quiet((from, to): (&str, &str)) -> Option<Wish> {
    let (from, to) = (Minute::parse(from)?, Minute::parse(to)?);
    // From nine to nine would be a whole day or none.
    (from != to).then_some(Wish::Quiet(from, to))
}

fn is_on(word: &str) -> Option<bool> {
    match word {
        "on" | "yes" => Some(true),
        "off" | "no" => Some(false),
        _ => None,
    }
}

fn switch(what: &str, is_on: bool) -> Option<Wish> {
    match what {
        "all" | "everything" => Some(Wish::All(is_on)),
        "fan" => Some(Wish::Switch(Category::Fans, is_on)),
        "money" => Some(Wish::Switch(Category::Earnings, is_on)),
        "release" => Some(Wish::Switch(Category::Releases, is_on)),
        word => Some(Wish::Switch(word.parse().ok()?, is_on)),
    }
}

/// What they want from now on. To agree to something ends a stop: nobody can want both.
pub fn changed(before: &NudgeSettings, wish: Wish, now: Time) -> NudgeSettings {
    let mut after = before.clone();
    let mut answers = |agreed: BTreeSet<Category>| {
        after.agreed = agreed;
        after.answered_at = now;
        after.asked_at = before.asked_at.max(Time::from_ms(1));
    };
    match wish {
        Wish::Switch(category, is_on) => {
            let mut agreed = before.agreed.clone();
            match is_on {
                true => agreed.insert(category),
                false => agreed.remove(&category),
            };
            answers(agreed);
        }
        Wish::All(true) => answers(Category::ALL.into()),
        Wish::All(false) => answers(BTreeSet::new()),
        Wish::Less => after.less = before.less.saturating_add(1).min(3),
        Wish::Usual => after.less = 0,
        Wish::Snooze(days) => {
            let span = Duration::from_secs(86_400).saturating_mul(u32::try_from(days).unwrap_or(1));
            after.snoozed_until = now.plus(span);
        }
        Wish::Stop => after.stopped_at = now.max(Time::from_ms(1)),
        Wish::Resume => after.snoozed_until = Time::default(),
        Wish::Quiet(from, to) => after.quiet = Some((from, to)),
        Wish::UsualQuiet => after.quiet = None,
    }
    let ends_stop = matches!(wish, Wish::Resume | Wish::All(true) | Wish::Switch(_, true));
    if ends_stop {
        after.stopped_at = Time::default();
    }
    after
}

/// They never want this kind suggested again.
pub fn without(before: &NudgeSettings, kind: &str) -> NudgeSettings {
    let mut after = before.clone();
    after.never.insert(kind.to_owned());
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids, PersonId};

    fn usual() -> NudgeSettings {
        NudgeSettings::new(PersonId::new(&Ids::new(Clock::System, Some(1))))
    }

    #[test]
    fn words_are_understood() {
        let minute = |text| Minute::parse(text).unwrap();
        for (said, wish) in [
            (
                "earnings off",
                Some(Wish::Switch(Category::Earnings, false)),
            ),
            ("Fans ON", Some(Wish::Switch(Category::Fans, true))),
            ("off", Some(Wish::All(false))),
            ("less", Some(Wish::Less)),
            ("stop", Some(Wish::Stop)),
            ("snooze", Some(Wish::Snooze(3))),
            ("snooze 10 days", Some(Wish::Snooze(10))),
            ("snooze 9999", None),
            ("quiet 22-8", Some(Wish::Quiet(minute("22"), minute("8")))),
            (
                "quiet 22:30 to 7",
                Some(Wish::Quiet(minute("22:30"), minute("7"))),
            ),
            ("quiet 9-9", None),
            ("quiet 30-8", None),
            ("quiet usual", Some(Wish::UsualQuiet)),
            ("cats on", None),
            ("what is this", None),
        ] {
            assert_eq!(read(said, 3), wish, "{said}");
        }
    }

    #[test]
    fn who_agrees_ends_a_stop_and_nothing_else_does() {
        let now = Time::from_ms(5_000);
        let stopped = changed(&usual(), Wish::Stop, now);
        assert!(stopped.is_stopped() && !stopped.has_answered());
        for wish in [
            Wish::Less,
            Wish::Usual,
            Wish::Snooze(2),
            Wish::All(false),
            Wish::UsualQuiet,
        ] {
            assert!(changed(&stopped, wish, now).is_stopped(), "{wish:?}");
        }
        for wish in [
            Wish::Resume,
            Wish::All(true),
            Wish::Switch(Category::Fans, true),
        ] {
            assert!(!changed(&stopped, wish, now).is_stopped(), "{wish:?}");
        }
        let none = changed(&usual(), Wish::All(false), now);
        assert!(none.has_answered() && none.agreed.is_empty());
    }
}
