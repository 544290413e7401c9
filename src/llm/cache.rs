//! Answers that the same person asked for a moment ago, word for word.

use std::time::Duration;

use moka::sync::Cache as Map;
use sha2::{Digest, Sha256};

use super::{Heard, Report, Request, Role, Task, ToolCall};
use crate::model::{Clock, Time};

/// Memory for answers at hand, in bytes.
const ROOM: u64 = 4 * 1024 * 1024;

/// What is the same only for the same person, the same task and the same request.
pub(super) type Key = [u8; 32];

/// Answers at hand.
pub(super) struct Cache {
    kept: Map<Key, Kept>,
    lasts: Duration,
    clock: Clock,
}

/// A whole answer.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) text: String,
    pub(super) calls: Vec<ToolCall>,
    pub(super) report: Report,
    at: Time,
}

impl Kept {
    pub(super) fn new(text: String, calls: Vec<ToolCall>, report: Report) -> Self {
        Self {
            text,
            calls,
            report,
            at: Time::default(),
        }
    }

    /// The answer once more: it costs nothing and is there at once.
    pub(super) fn again(self) -> Vec<Heard> {
        let report = Report {
            tokens_in: 0,
            tokens_out: 0,
            cache_read: 0,
            cache_written: 0,
            cost: super::Cost::ZERO,
            first_token: Duration::ZERO,
            total: Duration::ZERO,
            attempts: Vec::new(),
            cached: true,
            ..self.report
        };
        let text = Some(Heard::Text(self.text)).filter(|text| *text != Heard::Text(String::new()));
        let calls = self.calls.into_iter().map(Heard::Tool);
        text.into_iter()
            .chain(calls)
            .chain([Heard::Done(report)])
            .collect()
    }
}

impl Cache {
    pub(super) fn new(lasts: Duration, clock: Clock) -> Self {
        let weight = |_: &Key, kept: &Kept| {
            let calls: usize = kept.calls.iter().map(|call| call.arguments.len()).sum();
            u32::try_from(kept.text.len() + calls + 1_024).unwrap_or(u32::MAX)
        };
        let room = if lasts.is_zero() { 0 } else { ROOM };
        Self {
            kept: Map::builder()
                .time_to_live(lasts.max(Duration::from_secs(1)))
                .max_capacity(room)
                .weigher(weight)
                .build(),
            lasts,
            clock,
        }
    }

    pub(super) fn find(&self, key: &Key) -> Option<Kept> {
        let kept = self.kept.get(key)?;
        (self.clock.now().since(kept.at) < self.lasts).then_some(kept)
    }

    pub(super) fn keep(&self, key: Key, kept: Kept) {
        if !self.lasts.is_zero() {
            let at = self.clock.now();
            self.kept.insert(key, Kept { at, ..kept });
        }
    }

    /// The key of a request; none where nothing is to be kept: for nobody in particular, and where a
    /// model is free to act.
    pub(super) fn key(&self, task: Task, request: &Request) -> Option<Key> {
        // Pictures are too much to be held against each other while everybody waits.
        if self.lasts.is_zero() || request.sees() {
            return None;
        }
        key(task, request)
    }
}

fn key(task: Task, request: &Request) -> Option<Key> {
    let Request {
        messages,
        stable: _,
        tools,
        acts: _,
        force,
        max_output,
        temperature,
        payer,
        wish,
    } = request;
    let person = payer.person?;
    if force.is_none() && !tools.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    // Each field with its length before it, so that no two requests run into the same bytes.
    let mut add = |field: &[u8]| {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    };
    add(person.to_string().as_bytes());
    add(payer
        .artist
        .map(|artist| artist.to_string())
        .unwrap_or_default()
        .as_bytes());
    add(task.as_str().as_bytes());
    add(wish.as_ref().map_or("", |wish| &wish.model).as_bytes());
    add(force.as_deref().unwrap_or_default().as_bytes());
    add(format!("{max_output:?} {temperature:?}").as_bytes());
    for tool in tools {
        add(tool.name.as_bytes());
        add(tool.about.as_bytes());
        add(tool.schema.text().as_bytes());
    }
    for line in messages {
        let (role, id) = match &line.role {
            Role::System => ("system", ""),
            Role::Person => ("person", ""),
            Role::Toney => ("toney", ""),
            Role::Tool(id) => ("tool", id.as_str()),
        };
        add(role.as_bytes());
        add(id.as_bytes());
        add(line.text.as_bytes());
        add(&line.calls.len().to_be_bytes());
        for call in &line.calls {
            add(call.id.as_bytes());
            add(call.name.as_bytes());
            add(call.arguments.as_bytes());
        }
        add(&line.images.len().to_be_bytes());
        for image in &line.images {
            add(image.mime.as_bytes());
            add(&image.bytes);
        }
    }
    Some(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::llm::{Line, Payer, Tool};
    use crate::model::{Ids, PersonId};

    fn people() -> Vec<PersonId> {
        let ids = Ids::new(Clock::System, Some(7));
        (0..3).map(|_| PersonId::new(&ids)).collect()
    }

    fn request(person: PersonId, lines: &[(bool, String)]) -> Request {
        let line = |(is_mine, text): &(bool, String)| {
            let role = if *is_mine { Role::Person } else { Role::Toney };
            Line::new(role, text.as_str())
        };
        Request {
            messages: lines.iter().map(line).collect(),
            payer: Payer {
                person: Some(person),
                artist: None,
            },
            ..Request::default()
        }
    }

    #[test]
    fn nothing_is_kept_for_nobody_nor_where_a_model_may_act() {
        let mut asked = request(people()[0], &[(true, "Hi".to_owned())]);
        assert!(key(Task::Chat, &asked).is_some());
        assert_ne!(key(Task::Chat, &asked), key(Task::Classify, &asked));
        asked.tools.push(Tool {
            name: "tip".to_owned(),
            about: String::new(),
            schema: serde_json::json!({}).into(),
        });
        assert!(key(Task::Chat, &asked).is_none());
        asked.force = Some("tip".to_owned());
        assert!(key(Task::Chat, &asked).is_some());
        asked.payer.person = None;
        assert!(key(Task::Chat, &asked).is_none());
        let off = Cache::new(Duration::ZERO, Clock::System);
        let asked = request(people()[0], &[(true, "Hi".to_owned())]);
        assert!(off.key(Task::Chat, &asked).is_none());
    }

    proptest! {
        /// Who asks the same gets the same key, and nobody else ever has it: neither another person
        /// nor the same one with another request, however the words are cut into lines.
        #[test]
        fn it_never_crosses_people(
            asked in prop::collection::vec(
                (0usize..3, prop::collection::vec((any::<bool>(), "[ab]{0,3}"), 0..4)), 2..40),
        ) {
            let people = people();
            let mut seen: HashMap<Key, (usize, Vec<(bool, String)>)> = HashMap::new();
            for (who, lines) in asked {
                let key = key(Task::Chat, &request(people[who], &lines)).unwrap();
                let first = seen.entry(key).or_insert_with(|| (who, lines.clone()));
                prop_assert_eq!((first.0, &first.1), (who, &lines));
            }
            let distinct: std::collections::HashSet<_> = seen.values().collect();
            prop_assert_eq!(distinct.len(), seen.len());
        }
    }
}
