use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which knowledge is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// What belongs to the artist; the common stores are read with it.
    Personal,
    /// What everybody may know.
    Global,
    /// Both, held against each other.
    Hybrid,
    /// Nothing is looked up.
    None,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Personal, Self::Global, Self::Hybrid, Self::None];

    /// Its name, as files and models write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Global => "global",
            Self::Hybrid => "hybrid",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A word that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of personal, global, hybrid, none")]
pub struct InvalidTarget(String);

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|target| target.name() == name)
            .ok_or_else(|| InvalidTarget(name.to_owned()))
    }
}
