//! The words that rules are made of, and which of them a word of a message means, also when it is disguised
//! (`k1ll`, `su*cide`, `d i e`, `killmyself`), stretched (`diiiie`) or misspelt.

use std::hash::{BuildHasherDefault, Hasher};

use super::text::Word;

/// Tables whose keys are ours, so that nobody can choose them to collide.
pub(super) type HashMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Mix>>;
pub(super) type HashSet<K> = std::collections::HashSet<K, BuildHasherDefault<Mix>>;

/// A hash for short keys.
#[derive(Debug, Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let number = chunk
                .iter()
                .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            self.write_u64(number);
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// A word of the rules, or the beginning of words.
pub(super) type Symbol = u32;

/// A word without spaces of fewer letters is never cut into several.
const SHORTEST_GLUED: usize = 7;
/// And of more, never either.
const LONGEST_GLUED: usize = 40;
/// So many single letters in a row are a word that was spaced out.
const SPACED: usize = 4;
/// Longest word of the rules that is looked for inside another.
const LONGEST: usize = 16;
/// A word of fewer letters is not mended.
const SHORTEST_MENDED: usize = 6;
/// The words of the rules.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    words: HashMap<String, Symbol>,
    /// Beginnings of words, by their first letter.
    beginnings: HashMap<char, Vec<(String, Symbol)>>,
    next: Symbol,
    /// Words whose misspellings are mended, by their first letter.
    mended: HashMap<char, Vec<(Vec<char>, Symbol)>>,
}

/// The symbols of each word of a message.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) words: Vec<Word>,
    pub(super) symbols: Vec<Vec<Symbol>>,
}

impl Line {
    /// The symbols of one word.
    pub(super) fn symbols(&self, at: usize) -> &[Symbol] {
        self.symbols.get(at).map_or(&[], Vec::as_slice)
    }
}

impl Vocabulary {
    /// The symbol of a word of the rules.
    pub(super) fn word(&mut self, word: &str) -> Symbol {
        if let Some(symbol) = self.words.get(word) {
            return *symbol;
        }
        self.words.insert(word.to_owned(), self.next);
        self.next += 1;
        self.next - 1
    }

    /// The symbol of all words that begin so.
    pub(super) fn beginning(&mut self, word: &str) -> Symbol {
        let Some(first) = word.chars().next() else {
            return self.word(word);
        };
        let known = self.beginnings.entry(first).or_default();
        if let Some((_, symbol)) = known.iter().find(|(known, _)| known == word) {
            return *symbol;
        }
        known.push((word.to_owned(), self.next));
        self.next += 1;
        self.next - 1
    }

    /// Mends misspellings of this word.
    pub(super) fn mend(&mut self, word: &str) {
        let symbol = self.word(word);
        let letters: Vec<char> = word.chars().collect();
        let long = letters.len() >= SHORTEST_MENDED;
        if let (true, Some(first)) = (long, letters.first()) {
            self.mended
                .entry(*first)
                .or_default()
                .push((letters, symbol));
        }
    }

