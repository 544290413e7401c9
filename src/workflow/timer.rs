//! When a schedule comes next. A minute that the clocks skip in spring gives way to the next one that there is; an hour
//! that comes twice in autumn counts once.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::model::{Minute, Time, first_shown};

use super::definition::{Clocktime, Day, Every, Trigger};

/// A month in which nothing fits is followed by one in which something does.
const FURTHEST: i32 = 800;

/// What a clock in the zone shows.
pub(super) fn local(now: Time, zone: &str) -> Option<DateTime> {
    Some(zoned(now, zone)?.datetime())
}

fn zoned(now: Time, zone: &str) -> Option<Zoned> {
    let zone = TimeZone::get(zone).ok()?;
    Some(Timestamp::from_millisecond(now.ms()).ok()?.to_zoned(zone))
}

/// The day in the zone, so many days away, as `2026-11-22`.
pub(super) fn day_from(now: Time, zone: &str, days: i32) -> Option<String> {
    let date = local(now, zone)?.date();
    Some(date.checked_add(days.days()).ok()?.to_string())
}

/// When a timer of the trigger comes next, later than `after`; none where it waits for no clock.
pub(super) fn next(trigger: &Trigger, zone: &str, after: Time) -> Option<Time> {
    let (every, at) = match trigger {
        Trigger::Schedule { every, at } => (every, *at),
        // Every morning is looked which release is so far away.
        Trigger::ReleaseDay { .. } => (&Every::Day, Clocktime { hour: 9, minute: 0 }),
        Trigger::Tip { .. }
        | Trigger::NewFan {}
        | Trigger::Milestone { .. }
        | Trigger::Payout { .. }
        | Trigger::StreamSpike { .. }
        | Trigger::WorkflowFailed {} => return None,
    };
    let shown = Minute::new(i64::from(at.hour) * 60 + i64::from(at.minute))?;
    let now = zoned(after, zone)?;
    let mut date = now.date();
    for _ in 0..FURTHEST {
        if fits(every, date)
            && let Some(time) = first_shown(date, shown, now.time_zone())
            && time > after
        {
            return Some(time);
        }
        date = date.tomorrow().ok()?;
    }
    None
}

fn fits(every: &Every, date: Date) -> bool {
    match every {
        Every::Day => true,
        Every::Week(days) => {
            let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).ok();
            let day = weekday.and_then(|index| Day::ALL.get(index));
            day.is_some_and(|day| days.contains(day))
        }
        Every::Month(day) => {
            let last = date.days_in_month();
            i8::try_from(*day).is_ok_and(|day| date.day() == day.min(last))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        let stamp: Timestamp = text.parse().unwrap();
        Time::from_ms(stamp.as_millisecond())
    }

    fn next_at(every: Every, at: &str, zone: &str, after: &str) -> String {
        let trigger = Trigger::Schedule {
            every,
            at: at.parse().unwrap(),
        };
        let next = next(&trigger, zone, time(after)).unwrap();
        Timestamp::from_millisecond(next.ms()).unwrap().to_string()
    }

    #[test]
    fn a_week_and_a_month_come_round() {
        let monday = Every::Week(vec![Day::Mon]);
        let next = next_at(
            monday.clone(),
            "09:00",
            "Europe/Berlin",
            "2026-11-22T12:00:00Z",
        );
        assert_eq!(next, "2026-11-23T08:00:00Z");
        let next = next_at(monday, "09:00", "Europe/Berlin", "2026-11-23T08:00:00Z");
        assert_eq!(next, "2026-11-30T08:00:00Z");
        let last = next_at(Every::Month(31), "10:00", "UTC", "2026-02-01T00:00:00Z");
        assert_eq!(last, "2026-02-28T10:00:00Z");
    }

    #[test]
    fn clocks_that_change_neither_skip_nor_repeat() {
        // Berlin goes from 02:00 to 03:00 on 29 March 2026.
        let gap = next_at(Every::Day, "02:30", "Europe/Berlin", "2026-03-28T12:00:00Z");
        assert_eq!(gap, "2026-03-29T01:00:00Z");
        // And from 03:00 back to 02:00 on 25 October.
        let first = next_at(Every::Day, "02:30", "Europe/Berlin", "2026-10-24T12:00:00Z");
        assert_eq!(first, "2026-10-25T00:30:00Z");
        let then = next_at(Every::Day, "02:30", "Europe/Berlin", "2026-10-25T00:30:00Z");
        assert_eq!(then, "2026-10-26T01:30:00Z");
    }
}
