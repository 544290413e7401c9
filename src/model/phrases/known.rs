//! What is said about what is known: /me, /goals, /settings, /invite.

/// `/me` where others read along.
pub const ME_ALONE: &str = "What I know of you is between the two of us. Ask me in a direct chat.";

/// Nothing is known of an artist.
pub const NOTHING_KNOWN: &str = "I know nothing of you yet but your name here.";

/// Under `/me`.
pub const BUTTON_GOALS: &str = "Goals";
/// Under `/me`.
pub const BUTTON_FACTS: &str = "What I remember";
/// Under `/me`.
pub const BUTTON_SETTINGS: &str = "Settings";
/// Under something that is known.
pub const BUTTON_CHANGE: &str = "Change";
/// Under something that is known.
pub const BUTTON_FORGET: &str = "Forget it";
/// Under a goal.
pub const BUTTON_REACHED: &str = "Reached";
/// Back to the whole.
pub const BUTTON_ALL: &str = "All of it";
/// Notes what was proposed.
pub const BUTTON_NOTE: &str = "Yes, note it";
/// Does not note it.
pub const BUTTON_NOT_THAT: &str = "No";

/// What was asked for is not there any more.
pub const GONE_ALREADY: &str = "That is gone already.";

/// A goal was noted.
pub const GOAL_NOTED: &str = "Noted. /goals shows all of them.";

/// A proposal was turned down.
pub const NOT_NOTED: &str = "All right, I don't note it.";

/// A goal was reached.
pub const GOAL_REACHED: &str = "Congratulations! I marked it as reached.";

/// Something was forgotten.
pub const FORGOTTEN: &str = "Forgotten.";

/// `/goals` without any.
pub const NO_GOALS: &str = "No goal is noted. Tell me one: /goals play a sold-out show at home";

/// No facts.
pub const NO_FACTS: &str = "I keep nothing in mind that you said of yourself. When you tell me something lasting, like where you live or what you play, I remember it on all your platforms.";

/// Facts are off.
pub const FACTS_OFF: &str = "You switched off that I keep in mind what you say of yourself, so I remember nothing. /settings memory on turns it on.";

/// All facts were forgotten.
pub const FACTS_GONE: &str =
    "Done: I forgot everything that you said of yourself. The talk itself ends with /new.";

/// Nobody of that name.
pub const NOT_YOUR_ARTIST: &str = "You work for no artist of that name.";

/// Somebody without the role for it.
pub const NOT_YOURS_TO_DO: &str = "That is for the artist to decide.";

/// Somebody who works for no artist.
pub const FOR_NO_ARTIST: &str = "You work for no artist here, so there is nothing to show. Whoever runs me can give you a code to join.";

/// The last artist cannot leave.
pub const LAST_ARTIST: &str =
    "Somebody has to stay: you are the only one who is this artist. Whoever runs me can help.";

/// Really removes somebody.
pub const BUTTON_REALLY_REMOVE: &str = "Remove";

/// A setting nobody knows.
pub const UNKNOWN_SETTING: &str = "I don't know that setting. These are yours: language, zone, voice, memory, reminders. For example: /settings zone Lisbon";

/// A time zone nobody knows.
pub const UNKNOWN_ZONE: &str =
    "I don't know that place. Name a large city, a country, or something like UTC+2.";

/// A language that is no name of one.
pub const UNKNOWN_LANGUAGE: &str = "Write the name of a language in one word, like Portuguese; or auto, and I answer in the one you write in.";

/// Something that is known, with where it came from.
pub fn known_line(field: &str, value: &str, from: &str) -> String {
    format!("- **{field}**: {value} _({from})_")
}

/// Where something came from and when.
pub fn said_on(how: &str, day: &str) -> String {
    match how {
        "asked" => format!("you answered on {day}"),
        "settings" => format!("you set it on {day}"),
        "said" => format!("you said so on {day}"),
        "rules" | "model" => format!("you said so on {day}"),
        other => format!("from {other}, {day}"),
    }
}

/// Where something came from that somebody else of the team said.
pub fn said_by_team(day: &str) -> String {
    format!("said by the artist's team on {day}")
}

/// Where something came from that was always there.
pub const SINCE_EVER: &str = "that is the name you are looked after under";

/// Above what is known.
pub fn me_head(artist: &str, standing: &str) -> String {
    format!("**What I know of {artist}** (you: {standing})")
}

/// Sources that did not answer.
pub fn me_missing(names: &str) -> String {
    format!("_I couldn't reach: {names}. Ask again in a moment._")
}

/// For whom somebody works besides.
pub fn me_others(names: &str) -> String {
    format!("You also work for {names}. /me as NAME changes for whom.")
}

/// For whom somebody works now.
pub fn working_as(artist: &str) -> String {
    format!("From now on you work with me for **{artist}**, until you say otherwise.")
}

