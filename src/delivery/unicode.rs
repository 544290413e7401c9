use unicode_segmentation::UnicodeSegmentation;

use crate::model::Unit;

/// How long a text is in what a limit counts.
pub(super) fn measure(text: &str, unit: Unit) -> usize {
    match unit {
        Unit::Utf16 => text.chars().map(char::len_utf16).sum(),
        Unit::Chars => text.chars().count(),
    }
}

/// Whether a reader would see nothing at all.
pub(super) fn blank(text: &str) -> bool {
    text.chars().all(invisible)
}

/// White space, control characters and what Unicode calls ignorable by default; the braille blank
/// and the Hangul fillers are there because people use them to send empty messages.
pub(super) fn invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Control characters that no chat shows and some refuse; tabs and line ends stay.
pub(super) fn forbidden(c: char) -> bool {
    (c < ' ' && c != '\n' && c != '\t') || c == '\u{7f}'
}

/// A piece of a text by byte offsets; empty where the offsets do not fit the text.
pub(super) fn piece(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}

/// The columns a text takes in a fixed-width font: East Asian and emoji clusters take two.
pub(super) fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true)
        .map(|cluster| match cluster.chars().next() {
            Some(c) if invisible(c) && c != ' ' => 0,
            Some(c) if wide(c) || cluster.contains('\u{fe0f}') => 2,
            _ => 1,
        })
        .sum()
}

/// The blocks that terminals and chat fonts draw at double width.
fn wide(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}
