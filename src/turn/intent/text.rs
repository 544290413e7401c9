//! A line as words that can be compared: lower case, no accents, figures and marks told apart.

use std::ops::Range;

/// One word, figure or mark of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Lower case without accents; figures as written.
    pub word: String,
    /// Whether it stands between quotation marks.
    pub quoted: bool,
    /// Whether it began with a capital letter.
    pub capital: bool,
    /// Where it stands in the line, in bytes.
    pub at: Range<usize>,
}

/// Articles and pronouns that lean on the next word.
const LEANING: [&str; 14] = [
    "l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quelqu", "dell",
];

/// Longer lines are read up to here; what is wanted stands before it.
const MOST_LETTERS: usize = 1_200;

/// Cuts a line into words, figures and marks.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut cut = Cut::default();
    let mut before = ' ';
    let mut letters = text.char_indices().take(MOST_LETTERS).peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map_or(' ', |(_, next)| *next);
        cut.at = at;
        cut.take(letter, before, next);
        before = letter;
        cut.at = at + letter.len_utf8();
    }
    cut.end();
    // A mark that was never answered quoted nothing.
    if cut.closing.is_some() {
        for token in cut.tokens.iter_mut().skip(cut.opened) {
            token.quoted = false;
        }
    }
    cut.tokens
}

#[derive(Default)]
struct Cut {
    tokens: Vec<Token>,
    word: String,
    capital: bool,
    /// Where the word began, and where the reading is.
    begun: usize,
    at: usize,
    /// The marks that end the quotation.
    closing: Option<&'static [char]>,
    /// How many words stood before it.
    opened: usize,
}

impl Cut {
    fn take(&mut self, letter: char, before: char, next: char) {
        let closes = self.closing.is_some_and(|marks| marks.contains(&letter));
        if closes && (!matches!(letter, '\'' | '’') || !next.is_alphanumeric()) {
            self.end();
            self.closing = None;
            return;
        }
        match letter {
            '\'' | '’' | '‘' | '`' if before.is_alphanumeric() && next.is_alphanumeric() => {
                if LEANING.contains(&self.word.as_str()) {
                    self.end();
                }
            }
            '.' | ',' | ':' if before.is_ascii_digit() && next.is_ascii_digit() => {
                self.word.push(letter);
            }
            _ if letter.is_alphanumeric() => {
                // Words that a figure leans on (5€, 20min) stand alone.
                let digit = letter.is_ascii_digit();
                if before.is_alphanumeric() && before.is_ascii_digit() != digit {
                    self.end();
                }
                if self.word.is_empty() {
                    self.capital = letter.is_uppercase();
                    self.begun = self.at;
                }
                fold(letter, &mut self.word);
            }
            // "Dois-je", "thank-you": words of their own, and no break between them.
            '-' if before.is_alphanumeric() && next.is_alphanumeric() => self.end(),
            _ => {
                self.end();
                self.mark(letter, before, next);
            }
        }
    }

    fn mark(&mut self, letter: char, before: char, next: char) {
        let closing: Option<&'static [char]> = match letter {
            '"' | '“' | '”' | '„' => Some(&['"', '“', '”']),
            '«' | '»' => Some(&['»', '«']),
            '\'' | '‘' if !before.is_alphanumeric() && next.is_alphanumeric() => {
                Some(&['\'', '’'])
            }
            _ => None,
        };
        if self.closing.is_none() && closing.is_some() {
            self.closing = closing;
            self.opened = self.tokens.len();
            return;
        }
        if letter.is_whitespace() || matches!(letter, '\'' | '’' | '\u{fe0f}') {
            return;
        }
        let same = self.tokens.last().is_some_and(|last| {
            let mut letters = last.word.chars();
            letters.next() == Some(letter) && letters.next().is_none()
        });
        if !same {
            self.word.push(letter);
            self.begun = self.at;
            self.at += letter.len_utf8();
            self.end();
        }
    }

    fn end(&mut self) {
        if !self.word.is_empty() {
            self.tokens.push(Token {
                word: squeezed(&std::mem::take(&mut self.word)),
                quoted: self.closing.is_some(),
                capital: std::mem::take(&mut self.capital),
                at: self.begun..self.at,
            });
        }
    }
}

/// A letter drawn out for emphasis ("yesss") counts twice at most.
fn squeezed(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut run = 0;
    let mut last = '\0';
    for letter in word.chars() {
        run = if letter == last { run + 1 } else { 1 };
        last = letter;
        if run <= 2 || letter.is_ascii_digit() {
            out.push(letter);
        }
    }
    out
}

fn fold(letter: char, out: &mut String) {
    for lower in letter.to_lowercase() {
        match lower {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => out.push('a'),
            'è' | 'é' | 'ê' | 'ë' => out.push('e'),
            'ì' | 'í' | 'î' | 'ï' => out.push('i'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => out.push('o'),
            'ù' | 'ú' | 'û' | 'ü' => out.push('u'),
            'ç' => out.push('c'),
            'ñ' => out.push('n'),
            'ß' => out.push_str("ss"),
            'œ' => out.push_str("oe"),
            'æ' => out.push_str("ae"),
            // Accents that stand as letters of their own.
            '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' => {}
            other => out.push(other),
        }
    }
}
