//! The rows of a statement, added up. Pure: it is handed one row after the other and knows nothing of files.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::amount::Amount;
use super::date::{Date, Month};
use super::profile::{self, Mapping};
use super::row::{self, Kind, Read, Wrong};
use crate::model::Currency;

/// The headers stand in one of the first rows.
const PREAMBLE: usize = 30;
/// Rows that a guess is made of.
const SAMPLES: usize = 40;
/// Bad rows of which people are told what is wrong.
pub const SHOWN_WRONGS: usize = 5;

/// A line of a statement: everything that was earned with one song in one store, country and month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub month: Month,
    pub store: Arc<str>,
    pub territory: Arc<str>,
    pub title: Arc<str>,
    pub isrc: Arc<str>,
    pub kind: Kind,
    pub currency: Currency,
    pub quantity: i64,
    pub net: Amount,
}

/// A bad row: its number in the file, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bad {
    pub line: u64,
    pub wrong: Wrong,
}

/// What a table turned out to be.
#[derive(Debug)]
pub enum Found {
    /// A statement, read.
    Statement(Box<Imported>),
    /// It looks like one, and somebody has to say what is where.
    Question(Box<Question>),
    /// Something else.
    Nothing,
}

/// What was read.
#[derive(Debug)]
pub struct Imported {
    pub source: String,
    pub profile: String,
    pub header_hash: String,
    pub lines: Vec<Line>,
    /// One for each row, so that no row counts twice in any file.
    pub hashes: Vec<u64>,
    /// Rows that count.
    pub rows: u64,
    /// Rows that counted before, in this file or another.
    pub known: u64,
    /// Rows that count nothing.
    pub left_out: u64,
    pub bad: u64,
    /// The first of them.
    pub wrongs: Vec<Bad>,
    pub months: Option<(Month, Month)>,
    pub reported: Option<String>,
    pub totals: BTreeMap<Currency, Amount>,
}

/// A table that somebody has to explain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub headers: Vec<String>,
    pub header_hash: String,
    pub samples: Vec<Vec<String>>,
    pub mapping: Mapping,
    pub source: String,
}

/// Takes rows in.
pub struct Importer<'a> {
    /// Rows of other files, by their hash.
    known: &'a HashSet<u64>,
    /// How people said that tables with these headers are to be read.
    mappings: &'a HashMap<String, Mapping>,
    state: State,
    words: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
    sums: BTreeMap<Key, (i64, Amount)>,
    /// How often a row stood in this file.
    seen: HashMap<u64, u32>,
    out: Imported,
    last: Option<Date>,
}

enum State {
    /// The headers were not there yet; what came is kept.
    Looking(Vec<(u64, Vec<String>)>),
    Reading(Mapping),
    /// These headers are to be asked about, with some rows to show.
    Asking(Question),
}

/// The texts are numbers of words here.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    month: Month,
    store: u32,
    territory: u32,
    title: u32,
    isrc: u32,
    kind: Kind,
    currency: Currency,
}

impl<'a> Importer<'a> {
    pub fn new(known: &'a HashSet<u64>, mappings: &'a HashMap<String, Mapping>) -> Self {
        Self {
            known,
            mappings,
            state: State::Looking(Vec::new()),
            words: HashMap::new(),
            names: Vec::new(),
            sums: BTreeMap::new(),
            seen: HashMap::new(),
            out: Imported {
                source: String::new(),
                profile: String::new(),
                header_hash: String::new(),
                lines: Vec::new(),
                hashes: Vec::new(),
                rows: 0,
                known: 0,
                left_out: 0,
                bad: 0,
                wrongs: Vec::new(),
                months: None,
                reported: None,
                totals: BTreeMap::new(),
            },
            last: None,
        }
    }

    /// Rows taken in so far.
    pub fn taken(&self) -> u64 {
        self.out.rows + self.out.known + self.out.bad + self.out.left_out
    }

    /// Whether more rows change nothing any more.
    pub fn has_enough(&self) -> bool {
        match &self.state {
            State::Looking(_) | State::Reading(_) => false,
            State::Asking(question) => question.samples.len() >= SAMPLES,
        }
    }

    /// Takes the row with this number in.
    pub fn take(&mut self, line: u64, cells: Vec<String>) {
        match &mut self.state {
            State::Reading(_) => self.read(line, &cells),
            State::Asking(question) => {
                if question.samples.len() < SAMPLES {
                    question.samples.push(cells);
                }
            }
            State::Looking(kept) => {
                let hash = header_hash(&cells);
                if let Some(mapping) = self.mappings.get(&hash) {
                    self.out.profile = "mapped".to_owned();
                    self.out.header_hash = hash;
                    self.state = State::Reading(mapping.clone());
                    return;
                }
                match profile::recognise(&cells) {
                    Some((profile, mapping)) if !profile.asks && mapping.is_whole() => {
                        self.out.profile.clone_from(&profile.id);
                        self.out.source.clone_from(&profile.source);
                        self.out.header_hash = hash;
                        self.state = State::Reading(mapping);
                    }
                    Some((profile, mapping)) => {
                        self.state = State::Asking(Question {
                            headers: cells,
                            header_hash: hash,
                            samples: Vec::new(),
                            mapping,
                            source: profile.source.clone(),
                        });
                    }
                    None if kept.len() < PREAMBLE + SAMPLES => kept.push((line, cells)),
                    None => {}
                }
            }
        }
    }

