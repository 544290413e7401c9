//! What starts an automation, and what has to hold besides, as words say it.

use crate::model::{Currency, Money};

use super::definition::{Amount, Clocktime, Condition, Day, Every, Provider, Trigger, minor};
use super::text::{Groups, Place, Words};

/// A trigger that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) trigger: Trigger,
    /// Whether something of it was not said.
    pub(super) is_partial: bool,
}

impl From<Trigger> for Found {
    fn from(trigger: Trigger) -> Self {
        Self {
            trigger,
            is_partial: false,
        }
    }
}

/// What starts it; the words it is read from are used up.
pub(super) fn find(groups: &Groups, words: &Words, left: &mut Words) -> Option<Found> {
    let has = |name: &str| words.has(groups, name);
    let is_event = has("when") || has("somebody");
    // "Every Friday" is the clock, unless it only narrows what is waited for.
    if !is_event
        && !is_around(groups, words)
        && let Some(schedule) = schedule(groups, left)
    {
        return Some(schedule.into());
    }
    if has("trigger.broken") || (has("trigger.failed") && has("automate")) {
        take(groups, left, &["trigger.broken"]);
        return Some(Trigger::WorkflowFailed {}.into());
    }
    if has("trigger.payout") {
        take(groups, left, &["trigger.payout"]);
        let failed = has("trigger.failed");
        return Some(Trigger::Payout { failed }.into());
    }
    if let Some(found) = release(groups, left) {
        return Some(found);
    }
    if let Some(milestone) = milestone(groups, words, left) {
        return Some(milestone.into());
    }
    if has("trigger.spike") {
        take(groups, left, &["trigger.spike"]);
        return Some(
            Trigger::StreamSpike {
                percent: percent(words),
            }
            .into(),
        );
    }
    if has("trigger.tip")
        || (words.find(groups, "somebody").is_some() && money(groups, words).is_some())
    {
        take_all(groups, left, "trigger.tip");
        return Some(tip(groups, left).into());
    }
    if has("trigger.new_fan") {
        take(groups, left, &["trigger.new_fan"]);
        return Some(Trigger::NewFan {}.into());
    }
    // An amount that comes is a tip.
    if let Some((_, place)) = money(groups, words)
        && (is_event || words.at(groups, "above", place.end).is_some())
    {
        return Some(tip(groups, left).into());
    }
    schedule(groups, left).map(Found::from)
}

/// Whether it is said how far from a release: the repetition is the release's then.
fn is_around(groups: &Groups, words: &Words) -> bool {
    let has = |name: &str| words.has(groups, name);
    has("trigger.release")
        && (has("before") || has("after"))
        && (has("span.day") || has("span.week"))
}

fn take(groups: &Groups, left: &mut Words, names: &[&str]) {
    for name in names {
        if let Some(place) = left.find(groups, name) {
            left.take(&place);
        }
    }
}

fn take_all(groups: &Groups, left: &mut Words, name: &str) {
    while let Some(place) = left.find(groups, name) {
        left.take(&place);
    }
}

fn tip(groups: &Groups, left: &mut Words) -> Trigger {
    let below = money(groups, left).filter(|(_, place)| is_below(groups, left, place));
    if below.is_some() {
        return Trigger::Tip { at_least: None };
    }
    let at_least = money(groups, left).map(|(amount, place)| {
        left.take(&place);
        amount
    });
    Trigger::Tip { at_least }
}

pub(super) fn is_below(groups: &Groups, words: &Words, place: &Place) -> bool {
    let first = place.start.saturating_sub(2);
    (first..place.start).any(|at| words.at(groups, "below", at).is_some())
}

