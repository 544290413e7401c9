//! What people read about being written to unasked.

use std::fmt::Write as _;

use super::plain;
use crate::model::{Category, Minute, NudgeSettings, Time};

/// The buttons under what is said unasked.
pub const NUDGE_WHY: &str = "Why?";
pub const NUDGE_LESS: &str = "Less";
pub const NUDGE_SNOOZE: &str = "Snooze";
pub const NUDGE_STOP: &str = "Stop";
/// The buttons of what is suggested, beside what it is and [`super::NOT_NOW`].
pub const NUDGE_NEVER: &str = "Never";
/// After a stop.
pub const NUDGE_RESUME: &str = "Write to me again";
/// The answers to the first question.
pub const NUDGE_ALL: &str = "Yes, all of it";
pub const NUDGE_CHOOSE: &str = "Let me choose";
pub const NUDGE_NONE: &str = "No";

/// `/nudges` where others read along.
pub const NUDGES_ALONE: &str = "Ask me that in a chat with me alone.";

/// What was written behind `/nudges` is not understood.
pub const NUDGE_UNCLEAR: &str = "I didn't understand that. Write `/nudges earnings off`, `/nudges less`, \
    `/nudges snooze 5`, `/nudges quiet 22-8`, `/nudges stop` or `/nudges resume`.";

/// It is somebody else's, or long gone.
pub const NUDGE_GONE: &str =
    "I don't have that message any more. /nudges shows what I write to you about.";

/// After a stop.
pub const NUDGE_STOPPED: &str =
    "I won't write to you unasked any more. /nudges lets me again, if you ever want that.";

/// After "no" to all.
pub const NUDGE_REFUSED: &str = "Fine: I only answer when you write. /nudges changes that.";

/// After "less".
pub const NUDGE_FEWER: &str =
    "From now on I write to you half as often. `/nudges usual` takes that back.";

/// After "not now".
pub const NUDGE_LATER: &str = "Fine, not now.";

/// After "never".
pub const NUDGE_NEVER_AGAIN: &str = "I won't suggest that kind of thing to you again.";

/// A suggestion whose time is over.
pub const RECOMMENDATION_EXPIRED: &str =
    "That suggestion is too old now. Tell me if you still want it.";

/// A suggestion that was answered before.
pub const RECOMMENDATION_ANSWERED: &str = "You answered that already.";

/// The first line of several things that are said together.
pub const NUDGE_DIGEST: &str = "**A few things for you**";

/// Asks once whether somebody wants to be written to.
pub const NUDGE_CONSENT: &str = "May I write to you on my own when something is worth saying? For example when money \
    came in, a release is near, a plan stands still, or your fans reach a number. At most once a day and three times a \
    week, never at night, and one press stops it.";

/// Behind it, where nobody knows the time zone.
const NUDGE_ZONE: &str = "I don't know your time zone yet, so I can't know your nights. Tell me with \
    `/settings zone Berlin` (your city); until then I keep to early evening in Europe, noon in New York.";

/// What a category is about.
pub const fn category(category: Category) -> &'static str {
    match category {
        Category::Earnings => "Earnings",
        Category::Releases => "Releases",
        Category::Coaching => "Goals and plans",
        Category::Fans => "Fans",
    }
}

/// The first question.
pub fn nudge_consent(zone_is_known: bool) -> String {
    match zone_is_known {
        true => NUDGE_CONSENT.to_owned(),
        false => format!("{NUDGE_CONSENT}\n\n{NUDGE_ZONE}"),
    }
}

/// A switch for a category.
pub fn nudge_switch(about: Category, is_on: bool) -> String {
    let word = if is_on { "on" } else { "off" };
    format!("{}: {word}", category(about))
}

/// After "snooze".
pub fn nudge_snoozed(until: &str) -> String {
    format!("I won't write to you unasked until {until}. `/nudges resume` ends that.")
}

/// Several things in one message, each under its number.
pub fn nudge_digest(texts: &[&str]) -> String {
    let mut all = NUDGE_DIGEST.to_owned();
    for (number, text) in (1..).zip(texts) {
        write!(all, "\n\n{number}. {text}").ok();
    }
    all
}

/// What is known of somebody's own hours.
#[derive(Debug, Clone, Copy)]
pub struct NudgeHours<'a> {
    pub quiet: (Minute, Minute),
    /// Where the zone is not known: the hours that are open, in UTC.
    pub window: (Minute, Minute),
    /// The name of the zone, or empty.
    pub zone: &'a str,
    /// What the clock shows there.
    pub clock: &'a str,
    pub per_day: u32,
    pub per_week: u32,
}

