//! What is said about earnings and statements.

use std::fmt::Write as _;

use super::super::{Currency, Money};

/// `/earnings` where others read along.
pub const EARNINGS_IN_GROUP: &str =
    "Earnings are between the two of us. Ask me again in a direct chat.";

/// `/earnings` of somebody who works for no artist.
pub const EARNINGS_FOR_TEAM: &str = "Earnings are shown to the artist and to those who manage the artist. If that is you, ask for an invitation code and send it with /start.";

/// `/earnings` without any statement.
pub const NO_STATEMENTS: &str = "I have no earnings of yours yet. Send me a statement here, as the file that your distributor or shop lets you download (CSV, TSV, TXT or XLSX): DistroKid, TuneCore, CD Baby, Bandcamp, SoundCloud, or any table with amounts and months. I'll add it up.";

/// A button under a statement that was read.
pub const SHOW_EARNINGS: &str = "Show earnings";
/// Another.
pub const FORGET_STATEMENT: &str = "Forget it";
/// A button that leads to a statement.
pub const SHOW_STATEMENT: &str = "Show it";
/// Under earnings: which statements they are from.
pub const WHERE_FROM: &str = "Where from?";
/// Confirms that a statement is forgotten.
pub const REALLY_FORGET: &str = "Yes, forget it";
/// Leads back to the list.
pub const ALL_STATEMENTS: &str = "All statements";
/// A statement that is not there, or not the asker's.
pub const NO_STATEMENT: &str = "I don't have that statement any more.";
/// Instead of a statement: an ordinary document.
pub const KEEP_AS_DOCUMENT: &str = "It's just a document";
/// The mapping is right.
pub const IMPORT_STATEMENT: &str = "Yes, read it so";
/// A question that was answered before.
pub const STATEMENT_ANSWERED: &str = "That is settled already.";
/// What was said is being done.
pub const READING_SO: &str =
    "Thank you. I read it so from now on, also the next files of that shape.";
/// It becomes a document.
pub const TAKEN_AS_DOCUMENT: &str = "All right, I keep it as a document.";

/// Asks for columns.
pub const WHICH_AMOUNT: &str = "In which column is the money you earned?";
pub const WHICH_MONTH: &str = "In which column is the month or the date of the sale?";
pub const WHICH_CURRENCY: &str = "Which currency is it in? Choose one, or the column that says so.";
pub const WHICH_SONG: &str = "In which column is the song?";
pub const WHICH_STORE: &str = "In which column is the store, like Spotify?";
pub const WHICH_COUNTRY: &str = "In which column is the country?";
pub const WHICH_OTHER: &str = "In which column is that?";

/// What became of a statement.
#[derive(Debug, Clone, Default)]
pub struct StatementFacts {
    /// Who made it; empty = not known.
    pub source: String,
    pub rows: u64,
    pub known: u64,
    pub bad: u64,
    /// The first bad rows: the line, and what is wrong there.
    pub wrongs: Vec<(u64, String)>,
    pub months: Option<String>,
    /// One for each currency.
    pub totals: Vec<String>,
}

/// While a statement is read.
pub fn reading_statement(name: &str, rows: u64) -> String {
    match rows {
        0 => format!("I'm reading “{name}” …"),
        rows => format!("I'm reading “{name}”: {rows} rows so far …"),
    }
}

fn rows(number: u64) -> String {
    match number {
        1 => "1 row".to_owned(),
        number => format!("{number} rows"),
    }
}

