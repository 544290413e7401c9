//! What is known of an artist, in one go: each thing with where it came from, when, and why it is known.
//!
//! The sources are asked side by side, each with a deadline; what does not come in time is named as missing and asked
//! again the next time. What came is kept at hand per artist until the store counts another version of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::future::{BoxFuture, join_all};

use crate::model::{ArtistId, Clock, GoalId, MessageId, PersonId, Time};
use crate::store::{Acting, GoalKind, GoalState, Store};

/// A source that takes longer is left out this time.
const PATIENCE: Duration = Duration::from_millis(400);
/// How long what was read counts: some of it changes without anybody saying so.
const FRESH: Duration = Duration::from_secs(300);
/// Artists kept at hand.
const MOST: u64 = 1_000;
/// Days over which fans are counted as new.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Something that is known of an artist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What it is: `genres`, `goal`, `fans`.
    pub field: String,
    pub value: String,
    /// Where it came from, in a word: `asked`, `said`, `settings`, or the name of the source.
    pub source: String,
    /// Who said it, and in which line.
    pub person: Option<PersonId>,
    pub message: Option<MessageId>,
    /// The goal it is, where it is one.
    pub goal: Option<GoalId>,
    /// When it was said or counted.
    pub at: Time,
    /// Why it is known, as the end of "I know it because …".
    pub why: String,
}

/// A source of what is known. Rooms that know more add theirs where the handle is made.
#[derive(Clone, Copy)]
pub struct Part {
    /// What it is called when it is missing.
    pub name: &'static str,
    /// Reads it.
    pub read: fn(Store, ArtistId, Time) -> BoxFuture<'static, Result<Vec<Known>>>,
}

/// What the store itself knows.
pub const PARTS: [Part; 4] = [
    Part {
        name: "profile",
        read: |store, artist, _| Box::pin(async move { profile(&store, artist).await }),
    },
    Part {
        name: "goals",
        read: |store, artist, _| Box::pin(async move { goals(&store, artist).await }),
    },
    Part {
        name: "fans",
        read: |store, artist, now| Box::pin(async move { fans(&store, artist, now).await }),
    },
    Part {
        name: "activity",
        read: |store, artist, now| Box::pin(async move { activity(&store, artist, now).await }),
    },
];

/// What is known of an artist now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub artist: ArtistId,
    pub known: Vec<Known>,
    /// The sources that did not answer in time.
    pub missing: Vec<&'static str>,
}

impl Context {
    /// What stands under a word, the newest last.
    pub fn of<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a Known> {
        self.known.iter().filter(move |known| known.field == field)
    }

    /// A line for each of the most telling things, for a model; at most `most`.
    pub fn brief(&self, most: usize) -> String {
        const TELLING: [&str; 8] = [
            "name", "genres", "stage", "goal", "pain", "audience", "fans", "zone",
        ];
        let mut lines = Vec::new();
        for field in TELLING {
            lines.extend(self.of(field).map(|known| {
                let value: String = known.value.chars().take(200).collect();
                format!("{field}: {value}")
            }));
        }
        let told = |known: &&Known| !TELLING.contains(&known.field.as_str());
        let others = self
            .known
            .iter()
            .filter(told)
            .filter(|known| known.field != "active");
        lines.extend(others.map(|known| format!("{}: {}", known.field, known.value)));
        lines.truncate(most);
        lines.join("\n")
    }
}

struct Kept {
    version: i64,
    at: Time,
    context: Arc<Context>,
}

/// Puts together what is known of artists; cheap to clone.
#[derive(Clone)]
pub struct Contexts {
    store: Store,
    clock: Clock,
    parts: Arc<[Part]>,
    kept: moka::sync::Cache<ArtistId, Arc<Kept>>,
}

impl Contexts {
    /// What the store knows, and what `more` know.
    pub fn new(store: Store, clock: Clock, more: Vec<Part>) -> Self {
        let parts: Vec<Part> = PARTS.into_iter().chain(more).collect();
        Self {
            store,
            clock,
            parts: parts.into(),
            kept: moka::sync::Cache::new(MOST),
        }
    }

    /// What is known of the artist for whom somebody acts.
    pub async fn of(&self, acting: &Acting) -> Result<Arc<Context>> {
        let (artist, now) = (acting.artist(), self.clock.now());
        let version = self.store.context_version(artist).await?;
        if let Some(kept) = self.kept.get(&artist)
            && kept.version == version
            && now.since(kept.at) < FRESH
        {
            return Ok(Arc::clone(&kept.context));
        }
        let context = Arc::new(self.gather(artist, now).await);
        if context.missing.is_empty() {
            let kept = Kept {
                version,
                at: now,
                context: Arc::clone(&context),
            };
            self.kept.insert(artist, Arc::new(kept));
        }
        Ok(context)
    }

