//! Every fixed sentence that a person can read, in one place.

use super::Standing;

/// First words to somebody who has never written before.
pub const INTRODUCTION: &str = "Hi, I'm Toney, an AI that works as an artist's manager. I can be wrong; ask /why about any answer.";

/// `/start`.
pub const WELCOME: &str = "Tell me what you are working on, or what is in your way: a release, a show, \
    money, fans, a plan. Just write as you would to a manager.\n\n/help shows what else I can do.";

/// `/start` with a code that leads nowhere.
pub const UNKNOWN_CODE: &str = "The code you came with lets nobody in: it is mistyped, too old, or used by somebody else. \
    Whoever gave it to you can make another one.";

/// The answer when no model can be reached.
pub const OFFLINE: &str = "I can't reach a language model at the moment, so I can't talk this through with you. \
    Your message is kept, nothing is lost. Commands like /help, /why and /privacy work meanwhile.";

/// The answer when no model was ever set up.
pub const NO_MODEL: &str = "No language model is set up here, so I can only answer commands; /help lists them. \
    Whoever runs me can set OPENAI_API_KEY (or another provider's key), or start Ollama on this machine, \
    and I'll talk.";

/// The answer when a model declines.
pub const REFUSED: &str =
    "The language model declined to answer that. Put it another way and I'll try again.";

/// The answer when no model is wanted.
pub const SWITCHED_OFF: &str = "I run without a language model here, so I can't talk this through with you. \
    Your message is kept. Commands like /help and /privacy work.";

/// `/model` when none is wanted.
pub const NO_MODEL_WANTED: &str = "Whoever runs me has switched language models off, so I only answer commands; /help lists them.";

/// The answer when a model said nothing that can be read.
pub const NO_WORDS: &str =
    "The language model answered without a readable word. Ask again, or put it another way.";

/// Behind an answer that broke off.
pub const BROKE_OFF: &str =
    "_(The connection to the language model broke here. Ask again and I'll start over.)_";

/// Behind an answer that was cut at its limit.
pub const CUT: &str = "_(I stopped here because the answer got long. Say \"go on\" for the rest.)_";

/// Behind a sentence of an answer whose claim stands in no passage.
pub const NO_SOURCE: &str = "_(no source for this)_";

/// Behind an answer that was stopped.
pub const STOPPED_HERE: &str = "_(stopped)_";

/// `/stop` while something ran that had not said anything yet.
pub const STOPPED: &str = "Stopped.";

/// `/stop` with nothing to stop.
pub const NOTHING_TO_STOP: &str = "Nothing is running that I could stop.";

/// `/new`.
pub const NEW_SESSION: &str =
    "A fresh start: what we said before stays in the records, but I no longer have it in mind.";

/// A message without words.
pub const EMPTY: &str = "That message came without words. Tell me in a sentence what you need.";

/// `/why` before the first answer.
pub const NO_ANSWER_YET: &str =
    "There is no answer in this session yet that I could explain. Ask me something first.";

/// A button whose time is over.
pub const BUTTON_OUTDATED: &str = "That button belongs to something that is over.";

/// A form whose request is over.
pub const FORM_OUTDATED: &str =
    "What you filled in belongs to something that is over, so I left it aside.";

/// The chat at the terminal ends before what was typed last could be stored.
pub const NOT_KEPT: &str = "Your last message could not be stored. Please send it again later.";

/// Somebody tries to pay before there is anything to pay for.
pub const NO_PAYMENTS: &str = "Thank you, but payments are not open here yet. Nothing was charged.";

/// Too many messages.
pub const TOO_FAST: &str = "You write faster than I can answer, so I left the last messages aside. \
    Give me a minute, then send the important one again.";

/// Behind a message that could not be dealt with, however often it was tried.
pub const GIVEN_UP: &str = "Something went wrong on my side with your last message, and trying again didn't help. \
    It is kept, and whoever runs me can see it. Try putting it another way.";

