//! A wish cut into plain words, and the groups of phrases of `config/workflows.txt` that are looked for in them.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Phrases by the name of their group, longest first.
#[derive(Debug)]
pub(super) struct Groups(HashMap<&'static str, Vec<Phrase>>);

#[derive(Debug)]
struct Phrase {
    words: Vec<&'static str>,
    /// Whether the last word may go on.
    open: bool,
}

/// A place in the words: from the first to behind the last.
pub(super) type Place = std::ops::Range<usize>;

/// Words without case, accents and signs; a word that was used up is empty.
#[derive(Debug, Clone)]
pub(super) struct Words(pub(super) Vec<String>);

impl Groups {
    pub(super) fn read(table: &'static str) -> Self {
        let lines = table.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let groups = lines.filter_map(|line| {
            let (name, phrases) = line.split_once(": ")?;
            let mut phrases: Vec<Phrase> = phrases.split_whitespace().map(Phrase::read).collect();
            phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.words.len()));
            Some((name, phrases))
        });
        Self(groups.collect())
    }

    /// The names that begin so, with what follows.
    pub(super) fn under(&self, start: &str) -> Vec<(&'static str, &'static str)> {
        let names = self.0.keys().copied();
        let mut names: Vec<_> = names
            .filter_map(|name| Some((name, name.strip_prefix(start)?)))
            .collect();
        names.sort_unstable();
        names
    }
}

impl Phrase {
    fn read(text: &'static str) -> Self {
        let (text, open) = match text.strip_suffix('*') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let words = text.split('_').filter(|word| !word.is_empty()).collect();
        Self { words, open }
    }

    fn stands(&self, words: &[String]) -> bool {
        let Some(shown) = words.get(..self.words.len()) else {
            return false;
        };
        let last = self.words.len().saturating_sub(1);
        let mut pairs = shown.iter().zip(&self.words).enumerate();
        pairs.all(|(at, (shown, wanted))| {
            shown == wanted || (self.open && at == last && shown.starts_with(wanted))
        })
    }
}

impl Words {
    /// Cuts a text.
    pub(super) fn cut(text: &str) -> Self {
        let plain = plain(text);
        let letters: Vec<char> = plain.chars().collect();
        let mut words = Vec::new();
        let mut word = String::new();
        let mut close = |word: &mut String| {
            if !word.is_empty() {
                words.push(std::mem::take(word));
            }
        };
        for (at, letter) in letters.iter().copied().enumerate() {
            let before = at.checked_sub(1).and_then(|at| letters.get(at)).copied();
            let after = letters.get(at + 1).copied();
            let digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
            match letter {
                '$' | '€' | '£' | '¥' | '%' => {
                    close(&mut word);
                    word.push(letter);
                    close(&mut word);
                }
                // A thousand's comma goes, a decimal one becomes a point.
                '.' | ',' | ':' if digit(before) && digit(after) => match letter {
                    ',' if thousands(&letters, at) => {}
                    ',' => word.push('.'),
                    letter => word.push(letter),
                },
                '\'' | '’' => {
                    let rest: String = letters.iter().skip(at + 1).take(3).collect();
                    let short = ["t", "s", "d", "m", "re", "ve", "ll"];
                    let ends = short.iter().any(|end| {
                        rest.strip_prefix(end)
                            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
                    });
                    if !ends {
                        close(&mut word);
                    }
                }
                letter if letter.is_alphanumeric() => word.push(letter),
                _ => close(&mut word),
            }
        }
        close(&mut word);
        Self(words)
    }

    /// Where the first phrase of a group stands.
    pub(super) fn find(&self, groups: &Groups, name: &str) -> Option<Place> {
        (0..self.0.len()).find_map(|at| self.at(groups, name, at))
    }

    /// The phrase of a group that begins at this word.
    pub(super) fn at(&self, groups: &Groups, name: &str, at: usize) -> Option<Place> {
        let words = self.0.get(at..)?;
        let phrases = groups.0.get(name)?;
        let phrase = phrases.iter().find(|phrase| phrase.stands(words))?;
        Some(at..at + phrase.words.len())
    }

    /// Every place of a group.
    pub(super) fn all(&self, groups: &Groups, name: &str) -> Vec<Place> {
        (0..self.0.len())
            .filter_map(|at| self.at(groups, name, at))
            .collect()
    }

    /// Whether a group stands anywhere.
    pub(super) fn has(&self, groups: &Groups, name: &str) -> bool {
        self.find(groups, name).is_some()
    }

    /// Whether it begins with a group.
    pub(super) fn begins(&self, groups: &Groups, name: &str) -> bool {
        self.at(groups, name, 0).is_some()
    }

    /// Uses words up, so that nothing else is read from them.
    pub(super) fn take(&mut self, place: &Place) {
        for at in place.clone() {
            if let Some(word) = self.0.get_mut(at) {
                word.clear();
            }
        }
    }

    pub(super) fn word(&self, at: usize) -> &str {
        self.0.get(at).map_or("", String::as_str)
    }

    /// A number that stands here, in digits or as a word.
    pub(super) fn number(&self, groups: &Groups, at: usize) -> Option<String> {
        let word = self.word(at);
        let word = word
            .strip_suffix("th")
            .or_else(|| word.strip_suffix("st"))
            .unwrap_or(word);
        let word = word
            .strip_suffix("nd")
            .or_else(|| word.strip_suffix("rd"))
            .unwrap_or(word);
        if let Some(thousands) = word.strip_suffix('k')
            && let Ok(count) = thousands.parse::<u64>()
        {
            return Some((count.saturating_mul(1_000)).to_string());
        }
        if word.starts_with(|letter: char| letter.is_ascii_digit())
            && word
                .chars()
                .all(|letter| letter.is_ascii_digit() || letter == '.')
        {
            return Some(word.to_owned());
        }
        let names = groups.under("number.").into_iter();
        let mut names = names.filter(|(name, _)| self.at(groups, name, at).is_some());
        names.next().map(|(_, number)| number.to_owned())
    }
}

fn plain(text: &str) -> String {
    let lower = text.to_lowercase().replace('ß', "ss");
    lower
        .nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .collect()
}

/// Whether exactly three digits follow a comma.
fn thousands(letters: &[char], comma: usize) -> bool {
    let digits = letters.iter().skip(comma + 1);
    digits.take_while(|letter| letter.is_ascii_digit()).count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_plain() {
        let cut = |text: &str| Words::cut(text).0.join(" ");
        assert_eq!(cut("Don't pay $1,000.50!"), "dont pay $ 1000.50");
        assert_eq!(cut("L’été à 9h30, 12,50€"), "l ete a 9h30 12.50 €");
        assert_eq!(cut("e-mail at 18:30; Größe"), "e mail at 18:30 grosse");
    }
}
