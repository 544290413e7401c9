//! Amounts as statements write them: exact to eighteen decimal places, whatever they are added up by.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use crate::model::{Currency, Money};

/// So many decimal places are kept; no statement was seen with more than fifteen.
const PLACES: u32 = 18;
/// How much of the smallest kept unit a whole one is.
const WHOLE: i128 = 10_i128.pow(PLACES);
/// What the database keeps apart: millionths, and what is left of them.
const MILLIONTH: i128 = 10_i128.pow(PLACES - 6);
/// Larger amounts are slips; they leave room for adding up.
const MOST: i128 = 1_000_000_000_000 * WHOLE;

/// An exact amount of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i128);

/// What separates whole units from parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// `1,234.56`
    #[default]
    Point,
    /// `1.234,56`
    Comma,
}

impl Amount {
    pub const ZERO: Self = Self(0);

    /// Reads a number as people and programs write it: with thousands separators, signs before or behind, brackets
    /// for what was taken back, currency signs, and exponents.
    pub fn parse(text: &str, mark: Mark) -> Option<Self> {
        let (negative, digits) = unsigned(text)?;
        let (digits, exponent) = match digits.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (digits.as_str(), 0),
        };
        let (whole, part) = split(digits, mark)?;
        let amount = Self(scaled(&whole, &part, exponent)?);
        (amount.0 <= MOST).then_some(if negative { Self(-amount.0) } else { amount })
    }

    /// As the database keeps it.
    pub fn pieces(self) -> (i64, i64) {
        let millionths = i64::try_from(self.0 / MILLIONTH).unwrap_or(i64::MAX);
        let rest = i64::try_from(self.0 % MILLIONTH).unwrap_or_default();
        (millionths, rest)
    }

    /// From what the database keeps, added up or not.
    pub fn from_pieces(millionths: i64, rest: i64) -> Self {
        Self(i128::from(millionths) * MILLIONTH + i128::from(rest))
    }

    /// From the smallest unit of a currency.
    pub fn from_money(money: Money) -> Self {
        Self(i128::from(money.minor) * unit(money.currency))
    }

    /// In the smallest unit of the currency; what is half goes away from zero.
    pub fn money(self, currency: Currency) -> Money {
        let unit = unit(currency);
        let half = if self.0 < 0 { -unit / 2 } else { unit / 2 };
        let minor = i64::try_from((self.0 + half) / unit).unwrap_or(i64::MAX);
        Money { minor, currency }
    }

    /// With separators of thousands and without the currency: `1,234.50`.
    pub fn shown(self, currency: Currency) -> String {
        let Money { minor, currency } = self.money(currency);
        let unit = 10_u64.pow(currency.places());
        let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
        let whole = grouped(minor / unit);
        let places = usize::try_from(currency.places()).unwrap_or_default();
        match places {
            0 => format!("{sign}{whole}"),
            _ => format!("{sign}{whole}.{:0places$}", minor % unit),
        }
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// An amount for each of `parts`; nothing where there are none.
    pub fn over(self, parts: i64) -> Self {
        match parts {
            0 => Self::ZERO,
            parts => Self(self.0 / i128::from(parts)),
        }
    }

    /// How much this is of `whole`, in thousandths.
    pub fn permille_of(self, whole: Self) -> Option<i64> {
        match whole.0 {
            0 => None,
            whole => i64::try_from(self.0.checked_mul(1_000)? / whole).ok(),
        }
    }
}

/// A number with separators of thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn unit(currency: Currency) -> i128 {
    WHOLE / 10_i128.pow(currency.places())
}

/// The sign, and what is left when signs, spaces and the currency are gone.
fn unsigned(text: &str) -> Option<(bool, String)> {
    let mut text = text.trim();
    let mut negative = false;
    if let Some(inner) = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
    {
        (negative, text) = (true, inner);
    }
    let plain: String = text
        .chars()
        .filter(|c| {
            !c.is_whitespace() && !matches!(c, '\'' | '\u{2019}' | '$' | '€' | '£' | '¥' | '+')
        })
        .map(|c| if c == '\u{2212}' { '-' } else { c })
        .collect();
    let mut plain = plain.as_str();
    // A currency before or behind: three letters, so that an exponent is none.
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic());
    if let Some((_, rest)) = plain.split_at_checked(3).filter(|(code, _)| is_code(code)) {
        plain = rest;
    } else if let Some((rest, _)) = plain
        .split_at_checked(plain.len().saturating_sub(3))
        .filter(|(_, code)| is_code(code))
    {
        plain = rest;
    }
    if let Some(rest) = plain.strip_prefix('-').or_else(|| plain.strip_suffix('-')) {
        (negative, plain) = (!negative, rest);
    }
    let known = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'e' | b'E' | b'-');
    let fits = plain.bytes().any(|b| b.is_ascii_digit()) && plain.bytes().all(known);
    fits.then(|| (negative, plain.to_owned()))
}

/// Whole digits and those behind the mark.
fn split(digits: &str, mark: Mark) -> Option<(String, String)> {
    if digits.contains('-') {
        return None;
    }
    let both = digits.contains('.') && digits.contains(',');
    let point = match (both, mark) {
        // With both, the last one is the mark, however the rest of the file is written.
        (true, _) => match digits.rfind('.') > digits.rfind(',') {
            true => '.',
            false => ',',
        },
        (false, Mark::Point) => '.',
        (false, Mark::Comma) => ',',
    };
    let other = if point == '.' { ',' } else { '.' };
    // `1.5` stands for one and a half in a file with commas, too: no group of thousands has one digit.
    let (point, other) = match !both && digits.contains(other) && !is_grouped(digits, other) {
        true if digits.matches(other).count() == 1 => (other, point),
        true => return None,
        false => (point, other),
    };
    let (whole, part) = digits.split_once(point).unwrap_or((digits, ""));
    let fits = part.bytes().all(|b| b.is_ascii_digit())
        && (!whole.contains(other) || is_grouped(whole, other));
    fits.then(|| (whole.replace(other, ""), part.to_owned()))
}

