//! What stands on the cards of earnings and statements. Pure.

use crate::model::{ArtistId, Button, Currency, MoneyPress as Press, phrases};
use crate::money::asked::{By, Period};
use crate::money::date::Month;
use crate::money::given::Giving;
use crate::money::worker::{Pending, day};
use crate::money::{Told, profile, question, report};
use crate::store::StatementRow;

/// Statements on one page of the list.
const PAGE: usize = 8;
/// Letters of a statement's name on a button.
const LABEL: usize = 30;

/// What is shown, and the buttons under it.
pub(super) type Card = (String, Vec<Vec<Button>>);

/// A country by its name is looked for by its letters.
pub(super) fn meant(only: &str) -> String {
    let code = profile::country(only);
    match code.len() == 2 && only.len() > 2 {
        true => code.to_lowercase(),
        false => only.to_owned(),
    }
}

/// The answer: a table for each currency, and what has to be known about it.
pub(super) fn card((artist, named): (ArtistId, Option<&str>), told: &Told, now: Month) -> Card {
    let Told {
        report,
        statements,
        stores: _,
        given,
    } = told;
    let (period, only) = (report.period, profile::named(&report.only));
    let mut lines = Vec::new();
    if report.sections.is_empty() {
        let stated = statements.iter().filter_map(|row| {
            let from = Month::from_number(row.first_month)?;
            Some((from, Month::from_number(row.last_month)?))
        });
        let known = stated.chain(given.iter().map(|one| (one.month, one.month)));
        let known = known.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        let months = known.map(|(from, to)| Period { from, to }.to_string());
        let (period, months) = (period.to_string(), months.unwrap_or_default());
        lines.push(match statements.is_empty() {
            true => phrases::no_tips_in(&period, &only, &months),
            false => phrases::no_earnings(&period, &only, &months),
        });
    } else {
        lines.push(phrases::earnings_of(named, &period.to_string(), &only));
        for section in &report.sections {
            lines.push(section_of(section, report));
        }
    }
    for (source, months) in &report.gaps {
        let months: Vec<String> = months.iter().map(ToString::to_string).collect();
        lines.push(phrases::months_missing(source, &months));
    }
    lines.extend(freshness(told, now));
    let months = (period.from.number(), period.to.number());
    let group = |by: By| {
        let press = Press::Group(artist, by.letter(), months, report.only.clone());
        press
            .fits()
            .then(|| press.button(phrases::by_group(by.name())))
    };
    let others = By::ALL.into_iter().filter(|by| *by != report.by);
    let groups: Vec<_> = others.filter_map(group).collect();
    let from = vec![Press::From(artist, months).button(phrases::WHERE_FROM)];
    let rows = [groups, from].into_iter().filter(|row| !row.is_empty());
    (lines.join("\n\n"), rows.collect())
}

/// How new what is known is: of statements, and of tips.
fn freshness(told: &Told, now: Month) -> Vec<String> {
    let newest = told.statements.iter();
    let newest = newest.max_by_key(|row| (row.last_month, row.imported_at));
    let stated = newest.map(|newest| {
        let until = Month::from_number(newest.last_month).unwrap_or(now);
        let (sent, old) = (day(newest.imported_at.ms()), now.since(until));
        phrases::newest_statement(&newest.source, &until.to_string(), &sent, old)
    });
    let given = told.given.iter().map(|one| one.last_at).max();
    let given = given.map(|at| phrases::newest_tip(&day(at.ms())));
    stated.into_iter().chain(given).collect()
}

/// What is behind the earnings of a period: statements with a button each, and tips by provider.
pub(super) fn behind(artist: ArtistId, statements: &[StatementRow], tips: &[Giving]) -> Card {
    if tips.is_empty() {
        return listed(artist, statements, 0);
    }
    let mut given = phrases::TIPS_BEHIND.to_owned();
    for one in tips {
        let (months, newest) = (one.period.to_string(), day(one.last_at.ms()));
        let about = (one.tips, one.net);
        given.push('\n');
        given.push_str(&phrases::tips_from(
            &one.provider,
            about,
            (&months, &newest),
        ));
    }
    match statements {
        [] => (given, Vec::new()),
        statements => {
            let (text, buttons) = listed(artist, statements, 0);
            (format!("{text}\n\n{given}"), buttons)
        }
    }
}

fn section_of(section: &report::Section, report: &report::Report) -> String {
    let currency: Currency = section.currency;
    let table = report::table(section, report.by);
    let before = report.period.before().to_string();
    let compared = match (report::change(section), section.before) {
        (Some(change), Some(amount)) => {
            let name = phrases::currency_name(&currency);
            let amount = format!("{} {name}", amount.shown(currency));
            phrases::compared(&change, &before, &amount)
        }
        (_, _) => phrases::not_compared(&before),
    };
    let name = phrases::currency_name(&currency);
    format!("{name}\n```\n{table}```\n{compared}")
}

fn months_of(row: &StatementRow) -> String {
    let months = Month::from_number(row.first_month).zip(Month::from_number(row.last_month));
    months
        .map(|(from, to)| Period { from, to }.to_string())
        .unwrap_or_default()
}

fn line(row: &StatementRow) -> String {
    match row.state.as_str() {
        "ready" => phrases::statement_line(
            &row.name,
            &row.source,
            (row.row_count, row.bad_rows),
            &months_of(row),
            &day(row.imported_at.ms()),
        ),
        _ => phrases::statement_waits(&row.name),
    }
}

pub(super) fn listed(artist: ArtistId, all: &[StatementRow], from: usize) -> Card {
    if all.is_empty() {
        return (phrases::NO_STATEMENTS.to_owned(), Vec::new());
    }
    let from = from.min(all.len() - 1);
    let page: Vec<&StatementRow> = all.iter().skip(from).take(PAGE).collect();
    let mut text = phrases::statements(all.len());
    for row in &page {
        text.push_str(&format!("\n- {}", line(row)));
    }
    let button = |row: &&StatementRow| {
        Press::Show(row.id).button(row.name.chars().take(LABEL).collect::<String>())
    };
    let buttons: Vec<_> = page.iter().map(button).collect();
    let mut rows: Vec<_> = buttons.chunks(2).map(<[_]>::to_vec).collect();
    if from + PAGE < all.len() {
        rows.push(vec![Press::List(artist, from + PAGE).button("…")]);
    }
    (text, rows)
}

pub(super) fn shown(row: &StatementRow) -> Card {
    let mut buttons = vec![Press::Drop(row.id).button(phrases::FORGET_STATEMENT)];
    buttons.push(Press::List(row.artist, 0).button(phrases::ALL_STATEMENTS));
    let pending: Option<Pending> = serde_json::from_str(&row.question).ok();
    if let Some(pending) = pending.filter(|_| row.state == "asking") {
        let (text, mut rows) = question::card(row.id, &row.name, &pending.question);
        rows.truncate(4);
        rows.push(buttons);
        return (text, rows);
    }
    (line(row), vec![buttons])
}

pub(super) fn really(row: &StatementRow) -> Card {
    let yes = Press::Delete(row.id).button(phrases::REALLY_FORGET);
    let back = Press::List(row.artist, 0).button(phrases::ALL_STATEMENTS);
    (
        phrases::really_forget(&row.name, row.row_count),
        vec![vec![yes, back]],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_looked_for_by_its_letters() {
        assert_eq!(meant("germany"), "de");
        assert_eq!(meant("spotify"), "spotify");
        assert_eq!(meant("us"), "us");
        assert_eq!(profile::named("de"), "Germany");
        assert_eq!(profile::named("spotify"), "spotify");
    }
}
