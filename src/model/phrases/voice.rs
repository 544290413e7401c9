//! What is said about pictures, and about what is heard and spoken.

/// Why a photo is only kept: no model sees.
pub const NO_EYES: &str =
    "No language model of mine can look at pictures, so tell me what's in it if it matters now.";

/// Why a photo is only kept: it is no picture that models read.
pub const NO_PICTURE: &str = "I can look at JPEG, PNG, GIF and WebP pictures, and this is none of them, so tell me what's in it if it matters now.";

/// Why a photo is only kept: it is too large to be shown.
pub fn too_large_to_see(limit: &str) -> String {
    format!("I can look at pictures of at most {limit}, so send me a smaller copy of it.")
}

/// In place of an answer about a picture that was turned down.
pub const NOT_SEEN: &str = "I kept the picture, but my language model couldn't look at it. Tell me what's in it if it matters now.";

/// Why a voice note is only kept: no model hears.
pub const NO_EARS: &str =
    "No model of mine can listen to voice notes, so write me what you said if it matters now.";

/// Why a voice note is only kept: it is in no form that models take.
pub const NO_RECORDING: &str = "I can't listen to a recording in this form. A plain voice note works, or MP3, M4A, OGG, FLAC, WAV and MP4.";

/// Why a voice note is only kept: it is too large to be sent to a model.
pub fn too_large_to_hear(limit: &str) -> String {
    format!("I can listen to at most {limit} at a time, so say it in several pieces, please.")
}

/// Why a voice note is only kept: no model gave its words.
pub const NOT_HEARD: &str = "I couldn't get it written down at the moment. Send it again a little later, or write me what you said.";

/// Why a voice note is only kept: it would cost too much.
pub const NOT_PAID: &str =
    "What listening may cost for now is used up, so write me what you said, please.";

/// In place of an answer to a voice note in which nothing is said.
pub const HEARD_NOTHING: &str = "I heard nothing in your voice note. Say it again, or write it.";

/// Above the answer to a voice note: what was understood, in Markdown that is made harmless.
pub fn transcript(words: &str) -> String {
    format!("> 🎙 “{words}”")
}

/// `/speak` where no model speaks.
pub const NO_VOICE: &str =
    "No model of mine can speak. Whoever runs me can set models.speak, or a key for OpenAI.";

/// `/speak` before anything was answered.
pub const NOTHING_TO_SAY: &str = "I haven't answered anything here yet that I could say aloud.";

/// `/speak`: it is on its way.
pub const SPEAKING: &str = "One moment, I'm saying it aloud.";

/// `/speak on`.
pub const SPEAKS_BACK: &str = "Whenever you send me a voice note in our direct chat, I'll answer with my voice, too. /speak off ends that.";

/// `/speak off`.
pub const SPEAKS_NO_MORE: &str = "I answer voice notes in writing only from now on.";

/// `/speak` with anything else behind it.
pub const SPEAK_HOW: &str = "/speak says my last answer aloud; /speak on and /speak off decide whether voice notes are answered with my voice, too.";

/// In place of a recording that no model made.
pub const NOT_SPOKEN: &str =
    "I couldn't say it aloud at the moment. Ask for it with /speak a little later.";

/// In place of a recording that the platform does not take.
pub const VOICE_NOT_SENT: &str = "I couldn't send you the recording: voice messages or files may not be allowed here. My answer stays in writing.";

/// In place of a recording that would cost too much.
pub const NOT_SPOKEN_PAID: &str =
    "What speaking may cost for now is used up, so it stays in writing.";

/// With a recording: how the answer begins that is said in it, and whether all of it is.
pub fn spoken(beginning: &str, is_whole: bool) -> String {
    match is_whole {
        true => format!("🔊 {beginning}"),
        false => format!(
            "🔊 {beginning}\n\nThat is too long to be said at once; the rest is in the text."
        ),
    }
}

/// `/why`: what a voice note was written down by.
pub fn why_heard(model: &str, cost: &str) -> String {
    format!("- Your voice note was written down by `{model}`: {cost}")
}

/// With a recording where nothing plays it: where it lies.
pub fn voice_lies(caption: &str, path: &str) -> String {
    format!("{caption}\nThe recording is {path}")
}
