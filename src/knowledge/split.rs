//! A text becomes pieces that can be found and read alone.
//!
//! Pieces are cut where the text itself is: at a heading, else a paragraph, a line, a sentence, a word.
//! Each is a stretch of the text as it stands, so that what two pieces share can be undone by their
//! starts. Pure and in one pass: memory does not grow with the text, and the same text gives the same
//! pieces, because an ingest that was broken off goes on from them. Start with [`split`].

use std::collections::VecDeque;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

/// How large pieces are, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// No piece is larger.
    pub most: usize,
    /// So much of a piece the next one says again at most.
    pub overlap: usize,
}

/// A stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Where it stands: title and headings, as in `Splits › Who signs`.
    pub path: String,
    /// Its words.
    pub text: &'a str,
    /// Where it begins in the text, in characters.
    pub start: usize,
}

/// Between the parts of a path.
pub const UNDER: &str = " › ";
/// The shortest that pieces can be made.
const LEAST: usize = 16;
/// The longest heading in a path, in letters.
const LONGEST_HEADING: usize = 120;

/// Cuts a cleaned text into pieces; `title` begins every path.
pub fn split<'a>(text: &'a str, title: &'a str, sizes: Sizes) -> Pieces<'a> {
    let most = sizes.most.max(LEAST);
    Pieces {
        atoms: Atoms {
            text,
            at: 0,
            line_end: 0,
            long_end: 0,
            before: Cut::Heading(1),
            fenced: false,
            section: None,
            most,
            step: (sizes.overlap / 2).clamp(8, most / 2),
        },
        window: VecDeque::new(),
        repeated: 0,
        title,
        most,
        overlap: sizes.overlap.min(most / 2),
        counted: (0, 0),
    }
}

/// About how many tokens a text has, for the size of pieces. What a request to a model may hold is counted by
/// `llm`'s own estimate, which must rather say too much.
///
/// A word is a token for every six letters, accents weighing more; three digits are one, and so is any
/// sign. On a thousand and more questions in each language that came to 1.0 times what cl100k counts in
/// English and 0.8 times in German, French, Spanish and Portuguese. A whole never has more than its parts.
pub fn tokens(text: &str) -> usize {
    /// Letters of a token.
    const WORD: usize = 6;
    let mut count = 0;
    let (mut word, mut digits) = (0_usize, 0_usize);
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits += 1;
        } else {
            count += std::mem::take(&mut digits).div_ceil(3);
        }
        if c.is_alphabetic() {
            word += match u32::from(c) {
                0..0x80 => 1,
                0x80..0x250 => 3,
                0x250..0x2e80 => 3,
                _ => WORD,
            };
            continue;
        }
        count += std::mem::take(&mut word).div_ceil(WORD);
        if !c.is_whitespace() && !c.is_ascii_digit() {
            count += 1;
        }
    }
    count + word.div_ceil(WORD) + digits.div_ceil(3)
}

/// What parts two atoms; the larger, the better a place to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Word,
    Sentence,
    Line,
    Paragraph,
    /// A heading of this level follows.
    Heading(usize),
}

/// A heading and those it stands under.
#[derive(Debug)]
struct Section<'a> {
    level: usize,
    words: &'a str,
    above: Option<Arc<Section<'a>>>,
}

/// The smallest stretch that is not cut.
#[derive(Debug)]
struct Atom<'a> {
    start: usize,
    end: usize,
    tokens: usize,
    before: Cut,
    section: Option<Arc<Section<'a>>>,
}

/// The atoms of a text, one after the other.
struct Atoms<'a> {
    text: &'a str,
    at: usize,
    line_end: usize,
    /// The end of a sentence that is too long for one piece.
    long_end: usize,
    before: Cut,
    fenced: bool,
    section: Option<Arc<Section<'a>>>,
    most: usize,
    /// About how large the parts of a long sentence are.
    step: usize,
}

impl<'a> Iterator for Atoms<'a> {
    type Item = Atom<'a>;

    fn next(&mut self) -> Option<Atom<'a>> {
        loop {
            if self.at < self.long_end {
                if let Some(atom) = self.words() {
                    return Some(atom);
                }
            } else if self.at < self.line_end {
                if let Some(atom) = self.sentence() {
                    return Some(atom);
                }
            } else if !self.next_line() {
                return None;
            }
        }
    }
}

impl<'a> Atoms<'a> {
    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Goes to the next line that says something; false at the end.
    fn next_line(&mut self) -> bool {
        let rest = self.slice(self.at, self.text.len());
        let body = rest.trim_start();
        if body.is_empty() {
            return false;
        }
        let skipped = rest.len() - body.len();
        let blank = self.slice(self.at, self.at + skipped);
        let paragraph = blank.matches('\n').count() > 1;
        self.at += skipped;
        self.line_end = self.at + body.find('\n').unwrap_or(body.len());
        let line = self.slice(self.at, self.line_end);
        if line.starts_with("```") {
            self.fenced = !self.fenced;
        }
        self.before = match heading(line).filter(|_| !self.fenced) {
            Some((level, words)) => {
                let mut above = self.section.take();
                while above.as_ref().is_some_and(|section| section.level >= level) {
                    above = above.and_then(|section| section.above.clone());
                }
                self.section = Some(Arc::new(Section {
                    level,
                    words,
                    above,
                }));
                Cut::Heading(level)
            }
            None if paragraph => Cut::Paragraph,
            None => Cut::Line,
        };
        true
    }

