//! What follows from what came to a person's page. Pure: the worker of the lane reads what is needed, and makes true
//! what comes out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Address, PageId, PersonId, Setting, Time};
use crate::safety::{Level, Topic};
use crate::store::Page;

/// What was seen of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub level: Level,
    pub topic: Topic,
    /// Whether it is about somebody else.
    pub other: bool,
    /// Where.
    pub address: Address,
    pub setting: Setting,
    /// As few words as are needed to judge it.
    pub excerpt: String,
    /// The code of the language in which they are told that somebody is there.
    pub language: String,
    pub at: Time,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Came {
    /// Somebody may be in danger.
    Seen(Box<Seen>),
    /// A human pressed the button.
    Pressed(Pressed),
    /// It went out so often, and then this time passed.
    Due { page: PageId, circle: i64 },
}

/// A human who pressed the button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pressed {
    pub(super) page: PageId,
    pub(super) person: PersonId,
    /// What they are called.
    pub(super) name: String,
    /// Where.
    pub(super) address: Address,
}

/// How a page stands at the moment at which something comes.
#[derive(Debug, Clone)]
pub(super) struct State<'a> {
    /// The person's newest page.
    pub(super) row: Option<&'a Page>,
    /// Whether whoever presses was told of it.
    pub(super) may: bool,
    /// What a new page is called.
    pub(super) fresh: PageId,
    /// A page with nothing new for so long is over.
    pub(super) care: Duration,
    /// So long is waited before more people are told.
    pub(super) patience: Duration,
    /// So often more people are told.
    pub(super) most: i64,
    pub(super) now: Time,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// The page is so from now on.
    Row(Box<Page>),
    /// Tells humans: the first circle, or everybody.
    Cards { all: bool },
    /// Every copy says what is true now.
    Copies,
    /// Comes back then.
    Timer(Time),
    /// Tells whoever pressed.
    Answer(Answer),
    /// Tells the person that a human is there.
    Tell,
    /// Tells the human who takes care of it that there is more.
    Again,
    /// Puts it on record, and counts it.
    Record(&'static str),
}

/// What whoever pressed is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// There is no such page any more.
    Gone,
    NotYours,
    /// They did so before.
    Before,
    TooLate,
    First,
}

/// The state of a page that somebody takes care of.
pub(super) const TAKEN: &str = "taken";
const OPEN: &str = "open";

/// What follows.
pub(super) fn step(state: &State<'_>, person: PersonId, came: &Came) -> Vec<Effect> {
    match came {
        Came::Seen(seen) => match state.row {
            Some(row) if state.now.since(row.changed_at) < state.care => again(state, row, seen),
            Some(_) | None => first(state, person, seen),
        },
        Came::Pressed(pressed) => press(state, pressed),
        Came::Due { page, circle } => due(state, (*page, *circle)),
    }
}

fn first(state: &State<'_>, person: PersonId, seen: &Seen) -> Vec<Effect> {
    let Seen {
        level,
        topic,
        other,
        address,
        setting,
        excerpt,
        language,
        at: _,
    } = seen.clone();
    let row = Page {
        id: state.fresh,
        person,
        artist: None,
        level: level.name().to_owned(),
        topic: topic.name().to_owned(),
        other: i64::from(other),
        signs: 1,
        address,
        setting,
        excerpt,
        language,
        state: OPEN.to_owned(),
        circle: 0,
        opened_at: state.now,
        changed_at: state.now,
        taken_by: None,
        taken_at: Time::default(),
    };
    vec![
        Effect::Row(Box::new(row)),
        Effect::Cards { all: false },
        Effect::Timer(state.now.plus(state.patience)),
        Effect::Record("page_opened"),
    ]
}

/// There is a page already: it is brought up to date, and humans are told anew only where that is needed.
fn again(state: &State<'_>, row: &Page, seen: &Seen) -> Vec<Effect> {
    let is_raised = seen.level == Level::Imminent && row.level != Level::Imminent.name();
    let is_taken = row.state == TAKEN;
    let is_over = !is_taken && row.circle >= state.most;
    let mut next = Page {
        signs: row.signs + 1,
        address: seen.address.clone(),
        setting: seen.setting,
        excerpt: seen.excerpt.clone(),
        language: seen.language.clone(),
        changed_at: state.now,
        ..row.clone()
    };
    // What is graver is what counts, and what it is about.
    if is_raised || row.level == seen.level.name() {
        seen.level.name().clone_into(&mut next.level);
        seen.topic.name().clone_into(&mut next.topic);
        next.other = i64::from(seen.other);
    }
    if is_raised || is_over {
        OPEN.clone_into(&mut next.state);
        (next.taken_by, next.taken_at) = (None, Time::default());
        next.circle += 1;
        return vec![
            Effect::Row(Box::new(next)),
            Effect::Copies,
            Effect::Cards { all: true },
            Effect::Timer(state.now.plus(state.patience)),
            Effect::Record(if is_raised {
                "page_raised"
            } else {
                "page_again"
            }),
        ];
    }
    let mut effects = vec![Effect::Row(Box::new(next)), Effect::Copies];
    if is_taken {
        effects.push(Effect::Again);
    }
    effects.push(Effect::Record("page_updated"));
    effects
}

fn press(state: &State<'_>, pressed: &Pressed) -> Vec<Effect> {
    let answer = |answer| vec![Effect::Answer(answer)];
    let Some(row) = state.row.filter(|row| row.id == pressed.page) else {
        return answer(Answer::Gone);
    };
    match row.taken_by {
        _ if !state.may => answer(Answer::NotYours),
        Some(by) if by == pressed.person => answer(Answer::Before),
        Some(_) => answer(Answer::TooLate),
        None => {
            let next = Page {
                state: TAKEN.to_owned(),
                taken_by: Some(pressed.person),
                taken_at: state.now,
                ..row.clone()
            };
            vec![
                Effect::Row(Box::new(next)),
                Effect::Copies,
                Effect::Tell,
                Effect::Answer(Answer::First),
                Effect::Record("page_taken"),
            ]
        }
    }
}

fn due(state: &State<'_>, (page, circle): (PageId, i64)) -> Vec<Effect> {
    let is_it = |row: &&Page| row.id == page && row.circle == circle && row.state == OPEN;
    let Some(row) = state.row.filter(is_it) else {
        return Vec::new();
    };
    if row.circle >= state.most {
        return vec![Effect::Record("page_unanswered")];
    }
    let next = Page {
        circle: row.circle + 1,
        ..row.clone()
    };
    vec![
        Effect::Row(Box::new(next)),
        Effect::Copies,
        Effect::Cards { all: true },
        Effect::Timer(state.now.plus(state.patience)),
        Effect::Record("page_escalated"),
    ]
}

#[cfg(test)]
mod tests;
