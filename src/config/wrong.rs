use toml::Value;

use super::{names, typed};

/// What is wrong with the settings: one line for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// A setting has a value that it does not take.
    #[error("{name} is {got}; it wants {wanted}")]
    Value {
        /// As the operator wrote it.
        name: String,
        /// The value, unless it is a secret.
        got: String,
        /// What it takes.
        wanted: String,
    },
    /// There is no such setting.
    #[error("{name} is not a setting{}", meant.as_ref().map(|meant| format!("; did you mean {meant}?")).unwrap_or_default())]
    Unknown {
        /// As the operator wrote it.
        name: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// A file of settings or of a secret cannot be used.
    #[error("{file}: {reason}")]
    File {
        /// Which.
        file: String,
        /// One sentence.
        reason: String,
    },
}

/// The part of serde's sentence that says what is wanted, in words for people.
pub(super) fn wanted_part(reason: &str) -> String {
    let wanted = reason
        .split_once("expected ")
        .map_or(reason, |(_, wanted)| wanted);
    let most = match wanted {
        "u8" => u64::from(u8::MAX),
        "u16" => u64::from(u16::MAX),
        "u32" => u64::from(u32::MAX),
        "u64" | "usize" => u64::MAX,
        wanted => return wanted.to_owned(),
    };
    format!("a whole number from 0 to {most}")
}

/// A file that cannot be used.
pub(super) fn file_wrong(file: &str, reason: &str) -> Wrong {
    Wrong::File {
        file: file.to_owned(),
        reason: reason.to_owned(),
    }
}

/// A value that is not of the kind that its setting takes.
pub(super) fn wrong_kind(path: &str, name: &str, value: &Value, kind: &Value) -> Wrong {
    Wrong::Value {
        name: name.to_owned(),
        got: names::shown(path, value),
        wanted: typed::wanted(kind).to_owned(),
    }
}