/// The first amount of money: a number with a currency, or behind a word like "over".
pub(super) fn money(groups: &Groups, words: &Words) -> Option<(Amount, Place)> {
    let currencies = groups.under("money.");
    let currency = |at: usize| {
        let mut all = currencies.iter();
        all.find_map(|(name, code)| Some((*code, words.at(groups, name, at)?)))
    };
    let amount = |number: &str, code: &str| -> Option<Amount> {
        let currency: Currency = code.parse().ok()?;
        let minor = minor(number, currency)?;
        Some(Amount(Money { minor, currency }))
    };
    (0..words.0.len()).find_map(|at| {
        if let Some((code, sign)) = currency(at)
            && let Some(number) = words.number(groups, sign.end)
            && let Some(amount) = amount(&number, code)
            && words
                .word(sign.end)
                .starts_with(|letter: char| letter.is_ascii_digit())
        {
            return Some((amount, at..sign.end + 1));
        }
        let number = words.number(groups, at)?;
        if let Some((code, word)) = currency(at + 1) {
            return Some((amount(&number, code)?, at..word.end));
        }
        let digits = words
            .word(at)
            .starts_with(|letter: char| letter.is_ascii_digit());
        let open = ["above", "below"].iter().any(|name| {
            let first = at.saturating_sub(2);
            (first..at).any(|before| {
                words
                    .at(groups, name, before)
                    .is_some_and(|place| place.end == at)
            })
        });
        let is_time = words.word(at).contains(':') || words.word(at + 1) == "%";
        let tips = words.has(groups, "trigger.tip") && digits && open && !is_time;
        tips.then(|| amount(&number, "USD"))
            .flatten()
            .map(|amount| (amount, at..at + 1))
    })
}

pub(super) fn percent(words: &Words) -> Option<u32> {
    let twice = ["twice", "double", "doubles"];
    let mut pairs = words.0.windows(2);
    let said = pairs.find_map(|pair| match pair {
        [number, sign] if sign == "%" || sign == "percent" || sign == "prozent" => {
            number.parse().ok()
        }
        _ => None,
    });
    let is_twice = words.0.iter().any(|word| twice.contains(&word.as_str()));
    said.or(is_twice.then_some(100))
}

fn milestone(groups: &Groups, words: &Words, left: &mut Words) -> Option<Trigger> {
    let any = Trigger::Milestone {
        fans: None,
        earned: None,
    };
    if words.has(groups, "trigger.milestone") {
        take(groups, left, &["trigger.milestone"]);
        return Some(any);
    }
    let is_event = words.has(groups, "when") || words.has(groups, "trigger.reach");
    if !is_event {
        return None;
    }
    if words.has(groups, "trigger.earned")
        && let Some((amount, place)) = money(groups, words)
    {
        left.take(&place);
        return Some(Trigger::Milestone {
            fans: None,
            earned: Some(amount),
        });
    }
    for place in words.all(groups, "trigger.fans") {
        let at = place.start.checked_sub(1)?;
        let digits = words
            .word(at)
            .starts_with(|letter: char| letter.is_ascii_digit());
        if let Some(fans) = words.number(groups, at).filter(|_| digits)
            && let Ok(fans) = fans.parse()
        {
            left.take(&(at..place.end));
            return Some(Trigger::Milestone {
                fans: Some(fans),
                earned: None,
            });
        }
    }
    None
}

pub(super) fn release(groups: &Groups, left: &mut Words) -> Option<Found> {
    let place = left.find(groups, "trigger.release")?;
    left.take(&place);
    let words = left.clone();
    let sign = |at: usize| {
        let near = at..at + 4;
        let mut near = near.filter_map(|at| {
            let before = words.at(groups, "before", at).map(|place| (-1, place));
            before.or_else(|| words.at(groups, "after", at).map(|place| (1, place)))
        });
        near.next()
    };
    let units = [("span.day", 1), ("span.week", 7)];
    for at in 0..words.0.len() {
        let Some((_, days)) = units
            .iter()
            .find(|(name, _)| words.at(groups, name, at).is_some())
        else {
            continue;
        };
        let Some((sign, side)) = sign(at + 1) else {
            continue;
        };
        let count: i32 = at
            .checked_sub(1)
            .and_then(|at| words.number(groups, at))
            .and_then(|number| number.parse().ok())
            .unwrap_or(1);
        left.take(&(at.saturating_sub(1)..side.end));
        return Some(
            Trigger::ReleaseDay {
                days: sign * days * count,
            }
            .into(),
        );
    }
    let is_near = place.start.saturating_sub(3)..place.start;
    if let Some(side) = is_near
        .clone()
        .find_map(|at| words.at(groups, "before", at))
    {
        left.take(&side);
        return Some(Found {
            trigger: Trigger::ReleaseDay { days: -7 },
            is_partial: true,
        });
    }
    Some(Trigger::ReleaseDay { days: 0 }.into())
}

