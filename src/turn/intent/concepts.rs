//! Words of several languages that stand for one thing, from `config/concepts.txt`.

use std::collections::HashMap;

use super::text::Token;

/// What words stand for.
#[derive(Debug, Default)]
pub struct Concepts {
    whole: HashMap<&'static str, Vec<u16>>,
    /// Longest expression that begins with this word, in words.
    longest: HashMap<&'static str, usize>,
    names: Vec<&'static str>,
    numbers: HashMap<&'static str, u16>,
}

impl Concepts {
    /// Reads a table: one `name: words` a line.
    pub fn read(table: &'static str) -> Self {
        let mut concepts = Self::default();
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, words)) = line.split_once(':') else {
                continue;
            };
            let number = u16::try_from(concepts.names.len()).unwrap_or(u16::MAX);
            concepts.names.push(name.trim());
            concepts.numbers.insert(name.trim(), number);
            for word in words.split_whitespace() {
                let all = concepts.whole.entry(word).or_default();
                if !all.contains(&number) {
                    all.push(number);
                }
                if let Some((first, rest)) = word.split_once('_') {
                    let length = 2 + rest.matches('_').count();
                    let longest = concepts.longest.entry(first).or_default();
                    *longest = length.max(*longest);
                }
            }
        }
        concepts
    }

    /// Its name.
    pub fn name(&self, concept: u16) -> &'static str {
        self.names.get(usize::from(concept)).copied().unwrap_or("")
    }

    /// The number of a name.
    pub fn number(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    /// Whether an expression stands for this.
    pub fn says(&self, expression: &str, name: &str) -> bool {
        let number = self.number(name);
        number.is_some_and(|number| self.word(expression).contains(&number))
    }

    /// What each word of a line stands for; an expression counts at its first word.
    pub fn of(&self, tokens: &[Token]) -> Vec<Vec<u16>> {
        let mut all = Vec::with_capacity(tokens.len());
        let mut joined = String::new();
        for (at, token) in tokens.iter().enumerate() {
            let mut found = self.word(&token.word).to_vec();
            if let Some(longest) = self.longest.get(token.word.as_str()) {
                joined.clear();
                joined.push_str(&token.word);
                for next in tokens.iter().skip(at + 1).take(longest - 1) {
                    joined.push('_');
                    joined.push_str(&next.word);
                    for one in self.word(&joined) {
                        if !found.contains(one) {
                            found.push(*one);
                        }
                    }
                }
            }
            all.push(found);
        }
        all
    }

    fn word(&self, word: &str) -> &[u16] {
        self.whole.get(word).map_or(&[], Vec::as_slice)
    }
}
