//! What an act is told: amounts, names, periods, kinds, by patterns. Names as in `config/acts.toml`,
//! words of values in `config/slots.txt`.
//!
//! A value is as the person wrote it, or the one name that its words stand for. What is not said is
//! not there; nothing is guessed.

mod find;

use std::collections::BTreeMap;

use super::act::Act;
use super::concepts::Concepts;
use super::features::Cut;

use find::Line;

const TABLE: &str = include_str!("../../../config/slots.txt");

/// Finds what acts are told.
#[derive(Debug)]
pub(super) struct Slots {
    table: Concepts,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            table: Concepts::read(TABLE),
        }
    }
}

/// Where the value of a slot is looked for.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Words that stand for a value of the slot.
    Words,
    /// Words that stand for a value of another slot's name.
    WordsOf(&'static str),
    /// A sum of money.
    Amount,
    /// A number of songs or steps.
    Count,
    /// A length of time.
    Span,
    /// A calendar date or a day.
    Date,
    /// A percentage or a bare figure.
    Level,
    /// A place in a track.
    Position,
    /// Between quotation marks or behind "called", else a name in capitals.
    Name,
    /// Between quotation marks or behind "called".
    Titled,
    /// What follows these words, up to the next mark.
    After(&'static str),
    /// A name in capitals that follows these words.
    NameAfter(&'static str),
    /// What follows the words of an order to play.
    Played,
    /// A code of letters and figures.
    Code,
    /// The whole line.
    All,
}

impl Act {
    /// Its slots, as in `config/acts.toml`, and where each is looked for; the first find counts.
    const fn slots(self) -> &'static [(&'static str, &'static [Place])] {
        use Place::{
            After, All, Amount, Code, Count, Date, Level, Name, NameAfter, Played, Position, Span,
            Titled, Words, WordsOf,
        };
        match self {
            Self::Ask => &[("topic", &[After("about"), All])],
            Self::Chat | Self::Crisis => &[],
            Self::WorkflowCreate => &[
                ("trigger", &[After("when")]),
                ("condition", &[After("more")]),
                ("action", &[All]),
                ("change", &[After("change")]),
                ("name", &[After("called")]),
            ],
            Self::WorkflowStatus => &[("name", &[Name])],
            Self::WorkflowPause => &[
                ("name", &[Name]),
                ("state", &[Words]),
                ("until", &[After("until")]),
            ],
            Self::Earnings => &[
                ("period", &[Words, Span]),
                ("source", &[WordsOf("service"), Words]),
                ("song", &[Name]),
                ("territory", &[Words]),
                ("compare", &[After("versus")]),
                ("currency", &[Words]),
            ],
            Self::Payout => &[
                ("amount", &[Amount]),
                ("currency", &[Words]),
                ("account", &[Words]),
            ],
            Self::CareerPlan => &[
                ("goal", &[After("for"), After("about")]),
                ("horizon", &[Span]),
                ("budget", &[Amount]),
                ("change", &[After("change")]),
            ],
            Self::Content => &[
                ("kind", &[Words]),
                ("subject", &[After("about"), After("for"), Name]),
                ("tone", &[Words]),
                ("length", &[Words]),
                ("language", &[Words]),
            ],
            Self::Lyrics => &[
                ("song", &[Name]),
                ("part", &[Words]),
                ("theme", &[After("about")]),
                ("mood", &[Words]),
            ],
            Self::ReleaseSubmit => &[
                ("title", &[Name]),
                ("date", &[Date]),
                ("stores", &[WordsOf("service")]),
            ],
            Self::ReleaseStatus => &[("title", &[Name])],
            Self::Approvals => &[("state", &[Words])],
            Self::Approve => &[("subject", &[Name])],
            Self::Reject => &[
                ("subject", &[Name]),
                ("reason", &[After("because")]),
                ("change", &[After("change")]),
            ],
            Self::Playlist => &[
                ("mood", &[Words, WordsOf("genre")]),
                ("count", &[Count]),
                ("duration", &[Span]),
                ("name", &[Name]),
                ("change", &[Words]),
            ],
            Self::Play => &[
                ("title", &[Titled, Played]),
                ("artist", &[NameAfter("by")]),
                ("mood", &[Words, WordsOf("genre")]),
                ("device", &[Words]),
            ],
            Self::Pause => &[("duration", &[Span])],
            Self::Skip => &[("direction", &[Words]), ("count", &[Count])],
            Self::Queue => &[
                ("title", &[Titled, Played]),
                ("position", &[Words]),
                ("change", &[Words]),
            ],
            Self::NowPlaying => &[("detail", &[Words])],
            Self::Recommend => &[
                ("mood", &[Words]),
                ("genre", &[Words]),
                ("like", &[NameAfter("like"), After("like")]),
                ("count", &[Count]),
            ],
            Self::Player => &[
                ("shuffle", &[Words]),
                ("repeat", &[Words]),
                ("position", &[Position, Words]),
                ("volume", &[Level, Words]),
                ("device", &[Words]),
            ],
            Self::Tip => &[
                ("amount", &[Amount]),
                ("currency", &[Words]),
                ("to", &[NameAfter("for"), Name]),
                ("repeat", &[Words]),
            ],
            Self::UploadHelp => &[("kind", &[Words]), ("format", &[Words])],
            Self::Documents => &[
                ("action", &[Words]),
                (
                    "person",
                    &[NameAfter("with"), NameAfter("for"), WordsOf("human.person")],
                ),
                ("name", &[Name, WordsOf("upload_help.kind")]),
            ],
            Self::Forget => &[("subject", &[Name, Words, After("about")])],
            Self::Why => &[("subject", &[Words])],
            Self::Settings => &[
                ("setting", &[Words]),
                ("value", &[WordsOf("language"), Words, Level]),
            ],
            Self::Link => &[
                ("service", &[Words]),
                ("state", &[Words]),
                ("code", &[Code]),
            ],
            Self::Feedback => &[("rating", &[Words]), ("comment", &[All])],
            Self::StopNudges => &[("kind", &[Words]), ("until", &[After("until")])],
            Self::Human => &[
                ("person", &[Words, Name]),
                ("reason", &[After("because"), After("about")]),
            ],
        }
    }
}

impl Act {
    /// The names of its slots.
    pub fn slot_names(self) -> impl Iterator<Item = &'static str> {
        self.slots().iter().map(|(name, _)| *name)
    }
}

