//! What somebody wants to know: the months, what they are grouped by, and what is left out.

use super::date::{Date, Month, Order};

/// What earnings are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    Month,
    Source,
    Country,
    Song,
}

impl By {
    pub const ALL: [Self; 4] = [Self::Month, Self::Source, Self::Country, Self::Song];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Source => "source",
            Self::Country => "country",
            Self::Song => "song",
        }
    }

    /// A letter for it; no two have the same.
    pub const fn letter(self) -> char {
        match self {
            Self::Month => 'm',
            Self::Source => 's',
            Self::Country => 'c',
            Self::Song => 't',
        }
    }

    pub fn find(word: &str) -> Option<Self> {
        let word = word.trim_end_matches('s');
        match word {
            "store" | "platform" => Some(Self::Source),
            "territory" | "countrie" => Some(Self::Country),
            "track" | "title" => Some(Self::Song),
            _ => Self::ALL.into_iter().find(|by| by.name() == word),
        }
    }
}

/// Months from one to the other, both with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: Month,
    pub to: Month,
}

impl Period {
    pub fn months(self) -> i32 {
        self.to.since(self.from) + 1
    }

    /// As many months, just before.
    pub fn before(self) -> Self {
        let to = self.from.plus(-1);
        Self {
            from: to.plus(1 - self.months()),
            to,
        }
    }

    pub fn holds(self, month: Month) -> bool {
        (self.from..=self.to).contains(&month)
    }
}

/// `Aug 2026`, `Jan to Aug 2026`, `Nov 2025 to Feb 2026`.
impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, to } = self;
        match (from == to, from.year() == to.year()) {
            (true, _) => write!(f, "{to}"),
            (false, true) => write!(f, "{} to {to}", from.short()),
            (false, false) => write!(f, "{from} to {to}"),
        }
    }
}

/// The words behind the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `None` = the last twelve months of which there are figures.
    pub when: Option<When>,
    pub by: By,
    /// Only what has this in its store, song or country.
    pub only: String,
}

/// Months that depend on today or on what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Exactly(Period),
    /// Everything there is.
    Ever,
}

/// The figures there are, and what day it is.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub now: Month,
    pub first: Month,
    pub last: Month,
}

impl Asked {
    /// Reads `2026 by country`, `last 3 months`, `q2`, `august spotify`.
    pub fn parse(text: &str, now: Month) -> Self {
        let text = text.to_lowercase().replace([',', '?', '!'], " ");
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let mut by = By::Month;
        if let Some(at) = words.iter().position(|word| matches!(*word, "by" | "per"))
            && let Some(found) = words.get(at + 1).and_then(|word| By::find(word))
        {
            by = found;
            words.drain(at..at + 2);
        }
        let when = period(&mut words, now);
        words.retain(|word| {
            !matches!(
                *word,
                "in" | "for" | "from" | "on" | "the" | "of" | "my" | "and"
            )
        });
        Self {
            when,
            by,
            only: words.join(" "),
        }
    }

    /// The months that are meant.
    pub fn period(&self, known: Known) -> Period {
        match self.when {
            Some(When::Exactly(period)) => period,
            Some(When::Ever) => Period {
                from: known.first,
                to: known.last,
            },
            None => Period {
                from: known.last.plus(-11).max(known.first),
                to: known.last,
            },
        }
    }
}

/// Takes the words of a period out of the others.
fn period(words: &mut Vec<&str>, now: Month) -> Option<When> {
    for length in (1..=4).rev() {
        for at in 0..words.len() {
            let Some(some) = words.get(at..at + length) else {
                break;
            };
            if let Some(when) = named(&some.join(" "), now) {
                words.drain(at..at + length);
                return Some(when);
            }
        }
    }
    None
}

fn named(text: &str, now: Month) -> Option<When> {
    let one = |month| {
        Some(Period {
            from: month,
            to: month,
        })
    };
    let year = |year: i32| {
        let (from, to) = (Month::new(year, 1)?, Month::new(year, 12)?);
        Some(Period { from, to })
    };
    let period = match text {
        "total" | "all" | "all time" | "ever" | "everything" | "in total" | "overall" => {
            return Some(When::Ever);
        }
        // Statements know months only.
        "this month" | "today" | "yesterday" | "this week" => one(now),
        "last month" | "last week" => one(now.plus(-1)),
        "this year" => year(now.year()),
        "last year" => year(now.year() - 1),
        "this quarter" => quarter(now.year(), (now.month() - 1) / 3 + 1),
        "last quarter" => {
            let then = now.plus(-3);
            quarter(then.year(), (then.month() - 1) / 3 + 1)
        }
        _ => None,
    };
    period.or_else(|| numbered(text, now)).map(When::Exactly)
}

