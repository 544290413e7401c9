//! Patterns over the words of a line.

use super::super::concepts::Concepts;
use super::super::text::Token;

/// Words of a value that is taken over as written, at most.
const MOST_WORDS: usize = 12;

/// A line and the groups of its words.
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    table: &'a Concepts,
    tokens: &'a [Token],
    groups: Vec<Vec<u16>>,
}

impl<'a> Line<'a> {
    pub(super) fn new(table: &'a Concepts, text: &'a str, tokens: &'a [Token]) -> Self {
        Self {
            text,
            table,
            tokens,
            groups: table.of(tokens),
        }
    }

    /// The value whose group begins with `prefix`; the table's order decides between several.
    pub(super) fn value(&self, prefix: &str) -> Option<String> {
        let all = self.tokens.iter().zip(&self.groups);
        let open = all.filter(|(token, _)| !token.quoted);
        let numbers = open.flat_map(|(_, groups)| groups.iter().copied());
        let of = numbers.filter(|number| self.table.name(*number).starts_with(prefix));
        let value = self.table.name(of.min()?).strip_prefix(prefix)?;
        Some(value.to_owned())
    }

    fn is(&self, at: usize, group: &str) -> bool {
        let number = self.table.number(group);
        let groups = self.groups.get(at);
        number.is_some_and(|number| groups.is_some_and(|groups| groups.contains(&number)))
    }

    fn starts(&self, at: usize, prefix: &str) -> bool {
        let groups = self.groups.get(at).into_iter().flatten();
        groups
            .into_iter()
            .any(|number| self.table.name(*number).starts_with(prefix))
    }

    /// What a word counts: a figure as written, or a word for one.
    fn figure(&self, at: usize) -> Option<String> {
        let token = self.tokens.get(at)?;
        if token
            .word
            .starts_with(|letter: char| letter.is_ascii_digit())
        {
            return Some(token.word.trim_end_matches(['.', ',', ':']).to_owned());
        }
        let groups = self.groups.get(at)?;
        let mut names = groups.iter().map(|number| self.table.name(*number));
        let name = names.find_map(|name| name.strip_prefix("number."))?;
        Some(name.to_owned())
    }

    /// A figure beside a currency, else the only figure that counts nothing else.
    pub(super) fn amount(&self) -> Option<String> {
        let beside = |at: usize| {
            self.starts(at + 1, "currency=")
                || at
                    .checked_sub(1)
                    .is_some_and(|last| self.starts(last, "currency="))
        };
        let figures = (0..self.tokens.len()).filter(|at| self.figure(*at).is_some());
        let digits = |at: &usize| {
            let token = self.tokens.get(*at);
            token.is_some_and(|token| {
                token
                    .word
                    .starts_with(|letter: char| letter.is_ascii_digit())
            })
        };
        let all: Vec<usize> = figures.collect();
        let best = all.iter().copied().find(|at| beside(*at));
        let plain = || {
            all.iter()
                .copied()
                .find(|at| digits(at) && !self.starts(at + 1, "unit."))
        };
        let found = best.or_else(plain)?;
        let coin = |word: &str| ["fiver", "tenner", "zehner", "funfer"].contains(&word);
        let money = || {
            all.iter()
                .copied()
                .find(|at| self.tokens.get(*at).is_some_and(|token| coin(&token.word)))
        };
        self.figure(money().unwrap_or(found))
            .map(|figure| figure.replace(',', "."))
    }

    /// A figure before songs, or the only one.
    pub(super) fn count(&self) -> Option<String> {
        let songs = |at: &usize| self.is(at + 1, "unit.songs") || self.is(at + 2, "unit.songs");
        let figures = || (0..self.tokens.len()).filter(|at| self.figure(*at).is_some());
        let digit = |at: &usize| {
            self.tokens.get(*at).is_some_and(|token| {
                token.word.len() < 4 && token.word.bytes().all(|b| b.is_ascii_digit())
            })
        };
        let at = figures().find(songs).or_else(|| {
            figures().find(|at| {
                digit(at) && !self.starts(at + 1, "unit.") && !self.starts(at + 1, "currency=")
            })
        })?;
        self.figure(at).filter(|figure| figure != "1" || digit(&at))
    }

