//! The statements of last month came, and this month none did. The episode is the month.

use chrono::{DateTime, Datelike, NaiveDate};
use serde_json::json;

use crate::model::phrases::nudges;
use crate::model::{Category, Suggested, Time};
use crate::store::{Seat, SeatRole, StatementRow};

use super::{AT_LATEST, Eyes, Found, deed};

/// Reminds of statements.
pub struct StatementMissing(pub Eyes);

super::watched_trigger!(StatementMissing, Category::Earnings);

/// What is missing of one artist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    /// Statements that came in the month before.
    pub(super) came: usize,
    /// The first day of this month and of the one before.
    pub(super) month: NaiveDate,
    pub(super) before: NaiveDate,
}

fn first_of_month(at: Time) -> NaiveDate {
    let date = DateTime::from_timestamp_millis(at.ms()).unwrap_or_default();
    date.date_naive().with_day(1).unwrap_or_default()
}

/// Whether a statement is missing at this time: some came last month, none this month, and the day is reached.
pub(super) fn missing(imported: &[Time], now: Time, from_day: u8) -> Option<Missing> {
    let month = first_of_month(now);
    let before = month.pred_opt()?.with_day(1)?;
    let today = DateTime::from_timestamp_millis(now.ms())?.day();
    let of = |month: NaiveDate| {
        let all = imported.iter().map(|at| first_of_month(*at));
        all.filter(|one| *one == month).count()
    };
    let came = of(before);
    let is_missing = came > 0 && of(month) == 0 && today >= u32::from(from_day);
    is_missing.then_some(Missing {
        came,
        month,
        before,
    })
}

fn named(month: NaiveDate) -> String {
    month.format("%B %Y").to_string()
}

/// Shows what was earned so far.
pub(super) fn show_earnings() -> Suggested {
    deed(nudges::SHOW_EARNINGS, "earnings_analysis", json!({}))
}

impl StatementMissing {
    /// Its name.
    pub const NAME: &'static str = "statement_missing";

    pub(super) async fn find(
        &self,
        seat: &Seat,
        now: Time,
    ) -> anyhow::Result<(Option<Found>, Time)> {
        let again = now.plus(AT_LATEST);
        let day = self.0.how.statement_day;
        let mut found: Vec<(&SeatRole, Missing)> = Vec::new();
        for role in &seat.roles {
            let all: Vec<StatementRow> = self.0.store.statements(role.artist).await?;
            let ready = all.iter().filter(|one| one.state == "ready");
            let imported: Vec<Time> = ready.map(|one| one.imported_at).collect();
            if let Some(missing) = missing(&imported, now, day) {
                found.push((role, missing));
            }
        }
        let Some((first, missing)) = found.first() else {
            return Ok((None, again));
        };
        let names: Vec<&str> = found.iter().map(|(role, _)| role.name.as_str()).collect();
        let came = found.iter().map(|(_, missing)| missing.came).sum();
        let end = missing.month.checked_add_months(chrono::Months::new(1));
        let end = end.and_then(|end| end.and_hms_opt(0, 0, 0));
        let end = end.map(|end| Time::from_ms(end.and_utc().timestamp_millis()));
        let found = Found {
            artist: Some(first.artist),
            episode: missing.month.format("%Y-%m").to_string(),
            priority: 40,
            expires: end.unwrap_or(again),
            text: nudges::statement_missing(&names, &named(missing.month)),
            why: nudges::statement_why(&named(missing.before), (came, day)),
            deed: Some(show_earnings()),
        };
        Ok((Some(found), again))
    }
}
