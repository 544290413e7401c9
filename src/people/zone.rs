//! Time zones: guessed from what people call the place where they live, and what the clock shows there.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::Time;

/// Places as people name them, and their zones. Countries with several zones stand here only with the one in which
/// most of their people live; what is guessed is asked back before it counts.
const PLACES: &[(&str, &str)] = &[
    ("amsterdam netherlands holland", "Europe/Amsterdam"),
    ("athens greece", "Europe/Athens"),
    ("auckland wellington zealand", "Pacific/Auckland"),
    ("bangkok thailand", "Asia/Bangkok"),
    (
        "barcelona madrid spain españa valencia sevilla",
        "Europe/Madrid",
    ),
    ("beijing shanghai china shenzhen", "Asia/Shanghai"),
    (
        "berlin germany deutschland hamburg munich münchen cologne köln frankfurt leipzig stuttgart",
        "Europe/Berlin",
    ),
    ("bogotá bogota colombia medellín medellin", "America/Bogota"),
    ("brussels belgium antwerp", "Europe/Brussels"),
    ("bucharest romania", "Europe/Bucharest"),
    ("budapest hungary", "Europe/Budapest"),
    ("aires argentina", "America/Argentina/Buenos_Aires"),
    ("cairo egypt", "Africa/Cairo"),
    (
        "chicago dallas houston austin nashville memphis orleans minneapolis",
        "America/Chicago",
    ),
    ("copenhagen denmark", "Europe/Copenhagen"),
    ("denver", "America/Denver"),
    ("dubai emirates", "Asia/Dubai"),
    ("dublin ireland", "Europe/Dublin"),
    ("helsinki finland", "Europe/Helsinki"),
    ("istanbul turkey türkiye ankara", "Europe/Istanbul"),
    ("jakarta indonesia", "Asia/Jakarta"),
    ("jerusalem israel aviv", "Asia/Jerusalem"),
    ("johannesburg africa durban", "Africa/Johannesburg"),
    ("karachi lahore pakistan", "Asia/Karachi"),
    ("kingston jamaica", "America/Jamaica"),
    ("kyiv kiev ukraine", "Europe/Kyiv"),
    ("lagos abuja nigeria", "Africa/Lagos"),
    ("accra ghana", "Africa/Accra"),
    ("lima peru perú", "America/Lima"),
    ("lisbon lisboa portugal porto", "Europe/Lisbon"),
    (
        "london england uk britain scotland wales manchester glasgow edinburgh bristol leeds liverpool birmingham",
        "Europe/London",
    ),
    (
        "angeles la california francisco seattle portland vegas oakland sacramento",
        "America/Los_Angeles",
    ),
    ("manila philippines", "Asia/Manila"),
    ("mexico méxico guadalajara monterrey", "America/Mexico_City"),
    ("montreal toronto ottawa canada quebec", "America/Toronto"),
    ("vancouver", "America/Vancouver"),
    ("moscow russia petersburg", "Europe/Moscow"),
    (
        "mumbai delhi india bangalore bengaluru chennai kolkata",
        "Asia/Kolkata",
    ),
    ("nairobi kenya", "Africa/Nairobi"),
    (
        "nyc york brooklyn boston philadelphia atlanta miami washington detroit florida jersey",
        "America/New_York",
    ),
    ("oslo norway", "Europe/Oslo"),
    ("paris france lyon marseille", "Europe/Paris"),
    ("phoenix arizona", "America/Phoenix"),
    ("prague czechia praha", "Europe/Prague"),
    ("rome italy italia milan milano roma naples", "Europe/Rome"),
    (
        "paulo brazil brasil rio salvador recife",
        "America/Sao_Paulo",
    ),
    ("santiago chile", "America/Santiago"),
    ("seoul korea", "Asia/Seoul"),
    ("singapore", "Asia/Singapore"),
    ("stockholm sweden gothenburg", "Europe/Stockholm"),
    ("sydney australia canberra", "Australia/Sydney"),
    ("melbourne", "Australia/Melbourne"),
    ("brisbane", "Australia/Brisbane"),
    ("perth", "Australia/Perth"),
    ("taipei taiwan", "Asia/Taipei"),
    ("tokyo japan osaka", "Asia/Tokyo"),
    ("vienna austria wien österreich", "Europe/Vienna"),
    ("warsaw poland kraków krakow", "Europe/Warsaw"),
    (
        "zurich zürich switzerland schweiz geneva basel",
        "Europe/Zurich",
    ),
    ("reykjavik iceland", "Atlantic/Reykjavik"),
    ("honolulu hawaii", "Pacific/Honolulu"),
    ("kong", "Asia/Hong_Kong"),
    ("hanoi vietnam saigon", "Asia/Ho_Chi_Minh"),
    ("casablanca morocco", "Africa/Casablanca"),
    ("utc gmt", "Etc/UTC"),
];