    /// A figure and a unit of time.
    pub(super) fn span(&self) -> Option<String> {
        const TIMES: [&str; 6] = ["minutes", "hours", "days", "weeks", "months", "years"];
        (0..self.tokens.len()).find_map(|at| {
            let figure = self.figure(at)?;
            // "a six month plan" and "in the last 3 months"
            let unit = TIMES
                .iter()
                .find(|unit| self.is(at + 1, &format!("unit.{unit}")))?;
            Some(format!("{figure} {unit}"))
        })
    }

    /// A day that is named, or figures with a month.
    pub(super) fn date(&self) -> Option<String> {
        let dated = (0..self.tokens.len()).find_map(|at| {
            let figure = self.figure(at)?;
            let month = |at: usize| {
                let name = self
                    .groups
                    .get(at)?
                    .iter()
                    .map(|number| self.table.name(*number));
                let mut months = name.filter_map(|name| name.strip_prefix("period="));
                months.find(|name| MONTHS.contains(name))
            };
            let month = month(at + 1)
                .or_else(|| month(at + 2))
                .or_else(|| month(at.checked_sub(1)?))?;
            Some(format!("{figure} {month}"))
        });
        let plain = || {
            let mut words = self.tokens.iter().map(|token| &token.word);
            let dated = |word: &&String| {
                word.matches(['.', '-']).count() >= 1
                    && word.starts_with(|c: char| c.is_ascii_digit())
            };
            words
                .find(dated)
                .map(|word| word.trim_end_matches('.').to_owned())
        };
        dated.or_else(plain).or_else(|| self.value("day="))
    }

    /// A percentage or a bare figure from 0 to 100.
    pub(super) fn level(&self) -> Option<String> {
        let mut words = self.tokens.iter().map(|token| token.word.as_str());
        let fits = |word: &str| word.parse::<u8>().is_ok_and(|number| number <= 100);
        words.find(|word| fits(word)).map(str::to_owned)
    }

    /// `1:30`, or so many minutes or seconds.
    pub(super) fn position(&self) -> Option<String> {
        let timed = |token: &&Token| token.word.contains(':');
        if let Some(token) = self.tokens.iter().find(timed) {
            return Some(token.word.clone());
        }
        (0..self.tokens.len()).find_map(|at| {
            let figure = self.figure(at)?;
            let units = ["seconds", "minutes"];
            let unit = units
                .iter()
                .find(|unit| self.is(at + 1, &format!("unit.{unit}")))?;
            Some(format!("{figure} {unit}"))
        })
    }

    /// Quoted, or called so, or the first name in capitals.
    pub(super) fn name(&self) -> Option<String> {
        self.titled().or_else(|| self.capitals(0))
    }

    /// Quoted, or called so.
    pub(super) fn titled(&self) -> Option<String> {
        self.quoted().or_else(|| self.after("called"))
    }

    fn quoted(&self) -> Option<String> {
        let first = self.tokens.iter().position(|token| token.quoted)?;
        let length = self
            .tokens
            .iter()
            .skip(first)
            .take_while(|token| token.quoted)
            .count();
        self.written(first, first + length)
    }

    /// Words in capitals that do not begin the line, from a place on.
    fn capitals(&self, from: usize) -> Option<String> {
        let named = |at: usize| {
            let ordinary = ["i", "im", "id", "ive", "ill", "toney"];
            self.tokens.get(at).is_some_and(|token| {
                token.capital
                    && !ordinary.contains(&token.word.as_str())
                    && !self.starts(at, "service=")
                    && !self.starts(at, "period=")
                    && !self.starts(at, "day=")
                    && !self.starts(at, "language=")
                    && !self.starts(at, "territory=")
                    && !self.starts(at, "format=")
            })
        };
        let begins = |at: &usize| *at > 0 && named(*at) && !self.ends_sentence(at - 1);
        let first = (from..self.tokens.len()).find(begins)?;
        let length = (first..self.tokens.len())
            .take_while(|at| named(*at))
            .count();
        self.written(first, first + length)
    }

