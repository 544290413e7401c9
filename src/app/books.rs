//! What takes statements in and looks into them, put together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::config::Config;
use crate::delivery::Delivery;
use crate::jobs::Worker;
use crate::knowledge;
use crate::memory::Part;
use crate::memory::context::Known;
use crate::model::phrases::{self, KnownEarnings};
use crate::model::{Clock, Ids};
use crate::money::asked::Period;
use crate::money::date::Month;
use crate::money::figures::Purse;
use crate::money::reading::Limits;
use crate::money::worker::{LookAtThresholds, TakeStatement};
use crate::money::{self, Books};
use crate::store::Store;

/// What looks into statements.
pub(super) fn books(store: &Store, clock: &Clock) -> Books {
    Books {
        store: store.clone(),
        clock: clock.clone(),
    }
}

/// What is known of an artist's earnings, for whoever puts together what is known of artists.
pub(super) const KNOWN: Part = Part {
    name: "earnings",
    read: |store, artist, now| {
        Box::pin(async move {
            // What time it is does not change what was earned.
            let clock = Clock::manual(now);
            let figures = Books { store, clock }.figures(artist).await?;
            let at = figures.sources.iter().map(|source| source.at).max();
            let (stated, given): (Vec<_>, Vec<_>) =
                figures.sources.iter().partition(|one| one.is_statement);
            let (source, why) = phrases::earnings_from(!stated.is_empty(), !given.is_empty());
            let said = |purse: &Purse| Known {
                field: "earnings".to_owned(),
                value: phrases::known_earnings(&KnownEarnings {
                    total: purse.total,
                    monthly_average: purse.monthly_average,
                    months: period(purse),
                    sources: &purse.by_source,
                }),
                source: source.to_owned(),
                person: None,
                message: None,
                goal: None,
                at: at.unwrap_or_default(),
                why: why.to_owned(),
            };
            Ok(figures.currencies.iter().map(said).collect())
        })
    },
};

fn period(purse: &Purse) -> String {
    let (from, to) = purse.months;
    let months = Month::from_number(from).zip(Month::from_number(to));
    months
        .map(|(from, to)| Period { from, to }.to_string())
        .unwrap_or_default()
}

/// Who does which kind of job. One piece each.
pub(super) fn workers(
    config: &Config,
    (books, delivery): (&Books, &Delivery),
    ids: &Ids,
) -> Result<Vec<Arc<dyn Worker>>> {
    let settings: money::Settings = config.section("money")?;
    let reader: knowledge::Settings = config.section("knowledge")?;
    let take = TakeStatement {
        books: books.clone(),
        delivery: delivery.clone(),
        program: program(reader.reader)?,
        limits: Limits {
            wall: Duration::from_secs(settings.read_seconds),
            memory: reader.read_memory_bytes,
            file: reader.max_file_bytes,
        },
        thresholds: settings.thresholds()?,
        ids: ids.clone(),
    };
    let look = LookAtThresholds {
        clock: books.clock.clone(),
        ids: ids.clone(),
    };
    Ok(vec![Arc::new(take), Arc::new(look)])
}

/// The program that reads files.
fn program(reader: PathBuf) -> Result<PathBuf> {
    match reader.as_os_str().is_empty() {
        true => std::env::current_exe().context("Finding the program that reads files"),
        false => Ok(reader),
    }
}
