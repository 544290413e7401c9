use super::flat::Flat;
use super::preview;
use super::split::Splitter;
use super::unicode::{blank, measure};
use crate::model::{Features, Markup, Part, Unit};

/// Turns Markdown into the parts of a message, in order, each at most `features.max_text` long in
/// `features.unit`.
///
/// A text in which a reader would see nothing gives no parts. Nothing readable is lost but white
/// space at the seams. A limit below 16 may leave no room for the markup of a single letter; then
/// the letter stands without it.
pub fn render(markdown: &str, features: &Features) -> Vec<Part> {
    if let Some(part) = plain(markdown, features) {
        return vec![part];
    }
    let flat = Flat::read(markdown, features);
    Splitter::new(&flat, features).collect()
}

/// The first part of a text that is still growing; none while there is no word in it yet.
///
/// What has begun and not ended (emphasis, code, half a link) is shown as if it had ended here.
pub fn preview(markdown_so_far: &str, features: &Features) -> Option<Part> {
    let part = match plain(markdown_so_far, features) {
        Some(part) => part,
        None => {
            let flat = Flat::read(
                &preview::mended(markdown_so_far, features.max_text),
                features,
            );
            Splitter::new(&flat, features).next()?
        }
    };
    part.text.contains(char::is_alphanumeric).then_some(part)
}

/// The text that Markdown shows, without markup; an address is in it only where it has to be
/// shown because it cannot be hidden behind a text.
pub fn visible(markdown: &str) -> String {
    let features = Features {
        max_text: usize::MAX,
        max_caption: usize::MAX,
        unit: Unit::Chars,
        markup: Markup::Spans,
        edits: false,
        free_edits: false,
        typing: false,
        deletes: false,
        forms: false,
        buttons_per_row: 0,
        takes_files: true,
        lasts: true,
        max_download: 0,
        pace: None,
    };
    Flat::read(markdown, &features).text
}

/// The one part of a short text that means the same with and without Markdown: most messages.
fn plain(markdown: &str, features: &Features) -> Option<Part> {
    let text = markdown.trim_start_matches([' ', '\n']).trim_end();
    let mut before = b'\n';
    let mut line = 0_usize;
    for &b in text.as_bytes() {
        let harmless = match b {
            b'\\' | b'*' | b'_' | b'~' | b'`' | b'[' | b']' | b'<' | b'>' | b'&' | b'|' | b'#'
            | b'@' | b'\t' | b'\r' | 0x7f => false,
            b'\n' => before != b' ' && line > 0,
            b'-' | b'+' | b'=' | b':' | b' ' | b'0'..=b'9' => before != b'\n',
            b'!' => true,
            _ => b >= b' ',
        };
        if !harmless {
            return None;
        }
        line = if b == b'\n' { 0 } else { line + 1 };
        before = b;
    }
    // Every unit takes at least a byte, so that a short text need not be counted.
    let fits = text.len() <= features.max_text || measure(text, features.unit) <= features.max_text;
    let part = || Part {
        text: text.to_owned(),
        spans: Vec::new(),
    };
    (fits && !blank(text)).then(part)
}
