//! A message as words that can be compared, however it was dressed up: one case, no accents, no invisible
//! letters, no letters of another script or shape that only look alike.

use unicode_normalization::char::decompose_compatible;

/// Letters of a message that are read; twice what the longest message of a platform holds.
pub(super) const MOST_LETTERS: usize = 8_000;
/// A line of fewer words than this is no sentence of its own.
const SHORT_LINE: usize = 4;
/// Letters that stand for others inside a word, at most so many in a row.
const MOST_MARKS: usize = 3;

/// One word, figure or picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// Lower case without accents; may hold figures and marks that stand for letters.
    pub(super) text: String,
    /// Which sentence it stands in.
    pub(super) sentence: u16,
    /// Which part of a sentence; counts through the whole message.
    pub(super) clause: u16,
    /// Whether it stands between quotation marks.
    pub(super) quoted: bool,
    /// Whether it began with a capital letter.
    pub(super) capital: bool,
    /// Whether a colon, a dash or an opening bracket stands behind it.
    pub(super) colon: bool,
}

/// Articles and pronouns that lean on the next word.
const LEANING: [&str; 15] = [
    "l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quelqu", "dell",
    "nell",
];

/// Which mark closes what another one opened.
const QUOTES: [(char, &str); 10] = [
    ('"', "\""),
    ('“', "”\""),
    ('„', "“”\""),
    ('«', "»"),
    ('»', "«"),
    ('‹', "›"),
    ('「', "」"),
    ('『', "』"),
    ('‘', "’'"),
    ('\'', "'’"),
];

/// Cuts a message into words.
pub(super) fn words(text: &str) -> Vec<Word> {
    let letters: Vec<char> = text.chars().take(MOST_LETTERS).filter(seen).collect();
    let mut cut = Cut::default();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at)).copied();
        let rest = letters.get(at + 1..).unwrap_or_default();
        at += cut.take(letter, before.unwrap_or(' '), rest);
    }
    cut.end();
    cut.unquote();
    cut.words
}

/// Whether a letter is there to be seen.
fn seen(letter: &char) -> bool {
    !matches!(u32::from(*letter), 0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180E
        | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0xFE00..=0xFE0F | 0xFEFF | 0x1F3FB..=0x1F3FF
        | 0xE0000..=0xE01EF)
}

#[derive(Default)]
struct Cut {
    words: Vec<Word>,
    word: Word,
    sentence: u16,
    clause: u16,
    /// Words on this line so far.
    on_line: usize,
    /// What ends the quotation, and how many words stood before it.
    closing: Option<(&'static str, usize)>,
}

impl Cut {
    /// Takes one letter, and tells how many letters are done with.
    fn take(&mut self, letter: char, before: char, rest: &[char]) -> usize {
        let next = rest.first().copied().unwrap_or(' ');
        if letter.is_alphanumeric() {
            self.letter(letter);
            return 1;
        }
        if is_mark_of_accent(letter) {
            return 1;
        }
        if let Some(taken) = self.mark_in_word(letter, before, rest) {
            return taken;
        }
        if is_apostrophe(letter) && before.is_alphanumeric() && next.is_alphanumeric() {
            if LEANING.contains(&self.word.text.as_str()) {
                self.end();
            }
            return 1;
        }
        self.end();
        if self.quotation(letter, before, next) {
            return 1;
        }
        match letter {
            '.' | '…' => {
                let dots = 1 + rest.iter().take_while(|next| **next == '.').count();
                let behind = rest.get(dots - 1).copied().unwrap_or(' ');
                match dots {
                    1 if letter == '.' && !behind.is_alphanumeric() => self.sentence(),
                    1 if letter == '.' => {}
                    _ => self.clause(),
                }
                return dots;
            }
            '!' | '?' | '。' | '！' | '？' | '¿' | '¡' | '؟' | '।' => self.sentence(),
            '\n' => self.line(),
            ':' | '：' => self.colon(),
            '(' | '—' | '–' => self.colon(),
            '-' if before == ' ' && next == ' ' => self.colon(),
            ',' | ';' | ')' | '、' | '，' | '،' | '/' => self.clause(),
            '♪' | '♫' | '🎵' | '🎶' => self.picture('♪'),
            _ if is_picture(letter) => self.picture(letter),
            _ => {}
        }
        1
    }

    fn letter(&mut self, letter: char) {
        if self.word.text.is_empty() {
            self.word.capital = letter.is_uppercase();
        }
        if stands_alone(letter) {
            self.end();
            self.word.text.push(letter);
            self.end();
            return;
        }
        let word = &mut self.word.text;
        if letter.is_ascii() {
            word.push(letter.to_ascii_lowercase());
            return;
        }
        decompose_compatible(letter, |part| {
            for small in part.to_lowercase() {
                match shape(small) {
                    _ if is_mark_of_accent(small) => {}
                    Some(letters) => word.push_str(letters),
                    None => word.push(small),
                }
            }
        });
    }

