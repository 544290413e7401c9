//! Thumbs on answers. A thumbs down asks what was wrong.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::memory::habits::Style;
use crate::model::{
    Event, EventId, Failure, FeedbackId, Happening, Outcome, Shown, ThumbPress, TurnId, phrases,
};
use crate::store::{Change, NewFeedback, put_said_style};

use super::{Call, Capability, Hands, Ran, Risk, Whose};

/// Longest reason that is kept, in characters.
const LONGEST: usize = 1_000;

/// Notes what somebody thinks of an answer.
pub(super) struct Feedback;

/// What somebody thinks.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// Whether the answer helped.
    pub good: bool,
    /// What was wrong in one word: wrong, unclear, long, tone, other; empty where nothing was.
    #[serde(default)]
    pub reason: String,
    /// What was wrong, in the person's words.
    #[serde(default)]
    pub words: String,
    /// The answer it is about; the newest one without it.
    #[serde(default)]
    #[schemars(skip)]
    pub turn: Option<String>,
}

impl Capability for Feedback {
    const NAME: &'static str = "feedback";
    const ABOUT: &'static str = "Notes whether an answer helped, and what was wrong with it.";
    const RISK: Risk = Risk::Write;
    const WHOSE: Whose = Whose::Everybody;
    type Args = Args;

    fn preview(args: &Args) -> String {
        phrases::would_note_feedback(args.good)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        let Args {
            good,
            reason,
            words,
            turn,
        } = args;
        let turn: Option<TurnId> = turn.and_then(|id| id.parse().ok());
        let turn = match turn {
            Some(turn) => Some(turn),
            None => hands.store.last_answer(call.address).await?,
        };
        let Some(turn) = turn else {
            let nothing = phrases::NO_ANSWER_YET.to_owned();
            return Ok(Ran::only(Outcome::Refused(nothing)));
        };
        let row = NewFeedback {
            id: FeedbackId::new(&hands.ids),
            person: call.person,
            turn,
            good: good.into(),
            reason: reason.chars().take(LONGEST).collect(),
            words: words.chars().take(LONGEST).collect(),
            at: call.now,
        };
        let mut writes = vec![row.write()?];
        let is_long = !good && row.reason == "long";
        if is_long {
            let known = hands.store.habits(call.person).await?;
            let style = Style::read(&known.said).with("length", "short");
            let style = style.map(|style| put_said_style(call.person, &style.stored()));
            writes.extend(style.transpose()?);
        }
        let says_why = !row.reason.is_empty() || !row.words.is_empty();
        let event = Event {
            id: EventId::new(&hands.ids),
            at: call.now,
            person: Some(call.person),
            artist: call.artist(),
            address: Some(call.address.clone()),
            what: Happening::FeedbackGiven { good },
        };
        let shown = match (good, says_why) {
            (true, _) => Shown::text(phrases::THANKS_GOOD),
            (false, true) if is_long => Shown::text(phrases::learned::KEEPS_SHORT),
            (false, true) => Shown::text(phrases::THANKS_BAD),
            (false, false) => {
                let buttons = phrases::WHAT_WAS_WRONG.iter();
                let row = |(word, label): &(&'static str, &'static str)| {
                    vec![ThumbPress::Why(turn, word).button(*label)]
                };
                let mut rows: Vec<_> = buttons.map(row).collect();
                rows.push(vec![ThumbPress::Skip.button(phrases::SKIP_WHY)]);
                Shown::with(phrases::ASK_WHAT_WAS_WRONG, rows)
            }
        };
        metrics::counter!("toney_feedback_total", "good" => good.to_string()).increment(1);
        Ok(Ran {
            change: Change {
                writes,
                events: vec![event],
                ..Change::default()
            },
            ..Ran::only(Outcome::Done(shown))
        })
    }
}
