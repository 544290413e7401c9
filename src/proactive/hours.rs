//! When it is quiet where somebody lives. An hour that comes twice in autumn is judged by what the clock shows, both
//! times; a minute that spring leaves out gives way to the next one that there is. Pure.

use jiff::Timestamp;
use jiff::civil::{Date, Time as Civil};
use jiff::tz::TimeZone;

use crate::model::{Minute, Time, first_shown};

/// The hours in which somebody may be written to.
#[derive(Debug, Clone)]
pub struct Hours {
    zone: TimeZone,
    quiet: (Minute, Minute),
    is_known: bool,
}

impl Hours {
    /// It is quiet from the one to the other, by the clock of the zone. Where the zone is not known, `window` is open
    /// by the clock of UTC and everything else is quiet.
    pub fn new(zone: &str, quiet: (Minute, Minute), window: (Minute, Minute)) -> Self {
        match TimeZone::get(zone) {
            Ok(zone) if !zone.is_unknown() => Self {
                zone,
                quiet,
                is_known: true,
            },
            _ => Self {
                zone: TimeZone::UTC,
                quiet: (window.1, window.0),
                is_known: false,
            },
        }
    }

    /// Whether they go by the person's own clock.
    pub const fn is_known(&self) -> bool {
        self.is_known
    }

    /// What the clock shows there, in minutes after midnight.
    pub fn minute(&self, at: Time) -> u16 {
        let Some(local) = self.local(at) else {
            return 0;
        };
        let hour = u16::try_from(local.1.hour()).unwrap_or_default();
        hour * 60 + u16::try_from(local.1.minute()).unwrap_or_default()
    }

    /// Whether it is quiet then.
    pub fn is_quiet(&self, at: Time) -> bool {
        let (from, to) = (self.quiet.0.minutes(), self.quiet.1.minutes());
        let minute = self.minute(at);
        match from <= to {
            true => (from..to).contains(&minute),
            false => minute >= from || minute < to,
        }
    }

    /// The first moment from `at` on at which it is not quiet.
    pub fn open_from(&self, at: Time) -> Time {
        if !self.is_quiet(at) {
            return at;
        }
        let Some((mut date, _)) = self.local(at) else {
            return at;
        };
        for _ in 0..4 {
            if let Some(time) = first_shown(date, self.quiet.1, &self.zone)
                && time > at
                && !self.is_quiet(time)
            {
                return time;
            }
            date = date.tomorrow().unwrap_or(date);
        }
        // No zone is known in which this happens: it is looked again a day later.
        Time::from_ms(at.ms().saturating_add(86_400_000))
    }

    fn local(&self, at: Time) -> Option<(Date, Civil)> {
        let zoned = Timestamp::from_millisecond(at.ms()).ok()?;
        let zoned = zoned.to_zoned(self.zone.clone());
        Some((zoned.date(), zoned.time()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(text: &str) -> Time {
        let stamp: Timestamp = text.parse().unwrap();
        Time::from_ms(stamp.as_millisecond())
    }

    fn hours(zone: &str, quiet: (&str, &str)) -> Hours {
        let read = |text| Minute::parse(text).unwrap();
        let window = (read("16:00"), read("18:00"));
        Hours::new(zone, (read(quiet.0), read(quiet.1)), window)
    }

    #[test]
    fn a_night_is_quiet_where_somebody_lives() {
        let tokyo = hours("Asia/Tokyo", ("21:00", "09:00"));
        // 20:59, 21:00, 08:59 and 09:00 in Tokyo.
        assert!(!tokyo.is_quiet(time("2026-11-22T11:59:59Z")));
        assert!(tokyo.is_quiet(time("2026-11-22T12:00:00Z")));
        assert!(tokyo.is_quiet(time("2026-11-22T23:59:59Z")));
        assert!(!tokyo.is_quiet(time("2026-11-23T00:00:00Z")));
        let open = tokyo.open_from(time("2026-11-22T13:00:00Z"));
        assert_eq!(open, time("2026-11-23T00:00:00Z"));
    }

    #[test]
    fn clocks_that_change_are_minded() {
        // Berlin leaves out 02:00 to 03:00 on 29 March 2026, and has it twice on 25 October.
        let berlin = hours("Europe/Berlin", ("21:00", "02:30"));
        let spring = berlin.open_from(time("2026-03-28T23:00:00Z"));
        assert_eq!(spring, time("2026-03-29T01:00:00Z"));
        let autumn = berlin.open_from(time("2026-10-24T22:00:00Z"));
        assert_eq!(autumn, time("2026-10-25T00:30:00Z"));
        // The second 02:15 is quiet like the first.
        assert!(berlin.is_quiet(time("2026-10-25T01:15:00Z")));
        let again = berlin.open_from(time("2026-10-25T01:15:00Z"));
        assert!(!berlin.is_quiet(again) && again > time("2026-10-25T01:15:00Z"));
    }

    #[test]
    fn a_zone_that_nobody_knows_has_a_window() {
        for zone in ["", "Mars/Olympus", "Etc/Unknown"] {
            let nowhere = hours(zone, ("21:00", "09:00"));
            assert!(!nowhere.is_known());
            assert!(nowhere.is_quiet(time("2026-11-22T15:59:00Z")));
            assert!(!nowhere.is_quiet(time("2026-11-22T16:00:00Z")));
            assert!(nowhere.is_quiet(time("2026-11-22T18:00:00Z")));
        }
    }

    proptest! {
        #[test]
        fn what_is_open_is_not_quiet(
            at in 1_700_000_000_000_i64..1_900_000_000_000,
            from in 0_i64..1440, to in 0_i64..1440, zone in 0_usize..5,
        ) {
            let zones = ["Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "Australia/Lord_Howe"];
            let minute = |at| Minute::new(at).unwrap();
            let window = (minute(960), minute(1080));
            let hours = Hours::new(zones[zone], (minute(from), minute(to)), window);
            let open = hours.open_from(Time::from_ms(at));
            prop_assert!(open.ms() >= at && open.ms() <= at + 2 * 86_400_000);
            prop_assert!(!hours.is_quiet(open));
        }
    }
}
