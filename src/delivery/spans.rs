use super::flat::Look;
use super::split::Slice;
use super::unicode::piece;
use crate::model::{Part, Span, Style};

/// Most styles over one message; a platform ignores or refuses what is beyond.
const MOST_SPANS: usize = 100;

/// Text as it is, and the styles beside it.
pub(super) fn dress(slice: &Slice<'_>) -> Part {
    let mut spans = Vec::new();
    let (mut bytes, mut units) = (0, 0);
    for clip in &slice.marks {
        let Look::Style(style) = clip.look else {
            continue;
        };
        if spans.len() == MOST_SPANS {
            break;
        }
        units += utf16(piece(slice.text, bytes, clip.start));
        bytes = clip.start;
        spans.push(Span {
            start: units,
            len: utf16(piece(slice.text, clip.start, clip.end)),
            style: style.clone(),
        });
    }
    Part {
        text: slice.text.to_owned(),
        spans,
    }
}

/// Text for reading without styles; a quote is told by the sign before its lines.
pub(super) fn quoted(slice: &Slice<'_>) -> Part {
    let mut text = String::with_capacity(slice.text.len() + 16);
    let mut done = 0;
    for clip in &slice.marks {
        if *clip.look != Look::Style(Style::Quote) {
            continue;
        }
        text.push_str(piece(slice.text, done, clip.start));
        for (number, line) in piece(slice.text, clip.start, clip.end)
            .split('\n')
            .enumerate()
        {
            text.push_str(if number > 0 { "\n> " } else { "> " });
            text.push_str(line);
        }
        done = clip.end;
    }
    text.push_str(piece(slice.text, done, slice.text.len()));
    Part {
        text,
        spans: Vec::new(),
    }
}

fn utf16(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}