impl Slots {
    /// What this act is told by a line.
    pub(super) fn of(&self, text: &str, cut: &Cut, act: Act) -> BTreeMap<String, String> {
        let line = Line::new(&self.table, text, &cut.tokens);
        let mut found = BTreeMap::new();
        for (slot, places) in act.slots() {
            let value = places
                .iter()
                .find_map(|place| read(&line, act, slot, *place));
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                found.insert((*slot).to_owned(), value);
            }
        }
        found
    }
}

fn read(line: &Line<'_>, act: Act, slot: &str, place: Place) -> Option<String> {
    match place {
        Place::Words => line
            .value(&format!("{}.{slot}=", act.name()))
            .or_else(|| line.value(&format!("{slot}="))),
        Place::WordsOf(other) => line.value(&format!("{other}=")),
        Place::Amount => line.amount(),
        Place::Count => line.count(),
        Place::Span => line.span(),
        Place::Date => line.date(),
        Place::Level => line.level(),
        Place::Position => line.position(),
        Place::Name => line.name(),
        Place::Titled => line.titled(),
        Place::After(words) => line.after(words),
        Place::NameAfter(words) => line.name_after(words),
        Place::Played => line.played(),
        Place::Code => line.code(),
        Place::All => Some(line.text.trim().to_owned()),
    }
}
