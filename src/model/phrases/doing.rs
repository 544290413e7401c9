//! What capabilities say.

use crate::model::Money;

/// Under a proposal.
pub const YES: &str = "Yes";
/// Under a proposal.
pub const NO: &str = "No";
/// Under what was done and can be taken back.
pub const UNDO: &str = "Undo";
/// Somebody else pressed.
pub const NOT_YOUR_CARD: &str = "Only the person who asked for this can decide it.";
/// The press came twice.
pub const DONE_ALREADY: &str = "That is done already.";
/// It was turned down.
pub const LEFT_ALREADY: &str = "That was turned down. Ask me again if you want it after all.";
/// Nobody pressed for too long.
pub const PROPOSAL_EXPIRED: &str =
    "This was too long ago for me to just do it. Ask me again, please.";
/// It is turned down.
pub const LEFT: &str = "All right, I leave it.";
/// The person works for no artist.
pub const NOT_YOUR_TEAM: &str = "That is for the artist and the artist's team. If you belong to them, ask for an invitation and send me /start with its code.";
/// Others read along.
pub const NOT_IN_GROUP: &str = "That is private. Write to me in a direct chat, please.";
/// No artist is known.
pub const NO_ARTIST: &str =
    "I don't know yet for which artist. Send me /start with the code of your invitation first.";
/// A model asked for too much.
pub const ENOUGH_TOOLS: &str =
    "No further tools in this answer. Say what you know and what is missing.";
/// A model asks for what was just done.
pub const SAME_CALL: &str = "The same call was just made; its result stands above.";
/// A model asks for what is not there.
pub const NO_SUCH_TOOL: &str = "There is no such tool.";

/// What a press does, above its buttons.
pub fn shall_i(preview: &str) -> String {
    format!("**Shall I?** {preview}")
}

/// A preview.
pub fn would_look_up(question: &str) -> String {
    format!("Look up: {question}")
}

/// A preview.
pub fn would_write(kind: &str) -> String {
    format!("Write a draft: {kind}.")
}

/// A preview.
pub const WOULD_HELP_WITH_LYRICS: &str = "Help with the lyrics.";

/// A preview.
pub fn would_note_feedback(good: bool) -> String {
    match good {
        true => "Note that my answer helped.".to_owned(),
        false => "Note that my answer did not help.".to_owned(),
    }
}

/// A preview.
pub fn would_ask_a_human(about: &str) -> String {
    match about.trim() {
        "" => "Ask somebody of the team to write to you.".to_owned(),
        about => format!("Ask somebody of the team to write to you about: {about}"),
    }
}

/// A preview.
pub fn would_plan(goal: &str) -> String {
    format!("Lay out a plan: {goal}")
}

/// A preview.
pub fn would_keep_plan(goal: &str, steps: usize) -> String {
    format!(
        "Keep this as your plan ({steps} steps): {goal}. Open steps of an older plan are dropped."
    )
}

/// A preview.
pub const WOULD_SHOW_PLAN: &str = "Show the plan.";
/// A preview.
pub const WOULD_EXPORT_PLAN: &str = "Send the plan as a document.";
/// Under a plan.
pub const EXPORT_PLAN: &str = "Save as a document";
/// Above the document.
pub const PLAN_EXPORTED: &str = "The plan as a document, to print or to pass on.";
/// In place of the document, where none can be sent.
pub const PLAN_NOT_SENT: &str = "I can send no files here; /plan shows the plan.";

/// How far a plan is, under its goal.
pub fn plan_stands((done, all): (usize, usize), day: &str) -> String {
    format!("{done} of {all} steps done, as of {day}.")
}

/// A preview.
pub fn would_mark_step(step: &str, done: bool) -> String {
    match done {
        true => format!("Note that this step is done: {step}"),
        false => format!("Note that this step is open again: {step}"),
    }
}

/// A preview.
pub fn would_lay_out_workflow(wish: &str) -> String {
    format!("Lay out a workflow: {wish}")
}

/// A preview.
pub const WOULD_SHOW_SETTINGS: &str = "Show your settings.";

/// A preview.
pub const WOULD_SHOW_PROFILE: &str = "Show what is known of the artist.";

/// A preview.
pub const WOULD_SHOW_REQUESTS: &str = "Show the requests.";