/// A repetition by the clock.
pub(super) fn schedule(groups: &Groups, left: &mut Words) -> Option<Trigger> {
    let every = left.find(groups, "every");
    let days = days(groups, left);
    let month = month_day(groups, left);
    let plural = left.0.iter().any(|word| {
        let days = [
            "mondays",
            "tuesdays",
            "wednesdays",
            "thursdays",
            "fridays",
            "saturdays",
            "sundays",
            "montags",
            "dienstags",
            "mittwochs",
            "donnerstags",
            "freitags",
            "samstags",
            "sonntags",
            "sundays",
            "weekdays",
        ];
        days.contains(&word.as_str())
    });
    if every.is_none() && !plural {
        return None;
    }
    let has = |name: &str| left.has(groups, name);
    let every_what = if let Some((day, place)) = month {
        left.take(&place);
        Every::Month(day)
    } else if !days.is_empty() {
        Every::Week(days)
    } else if has("unit.workdays") {
        Every::Week(Day::ALL.into_iter().take(5).collect())
    } else if has("unit.weekend") {
        Every::Week(vec![Day::Sat, Day::Sun])
    } else if has("unit.week") {
        Every::Week(vec![Day::Mon])
    } else if has("unit.month") {
        Every::Month(1)
    } else if has("unit.day") {
        Every::Day
    } else {
        return None;
    };
    let at = clock(groups, left).unwrap_or(Clocktime { hour: 9, minute: 0 });
    if let Some(place) = every {
        left.take(&place);
    }
    Some(Trigger::Schedule {
        every: every_what,
        at,
    })
}

pub(super) fn days(groups: &Groups, words: &Words) -> Vec<Day> {
    let all = Day::ALL.into_iter();
    all.filter(|day| words.has(groups, &format!("day.{}", day.as_str())))
        .collect()
}

/// "On the 15th of every month", "monthly on the first".
fn month_day(groups: &Groups, words: &Words) -> Option<(u8, Place)> {
    if !words.has(groups, "unit.month") {
        return None;
    }
    (0..words.0.len()).find_map(|at| {
        let word = words.word(at);
        let ordinal = ["st", "nd", "rd", "th", "o", "er"];
        let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
        let rest = word.strip_prefix(digits.as_str()).unwrap_or_default();
        let is_first = ["first", "primero", "ersten", "premier", "primeiro"].contains(&word);
        let behind = ["the", "dia", "am", "le", "el"].contains(&words.word(at.wrapping_sub(1)));
        let day = match () {
            () if is_first => 1,
            () if ordinal.contains(&rest) || behind => digits.parse().ok()?,
            () => return None,
        };
        Some((day, at..at + 1))
    })
}

/// A time of the day: "at 5pm", "um 18 Uhr", "à 9h30", "noon", "in the evening".
pub(super) fn clock(groups: &Groups, left: &mut Words) -> Option<Clocktime> {
    let late = [
        "evening", "evenings", "night", "abend", "abends", "noche", "noite", "soir",
    ];
    let late = left.0.iter().any(|word| late.contains(&word.as_str()));
    for at in 0..left.0.len() {
        if let Some(time) = spelled(groups, left, at) {
            left.take(&(at..at + 1));
            let hour = if late && time.hour < 12 && time.hour > 4 {
                time.hour + 12
            } else {
                time.hour
            };
            return Some(Clocktime { hour, ..time });
        }
    }
    let mut hours = groups.under("hour.").into_iter();
    hours.find_map(|(name, hour)| {
        let place = left.find(groups, name)?;
        left.take(&place);
        Some(Clocktime {
            hour: hour.parse().ok()?,
            minute: 0,
        })
    })
}

