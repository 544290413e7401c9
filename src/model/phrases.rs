//! Every fixed sentence that a person can read, in one place.

mod approvals;
mod budgets;
mod choice;
mod doing;
mod files;
mod habits;
mod health;
mod known;
mod models;
mod outreach;
mod people;
mod releases;
mod safety;
mod tips;

pub mod insights;
pub mod learned;
mod money;
pub mod nudges;
mod voice;
pub mod workflows;

use super::{Standing, Target, Time};

pub use approvals::*;
pub use budgets::*;
pub use choice::*;
pub use doing::*;
pub use files::*;
pub use habits::*;
pub use health::*;
pub use known::*;
pub use models::*;
pub use outreach::*;
pub use people::*;
pub use releases::*;
pub use safety::*;
pub use tips::*;

pub use money::*;
pub use voice::*;

/// First words to somebody who has never written before.
pub const INTRODUCTION: &str = "Hi, I'm Toney, an AI that works as an artist's manager. I can be wrong; ask /why about any answer.";

/// `/start`.
pub const WELCOME: &str = "Tell me what you are working on, or what is in your way: a release, a show, \
    money, fans, a plan. Just write as you would to a manager.\n\n/help shows what else I can do.";

/// `/start` with a code that leads nowhere.
pub const UNKNOWN_CODE: &str = "The code you came with lets nobody in: it is mistyped, too old, or used by somebody else. \
    Whoever gave it to you can make another one.";

/// The answer when a model said nothing that can be read.
pub const NO_WORDS: &str =
    "The language model answered without a readable word. Ask again, or put it another way.";

/// Behind an answer that broke off.
pub const BROKE_OFF: &str =
    "_(The connection to the language model broke here. Ask again and I'll start over.)_";

/// Behind an answer that was cut at its limit.
pub const CUT: &str = "_(I stopped here because the answer got long. Say \"go on\" for the rest.)_";

/// Above the sources of an answer.
pub const SOURCES: &str = "**Sources**";

/// Behind a source that belongs to the person.
pub const YOURS: &str = "your document";

/// Behind a source that the artist and the managers reach.
pub const TEAM: &str = "shared with the team";

/// Behind a source that belongs to everybody.
pub const GENERAL: &str = "general knowledge";

/// Behind passages that are quoted in place of an answer.
pub const QUOTED: &str = "_I can't reach a language model at the moment, so these are the passages that fit best, word for word._";

/// Behind passages that are quoted where no model is wanted or set up.
pub const QUOTED_WITHOUT: &str = "_I run without a language model here, so these are the passages that fit best, word for word._";

/// In place of an answer when nothing fits and no model can talk about it.
pub const FOUND_NOTHING: &str = "I found nothing about that in what I may read for you.";

/// Behind it where others read along and private documents were left alone.
pub const ASK_ALONE: &str =
    "Private documents stay closed where others read along; ask me in our direct chat.";

/// Stands where an answer stood for which a document was read that has been deleted.
pub const STRUCK: &str =
    "(This answer was deleted together with a document that I had read for it.)";

/// `/docs` and `/forget` where others read along.
pub const DOCS_IN_GROUP: &str = "Documents are private, so I don't list them where others read along. Ask me in our direct chat.";

/// `/docs` when there are none.
pub const NO_DOCS: &str = "I have no documents of yours. Drop a file into this chat (PDF, Word, Markdown, text, HTML or CSV) and I'll read it.";

/// A document that is gone, or was never this person's to read.
pub const NOT_READABLE: &str =
    "I can't show that here: it was deleted, or it isn't shared with you.";

/// A document that somebody else brought.
pub const NOT_YOURS: &str = "That document belongs to somebody else, so I left it as it is. You can read it, and they can change it.";

/// A document that was deleted before.
pub const ALREADY_GONE: &str = "That document is gone already.";

/// `/docs delete` and its like without saying which.
pub const WHICH_DOCUMENT: &str =
    "Tell me which one, too, by the number that /docs shows: /docs show 1";