/// The name in the IANA database of what somebody calls their time zone; `None` when it is not known.
pub fn guess(text: &str) -> Option<String> {
    let text = text.trim();
    if text.contains('/')
        && let Ok(zone) = TimeZone::get(text)
    {
        return zone.iana_name().map(str::to_owned);
    }
    if let Some(hours) = offset(text) {
        // The database counts these the other way round.
        return Some(match hours {
            0 => "Etc/UTC".to_owned(),
            1.. => format!("Etc/GMT-{hours}"),
            _ => format!("Etc/GMT+{}", -hours),
        });
    }
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    // "UTC+99" is no place.
    if words.len() > 1
        && words.iter().all(|word| {
            word.starts_with(|c: char| c.is_ascii_digit()) || ["utc", "gmt"].contains(word)
        })
    {
        return None;
    }
    let is_there = |(names, _): &&(&str, &str)| {
        let mut names = names.split(' ');
        names.any(|name| words.contains(&name))
    };
    let found = PLACES.iter().find(is_there);
    found.map(|(_, zone)| (*zone).to_owned())
}

/// `UTC+2`, `GMT -5`, `+03:00`: whole hours; others have no name in the database.
fn offset(text: &str) -> Option<i32> {
    let upper = text
        .to_uppercase()
        .replace([' ', ':'], "")
        .replace('−', "-");
    let bare = upper.trim_start_matches("UTC").trim_start_matches("GMT");
    let (sign, digits) = match bare.strip_prefix('+') {
        Some(digits) => (1, digits),
        None => (-1, bare.strip_prefix('-')?),
    };
    let digits = match digits.len() {
        4 => digits.strip_suffix("00")?,
        1 | 2 => digits,
        _ => return None,
    };
    let hours: i32 = digits.parse().ok()?;
    let most = if sign > 0 { 14 } else { 12 };
    (hours <= most).then_some(sign * hours)
}

/// Whether the database has a zone of this name.
pub fn is_known(zone: &str) -> bool {
    TimeZone::get(zone).is_ok()
}

/// What the clock shows there: `14:05`.
pub fn clock(now: Time, zone: &str) -> String {
    shown(now, zone, "%H:%M")
}

/// Which day it is there: `3 Nov 2026`.
pub fn day(at: Time, zone: &str) -> String {
    shown(at, zone, "%-d %b %Y")
}

fn shown(at: Time, zone: &str, how: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    match Timestamp::from_millisecond(at.ms()) {
        Ok(at) => at.to_zoned(zone).strftime(how).to_string(),
        Err(_) => "an unknown time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_zone_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for (names, zone) in PLACES {
            assert!(is_known(zone), "{zone}");
            for name in names.split(' ') {
                assert!(seen.insert(name), "{name} stands twice");
                assert_eq!(guess(name).as_deref(), Some(*zone));
            }
        }
    }

    #[test]
    fn what_people_write_is_understood() {
        for (said, zone) in [
            ("I'm in Berlin, Germany", Some("Europe/Berlin")),
            ("new york", Some("America/New_York")),
            ("europe/lisbon", Some("Europe/Lisbon")),
            ("UTC+2", Some("Etc/GMT-2")),
            ("gmt -5", Some("Etc/GMT+5")),
            ("+03:00", Some("Etc/GMT-3")),
            ("UTC", Some("Etc/UTC")),
            ("utc+99", None),
            ("somewhere nice", None),
            ("a/b", None),
            ("", None),
        ] {
            assert_eq!(guess(said).as_deref(), zone, "{said}");
        }
    }

    #[test]
    fn the_clock_and_the_day_are_those_of_the_place() {
        let at = Time::from_ms(1_772_323_200_000);
        assert_eq!(clock(at, "Etc/UTC"), "00:00");
        assert_eq!(day(at, "Etc/UTC"), "1 Mar 2026");
        assert_eq!(clock(at, "America/New_York"), "19:00");
        assert_eq!(day(at, "America/New_York"), "28 Feb 2026");
        assert_eq!(day(at, "nowhere"), "1 Mar 2026");
    }
}