/// A preview.
pub const WOULD_SHOW_TIPS: &str = "Show the tips.";

/// A preview.
pub fn would_set(name: &str, value: &str) -> String {
    match value.trim() {
        "" => format!("Forget this: {name}"),
        value => format!("Set {name} to: {value}"),
    }
}

/// A preview.
pub fn would_note_goal(goal: &str) -> String {
    format!("Note this goal: {goal}")
}

/// A preview.
pub fn would_end_goal(goal: &str, reached: bool) -> String {
    match reached {
        true => format!("Note that this goal is reached: {goal}"),
        false => format!("Forget this goal: {goal}"),
    }
}

/// A preview.
pub fn would_reopen_goal(goal: &str) -> String {
    format!("Note that this goal is not reached after all: {goal}")
}

/// No goal is meant for sure.
pub fn no_such_goal(goal: &str) -> String {
    format!("I can't tell which goal \"{goal}\" is. /goals shows them.")
}

/// A preview.
pub fn would_hand_in(release: &str) -> String {
    format!("Hand this release in, so that whoever manages it decides:\n{release}")
}

/// A preview.
pub const WOULD_SHOW_WORKFLOWS: &str = "Show the workflows.";

/// A preview.
pub fn would_turn_workflow(state: &str, name: &str) -> String {
    match state {
        "paused" => format!("Pause the workflow: {name}"),
        "active" => format!("Resume the workflow: {name}"),
        _ => format!("Delete the workflow: {name}"),
    }
}

/// What should happen by itself was not said, or at too great length.
pub fn wish_too_long(most: usize) -> String {
    format!(
        "Say in one or two sentences what should happen and when, in {most} characters at most."
    )
}

/// Nothing was said about the text.
pub fn ask_for_brief(kind: &str) -> String {
    format!(
        "Gladly: a {kind}. What is it about? Tell me the facts that belong in it (title, date, place, link), and how it should sound."
    )
}

/// What was said about a text is too long.
pub fn brief_too_long(most: usize) -> String {
    format!(
        "That is too long for me to work from: {most} characters at most. Send me the part that matters, or drop the rest as a file."
    )
}

/// A draft that no model wrote.
pub fn draft_without_model(kind: &str, brief: &str) -> String {
    let brief = brief.trim();
    match kind {
        "caption" | "announcement" => {
            format!("{brief}\n\nOut on [date]. Listen: [link]\n\nThank you for being here.")
        }
        "newsletter" => format!(
            "Hello [first name],\n\n{brief}\n\nWhat happened since last time: [one sentence]\nWhat comes next: [date and place]\n\nListen: [link]\n\nSee you soon,\n[name]"
        ),
        "bio" => format!(
            "[Name] is a [genre] artist from [place]. {brief}\n\nLatest release: [title] ([year]). Live: [next date]."
        ),
        "press text" | "pitch" => format!(
            "[Artist]: [title], out on [date]\n\n{brief}\n\nFor fans of: [two names]\nListen: [link]\nContact: [name, e-mail]"
        ),
        "post ideas" => format!(
            "1. Behind the scenes: {brief}\n2. Fifteen seconds of the best moment, no words\n3. A question to listeners: what does [line of the song] mean to you?\n4. Thank one listener by name\n5. What you threw away while making it"
        ),
        _ => format!("Hello [name],\n\nthank you for your message. {brief}\n\nBest,\n[name]"),
    }
}

/// Behind a draft that no model wrote.
pub const DRAFT_BY_FORM: &str = "_No language model answers at the moment, so this is a form with your facts in it. Fill the gaps in square brackets, or ask me again later for a draft in your voice._";
/// Under a draft.
pub const SHORTER: &str = "Shorter";
/// Under a draft.
pub const WARMER: &str = "Warmer";
/// Under a draft.
pub const ANOTHER: &str = "Another one";
/// Under a draft.
pub const KEEP_VOICE: &str = "This sounds like me";
/// A draft was kept.
pub const VOICE_KEPT: &str = "Noted. The next drafts will sound more like this one.";
/// To a model, about a draft.
pub const WISH_SHORTER: &str = "half as long, with the same facts";
/// To a model, about a draft.
pub const WISH_WARMER: &str = "warmer and more personal, with the same facts";
/// To a model, about a draft.
pub const WISH_ANOTHER: &str = "a different idea altogether, with the same facts";

