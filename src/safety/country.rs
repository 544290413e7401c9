//! In which country somebody is, by what is known of them anyway. Only countries with an emergency number of their own
//! in `config/safety/lines.toml` are told apart; a wrong country would send somebody to a number that nobody answers.

/// Time zones whose clocks are those of one country alone. What begins with a name that ends in `/` counts, too.
const ZONES: &[(&str, &str)] = &[
    (
        "US",
        "America/New_York America/Chicago America/Denver America/Los_Angeles America/Phoenix \
         America/Anchorage America/Detroit America/Boise America/Juneau America/Menominee America/Indiana/ \
         America/Kentucky/ America/North_Dakota/ Pacific/Honolulu US/",
    ),
    (
        "CA",
        "America/Toronto America/Vancouver America/Edmonton America/Winnipeg America/Halifax \
         America/St_Johns America/Regina America/Montreal America/Moncton America/Whitehorse \
         America/Yellowknife America/Iqaluit America/Goose_Bay Canada/",
    ),
    ("GB", "Europe/London Europe/Belfast GB"),
    ("IE", "Europe/Dublin Eire"),
    ("AU", "Australia/"),
    ("NZ", "Pacific/Auckland Pacific/Chatham NZ"),
    ("IN", "Asia/Kolkata Asia/Calcutta"),
    ("ZA", "Africa/Johannesburg"),
    (
        "BR",
        "America/Sao_Paulo America/Bahia America/Fortaleza America/Recife America/Manaus \
         America/Belem America/Cuiaba America/Campo_Grande America/Porto_Velho America/Rio_Branco \
         America/Maceio America/Araguaina America/Boa_Vista America/Noronha Brazil/",
    ),
    ("AT", "Europe/Vienna"),
    ("BE", "Europe/Brussels"),
    ("BG", "Europe/Sofia"),
    ("CY", "Asia/Nicosia"),
    ("CZ", "Europe/Prague"),
    ("DE", "Europe/Berlin Europe/Busingen"),
    ("DK", "Europe/Copenhagen"),
    ("EE", "Europe/Tallinn"),
    ("ES", "Europe/Madrid Atlantic/Canary Africa/Ceuta"),
    ("FI", "Europe/Helsinki"),
    ("FR", "Europe/Paris"),
    ("GR", "Europe/Athens"),
    ("HR", "Europe/Zagreb"),
    ("HU", "Europe/Budapest"),
    ("IT", "Europe/Rome"),
    ("LT", "Europe/Vilnius"),
    ("LU", "Europe/Luxembourg"),
    ("LV", "Europe/Riga"),
    ("MT", "Europe/Malta"),
    ("NL", "Europe/Amsterdam"),
    ("PL", "Europe/Warsaw Poland"),
    (
        "PT",
        "Europe/Lisbon Atlantic/Azores Atlantic/Madeira Portugal",
    ),
    ("RO", "Europe/Bucharest"),
    ("SE", "Europe/Stockholm"),
    ("SI", "Europe/Ljubljana"),
    ("SK", "Europe/Bratislava"),
];

/// The country of a time zone, as two capital letters; `None` where the zone is that of several, or of none we know.
pub fn of_zone(zone: &str) -> Option<&'static str> {
    let is_it = |name: &str| {
        let is_family = name.ends_with('/');
        name == zone || is_family && zone.starts_with(name)
    };
    let mut all = ZONES.iter();
    let found = all.find(|(_, names)| names.split_whitespace().any(is_it));
    found.map(|(country, _)| *country)
}

/// The country that a code like `pt-BR` names, as two capital letters.
pub fn of_locale(code: &str) -> Option<String> {
    let mut parts = code.split(['-', '_']).skip(1);
    let is_region = |part: &&str| part.len() == 2 && part.chars().all(|c| c.is_ascii_alphabetic());
    parts.find(is_region).map(str::to_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::safety::Help;

    #[test]
    fn every_country_that_is_told_has_a_number() {
        let help = Help::new().unwrap();
        for (country, zones) in ZONES {
            assert!(help.emergency(country).is_some(), "{country}");
            for zone in zones.split_whitespace().filter(|zone| !zone.ends_with('/')) {
                assert_eq!(of_zone(zone), Some(*country), "{zone} stands twice");
            }
        }
        assert_eq!(of_zone("Australia/Sydney"), Some("AU"));
        assert_eq!(of_zone("America/Indiana/Knox"), Some("US"));
        for elsewhere in ["", "Etc/UTC", "America/Mexico_City", "Europe/Londonderry"] {
            assert_eq!(of_zone(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn a_locale_names_its_country() {
        assert_eq!(of_locale("pt-BR").as_deref(), Some("BR"));
        assert_eq!(of_locale("zh-Hant_tw").as_deref(), Some("TW"));
        for none in ["en", "", "en-001", "zh-Hant"] {
            assert_eq!(of_locale(none), None, "{none}");
        }
    }
}