/// What came of reading a statement.
pub fn statement_read(name: &str, facts: &StatementFacts) -> String {
    let StatementFacts {
        source,
        rows: counted,
        known,
        bad,
        wrongs,
        months,
        totals,
    } = facts;
    let of = match source.as_str() {
        "" => String::new(),
        source => format!(", a statement of {source}"),
    };
    let mut text = match (counted, known) {
        (0, 0) => format!("“{name}”{of}: there is no row in it that I could count."),
        (0, known) => format!(
            "“{name}”{of}: all of its {} came with an earlier file, so nothing changes.",
            rows(*known)
        ),
        (counted, _) => format!(
            "“{name}”{of}, is in: {}{}, {}.",
            rows(*counted),
            months
                .as_ref()
                .map(|months| format!(" from {months}"))
                .unwrap_or_default(),
            totals.join(" and ")
        ),
    };
    if *counted > 0 && *known > 0 {
        let came = if *known == 1 { "row came" } else { "rows came" };
        write!(
            text,
            " {known} more {came} with an earlier file, so nothing counts twice."
        )
        .ok();
    }
    if *bad > 0 {
        let could = if *bad == 1 {
            "row I could not read"
        } else {
            "rows I could not read"
        };
        write!(text, "\n\n{bad} {could}:").ok();
        for (line, wrong) in wrongs {
            write!(text, "\n- line {line}: {wrong}").ok();
        }
        let others = bad.saturating_sub(wrongs.len() as u64);
        if others > 0 {
            write!(text, "\n- and {others} more").ok();
        }
    }
    text
}

/// A table that is none of money, once it was spoken of.
pub fn no_statement(name: &str) -> String {
    format!("“{name}” is no statement of earnings. I read it as a document.")
}

/// A file that was read before.
pub fn statement_known(name: &str, before: &str, day: &str) -> String {
    let as_ = match before == name {
        true => String::new(),
        false => format!(" as “{before}”"),
    };
    format!(
        "“{name}” is the very file that you sent me{as_} on {day}. Nothing counts twice, so nothing changes."
    )
}

/// Asks what is where in a table; `known` is what is known so far.
pub fn statement_asks(name: &str, question: &str, known: &[(&str, String)]) -> String {
    let mut text = format!(
        "“{name}” looks like earnings, but I don't know this kind of table yet. {question}"
    );
    if !known.is_empty() {
        text.push_str("\n\nSo far:");
        push_known(&mut text, known);
    }
    text
}

/// Shows how a table would be read.
pub fn statement_guessed(name: &str, known: &[(&str, String)]) -> String {
    let mut text = format!("“{name}” looks like earnings. I would read it so:");
    push_known(&mut text, known);
    text.push_str("\n\nIs that right?");
    text
}

fn push_known(text: &mut String, known: &[(&str, String)]) {
    for (place, header) in known {
        write!(text, "\n- {place}: `{}`", header.replace('`', "'")).ok();
    }
}

/// A button that changes what is where.
pub fn change_place(place: &str) -> String {
    format!("Other {place}")
}

/// Above a table of earnings.
pub fn earnings_of(artist: Option<&str>, period: &str, only: &str) -> String {
    let of = artist
        .map(|artist| format!(" of {artist}"))
        .unwrap_or_default();
    match only {
        "" => format!("**Earnings{of}, {period}**"),
        only => format!("**Earnings{of}, {period}**, only “{only}”"),
    }
}

/// Earnings without a line in a period.
pub fn no_earnings(period: &str, only: &str, months: &str) -> String {
    let only = match only {
        "" => String::new(),
        only => format!(" for “{only}”"),
    };
    format!("Your statements say nothing{only} about {period}. They reach over {months}.")
}

/// What a currency is called above a table.
pub fn currency_name(currency: &Currency) -> &str {
    match *currency == Currency::STARS {
        true => "Stars",
        false => currency.code(),
    }
}

/// Under a table: how much more or less than before.
pub fn compared(change: &str, before: &str, amount: &str) -> String {
    format!("{change} against {before} ({amount}).")
}

/// Under a table: nothing to compare with.
pub fn not_compared(before: &str) -> String {
    format!("I have nothing to compare with from {before}.")
}

/// Under a table: which months are missing.
pub fn months_missing(source: &str, months: &[String]) -> String {
    let source = if source.is_empty() {
        "other tables"
    } else {
        source
    };
    let shown: Vec<&str> = months.iter().take(6).map(String::as_str).collect();
    let more = match months.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "Missing: nothing from {source} for {}{more}.",
        shown.join(", ")
    )
}

/// Under a table: how old the newest statement is.
pub fn newest_statement(source: &str, until: &str, day: &str, months_old: i32) -> String {
    let source = if source.is_empty() {
        "a table of yours"
    } else {
        source
    };
    let old = match months_old {
        ..=2 => String::new(),
        months => {
            format!(" That is {months} months ago; a newer one may be waiting for you there.")
        }
    };
    format!("Newest statement: {source}, up to {until}, sent on {day}.{old}")
}

