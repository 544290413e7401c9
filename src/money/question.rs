//! The card that asks what is where in a table that nobody knows. Pure.

use super::import::Question;
use super::profile::{Mapping, Place, candidates};
use crate::model::{Button, Currency, MoneyPress, StatementId, phrases};

/// Columns that are offered at once: no platform shows more than 25 buttons.
const OFFERED: usize = 16;
/// Currencies that are offered where no column says it.
const CURRENCIES: [&str; 8] = ["USD", "EUR", "GBP", "CAD", "AUD", "CHF", "BRL", "MXN"];
/// Letters of a button.
const LABEL: usize = 28;

/// What is asked, and how to answer.
pub fn card(id: StatementId, name: &str, question: &Question) -> (String, Vec<Vec<Button>>) {
    let Question {
        headers,
        samples,
        mapping,
        ..
    } = question;
    let keep = vec![MoneyPress::Document(id).button(phrases::KEEP_AS_DOCUMENT)];
    let Some(missing) = mapping.missing() else {
        let mut rows = vec![vec![
            MoneyPress::Import(id).button(phrases::IMPORT_STATEMENT),
        ]];
        let change = |place| MoneyPress::Ask(id, place).button(phrases::change_place(word(place)));
        let places = [
            Place::Net,
            Place::Period,
            Place::Currency,
            Place::Title,
            Place::Store,
            Place::Territory,
        ];
        let places = places.map(change);
        rows.extend(places.chunks(3).map(<[Button]>::to_vec));
        rows.push(keep);
        return (phrases::statement_guessed(name, &said(question)), rows);
    };
    let mut rows = choices(id, missing, (headers, samples, mapping));
    rows.push(keep);
    let known = said(question);
    (phrases::statement_asks(name, asked(missing), &known), rows)
}

/// The card that asks for one place anew.
pub fn ask(
    id: StatementId,
    name: &str,
    place: Place,
    question: &Question,
) -> (String, Vec<Vec<Button>>) {
    let Question {
        headers,
        samples,
        mapping,
        ..
    } = question;
    let mut rows = choices(id, place, (headers, samples, mapping));
    rows.push(vec![
        MoneyPress::Document(id).button(phrases::KEEP_AS_DOCUMENT),
    ]);
    let known = said(question);
    (phrases::statement_asks(name, asked(place), &known), rows)
}

fn choices(
    id: StatementId,
    place: Place,
    (headers, samples, mapping): (&[String], &[Vec<String>], &Mapping),
) -> Vec<Vec<Button>> {
    let columns = candidates(place, headers, samples, mapping);
    let button = |at: &usize| {
        let header = headers.get(*at).map(String::as_str).unwrap_or_default();
        let example = samples
            .iter()
            .filter_map(|row| row.get(*at))
            .find(|cell| !cell.trim().is_empty());
        let label = format!(
            "{}: {}",
            header.trim(),
            example.map(|cell| cell.trim()).unwrap_or_default()
        );
        let label: String = label.chars().take(LABEL).collect();
        MoneyPress::Map(id, place, *at).button(label)
    };
    let mut buttons: Vec<Button> = columns.iter().take(OFFERED).map(button).collect();
    if place == Place::Currency {
        let codes = CURRENCIES
            .iter()
            .filter_map(|code| code.parse::<Currency>().ok());
        buttons.extend(codes.map(|code| MoneyPress::Money(id, code).button(code.code())));
        buttons.truncate(OFFERED + 4);
        return buttons.chunks(4).take(4).map(<[Button]>::to_vec).collect();
    }
    buttons.chunks(4).take(4).map(<[Button]>::to_vec).collect()
}

/// What is known so far: a place and what stands there.
fn said(question: &Question) -> Vec<(&'static str, String)> {
    let Question {
        headers, mapping, ..
    } = question;
    let places = [
        Place::Net,
        Place::Period,
        Place::Currency,
        Place::Title,
        Place::Store,
        Place::Territory,
        Place::Quantity,
        Place::Isrc,
    ];
    let found = places.into_iter().filter_map(|place| {
        let at = mapping
            .columns
            .get(&place)
            .and_then(|columns| columns.first());
        let header = at
            .and_then(|at| headers.get(*at))
            .map(|header| header.trim().to_owned());
        let fixed = mapping.currency.filter(|_| place == Place::Currency);
        let said = header.or_else(|| fixed.map(|currency| currency.to_string()))?;
        Some((word(place), said))
    });
    found.collect()
}

fn word(place: Place) -> &'static str {
    match place {
        Place::Net => "amount",
        Place::Period => "month",
        Place::Currency => "currency",
        Place::Title => "song",
        Place::Store => "store",
        Place::Territory => "country",
        Place::Quantity => "units",
        Place::Kind => "kind",
        Place::Isrc => "ISRC",
        Place::Upc => "UPC",
        Place::Reported => "report date",
        Place::Identity => "number",
    }
}

fn asked(place: Place) -> &'static str {
    match place {
        Place::Net => phrases::WHICH_AMOUNT,
        Place::Period => phrases::WHICH_MONTH,
        Place::Currency => phrases::WHICH_CURRENCY,
        Place::Title | Place::Isrc | Place::Upc => phrases::WHICH_SONG,
        Place::Store => phrases::WHICH_STORE,
        Place::Territory => phrases::WHICH_COUNTRY,
        Place::Quantity | Place::Kind | Place::Reported | Place::Identity => phrases::WHICH_OTHER,
    }
}

/// Says what stands where.
pub fn answered(question: &mut Question, place: Place, column: usize) {
    if column < question.headers.len() {
        question.mapping.columns.insert(place, vec![column]);
    }
}

/// Says which currency all rows are in.
pub fn in_currency(question: &mut Question, currency: Currency) {
    question.mapping.columns.remove(&Place::Currency);
    question.mapping.currency = Some(currency);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    fn question() -> Question {
        let cells = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        let headers = cells(&["Monat", "Titel", "Betrag", "Plattform"]);
        let samples = vec![cells(&["08/2026", "Licht", "3,72", "Spotify"])];
        Question {
            mapping: super::super::profile::guess(&headers, &samples),
            header_hash: String::new(),
            source: String::new(),
            headers,
            samples,
        }
    }

    #[test]
    fn what_is_missing_is_asked_and_then_confirmed() {
        let id = StatementId::new(&Ids::new(Clock::System, Some(1)));
        let mut question = question();
        let (text, buttons) = card(id, "a.csv", &question);
        assert!(text.contains(phrases::WHICH_CURRENCY), "{text}");
        let all: Vec<&Button> = buttons.iter().flatten().collect();
        assert!(all.iter().any(|button| button.label == "EUR"));
        assert!(all.iter().all(|button| button.data.len() <= 64), "{all:?}");
        assert!(buttons.len() <= 5 && buttons.iter().all(|row| row.len() <= 5));
        in_currency(&mut question, "EUR".parse().unwrap());
        let (text, buttons) = card(id, "a.csv", &question);
        assert!(text.contains("EUR") && text.contains("Betrag"), "{text}");
        assert_eq!(buttons[0][0].label, phrases::IMPORT_STATEMENT);
        assert!(buttons.len() <= 5);
        let (_, buttons) = ask(id, "a.csv", Place::Title, &question);
        assert!(buttons[0].len() == 4 && buttons[0][1].label.starts_with("Titel: Licht"));
        answered(&mut question, Place::Title, 99);
        answered(&mut question, Place::Title, 3);
        assert_eq!(question.mapping.columns[&Place::Title], [3]);
    }
}