/// Nothing was said about the song.
pub const ASK_FOR_LINES: &str =
    "Gladly. Send me the lines you have, or tell me what the song is about and how it feels.";
/// No model answers about lyrics.
pub const LYRICS_WITHOUT_MODEL: &str = "_No language model answers at the moment, so I can't write lines with you. Above is what I know of the craft._";
/// For a songwriter who goes on alone.
pub const LYRICS_QUESTIONS: &str = "Three questions that help when a line is stuck:\n\n1. Who says this to whom, and where are they standing?\n2. What can be seen, heard or touched in that moment?\n3. What changes between the first verse and the last?";

/// Nothing was said about the plan.
pub const ASK_FOR_GOAL: &str = "Gladly. What do you want to reach, and by when? One sentence is enough: \"release my EP in ten weeks\".";
/// There is no plan.
pub const NO_PLAN: &str =
    "There is no plan yet. Tell me what you want to reach and by when, and I lay one out.";
/// A step whose day is over.
pub const OVERDUE: &str = "(overdue)";
/// Behind a plan that no model made.
pub const PLAN_BY_FORM: &str = "_No language model answers at the moment, so this is the usual way to such a goal. Change what does not fit._";

/// The heading of a plan.
pub fn plan_for(goal: &str) -> String {
    format!("**Plan:** {}", goal.trim())
}

/// A plan has too few or too many steps.
pub fn plan_of(most: usize) -> String {
    format!("A plan has between one and {most} steps.")
}

/// A step lies too far ahead.
pub fn step_too_far(step: &str) -> String {
    format!("This step lies more than five years ahead: {step}")
}

/// A plan was kept.
pub fn plan_kept(steps: usize, first: &str) -> String {
    format!(
        "Done. The plan stands, with {steps} steps; the first is due on {first}. /plan shows it."
    )
}

/// On the button of a step.
pub fn step_done(number: usize) -> String {
    format!("{number} is done")
}

/// A step was done.
pub fn step_is_done(step: &str, next: Option<(&str, &str)>) -> String {
    match next {
        Some((next, due)) => format!("Well done: {step}. Next, by {due}: {next}."),
        None => format!("Well done: {step}. That was the last step of the plan."),
    }
}

/// A step is open again.
pub fn step_is_open(step: &str) -> String {
    format!("It is open again: {step}.")
}

/// No step is meant for sure.
pub fn no_such_step(step: &str) -> String {
    format!("I can't tell which step \"{step}\" is. /plan shows them with their numbers.")
}

/// After a thumbs up.
pub const THANKS_GOOD: &str = "Thank you, good to know.";
/// After a thumbs down with a reason.
pub const THANKS_BAD: &str = "Thank you. I keep that in mind.";
/// After a thumbs down.
pub const ASK_WHAT_WAS_WRONG: &str =
    "Thank you for saying so. What was wrong? Press a button, or write it in your own words.";
/// Nobody has to say what was wrong.
pub const SKIP_WHY: &str = "Skip";
/// What can be wrong: the word that is kept, and the button.
pub const WHAT_WAS_WRONG: [(&str, &str); 4] = [
    ("wrong", "It is not true"),
    ("unclear", "I did not understand it"),
    ("long", "It was too long"),
    ("tone", "It did not sound right"),
];

/// Nobody works for the artist who could be reached.
pub const NOBODY_TO_ASK: &str = "I know nobody of a team whom I could ask for you. Whoever runs me can be found by /privacy; if you are in danger, call your local emergency number.";
/// A human was asked.
pub const A_HUMAN_IS_ASKED: &str = "I have asked a human of the team to get in touch with you. You will hear from me as soon as somebody takes it on.";
/// On the button of a request.
pub const TAKE_IT_ON: &str = "I take it on";
/// To whoever took a request on.
pub const YOU_TAKE_IT_ON: &str = "Thank you. I have told them that you will get in touch.";
/// To whoever took it on before.
pub const YOU_TOOK_IT_ON: &str = "You have taken this on already.";
/// Somebody else was faster.
pub const SOMEBODY_TOOK_IT_ON: &str = "Somebody else has taken this on already.";

