use serde::{Deserialize, Serialize};

/// Which knowledge a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The artist's own papers; general knowledge helps to read them.
    Personal,
    /// The trade in general.
    Global,
    /// Both.
    Hybrid,
    /// None: small talk, or something to be done.
    None,
}

/// What a person is to an artist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// The artist.
    Artist,
    /// Whoever manages for the artist.
    Manager,
    /// Everybody else.
    Fan,
    /// Whoever runs Toney, for an artist whom nobody has joined yet.
    Operator,
}

/// A word that is none of those it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {known}")]
pub struct UnknownWord {
    word: String,
    known: String,
}

impl UnknownWord {
    pub(super) fn new(word: &str, known: &[&str]) -> Self {
        Self {
            word: word.to_owned(),
            known: known.join(", "),
        }
    }
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$variant),*];

            /// The word for it, in settings, files and tables.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err($crate::model::UnknownWord::new(word, &[$($word),*])),
                }
            }
        }
    };
}

pub(super) use words;

words!(Target { Personal = "personal", Global = "global", Hybrid = "hybrid", None = "none" });
words!(Standing { Artist = "artist", Manager = "manager", Fan = "fan", Operator = "operator" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for target in Target::ALL {
            assert_eq!(target.as_str().parse(), Ok(target));
            let json = serde_json::to_string(&target).unwrap();
            assert_eq!(json, format!("\"{target}\""));
        }
        for standing in Standing::ALL {
            assert_eq!(standing.as_str().parse(), Ok(standing));
        }
        let wrong = "king".parse::<Standing>().unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "`king` is none of artist, manager, fan, operator"
        );
    }
}
