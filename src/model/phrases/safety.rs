//! What humans read who are told that somebody may be in danger, and what `/safety` says. What is said to somebody in
//! danger stands in `config/safety/texts.toml`, in their language.

use crate::model::Time;

/// On the button of a page.
pub const ON_IT: &str = "I'm on it";
/// To whoever takes care of somebody.
pub const YOU_ARE_ON_IT: &str = "Thank you. I have told them that you are there. Get in touch now, and call the emergency number of their country if it cannot wait.";
/// The same where nobody could be told.
pub const YOU_ARE_ON_IT_ALONE: &str = "Thank you. I could not tell them that you are there. Get in touch now, and call the emergency number of their country if it cannot wait.";
/// To whoever pressed before.
pub const YOU_WERE_ON_IT: &str = "You take care of this already.";
/// The button stands under no copy of a page, or under one of somebody else.
pub const NOT_YOUR_PAGE: &str = "This page was not meant for you, so I have left it open.";

/// Somebody else was faster.
pub fn somebody_is_on_it(name: &str) -> String {
    format!("{name} takes care of this already.")
}

/// Everything on a page.
pub struct PageCard<'a> {
    /// Who may be in danger, or wrote of somebody who is.
    pub name: &'a str,
    pub is_imminent: bool,
    /// In words.
    pub topic: &'a str,
    pub is_other: bool,
    pub at: Time,
    /// How many messages there were.
    pub signs: i64,
    /// The platform's name.
    pub platform: &'a str,
    pub is_group: bool,
    /// May be empty.
    pub excerpt: &'a str,
    /// How often it went out before.
    pub circle: i64,
    /// Who takes care of it, and since when.
    pub taken: Option<(&'a str, Time)>,
}

/// A page as it stands in a chat.
pub fn page_card(card: &PageCard<'_>) -> String {
    let PageCard {
        name,
        is_imminent,
        topic,
        is_other,
        at,
        signs,
        platform,
        is_group,
        excerpt,
        circle,
        taken,
    } = card;
    let head = match is_imminent {
        true => "**Somebody may be in danger right now.**",
        false => "**Somebody may be in danger.**",
    };
    let whom = match is_other {
        true => ", about somebody else",
        false => "",
    };
    let place = match is_group {
        true => "in a group",
        false => "in a direct chat",
    };
    let mut lines = vec![
        head.to_owned(),
        String::new(),
        format!("Who: **{name}**{whom}"),
        format!("What it looks like: {}", topic.replace('_', " ")),
        format!("When: {at} UTC"),
        format!("Where: {platform}, {place}"),
    ];
    if *signs > 1 {
        lines.push(format!("Messages like this: {signs}"));
    }
    if !excerpt.is_empty() {
        let quoted = excerpt.lines().collect::<Vec<_>>().join("\n> ");
        lines.push(format!("\n> {quoted}"));
    }
    lines.push(String::new());
    lines.push(match (taken, circle) {
        (Some((by, at)), _) => format!("**{by}** takes care of it since {at} UTC."),
        (None, 0) => "They were shown where help is. Whoever presses first takes care of it, and they are told so.".to_owned(),
        (None, _) => "Nobody has taken care of it so far, so more people are told. They were shown where help is.".to_owned(),
    });
    lines.join("\n")
}

/// To whoever takes care of somebody, when there is more.
pub fn wrote_again(name: &str) -> String {
    format!("**{name}** has written again in the same way. The page above is up to date.")
}

/// What was understood, for `/why`.
pub const UNDERSTOOD_DANGER: &str = "somebody may be in danger, so fixed rules answered with a fixed text and no language model was asked";

/// What `/safety` says before the lines.
pub const SAFETY: &str = "**Safety**\n\nI'm Toney, an AI program, not a person, and no substitute for one.\n\nWhat I do:\n- Fixed rules look at each message before anything else. No language model decides that, and it works while all of them are down.\n- Whoever seems to be in danger gets a fixed text with lines to call, and nothing else. No language model writes it.\n- The people named for that are told: who, when, where, what it looks like, and a few words. They press a button when they take care of it, and only then do I say that somebody is there.\n- For some days I leave out reminders and unasked talk of money.\n\nWhat I don't do: diagnose, promise secrecy, call anybody, or keep watch. Rules overlook things and are wrong at times. If it is urgent, call; don't wait for me.";

/// Where the lines come from; `checked` is empty where nobody held them against their services.
pub fn lines_from(source: &str, checked: &str) -> String {
    match checked {
        "" => format!(
            "_These numbers come from {source}. Nobody has checked them against their services yet, so have another one at hand._"
        ),
        checked => {
            format!("_These numbers come from {source} and were last checked on {checked}._")
        }
    }
}

/// The emergency number of the country that is known.
pub fn emergency_is(number: &str) -> String {
    format!("Emergency number where you seem to be: **{number}**.")
}