    fn sentence(&mut self) -> Option<Atom<'a>> {
        let line = self.slice(self.at, self.line_end);
        let length = match self.before {
            Cut::Heading(_) => line.len(),
            _ => sentence_length(line),
        };
        let tokens = tokens(self.slice(self.at, self.at + length));
        if tokens > self.most {
            self.long_end = self.at + length;
            return None;
        }
        self.atom(length, tokens, Cut::Sentence)
    }

    /// Some words of a sentence that is too long, or a part of a word.
    fn words(&mut self) -> Option<Atom<'a>> {
        // A token has at most eight bytes or so; looking further would make endless words slow.
        let far = self.at + self.step * 8 + 64;
        let rest = self.slice(
            self.at,
            self.text.floor_char_boundary(far).min(self.long_end),
        );
        let (mut length, mut count) = (0, 0);
        for word in rest.split_word_bounds() {
            let more = tokens(word);
            if length > 0 && count + more > self.step {
                break;
            }
            if more > self.step {
                (length, count) = self.letters(word);
                break;
            }
            length += word.len();
            count += more;
        }
        self.atom(length, count, Cut::Word)
    }

    /// The beginning of a word that is too long; a cluster that is longer than a piece is cut.
    fn letters(&self, word: &str) -> (usize, usize) {
        let (mut length, mut count) = (0, 0);
        for cluster in word.graphemes(true) {
            let more = tokens(cluster).max(1);
            if length > 0 && count + more > self.step {
                break;
            }
            if more > self.most {
                let clipped = cluster.chars().take(self.most).map(char::len_utf8).sum();
                return (clipped, tokens(cluster.get(..clipped).unwrap_or_default()));
            }
            length += cluster.len();
            count += more;
        }
        (length, count)
    }

    fn atom(&mut self, length: usize, tokens: usize, then: Cut) -> Option<Atom<'a>> {
        let (start, end) = (self.at, self.at + length);
        let before = std::mem::replace(&mut self.before, then);
        self.at = end;
        // Blanks alone say nothing.
        if self.slice(start, end).trim().is_empty() {
            self.before = before;
            return None;
        }
        Some(Atom {
            start,
            end,
            tokens,
            before,
            section: self.section.clone(),
        })
    }
}

/// The pieces of a text, one after the other.
pub struct Pieces<'a> {
    atoms: Atoms<'a>,
    /// Atoms of the next piece and one more.
    window: VecDeque<Atom<'a>>,
    /// So many of them the piece before had too.
    repeated: usize,
    title: &'a str,
    most: usize,
    overlap: usize,
    /// Bytes and characters counted so far.
    counted: (usize, usize),
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let ended = self.fill();
        if self.window.len() <= self.repeated {
            return None;
        }
        let end = self.end(ended);
        let piece = self.piece(end);
        let repeated = match self.window.get(end).map(|next| next.before) {
            // A new chapter begins with its own words.
            None | Some(Cut::Heading(_)) => 0,
            Some(Cut::Word | Cut::Sentence | Cut::Line | Cut::Paragraph) => self.tail(end),
        };
        self.window.drain(..end - repeated);
        self.repeated = repeated;
        piece
    }
}

impl<'a> Pieces<'a> {
    /// Reads on until there is more than a piece takes; true at the end of the text.
    fn fill(&mut self) -> bool {
        let mut size: usize = self.window.iter().map(|atom| atom.tokens).sum();
        while size <= self.most {
            let Some(atom) = self.atoms.next() else {
                return true;
            };
            size += atom.tokens;
            self.window.push_back(atom);
        }
        // What is said again must leave room for something new.
        while self.repeated > 0 && self.first_new() > self.most {
            self.window.pop_front();
            self.repeated -= 1;
        }
        false
    }

    fn first_new(&self) -> usize {
        self.window
            .iter()
            .take(self.repeated + 1)
            .map(|atom| atom.tokens)
            .sum()
    }

    /// How many atoms make the piece: to the best place that leaves it neither small nor too large.
    fn end(&self, ended: bool) -> usize {
        let share = |size: usize| size * 100 / self.most;
        let (mut size, mut fits) = (0, 0);
        let mut best: Option<(u8, usize)> = None;
        let all: usize = self.window.iter().map(|atom| atom.tokens).sum();
        for (index, atom) in self.window.iter().enumerate() {
            if index > self.repeated && size <= self.most {
                let rest = share(all - size);
                let rank = match (atom.before, share(size)) {
                    // A chapter that fills half a piece is one, unless all of the rest fits with it.
                    (Cut::Heading(_), 45..) if !(ended && all <= self.most && rest < 20) => {
                        return index;
                    }
                    (Cut::Heading(1..=2), 25..) => 5,
                    (Cut::Heading(_), 35..) => 4,
                    (Cut::Paragraph, 50..) => 3,
                    (Cut::Line, 60..) => 2,
                    (Cut::Sentence, 60..) => 1,
                    _ => 0,
                };
                if best.is_none_or(|(known, _)| rank >= known) {
                    best = Some((rank, index));
                }
            }
            size += atom.tokens;
            if size <= self.most {
                fits = index + 1;
            }
        }
        match best {
            _ if ended && fits == self.window.len() => fits,
            Some((1.., index)) => index,
            _ => fits.max(self.repeated + 1),
        }
    }