/// `/docs rename` to a name that is taken.
pub const NAME_TAKEN: &str =
    "Another document here is called that already, so I left the name as it is.";

/// Under a document that is to be deleted: yes.
pub const YES_DELETE: &str = "Yes, delete it";

/// Under a document that is to be deleted: no.
pub const NO_KEEP: &str = "No";

/// Under a list of documents: the ones behind these.
pub const MORE: &str = "More";

/// Under a list of documents: the ones before these.
pub const BACK: &str = "Back";

/// Under a document: shows how it begins.
pub const READ_BEGINNING: &str = "Read the beginning";

/// Who reaches a document: everybody.
pub const EVERYBODY: &str = "everybody";

/// Who reaches a document: whoever brought it.
pub const ONLY_YOU: &str = "only you";

/// Why a passage was read: its button was pressed.
pub const OPENED: &str = "opened by its button";

/// Why passages were read: to find what is to be forgotten.
pub const LOOKED_FOR: &str = "looked for what you wanted to forget";

/// `/docs rename` without a name.
pub const RENAME_HOW: &str = "Tell me the new name, too: /docs rename 1 Label contract";

/// `/forget` with nothing behind it.
pub const FORGET_WHAT: &str = "Tell me what to forget: the name of a document, or what it is about. /docs lists what I have; /new starts our talk over.";

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
    - What is said in your voice notes, written down, like what you write. What I say aloud only until it is sent, at most about a day.\n\
    - Files you send, on the machine I run on, and the text of documents that I read for you, with an index to search it.\n\
    - Which passages I read for which answer; /why tells you.\n\
    - Your name and id on this platform, so that I know it is you; with /link on several.\n\
    - What you tell me of yourself in plain words (where you live, what you play), so that I know it later: /me facts shows and forgets it, /settings memory off ends it. Never what is about health, secrets or trouble.\n\
    - Your goals and profile as an artist, which your team sees: /me.\n\
    - What you tip: amount, words, date, your name here, and the payment's id, which a refund needs.\n\
    - The model that you choose, and a key of your own if you bring one, encrypted; it goes to its provider alone, at the address that is set here.\n\n\
    **Where it goes**\n\
    - It stays in the database of whoever runs me.\n\
    - To answer, your name, our last ten exchanges, a short summary of what came before, what I keep of you that fits, and the passages of documents that fit your question go to the language model; /model names it.\n\
    - Pictures go to a language model that sees, voice notes to a model that writes them down, and what you have me say aloud to one that speaks, where such models are set up.\n\
    - Where whoever runs me has set up search by meaning, your documents and questions also go to the model that does it.\n\
    - Logs hold ids and times, never what was said.\n\n\
    **In groups** I only read what is addressed to me, and I never use what you told me in private.\n\n\
    **Yours to decide**: /docs shows, shares and deletes documents; /forget deletes what I have about something.";

/// A command that is not there.
pub fn unknown_command(name: &str) -> String {
    if !super::is_name(name) {
        return "I don't know that command. /help lists what I know.".to_owned();
    }
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
            "You're in, as **{artist}**. Documents that you drop into our direct chat are yours alone until you share them."
        ),
        Standing::Manager => format!(
            "You're in, as a manager for **{artist}**. You can ask about whatever is shared with you."
        ),
        Standing::Fan | Standing::Operator => format!("You're in, for **{artist}**."),
    }
}

/// Something is wanted that cannot be done yet, and no model can talk about it.
pub fn not_yet(what: &str) -> String {
    format!(
        "You want me to {what}, if I got that right. I can't do that yet; I'd rather say so than pretend."
    )
}

/// Something may be wanted, and it is not sure.
pub fn unsure(what: &str) -> String {
    format!(
        "I'm not sure I got that. Do you want me to {what}, or to tell you something about it? Say it in one more sentence."
    )
}

