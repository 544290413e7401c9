//! Which statement a table is, by the headers of its columns; and a guess where nobody knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::amount::{Amount, Mark};
use super::date::{Date, Order};
use crate::model::Currency;

pub use crate::model::Place;

const TEXT: &str = include_str!("../../config/statements.toml");

/// What the compiled-in file says; broken only if a test is, too.
static BOOK: LazyLock<Book> = LazyLock::new(|| toml::from_str(TEXT).unwrap_or_default());

/// Everything known about statements.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    profile: Vec<Profile>,
    guess: BTreeMap<Place, Vec<String>>,
    countries: BTreeMap<String, Vec<String>>,
}

/// One kind of statement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub id: String,
    /// Who made it, as people call it.
    pub source: String,
    fingerprint: Vec<String>,
    /// The currency of all rows, where no column says it.
    #[serde(default)]
    currency: Option<Currency>,
    #[serde(default)]
    decimal: Mark,
    #[serde(default)]
    dates: Order,
    /// The store of all rows.
    #[serde(default)]
    store: String,
    #[serde(default)]
    skip: Option<Skip>,
    /// Rows that are empty there are none.
    #[serde(default)]
    skip_empty: Option<String>,
    /// Whether the person is asked before it is read.
    #[serde(default)]
    pub asks: bool,
    columns: BTreeMap<Place, Vec<String>>,
}

/// Rows that are left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    column: String,
    values: Vec<String>,
}

/// Where in a row everything stands: made from a profile, or by a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    pub columns: BTreeMap<Place, Vec<usize>>,
    pub currency: Option<Currency>,
    pub decimal: Mark,
    pub dates: Order,
    pub store: String,
    /// A column, and what in it leaves a row out.
    pub skip: Option<(usize, Vec<String>)>,
    pub skip_empty: Option<usize>,
}

impl Mapping {
    /// Whether enough is known to read amounts.
    pub fn is_whole(&self) -> bool {
        let has = |place| self.columns.get(&place).is_some_and(|at| !at.is_empty());
        has(Place::Net) && has(Place::Period) && (self.currency.is_some() || has(Place::Currency))
    }

    /// What is still needed, the first thing first.
    pub fn missing(&self) -> Option<Place> {
        let has = |place: &Place| self.columns.get(place).is_some_and(|at| !at.is_empty());
        [Place::Net, Place::Period, Place::Currency]
            .into_iter()
            .find(|place| !(has(place) || *place == Place::Currency && self.currency.is_some()))
    }

    /// What stands in a row at that place: the first column of several that is filled.
    pub fn cell<'a>(&self, row: &'a [String], place: Place) -> &'a str {
        let columns = self
            .columns
            .get(&place)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let cells = columns.iter().filter_map(|at| row.get(*at));
        cells
            .map(|cell| cell.trim())
            .find(|cell| !cell.is_empty())
            .unwrap_or_default()
    }
}

/// A header as it is compared: lower case, single spaces, without a byte order mark or quotes.
pub fn plain(header: &str) -> String {
    let header = header.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '"'));
    header
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

/// The profile of a table with these headers, and where everything stands in it.
pub fn recognise(headers: &[String]) -> Option<(&'static Profile, Mapping)> {
    let places = places(headers);
    let is_there = |header: &String| places.contains_key(&plain(header));
    let profile = BOOK
        .profile
        .iter()
        .find(|profile| profile.fingerprint.iter().all(is_there))?;
    let at = |header: &String| places.get(&plain(header)).copied();
    let columns = profile.columns.iter().map(|(place, headers)| {
        let found: Vec<usize> = headers.iter().filter_map(at).collect();
        (*place, found)
    });
    let mapping = Mapping {
        columns: columns.filter(|(_, found)| !found.is_empty()).collect(),
        currency: profile.currency,
        decimal: profile.decimal,
        dates: profile.dates,
        store: profile.store.clone(),
        skip: profile
            .skip
            .as_ref()
            .and_then(|skip| Some((at(&skip.column)?, skip.values.clone()))),
        skip_empty: profile.skip_empty.as_ref().and_then(at),
    };
    Some((profile, mapping))
}

/// Where each header stands; the first of several alike.
fn places(headers: &[String]) -> HashMap<String, usize> {
    let mut places = HashMap::new();
    for (at, header) in headers.iter().enumerate() {
        places.entry(plain(header)).or_insert(at);
    }
    places
}

