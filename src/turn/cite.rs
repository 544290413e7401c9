//! Citations: what an answer says is held against the passages it was given.
//!
//! A model is asked to put `[n]` behind what it took from passage n. Here each such mark is checked,
//! numbers that nobody gave it are taken out, and a figure that stands nowhere is said to be without a
//! source. Pure.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

use crate::model::{
    phrases,
    terms::{self, Language},
};

/// A sentence of fewer words than this says too little to be held against anything.
const FEW_WORDS: usize = 3;
/// So many words in common make a passage the likely source of a sentence.
const COMMON: usize = 2;

/// What an answer may cite: `[1]` is the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Title and headings.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) language: Language,
}

/// An answer that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Checked {
    /// The answer, its citations numbered from 1 in the order in which they come.
    pub(super) text: String,
    /// Which source each number means, from 0.
    pub(super) cited: Vec<usize>,
    /// Whether it claims something that stands nowhere.
    pub(super) claims: bool,
}

impl Checked {
    /// Whether nothing that it claims stands anywhere.
    pub(super) fn is_unfounded(&self) -> bool {
        self.claims && self.cited.is_empty()
    }
}

/// What can be looked up in a source.
struct Known {
    words: HashSet<u32>,
    figures: HashSet<String>,
    language: Language,
}

/// Checks `answer`; `said` is what the person wrote, whose figures need no source.
pub(super) fn check(answer: &str, sources: &[Source], said: &str) -> Checked {
    // With nothing to cite, a figure in brackets is whatever it is.
    if sources.is_empty() {
        return Checked {
            text: answer.to_owned(),
            ..Checked::default()
        };
    }
    let known: Vec<Known> = sources
        .iter()
        .map(|source| Known {
            words: words(&format!("{} {}", source.path, source.text), source.language),
            figures: figures(&format!("{} {}", source.path, source.text)).collect(),
            language: source.language,
        })
        .collect();
    let free: HashSet<String> = figures(said).collect();
    let mut checked = Checked::default();
    let mut is_code = false;
    for (number, line) in answer.split('\n').enumerate() {
        if number > 0 {
            checked.text.push('\n');
        }
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            checked.text.push_str(line);
            continue;
        }
        let (item, line) = item(line);
        checked.text.push_str(item);
        let (line, marks) = without_marks(line, known.len());
        for sentence in sentences(&line, &marks) {
            checked.sentence(&sentence, &known, &free);
        }
    }
    checked
}

impl Checked {
    fn sentence(&mut self, sentence: &Sentence<'_>, known: &[Known], free: &HashSet<String>) {
        let Sentence { body, marks, end } = sentence;
        let claimed: Vec<usize> = marks
            .iter()
            .filter_map(|mark| mark.checked_sub(1))
            .filter(|index| *index < known.len())
            .collect();
        let claims = Claims::of(body, free);
        let mut backed: Vec<usize> = claimed
            .into_iter()
            .filter(|index| {
                known
                    .get(*index)
                    .is_some_and(|known| claims.stand_in(known))
            })
            .collect();
        let wants_source = !marks.is_empty() || !claims.figures.is_empty();
        if backed.is_empty() && wants_source {
            // The right passage under the wrong number is mended; figures tell best.
            let found = known.iter().position(|known| claims.surely_stand_in(known));
            backed.extend(found);
        }
        backed.dedup();
        self.text.push_str(body);
        for index in &backed {
            let number = match self.cited.iter().position(|cited| cited == index) {
                Some(place) => place + 1,
                None => {
                    self.cited.push(*index);
                    self.cited.len()
                }
            };
            self.text.push_str(&format!(" [{number}]"));
        }
        if backed.is_empty() && wants_source && claims.count_for_something() {
            self.claims = true;
            self.text.push(' ');
            self.text.push_str(phrases::NO_SOURCE);
        }
        self.text.push_str(end);
    }
}

