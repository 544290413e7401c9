//! What is said about how somebody writes: `/me habits`, and how it is corrected and forgotten.

/// Under `/me`: how somebody writes.
pub const BUTTON_HABITS: &str = "How you write";
/// Under how somebody writes.
pub const BUTTON_SHORTER: &str = "Write shorter";
/// Under how somebody writes.
pub const BUTTON_LONGER: &str = "Write longer";
/// Under how somebody writes.
pub const BUTTON_NO_EMOJI: &str = "No emoji";
/// Under how somebody writes.
pub const BUTTON_EMOJI: &str = "Emoji are fine";
/// Under how somebody writes: what was said of it counts no more.
pub const BUTTON_AS_SEEN: &str = "As I write";
/// Under how somebody writes.
pub const BUTTON_FORGET_HABITS: &str = "Forget all this";

/// Above how somebody writes.
pub const HABITS_HEAD: &str =
    "**How you write to me** (from our direct chats alone; nobody else sees it)";

/// Nothing is looked at.
pub const HABITS_OFF: &str = "You switched off that I keep in mind what you say, so I look at nothing of how you write. /settings memory on turns it on.";

/// It was forgotten.
pub const HABITS_FORGOTTEN: &str =
    "Forgotten. I start anew from your next message, and don't look back.";

/// A wish about style that is none.
pub const UNKNOWN_STYLE: &str = "I know these: /me style length short, medium or long; /me style tone casual, neutral or formal; /me style emoji none, some or many; and auto for each, to write as you do.";

/// There is too little.
pub fn too_few(messages: usize, enough: usize) -> String {
    format!(
        "I have {messages} of your messages; from {enough} on I can tell how you write. Until then I write as I would to anybody."
    )
}

/// The messages behind it.
pub fn basis(messages: usize, since: &str) -> String {
    match messages {
        1 => format!("from 1 message since {since}"),
        _ => format!("from {messages} messages since {since}"),
    }
}

/// A line of it.
pub fn habit_line(field: &str, value: &str, why: &str) -> String {
    match why {
        "" => format!("- **{field}**: {value}"),
        _ => format!("- **{field}**: {value} _({why})_"),
    }
}

/// Why a style is what it is: their own word.
pub const SAID_SO: &str = "you said so, and that counts";

/// What was counted most.
pub fn counted_most(all: &[(String, usize)]) -> String {
    let all: Vec<String> = all
        .iter()
        .map(|(what, count)| format!("{what} ({count})"))
        .collect();
    all.join(", ")
}

/// A platform and how many messages came over it.
pub fn of_messages(platform: &str, (count, messages): (usize, usize)) -> String {
    let name = super::people::named(platform);
    format!("{name} ({count} of {messages})")
}

/// The hours with most messages.
pub fn busy_hours(from: usize, day: Option<usize>) -> String {
    const DAYS: [&str; 7] = [
        "Mondays",
        "Tuesdays",
        "Wednesdays",
        "Thursdays",
        "Fridays",
        "Saturdays",
        "Sundays",
    ];
    let hours = format!("mostly {from:02}:00 to {:02}:00", (from + 3) % 24);
    match day.and_then(|day| DAYS.get(day)) {
        Some(day) => format!("{hours}, most of all on {day}"),
        None => hours,
    }
}

/// A score out of 1.
pub fn score(value: f64) -> String {
    format!("{value:.2} of 1")
}

/// A part of a score, by its word: what was counted, and what it adds of what it could.
pub fn score_part(word: &str, count: f64, (adds, of): (f64, f64)) -> String {
    let counted = match word {
        "days_active" => format!("{count:.0} of 7 days with a message"),
        "messages" => format!("{count:.0} messages in 7 days"),
        "steps_done" => format!("{count:.0} steps on plan and goals in 7 days"),
        "days_silent" => format!("{count:.0} days since your last message"),
        "per_usual_week" => format!("{count:.0} % of the messages of a usual week"),
        "mood_fell" => format!("mood down by {count:.0} points"),
        other => format!("{other}: {count:.0}"),
    };
    format!("{counted}: {adds:.2} of {of:.1}")
}

/// How bright the words are, and were.
pub fn mood(now: f64, before: f64) -> String {
    format!(
        "{:.0} % bright this week, {:.0} % in the three weeks before",
        now * 100.0,
        before * 100.0
    )
}

/// What the mood was counted from.
pub fn mood_basis(new: usize, old: usize) -> String {
    format!("single words in {new} and {old} messages; it may be wrong")
}

/// How far plan and goals are.
pub fn progress((done, steps): (usize, usize), (open, reached): (usize, usize)) -> String {
    let plan = match steps {
        0 => "no plan".to_owned(),
        _ => format!("{done} of {steps} steps of the plan done"),
    };
    format!("{plan}; {open} goals open, {reached} reached")
}

/// A style is set.
pub fn style_set(field: &str, value: &str) -> String {
    match (field, value) {
        (_, "auto") => "All right, I go by how you write yourself.".to_owned(),
        ("length", "short") => {
            "Noted: I keep it short from now on. /me habits changes it.".to_owned()
        }
        ("length", "long") => {
            "Noted: I go into more detail from now on. /me habits changes it.".to_owned()
        }
        ("emoji", "none") => "Noted: no emoji from now on. /me habits changes it.".to_owned(),
        _ => format!("Noted: {field} {value}. /me habits changes it."),
    }
}
