//! What is said about the week that is over.

use std::fmt::Write as _;

use super::super::{Currency, Money};

/// What a press would do.
pub const WOULD_LOOK_BACK: &str = "look back at the last week";
/// `/insights` without anything to say.
pub const NOTHING_TO_LOOK_BACK_ON: &str = "There is nothing to look back on yet. Once tips come in, fans join, or you send me a statement of your distributor, I can tell you how your week went.";
/// On the button that shows the week with its picture.
pub const SHOW_INSIGHTS: &str = "Show the figures";
/// Where the figures are from.
pub const WEEKS_ARE_UTC: &str = "Tips and fans as I booked them, Monday to Sunday (UTC).";

/// The first line.
pub fn your_week(artist: &str, week: &str) -> String {
    format!("**{artist}: {week}**")
}

/// The tips of a week beside those of the week before.
pub fn week_of_tips((tips, givers): (i64, i64), (net, before): (Money, Money)) -> String {
    let from = match givers {
        1 => "one fan".to_owned(),
        _ => format!("{givers} fans"),
    };
    let mut text = match tips {
        0 => "No tips".to_owned(),
        1 => format!("One tip: {net}"),
        _ => format!("{tips} tips from {from}: {net}"),
    };
    write!(text, " ({})", beside(net, before, "the week before")).ok();
    text
}

/// Fans who were new in a week.
pub fn new_fans(fans: i64, before: i64) -> String {
    let word = if fans == 1 { "new fan" } else { "new fans" };
    format!("{fans} {word} ({before} the week before)")
}

/// The newest month of statements.
pub fn newest_month(month: &str, (net, before): (Money, Option<Money>), most: &str) -> String {
    let mut text = format!("{month}: {net}");
    if !most.is_empty() {
        write!(text, ", most of it from {most}").ok();
    }
    if let Some(before) = before {
        write!(text, " ({})", beside(net, before, "the month before")).ok();
    }
    text
}

/// What the next month may bring.
pub fn forecast(
    month: &str,
    (expected, low, high): (f64, f64, f64),
    of: (Currency, usize),
) -> String {
    let (currency, months) = of;
    let money = |minor: f64| Money {
        // An estimate, rounded so that nobody takes it for a booked amount.
        minor: rounded(minor),
        currency,
    };
    format!(
        "{month} may bring about {}; in four of five cases it lies between {} and {}. That goes by {months} months and knows nothing of what you plan.",
        money(expected),
        money(low),
        money(high)
    )
}

/// To two digits that count.
fn rounded(minor: f64) -> i64 {
    let digits = 10_f64.powi((minor.max(1.0).log10().floor() as i32 - 1).max(0));
    ((minor / digits).round() * digits) as i64
}

/// Which statements were added up.
pub fn by_these(statements: &[String]) -> String {
    format!("Statements: {}.", statements.join("; "))
}

/// Why a week is told unasked.
pub fn why_insight(week: &str) -> String {
    format!("The week {week} is over, and it brought enough to look back on.")
}

/// `+12 % on the week before`; where one of the two is nothing, no share is said.
fn beside(now: Money, before: Money, when: &str) -> String {
    if before.minor <= 0 || now.minor <= 0 {
        return format!("{when}: {before}");
    }
    let share = (now.minor as f64 / before.minor as f64 - 1.0) * 100.0;
    match share.round() as i64 {
        0 => format!("as much as {when}"),
        share => format!("{share:+} % on {when}: {before}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(minor: i64) -> Money {
        Money {
            minor,
            currency: Currency::USD,
        }
    }

    #[test]
    fn weeks_are_compared_where_they_can_be() {
        let said = |tips, net, before| week_of_tips((tips, tips), (usd(net), usd(before)));
        assert_eq!(
            said(12, 14_300, 9_050),
            "12 tips from 12 fans: 143.00 USD (+58 % on the week before: 90.50 USD)"
        );
        assert_eq!(
            said(1, 500, 0),
            "One tip: 5.00 USD (the week before: 0.00 USD)"
        );
        assert_eq!(said(0, 0, 700), "No tips (the week before: 7.00 USD)");
        assert_eq!(
            said(2, 700, 700),
            "2 tips from 2 fans: 7.00 USD (as much as the week before)"
        );
    }

    #[test]
    fn a_guess_looks_like_one() {
        assert_eq!(rounded(41_233.0), 41_000);
        assert_eq!(rounded(987.0), 990);
        assert_eq!(rounded(4.4), 4);
        assert_eq!(rounded(0.0), 0);
    }
}
