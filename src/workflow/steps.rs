//! What is to be done, as words say it, in the order in which it is said.

use super::definition::{Action, Trigger};
use super::text::{Groups, Place, Words};
use super::triggers::Found;

/// The steps that were found.
pub(super) struct Steps {
    pub(super) actions: Vec<Action>,
    /// Whether thanks are wanted and nothing says by which way.
    pub(super) thanks: bool,
}

/// The steps, from the words that no trigger and no condition used up.
pub(super) fn find(
    groups: &Groups,
    (words, mut left): (&Words, Words),
    (text, found): (&str, Option<&Found>),
) -> Steps {
    let trigger = found.map(|found| &found.trigger);
    let mut steps: Vec<(usize, Action)> = Vec::new();
    if let Some(place) = left.find(groups, "act.approval") {
        left.take(&place);
        steps.push((place.start, Action::AskApproval { question: None }));
    }
    if let Some((place, minutes)) = wait(groups, &left) {
        left.take(&place);
        steps.push((place.start, Action::Wait { minutes }));
    }
    // A task may be about anything; what stands behind it is its text.
    let task = left.find(groups, "act.task").map(|place| place.start);
    if let Some(at) = task {
        let rest = at..left.0.len();
        left.take(&rest);
        steps.push((
            at,
            Action::CreateTask {
                text: task_text(text),
            },
        ));
    }
    if let Some(place) = left.find(groups, "act.list")
        && !left.has(groups, "refuse.mass")
    {
        let list = list_name(&left, &place);
        left.take(&(place.start.saturating_sub(2)..place.end));
        steps.push((place.start, Action::AddToList { list }));
    }
    notify(groups, &mut left, text, &mut steps);
    let thanks = to_fans(groups, words, &mut left, (trigger, &mut steps));
    steps.sort_by_key(|(at, action)| (rank(action, *at), *at));
    let mut actions: Vec<Action> = steps.into_iter().map(|(_, action)| action).collect();
    front(&mut actions);
    Steps { actions, thanks }
}

/// Approval is asked for before anything that it could be about.
fn rank(action: &Action, at: usize) -> usize {
    match action {
        Action::AskApproval { .. } => 0,
        _ => at + 1,
    }
}

/// A wait at the end was meant for what stands before it.
fn front(actions: &mut [Action]) {
    if actions.len() > 1 && matches!(actions.last(), Some(Action::Wait { .. })) {
        actions.rotate_right(1);
    }
}

fn notify(groups: &Groups, left: &mut Words, text: &str, steps: &mut Vec<(usize, Action)>) {
    let mut is_said = false;
    while let Some(place) = left.find(groups, "act.notify") {
        // "Send me a message" is no message to anybody else, nor is what one is reminded of a step.
        let reminds = left.0.get(place.clone()).is_some_and(|words| {
            words.iter().any(|word| {
                [
                    "remind",
                    "recuerdame",
                    "erinnere",
                    "erinner",
                    "rappelle",
                    "lembra",
                    "lembre",
                ]
                .contains(&word.as_str())
            })
        });
        let mut until = place.end;
        if reminds {
            until = left.0.len();
        } else {
            while until < left.0.len()
                && [
                    "a",
                    "an",
                    "message",
                    "mail",
                    "email",
                    "e",
                    "note",
                    "the",
                    "un",
                    "eine",
                    "nachricht",
                    "mensaje",
                    "mensagem",
                    "correo",
                    "quick",
                    "line",
                    "dm",
                ]
                .contains(&left.word(until))
            {
                until += 1;
            }
        }
        if !is_said {
            let text = if reminds { reminder(text) } else { None };
            steps.push((place.start, Action::NotifyArtist { text }));
            is_said = true;
        }
        left.take(&(place.start..until));
    }
}