/// Which knowledge a question is about.
pub const fn about(target: Target) -> &'static str {
    match target {
        Target::Personal => "your documents",
        Target::Global => "the trade in general",
        Target::Hybrid => "your documents and the trade",
        Target::None => "nothing that stands in documents",
    }
}

/// The button that shows a source.
pub fn read_source(number: usize) -> String {
    format!("Read {number}")
}

/// `/why`: what was understood.
pub fn why_understood(what: &str) -> String {
    format!("- What I understood: {what}")
}

/// `/why`: nothing was looked for.
pub const WHY_NOT_SEARCHED: &str = "- Documents used: none; I didn't look for any";

/// `/why`: nothing was found.
pub const WHY_NOTHING_FITTED: &str = "- Documents used: none; nothing fitted";

/// `/why`: a passage that the answer cites.
pub fn why_cited(number: usize, path: &str) -> String {
    format!("- Used as [{number}]: {path}")
}

/// `/why`: a passage that it does not cite.
pub fn why_read(path: &str) -> String {
    format!("- Read and not used: {path}")
}

/// `/why`: how was searched.
pub fn why_searched(ways: &[String]) -> String {
    format!("- How I searched: {}", ways.join("; "))
}

/// `/why`: private documents were not looked at.
pub const WHY_REFUSED: &str = "- Left alone: private documents, because others read along here";

/// What was understood, in a few words.
pub fn understood(act: &str, target: Target, sure: f32, unsure: bool) -> String {
    let perhaps = if unsure { "perhaps " } else { "" };
    format!("{perhaps}{act}, about {} ({sure} % sure)", about(target))
}

/// Above the list of documents.
pub fn docs(count: usize) -> String {
    let count = match count {
        1 => "1 document".to_owned(),
        _ => format!("{count} documents"),
    };
    format!(
        "**{count}.** Press a number to open one, or write /docs show, share, keep, rename or delete with its number."
    )
}

/// An order about a document that is none, or one of several.
pub fn which_document(which: &str, meant: usize) -> String {
    match meant {
        0 => format!("I have no document called “{which}”. /docs lists what I have."),
        _ => format!("“{which}” could be {meant} documents. Take the number that /docs shows."),
    }
}

/// Asks once more.
pub fn really_delete(name: &str) -> String {
    format!(
        "Delete **{name}**? Its text, its place in my index and the answers that I read it for go with it, for good."
    )
}

/// A document that was deleted.
pub fn deleted(name: &str, passages: i64, struck: u64) -> String {
    let answers = match struck {
        0 => "I had read it for no answer in our talks.".to_owned(),
        1 => "One answer that I had read it for is struck from what I remember.".to_owned(),
        _ => {
            format!("{struck} answers that I had read it for are struck from what I remember.")
        }
    };
    let passages = match passages {
        1 => "its one passage".to_owned(),
        _ => format!("its {passages} passages"),
    };
    format!("**{name}** is deleted: the file, {passages} and their place in my index. {answers}")
}

/// A document in a list.
pub fn document_line(name: &str, pages: i64, who: &str) -> String {
    let pages = many(pages, "page", "pages");
    format!("**{name}** ({pages}, {who})")
}

/// What else is said of a document on its own card.
pub fn document_facts(passages: i64, since: Time, artist: Option<&str>) -> String {
    let passages = many(passages, "passage", "passages");
    let artist = artist
        .map(|artist| format!(", filed under {artist}"))
        .unwrap_or_default();
    format!("{passages}, taken in {since}{artist}")
}

/// Under a document that was found: deletes it.
pub fn delete_named(name: &str) -> String {
    let name: String = name.chars().take(30).collect();
    format!("Delete {name}")
}

/// Under a document: lets the managers reach it; their artist is named where that is not plain.
pub fn share_document(artist: Option<&str>) -> String {
    match artist {
        Some(artist) => {
            let artist: String = artist.chars().take(30).collect();
            format!("{SHARE_DOCUMENT} of {artist}")
        }
        None => SHARE_DOCUMENT.to_owned(),
    }
}

