use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::{Minute, Time};

/// The longest gap of any zone was a whole day.
const GAP: i32 = 25 * 60;

/// The moment at which a clock of the zone shows this for the first time that day. A minute that the
/// clocks skip in spring gives way to the next one that there is.
pub fn first_shown(date: Date, minute: Minute, zone: &TimeZone) -> Option<Time> {
    let (hour, rest) = (minute.minutes() / 60, minute.minutes() % 60);
    let wanted = date.at(i8::try_from(hour).ok()?, i8::try_from(rest).ok()?, 0, 0);
    for late in 0..GAP {
        let shown = wanted.checked_add(late.minutes()).ok()?;
        let offset = match zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { before, after: _ } => before,
            AmbiguousOffset::Gap { .. } => continue,
        };
        let stamp = offset.to_timestamp(shown).ok()?;
        return Some(Time::from_ms(stamp.as_millisecond()));
    }
    None
}
