//! What is said about who somebody is: linking accounts, the first questions, what is known of an artist.

/// Linking where others read along.
pub const LINK_ALONE: &str = "That is between the two of us. Write /link to me in a direct chat.";

/// `/link` with one's own code.
pub const LINK_OWN_CODE: &str =
    "That code is your own from this side. Send it to me on the other platform, behind /link.";

/// `/link` with a code that leads nowhere.
pub const LINK_WRONG_CODE: &str = "That code is mistyped, too old or used. /link on the other platform shows a new one; it holds for five minutes.";

/// Too many wrong codes.
pub const LINK_TOO_OFTEN: &str =
    "That were too many wrong codes. For safety I take no more from you for an hour.";

/// Says that it is oneself.
pub const YES_ME: &str = "Yes, that's me";

/// Says that it is somebody else.
pub const NO_NOT_ME: &str = "No";

/// One side said yes.
pub const LINK_WAITS: &str = "Good. Now press Yes in the other chat, too.";

/// One side said no.
pub const LINK_REFUSED: &str =
    "One side said no, so the accounts stay apart. Nothing was shared between them.";

/// Nobody said yes in time.
pub const LINK_LATE: &str = "The five minutes are over, so nothing was linked. /link begins again.";

/// Somebody else pressed.
pub const LINK_FOREIGN: &str = "That question was for somebody else.";

/// Two accounts are one person now.
pub const LINKED: &str = "Done: I know you as one person on both platforms now. Documents, memory, roles and settings follow you. /unlink takes an account out again.";

/// `/unlink` with one account.
pub const NOT_LINKED: &str =
    "I know you by this one account only, so there is nothing to unlink. /link adds another.";

/// `/unlink`: which one.
pub const UNLINK_WHICH: &str = "Which account shall become a person of its own again?";

/// Does it.
pub const UNLINK_YES: &str = "Take it out";

/// Leaves something as it is.
pub const LEAVE_IT: &str = "Leave it";

/// It was left.
pub const LEFT_AS_IT_IS: &str = "All right, everything stays as it is.";

/// `/link` without a code.
pub fn link_code(code: &str, known: usize) -> String {
    let (first, last) = code.split_at_checked(4).unwrap_or((code, ""));
    let known = match known {
        0 | 1 => "",
        _ => " (You have linked accounts already; /unlink shows them.)",
    };
    format!(
        "To let me know you on another platform, too, write this to me there within five minutes:\n\n`/link {first}-{last}`\n\nIt works once. Never give it to anybody else.{known}"
    )
}

/// `/link` with something that is no code.
pub fn link_only_chats(what: &str) -> String {
    let what: String = what.chars().take(40).collect();
    format!(
        "What I can link are your accounts on the chat platforms that I am on: write /link alone, and I show you a code for the other one. If “{what}” is another service, I can't connect that yet."
    )
}

/// What somebody is called in a list.
pub fn called(name: &str) -> String {
    plain(name)
}

/// A name that somebody chose, without what would be markup or call others.
fn plain(name: &str) -> String {
    let counts = |letter: &char| !letter.is_control() && !"*_`[]()<>@#|~\\".contains(*letter);
    let name: String = name.chars().filter(counts).take(64).collect();
    let name = name.trim();
    if name.is_empty() {
        "somebody without a name".to_owned()
    } else {
        name.to_owned()
    }
}

/// A platform as people write its name.
pub(super) fn named(platform: &str) -> String {
    let mut letters = platform.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// An account in a list.
pub fn account(platform: &str, user: &str) -> String {
    format!("{} ({user})", named(platform))
}

/// Asks whether somebody on another platform is the same person.
pub fn is_this_you(name: &str, platform: &str) -> String {
    let name = plain(name);
    format!(
        "Is this you: **{name}** on {}?\n\nOnly say yes if that account is your own: whoever it is will reach your documents, your memory and your roles.",
        named(platform)
    )
}

/// Before an account is taken out.
pub fn unlink_really(account: &str) -> String {
    format!(
        "{account} becomes a new person of whom I know nothing. Your roles, documents, memory and everything said so far stay with you on the other account. Do it?"
    )
}

/// After it.
pub fn unlinked(account: &str) -> String {
    format!(
        "Done. {account} is a new person to me now; all that was known stays with the other account."
    )
}

/// Offers the first questions.
pub const ONBOARDING_OFFER: &str = "Shall I ask you seven short questions, so that I know whom I work for? It takes about three minutes, and each can be skipped.";

/// Begins them.
pub const ONBOARDING_BEGIN: &str = "Let's go";

/// Goes on with them.
pub const ONBOARDING_GO_ON: &str = "Go on";

/// Under a question: not this one.
pub const SKIP: &str = "Skip";

/// Under a question: the one before.
pub const ONE_BACK: &str = "Back";

/// Under a question: enough for now.
pub const LATER: &str = "Later";

/// The answer was not understood.
pub const ONBOARDING_UNCLEAR: &str = "I didn't get that.";

/// All is asked.
pub const ONBOARDING_DONE: &str = "That's all, thank you. /me shows what I know and lets you change it. Now tell me what you are working on.";

/// It waits.
pub const ONBOARDING_STOPPED: &str =
    "No hurry. /me has a button to go on where we were, from any of your chats.";

/// Somebody for whom there is nothing to set up.
pub const ONLY_ARTISTS: &str =
    "Those questions are for artists. Whoever runs me can give you a code to join as one.";

/// How the questions stand.
pub fn onboarding_offer_again(step: usize, of: usize) -> String {
    format!("We stopped at question {step} of {of}. Go on?")
}

/// A question of the beginning, by the word of its field.
pub fn onboarding_question(field: &str, (step, of): (usize, usize), guess: Option<&str>) -> String {
    let question = match (field, guess) {
        ("name", _) => "What is your artist name?".to_owned(),
        ("genres", _) => "What kind of music do you make? Name a genre or a few.".to_owned(),
        ("stage", _) => "Where are you in your career?".to_owned(),
        ("goal", _) => "What do you most want to reach in the next year?".to_owned(),
        ("audience", _) => {
            "Who listens to you? Say it in a sentence: age, places, scenes, whatever you know."
                .to_owned()
        }
        ("zone", Some(guess)) => format!("Your time zone is {guess}. Right?"),
        ("zone", None) => {
            "Where do you live? A city or country is enough; I want to know your time zone."
                .to_owned()
        }
        ("language", _) => "In which language shall I answer you?".to_owned(),
        (other, _) => other.to_owned(),
    };
    format!("**{step} of {of}.** {question}")
}

/// A guessed time zone with what the clock shows there.
pub fn zone_guess(zone: &str, clock: &str) -> String {
    format!("{zone}, where it is {clock} now")
}

/// Keeps the name that is known.
pub fn keep_name(name: &str) -> String {
    let name: String = name.chars().take(30).collect();
    format!("Keep “{name}”")
}