    /// Keeps marks inside a word that may stand for letters: `k!ll`, `s**cide`, `$ad`.
    fn mark_in_word(&mut self, letter: char, before: char, rest: &[char]) -> Option<usize> {
        let is_mark = |letter: char| "!@$*|+€#".contains(letter);
        if !is_mark(letter) {
            return None;
        }
        let more = rest.iter().take_while(|next| is_mark(**next)).count();
        let behind = rest.get(more).copied().unwrap_or(' ');
        let inside = before.is_alphanumeric() && behind.is_alphabetic() && more < MOST_MARKS;
        let first = "$@".contains(letter) && more == 0 && before == ' ' && behind.is_alphabetic();
        if !inside && !first {
            return None;
        }
        self.word.text.push(letter);
        self.word.text.extend(rest.iter().take(more));
        Some(more + 1)
    }

    /// Opens or closes a quotation, if the letter does.
    fn quotation(&mut self, letter: char, before: char, next: char) -> bool {
        let is_straight = is_apostrophe(letter);
        if let Some((closing, _)) = self.closing {
            let ends = closing.contains(letter) && !(is_straight && next.is_alphanumeric());
            if ends {
                self.closing = None;
            }
            return ends;
        }
        let opens = QUOTES.iter().find(|(opening, _)| *opening == letter);
        let Some((_, closing)) = opens else {
            return false;
        };
        if is_straight && (before.is_alphanumeric() || !next.is_alphanumeric()) {
            return false;
        }
        self.closing = Some((closing, self.words.len()));
        true
    }

    /// A mark that was never answered quoted nothing.
    fn unquote(&mut self) {
        if let Some((_, from)) = self.closing {
            for word in self.words.iter_mut().skip(from) {
                word.quoted = false;
            }
        }
    }

    fn picture(&mut self, letter: char) {
        self.word.text.push(letter);
        self.end();
    }

    fn end(&mut self) {
        if self.word.text.is_empty() {
            return;
        }
        let mut word = std::mem::take(&mut self.word);
        (word.sentence, word.clause) = (self.sentence, self.clause);
        word.quoted = self.closing.is_some();
        self.on_line += 1;
        self.words.push(word);
    }

    fn clause(&mut self) {
        self.clause = self.clause.saturating_add(1);
    }

    fn colon(&mut self) {
        if let Some(last) = self.words.last_mut() {
            last.colon = true;
        }
        self.clause();
    }

    fn sentence(&mut self) {
        self.sentence = self.sentence.saturating_add(1);
        self.clause();
    }

    fn line(&mut self) {
        if self.on_line >= SHORT_LINE {
            self.sentence();
        } else {
            self.clause();
        }
        self.on_line = 0;
    }
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '‘' | '`' | '´' | 'ʼ' | '＇')
}

/// Accents of Latin, Greek and Cyrillic letters, vowel points of Arabic and Hebrew.
fn is_mark_of_accent(letter: char) -> bool {
    matches!(u32::from(letter), 0x300..=0x36F | 0x483..=0x489 | 0x591..=0x5C7 | 0x610..=0x61A | 0x640
        | 0x64B..=0x65F | 0x670 | 0x20D0..=0x20FF | 0x1AB0..=0x1AFF)
}

/// Letters of scripts that are written without spaces.
fn stands_alone(letter: char) -> bool {
    matches!(u32::from(letter), 0xE00..=0xEFF | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

fn is_picture(letter: char) -> bool {
    matches!(u32::from(letter), 0x2600..=0x27BF | 0x2B00..=0x2BFF | 0x1F300..=0x1FAFF)
}

/// What letters without accents of their own, and letters of unusual shape, are read as.
fn shape(letter: char) -> Option<&'static str> {
    const SHAPES: [(&str, &str); 31] = [
        ("ß", "ss"),
        ("æ", "ae"),
        ("œ", "oe"),
        ("øꝋ", "o"),
        ("łʟ", "l"),
        ("đð", "d"),
        ("ıɪ", "i"),
        ("ᴀ🅐🅰", "a"),
        ("ʙ🅑🅱", "b"),
        ("ᴄ🅒🅲", "c"),
        ("ᴅ🅓🅳", "d"),
        ("ᴇ🅔🅴ǝ", "e"),
        ("ꜰ🅕🅵", "f"),
        ("ɢ🅖🅶", "g"),
        ("ʜ🅗🅷", "h"),
        ("🅘🅸", "i"),
        ("ᴊ🅙🅹", "j"),
        ("ᴋ🅚🅺", "k"),
        ("🅛🅻", "l"),
        ("ᴍ🅜🅼", "m"),
        ("ɴ🅝🅽", "n"),
        ("ᴏ🅞🅾", "o"),
        ("ᴘ🅟🅿", "p"),
        ("ǫ🅠🆀", "q"),
        ("ʀ🅡🆁", "r"),
        ("ꜱ🅢🆂", "s"),
        ("ᴛ🅣🆃", "t"),
        ("ᴜ🅤🆄", "u"),
        ("ᴠ🅥🆅", "v"),
        ("ᴡ🅦🆆", "w"),
        ("ʏ🅨🆈", "y"),
    ];
    let mut known = SHAPES.iter();
    let found = known.find(|(letters, _)| letters.contains(letter));
    found.map(|(_, read)| *read)
}