/// Over the chart.
pub fn chart_title(currency: &str, period: &str, only: &str) -> String {
    match only {
        "" => format!("Earnings in {currency}, {period}"),
        only => format!("Earnings in {currency}, {period}: {only}"),
    }
}

/// Groups earnings otherwise.
pub fn by_group(group: &str) -> String {
    format!("By {group}")
}

/// A statement in a list: its name and what is known of it.
pub fn statement_line(
    name: &str,
    source: &str,
    (rows, bad): (i64, i64),
    months: &str,
    day: &str,
) -> String {
    let source = match source {
        "" => String::new(),
        source => format!("{source}, "),
    };
    let bad = match bad {
        0 => String::new(),
        bad => format!(", {bad} not read"),
    };
    format!("**{name}**: {source}{rows} rows{bad}, {months}, sent on {day}")
}

/// A statement in a list that somebody is asked about.
pub fn statement_waits(name: &str) -> String {
    format!("**{name}**: waits for you to say what is in its columns")
}

/// Above the list of statements.
pub fn statements(number: usize) -> String {
    match number {
        1 => "One statement is behind your earnings:".to_owned(),
        number => format!("{number} statements are behind your earnings:"),
    }
}

/// Above where tips are from.
pub const TIPS_BEHIND: &str =
    "Tips are behind them too, as each provider told me of every payment:";

/// Where tips are from: the provider, how many, what is left of them, the months, and when the newest came.
pub fn tips_from(provider: &str, (tips, net): (i64, Money), (months, day): (&str, &str)) -> String {
    let word = if tips == 1 { "tip" } else { "tips" };
    format!(
        "- {}: {tips} {word}, {net} after fees and refunds, {months}, the newest on {day}",
        super::tip_provider(provider)
    )
}

/// How new what is known of tips is.
pub fn newest_tip(day: &str) -> String {
    format!("Newest tip: on {day}.")
}

/// There are tips, but none of that time or kind, and no statement.
pub fn no_tips_in(period: &str, only: &str, months: &str) -> String {
    let only = match only {
        "" => String::new(),
        only => format!(" for “{only}”"),
    };
    format!(
        "I know of nothing{only} in {period}. Your tips reach over {months}; I have no statement of yours yet."
    )
}

/// Asks before a statement is forgotten.
pub fn really_forget(name: &str, rows: i64) -> String {
    format!(
        "Shall I forget “{name}”? Its {rows} rows would count no more. You can send the file again at any time."
    )
}

/// A statement that was forgotten.
pub fn statement_forgotten(name: &str) -> String {
    format!("“{name}” is forgotten, and none of its rows counts any more.")
}

/// Where what is known of earnings came from, in a word, and as the end of "I know it because …".
pub const fn earnings_from(stated: bool, given: bool) -> (&'static str, &'static str) {
    match (stated, given) {
        (true, true) => (
            "statements and tips",
            "it stands in the statements that were sent to me, and in the book of your tips",
        ),
        (false, true) => ("tips", "it stands in the book of your tips"),
        (_, false) => (
            "statements",
            "it stands in the statements that were sent to me",
        ),
    }
}

/// What is known of earnings in one currency.
#[derive(Debug, Clone)]
pub struct KnownEarnings<'a> {
    pub total: Money,
    pub monthly_average: Money,
    pub months: String,
    /// The largest first.
    pub sources: &'a [(String, Money)],
}

/// Earnings in one line.
pub fn known_earnings(known: &KnownEarnings<'_>) -> String {
    let KnownEarnings {
        total,
        monthly_average,
        months,
        sources,
    } = known;
    let named = sources.iter().filter(|(name, _)| !name.is_empty()).take(3);
    let sources: Vec<String> = named.map(|(name, sum)| format!("{name} {sum}")).collect();
    let most = match sources.is_empty() {
        true => String::new(),
        false => format!("; most from {}", sources.join(", ")),
    };
    format!("{total} in all, {months}; {monthly_average} a month on average{most}")
}