/// A time in figures that begins at this word.
fn spelled(groups: &Groups, words: &Words, at: usize) -> Option<Clocktime> {
    let word = words.word(at);
    let next = words.word(at + 1);
    let before = |name: &str| {
        let first = at.saturating_sub(2);
        (first..at).any(|start| {
            words
                .at(groups, name, start)
                .is_some_and(|place| place.end == at)
        })
    };
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    let rest = word.strip_prefix(digits.as_str())?;
    let hour: u8 = digits.parse().ok().filter(|hour| *hour < 24)?;
    let (suffix, minute) = match rest {
        _ if rest.starts_with(':') || rest.starts_with('h') && rest.len() == 3 => {
            let minutes: String = rest.chars().skip(1).take(2).collect();
            let suffix: String = rest.chars().skip(3).collect();
            (suffix, minutes.parse().ok().filter(|minute| *minute < 60)?)
        }
        "h" => (String::new(), 0),
        "pm" | "am" => (rest.to_owned(), 0),
        "" if next == "pm" || next == "am" => (next.to_owned(), 0),
        "" if next == "uhr" || next == "h" || next == "horas" || next == "heures" => {
            (String::new(), 0)
        }
        "" if before("clock") => (String::new(), 0),
        _ => return None,
    };
    let suffix = if suffix.is_empty() { next } else { &suffix };
    let hour = match suffix {
        "pm" if hour < 12 => hour + 12,
        "am" if hour == 12 => 0,
        _ => hour,
    };
    Some(Clocktime { hour, minute })
}

/// What has to hold besides; the words are used up.
pub(super) fn conditions(
    groups: &Groups,
    left: &mut Words,
    found: Option<&Found>,
) -> Vec<Condition> {
    let Some(Found { trigger, .. }) = found else {
        return Vec::new();
    };
    let mut all = Vec::new();
    if matches!(trigger, Trigger::Tip { .. }) {
        tip_conditions(groups, left, trigger, &mut all);
    }
    if !trigger.has_fan() && matches!(trigger, Trigger::Schedule { .. }) {
        return all;
    }
    if trigger.has_fan()
        && let Some(place) = left.find(groups, "cond.has_email")
    {
        left.take(&place);
        all.push(Condition::HasEmail {});
    }
    if trigger.has_fan()
        && let Some(place) = left.find(groups, "cond.has_chat")
    {
        left.take(&place);
        all.push(Condition::HasChat {});
    }
    let mut days = days(groups, left);
    if days.is_empty() && left.has(groups, "unit.weekend") {
        days = vec![Day::Sat, Day::Sun];
    }
    if !days.is_empty() {
        all.push(Condition::Weekday { days });
    }
    if let Some(hours) = hours(left) {
        all.push(hours);
    }
    all
}

fn tip_conditions(groups: &Groups, left: &mut Words, trigger: &Trigger, all: &mut Vec<Condition>) {
    if let Some((amount, place)) = money(groups, left)
        && is_below(groups, left, &place)
    {
        left.take(&(place.start.saturating_sub(1)..place.end));
        all.push(Condition::AmountBelow { amount });
    }
    let amounts = matches!(trigger, Trigger::Tip { at_least: Some(_) });
    let is_bare = !amounts && all.is_empty();
    for (name, code) in groups.under("money.") {
        let at = left.find(groups, name).filter(|_| is_bare);
        let before = at.map(|place| left.word(place.start.wrapping_sub(1)));
        if before.is_some_and(|word| ["in", "en", "em"].contains(&word)) {
            all.extend(code.parse().ok().map(|is| Condition::Currency { is }));
        }
    }
    for provider in Provider::ALL {
        if let Some(place) = left.find(groups, &format!("provider.{}", provider.as_str())) {
            left.take(&place);
            all.push(Condition::Provider { is: provider });
        }
    }
    let plain = [
        ("cond.public", Condition::Public {}),
        ("cond.first_tip", Condition::FirstTip {}),
        ("cond.has_message", Condition::HasMessage {}),
    ];
    for (name, condition) in plain {
        if let Some(place) = left.find(groups, name) {
            left.take(&place);
            all.push(condition);
        }
    }
}

/// "Between 9 and 17 o'clock".
fn hours(left: &Words) -> Option<Condition> {
    let opens = ["between", "entre", "zwischen"];
    let at = left
        .0
        .iter()
        .position(|word| opens.contains(&word.as_str()))?;
    let time = |word: &str| -> Option<Clocktime> {
        let whole = if word.contains(':') {
            word.to_owned()
        } else {
            format!("{word}:00")
        };
        whole.parse().ok()
    };
    let skip = |at: usize| {
        if ["las", "le"].contains(&left.word(at)) {
            at + 1
        } else {
            at
        }
    };
    let first = skip(at + 1);
    Some(Condition::Hours {
        from: time(left.word(first))?,
        to: time(left.word(skip(first + 2)))?,
    })
}
