//! What becomes of each act: words, a command, or a plain word that it cannot be done yet.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::capability::Kind;

use super::Command;
use super::intent::Act;

/// What an act leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Words are enough.
    Words,
    /// A command does it.
    Command(Command),
    /// Somebody may be in danger.
    Crisis,
    /// It cannot be done yet. What it would do stands behind "you want me to", and speaks to nobody.
    Missing(&'static str),
}

/// What an act leads to.
pub(super) const fn way(act: Act) -> Way {
    match act {
        Act::Ask
        | Act::Chat
        | Act::CareerPlan
        | Act::Content
        | Act::Lyrics
        | Act::UploadHelp
        | Act::Feedback => Way::Words,
        Act::Documents => Way::Command(Command::Docs),
        Act::Earnings => Way::Command(Command::Earnings),
        Act::Forget => Way::Command(Command::Forget),
        Act::Why => Way::Command(Command::Why),
        Act::Tip => Way::Command(Command::Tip),
        Act::Crisis => Way::Crisis,
        Act::WorkflowCreate => Way::Missing("set up an automation"),
        Act::WorkflowStatus => Way::Missing("look after automations"),
        Act::WorkflowPause => Way::Missing("pause or resume an automation"),
        Act::Payout => Way::Missing("pay money out"),
        Act::ReleaseSubmit => Way::Missing("hand in a release"),
        Act::ReleaseStatus => Way::Missing("follow a release to the stores"),
        Act::Approvals => Way::Missing("show what waits for a decision"),
        Act::Approve | Act::Reject => Way::Missing("record a decision"),
        Act::Playlist => Way::Missing("make a playlist"),
        Act::Play | Act::Pause | Act::Skip | Act::Queue | Act::NowPlaying | Act::Player => {
            Way::Missing("control the music player")
        }
        Act::Recommend => Way::Missing("recommend music by what was listened to"),
        Act::Settings => Way::Command(Command::Settings),
        Act::Link => Way::Command(Command::Link),
        Act::StopNudges => Way::Missing("change which reminders come"),
        Act::Human => Way::Command(Command::Human),
    }
}

/// The capability that does what an act wants without a model, and with what.
pub(super) fn deed(
    act: Act,
    slots: &BTreeMap<String, String>,
    said: &str,
) -> Option<(&'static str, Value)> {
    let slot = |name: &str| slots.get(name).map(String::as_str);
    match act {
        Act::Content => {
            let kind = slot("kind")
                .and_then(Kind::named)
                .or_else(|| Kind::named(said));
            let kind = kind.unwrap_or(Kind::Caption);
            let about = slot("subject").unwrap_or(said);
            Some(("content_writing", json!({"kind": kind, "brief": about})))
        }
        Act::Lyrics => Some(("lyrics_help", json!({"help": "go_on", "about": said}))),
        Act::CareerPlan => {
            let goal = slot("goal").unwrap_or_else(|| goal_in(said));
            Some((
                "career_plan",
                json!({"goal": goal, "weeks": slot("horizon").and_then(weeks)}),
            ))
        }
        Act::Feedback => {
            let good = slot("rating").is_some_and(|rating| rating == "good");
            Some(("feedback", json!({"good": good, "words": said})))
        }
        Act::Ask
        | Act::Chat
        | Act::UploadHelp
        | Act::Documents
        | Act::Forget
        | Act::Why
        | Act::Crisis
        | Act::WorkflowCreate
        | Act::WorkflowStatus
        | Act::WorkflowPause
        | Act::Earnings
        | Act::Payout
        | Act::ReleaseSubmit
        | Act::ReleaseStatus
        | Act::Approvals
        | Act::Approve
        | Act::Reject
        | Act::Playlist
        | Act::Play
        | Act::Pause
        | Act::Skip
        | Act::Queue
        | Act::NowPlaying
        | Act::Player
        | Act::Recommend
        | Act::Tip
        | Act::Settings
        | Act::Link
        | Act::StopNudges
        | Act::Human => None,
    }
}

/// What a plan is for, without the words that order it.
fn goal_in(said: &str) -> &str {
    let lower = said.to_lowercase();
    let ends = [
        "plan to ",
        "plan for ",
        "roadmap to ",
        "roadmap for ",
        "strategy for ",
        "steps to ",
        "goal is to ",
    ];
    let begins = ends
        .iter()
        .find_map(|words| Some(lower.find(words)? + words.len()));
    // Lower-casing may change where a word stands.
    let rest = begins.and_then(|at| said.get(at..)).unwrap_or(said);
    rest.trim().trim_end_matches(['.', '!', '?'])
}

/// A span of time in whole weeks.
fn weeks(span: &str) -> Option<u32> {
    let digits: String = span.chars().filter(char::is_ascii_digit).collect();
    let count: u32 = digits.parse().ok()?;
    let words = span.to_lowercase();
    let times =
        |unit: &str, days: u32| words.contains(unit).then(|| count.saturating_mul(days) / 7);
    times("year", 365)
        .or_else(|| times("month", 30))
        .or_else(|| times("week", 7))
        .or_else(|| times("day", 1))
        .map(|weeks| weeks.max(1))
}

/// What an act would do that cannot be done yet.
pub(super) const fn missing(act: Act) -> Option<&'static str> {
    match way(act) {
        Way::Missing(what) => Some(what),
        Way::Words | Way::Command(_) | Way::Crisis => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same words stand in what a person reads and in what a model is told about the person.
    #[test]
    fn what_is_missing_speaks_to_nobody() {
        for what in Act::ALL.into_iter().filter_map(missing) {
            let mut words = what.split(' ');
            assert!(
                !words.any(|word| matches!(word, "you" | "your" | "get")),
                "{what}"
            );
        }
    }
}
