use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A word that is no currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no currency: three letters of ISO 4217 are wanted, or XTR for Stars")]
pub struct UnknownCurrency(String);

/// A currency: three capital letters of ISO 4217, or `XTR` for Stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// Those whose smallest unit is the whole one (ISO 4217, and Stars).
const WHOLE: [&str; 17] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF", "XTR",
];
/// Those of whose smallest unit a thousand make a whole one.
const THOUSANDS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

impl Currency {
    /// US dollars.
    pub const USD: Self = Self(*b"USD");
    /// Stars, a currency of a platform's own.
    pub const STARS: Self = Self(*b"XTR");

    /// Its three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// How many decimal places its smallest unit is.
    pub fn places(&self) -> u32 {
        let code = self.code();
        match () {
            () if WHOLE.contains(&code) => 0,
            () if THOUSANDS.contains(&code) => 3,
            () => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(word: &str) -> Result<Self, UnknownCurrency> {
        let upper = word.trim().to_ascii_uppercase();
        match <[u8; 3]>::try_from(upper.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(UnknownCurrency(word.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = String::deserialize(from)?;
        word.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount in the smallest unit of its currency; below 0 where money went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Cents, pence, Stars.
    pub minor: i64,
    /// Of what.
    pub currency: Currency,
}

impl fmt::Display for Money {
    /// `12.50 USD`, `50 Stars`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.currency == Currency::STARS {
            let word = if self.minor == 1 { "Star" } else { "Stars" };
            return write!(f, "{} {word}", self.minor);
        }
        let unit = 10_u64.pow(self.currency.places());
        let amount = self.minor.unsigned_abs();
        let sign = if self.minor < 0 { "-" } else { "" };
        match self.currency.places() {
            0 => write!(f, "{sign}{amount} {}", self.currency),
            places => write!(
                f,
                "{sign}{}.{:0width$} {}",
                amount / unit,
                amount % unit,
                self.currency,
                width = usize::try_from(places).unwrap_or_default(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_their_own_units() {
        let shown = |minor, currency: &str| {
            let currency = currency.parse().unwrap();
            Money { minor, currency }.to_string()
        };
        assert_eq!(shown(1_250, "usd"), "12.50 USD");
        assert_eq!(shown(-5, "EUR"), "-0.05 EUR");
        assert_eq!(shown(1_250, "JPY"), "1250 JPY");
        assert_eq!(shown(1_250, "KWD"), "1.250 KWD");
        assert_eq!(
            (shown(1, "XTR"), shown(50, "XTR")),
            ("1 Star".into(), "50 Stars".into())
        );
        assert_eq!(shown(i64::MIN, "USD"), "-92233720368547758.08 USD");
    }

    #[test]
    fn what_is_no_currency_is_refused() {
        for wrong in ["", "US", "DOLLAR", "U$D", "\u{e9}a"] {
            assert!(wrong.parse::<Currency>().is_err(), "{wrong}");
        }
        let currency: Currency = serde_json::from_str("\"eur\"").unwrap();
        assert_eq!(serde_json::to_string(&currency).unwrap(), "\"EUR\"");
    }
}