/// A reading as it stands in the ledger.
pub fn on_record(passages: &[String], why: &str) -> String {
    format!("\n- On record: I read {}; why: {why}", passages.join(", "))
}

/// A passage of it; no name where the document can't be shown.
pub fn passage_on_record(name: Option<&str>, (first, last): (i64, i64), used: bool) -> String {
    let name = name.unwrap_or("a document that is gone or not shown here");
    let (first, last) = (first + 1, last + 1);
    let place = match first == last {
        true => format!("passage {first}"),
        false => format!("passages {first} to {last}"),
    };
    let used = if used { ", used" } else { "" };
    format!("{name} ({place}{used})")
}

fn many(count: i64, one: &str, more: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {more}"),
    }
}

/// `/forget` when nothing is like that.
pub fn nothing_to_forget(what: &str) -> String {
    format!(
        "None of your documents is called “{what}” or speaks of it, so there is nothing to forget."
    )
}

/// `/forget`, above the documents that may be meant.
pub fn forgettable(what: &str) -> String {
    format!("These are called “{what}” or speak of it. Press one to delete it:")
}

/// A file that was kept, and why no more than that.
pub fn kept_file(what: &str, name: &str, size: &str, why: &str) -> String {
    format!("I kept your {what} {name}({size}). {why}")
}

/// Why a document is only kept that came where others read along.
pub const READ_ALONE: &str =
    "I don't read documents where others read along; send it in our direct chat and I will.";

/// Why a document of somebody else is only kept.
pub const READ_FOR_MEMBERS: &str = "I only read documents for artists I work for and their managers; whoever runs me can give you a code to join.";

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

/// While a document is read.
pub fn reading_document(name: &str) -> String {
    format!("Reading “{name}” …")
}

/// While a document is taken in.
pub fn storing_document(name: &str, percent: u64) -> String {
    format!("Reading “{name}” … {percent} %")
}

/// Under a document: lets the artist and the managers reach it.
const SHARE_DOCUMENT: &str = "Share with the team";

/// Under a document: lets nobody else reach it any more.
pub const KEEP_DOCUMENT: &str = "Keep to myself";

/// Under a document: deletes it.
pub const DELETE_DOCUMENT: &str = "Delete";

/// A document that was there already.
pub fn document_known(name: &str) -> String {
    format!("I have “{name}” already, word for word, so there was nothing to do. Ask me about it.")
}

/// What is said of a document that was taken in.
pub struct DocumentFacts<'a> {
    /// How many pages it has.
    pub pages: i64,
    /// In how many pieces it is searched.
    pub chunks: i64,
    /// The code of its language, where that is known.
    pub language: Option<&'a str>,
    /// Whether an older one of that name is gone.
    pub replaces: bool,
    /// Whether others reach it.
    pub shared: bool,
    /// Whose it is, where that is not plain: whoever brought it works for several.
    pub artist: Option<&'a str>,
}

/// A document that can be asked about from now on.
pub fn document_read(name: &str, facts: &DocumentFacts<'_>) -> String {
    let DocumentFacts {
        pages,
        chunks,
        language,
        replaces,
        shared,
        artist,
    } = facts;
    let pages = many(*pages, "page", "pages");
    let chunks = many(*chunks, "piece", "pieces");
    let language = match language {
        Some("en") => ", in English",
        Some("es") => ", in Spanish",
        Some("pt") => ", in Portuguese",
        Some("fr") => ", in French",
        Some("de") => ", in German",
        Some(_) | None => "",
    };
    let replaces = if *replaces {
        " It takes the place of the older one."
    } else {
        ""
    };
    let reach = match shared {
        true => "You and those who work for the artist can ask me about it.",
        false => "Only you can ask me about it.",
    };
    let artist = artist
        .map(|artist| {
            format!(
                " It is filed under **{artist}**; to file one under somebody else, send it with their name in the message."
            )
        })
        .unwrap_or_default();
    format!("I've read “{name}”: {pages}{language}, kept in {chunks}.{replaces} {reach}{artist}")
}
