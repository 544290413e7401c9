//! What is said about what thumbs taught.

/// On the button that leads there.
pub const BUTTON_LEARNED: &str = "What your thumbs taught me";
/// On the button that undoes it.
pub const BUTTON_UNLEARN: &str = "Forget it";
/// Nobody has pressed a thumb.
pub const NOTHING_LEARNED: &str = "You have not told me yet whether answers helped. Press a thumb under one, or say /feedback, and I lean on what helped you.";
/// It is undone.
pub const UNLEARNED: &str =
    "I have forgotten what you thought of my answers. Nothing of it counts any more.";

/// An answer was too long.
pub const KEEPS_SHORT: &str =
    "Thank you. I keep my answers short from now on; say “write longer” if that was too much.";

/// The first line.
pub fn learned_head(good: i64, wrong: i64) -> String {
    format!("**What your thumbs taught me**\n{good} answers helped you, {wrong} did not.")
}

/// A document that counts more or less; `weight` is in percent of what it counts for others.
pub fn document_counts(name: &str, (net, weight): (i64, i64)) -> String {
    let word = if net > 0 { "more" } else { "less" };
    format!("- “{name}” counts {word} when I look something up for you ({weight} %)")
}

/// Answers were too long.
pub fn too_long(times: i64) -> String {
    let times = match times {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    format!("- Answers were too long {times}: I keep them short since; /me habits changes that")
}
