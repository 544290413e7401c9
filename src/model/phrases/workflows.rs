//! What people read about their workflows.

/// Ends a run whose workflow is no more.
pub const GONE: &str = "The workflow was deleted meanwhile.";
/// A step that could not be done.
pub const STEP_FAILED: &str = "A step could not be done, and trying again did not help.";
/// A post without a place.
pub const NO_PUBLIC_PLACE: &str = "I do not know where to post. Write `/workflows here` in the group or channel that your announcements go to.";
/// What an approval of a post is about.
pub const MAY_I_POST: &str = "Post this for a workflow";
/// What an approval of a step is about.
pub const MAY_I_GO_ON: &str = "Go on with a workflow";
pub const RETRY: &str = "Try again";
pub const PAUSE: &str = "Pause it";
pub const DETAILS: &str = "Details";
pub const YES: &str = "Yes, do it";
pub const NO: &str = "No";
pub const TRY: &str = "Rehearse";
pub const RESUME: &str = "Resume it";
pub const EDIT: &str = "Change";
pub const HISTORY: &str = "History";
pub const DELETE: &str = "Delete";
pub const BACK: &str = "Back";
/// Said to a proposal that was turned down.
pub const DROPPED: &str = "All right, I leave it.";
/// Said when the button of a proposal comes too late.
pub const TAKEN: &str = "That is settled already. `/workflows` shows what you have.";
/// Said to somebody who works for no artist.
pub const NOT_YOURS: &str =
    "Workflows belong to artists and their managers. With an invitation code, write `/start CODE`.";
/// Said in a group.
pub const DIRECT_ONLY: &str =
    "Workflows are between us. Write to me directly and I show you yours.";
/// The list of somebody who has none.
pub const NONE_YET: &str = "You have no workflows yet. Tell me what should happen by itself, for example: “When a fan tips 10 dollars or more, send them a thank-you e-mail.”";
/// Asks how a workflow should change.
pub const HOW_CHANGED: &str =
    "How should it be? For example “make it 20 dollars”, “also tell me”, or “only on weekends”.";
/// Nothing in an edit was understood.
pub const NOT_CHANGED: &str =
    "I did not find a change in that. Say for example “make it 20 dollars” or “also tell me”.";
/// It is paused already, or runs.
pub const NOTHING_TO_DO: &str = "It is so already.";
/// No workflow of that name.
pub const WHICH_ONE: &str = "Which one do you mean?";
/// A run that is tried again.
pub const RETRYING: &str = "I try it again.";
/// A run that cannot be tried again.
pub const NO_RETRY: &str = "That run is not waiting to be tried again.";
/// The public place was set.
pub const PUBLIC_HERE: &str =
    "Announcements of your workflows go here from now on, each after it was approved.";
/// Somebody unsubscribed; the page that the link of a mail opens.
pub const UNSUBSCRIBED: &str = "You will get no more mail from here. It may be closed now.";
/// The page before that.
pub const UNSUBSCRIBE: &str = "Stop all mail to this address?";
/// A link that is none of ours.
pub const NO_SUCH_LINK: &str = "This link is not valid.";
/// Under every mail.
pub const MAIL_FOOTER: &str =
    "You get this because you supported this artist. To get no more mail: ";

/// Why a run ended before its end.
pub fn declined(state: &str) -> String {
    match state {
        "rejected" => "It was not approved.".to_owned(),
        "expired" => "Nobody approved it in time.".to_owned(),
        "withdrawn" => "The request was taken back.".to_owned(),
        _ => "It was sent back and not approved.".to_owned(),
    }
}

/// Why a run failed whose mail nobody took.
pub fn mail_failed(reason: &str) -> String {
    match reason {
        "" => "The e-mail could not be sent.".to_owned(),
        reason => format!("The e-mail could not be sent: {reason}"),
    }
}

/// A workflow failed.
pub fn failed(name: &str, reason: &str) -> String {
    format!("Your workflow **{name}** failed. {reason}\n\nShall I try again, or pause it for now?")
}

/// Many notes in one.
pub fn digest((count, is_late): (usize, bool), sums: &[String], lines: &[&str]) -> String {
    let when = if is_late { "meantime" } else { "last hour" };
    let things = if count == 1 { "thing" } else { "things" };
    let sums = match sums {
        [] => String::new(),
        sums => format!(", {} in all", sums.join(" and ")),
    };
    let mut text = format!("{count} more {things} in the {when}{sums}:\n");
    for line in lines {
        text.push_str(&format!("\n- {line}"));
    }
    if count > lines.len() {
        text.push_str(&format!("\n- and {} more", count - lines.len()));
    }
    text
}

/// A proposal.
pub fn proposed(preview: &str) -> String {
    format!("I can do this for you:\n\n> {preview}\n\nShall I set it up?")
}

/// A change that is proposed.
pub fn changed(name: &str, preview: &str) -> String {
    format!("**{name}** would then be:\n\n> {preview}\n\nShall I change it?")
}

/// A workflow was made.
pub fn created(name: &str) -> String {
    format!(
        "Done, and congratulations: **{name}** works for you from now on. `/workflows` shows how it does."
    )
}

/// A workflow was changed.
pub fn edited(name: &str) -> String {
    format!("**{name}** is changed.")
}

