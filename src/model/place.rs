use serde::{Deserialize, Serialize};

/// What a column of a statement of earnings holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Net,
    Period,
    Currency,
    Title,
    Store,
    Territory,
    Quantity,
    Kind,
    Isrc,
    Upc,
    Reported,
    Identity,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Net,
        Self::Period,
        Self::Currency,
        Self::Title,
        Self::Store,
        Self::Territory,
        Self::Quantity,
        Self::Kind,
        Self::Isrc,
        Self::Upc,
        Self::Reported,
        Self::Identity,
    ];

    /// A letter for it.
    pub const fn letter(self) -> char {
        match self {
            Self::Net => 'n',
            Self::Period => 'p',
            Self::Currency => 'c',
            Self::Title => 't',
            Self::Store => 's',
            Self::Territory => 'l',
            Self::Quantity => 'q',
            Self::Kind => 'k',
            Self::Isrc => 'i',
            Self::Upc => 'u',
            Self::Reported => 'r',
            Self::Identity => 'x',
        }
    }

    /// The place with that letter.
    pub fn find(letter: &str) -> Option<Self> {
        let mut letters = letter.chars();
        let (first, None) = (letters.next()?, letters.next()) else {
            return None;
        };
        Self::ALL.into_iter().find(|place| place.letter() == first)
    }
}
