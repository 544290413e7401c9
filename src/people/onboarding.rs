//! The seven questions an artist is asked at the beginning: one at a time, each may be skipped, and all of it may
//! wait for days. Pure; who keeps the answers is the turn's business.

use serde::{Deserialize, Serialize};

use crate::model::{ArtistId, Reply};

use super::zone;

/// The kind of the dialogue.
pub const KIND: &str = "onboarding";

/// Most characters of an answer; whoever writes more is told so.
const MOST: usize = 300;
/// Most characters of a name.
const MOST_NAME: usize = 60;

/// What is asked, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Name,
    Genres,
    Stage,
    Goal,
    Audience,
    Zone,
    Language,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Name,
        Self::Genres,
        Self::Stage,
        Self::Goal,
        Self::Audience,
        Self::Zone,
        Self::Language,
    ];

    /// The word under which it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Genres => "genres",
            Self::Stage => "stage",
            Self::Goal => "goal",
            Self::Audience => "audience",
            Self::Zone => "zone",
            Self::Language => "language",
        }
    }

    /// What may be pressed in place of writing, besides the name that is known.
    pub const fn choices(self) -> &'static [&'static str] {
        match self {
            Self::Name | Self::Audience | Self::Zone => &[],
            Self::Genres => &["Pop", "Hip-hop", "Electronic", "Rock", "R&B", "Folk"],
            Self::Stage => &[
                "Just starting",
                "Building an audience",
                "Known locally",
                "Full-time",
            ],
            Self::Goal => &[
                "Grow my audience",
                "Release regularly",
                "Live from music",
                "Play more shows",
            ],
            Self::Language => &["English", "Español", "Português", "Français", "Deutsch"],
        }
    }
}

/// How far the questions got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// For whom they are asked.
    pub artist: ArtistId,
    /// What the artist is called so far.
    pub name: String,
    /// Which question is open.
    pub step: usize,
    /// The time zone that was guessed and is asked back.
    pub zone: Option<String>,
    /// Whether they wait to be taken up again.
    pub paused: bool,
}

/// What somebody does about a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// They write.
    Said(&'a str),
    /// They press a button.
    Pressed(Reply),
}

/// What is said next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The open question.
    Ask,
    /// That it was not understood, and the same question.
    Unclear,
    /// That all is asked.
    Done,
    /// That it can wait.
    Stopped,
}

/// What follows from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How far the questions got.
    pub state: State,
    /// What is known now.
    pub set: Option<(Field, String)>,
    /// What is said next.
    pub then: Then,
}

impl State {
    /// The first question.
    pub fn new(artist: ArtistId, name: &str) -> Self {
        Self {
            artist,
            name: name.to_owned(),
            step: 0,
            zone: None,
            paused: false,
        }
    }

    /// What is asked; `None` when all is asked.
    pub fn field(&self) -> Option<Field> {
        Field::ALL.get(self.step).copied()
    }

    /// The choices under the open question.
    pub fn choices(&self) -> Vec<&str> {
        match self.field() {
            Some(Field::Name) => vec![self.name.as_str()],
            Some(field) => field.choices().to_vec(),
            None => Vec::new(),
        }
    }

    fn at(self, step: usize) -> Self {
        Self {
            step,
            zone: None,
            ..self
        }
    }
}

/// Decides what follows.
pub fn step(state: &State, input: Input<'_>) -> Step {
    let state = state.clone();
    match input {
        Input::Pressed(reply) => pressed(state, reply),
        Input::Said(text) => match word(text) {
            Some(reply) => pressed(state, reply),
            None => said(state, text.trim()),
        },
    }
}

fn pressed(state: State, reply: Reply) -> Step {
    match reply {
        Reply::Stop => Step {
            state: State {
                paused: true,
                ..state
            },
            set: None,
            then: Then::Stopped,
        },
        // Of a guess, back means the place once more.
        Reply::Back if state.zone.is_some() => asks(State {
            zone: None,
            ..state
        }),
        Reply::Back => {
            let before = state.step.saturating_sub(1);
            asks(state.at(before))
        }
        Reply::Skip => next(state, None),
        Reply::Pick(number) => match (state.zone.clone(), state.field()) {
            (Some(zone), _) if number == 0 => next(state, Some((Field::Zone, zone))),
            (Some(_), _) => asks(State {
                zone: None,
                ..state
            }),
            (None, Some(field)) => {
                let chosen = state.choices().get(number).map(ToString::to_string);
                match chosen {
                    Some(value) => next(state, Some((field, value))),
                    None => unclear(state),
                }
            }
            (None, None) => next(state, None),
        },
    }
}

fn said(state: State, text: &str) -> Step {
    let Some(field) = state.field() else {
        return next(state, None);
    };
    let most = if field == Field::Name {
        MOST_NAME
    } else {
        MOST
    };
    let letters = text.chars().filter(|letter| letter.is_alphanumeric());
    if letters.count() == 0 || text.chars().count() > most {
        return unclear(state);
    }
    if field == Field::Zone {
        return match (state.zone.clone(), yes_or_no(text)) {
            (Some(zone), Some(true)) => next(state, Some((Field::Zone, zone))),
            (Some(_), Some(false)) => asks(State {
                zone: None,
                ..state
            }),
            _ => match zone::guess(text) {
                Some(zone) => asks(State {
                    zone: Some(zone),
                    ..state
                }),
                None => unclear(state),
            },
        };
    }
    let line: Vec<&str> = text.split_whitespace().collect();
    next(state, Some((field, line.join(" "))))
}

