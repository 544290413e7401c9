//! What is said unasked, as a message: the words, the buttons, and what let it through. Pure.

use serde::{Deserialize, Serialize};

use crate::model::{Button, Content, Impulse, NudgeId, NudgePress as Press, Time, phrases};
use crate::store::{NewRecommendation, NudgeLetter};

use super::gate::{PersonState, Settings};
use super::rule::Rule;

/// A week, in milliseconds.
const WEEK: i64 = 7 * 86_400_000;

/// What let something through, kept with it so that it can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Passed {
    pub(super) rules: Vec<Rule>,
    /// What the person's clock showed, in words.
    pub(super) clock: String,
    /// The how-manieth of seven days it was.
    pub(super) week: usize,
    pub(super) per_week: u32,
}

impl Passed {
    pub(super) fn new(
        settings: &Settings,
        (letters, person): (&[NudgeLetter], &PersonState),
        (now, minute): (Time, u16),
    ) -> Self {
        let since = now.ms().saturating_sub(WEEK);
        let week = letters
            .iter()
            .filter(|one| !one.is_exempt && one.sent.ms() > since);
        let clock = format!("{:02}:{:02}", minute / 60, minute % 60);
        let is_known = settings.hours(&person.zone, None).is_known();
        Self {
            rules: Rule::ALL.into(),
            clock: phrases::nudge_clock(&clock, if is_known { &person.zone } else { "" }),
            week: week.count() + 1,
            per_week: settings.per_week,
        }
    }
}

/// The message: one thing by itself, several under their numbers, each deed with its own buttons.
pub(super) fn letter(
    (first, items): (NudgeId, &[(NudgeId, Impulse)]),
    offers: &[NewRecommendation],
) -> Content {
    let texts: Vec<&str> = items
        .iter()
        .map(|(_, impulse)| impulse.text.as_str())
        .collect();
    let text = match texts.as_slice() {
        [one] => (*one).to_owned(),
        several => phrases::nudge_digest(several),
    };
    let mut buttons = Vec::new();
    for (number, (id, _)) in (1..).zip(items) {
        let Some(offer) = offers.iter().find(|offer| offer.nudge == *id) else {
            continue;
        };
        let named = |label: &str| match texts.len() {
            1 => label.to_owned(),
            _ => format!("{number}: {label}"),
        };
        buttons.push(vec![
            Press::Yes(offer.id).button(named(&offer.label)),
            Press::Later(offer.id).button(named(phrases::NOT_NOW)),
            Press::Never(offer.id).button(named(phrases::NUDGE_NEVER)),
        ]);
    }
    buttons.push(under(first));
    Content::Message {
        text,
        buttons,
        reply_to: None,
        interaction: None,
    }
}

/// The buttons under everything that is said unasked.
fn under(id: NudgeId) -> Vec<Button> {
    vec![
        Press::Why(id).button(phrases::NUDGE_WHY),
        Press::Less(id).button(phrases::NUDGE_LESS),
        Press::Snooze(id).button(phrases::NUDGE_SNOOZE),
        Press::Stop(id).button(phrases::NUDGE_STOP),
    ]
}
