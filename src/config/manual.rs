use std::collections::BTreeMap;

use toml::{Table, Value};

/// Every setting with its default and a sentence; compiled in.
pub(super) const TEXT: &str = include_str!("../../config/toney.toml");

/// Stands in the manual for any name that a person chooses.
const ANY: &str = "NAME";

/// What the manual says: the defaults, and which settings there are.
#[derive(Clone)]
pub(super) struct Manual {
    /// The settings that have a default.
    pub(super) defaults: Table,
    /// Every setting by its dotted path, with a value of the kind that it takes.
    settings: BTreeMap<String, Value>,
}

impl Manual {
    /// Reads a manual. Settings written as `#key = …` exist but are unset.
    pub(super) fn read(text: &str) -> Result<Self, toml::de::Error> {
        let defaults = toml::from_str(text)?;
        let everything: Table = toml::from_str(&with_unset(text))?;
        let mut settings = BTreeMap::new();
        collect("", &everything, &mut settings);
        Ok(Self { defaults, settings })
    }

    /// The kind of value that the setting takes, if there is such a setting.
    pub(super) fn kind(&self, path: &str) -> Option<&Value> {
        self.settings.get(path).or_else(|| {
            let found = self.settings.iter().find(|(known, _)| fits(known, path))?;
            Some(found.1)
        })
    }

    /// Whether settings stand below this path.
    pub(super) fn is_section(&self, path: &str) -> bool {
        self.settings.keys().any(|known| {
            let mut known = known.split('.');
            let mut path = path.split('.');
            loop {
                match (known.next(), path.next()) {
                    (Some(known), Some(part)) if known == ANY || known == part => {}
                    (Some(_), None) => return true,
                    _ => return false,
                }
            }
        })
    }

    /// The dotted paths of all settings and sections, with the names that a person chose in `given`.
    pub(super) fn paths_like(&self, given: &str) -> Vec<String> {
        let mut paths = Vec::new();
        for known in self.settings.keys() {
            let mut chosen = given.split('.');
            let mut path = String::new();
            for part in known.split('.') {
                let chosen = chosen.next();
                let part = if part == ANY {
                    chosen.unwrap_or(ANY)
                } else {
                    part
                };
                path = below(&path, part);
                paths.push(path.clone());
            }
        }
        paths
    }
}

/// The manual with its unset settings written out.
fn with_unset(text: &str) -> String {
    text.lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => rest,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect()
}

fn collect(above: &str, table: &Table, into: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let path = below(above, key);
        match value {
            Value::Table(table) => collect(&path, table, into),
            value => {
                into.insert(path, value.clone());
            }
        }
    }
}

/// The path of a key below another path.
pub(super) fn below(above: &str, key: &str) -> String {
    match above {
        "" => key.to_owned(),
        above => format!("{above}.{key}"),
    }
}

fn fits(known: &str, path: &str) -> bool {
    let mut path = path.split('.');
    let same = known.split('.').all(|part| {
        path.next()
            .is_some_and(|given| part == ANY || part == given)
    });
    same && path.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_sentence() {
        let mut before = "";
        for line in TEXT.lines() {
            let bare = line.strip_prefix('#').unwrap_or(line);
            let setting = bare.starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
            if setting {
                let sentence = before.strip_prefix("# ").unwrap_or_default();
                assert!(
                    sentence.ends_with(['.', ')']) && sentence.len() > 10,
                    "{line} has no sentence above it"
                );
            }
            before = line;
        }
    }

    #[test]
    fn unset_settings_exist_without_a_value() {
        let manual = Manual::read(TEXT).unwrap();
        assert!(manual.kind("telegram.webhook_url").is_some());
        assert!(manual.defaults["telegram"].get("webhook_url").is_none());
        assert!(manual.defaults.get("providers").is_none());
        assert!(manual.kind("providers.mine.key").is_some());
        assert!(manual.kind("providers.mine").is_none());
        assert!(manual.is_section("providers.mine"));
        assert!(manual.is_section("models.deadlines"));
        assert!(!manual.is_section("store.url"));
    }
}