/// To the team.
pub fn asks_for_a_human(name: &str, about: &str) -> String {
    match about.trim() {
        "" => format!("**{name}** would like to talk to a human."),
        about => {
            let quoted = about.lines().collect::<Vec<_>>().join("\n> ");
            format!("**{name}** would like to talk to a human. In their words:\n> {quoted}")
        }
    }
}

/// To whoever asked.
pub fn somebody_comes(name: &str) -> String {
    format!("{name} has read your message and will get in touch with you.")
}

/// What `/capabilities` begins with.
pub const CAPABILITIES: &str =
    "What I can do for you here. Ask in your own words, or use the commands of /help:\n";

/// One of them.
pub fn capability(name: &str, about: &str) -> String {
    format!("\n- **{}**: {about}", name.replace('_', " "))
}

/// `/write` without a sort of text.
pub const WRITE_WHAT: &str = "What shall I write: caption, newsletter, bio, announcement, press text, pitch, reply or post ideas? For example: `/write caption First Light is out on Friday, filmed in Malmö`.";

/// `/feedback` without a word.
pub const DID_IT_HELP: &str = "Did my last answer help?";
/// It did.
pub const THUMB_UP: &str = "👍";
/// It did not.
pub const THUMB_DOWN: &str = "👎";

/// Under what could be done and need not be.
pub const NOT_NOW: &str = "Not now";
/// Under an amount that was reached.
pub const SHOW_PAYOUT: &str = "What can I pay out?";
/// Under a number of fans that was reached.
pub const WRITE_THANKS: &str = "Write them a thank-you";

/// An amount was reached.
pub fn threshold_reached(threshold: Money, total: Money) -> String {
    format!(
        "You have earned more than **{threshold}** by now: **{total}**, as far as I know from your statements and tips. Shall we look at what can be paid out?"
    )
}

/// Why that is said.
pub fn threshold_why(threshold: Money) -> String {
    format!(
        "What your statements and tips add up to went over {threshold}, one of the amounts worth a word."
    )
}

/// Why that is said.
pub fn fan_milestone_why(fans: u64) -> String {
    format!("The number of people who gave or wrote to you reached {fans}.")
}

/// Money can be paid out.
pub fn payout_available(sum: Money) -> String {
    format!("**{sum}** can be paid out to your bank by now. Shall we look at it?")
}

/// Why that is said.
pub const PAYOUT_WHY: &str = "The service that takes your card payments says that the money is free. I tell you once a month.";

/// A number of fans was reached.
pub fn fan_milestone(fans: u64) -> String {
    format!(
        "**{fans} fans** are with you by now. That is worth a word to them. Shall I draft a thank-you?"
    )
}

/// What the thank-you is about.
pub fn thanks_brief(fans: u64) -> String {
    format!(
        "A thank-you to everybody who follows the music: {fans} fans by now. No numbers game, a real thank-you."
    )
}

/// A preview.
pub const WOULD_ADD_UP: &str = "Add up what was earned.";
/// A preview.
pub const WOULD_LOOK_AT_PAYOUT: &str = "Look at what could be paid out.";

/// The heading of what was earned.
pub fn earned_in(period: &str) -> String {
    format!("**Earned, {period}**")
}

/// A source tells nothing of some months.
pub fn no_figures_of(source: &str, months: &str) -> String {
    format!("No figures of {source} for {months}.")
}

/// Where figures are from.
pub fn by_statements(count: usize) -> String {
    match count {
        1 => "From one statement; /earnings statements shows it.".to_owned(),
        count => format!("From {count} statements; /earnings statements lists them."),
    }
}

/// What is known of one currency.
pub fn payout_line(total: &str, available: Option<&str>) -> String {
    match available {
        Some(available) => {
            format!("Earned in all: **{total}**. Ready to be paid out: **{available}**.")
        }
        None => format!(
            "Earned in all: **{total}**. What of it is ready to be paid out, only the services know: statements don't say."
        ),
    }
}

/// What to think of before a payout.
pub const PAYOUT_ADVICE: &str = "Before you withdraw: check each service's lowest amount and fee, take few large payouts rather than many small ones, and put the share for taxes aside at once.";
/// No payout can be ordered.
pub const PAYOUT_NOT_CONNECTED: &str = "I am connected to no service that I could have pay out, so I can't order it for you. You can do it in the service's own dashboard.";