    /// Finds out what the words of a message mean.
    pub(super) fn line(&self, words: Vec<Word>) -> Line {
        let mut line = Line::default();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let rest = words.get(at..).unwrap_or_default();
            let spaced = rest.iter().take_while(|word| is_letter(&word.text)).count();
            if spaced >= SPACED {
                let run: String = rest.iter().take(spaced).map(|w| w.text.as_str()).collect();
                let run = plain(&run, 'i');
                let one = self.words.contains_key(&run).then(|| vec![run.clone()]);
                if let Some(parts) = one.or_else(|| self.cut(&run)) {
                    self.add(&mut line, word, &parts);
                    at += spaced;
                    continue;
                }
            }
            self.read(&mut line, word);
            at += 1;
        }
        line
    }

    fn add(&self, line: &mut Line, word: &Word, parts: &[String]) {
        for part in parts {
            line.symbols.push(self.symbols(part));
            let text = part.clone();
            line.words.push(Word {
                text,
                ..word.clone()
            });
        }
    }

    fn read(&self, line: &mut Line, word: &Word) {
        let mut symbols = self.symbols(&word.text);
        if symbols.is_empty() {
            if let Some(other) = self.undisguised(&word.text) {
                symbols = self.symbols(&other);
            } else if let Some(parts) = self.cut(&word.text) {
                return self.add(line, word, &parts);
            }
        }
        line.symbols.push(symbols);
        line.words.push(word.clone());
    }

    /// What a word of the rules, or a beginning, stands for it.
    fn symbols(&self, word: &str) -> Vec<Symbol> {
        let mut found: Vec<Symbol> = self.words.get(word).copied().into_iter().collect();
        let first = word.chars().next();
        let near = first.and_then(|first| self.beginnings.get(&first));
        let begun = near.into_iter().flatten();
        let begun = begun.filter(|(beginning, _)| word.starts_with(beginning.as_str()));
        found.extend(begun.map(|(_, symbol)| *symbol));
        found
    }

    /// The word of the rules that a word means which is none.
    fn undisguised(&self, word: &str) -> Option<String> {
        let known = |word: &String| self.words.contains_key(word.as_str());
        let first = word.chars().next()?;
        if word.is_ascii() {
            let has_figure = word.contains(|c: char| !c.is_ascii_alphabetic());
            let has_letter = word.contains(|c: char| c.is_ascii_alphabetic());
            if has_figure && has_letter {
                let shapes = ['i', 'l'].map(|one| plain(word, one));
                if let Some(found) = shapes.iter().find(|shape| known(shape)) {
                    return Some(found.clone());
                }
                if word.contains('*') {
                    return self.starred(word);
                }
            }
        } else if let Some(found) = same_script(word).filter(known) {
            return Some(found);
        }
        for most in [2, 1] {
            let short = squeezed(word, most);
            if short != word && known(&short) {
                return Some(short);
            }
        }
        self.respelt(first, word)
    }

    /// The word that fits where stars hide letters.
    fn starred(&self, word: &str) -> Option<String> {
        let shape: Vec<char> = word.chars().collect();
        let all = self.mended.values().flatten().map(|(letters, _)| letters);
        let short = ["kill", "die", "dead", "rape", "raped", "cut", "abuse"];
        let short = short.iter().map(|word| word.chars().collect::<Vec<_>>());
        let fits = |letters: &Vec<char>| {
            let pairs = letters.iter().zip(&shape);
            letters.len() == shape.len() && pairs.clone().all(|(a, b)| a == b || *b == '*')
        };
        let found = all.cloned().chain(short).find(fits)?;
        Some(found.into_iter().collect())
    }

    /// The word that is meant where one letter is wrong, missing, too many, or two changed places.
    fn respelt(&self, first: char, word: &str) -> Option<String> {
        let near = self.mended.get(&first)?;
        let letters: Vec<char> = word.chars().take(LONGEST * 2).collect();
        if letters.len() + 1 < SHORTEST_MENDED {
            return None;
        }
        let fits = |(known, _): &&(Vec<char>, Symbol)| is_near(known, &letters);
        let (found, _) = near.iter().find(fits)?;
        Some(found.iter().collect())
    }

    /// Cuts what was written without spaces into words of the rules, into as few as can be.
    fn cut(&self, glued: &str) -> Option<Vec<String>> {
        let letters: Vec<char> = glued.chars().take(LONGEST_GLUED + 1).collect();
        let fits = (SHORTEST_GLUED..=LONGEST_GLUED).contains(&letters.len());
        if !fits || !letters.iter().all(|letter| letter.is_alphabetic()) {
            return None;
        }
        let bounds: Vec<usize> = glued
            .char_indices()
            .map(|(at, _)| at)
            .chain([glued.len()])
            .collect();
        // The cheapest way to each place, and where its last word begins.
        let mut ways: Vec<Option<(usize, usize)>> = vec![Some((0, 0))];
        for end in 1..=letters.len() {
            let mut best: Option<(usize, usize)> = None;
            for from in end.saturating_sub(LONGEST)..end {
                let Some(Some((cost, _))) = ways.get(from) else {
                    continue;
                };
                let bounds = bounds.get(from).zip(bounds.get(end));
                let word = bounds.and_then(|(from, end)| glued.get(*from..*end))?;
                let single = end - from == 1 && word != "i";
                if single || !self.words.contains_key(word) {
                    continue;
                }
                let cost = cost + 1;
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, from));
                }
            }
            ways.push(best);
        }
        let mut parts = Vec::new();
        let mut end = letters.len();
        while end > 0 {
            let (_, from) = (*ways.get(end)?)?;
            parts.push(letters.get(from..end)?.iter().collect::<String>());
            end = from;
        }
        parts.reverse();
        // Many short words would be found in anything.
        let dense = letters.len() >= parts.len() * 3 - parts.len() / 2;
        (parts.len() > 1 && dense).then_some(parts)
    }
}