/// By which accounts somebody is known.
pub fn me_accounts(accounts: &str) -> String {
    format!("I know you by: {accounts}.")
}

/// A thing with the words in which it was said.
pub fn known_detail(field: &str, value: &str, why: &str) -> String {
    format!("**{field}**: {value}\n\nI know it because {why}.")
}

/// The words in which it was said.
pub fn known_quote(day: &str, words: &str) -> String {
    let words: String = words.chars().take(300).collect();
    let words = words.replace('\n', " ");
    format!("\n\nOn {day} you wrote:\n> {words}")
}

/// Asks for another value.
pub fn new_value(field: &str) -> String {
    format!("What shall stand there for **{field}**? Write it, or “later” to leave it as it is.")
}

/// A value was set.
pub fn value_set(field: &str, value: &str) -> String {
    format!("Noted, {field}: {value}")
}

/// Asks whether to note a goal.
pub fn note_goal(text: &str) -> String {
    format!("Shall I note that as your goal: “{text}”?")
}

/// Asks whether to note a need.
pub fn note_pain(text: &str) -> String {
    format!("Shall I note that as something in your way: “{text}”?")
}

/// A goal in a list.
pub fn goal_line(number: usize, text: &str, day: &str) -> String {
    format!("{number}. {text} _(since {day})_")
}

/// Above the goals.
pub const GOALS_HEAD: &str = "**Your goals**";
/// Above what is in the way.
pub const PAINS_HEAD: &str = "**In your way**";

/// A goal was set in place of the others.
pub fn goal_is_now(text: &str) -> String {
    format!("Your goal is now: “{text}”. What was noted before is dropped.")
}

/// Above what was said.
pub fn facts_head(count: usize) -> String {
    let what = if count == 1 {
        "one thing"
    } else {
        "these things"
    };
    format!(
        "**What I remember of you**: {what}, in your own words. Press a number to make me forget it."
    )
}

/// One of them.
pub fn fact_line(number: usize, text: &str, (day, place): (&str, &str)) -> String {
    let place = if place.is_empty() {
        String::new()
    } else {
        format!(", {place}")
    };
    format!("{number}. {text} _({day}{place})_")
}

/// Facts that were forgotten.
pub fn facts_forgotten(texts: &str) -> String {
    format!("Forgotten: {texts}")
}

/// `/settings`.
pub fn settings(
    (language, zone, clock): (&str, &str, &str),
    (voice, memory, reminders): (bool, bool, bool),
) -> String {
    let on = |is_on: bool| if is_on { "on" } else { "off" };
    let language = if language.is_empty() {
        "the one you write in"
    } else {
        language
    };
    let zone = match zone {
        "" => "not known; days are in UTC".to_owned(),
        zone => format!("{zone}, where it is {clock} now"),
    };
    format!(
        "**Settings**\n- **language** of my answers: {language}\n- **zone**: {zone}\n- **voice**: {}; voice notes are answered with a voice, too\n- **memory**: {}; I keep in mind what you say of yourself\n- **reminders**: {}; I offer to go on with what you left open\n\nPress a button, or write for example /settings zone Lisbon",
        on(voice),
        on(memory),
        on(reminders),
    )
}

/// A switch under the settings.
pub fn switch(name: &str, to: bool) -> String {
    let to = if to { "on" } else { "off" };
    format!("{name} {to}")
}

/// The team of an artist.
pub fn team_head(artist: &str) -> String {
    format!("**Who works for {artist}**")
}

/// Under the team.
pub const INVITE_MANAGER: &str = "Invite a manager";
/// Under the team.
pub const INVITE_FAN: &str = "Invite a fan";

/// Leaves an artist.
pub fn leave_artist(artist: &str) -> String {
    let artist: String = artist.chars().take(30).collect();
    format!("Leave {artist}")
}

/// Removes a member.
pub fn remove_member(name: &str) -> String {
    let name: String = name.chars().take(30).collect();
    format!("Remove {name}")
}

/// Before a member goes.
pub fn really_remove(name: &str, artist: &str) -> String {
    format!("**{name}** will reach nothing of {artist} any more. Sure?")
}

/// A member is gone.
pub fn removed(name: &str, artist: &str) -> String {
    format!("**{name}** doesn't work for {artist} any more.")
}

/// A code for somebody.
pub fn invitation(code: &str, (standing, artist): (&str, &str), link: Option<&str>) -> String {
    let how = match link {
        Some(link) => format!("Or they press this link, and that is enough: {link}"),
        None => {
            format!(
                "Where my name can be a link, put ?start={code} behind it, and one press is enough."
            )
        }
    };
    format!(
        "Whoever writes this to me within 7 days becomes {standing} for **{artist}**, once:\n\n`/start {code}`\n\n{how}"
    )
}

/// A passage that counted for more or less than for others.
pub fn by_thumbs(path: &str, percent: i64) -> String {
    format!("{path} (counts {percent} % for you, by your thumbs; /me learned)")
}