/// What a table that nobody knows is likely to hold, by its headers and some of its rows.
pub fn guess(headers: &[String], rows: &[Vec<String>]) -> Mapping {
    let known = recognise(headers)
        .map(|(_, mapping)| mapping)
        .unwrap_or_default();
    let mut mapping = known;
    mapping.decimal = decimal(rows);
    mapping.dates = dates(rows);
    for (place, words) in &BOOK.guess {
        if mapping.columns.contains_key(place) {
            continue;
        }
        let fits = |at: &usize| fitting(*place, *at, rows, &mapping);
        let found = words.iter().find_map(|word| {
            let is = |(_, header): &(usize, &String)| bare(header) == *word;
            let at = headers.iter().enumerate().find(is).map(|(at, _)| at)?;
            Some(at).filter(fits)
        });
        if let Some(at) = found {
            mapping.columns.insert(*place, vec![at]);
        }
    }
    if !mapping.columns.contains_key(&Place::Currency) && mapping.currency.is_none() {
        let net = mapping.columns.get(&Place::Net).and_then(|at| at.first());
        let header = net.and_then(|at| headers.get(*at));
        mapping.currency = header.and_then(|header| currency_in(header));
    }
    mapping
}

/// Columns in which that could stand, by what is in them.
pub fn candidates(
    place: Place,
    headers: &[String],
    rows: &[Vec<String>],
    mapping: &Mapping,
) -> Vec<usize> {
    (0..headers.len())
        .filter(|at| fitting(place, *at, rows, mapping))
        .collect()
}

/// Whether what stands in a column could be what is wanted. An empty column is none.
fn fitting(place: Place, at: usize, rows: &[Vec<String>], mapping: &Mapping) -> bool {
    let cells = rows
        .iter()
        .filter_map(|row| row.get(at))
        .map(|cell| cell.trim());
    let cells: Vec<&str> = cells.filter(|cell| !cell.is_empty()).collect();
    let fits = |cell: &&&str| match place {
        Place::Net | Place::Quantity => Amount::parse(cell, mapping.decimal).is_some(),
        Place::Period | Place::Reported => Date::parse(cell, mapping.dates).is_some(),
        Place::Currency => cell.parse::<Currency>().is_ok(),
        Place::Isrc => super::row::isrc(cell).is_some(),
        Place::Title
        | Place::Store
        | Place::Territory
        | Place::Kind
        | Place::Upc
        | Place::Identity => true,
    };
    // A sum at the end, or a slip, does not change what a column is.
    !cells.is_empty() && cells.iter().filter(fits).count() * 3 >= cells.len() * 2
}