/// What a sentence claims.
struct Claims {
    words: HashSet<u32>,
    /// Those that the person did not write.
    figures: HashSet<String>,
    /// That of the sentence, where it shows one.
    language: Option<Language>,
}

impl Claims {
    fn of(body: &str, free: &HashSet<String>) -> Self {
        let language = terms::language(body);
        Self {
            words: words(body, language.unwrap_or(Language::English)),
            figures: figures(body)
                .filter(|figure| !free.contains(figure))
                .collect(),
            language,
        }
    }

    fn count_for_something(&self) -> bool {
        self.words.len() >= FEW_WORDS || !self.figures.is_empty()
    }

    /// Whether a passage may be the source: it has the figures, and words in common, unless it is
    /// written in another language.
    fn stand_in(&self, known: &Known) -> bool {
        let common = self.words.intersection(&known.words).count();
        let enough = COMMON.min(self.words.len());
        let is_foreign = self.language.is_some_and(|own| own != known.language);
        self.figures.is_subset(&known.figures) && (common >= enough || is_foreign)
    }

    /// Whether a passage that was not named is the source beyond doubt.
    fn surely_stand_in(&self, known: &Known) -> bool {
        let common = self.words.intersection(&known.words).count();
        !self.figures.is_empty()
            && self.figures.is_subset(&known.figures)
            && common >= COMMON.min(self.words.len())
    }
}

fn words(text: &str, language: Language) -> HashSet<u32> {
    let (terms, _) = terms::of_passage("", text, language.code());
    let query = terms::of_query(text);
    let all: HashSet<u32> = terms.into_iter().map(|(term, _)| term).collect();
    // A query holds the words without stop words, and of a longer text not all.
    if query.words.len() >= terms::MOST_WORDS {
        return all;
    }
    let meant: HashSet<u32> = query.terms().into_iter().collect();
    all.intersection(&meant).copied().collect()
}

/// A sentence with the marks that stood in or right behind it.
struct Sentence<'a> {
    body: &'a str,
    marks: Vec<usize>,
    /// The blank behind it.
    end: &'a str,
}

/// The sentences of a line from which `marks` were taken, each with the place where it stood.
fn sentences<'a>(line: &'a str, marks: &[(usize, usize)]) -> Vec<Sentence<'a>> {
    let mut all: Vec<(usize, Sentence<'a>)> = Vec::new();
    for (start, piece) in line.split_sentence_bound_indices() {
        let body = piece.trim_end();
        let (body, end) = piece.split_at(body.len());
        let marks = Vec::new();
        all.push((start, Sentence { body, marks, end }));
    }
    for (place, number) in marks {
        // A mark behind the full stop belongs to the sentence before it, one that begins a line to the next.
        let before = all.iter().rposition(|(start, _)| start < place);
        if let Some((_, sentence)) = all.get_mut(before.unwrap_or(0)) {
            sentence.marks.push(*number);
        }
    }
    all.into_iter().map(|(_, sentence)| sentence).collect()
}

/// Takes `[1]`, `[1, 2]` and `【1】` out of a line and tells where they stood. Links in Markdown and code stay, and
/// so does what hangs on a letter (`songs[0]`) without being the number of one of the passages `given`.
fn without_marks(line: &str, given: usize) -> (String, Vec<(usize, usize)>) {
    let mut out = String::with_capacity(line.len());
    let mut marks = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(['[', '【', '`']) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        if let Some((code, behind)) = code(from) {
            out.push_str(code);
            rest = behind;
            continue;
        }
        let hangs = before.ends_with(char::is_alphabetic);
        let means_one =
            |numbers: &[usize]| numbers.iter().all(|number| (1..=given).contains(number));
        match mark(from).filter(|(numbers, _)| !hangs || means_one(numbers)) {
            Some((numbers, behind)) => {
                let stood = out.trim_end().len();
                if !behind.starts_with(char::is_alphanumeric) {
                    out.truncate(stood);
                }
                marks.extend(numbers.into_iter().map(|number| (stood, number)));
                rest = if stood == 0 {
                    behind.trim_start()
                } else {
                    behind
                };
            }
            None => {
                let mut letters = from.chars();
                out.extend(letters.next());
                rest = letters.as_str();
            }
        }
    }
    out.push_str(rest);
    (out, marks)
}