    /// How many atoms before `end` the next piece says again.
    fn tail(&self, end: usize) -> usize {
        let mut size = 0;
        let mut count = 0;
        for atom in self.window.range(1..end).rev() {
            size += atom.tokens;
            if size > self.overlap {
                break;
            }
            count += 1;
        }
        count
    }

    fn piece(&mut self, end: usize) -> Option<Piece<'a>> {
        let (first, last) = (self.window.front()?, self.window.get(end.checked_sub(1)?)?);
        let text = self.atoms.text.get(first.start..last.end)?.trim_end();
        let (bytes, characters) = self.counted;
        let start = characters + self.atoms.text.get(bytes..first.start)?.chars().count();
        let own = || self.window.range(self.repeated.min(end)..end);
        // A heading right above another one does not speak for itself.
        let is_heading = |atom: &&Atom<'_>| matches!(atom.before, Cut::Heading(_));
        let spoken = own().any(|atom| !is_heading(&atom));
        let own = own().filter(|atom| !spoken || !is_heading(atom));
        let path = path(self.title, own.map(|atom| atom.section.as_ref()));
        self.counted = (first.start, start);
        Some(Piece { path, text, start })
    }
}

/// The title and the headings under which all of these stand.
fn path<'s, 'a: 's>(
    title: &str,
    mut sections: impl Iterator<Item = Option<&'s Arc<Section<'a>>>>,
) -> String {
    let mut common = sections.next().flatten().cloned();
    for section in sections {
        while let Some(shared) = &common
            && !stands_under(section, shared)
        {
            common = shared.above.clone();
        }
    }
    let mut headings = Vec::new();
    let mut above = common.as_ref();
    while let Some(section) = above {
        let words = section.words.chars().filter(|c| !matches!(c, '*' | '`'));
        headings.push(words.take(LONGEST_HEADING).collect::<String>());
        above = section.above.as_ref();
    }
    if headings
        .last()
        .is_some_and(|top| top.to_lowercase() == title.to_lowercase())
    {
        headings.pop();
    }
    let mut path = title.to_owned();
    for heading in headings.iter().rev().filter(|heading| !heading.is_empty()) {
        path.push_str(UNDER);
        path.push_str(heading);
    }
    path
}

fn stands_under(section: Option<&Arc<Section<'_>>>, shared: &Arc<Section<'_>>) -> bool {
    let mut above = section;
    while let Some(section) = above {
        if std::ptr::eq(
            Arc::as_ptr(section).cast::<u8>(),
            Arc::as_ptr(shared).cast::<u8>(),
        ) {
            return true;
        }
        above = section.above.as_ref();
    }
    false
}

/// The level and the words of a heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let words = line.trim_start_matches('#');
    let level = line.len() - words.len();
    if !(1..=6).contains(&level) || !words.starts_with(' ') {
        return None;
    }
    let words = words
        .trim()
        .trim_end_matches('#')
        .trim_matches(['*', '_', ' ']);
    (!words.is_empty()).then_some((level, words))
}

/// Where the first sentence of a line ends, with the blanks behind it.
fn sentence_length(line: &str) -> usize {
    let mut length = 0;
    // A few dots of abbreviations; a text of nothing but dots is cut all the same.
    for sentence in line.split_sentence_bounds().take(12) {
        length += sentence.len();
        if !is_abbreviated(sentence) {
            break;
        }
    }
    length
}

/// Whether a sentence ends with a dot that ends no sentence.
fn is_abbreviated(sentence: &str) -> bool {
    const KNOWN: [&str; 38] = [
        "mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "feat", "ft", "vol", "approx", "inc",
        "ltd", "fig", "art", "sec", "cf", "nr", "bzw", "ca", "evtl", "ggf", "inkl", "usw", "abs",
        "str", "sr", "sra", "srta", "ej", "núm", "pág", "av", "dra", "mme", "mlle", "op",
    ];
    let Some(head) = sentence.trim_end().strip_suffix('.') else {
        return false;
    };
    let word = head
        .rsplit([' ', '(', '.', '\u{a0}'])
        .next()
        .unwrap_or_default();
    let mut letters = word.chars();
    let single = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
    // Days and places in a list: "28. Oktober", "1. Sign it".
    let number = !word.is_empty() && word.len() <= 2 && word.bytes().all(|b| b.is_ascii_digit());
    single || number || KNOWN.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
mod tests;