/// `/privacy`.
pub const PRIVACY: &str = "**What I keep**\n\
    - What you write to me and what I answer, so that I can follow our talk. /new starts over.\n\
    - Files you send, on the machine I run on.\n\
    - Your name and id on this platform, so that I know it is you.\n\n\
    **Where it goes**\n\
    - It stays in the database of whoever runs me.\n\
    - To answer, your name, our last ten exchanges and a short summary of what came before go to the language model; /model names it.\n\
    - Logs hold ids and times, never what was said.\n\n\
    **In groups** I only read what is addressed to me, and I never use what you told me in private.";

/// A command that is not there.
pub fn unknown_command(name: &str) -> String {
    format!("I don't know /{name}. /help lists what I know.")
}

/// A message that is too long to be read.
pub fn too_long(letters: usize, most: usize) -> String {
    format!(
        "That message has {letters} characters; I can take {most} at a time. \
         Send the part that matters, or the text as a file."
    )
}

/// `/start` with a code that lets somebody in.
pub fn joined(artist: &str, standing: Standing) -> String {
    match standing {
        Standing::Artist => format!(
            "You're in, as **{artist}**. Documents that you drop into this chat are yours alone until you share them."
        ),
        Standing::Manager => format!(
            "You're in, as a manager for **{artist}**. You can ask about whatever is shared with you."
        ),
        Standing::Fan | Standing::Operator => format!("You're in, for **{artist}**."),
    }
}

/// A file that was kept.
pub fn kept_file(what: &str, name: &str, size: &str) -> String {
    format!(
        "I kept your {what} {name}({size}). I can't look inside files yet, so tell me what's in it if it matters now."
    )
}

/// A file that is too large.
pub fn too_large(what: &str, most: &str) -> String {
    format!(
        "That {what} is larger than {most}, which is the most I can take here. A smaller version or a link works."
    )
}

/// A file that the platform no longer has.
pub fn lost_file(what: &str) -> String {
    format!("I couldn't get that {what} from the platform. Send it once more, please.")
}

/// A file whose pages are pictures.
pub fn file_is_scan(name: &str) -> String {
    format!(
        "“{name}” holds pictures of pages and no text, so there is nothing in it that I can read. Run text recognition (OCR) over it and send it again."
    )
}

/// A file that opens with a password only.
pub fn file_is_encrypted(name: &str) -> String {
    format!("“{name}” is locked with a password. Save it without one and send it again.")
}

/// A file with more bytes than are read.
pub fn file_too_large(name: &str, most: u64) -> String {
    format!(
        "“{name}” is larger than {} MB, which is the most I read. Send it in parts, or without its pictures.",
        most >> 20
    )
}

/// A file with more text than is read.
pub fn file_too_long(name: &str, most: u64) -> String {
    format!(
        "“{name}” holds more than {} MB of text, which is the most I read at once. Send it in parts.",
        most >> 20
    )
}

/// A file with more pages than are read.
pub fn file_too_many_pages(name: &str, most: u32) -> String {
    format!(
        "“{name}” has more than {most} pages, which is the most I read at once. Send it in parts."
    )
}

/// A file that is damaged.
pub fn file_is_broken(name: &str) -> String {
    format!(
        "“{name}” is damaged, so I couldn't read it. Save it anew, or as PDF, and send it again."
    )
}

/// A file of a kind that is not read.
pub fn file_unsupported(name: &str, what: &str) -> String {
    format!(
        "“{name}” is {what}, which I can't read. I read PDF, Word (.docx), web pages, CSV, Markdown and plain text."
    )
}

/// A file without a word.
pub fn file_is_empty(name: &str) -> String {
    format!("“{name}” is empty: there is no text in it.")
}

/// A file that was not read in time.
pub fn file_took_too_long(name: &str) -> String {
    format!("“{name}” took too long to read, so I stopped. Send it in parts, or as plain text.")
}

/// A file that could not be read for reasons of our own.
pub fn file_not_read_now(name: &str) -> String {
    format!("Something on my side kept me from reading “{name}”. Send it again later.")
}