    async fn gather(&self, artist: ArtistId, now: Time) -> Context {
        let asked = self.parts.iter().map(|part| async move {
            let read = (part.read)(self.store.clone(), artist, now);
            let came = tokio::time::timeout(PATIENCE, read).await;
            match came {
                Ok(Ok(known)) => Ok(known),
                Ok(Err(error)) => {
                    let error = format!("{error:#}");
                    tracing::debug!(context.part = part.name, error, "A source failed");
                    Err(part.name)
                }
                Err(_) => Err(part.name),
            }
        });
        let mut context = Context {
            artist,
            known: Vec::new(),
            missing: Vec::new(),
        };
        for part in join_all(asked).await {
            match part {
                Ok(known) => context.known.extend(known),
                Err(name) => context.missing.push(name),
            }
        }
        context
    }
}

async fn profile(store: &Store, artist: ArtistId) -> Result<Vec<Known>> {
    let mut known = Vec::new();
    if let Some(row) = store.artist(&artist.to_string()).await? {
        known.push(counted(
            "name",
            row.name,
            ("profile", Time::default()),
            "that is the name under which you are looked after",
        ));
    }
    for field in store.profile(artist).await? {
        if field.field == "name" {
            // What stands on the artist counts; this says since when and by whom.
            known.clear();
        }
        let why = match field.origin.source.as_str() {
            "asked" => "you answered my question",
            "settings" => "you set it",
            _ => "you said so",
        };
        known.push(Known {
            field: field.field,
            value: field.value,
            source: field.origin.source,
            person: field.origin.person,
            message: field.origin.message,
            goal: None,
            at: field.origin.at,
            why: why.to_owned(),
        });
    }
    Ok(known)
}

async fn goals(store: &Store, artist: ArtistId) -> Result<Vec<Known>> {
    let all = store.goals(artist).await?;
    let mut known: Vec<Known> = all
        .iter()
        .filter(|goal| goal.state == GoalState::Open)
        .map(|goal| Known {
            field: match goal.kind {
                GoalKind::Goal => "goal",
                GoalKind::Pain => "pain",
            }
            .to_owned(),
            value: goal.text.clone(),
            source: "said".to_owned(),
            person: goal.person,
            message: goal.message,
            goal: Some(goal.id),
            at: goal.created,
            why: match goal.was_proposed {
                true => "you said so, and said yes when I asked whether to note it",
                false => "you told me",
            }
            .to_owned(),
        })
        .collect();
    let proposed = all.iter().filter(|goal| goal.was_proposed);
    let (mut yes, mut no, mut last) = (0, 0, Time::default());
    for goal in proposed {
        match goal.state {
            GoalState::Proposed => continue,
            GoalState::Refused => no += 1,
            GoalState::Open | GoalState::Done | GoalState::Dropped => yes += 1,
        }
        last = last.max(goal.changed);
    }
    if yes + no > 0 {
        let value = format!("{yes} accepted, {no} turned down");
        known.push(counted(
            "suggestions",
            value,
            ("goals", last),
            "I count what you say to my suggestions",
        ));
    }
    Ok(known)
}

async fn fans(store: &Store, artist: ArtistId, now: Time) -> Result<Vec<Known>> {
    let month = i64::try_from(MONTH.as_millis()).unwrap_or(i64::MAX);
    let since = Time::from_ms(now.ms().saturating_sub(month));
    let (all, fresh) = store.fans(artist, since).await?;
    if all == 0 {
        return Ok(Vec::new());
    }
    let value = format!("{all}, {fresh} of them new in 30 days");
    Ok(vec![counted(
        "fans",
        value,
        ("fans", now),
        "I count who joined as a fan",
    )])
}

async fn activity(store: &Store, artist: ArtistId, now: Time) -> Result<Vec<Known>> {
    let activity = store.activity(artist).await?;
    let mut known = Vec::new();
    if let Some((at, account)) = activity.last {
        let place = account.split(':').next().unwrap_or_default();
        known.push(counted(
            "active",
            format!("on {place}"),
            ("activity", at),
            "you wrote to me there",
        ));
    }
    let (count, newest) = activity.documents;
    if count > 0 {
        let at = newest.min(now);
        known.push(counted(
            "shared documents",
            count.to_string(),
            ("documents", at),
            "they are shared with your team",
        ));
    }
    Ok(known)
}

fn counted(field: &str, value: String, (source, at): (&str, Time), why: &str) -> Known {
    Known {
        field: field.to_owned(),
        value,
        source: source.to_owned(),
        person: None,
        message: None,
        goal: None,
        at,
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ids;

    #[test]
    fn a_model_is_told_the_most_telling_things() {
        let known = |field: &str, value: &str| {
            counted(field, value.to_owned(), ("x", Time::default()), "y")
        };
        let context = Context {
            artist: ArtistId::new(&Ids::new(Clock::System, Some(2))),
            known: vec![
                known("active", "on a platform"),
                known("earnings", "12 EUR"),
                known("goal", "a tour"),
                known("genres", &"x".repeat(900)),
                known("name", "Ann"),
            ],
            missing: Vec::new(),
        };
        let brief = context.brief(3);
        let lines: Vec<&str> = brief.lines().collect();
        assert_eq!(lines[0], "name: Ann");
        assert_eq!(lines[1].len(), "genres: ".len() + 200);
        assert_eq!(lines[2], "goal: a tour");
        assert_eq!(lines.len(), 3);
        assert!(context.brief(9).ends_with("earnings: 12 EUR"));
    }
}
