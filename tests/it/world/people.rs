use std::collections::HashMap;
use std::fmt::Write as _;

use crate::sim::telegram::{Msg, Place, Telegram, User};

/// Somebody on Telegram; the first has the id 1000, the next 2000.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) user: User,
    pub(super) telegram: Telegram,
}

impl Person {
    /// Writes to Toney alone; the message's id.
    pub(crate) fn says(&self, words: &str) -> i64 {
        self.telegram.says(self.user, self.user, words)
    }

    /// Writes in a group or topic.
    pub(crate) fn says_in(&self, place: impl Into<Place>, words: &str) -> i64 {
        self.telegram.says(self.user, place, words)
    }

    /// Changes the words of a message to Toney.
    pub(crate) fn edits(&self, message: i64, words: &str) {
        self.telegram.edits(self.user, self.user, message, words);
    }

    /// Presses the newest button of that name.
    pub(crate) fn presses(&self, label: &str) -> String {
        self.telegram.presses_last(self.user, self.user, label)
    }
}

impl From<&Person> for Place {
    fn from(person: &Person) -> Self {
        person.user.into()
    }
}

/// One message as `World::sees` shows it; `to` is what it answers.
pub(super) fn line(names: &HashMap<i64, String>, msg: &Msg, to: Option<&Msg>) -> String {
    if msg.service {
        return format!("* {}", msg.text);
    }
    let toney = "toney".to_owned();
    let mut out = names.get(&msg.from).unwrap_or(&toney).clone();
    if msg.edits > 0 && !msg.from_bot {
        out.push_str(" (edited)");
    }
    if let Some(to) = to {
        write!(out, " (to “{}”)", to.text).ok();
    }
    out.push(':');
    if let Some(media) = &msg.media {
        write!(out, " <{}>", media.kind).ok();
    }
    if !msg.text.is_empty() {
        write!(out, " {}", msg.text).ok();
    }
    for button in msg.buttons.iter().flatten() {
        write!(out, " [{}]", button.label).ok();
    }
    out
}
