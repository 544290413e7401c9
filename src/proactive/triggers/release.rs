//! A release comes out soon. The episode is its day and how many days before it that is.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use serde_json::json;

use crate::model::phrases::nudges;
use crate::model::{Category, Suggested, Time};
use crate::people::zone;
use crate::store::{Release, Seat};

use super::{DAY, Eyes, Found, HOUR, deed};

/// Reminds of releases.
pub struct ReleaseDay(pub Eyes);

super::watched_trigger!(ReleaseDay, Category::Releases);

/// Releases of an artist that are looked at; older ones are out.
const NEWEST: i64 = 50;

/// The day it is there.
fn today(now: Time, zone: &str) -> Date {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let now = Timestamp::from_millisecond(now.ms()).unwrap_or_default();
    now.to_zoned(zone).date()
}

/// The releases of the next day on which one comes out, with how far away it is and at which reminder that is.
pub(super) fn near<'a>(
    releases: &'a [Release],
    today: Date,
    reminders: &[u16],
) -> Option<(Vec<&'a Release>, Date, (i64, u16))> {
    let is_meant = |release: &&Release| matches!(release.state.as_str(), "approved" | "requested");
    let dated = releases.iter().filter(is_meant).filter_map(|release| {
        let day: Date = release.date.trim().parse().ok()?;
        let left = today.until((Unit::Day, day)).ok()?.get_days();
        let left = i64::from(left);
        let mut fitting: Vec<u16> = reminders.to_vec();
        fitting.retain(|days| left >= 1 && left <= i64::from(*days));
        Some((release, day, left, fitting.into_iter().min()?))
    });
    let all: Vec<_> = dated.collect();
    let first = all.iter().min_by_key(|one| one.1)?;
    let (day, left, reminder) = (first.1, first.2, first.3);
    let of_day = all.iter().filter(|one| one.1 == day);
    Some((of_day.map(|one| one.0).collect(), day, (left, reminder)))
}

/// Drafts an announcement.
pub(super) fn announce(titles: &[&str], day: &str) -> Suggested {
    let brief = nudges::announcement_brief(titles, day);
    let args = json!({"kind": "announcement", "brief": brief});
    deed(nudges::WRITE_ANNOUNCEMENT, "content_writing", args)
}

impl ReleaseDay {
    /// Its name.
    pub const NAME: &'static str = "release_day";

    pub(super) async fn find(
        &self,
        seat: &Seat,
        now: Time,
    ) -> anyhow::Result<(Option<Found>, Time)> {
        // A day begins at its own hour in each zone.
        let again = now.plus(HOUR * 6);
        let mut releases = Vec::new();
        for role in &seat.roles {
            releases.extend(self.0.store.releases(role.artist, NEWEST).await?);
        }
        let reminders = &self.0.how.release_days;
        let Some((of_day, day, (left, reminder))) =
            near(&releases, today(now, &seat.zone), reminders)
        else {
            return Ok((None, again));
        };
        let Some(first) = of_day.first() else {
            return Ok((None, again));
        };
        let role = seat.roles.iter().find(|role| role.artist == first.artist);
        let artist = role.map(|role| role.name.as_str()).unwrap_or_default();
        let titles: Vec<&str> = of_day.iter().map(|one| one.title.as_str()).collect();
        let at = day.to_zoned(TimeZone::get(&seat.zone).unwrap_or(TimeZone::UTC))?;
        let at = Time::from_ms(at.timestamp().as_millisecond());
        let said = zone::day(at, &seat.zone);
        let found = Found {
            artist: Some(first.artist),
            episode: format!("{day}:{reminder}"),
            priority: 70,
            expires: at.plus(DAY),
            text: nudges::release_day(&titles, artist, (left, &said)),
            why: nudges::release_why(&said, reminders),
            deed: Some(announce(&titles, &said)),
        };
        Ok((Some(found), again))
    }
}
