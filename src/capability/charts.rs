//! Earnings as pictures.

use anyhow::Context;

use crate::model::{Content, Currency, Failure, phrases};
use crate::money::{Told, chart, profile};

use super::{Hands, outgoing};

/// Currencies that get a picture each.
const PICTURES: usize = 3;

/// A picture for each currency; the key tells them from those of other answers.
///
/// # Errors
/// Fails when a picture cannot be written where what goes out lies.
pub async fn charts(
    hands: &Hands,
    key: &str,
    told: &Told,
) -> Result<Vec<(Currency, Content)>, Failure> {
    let period = told.report.period;
    let only = profile::named(&told.report.only);
    let mut charts = Vec::new();
    for section in told.report.sections.iter().take(PICTURES) {
        let currency = section.currency;
        let name = phrases::currency_name(&currency);
        let title = phrases::chart_title(name, &period.to_string(), &only);
        let (stores, words) = (told.stores.clone(), title.clone());
        let drawn =
            tokio::task::spawn_blocking(move || chart::draw(&stores, (period, currency), &words));
        let Some(png) = drawn.await.context("Drawing a chart")? else {
            continue;
        };
        let picture = Content::Picture {
            file: outgoing(hands, &format!("{key}-{currency}.png"), png).await?,
            caption: title,
            buttons: Vec::new(),
            reply_to: None,
            // The words beside it say it all.
            instead: String::new(),
        };
        charts.push((currency, picture));
    }
    Ok(charts)
}
