//! What people read about handing in a release.

use std::fmt::Write as _;

use super::plain;

/// Asks for the title.
pub const RELEASE_TITLE: &str = "What is the release called? Write the title.";

/// Asks for the date.
pub const RELEASE_DATE: &str = "When should it come out? Write the date like 2026-12-24.";

/// What was written is no date.
pub const RELEASE_NO_DATE: &str =
    "I can't read that as a date. Write it like 2026-12-24, or 24.12.2026.";

/// The date has passed.
pub const RELEASE_PAST: &str =
    "That day is over. When should it come out? Write a day from today on, like 2026-12-24.";

/// Asks for notes.
pub const RELEASE_NOTES: &str =
    "Anything your manager should know: credits, stores, wishes? Write it, or “skip”.";

/// Asks for the files.
pub const RELEASE_LINKS: &str = "Where are the files (audio, artwork)? Send one or several links that begin with https://, or “skip”.";

/// What was written holds no link.
pub const RELEASE_NO_LINK: &str = "I see no link in that. Each begins with https://; several stand behind one another. Or write “skip”.";

/// What was written is too long.
pub const RELEASE_TOO_LONG: &str = "That is too long for me here. Please put it in fewer words.";

/// Hands a release in.
pub const SUBMIT: &str = "Yes, hand it in";

/// Above the preview of a new version.
pub const RELEASE_AGAIN: &str = "This is what you handed in. What should be different? Write it like “date: 2026-12-24” (or title:, notes:, links:), then hand it in again.";

/// Something was written that changes nothing in a preview.
pub const RELEASE_CHANGE_HOW: &str = "To change something, write it like “title: Night Drive” (or date:, notes:, links:). Or press a button.";

/// What was to be handed in is not at hand any more.
pub const RELEASE_GONE: &str = "I don't have that at hand any more. /release begins a new one.";

/// `/release` where others read along.
pub const RELEASE_IN_GROUP: &str =
    "Let's do that in our direct chat, where nobody reads along: write /release to me there.";

/// `/releases` when there are none.
pub const NO_RELEASES: &str = "No releases yet. /release hands one in.";

/// Above a list of releases.
pub const RELEASES: &str = "**Releases**";

/// A release as it is shown before it is handed in, and to whoever decides.
pub fn release_preview(title: &str, date: &str, notes: &str, links: &str) -> String {
    let mut text = format!("Title: {}\nDate: {}", plain(title), plain(date));
    if !notes.is_empty() {
        write!(text, "\nNotes: {}", plain(notes)).ok();
    }
    for link in links.split_whitespace() {
        write!(text, "\nFile: {link}").ok();
    }
    text
}

/// The preview, and what happens if it is handed in.
pub fn release_ready(preview: &str, artist: &str) -> String {
    format!(
        "{preview}\n\nShall I hand this in for {}? Whoever manages it decides then. To change something first, write it like “title: Night Drive”.",
        plain(artist)
    )
}

/// It is handed in.
pub fn release_handed_in(title: &str, revision: i64) -> String {
    let version = match revision {
        ..=1 => String::new(),
        revision => format!(" (version {revision})"),
    };
    format!(
        "“{}”{version} is handed in. I'll tell you as soon as it is decided; /releases shows where it stands.",
        plain(title)
    )
}

/// What a release is called where it is decided about.
pub fn release_subject(title: &str) -> String {
    format!("Release “{title}”")
}

/// A line of `/releases`.
pub fn release_line(title: &str, date: &str, state: &str, note: &str) -> String {
    let state = match state {
        "requested" => "waits for a decision",
        "approved" => "approved",
        "rejected" => "rejected",
        "changes" => "sent back, waits for your new version",
        "expired" => "nobody decided in time",
        "withdrawn" => "taken back",
        other => other,
    };
    let note = match note {
        "" => String::new(),
        note => format!(" (“{}”)", plain(note)),
    };
    format!("- **{}**, {}: {state}{note}", plain(title), plain(date))
}