/// `/nudges`: what was agreed to, when it is quiet, what waits, what was sent.
pub fn nudge_settings(
    wants: &NudgeSettings,
    (hours, snoozed): (NudgeHours<'_>, Option<&str>),
    (waiting, sent): (&[String], &[String]),
) -> String {
    let NudgeHours {
        quiet,
        window,
        zone,
        clock,
        per_day,
        per_week,
    } = hours;
    let mut text = "**What I may write to you about on my own**".to_owned();
    for about in Category::ALL {
        let word = if wants.agreed.contains(&about) {
            "yes"
        } else {
            "no"
        };
        write!(text, "\n- {}: {word}", category(about)).ok();
    }
    if !wants.has_answered() {
        text.push_str("\n\nYou have not told me yet, so I say nothing on my own.");
    }
    match zone.is_empty() {
        true => {
            write!(
                text,
                "\n\nI don't know your time zone: I only write between {} and {} UTC. `/settings zone Berlin` (your \
                 city) tells me.",
                window.0, window.1
            )
            .ok();
        }
        false => {
            write!(
                text,
                "\n\nQuiet from {} to {}, by the clock of {} ({clock} now).",
                quiet.0,
                quiet.1,
                plain(zone)
            )
            .ok();
        }
    }
    write!(text, " At most {per_day} a day and {per_week} a week").ok();
    match wants.less {
        0 => text.push('.'),
        less => write!(
            text,
            "; you wanted less: every span is {} times as long.",
            1_u32 << less.min(3)
        )
        .unwrap_or(()),
    }
    if wants.is_stopped() {
        text.push_str("\n\n**You stopped all of it.**");
    } else if let Some(until) = snoozed {
        write!(text, "\n\n**Nothing until {until}.**").ok();
    }
    for (title, lines) in [("Waiting", waiting), ("Sent lately", sent)] {
        if !lines.is_empty() {
            write!(text, "\n\n{title}:").ok();
            lines
                .iter()
                .for_each(|line| write!(text, "\n- {line}").unwrap_or(()));
        }
    }
    text
}

/// Something that waits, and for what.
pub fn nudge_waits(text: &str, rule: &str) -> String {
    let words: String = plain(first_line(text)).chars().take(80).collect();
    match rule {
        "" => words,
        rule => format!("{words} (waits: {})", nudge_rule(rule)),
    }
}

/// Something that was said, when, and what became of it.
pub fn nudge_was_sent(text: &str, day: &str, outcome: &str) -> String {
    let words: String = plain(first_line(text)).chars().take(80).collect();
    match outcome {
        "" => format!("{day}: {words}"),
        outcome => format!("{day}: {words} ({outcome})"),
    }
}

fn first_line(text: &str) -> &str {
    text.lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
}

/// A rule of the gate, for people.
pub fn nudge_rule(rule: &str) -> &'static str {
    match rule {
        "words" => "it has words, and a reason",
        "expiry" => "its time is not over",
        "stop" => "you did not stop me",
        "consent" => "you agreed to this subject",
        "never" => "you never said “never” to this kind",
        "snooze" => "no snooze is running",
        "care" => "I was not leaving you alone for a while",
        "unanswered" => "nothing of the same kind waits for your answer",
        "reach" => "there is a chat that reaches you",
        "open" => "you were not in the middle of talking with me",
        "pause" => "you did not ignore the last ones",
        "week" => "the number a week is not used up",
        "day" => "the number a day is not used up",
        "spacing" => "enough time since the last one",
        "quiet" => "it is not one of your quiet hours",
        "hour" => "the hour at which you seem to like it best",
        "reason" => "the reason still holds",
        _ => "something went wrong",
    }
}

/// Why something was said.
pub fn nudge_why((why, kind): (&str, &str), rules: &[&str], about: (&str, usize, u32)) -> String {
    let (local, week, per_week) = about;
    let mut text = format!(
        "**Why I wrote this** ({kind})\n{why}\n\nIt was {local} for you, and number {week} of at most {per_week} in seven days. What let it through:"
    );
    for rule in rules {
        write!(text, "\n- {}", nudge_rule(rule)).ok();
    }
    text.push_str("\n\n/nudges changes what I write about.");
    text
}

/// The local time of a moment, in words, where the zone is not known in UTC.
pub fn nudge_clock(clock: &str, zone: &str) -> String {
    match zone {
        "" => format!("{clock} UTC"),
        _ => clock.to_owned(),
    }
}

/// Something waited a day for somebody's decision.
pub fn approval_waits(subjects: &[&str], more: usize) -> String {
    let named: Vec<String> = subjects.iter().map(|subject| plain(subject)).collect();
    let named = named.join(", ");
    match (subjects.len(), more) {
        (1, 0) => format!("{named} waits for your decision. /approvals shows it."),
        (_, 0) => format!("These wait for your decision: {named}. /approvals shows them."),
        (_, more) => {
            format!("These wait for your decision: {named} and {more} more. /approvals shows them.")
        }
    }
}

/// Why that is said.
pub fn approval_waits_why(count: usize, oldest: Time) -> String {
    let plural = if count == 1 {
        "request has"
    } else {
        "requests have"
    };
    format!("{count} {plural} waited for you for more than a day, the oldest since {oldest}.")
}
