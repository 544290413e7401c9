//! One row of a statement: what it says, or what is wrong with it.

use std::fmt;

use sha2::{Digest, Sha256};

use super::amount::{Amount, Mark};
use super::date::{Date, Month};
use super::profile::{Mapping, Place, country};
use crate::model::Currency;

/// What was paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Stream,
    Download,
    Physical,
    Sync,
    Ugc,
    Merch,
    Tip,
    /// Money that went back.
    Return,
    /// Everything else.
    Other,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Stream,
        Self::Download,
        Self::Physical,
        Self::Sync,
        Self::Ugc,
        Self::Merch,
        Self::Tip,
        Self::Return,
        Self::Other,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Download => "download",
            Self::Physical => "physical",
            Self::Sync => "sync",
            Self::Ugc => "ugc",
            Self::Merch => "merch",
            Self::Tip => "tip",
            Self::Return => "return",
            Self::Other => "other",
        }
    }

    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// By the words of a statement.
    fn of(words: &str) -> Self {
        let words = words.to_lowercase();
        let says = |all: &[&str]| all.iter().any(|word| words.contains(word));
        match () {
            () if says(&["ugc", "content id", "user generated", "youtube"]) => Self::Ugc,
            () if says(&[
                "stream",
                "subscription",
                "ad-supported",
                "ad supported",
                "radio",
            ]) =>
            {
                Self::Stream
            }
            () if says(&["download", "track", "album", "digital"]) => Self::Download,
            () if says(&["sync", "licens"]) => Self::Sync,
            () if says(&["merch", "package", "shirt", "bundle"]) => Self::Merch,
            () if says(&["physical", "vinyl", "cassette", "compact disc"]) => Self::Physical,
            () if says(&["tip", "donation"]) => Self::Tip,
            () => Self::Other,
        }
    }
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub month: Month,
    pub reported: Option<Date>,
    pub store: String,
    pub territory: String,
    pub title: String,
    pub isrc: String,
    pub kind: Kind,
    pub quantity: i64,
    pub net: Amount,
    pub currency: Currency,
    /// The same for the same row in another file.
    pub hash: u64,
}

/// What is wrong with a row. The text is what stands there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    Amount(String),
    Month(String),
    Currency(String),
    Quantity(String),
    /// Fewer columns than the headers.
    Short,
}

/// What a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    Row(Row),
    /// It counts nothing: a payout, an empty line, the sum at the end.
    Nothing,
    Wrong(Wrong),
}

/// A letter or two too many would be shown nowhere.
const LONGEST: usize = 120;

/// Reads a row.
pub fn read(cells: &[String], mapping: &Mapping) -> Read {
    let cell = |place| mapping.cell(cells, place);
    if cells.iter().all(|cell| cell.trim().is_empty()) || left_out(cells, mapping) {
        return Read::Nothing;
    }
    let (net, period) = (cell(Place::Net), cell(Place::Period));
    let date = Date::parse(period, mapping.dates);
    if date.is_none() && is_sum(cells, mapping) {
        return Read::Nothing;
    }
    if net.is_empty() && period.is_empty() {
        return Read::Wrong(Wrong::Short);
    }
    let Some(amount) = Amount::parse(net, mapping.decimal) else {
        return Read::Wrong(Wrong::Amount(shortened(net)));
    };
    let Some(date) = date else {
        return Read::Wrong(Wrong::Month(shortened(period)));
    };
    let written = cell(Place::Currency);
    let currency = match (written, mapping.currency) {
        ("", Some(currency)) => Some(currency),
        (written, _) => written.parse().ok(),
    };
    let Some(currency) = currency else {
        return Read::Wrong(Wrong::Currency(shortened(written)));
    };
    let Some(quantity) = quantity(cell(Place::Quantity), mapping.decimal) else {
        return Read::Wrong(Wrong::Quantity(shortened(cell(Place::Quantity))));
    };
    let kind = match amount.is_negative() || quantity < 0 {
        true => Kind::Return,
        false => Kind::of(cell(Place::Kind)),
    };
    let store = match mapping.store.as_str() {
        "" => shortened(cell(Place::Store)),
        store => store.to_owned(),
    };
    let upc = upc(cell(Place::Upc));
    let mut row = Row {
        month: date.month,
        reported: Date::parse(cell(Place::Reported), mapping.dates),
        store,
        territory: country(cell(Place::Territory)),
        title: shortened(cell(Place::Title)),
        isrc: code(cells, mapping),
        kind,
        quantity,
        net: amount,
        currency,
        hash: 0,
    };
    if row.title.is_empty() && row.isrc.is_empty() {
        row.title.clone_from(&upc);
    }
    row.hash = hash(&row, date, (&upc, cell(Place::Identity)));
    Read::Row(row)
}