fn quarter(year: i32, number: u32) -> Option<Period> {
    let from = Month::new(year, number.checked_sub(1)? * 3 + 1)?;
    Some(Period {
        from,
        to: from.plus(2),
    })
}

/// Periods with a number or the name of a month in them.
fn numbered(text: &str, now: Month) -> Option<Period> {
    let words: Vec<&str> = text.split(' ').collect();
    let year = |word: &str| {
        word.parse::<i32>()
            .ok()
            .filter(|year| (1_990..=2_100).contains(year))
    };
    // A month or quarter without a year is the last one that has begun.
    let passed = |period: Period| match period.from > now {
        true => Period {
            from: period.from.plus(-12),
            to: period.to.plus(-12),
        },
        false => period,
    };
    match words.as_slice() {
        [one, "to" | "until" | "till", two] => {
            let (from, to) = (month(one, None, now)?, month(two, None, now)?);
            (from <= to).then_some(Period { from, to })
        }
        ["last" | "past", number, "month" | "months"] => {
            let number: i32 = number
                .parse()
                .ok()
                .filter(|number| (1..=240).contains(number))?;
            Some(Period {
                from: now.plus(-number),
                to: now.plus(-1),
            })
        }
        [one] if year(one).is_some() => {
            let year = year(one)?;
            Some(Period {
                from: Month::new(year, 1)?,
                to: Month::new(year, 12)?,
            })
        }
        [one] if one.len() == 2 && one.starts_with('q') => {
            let number = one
                .trim_start_matches('q')
                .parse()
                .ok()
                .filter(|number| (1..=4).contains(number))?;
            quarter(now.year(), number).map(passed)
        }
        [one, two] if one.len() == 2 && one.starts_with('q') => {
            let number = one
                .trim_start_matches('q')
                .parse()
                .ok()
                .filter(|number| (1..=4).contains(number))?;
            quarter(year(two)?, number)
        }
        [one] => {
            let month = month(one, None, now)?;
            Some(Period {
                from: month,
                to: month,
            })
        }
        [one, two] => {
            let month = month(one, Some(year(two)?), now)?;
            Some(Period {
                from: month,
                to: month,
            })
        }
        _ => None,
    }
}

/// `august`, `2026-08`; without a year the last such month that has begun.
fn month(word: &str, year: Option<i32>, now: Month) -> Option<Month> {
    if let (None, Some(date)) = (year, Date::parse(word, Order::MonthFirst)) {
        return Some(date.month);
    }
    let number = Month::named(word)?;
    let of = |year| Month::new(year, number);
    match year {
        Some(year) => of(year),
        None => of(now.year())
            .filter(|month| *month <= now)
            .or_else(|| of(now.year() - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> (String, By, String) {
        let now = Month::new(2026, 11).unwrap();
        let asked = Asked::parse(text, now);
        let known = Known {
            now,
            first: now.plus(-30),
            last: now.plus(-3),
        };
        (asked.period(known).to_string(), asked.by, asked.only)
    }

    #[test]
    fn words_become_months() {
        for (text, is) in [
            ("", "Sep 2025 to Aug 2026"),
            ("2026", "Jan to Dec 2026"),
            ("last year", "Jan to Dec 2025"),
            ("last 3 months", "Aug to Oct 2026"),
            ("q2", "Apr to Jun 2026"),
            ("Q4 2025", "Oct to Dec 2025"),
            ("december", "Dec 2025"),
            ("August 2024", "Aug 2024"),
            ("2026-08", "Aug 2026"),
            ("january to march", "Jan to Mar 2026"),
            ("all time", "May 2024 to Aug 2026"),
            ("last month", "Oct 2026"),
        ] {
            assert_eq!(asked(text).0, is, "{text}");
        }
    }

    #[test]
    fn no_two_groupings_share_a_letter() {
        let letters: std::collections::HashSet<char> =
            By::ALL.iter().map(|by| by.letter()).collect();
        assert_eq!(letters.len(), By::ALL.len(), "they tell buttons apart");
    }

    #[test]
    fn what_is_left_is_what_is_looked_for() {
        assert_eq!(
            asked("2026 by country"),
            ("Jan to Dec 2026".to_owned(), By::Country, String::new())
        );
        assert_eq!(
            asked("from Spotify in August by songs"),
            ("Aug 2026".to_owned(), By::Song, "spotify".to_owned())
        );
        assert_eq!(asked("First Light last year").2, "first light");
    }

    #[test]
    fn the_period_before_is_as_long() {
        let now = Month::new(2026, 3).unwrap();
        let period = Period {
            from: now,
            to: now.plus(2),
        };
        assert_eq!(period.before().to_string(), "Dec 2025 to Feb 2026");
    }
}
