//! A jar, and what somebody wants of it. Pure.

use std::collections::BTreeMap;

use crate::model::{ArtistId, Currency};
use crate::store::{Artist, JarRow};

use super::money::minor;
use super::{COFFEE, KOFI};

/// Where fans give money to an artist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jar {
    pub artist: String,
    /// The word behind `/tip` and in links.
    pub slug: String,
    pub is_open: bool,
    pub public_name: String,
    /// Amounts of Stars that are suggested.
    pub stars: Vec<i64>,
    pub currency: Currency,
    /// Amounts that are suggested for cards, in the smallest unit.
    pub cards: Vec<i64>,
    /// Pages elsewhere.
    pub links: BTreeMap<String, String>,
    pub terms: String,
    pub contact: String,
}

impl Jar {
    /// A jar as it stands in the store; what cannot be read is as if it had not been set.
    pub(super) fn read(row: JarRow) -> Self {
        Self {
            artist: row.artist_id,
            slug: row.slug,
            is_open: row.is_open != 0,
            public_name: row.public_name,
            stars: serde_json::from_str(&row.stars).unwrap_or_default(),
            currency: row.currency.parse().unwrap_or(Currency::USD),
            cards: serde_json::from_str(&row.cards).unwrap_or_default(),
            links: serde_json::from_str(&row.links).unwrap_or_default(),
            terms: row.terms,
            contact: row.contact,
        }
    }

    /// The jar of an artist who has none yet.
    pub(super) fn new(artist: &Artist, slug: String) -> Self {
        Self {
            artist: artist.id.to_string(),
            slug,
            is_open: false,
            public_name: artist.name.clone(),
            stars: vec![50, 100, 250],
            currency: Currency::USD,
            cards: vec![300, 500, 1_000],
            links: BTreeMap::new(),
            terms: String::new(),
            contact: String::new(),
        }
    }

    pub(super) fn row(&self, at: i64) -> JarRow {
        JarRow {
            artist_id: self.artist.clone(),
            slug: self.slug.clone(),
            is_open: i64::from(self.is_open),
            public_name: self.public_name.clone(),
            stars: json(&self.stars),
            currency: self.currency.to_string(),
            cards: json(&self.cards),
            links: json(&self.links),
            terms: self.terms.clone(),
            contact: self.contact.clone(),
            set_at: at,
        }
    }

    pub(super) fn artist_id(&self) -> Option<ArtistId> {
        self.artist.parse().ok()
    }
}

/// What somebody wants of a jar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// To see it.
    Show,
    /// To give.
    Give(Gift),
    /// The tips that can be given back.
    Refund,
    /// To change it.
    Change(Edit),
    /// Something for the team that is not written well; this is how it would be.
    Wants(&'static str),
}

/// What somebody gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gift {
    /// In whole Stars, or in the smallest unit where a currency stands behind it.
    pub(super) amount: Option<String>,
    pub(super) currency: Option<Currency>,
    /// The words behind it: perhaps a jar, then what is said to the artist.
    pub(super) words: Vec<String>,
}

