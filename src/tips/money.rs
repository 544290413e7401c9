//! Amounts as people and providers write them, in whole units of the smallest coin. Pure.

use crate::model::Currency;

use super::step::MOST;

/// Reads a decimal number as an amount in the smallest unit; `None` where it is none, is finer than the currency or
/// larger than is believed. There is no detour over floating point: `0.1` is ten cents and nothing else.
pub(super) fn minor(text: &str, currency: Currency) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 13 || !is_number(whole) || !is_number(part) {
        return None;
    }
    let places = usize::try_from(currency.places()).ok()?;
    // Zeros behind the last coin are no coins.
    let part = part.trim_end_matches('0');
    if part.len() > places {
        return None;
    }
    let padded = format!("{whole}{part:0<places$}");
    let amount: i64 = padded.parse().ok()?;
    (amount <= MOST).then_some(sign * amount)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Money;

    #[test]
    fn decimals_become_coins() {
        let usd = |text| minor(text, Currency::USD);
        assert_eq!(usd("5.00"), Some(500));
        assert_eq!(usd("5"), Some(500));
        assert_eq!(usd("5.1"), Some(510));
        assert_eq!(usd(" 0.07 "), Some(7));
        assert_eq!(usd("-3.50"), Some(-350));
        assert_eq!(usd("5.1000"), Some(510));
        for odd in [
            "",
            "5.001",
            "1e3",
            "5,00",
            "five",
            ".5",
            "5.-1",
            "1.2.3",
            "99999999999999",
        ] {
            assert_eq!(usd(odd), None, "{odd}");
        }
        assert_eq!(minor("500", "JPY".parse().unwrap()), Some(500));
        assert_eq!(minor("5.5", "JPY".parse().unwrap()), None);
        assert_eq!(minor("1.234", "KWD".parse().unwrap()), Some(1_234));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(amount in -MOST..MOST) {
            let shown = Money { minor: amount, currency: Currency::USD }.to_string();
            prop_assert_eq!(minor(shown.trim_end_matches(" USD"), Currency::USD), Some(amount));
        }
    }
}
