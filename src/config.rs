//! Settings: one file of defaults that is also the manual, changed by a file of the operator's, by
//! `.env` and by the environment, each stronger than the one before.
//!
//! Every room describes its own settings and is handed them by `app`; nobody else looks here. A wrong
//! setting is refused with one line that names it as the operator wrote it. Values of secrets are
//! never shown. Start with [`Config::load`].

mod key;
mod manual;
mod names;
mod sources;
mod typed;
mod wrong;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use manual::{Manual, below};
use sources::read_dotenv;
use wrong::{file_wrong, wanted_part, wrong_kind};

pub use key::SecretKey;
pub use sources::Sources;
pub use wrong::Wrong;

/// Section `[data]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The folder of everything that Toney keeps in files.
    pub dir: PathBuf,
    secret_key: Option<String>,
}

/// All settings, checked as far as their kinds go.
#[derive(Clone)]
pub struct Config {
    table: Table,
    /// How the operator named what was set, by dotted path.
    origins: BTreeMap<String, String>,
    hints: Vec<String>,
    manual: Manual,
}

// Written by hand, so that no log can show the secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Puts the settings together.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, a setting does not exist, or a value is of the wrong kind.
    pub fn load(sources: &Sources) -> Result<Self, Wrong> {
        let manual = Manual::read(manual::TEXT)
            .map_err(|error| file_wrong("the settings compiled in", error.message()))?;
        let mut config = Self {
            table: manual.defaults.clone(),
            origins: BTreeMap::new(),
            hints: Vec::new(),
            manual,
        };
        let Sources { file, dotenv, env } = sources;
        let written = dotenv.as_deref().map(read_dotenv).transpose()?;
        let mut written = written.unwrap_or_default();
        // A name of the environment hides the same name in `.env`, also when it is empty.
        written.retain(|name, _| !env.contains_key(name));
        let named = || env.get(names::FILE).or_else(|| written.get(names::FILE));
        let named = || named().filter(|name| !name.is_empty()).map(PathBuf::from);
        if let Some(file) = file.clone().or_else(named) {
            config.add_file(&file)?;
        }
        config.add_environment(&written, " in .env")?;
        config.add_environment(env, "")?;
        config.place_data()?;
        Ok(config)
    }

    /// A room's settings, from the section of this name; sections may be nested (`models.deadlines`).
    ///
    /// # Errors
    ///
    /// When a value is not what the room takes.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, Wrong> {
        let value = self.value(name).cloned();
        self.read(name, value.unwrap_or_else(|| Value::Table(Table::new())))
    }

    /// The settings of a room that has several top-level names, by these names.
    ///
    /// # Errors
    ///
    /// When a value is not what the room takes.
    pub fn sections<T: DeserializeOwned>(&self, names: &[&str]) -> Result<T, Wrong> {
        let pick = |name: &&str| Some(((*name).to_owned(), self.table.get(*name)?.clone()));
        self.read("", Value::Table(names.iter().filter_map(pick).collect()))
    }

    /// Where files are kept.
    ///
    /// # Errors
    ///
    /// When a value is not what is wanted.
    pub fn data(&self) -> Result<Data, Wrong> {
        self.section("data")
    }

    /// The key that encrypts stored tokens; made in the data folder when none is set.
    ///
    /// # Errors
    ///
    /// When it is too short, or the file cannot be read or made.
    pub fn secret_key(&self) -> Result<SecretKey, Wrong> {
        let Data { dir, secret_key } = self.data()?;
        match secret_key {
            Some(text) => SecretKey::new(&text).ok_or_else(|| Wrong::Value {
                name: self.name("data.secret_key"),
                got: "too short".to_owned(),
                wanted: format!("{} characters or more", key::SHORTEST),
            }),
            None => key::find_or_make(&dir),
        }
    }

    /// Whether this setting has a value that is not empty.
    pub fn has(&self, path: &str) -> bool {
        match self.value(path) {
            None => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(_) => true,
        }
    }

    /// The same settings with a text changed by the command line.
    ///
    /// # Errors
    ///
    /// When there is no such setting.
    pub fn with(mut self, path: &str, text: &str) -> Result<Self, Wrong> {
        let (section, key) = path.split_once('.').unwrap_or(("", path));
        let table = self.table.get_mut(section).and_then(Value::as_table_mut);
        let Some(table) = table else {
            return Err(Wrong::Unknown {
                name: path.to_owned(),
                meant: None,
            });
        };
        table.insert(key.to_owned(), Value::String(text.to_owned()));
        Ok(self)
    }

    /// The same settings with a text emptied.
    #[must_use]
    pub fn without(self, path: &str) -> Self {
        let kept = self.clone();
        self.with(path, "").unwrap_or(kept)
    }

    /// The text of a setting, or nothing.
    pub fn text(&self, path: &str) -> &str {
        self.value(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// The name of a setting as the operator wrote it, for messages.
    pub fn name(&self, path: &str) -> String {
        let whole = |origin: &String| origin.clone();
        self.origins
            .get(path)
            .map_or_else(|| path.to_owned(), whole)
    }

    /// What was set, by dotted path, with the name that the operator used and the value as it may be
    /// shown.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &str, String)> {
        self.origins.iter().filter_map(|(path, origin)| {
            let shown = names::shown(path, self.value(path)?);
            Some((path.as_str(), origin.as_str(), shown))
        })
    }

    /// Sentences about names that look like settings and are none, to be logged.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    fn value(&self, path: &str) -> Option<&Value> {
        let mut parts = path.split('.');
        let first = self.table.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    }

    fn read<T: DeserializeOwned>(&self, above: &str, value: Value) -> Result<T, Wrong> {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let inner = error.path().to_string();
            let path = match inner.as_str() {
                "." => above.to_owned(),
                inner => below(above, inner),
            };
            let reason = error.inner().message();
            // The reason quotes the value, which a secret must not be.
            let got = self.value(&path).map(|value| names::shown(&path, value));
            let wanted = match names::secret(&path) {
                true => "text".to_owned(),
                false => reason.trim_end().replace('\n', " "),
            };
            Wrong::Value {
                name: self.name(&path),
                got: got.unwrap_or_else(|| "not complete".to_owned()),
                wanted: wanted_part(&wanted),
            }
        })
    }

    fn add_file(&mut self, file: &Path) -> Result<(), Wrong> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|error| file_wrong(&name, &format!("cannot be read: {error}")))?;
        let table: Table = toml::from_str(&text).map_err(|error| {
            // The message alone: the whole error would quote the line, and with it a secret.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            let message = error.message().replace('\n', " ");
            file_wrong(&name, &format!("line {line} is not TOML: {message}"))
        })?;
        self.add_table("", table, &name)
    }

    fn add_table(&mut self, above: &str, table: Table, file: &str) -> Result<(), Wrong> {
        for (key, value) in table {
            let path = below(above, &key);
            let name = format!("{path} in {file}");
            match (self.manual.kind(&path).cloned(), value) {
                (Some(kind), value) => {
                    let value = typed::fit(&kind, value)
                        .map_err(|value| wrong_kind(&path, &name, &value, &kind))?;
                    self.set(&path, value, name);
                }
                (None, Value::Table(table)) if self.manual.is_section(&path) => {
                    self.add_table(&path, table, file)?;
                }
                (None, value) if self.manual.is_section(&path) => {
                    let kind = Value::Table(Table::new());
                    return Err(wrong_kind(&path, &name, &value, &kind));
                }
                (None, _) => {
                    let known = self.manual.paths_like(&path);
                    let meant = names::meant(&path, known.iter().map(String::as_str));
                    let meant = meant.map(str::to_owned);
                    return Err(Wrong::Unknown { name, meant });
                }
            }
        }
        Ok(())
    }

    /// Short names first, so that a long name wins over a short one of the same place.
    fn add_environment(
        &mut self,
        given: &BTreeMap<String, String>,
        place: &str,
    ) -> Result<(), Wrong> {
        for (short, path) in names::SHORT {
            // An empty short name is an unset one: so it stands in copied examples and containers.
            if let Some(text) = given.get(*short).filter(|text| !text.trim().is_empty()) {
                self.add_text(path, text, format!("{short}{place}"))?;
            }
        }
        for (name, text) in given {
            match names::path(name) {
                Some(path) if self.manual.kind(&path).is_some() => {
                    self.add_text(&path, text, format!("{name}{place}"))?;
                }
                Some(path) => {
                    let known = self.manual.paths_like(&path);
                    let known = known.iter().filter(|path| self.manual.kind(path).is_some());
                    let known: Vec<_> = known.map(|path| names::long(path)).collect();
                    let meant = names::meant(name, known.iter().map(String::as_str));
                    return Err(Wrong::Unknown {
                        name: format!("{name}{place}"),
                        meant: meant.map(str::to_owned),
                    });
                }
                None => self.hint(name, place),
            }
        }
        Ok(())
    }

    /// A name of one underscore may belong to somebody else's tool, so it is only spoken of.
    fn hint(&mut self, name: &str, place: &str) {
        let known = || names::SHORT.iter().map(|(short, _)| *short);
        let ours = name == names::FILE || known().any(|short| short == name);
        if ours || !name.starts_with("TONEY_") {
            return;
        }
        let hint = match names::meant(name, known().chain([names::FILE])) {
            Some(meant) => format!("{name}{place} is not a setting; did you mean {meant}?"),
            None => format!("{name}{place} is not a setting"),
        };
        self.hints.push(hint);
    }

    fn add_text(&mut self, path: &str, text: &str, name: String) -> Result<(), Wrong> {
        let Some(kind) = self.manual.kind(path).cloned() else {
            return Err(Wrong::Unknown { name, meant: None });
        };
        let value = typed::parse(&kind, text)
            .ok_or_else(|| wrong_kind(path, &name, &Value::String(text.to_owned()), &kind))?;
        self.set(path, value, name);
        Ok(())
    }

    fn set(&mut self, path: &str, value: Value, origin: String) {
        let mut table = &mut self.table;
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                table.insert(part.to_owned(), value);
                break;
            }
            let deeper = table
                .entry(part)
                .or_insert_with(|| Value::Table(Table::new()));
            // What the manual calls a section never holds anything but a table.
            let Value::Table(deeper) = deeper else { break };
            table = deeper;
        }
        self.origins.insert(path.to_owned(), origin);
    }

    /// Puts the data folder where `{data}` stands.
    fn place_data(&mut self) -> Result<(), Wrong> {
        let Data { dir, secret_key: _ } = self.data()?;
        if dir.as_os_str().is_empty() {
            return Err(Wrong::Value {
                name: self.name("data.dir"),
                got: "empty".to_owned(),
                wanted: "a folder".to_owned(),
            });
        }
        let dir = dir.display().to_string();
        for (_, section) in &mut self.table {
            let Value::Table(section) = section else {
                continue;
            };
            for (_, value) in section.iter_mut() {
                if let Value::String(text) = value {
                    *text = text.replace("{data}", &dir);
                }
            }
        }
        Ok(())
    }
}