pub fn paused(name: &str) -> String {
    format!("**{name}** is paused. Nothing happens until you resume it.")
}

pub fn resumed(name: &str) -> String {
    format!("**{name}** works again.")
}

pub fn deleted(name: &str) -> String {
    format!("**{name}** is deleted.")
}

/// Asks once more.
pub fn really_delete(name: &str) -> String {
    format!("Delete **{name}** for good?")
}

/// Asks for what is missing, or refuses: one sentence by what it is about.
pub const ASK_WHEN: &str = "When should that happen?";
pub const ASK_WHAT: &str = "What should I do then?";
pub const ASK_HOW_MUCH: &str = "From which amount on?";
pub const ASK_HOW_OFTEN: &str = "How often, and when?";
pub const ASK_HOW_FAR: &str = "How long before the release?";
pub const NO_BUYING: &str = "I do not buy or fake followers, streams or likes: the stores take music down for it, and the money is lost. I can help you to reach real listeners instead.";
pub const NO_MASS: &str = "I write to fans one by one, when they tip or join, and never to people who did not ask for it. For everybody at once I can post an announcement once it is approved.";
pub const NO_DATA: &str =
    "I do not pass on other people's addresses, numbers or other private data, nor collect them.";
pub const NO_HARASSMENT: &str = "I do not send anything that hurts or presses people.";
pub const NO_SPAM: &str =
    "That would be spam: it annoys people, and mail providers would block you. I leave it.";
pub const NO_PROMISE: &str =
    "I do not promise people money; that can get you into trouble with the law.";
pub const NOT_SEEN: &str = "I cannot notice that. I can react to tips, new fans, milestones, releases, payouts, the clock, a rise in streams, and failed workflows.";
pub const STOP_MAIL: &str = "Stop all mail";
/// Above the list.
pub const YOURS: &str = "Your workflows:";

/// Above the words of thanks.
pub const THANKS: &str =
    "With these words fans are thanked for a tip, where a workflow has none of its own:\n";
/// Below them.
pub const THANKS_HOW: &str = "\n\nSet them like this: `/thanks chat Thank you for {amount}, {name}!`; `/thanks chat default` brings mine back. I fill in {name}, {amount}, {artist} and {message}.";

/// The words of one kind.
pub fn thanks_line(part: &str, text: &str, is_own: bool) -> String {
    let whose = if is_own { "yours" } else { "mine" };
    format!(
        "\n**{part}** ({whose}):\n> {}\n",
        text.replace('\n', "\n> ")
    )
}

/// Asks for the words.
pub fn thanks_how(part: &str) -> String {
    format!("Write the words behind it: `/thanks {part} Thank you for {{amount}}, {{name}}!`")
}

/// A preview.
pub fn would_thank_so(part: &str, text: &str) -> String {
    match text.trim() {
        "" => format!("Thank fans with my own words again ({part})."),
        text => format!("Thank fans with these words ({part}): {text}"),
    }
}

/// The words were set.
pub fn thanked_so(part: &str, text: &str) -> String {
    match text {
        "" => format!("Noted. I thank fans with my own words again ({part})."),
        text => format!(
            "Noted. From now on I thank fans so ({part}):\n> {}",
            text.replace('\n', "\n> ")
        ),
    }
}

/// One line of the list: how it does.
pub fn line(name: &str, state: &str, (done, failed): (i64, i64), last: Option<String>) -> String {
    let runs = done + failed;
    let how = match (runs, last) {
        (0, None) => "has not run yet".to_owned(),
        (0, Some(last)) => format!("began at {last}"),
        (_, last) => {
            let percent = done * 100 / runs;
            let last = last.map(|last| format!(", last at {last}"));
            format!(
                "{percent} % of {runs} runs went well{}",
                last.unwrap_or_default()
            )
        }
    };
    format!("**{name}** ({state}): {how}")
}

/// The newest runs.
pub fn history(name: &str, lines: &[String]) -> String {
    match lines {
        [] => format!("**{name}** has not run yet."),
        lines => format!("**{name}**, the newest runs first:\n\n{}", lines.join("\n")),
    }
}

/// What a run did.
pub fn details(state: &str, error: &str, steps: &[String]) -> String {
    let why = if error.is_empty() {
        String::new()
    } else {
        format!(" {error}")
    };
    let steps = match steps {
        [] => "No step was done.".to_owned(),
        steps => steps.join("\n"),
    };
    format!("This run is {state}.{why}\n\n{steps}")
}

/// What a rehearsal showed.
pub fn rehearsed((seen, fitting): (usize, usize), shown: &[String], next: &[String]) -> String {
    let mut text = "This is a rehearsal, nothing was sent.".to_owned();
    if !next.is_empty() {
        text.push_str(&format!(" It would run next at {}.", next.join(", then ")));
        return text;
    }
    match (seen, fitting) {
        (0, _) => text.push_str(" Nothing of that kind happened in the last 30 days."),
        (seen, 0) => text.push_str(&format!(
            " In the last 30 days {seen} things of that kind happened, and it would have run for none."
        )),
        (seen, fitting) => text.push_str(&format!(
            " Of {seen} things of that kind in the last 30 days it would have run for {fitting}:\n\n{}",
            shown.join("\n")
        )),
    }
    text
}