/// A change of a jar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    Open(bool),
    Stars(Vec<i64>),
    Cards(Currency, Vec<i64>),
    Name(String),
    Slug(String),
    Terms(String),
    Contact(String),
    Page(&'static str, String),
    Secret(&'static str, String),
    Drop(&'static str),
}

/// Most characters of a text that fans see.
const TERMS: usize = 1_000;
const NAME: usize = 64;
const SLUG: usize = 32;
/// Most amounts that are suggested.
const AMOUNTS: usize = 6;

/// Reads what stands behind `/tip`.
pub(super) fn wish(args: &str) -> Wish {
    let args = args.trim();
    let (first, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
    let rest = rest.trim();
    let cut = |most: usize| rest.chars().take(most).collect::<String>();
    match first.to_lowercase().as_str() {
        "" => Wish::Show,
        "open" => Wish::Change(Edit::Open(true)),
        "close" => Wish::Change(Edit::Open(false)),
        "refund" => Wish::Refund,
        "amounts" => match stars(rest) {
            Some(amounts) => Wish::Change(Edit::Stars(amounts)),
            None => Wish::Wants("/tip amounts 50 100 250"),
        },
        "cards" => match cards(rest) {
            Some((currency, amounts)) => Wish::Change(Edit::Cards(currency, amounts)),
            None => Wish::Wants("/tip cards EUR 3 5 10"),
        },
        "name" if !rest.is_empty() => Wish::Change(Edit::Name(cut(NAME))),
        "name" => Wish::Wants("/tip name THE NAME THAT FANS SEE"),
        "link" => match slug(rest) {
            Some(slug) => Wish::Change(Edit::Slug(slug)),
            None => Wish::Wants("/tip link one-word"),
        },
        "terms" => Wish::Change(Edit::Terms(cut(TERMS))),
        "contact" => Wish::Change(Edit::Contact(cut(NAME * 2))),
        "kofi" | "ko-fi" => provider(KOFI, rest),
        "buymeacoffee" | "coffee" => provider(COFFEE, rest),
        _ => Wish::Give(gift(args)),
    }
}

fn provider(provider: &'static str, rest: &str) -> Wish {
    let is_page = rest.starts_with("https://") && url::Url::parse(rest).is_ok();
    match rest {
        "off" => Wish::Change(Edit::Drop(provider)),
        rest if is_page => Wish::Change(Edit::Page(provider, rest.to_owned())),
        rest if !rest.is_empty() && !rest.contains(char::is_whitespace) => {
            Wish::Change(Edit::Secret(provider, rest.to_owned()))
        }
        _ => Wish::Wants("/tip kofi https://ko-fi.com/YOU, or its token, or off"),
    }
}

fn stars(text: &str) -> Option<Vec<i64>> {
    let amounts: Option<Vec<i64>> = text
        .split([' ', ','])
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().ok().filter(|amount| *amount > 0))
        .collect();
    amounts.filter(|amounts| (1..=AMOUNTS).contains(&amounts.len()))
}

fn cards(text: &str) -> Option<(Currency, Vec<i64>)> {
    let (currency, rest) = text.split_once(char::is_whitespace)?;
    let currency: Currency = currency.parse().ok()?;
    let amounts: Option<Vec<i64>> = rest
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| minor(word, currency).filter(|amount| *amount > 0))
        .collect();
    let amounts = amounts.filter(|amounts| (1..=AMOUNTS).contains(&amounts.len()))?;
    (currency != Currency::STARS).then_some((currency, amounts))
}

/// A word that can stand in a link; what nobody could type does not.
pub(super) fn slug(name: &str) -> Option<String> {
    let mut slug = String::new();
    for letter in name.trim().to_lowercase().chars() {
        match letter {
            'a'..='z' | '0'..='9' => slug.push(letter),
            _ if !slug.ends_with('-') && !slug.is_empty() => slug.push('-'),
            _ => {}
        }
    }
    let slug: String = slug.trim_matches('-').chars().take(SLUG).collect();
    // A number would be taken for an amount.
    let is_word = slug.chars().any(|letter| letter.is_ascii_lowercase());
    is_word.then_some(slug)
}

fn gift(args: &str) -> Gift {
    let mut words: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
    let mut gift = Gift::default();
    let is_amount = |word: &String| {
        let mut letters = word.chars();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_digit() || first == '-')
    };
    if let Some(place) = words.iter().take(2).position(is_amount) {
        gift.amount = Some(words.remove(place));
        let currency = words.get(place).and_then(|word| word.parse().ok());
        // Three letters may be a word of the message; money is asked for in capitals or as the platforms call it.
        let currency = currency.filter(|currency: &Currency| {
            words.get(place).is_some_and(|word| word == currency.code())
        });
        if currency.is_some() {
            words.remove(place);
        }
        gift.currency = currency;
    }
    let is_unit = |word: &String| ["star", "stars"].contains(&word.to_lowercase().as_str());
    if gift.amount.is_some() && words.first().is_some_and(is_unit) {
        words.remove(0);
    }
    gift.words = words;
    gift
}

/// Lists and maps as they stand in the table.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(args: &str) -> (Option<String>, Option<String>, String) {
        let Wish::Give(gift) = wish(args) else {
            panic!("{args} is no gift");
        };
        let currency = gift.currency.map(|currency| currency.to_string());
        (gift.amount, currency, gift.words.join(" "))
    }

    #[test]
    fn what_stands_behind_tip_is_understood() {
        assert_eq!(wish("  "), Wish::Show);
        assert_eq!(wish("OPEN"), Wish::Change(Edit::Open(true)));
        assert_eq!(
            wish("amounts 50, 100"),
            Wish::Change(Edit::Stars(vec![50, 100]))
        );
        let eur = "EUR".parse().unwrap();
        assert_eq!(
            wish("cards eur 3 5.50"),
            Wish::Change(Edit::Cards(eur, vec![300, 550]))
        );
        for odd in [
            "amounts",
            "amounts 0",
            "amounts many",
            "cards",
            "cards EUR",
            "cards XTR 5",
            "link 5",
            "name",
        ] {
            assert!(matches!(wish(odd), Wish::Wants(_)), "{odd}");
        }
        assert_eq!(
            wish("link Nina & the Sea"),
            Wish::Change(Edit::Slug("nina-the-sea".to_owned()))
        );
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(given("50"), (some("50"), None, String::new()));
        assert_eq!(
            given("50 stars nina great show"),
            (some("50"), None, "nina great show".to_owned())
        );
        assert_eq!(
            given("nina 50 eur is me"),
            (some("50"), None, "nina eur is me".to_owned())
        );
        assert_eq!(
            given("5 EUR nina"),
            (some("5"), some("EUR"), "nina".to_owned())
        );
        assert_eq!(given("-5"), (some("-5"), None, String::new()));
        assert_eq!(given("nina"), (None, None, "nina".to_owned()));
    }

    #[test]
    fn pages_and_secrets_are_told_apart() {
        let page = "https://ko-fi.com/nina".to_owned();
        assert_eq!(
            wish(&format!("kofi {page}")),
            Wish::Change(Edit::Page(KOFI, page))
        );
        let secret = Edit::Secret(COFFEE, "abc".to_owned());
        assert_eq!(wish("buymeacoffee abc"), Wish::Change(secret));
        assert_eq!(wish("ko-fi off"), Wish::Change(Edit::Drop(KOFI)));
        assert!(matches!(wish("kofi"), Wish::Wants(_)));
        assert!(matches!(wish("kofi http://plain is it"), Wish::Wants(_)));
    }
}
