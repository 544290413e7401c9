//! Cuts text into words.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A longer run without a space is no word (an encoded picture, a key); its beginning is kept.
const LONGEST: usize = 40;

/// A word in lower case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    /// Of how many words that were told just before it is the whole, like `hiphop` after `hip` and `hop`; 0 for a
    /// word of its own.
    pub(super) joins: usize,
}

/// Letters that stand for something before an apostrophe in French, and are left out.
const ELIDED: [&str; 12] = [
    "l", "d", "j", "m", "n", "s", "t", "c", "qu", "jusqu", "lorsqu", "puisqu",
];

/// What English hangs behind an apostrophe, and is left out.
const ENDINGS: [&str; 7] = ["s", "t", "re", "ve", "ll", "d", "m"];

/// Tells `found` every word of `text`, in order.
///
/// Words joined by hyphens, dots, slashes or underscores come one by one and as a whole without the joints, so that
/// `QZ-AAA-26-00001` is found by `QZAAA2600001` and the other way about. `1,000` is one number. Scripts written
/// without spaces come in pairs of characters.
pub(super) fn each(text: &str, mut found: impl FnMut(Word<'_>)) {
    let text: String = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.nfkc()
            .flat_map(char::to_lowercase)
            .map(plain)
            .collect()
    };
    let mut run = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let joins = is_joint(letter)
            && !run.is_empty()
            && letters.peek().is_some_and(|next| is_inner(*next))
            && !run.ends_with(is_joint);
        if is_inner(letter) || joins {
            run.push(letter);
        } else if !run.is_empty() {
            cut(&run, &mut found);
            run.clear();
        }
    }
    if !run.is_empty() {
        cut(&run, &mut found);
    }
}

/// The word without accents.
pub(super) fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for letter in word.nfkd().filter(|letter| !is_combining_mark(*letter)) {
        match letter {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            letter => folded.push(letter),
        }
    }
    folded
}

/// One apostrophe and one hyphen for the many that there are.
fn plain(letter: char) -> char {
    match letter {
        '\u{2019}' | '\u{2018}' | '\u{02bc}' | '\u{00b4}' | '`' => '\'',
        '\u{2010}'..='\u{2012}' => '-',
        letter => letter,
    }
}

/// A mark that was not composed with its letter belongs to the word as well.
fn is_inner(letter: char) -> bool {
    letter.is_alphanumeric() || is_combining_mark(letter)
}

fn is_joint(letter: char) -> bool {
    matches!(letter, '-' | '.' | '/' | '_' | ',' | '\'' | '&' | '+' | '@')
}

/// Cuts what stands between spaces.
fn cut(run: &str, found: &mut dyn FnMut(Word<'_>)) {
    if run.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return give(run, 0, found);
    }
    if run.chars().any(is_wide) {
        return pairs(run, found);
    }
    if let Some(number) = number(run) {
        return give(&number, 0, found);
    }
    for piece in run.split([',', '@', '+']).filter(|piece| !piece.is_empty()) {
        let (mut whole, mut joins, mut parts) = (String::new(), 0, 0);
        for joined in piece
            .split(['-', '.', '/', '_', '&'])
            .filter(|part| !part.is_empty())
        {
            whole.extend(joined.chars().filter(|letter| *letter != '\''));
            parts += 1;
            apostrophes(joined, &mut |word: Word<'_>| {
                joins += 1;
                found(word);
            });
        }
        if parts > 1 {
            give(&whole, joins, found);
        }
    }
}

/// `artist's` → `artist`, `don't` → `dont`, `l'artiste` → `artiste`, `d'angelo` → `angelo`, `rock'n'roll` → all.
fn apostrophes(word: &str, found: &mut dyn FnMut(Word<'_>)) {
    match word.split_once('\'') {
        None => give(word, 0, found),
        Some((before, "t")) => give(&format!("{before}t"), 0, found),
        Some((before, after)) if ENDINGS.contains(&after) && before.chars().count() > 1 => {
            give(before, 0, found);
        }
        Some((before, after)) if ELIDED.contains(&before) => apostrophes(after, found),
        Some(_) => {
            let parts = word.split('\'').filter(|part| !part.is_empty());
            let joins = parts.map(|part| give(part, 0, found)).count();
            give(&word.replace('\'', ""), joins, found);
        }
    }
}

/// `1,000` and `1.000.000` without their separators, `3,5` as `3.5`; `None` for all that is no such number.
fn number(run: &str) -> Option<String> {
    let joint = run.chars().find(|letter| !letter.is_ascii_digit())?;
    if !matches!(joint, '.' | ',') {
        return None;
    }
    let parts: Vec<&str> = run.split(joint).collect();
    if !parts
        .iter()
        .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    {
        // One more separator of the other sort ends the whole part of a number like `1,000.50`.
        let (whole, rest) = run.rsplit_once(['.', ','])?;
        let whole = number(whole)?;
        let digits = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
        return digits.then(|| format!("{whole}.{rest}"));
    }
    let (first, rest) = parts.split_first()?;
    if first.len() <= 3 && rest.iter().all(|part| part.len() == 3) {
        Some(parts.concat())
    } else if let [fraction] = rest {
        Some(format!("{first}.{fraction}"))
    } else {
        None
    }
}

/// Pairs of characters of scripts without spaces; what stands between them as words.
fn pairs(run: &str, found: &mut dyn FnMut(Word<'_>)) {
    let mut last: Option<char> = None;
    let mut alone = false;
    let mut narrow = String::new();
    for letter in run.chars().chain([' ']) {
        let wide = is_wide(letter);
        if wide {
            if !narrow.is_empty() {
                cut(narrow.trim_matches(is_joint), found);
                narrow.clear();
            }
            if let Some(last) = last {
                give(&format!("{last}{letter}"), 0, found);
            }
            alone = last.is_none();
            last = Some(letter);
        } else {
            if let (Some(only), true) = (last, alone) {
                give(&only.to_string(), 0, found);
            }
            last = None;
            alone = false;
            if letter != ' ' {
                narrow.push(letter);
            }
        }
    }
    let narrow = narrow.trim_matches(is_joint);
    if !narrow.is_empty() {
        cut(narrow, found);
    }
}

fn is_wide(letter: char) -> bool {
    matches!(u32::from(letter), 0x3040..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff
        | 0xac00..=0xd7af | 0xf900..=0xfaff | 0x0e00..=0x0e7f | 0x2_0000..=0x2_fa1f)
}

fn give(word: &str, joins: usize, found: &mut dyn FnMut(Word<'_>)) {
    let text = match word.char_indices().nth(LONGEST) {
        Some((end, _)) => word.get(..end).unwrap_or_default(),
        None => word,
    };
    if !text.is_empty() {
        found(Word { text, joins });
    }
}