/// Code at the beginning of `text`, and what stands behind it.
fn code(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('`')?;
    Some(text.split_at(inside.find('`')? + 2))
}

/// The numbers of a mark at the beginning of `text`, and what stands behind it.
fn mark(text: &str) -> Option<(Vec<usize>, &str)> {
    let inside = text.strip_prefix(['[', '【'])?;
    let (inside, behind) = inside.split_once([']', '】'])?;
    if behind.starts_with('(') {
        return None;
    }
    let number = |piece: &str| {
        let digits = piece.trim().trim_start_matches('^');
        // A number of more digits is a year.
        digits.parse().ok().filter(|_| digits.len() <= 2)
    };
    let numbers: Option<Vec<usize>> = inside.split([',', ';']).map(number).collect();
    Some((numbers?, behind))
}

/// The figures of a text, each in one writing: `1,250.00` and `1250` are the same. Those of an address on
/// the web are none.
fn figures(text: &str) -> impl Iterator<Item = String> {
    let is_part = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | ',' | '\'');
    text.split_whitespace()
        .filter(|word| !word.contains("://"))
        .flat_map(move |word| word.split(move |letter: char| !is_part(letter)))
        .filter_map(|piece| plain(piece.trim_matches(['.', ',', '\''])))
}

/// The number of a list's item with the blank around it, and the line behind it.
fn item(line: &str) -> (&str, &str) {
    let digits = line.trim_start();
    let behind = digits.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let words = behind.trim_start_matches(['.', ')']).trim_start();
    let is_item = behind.len() < digits.len() && behind.starts_with(['.', ')']);
    line.split_at(if is_item { line.len() - words.len() } else { 0 })
}