/// A header without what stands in brackets: `Revenue (EUR)` is `revenue`.
fn bare(header: &str) -> String {
    let header = plain(header);
    header
        .split(['(', '['])
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// A currency that a header names: `Revenue (EUR)`, `Amount in USD`, `€`.
fn currency_in(header: &str) -> Option<Currency> {
    const COMMON: [&str; 12] = [
        "USD", "EUR", "GBP", "CAD", "AUD", "JPY", "CHF", "SEK", "NOK", "DKK", "BRL", "MXN",
    ];
    let signs = [('€', "EUR"), ('$', "USD"), ('£', "GBP"), ('¥', "JPY")];
    let by_sign = signs
        .iter()
        .find(|(sign, _)| header.contains(*sign))
        .map(|(_, code)| *code);
    let upper = header.to_uppercase();
    let mut words = upper.split(|c: char| !c.is_ascii_alphabetic());
    let by_word = words.find(|word| COMMON.contains(word));
    by_word.or(by_sign).and_then(|code| code.parse().ok())
}

/// Whether commas stand before the decimals: some number says so that could not be read otherwise.
fn decimal(rows: &[Vec<String>]) -> Mark {
    let is_only_comma = |cell: &str| {
        let digits = cell.trim();
        Amount::parse(digits, Mark::Comma).is_some()
            && digits.contains(',')
            && !digits.contains('.')
            && (Amount::parse(digits, Mark::Point) == Amount::parse(digits, Mark::Comma)
                || Amount::parse(digits, Mark::Point).is_none())
    };
    let is_both = |cell: &str| {
        let (point, comma) = (cell.rfind('.'), cell.rfind(','));
        point.is_some() && comma > point && Amount::parse(cell, Mark::Comma).is_some()
    };
    let says = |cell: &String| is_only_comma(cell) || is_both(cell);
    match rows.iter().flatten().any(says) {
        true => Mark::Comma,
        false => Mark::Point,
    }
}

/// Whether days stand before months: some date says so.
fn dates(rows: &[Vec<String>]) -> Order {
    let says = |cell: &String| {
        let mut parts = cell.trim().split('/');
        let first: Option<u32> = parts.next().and_then(|part| part.parse().ok());
        parts.next().is_some() && first.is_some_and(|first| (13..=31).contains(&first))
    };
    match rows.iter().flatten().any(says) {
        true => Order::DayFirst,
        false => Order::MonthFirst,
    }
}

/// The two letters of a country, however it is written; empty where that is not known.
pub fn country(text: &str) -> String {
    let text = text.trim();
    let upper = text.to_uppercase();
    match upper.as_str() {
        // Unknown, as some distributors write it.
        "" | "OU" | "ZZ" | "XX" | "N/A" | "UNKNOWN" | "WW" | "WORLDWIDE" => return String::new(),
        _ => {}
    }
    if upper.len() == 2 && upper.bytes().all(|b| b.is_ascii_alphabetic()) {
        return upper;
    }
    let lower = text.to_lowercase();
    let is = |(_, names): &(&String, &Vec<String>)| names.contains(&lower);
    match BOOK.countries.iter().find(is) {
        Some((code, _)) => code.clone(),
        None => text.chars().take(24).collect(),
    }
}

/// A country by its two letters, as it is written in English; none where they are no country's that is known.
pub fn country_name(code: &str) -> Option<String> {
    let names = BOOK.countries.get(&code.to_uppercase())?;
    let words = names.first()?.split(' ').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect::<String>()
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

/// What is looked for, as a person would name it: two letters of a country by its name.
pub fn named(only: &str) -> String {
    let country = Some(only).filter(|only| only.len() == 2);
    let country = country.and_then(country_name);
    country.unwrap_or_else(|| only.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[&str]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_book_is_whole() {
        assert!(toml::from_str::<Book>(TEXT).is_ok());
        let mut ids: Vec<&str> = BOOK.profile.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids.len(), 7);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 7);
        for profile in BOOK.profile.iter().filter(|one| !one.asks) {
            let has = |place| profile.columns.contains_key(&place);
            assert!(has(Place::Net) && has(Place::Period), "{}", profile.id);
            assert!(
                has(Place::Currency) || profile.currency.is_some(),
                "{}",
                profile.id
            );
        }
    }

    #[test]
    fn headers_are_a_set() {
        let shuffled = headers(&[
            "\u{feff}EARNINGS (usd) ",
            "  sale   month",
            "\"Team Percentage\"",
            "x",
        ]);
        let (profile, mapping) = recognise(&shuffled).unwrap();
        assert_eq!(profile.id, "distrokid_v1");
        assert_eq!(mapping.columns[&Place::Net], [0]);
        assert_eq!(mapping.columns[&Place::Period], [1]);
        assert!(recognise(&headers(&["Sale Month", "Earnings (USD)"])).is_none());
    }

    #[test]
    fn what_nobody_knows_is_guessed_by_name_and_content() {
        let names = headers(&["Monat", "Titel", "Land", "Betrag (EUR)", "Date"]);
        let row = headers(&["08/2026", "Licht", "Deutschland", "1.234,56", "soon"]);
        let mapping = guess(&names, &[row]);
        assert_eq!(mapping.columns[&Place::Period], [0], "the other is no date");
        assert_eq!(mapping.columns[&Place::Net], [3]);
        assert_eq!(
            (mapping.decimal, mapping.currency.unwrap().code()),
            (Mark::Comma, "EUR")
        );
        assert!(mapping.is_whole());
        let names = headers(&["Name", "Phone"]);
        let mapping = guess(&names, &[headers(&["Bob", "+1 555"])]);
        assert_eq!(mapping.missing(), Some(Place::Net));
    }

    #[test]
    fn believe_is_asked_about() {
        let names = headers(&[
            "Sales Month",
            "ISRC",
            "Net Revenue",
            "Client Payment Currency",
        ]);
        let row = headers(&["01/08/2026", "QZ-AAA-26-00001", "3,72", "EUR"]);
        assert!(recognise(&names).unwrap().0.asks);
        let mapping = guess(&names, &[row]);
        assert!(
            mapping.is_whole() && mapping.decimal == Mark::Comma,
            "{mapping:?}"
        );
    }

    #[test]
    fn countries_are_two_letters() {
        for (text, code) in [
            ("se", "SE"),
            ("OU", ""),
            ("United States", "US"),
            ("Atlantis", "Atlantis"),
            ("", ""),
        ] {
            assert_eq!(country(text), code);
        }
    }
}