    fn read(&mut self, line: u64, cells: &[String]) {
        let State::Reading(mapping) = &self.state else {
            return;
        };
        let row = match row::read(cells, mapping) {
            Read::Row(row) => row,
            Read::Nothing => {
                self.out.left_out += 1;
                return;
            }
            Read::Wrong(wrong) => {
                self.out.bad += 1;
                if self.out.wrongs.len() < SHOWN_WRONGS {
                    self.out.wrongs.push(Bad { line, wrong });
                }
                return;
            }
        };
        let times = self.seen.entry(row.hash).or_default();
        // The same line may stand in a file twice and mean two things; the second is another row everywhere.
        let hash = row.hash ^ u64::from(*times).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        *times += 1;
        if self.known.contains(&hash) {
            self.out.known += 1;
            return;
        }
        self.out.hashes.push(hash);
        self.out.rows += 1;
        let months = self.out.months.get_or_insert((row.month, row.month));
        *months = (months.0.min(row.month), months.1.max(row.month));
        self.last = self.last.max(row.reported);
        *self.out.totals.entry(row.currency).or_default() += row.net;
        let key = Key {
            month: row.month,
            store: self.word(&row.store),
            territory: self.word(&row.territory),
            title: self.word(&row.title),
            isrc: self.word(&row.isrc),
            kind: row.kind,
            currency: row.currency,
        };
        let sum = self.sums.entry(key).or_default();
        sum.0 = sum.0.saturating_add(row.quantity);
        sum.1 += row.net;
    }

    fn word(&mut self, text: &str) -> u32 {
        if let Some(known) = self.words.get(text) {
            return *known;
        }
        let (text, number): (Arc<str>, _) = (
            text.into(),
            u32::try_from(self.names.len()).unwrap_or(u32::MAX),
        );
        self.names.push(text.clone());
        self.words.insert(text, number);
        number
    }

    /// What it was, once all rows are in.
    pub fn end(mut self) -> Found {
        match std::mem::replace(&mut self.state, State::Looking(Vec::new())) {
            State::Reading(_) => Found::Statement(Box::new(self.added_up())),
            State::Asking(mut question) => {
                let samples: Vec<_> = question.samples.iter().take(SAMPLES).cloned().collect();
                question.mapping = profile::guess(&question.headers, &samples);
                Found::Question(Box::new(question))
            }
            State::Looking(kept) => match ask(kept) {
                Some(question) => Found::Question(Box::new(question)),
                None => Found::Nothing,
            },
        }
    }

    fn added_up(mut self) -> Imported {
        let name = |word: u32| {
            let name = usize::try_from(word)
                .ok()
                .and_then(|word| self.names.get(word));
            name.cloned().unwrap_or_else(|| "".into())
        };
        let lines = self.sums.iter().map(|(key, (quantity, net))| Line {
            month: key.month,
            store: name(key.store),
            territory: name(key.territory),
            title: name(key.title),
            isrc: name(key.isrc),
            kind: key.kind,
            currency: key.currency,
            quantity: *quantity,
            net: *net,
        });
        self.out.lines = lines.collect();
        self.out.reported = self.last.map(|date| date.to_string());
        self.out
    }
}

/// A question about a table that nobody knows; `None` where it is none of money.
fn ask(kept: Vec<(u64, Vec<String>)>) -> Option<Question> {
    let filled = |cells: &[String]| cells.iter().filter(|cell| !cell.trim().is_empty()).count();
    let widest = kept.iter().map(|(_, cells)| filled(cells)).max()?;
    let is_header = |cells: &[String]| {
        let is_word =
            |cell: &String| cell.chars().any(char::is_alphabetic) && cell.chars().count() <= 60;
        let words = cells.iter().filter(|cell| is_word(cell)).count();
        let different: BTreeSet<String> = cells.iter().map(|cell| profile::plain(cell)).collect();
        filled(cells) >= 3
            && filled(cells) * 3 >= widest * 2
            && words == filled(cells)
            && different.len() >= words
    };
    let at = kept
        .iter()
        .take(PREAMBLE)
        .position(|(_, cells)| is_header(cells))?;
    let mut rows = kept.into_iter().skip(at).map(|(_, cells)| cells);
    let headers = rows.next()?;
    let samples: Vec<Vec<String>> = rows
        .filter(|cells| filled(cells) > 1)
        .take(SAMPLES)
        .collect();
    let mapping = profile::guess(&headers, &samples);
    // Without an amount and a month by name it may be anything.
    let has = |place| mapping.columns.contains_key(&place);
    (has(profile::Place::Net) && has(profile::Place::Period)).then(|| Question {
        header_hash: header_hash(&headers),
        headers,
        samples,
        mapping,
        source: String::new(),
    })
}

/// Tells the headers of one table from those of another; a mapping is by place, so their order counts.
pub fn header_hash(headers: &[String]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for header in headers {
        hash.update(profile::plain(header).as_bytes());
        hash.update([0]);
    }
    let all = hash.finalize();
    all.iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