fn is_letter(word: &str) -> bool {
    let mut letters = word.chars();
    let one = letters.next().is_some_and(char::is_alphanumeric);
    one && letters.next().is_none() && word.len() <= 2
}

/// Reads figures and marks as the letters they look like.
fn plain(word: &str, one: char) -> String {
    let read = |letter: char| match letter {
        '0' => 'o',
        '1' | '|' => one,
        '!' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' => 'g',
        other => other,
    };
    word.chars().map(read).collect()
}

/// Reads letters of other scripts as the Latin ones that they look like, where both stand in one word.
fn same_script(word: &str) -> Option<String> {
    const ALIKE: [(char, char); 28] = [
        ('а', 'a'),
        ('в', 'b'),
        ('с', 'c'),
        ('ԁ', 'd'),
        ('е', 'e'),
        ('ҽ', 'e'),
        ('һ', 'h'),
        ('і', 'i'),
        ('ј', 'j'),
        ('к', 'k'),
        ('ӏ', 'l'),
        ('м', 'm'),
        ('н', 'h'),
        ('о', 'o'),
        ('р', 'p'),
        ('ѕ', 's'),
        ('т', 't'),
        ('у', 'y'),
        ('х', 'x'),
        ('α', 'a'),
        ('ε', 'e'),
        ('ι', 'i'),
        ('κ', 'k'),
        ('ν', 'v'),
        ('ο', 'o'),
        ('ρ', 'p'),
        ('τ', 't'),
        ('υ', 'u'),
    ];
    if !word.contains(|letter: char| letter.is_ascii_alphabetic()) {
        return None;
    }
    let read = |letter: char| {
        let found = ALIKE.iter().find(|(other, _)| *other == letter);
        found.map_or(letter, |(_, latin)| *latin)
    };
    let read: String = word.chars().map(read).collect();
    read.is_ascii().then_some(read)
}

/// Shortens each letter that is repeated more than twice.
fn squeezed(word: &str, most: usize) -> String {
    let mut out = String::with_capacity(word.len());
    let letters: Vec<char> = word.chars().collect();
    for run in letters.chunk_by(|a, b| a == b) {
        let keep = if run.len() > 2 { most } else { run.len() };
        out.extend(run.iter().take(keep));
    }
    out
}

/// Whether one change makes one of the other.
fn is_near(known: &[char], word: &[char]) -> bool {
    let same = known.iter().zip(word).take_while(|(a, b)| a == b).count();
    let known = known.get(same..).unwrap_or_default();
    let word = word.get(same..).unwrap_or_default();
    match (known, word) {
        ([] | [_], []) | ([], [_]) => true,
        ([a, after_a @ ..], [b, after_b @ ..]) => {
            let swapped = match (after_a, after_b) {
                ([c, rest @ ..], [d, other @ ..]) => a == d && b == c && rest == other,
                _ => false,
            };
            swapped || after_a == word || known == after_b || after_a == after_b
        }
        _ => false,
    }
}
