use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::model::Message;

/// The newest message id known in each counting. Ids that are not numbers are not counted.
#[derive(Debug, Default)]
pub struct Horizon {
    newest: Mutex<HashMap<String, u64>>,
}

/// More countings than this are forgotten at once: they only spare a search, and come back by themselves.
const MOST: usize = 20_000;

impl Horizon {
    /// Notes a message id of a counting.
    pub fn saw(&self, scope: String, message: &Message) {
        let Some(number) = message.number::<u64>() else {
            return;
        };
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.len() >= MOST && !newest.contains_key(&scope) {
            newest.clear();
        }
        let known = newest.entry(scope).or_default();
        *known = number.max(*known);
    }

    /// The newest message id of a counting.
    pub fn newest(&self, scope: &str) -> Option<Message> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(scope).map(Message::new)
    }
}