fn left_out(cells: &[String], mapping: &Mapping) -> bool {
    let at = |at: usize| cells.get(at).map(|cell| cell.trim()).unwrap_or_default();
    let is_skipped = mapping.skip.as_ref().is_some_and(|(column, values)| {
        values
            .iter()
            .any(|value| value.eq_ignore_ascii_case(at(*column)))
    });
    is_skipped
        || mapping
            .skip_empty
            .is_some_and(|column| at(column).is_empty())
}

/// A row at the end that adds the others up.
fn is_sum(cells: &[String], mapping: &Mapping) -> bool {
    const WORDS: [&str; 8] = [
        "total",
        "totals",
        "sum",
        "summe",
        "gesamt",
        "grand total",
        "subtotal",
        "somme",
    ];
    let is_word = |cell: &String| {
        let cell = cell.trim().trim_end_matches(':').to_lowercase();
        WORDS.contains(&cell.as_str())
    };
    let named = [Place::Isrc, Place::Store].iter().all(|place| {
        let cell = mapping.cell(cells, *place);
        cell.is_empty() || is_word(&cell.to_owned())
    });
    named && cells.iter().any(is_word)
}

/// A recording's code, from whichever column holds one.
fn code(cells: &[String], mapping: &Mapping) -> String {
    let columns = mapping
        .columns
        .get(&Place::Isrc)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut codes = columns
        .iter()
        .filter_map(|at| cells.get(*at))
        .filter_map(|cell| isrc(cell));
    codes.next().unwrap_or_default()
}

/// Two letters, three letters or digits, seven digits; without the hyphens that people write.
pub fn isrc(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    let plain = plain.trim().to_ascii_uppercase();
    let (country, rest) = plain.split_at_checked(2)?;
    let (owner, number) = rest.split_at_checked(3)?;
    let fits = country.bytes().all(|b| b.is_ascii_alphabetic())
        && owner.bytes().all(|b| b.is_ascii_alphanumeric())
        && number.len() == 7
        && number.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(plain)
}

/// A barcode; one that a spreadsheet made a number of with an exponent has lost its digits.
fn upc(text: &str) -> String {
    let digits = text.trim().trim_end_matches(".0");
    let fits = (8..=14).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if fits {
        digits.to_owned()
    } else {
        String::new()
    }
}

fn quantity(text: &str, mark: Mark) -> Option<i64> {
    match text {
        "" => Some(0),
        text => Amount::parse(text, mark).map(|amount| amount.pieces().0 / 1_000_000),
    }
}

fn shortened(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect();
    text.trim().to_owned()
}

/// Of everything that makes a row this row.
fn hash(row: &Row, date: Date, (upc, identity): (&str, &str)) -> u64 {
    let mut hash = Sha256::new();
    let texts = [
        date.to_string(),
        row.reported
            .map(|date| date.to_string())
            .unwrap_or_default(),
        row.store.to_lowercase(),
        row.territory.clone(),
        row.title.to_lowercase(),
        row.isrc.clone(),
        upc.to_owned(),
        row.kind.name().to_owned(),
        row.quantity.to_string(),
        row.net.to_string(),
        row.currency.code().to_owned(),
        identity.to_owned(),
    ];
    for text in texts {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    let all = hash.finalize();
    let (first, _) = all.split_at(8);
    first.try_into().map(u64::from_le_bytes).unwrap_or_default()
}

/// In a sentence: what stands there and what would be right stands in the phrases.
impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(text) => write!(f, "“{text}” is no amount"),
            Self::Month(text) => write!(f, "“{text}” is no month or date"),
            Self::Currency(text) => write!(f, "“{text}” is no currency (three letters like USD)"),
            Self::Quantity(text) => write!(f, "“{text}” is no number of units"),
            Self::Short => f.write_str("the row ends before the amount"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_recognised() {
        assert_eq!(isrc("qz-aaa-26-00001").as_deref(), Some("QZAAA2600001"));
        assert_eq!(isrc("12345678"), None);
        assert_eq!(upc("199999000013"), "199999000013");
        assert_eq!(upc("1.99999E+11"), "", "its digits are lost");
        assert_eq!(upc("199999000013.0"), "199999000013");
    }

    #[test]
    fn kinds_come_from_words() {
        for (words, kind) in [
            ("Streaming", Kind::Stream),
            ("Song", Kind::Other),
            ("track", Kind::Download),
            ("package", Kind::Merch),
            ("YouTube Content ID", Kind::Ugc),
            ("", Kind::Other),
        ] {
            assert_eq!(Kind::of(words), kind, "{words}");
        }
        assert!(
            Kind::ALL
                .into_iter()
                .all(|kind| Kind::find(kind.name()) == Some(kind))
        );
    }
}