fn to_fans(
    groups: &Groups,
    words: &Words,
    left: &mut Words,
    (trigger, steps): (Option<&Trigger>, &mut Vec<(usize, Action)>),
) -> bool {
    let post = left.find(groups, "act.post");
    if let Some(place) = &post {
        left.take(place);
        steps.push((place.start, Action::PostAnnouncement { text: None }));
    }
    let is_open = trigger.is_none_or(Trigger::has_fan);
    let email = left.find(groups, "act.email");
    let chat = left.find(groups, "act.chat").filter(|place| {
        // In the channel or as a chat, not "a message" that is an e-mail.
        email
            .as_ref()
            .is_none_or(|email| email.start != place.start)
    });
    let sends = left
        .find(groups, "act.send")
        .filter(|_| email.is_none() && post.is_none());
    let chat = chat.or(sends);
    let thank = left.find(groups, "act.thank");
    let greet = left.find(groups, "act.greet");
    let is_newsletter = |place: &Place| words.word(place.start) == "mails" && trigger.is_none();
    if let Some(place) = email.clone().filter(|place| !is_newsletter(place)) {
        steps.push((
            place.start,
            Action::SendEmail {
                subject: None,
                text: None,
            },
        ));
    }
    if let Some(place) = chat.clone() {
        steps.push((place.start, Action::SendChat { text: None }));
    }
    let is_bare = email.is_none() && chat.is_none() && post.is_none() && is_open;
    match (thank, greet) {
        (Some(place), _) if is_bare => {
            steps.push((
                place.start,
                Action::SendEmail {
                    subject: None,
                    text: None,
                },
            ));
            steps.push((place.start, Action::SendChat { text: None }));
            true
        }
        (None, Some(place)) if is_bare => {
            steps.push((place.start, Action::SendChat { text: None }));
            false
        }
        _ => false,
    }
}

/// "Wait two hours", "two days later", "three days after they join".
fn wait(groups: &Groups, words: &Words) -> Option<(Place, u32)> {
    let units = [
        ("span.minute", 1),
        ("span.hour", 60),
        ("span.day", 24 * 60),
        ("span.week", 7 * 24 * 60),
    ];
    let opens = words.find(groups, "wait");
    (1..words.0.len()).find_map(|at| {
        let (place, factor) = units
            .iter()
            .find_map(|(name, factor)| Some((words.at(groups, name, at)?, *factor)))?;
        let count: u32 = words.number(groups, at - 1)?.parse().ok()?;
        let waits = opens
            .as_ref()
            .is_some_and(|open| open.end + 1 >= at - 1 && open.start < at);
        let later = words.at(groups, "after", place.end);
        let after = at
            .checked_sub(2)
            .and_then(|at| words.at(groups, "after", at));
        let start = match (&opens, waits) {
            (Some(open), true) => open.start,
            _ => at - 1,
        };
        let is_wait = waits || later.is_some() || after.is_some();
        let end = later.map_or(place.end, |later| later.end);
        is_wait.then(|| (start..end, count.saturating_mul(factor)))
    })
}

fn list_name(words: &Words, place: &Place) -> String {
    let skip = [
        "my", "the", "our", "on", "to", "a", "la", "el", "die", "meine", "ma", "minha", "",
    ];
    let before: Vec<&str> = (place.start.saturating_sub(2)..place.start)
        .map(|at| words.word(at))
        .filter(|word| !skip.contains(word))
        .collect();
    if before.is_empty() {
        "fans".to_owned()
    } else {
        before.join(" ")
    }
}

/// What stands behind the first of these words, up to the end of the clause; short and in one line.
fn behind(text: &str, openings: &[&str]) -> Option<String> {
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        // Letters whose other case is longer would shift the place.
        return None;
    }
    let start = openings
        .iter()
        .filter_map(|opening| Some(lower.find(opening)? + opening.len()))
        .min()?;
    let rest = text.get(start..)?;
    let rest = rest.trim_start_matches([':', ' ', '-']);
    let ends = [". ", "; ", " and then ", " when ", " every "];
    let end = ends.iter().filter_map(|end| rest.find(end)).min();
    let rest = rest.get(..end.unwrap_or(rest.len()))?;
    let line: String = rest
        .chars()
        .filter(|letter| !letter.is_control())
        .take(200)
        .collect();
    let line = line
        .trim()
        .trim_end_matches(['.', '!', ','])
        .replace(['{', '}'], "");
    (line.chars().count() > 2).then_some(line)
}

fn reminder(text: &str) -> Option<String> {
    behind(
        text,
        &[
            "remind me to ",
            "remind me of ",
            "remind me about ",
            "me lembra de ",
            "rappelle-moi de ",
            "rappelle-moi d'",
        ],
    )
}

fn task_text(text: &str) -> String {
    let opens = [
        "task to ",
        "task:",
        "to-do to ",
        "todo to ",
        "task for me to ",
        "aufgabe anlegen:",
        "task ",
    ];
    behind(text, &opens).unwrap_or_else(|| {
        let line: String = text
            .chars()
            .filter(|letter| !letter.is_control())
            .take(120)
            .collect();
        line.replace(['{', '}'], "")
    })
}
