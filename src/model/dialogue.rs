use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Time;

/// A question that Toney asked somebody in a chat and whose answer it waits for, over restarts and for days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialogue {
    /// Who asked: the word by which the turn finds whoever takes the answer.
    pub kind: String,
    /// What whoever asked needs to go on; JSON.
    pub state: String,
    /// How often the question was put again because something else came between.
    pub repeated: i64,
    /// When it was asked.
    pub asked_at: Time,
}

impl Dialogue {
    /// A question that is asked now.
    ///
    /// # Errors
    /// When the state cannot stand as JSON.
    pub fn new(kind: &str, state: &impl Serialize, now: Time) -> Result<Self, serde_json::Error> {
        Ok(Self {
            kind: kind.to_owned(),
            state: serde_json::to_string(state)?,
            repeated: 0,
            asked_at: now,
        })
    }

    /// What whoever asked needs to go on; `None` when it was written by another version that meant something else.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.state).ok()
    }
}