fn next(state: State, set: Option<(Field, String)>) -> Step {
    let step = state.step + 1;
    let name = match &set {
        Some((Field::Name, name)) => name.clone(),
        _ => state.name.clone(),
    };
    let then = match step < Field::ALL.len() {
        true => Then::Ask,
        false => Then::Done,
    };
    let state = State {
        name,
        ..state.at(step)
    };
    Step { state, set, then }
}

fn asks(state: State) -> Step {
    Step {
        state,
        set: None,
        then: Then::Ask,
    }
}

fn unclear(state: State) -> Step {
    Step {
        state,
        set: None,
        then: Then::Unclear,
    }
}

/// Words that say what a button says.
fn word(text: &str) -> Option<Reply> {
    match text
        .trim()
        .trim_end_matches(['.', '!'])
        .to_lowercase()
        .as_str()
    {
        "skip" | "next" | "pass" | "skip it" => Some(Reply::Skip),
        "back" | "go back" => Some(Reply::Back),
        "stop" | "later" | "not now" | "enough" | "cancel" => Some(Reply::Stop),
        _ => None,
    }
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text.trim_end_matches(['.', '!']).to_lowercase().as_str() {
        "yes" | "y" | "yep" | "right" | "correct" | "true" => Some(true),
        "no" | "n" | "nope" | "wrong" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};
    use proptest::prelude::*;

    fn begin() -> State {
        State::new(ArtistId::new(&Ids::new(Clock::System, Some(3))), "Ann")
    }

    fn tell(inputs: &[Input<'_>]) -> (Vec<(Field, String)>, Then, State) {
        let (mut state, mut set, mut then) = (begin(), Vec::new(), Then::Ask);
        for input in inputs {
            let next = step(&state, *input);
            set.extend(next.set);
            (state, then) = (next.state, next.then);
        }
        (set, then, state)
    }

    #[test]
    fn seven_answers_are_a_profile() {
        use Input::{Pressed, Said};
        let (set, then, _) = tell(&[
            Pressed(Reply::Pick(0)),
            Said("dream pop,  shoegaze"),
            Pressed(Reply::Pick(1)),
            Said("play Berghain"),
            Said("skip"),
            Said("Berlin"),
            Said("yes"),
            Pressed(Reply::Pick(4)),
        ]);
        let set: Vec<(&str, &str)> = set
            .iter()
            .map(|(field, value)| (field.name(), value.as_str()))
            .collect();
        assert_eq!(then, Then::Done);
        assert_eq!(
            set,
            [
                ("name", "Ann"),
                ("genres", "dream pop, shoegaze"),
                ("stage", "Building an audience"),
                ("goal", "play Berghain"),
                ("zone", "Europe/Berlin"),
                ("language", "Deutsch"),
            ]
        );
    }

    #[test]
    fn a_place_is_asked_back_and_may_be_wrong() {
        use Input::{Pressed, Said};
        let skips = [Pressed(Reply::Skip); 5];
        let (_, then, state) = tell(&skips);
        assert_eq!((then, state.field()), (Then::Ask, Some(Field::Zone)));
        let guessed = step(&state, Said("paris"));
        assert_eq!(guessed.state.zone.as_deref(), Some("Europe/Paris"));
        let wrong = step(&guessed.state, Pressed(Reply::Pick(1)));
        assert_eq!((wrong.set, &wrong.state.zone), (None, &None));
        let other = step(&guessed.state, Said("Lisbon"));
        assert_eq!(other.state.zone.as_deref(), Some("Europe/Lisbon"));
        assert_eq!(step(&state, Said("Atlantis")).then, Then::Unclear);
    }

    #[test]
    fn whoever_stops_goes_on_where_they_were() {
        use Input::{Pressed, Said};
        let (_, then, state) = tell(&[Said("Ann"), Said("folk"), Said("later")]);
        assert_eq!((then, state.paused), (Then::Stopped, true));
        assert_eq!(state.field(), Some(Field::Stage));
        let (_, _, back) = tell(&[Said("Ann"), Pressed(Reply::Back), Pressed(Reply::Back)]);
        assert_eq!(back.field(), Some(Field::Name));
    }

    proptest! {
        /// Whatever is said or pressed: it never panics, sets only what is asked, and goes one question at a time.
        #[test]
        fn one_question_at_a_time(
            inputs in proptest::collection::vec((".{0,400}", 0_usize..8, 0_u8..6), 0..40),
        ) {
            let mut state = begin();
            for (text, number, how) in &inputs {
                let input = match how {
                    0 => Input::Pressed(Reply::Pick(*number)),
                    1 => Input::Pressed(Reply::Skip),
                    2 => Input::Pressed(Reply::Back),
                    3 => Input::Pressed(Reply::Stop),
                    _ => Input::Said(text),
                };
                let (asked, at) = (state.field(), state.step);
                let next = step(&state, input);
                if let Some((field, value)) = &next.set {
                    prop_assert_eq!(Some(*field), asked);
                    prop_assert!(!value.trim().is_empty() && value.chars().count() <= MOST);
                }
                prop_assert!(next.state.step.abs_diff(at) <= 1);
                prop_assert_eq!(next.then == Then::Done, next.state.field().is_none());
                if next.then == Then::Done {
                    break;
                }
                state = next.state;
            }
        }
    }
}