/// A figure without its separators, and without the cents of a round sum.
fn plain(figure: &str) -> Option<String> {
    let round = figure
        .strip_suffix(".00")
        .or_else(|| figure.strip_suffix(",00"))
        .unwrap_or(figure);
    let digits: String = round.chars().filter(char::is_ascii_digit).collect();
    Some(digits).filter(|digits| !digits.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sources() -> Vec<Source> {
        let source = |path: &str, text: &str| Source {
            path: path.to_owned(),
            text: text.to_owned(),
            language: Language::English,
        };
        vec![
            source(
                "Contract › Split",
                "Ann receives 60 % of the net receipts, the label keeps 40 %. The advance is 1,250.00 euros.",
            ),
            source(
                "Contract › Term",
                "The term of this agreement is three years.",
            ),
        ]
    }

    fn checked(answer: &str) -> Checked {
        check(answer, &sources(), "What do I get from the 12 songs?")
    }

    #[test]
    fn what_stands_in_a_passage_keeps_its_citation() {
        let checked =
            checked("You receive 60 % of the net receipts. [1] The term is three years [2].");
        insta::assert_snapshot!(
            checked.text,
            @"You receive 60 % of the net receipts. [1] The term is three years. [2]"
        );
        assert_eq!(checked.cited, [0, 1]);
    }

    #[test]
    fn citations_are_numbered_as_they_come() {
        let checked =
            checked("The term of the agreement is three years [2]. The advance is 1250 euros [1].");
        insta::assert_snapshot!(
            checked.text,
            @"The term of the agreement is three years. [1] The advance is 1250 euros. [2]"
        );
        assert_eq!(checked.cited, [1, 0]);
    }

    #[test]
    fn a_passage_nobody_gave_is_not_cited() {
        let checked = checked("The net receipts are shared [7].");
        insta::assert_snapshot!(checked.text, @"The net receipts are shared. _(no source for this)_");
        assert_eq!(checked.cited, Vec::<usize>::new());
    }

    #[test]
    fn a_figure_that_stands_nowhere_is_said_to_have_no_source() {
        let checked = checked("You receive 75 % of the net receipts [1].");
        assert!(
            checked.text.ends_with(phrases::NO_SOURCE),
            "{}",
            checked.text
        );
        assert_eq!(checked.cited, Vec::<usize>::new());
        let theirs = super::check("All 12 songs count.", &sources(), "my 12 songs");
        assert_eq!(theirs.text, "All 12 songs count.", "the person said so");
    }

    #[test]
    fn a_figure_finds_its_passage() {
        let checked = checked("The advance is 1,250 euros [2].");
        assert_eq!(checked.text, "The advance is 1,250 euros. [1]");
        assert_eq!(checked.cited, [0]);
    }

    #[test]
    fn lists_links_and_code_stay_as_they_are() {
        let text = "Steps:\n1. Read it.\n2. Sign it.\n- see [the law](https://example.org/2)\n```\na[0] = 99\n```";
        assert_eq!(checked(text).text, text);
    }

    #[test]
    fn brackets_that_cite_nothing_stay() {
        let text = "Use songs[0] or `songs[1]` of Act [2019].";
        assert_eq!(super::check(text, &sources(), text).text, text);
        let hanging = checked("The term is three years[2].");
        assert_eq!(hanging.text, "The term is three years. [1]");
    }

    #[test]
    fn a_mark_that_begins_a_line_belongs_to_what_follows() {
        let checked = checked("[1] The advance is 1250 euros.\n2. [2] The term is three years.");
        assert_eq!(
            checked.text,
            "The advance is 1250 euros. [1]\n2. The term is three years. [2]"
        );
        assert_eq!(checked.cited, [0, 1]);
    }

    #[test]
    fn small_words_make_no_source() {
        let long = "The drummer and the singer of this band say that the festival is a ferry with trumpets, violins, \
            elephants, tigers, acrobats and jugglers [2].";
        assert!(checked(long).text.ends_with(phrases::NO_SOURCE));
        let german = [Source {
            language: Language::German,
            text: "Der Vorschuss wird mit den Einnahmen verrechnet.".to_owned(),
            ..sources().remove(0)
        }];
        // No word tells which language this is, so it is not taken for a translation.
        let bare = super::check("Elephants, tigers, acrobats [1].", &german, "");
        assert!(bare.text.ends_with(phrases::NO_SOURCE), "{}", bare.text);
        let translated = "The advance is set off against what you earn [1].";
        let translated = super::check(translated, &german, "");
        assert_eq!(translated.cited, [0]);
    }

    #[test]
    fn without_passages_nothing_is_touched() {
        let text = "About 30 days before release: chords [1, 5, 6, 4], see [1].";
        assert_eq!(super::check(text, &[], "when?").text, text);
    }

    proptest! {
        /// Whatever a model writes, its words stay, and every number that is shown means a source.
        #[test]
        fn words_stay_and_numbers_mean_something(
            answer in "([a-z]{1,8}[ .,\n]{1,2}|\\[[0-9]{1,2}\\] ?|[0-9]{1,4} ?|\\[x\\]|【1】){0,30}",
        ) {
            let checked = checked(&answer);
            let letters = |text: &str| -> String {
                let text = text.replace(phrases::NO_SOURCE, "");
                text.chars().filter(char::is_ascii_lowercase).collect()
            };
            prop_assert_eq!(letters(&checked.text), letters(&answer));
            let (_, marks) = without_marks(&checked.text, 99);
            for (_, mark) in marks {
                prop_assert!(mark >= 1 && mark <= checked.cited.len(), "{}", checked.text);
            }
            prop_assert!(checked.cited.iter().all(|index| *index < 2));
        }
    }
}