    fn ends_sentence(&self, at: usize) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| matches!(token.word.as_str(), "." | "!" | "?"))
    }

    /// The place behind an expression of the group `to.WORDS`, outside quotation marks.
    fn behind(&self, words: &str) -> Option<usize> {
        let group = format!("to.{words}");
        let at = (0..self.tokens.len()).find(|at| {
            self.is(*at, &group) && self.tokens.get(*at).is_some_and(|token| !token.quoted)
        })?;
        // An expression of several words ends where its last word does.
        let more = (1..=3).rev().find(|more| {
            let expression = self.tokens.get(at..=at + more).map(|tokens| {
                let words: Vec<&str> = tokens.iter().map(|token| token.word.as_str()).collect();
                words.join("_")
            });
            expression.is_some_and(|expression| self.table.says(&expression, &group))
        });
        Some(at + 1 + more.unwrap_or(0))
    }

    /// What follows, up to the next mark.
    pub(super) fn after(&self, words: &str) -> Option<String> {
        let from = self.behind(words)?;
        if self.tokens.get(from).is_some_and(|token| token.quoted) {
            return self.quoted();
        }
        let mark = |token: &&Token| {
            token.word.chars().any(char::is_alphanumeric)
                || token.word == "€"
                || token.word == "$"
                || token.word == "£"
        };
        let length = self
            .tokens
            .iter()
            .skip(from)
            .take_while(mark)
            .take(MOST_WORDS)
            .count();
        self.written(from, from + length)
    }

    /// A name in capitals that follows at once.
    pub(super) fn name_after(&self, words: &str) -> Option<String> {
        let from = self.behind(words)?;
        let capital = self.tokens.get(from).is_some_and(|token| token.capital);
        if capital { self.capitals(from) } else { None }
    }

    /// What follows the word that orders it, up to whose it is or where it plays.
    pub(super) fn played(&self) -> Option<String> {
        let from = self.behind("play")?;
        let stop = |at: usize| {
            ["to.by", "to.for", "to.with", "to.until"]
                .iter()
                .any(|group| self.is(at, group))
                || self.starts(at, "device=")
                || self.tokens.get(at).is_none_or(|token| {
                    let word = token.word.as_str();
                    !word.chars().any(char::is_alphanumeric)
                        || [
                            "on", "auf", "en", "no", "na", "sur", "im", "in", "next", "please",
                            "bitte", "now", "porfa",
                        ]
                        .contains(&word)
                })
        };
        let length = (from..self.tokens.len())
            .take_while(|at| !stop(*at))
            .count();
        let vague = [
            "something",
            "some",
            "music",
            "musik",
            "musica",
            "musique",
            "anything",
            "was",
            "etwas",
            "algo",
            "quelque",
            "du",
            "de",
            "it",
            "that",
            "this",
            "me",
            "a",
            "un",
            "una",
            "uma",
            "the",
        ];
        let first = self.tokens.get(from)?;
        if vague.contains(&first.word.as_str())
            || self.starts(from, "mood=")
            || self.starts(from, "genre=")
        {
            return None;
        }
        self.written(from, from + length)
    }

    /// A word of letters and figures.
    pub(super) fn code(&self) -> Option<String> {
        let mixed = |word: &&str| {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric());
            word.len() >= 4
                && word.chars().any(|c| c.is_ascii_digit())
                && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        let word = self.text.split_whitespace().find(mixed)?;
        Some(word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned())
    }

    /// The words of a range as they stand in the line.
    fn written(&self, from: usize, to: usize) -> Option<String> {
        let first = self.tokens.get(from)?;
        let last = self.tokens.get(to.checked_sub(1)?)?;
        let text = self.text.get(first.at.start..last.at.end)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
