//! What is said unasked, and why. Each is short, and names the figures it stands on.

use super::super::Money;

/// Shows the plan.
pub const SHOW_PLAN: &str = "Show the plan";
/// A step was done before anybody asked.
pub const ALREADY_DONE: &str = "It is done";
/// Writes an announcement of a release.
pub const WRITE_ANNOUNCEMENT: &str = "Draft an announcement";
/// Shows the earnings that are known.
pub const SHOW_EARNINGS: &str = "Show my earnings";
/// Sets up thanks for those who gave.
pub const SET_UP_THANKS: &str = "Thank them";
/// What the thanks for tips are to be, in the words of somebody who asks for it.
pub const THANKS_WISH: &str = "thank everybody who tips me";

/// Words of people inside of ours: in one line, without marks that would be markup or call others, and not too long.
fn theirs(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .filter(|letter| !"*_`[]<>@#|~\\".contains(*letter))
        .take(120)
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

/// A part of a whole as people say it: 0.31 is `31 %`.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Somebody was silent for a while; the next step of their plan and its day, where there is one.
pub fn inactivity(hours: u64, next: Option<(&str, &str)>) -> String {
    let since = match hours {
        ..=47 => "a day".to_owned(),
        _ => counted(hours / 24, "day", "days"),
    };
    match next {
        Some((step, day)) => format!(
            "It has been {since} since we talked. Next on your plan is **{}**, due {day}. Shall we take a first small step on it?",
            theirs(step)
        ),
        None => format!(
            "It has been {since} since we talked. How is the music going? Tell me what you are working on, and I help with the next step."
        ),
    }
}

/// Why.
pub fn inactivity_why(last: &str, (hours, after): (u64, u64)) -> String {
    format!(
        "You last wrote to me on {last}, {hours} hours ago; I ask after {after} hours of silence."
    )
}

/// Nothing moved.
pub fn stagnation(what: &str, days: u64, next: Option<(&str, &str)>) -> String {
    let what = theirs(what);
    let days = counted(days, "day", "days");
    match next {
        Some((step, day)) => format!(
            "Nothing has moved on **{what}** for {days}. The next step is **{}**, due {day}. What is in the way?",
            theirs(step)
        ),
        None => format!(
            "Nothing has moved on **{what}** for {days}. Shall we cut it into steps that fit into a week?"
        ),
    }
}

/// Why.
pub fn stagnation_why(last: &str, (done, steps): (usize, usize), after: u64) -> String {
    let plan = match steps {
        0 => "there is no plan yet".to_owned(),
        _ => format!("{done} of {steps} steps are done"),
    };
    format!(
        "The last change to your goals and plan was on {last}, and {plan}; I ask after {}.",
        counted(after, "day", "days")
    )
}

/// A plan is behind.
pub fn deviation(goal: &str, (done, due, steps): (usize, usize, usize)) -> String {
    format!(
        "Your plan for **{}** is behind: {due} of {steps} steps were due by now, and {done} {} done. Shall we look at it, and move what has to move?",
        theirs(goal),
        if done == 1 { "is" } else { "are" }
    )
}

/// Why.
pub fn deviation_why(
    (done, due, steps): (usize, usize, usize),
    (behind, most): (f64, f64),
) -> String {
    format!(
        "{due} of {steps} steps due less {done} done is {} of the plan; I speak up from {}.",
        percent(behind),
        percent(most)
    )
}

/// Somebody sounds darker than before.
pub const MOTIVATION: &str = "You sounded less cheerful this week than in the weeks before. How are you? If something is in the way, tell me, and we make the next step smaller.";

/// Why.
pub fn motivation_why((now, before): (f64, f64), (new, old): (usize, usize), least: f64) -> String {
    format!(
        "The words of {new} messages of the last 7 days were {} bright, those of {old} messages of the 3 weeks before {}; I ask when it falls by {} points. It is counted from single words and may be wrong.",
        percent(now),
        percent(before),
        (least * 100.0).round()
    )
}

/// Steps that are due soon, all on one day.
pub fn milestone(day: &str, goal: &str, steps: &[&str]) -> String {
    let steps: Vec<String> = steps
        .iter()
        .map(|step| format!("**{}**", theirs(step)))
        .collect();
    format!(
        "Coming up on {day}: {}. It belongs to your plan for {}. Anything you need for it?",
        steps.join(", "),
        theirs(goal)
    )
}

/// Why.
pub fn milestone_why(steps: usize, day: &str, before: u64) -> String {
    format!(
        "{} of your plan {} due on {day} and not marked as done; I remind {} before.",
        counted(steps as u64, "step", "steps"),
        if steps == 1 { "is" } else { "are" },
        counted(before, "day", "days")
    )
}

/// A release comes out soon.
pub fn release_day(titles: &[&str], artist: &str, (days, day): (i64, &str)) -> String {
    let titles: Vec<String> = titles
        .iter()
        .map(|title| format!("**{}**", theirs(title)))
        .collect();
    let when = match days {
        1 => "tomorrow".to_owned(),
        _ => format!("in {days} days"),
    };
    format!(
        "{} by {} comes out {when}, on {day}. Is everything ready: pre-save link, cover, announcement?",
        titles.join(" and "),
        theirs(artist)
    )
}

/// Why.
pub fn release_why(day: &str, before: &[u16]) -> String {
    let before: Vec<String> = before.iter().map(u16::to_string).collect();
    format!(
        "That day, {day}, stands in the request for the release; I remind {} days before.",
        before.join(" and ")
    )
}

/// What an announcement is to be about.
pub fn announcement_brief(titles: &[&str], day: &str) -> String {
    let titles: Vec<String> = titles.iter().map(|title| theirs(title)).collect();
    format!("{} comes out on {day}", titles.join(" and "))
}

/// A statement of earnings did not come.
pub fn statement_missing(artists: &[&str], month: &str) -> String {
    let artists: Vec<String> = artists.iter().map(|name| theirs(name)).collect();
    format!(
        "No statement of earnings has come in {month} yet for {}. Drop the file of your distributor here, and I add it up.",
        artists.join(" and ")
    )
}

/// Why.
pub fn statement_why(last: &str, (count, day): (usize, u8)) -> String {
    format!(
        "{} came in {last} and none since; I ask from day {day} of a month on.",
        counted(count as u64, "statement", "statements")
    )
}

/// Many tips at once.
pub fn tip_spike(artist: &str, (tips, usual): (usize, f64), sums: &[Money]) -> String {
    let sums: Vec<String> = sums.iter().map(Money::to_string).collect();
    format!(
        "{} got {tips} tips in a day, {} in all; a usual day has {usual:.1}. A word of thanks now is heard. Shall I set one up?",
        theirs(artist),
        sums.join(" and ")
    )
}

/// Why.
pub fn tip_spike_why(day: &str, (tips, usual): (usize, f64), times: f64) -> String {
    format!(
        "On {day} {tips} tips came; the 28 days before had {usual:.1} a day, and I speak up at {times} times that."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_no_markup() {
        let text = inactivity(25, Some(("**@all** write\n[x](y)", "3 Dec 2026")));
        assert_eq!(
            text,
            "It has been a day since we talked. Next on your plan is **all write x(y)**, due 3 Dec 2026. Shall we take a first small step on it?"
        );
        let long = "x".repeat(1_000);
        assert!(deviation(&long, (1, 2, 3)).len() < 320);
    }

    #[test]
    fn figures_are_said_as_people_say_them() {
        assert_eq!(percent(0.314), "31 %");
        let text = stagnation("a tour", 4, None);
        assert!(
            text.starts_with("Nothing has moved on **a tour** for 4 days."),
            "{text}"
        );
        let why = statement_why("October 2026", (1, 20));
        assert_eq!(
            why,
            "1 statement came in October 2026 and none since; I ask from day 20 of a month on."
        );
    }
}