/// Whether all groups but the first have three digits.
fn is_grouped(digits: &str, separator: char) -> bool {
    let mut groups = digits.split(separator);
    let first = groups.next().unwrap_or_default();
    let is_first = (1..=3).contains(&first.len()) && first != "0";
    is_first && groups.all(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()))
}

/// The digits in the smallest unit that is kept.
fn scaled(whole: &str, part: &str, exponent: i32) -> Option<i128> {
    let digits: String = [whole, part].concat();
    if digits.is_empty() || digits.len() > 60 || exponent.abs() > 40 {
        return None;
    }
    let shift = i32::try_from(PLACES).ok()? + exponent - i32::try_from(part.len()).ok()?;
    let digits = digits.trim_start_matches('0');
    if shift >= 0 {
        let shift = u32::try_from(shift).ok()?;
        let number: i128 = if digits.is_empty() {
            0
        } else {
            digits.parse().ok()?
        };
        return number.checked_mul(10_i128.checked_pow(shift)?);
    }
    // More places than are kept: the last one kept is rounded.
    let cut = usize::try_from(-shift).ok()?;
    let Some(kept) = digits.len().checked_sub(cut) else {
        return Some(0);
    };
    let (kept, rest) = digits.split_at_checked(kept)?;
    let number: i128 = if kept.is_empty() {
        0
    } else {
        kept.parse().ok()?
    };
    let up = rest.bytes().next().is_some_and(|digit| digit >= b'5');
    Some(number + i128::from(up))
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, |sum, one| sum + one)
    }
}

/// With all its places, without zeros at the end.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, number) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let whole = WHOLE.unsigned_abs();
        let part = format!("{:018}", number % whole);
        match part.trim_end_matches('0') {
            "" => write!(f, "{sign}{}", number / whole),
            part => write!(f, "{sign}{}.{part}", number / whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, mark: Mark) -> Option<String> {
        Amount::parse(text, mark).map(|amount| amount.to_string())
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (text, is) in [
            ("31.4512345678", "31.4512345678"),
            ("-0.69", "-0.69"),
            ("(0.69)", "-0.69"),
            ("0.69-", "-0.69"),
            ("\u{2212}5", "-5"),
            ("1,200", "1200"),
            ("1,234,567.89", "1234567.89"),
            ("1.234,5", "1234.5"),
            ("$1,200.50", "1200.5"),
            ("12.5 EUR", "12.5"),
            ("USD 3", "3"),
            ("1'200.5", "1200.5"),
            ("1\u{a0}200", "1200"),
            ("3.1E-05", "0.000031"),
            ("1.99999E+11", "199999000000"),
            ("0", "0"),
            (".5", "0.5"),
            ("0.0000000000000000005", "0.000000000000000001"),
            ("0.0000000000000000000001", "0"),
        ] {
            assert_eq!(read(text, Mark::Point).as_deref(), Some(is), "{text}");
        }
        for (text, is) in [
            ("3,72", "3.72"),
            ("1.200", "1200"),
            ("1.200,5", "1200.5"),
            ("-0,5", "-0.5"),
            ("0.25", "0.25"),
            ("1,234.5", "1234.5"),
        ] {
            assert_eq!(read(text, Mark::Comma).as_deref(), Some(is), "{text}");
        }
        for wrong in [
            "", "-", "abc", "1.2.3", "1,2,3", "12-5", "0x10", "NaN", "1e99", "--5", "9e30", "=1+1",
        ] {
            assert_eq!(read(wrong, Mark::Point), None, "{wrong}");
        }
    }

    #[test]
    fn amounts_are_shown_in_their_currency() {
        let shown = |text, currency: &str| {
            let amount = Amount::parse(text, Mark::Point).unwrap();
            amount.shown(currency.parse().unwrap())
        };
        assert_eq!(shown("1234567.895", "USD"), "1,234,567.90");
        assert_eq!(shown("-0.005", "USD"), "-0.01");
        assert_eq!(shown("0.004", "USD"), "0.00");
        assert_eq!(shown("1234.5", "JPY"), "1,235");
        let money = Money {
            minor: -1_250,
            currency: Currency::USD,
        };
        assert_eq!(Amount::from_money(money).money(Currency::USD), money);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_in_the_database(all in proptest::collection::vec(-10_i128.pow(24)..10_i128.pow(24), 0..50)) {
            let all: Vec<Amount> = all.into_iter().map(Amount).collect();
            let pieces = all.iter().map(|one| one.pieces());
            let (millionths, rest) = pieces.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            proptest::prop_assert_eq!(Amount::from_pieces(millionths, rest), all.into_iter().sum());
        }

        #[test]
        fn no_text_makes_it_fall(text in "[-0-9.,eE() $]{0,30}") {
            for mark in [Mark::Point, Mark::Comma] {
                if let Some(amount) = Amount::parse(&text, mark) {
                    proptest::prop_assert_eq!(Amount::parse(&amount.to_string(), Mark::Point), Some(amount));
                }
            }
        }
    }
}
