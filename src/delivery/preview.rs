use std::borrow::Cow;

use super::unicode::piece;

/// A growing text, mended at its end so that no half markup shows.
pub(super) fn mended(markdown: &str, limit: usize) -> String {
    // Only the first part is shown; the rest need not be read.
    let far = limit.saturating_mul(8).min(markdown.len());
    let text = piece(markdown, 0, markdown.floor_char_boundary(far));
    let (fenced, paragraph) = tail(text);
    let kept = without_last_signs(text, fenced);
    if fenced || kept.len() <= paragraph {
        return kept.to_owned();
    }
    let head = piece(kept, 0, paragraph);
    let end = closed(&unlinked(piece(kept, paragraph, kept.len())));
    format!("{head}{end}")
}

/// Whether the text ends inside a fence, and where its last paragraph begins.
fn tail(text: &str) -> (bool, usize) {
    let mut fence: Option<(char, usize)> = None;
    let mut paragraph = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        let sign = bare.chars().next().unwrap_or(' ');
        let run = bare.len() - bare.trim_start_matches(sign).len();
        match fence {
            Some((open, length)) if sign == open && run >= length && run == bare.len() => {
                fence = None;
                paragraph = at + line.len();
            }
            Some(_) => {}
            None if matches!(sign, '`' | '~') && run >= 3 => fence = Some((sign, run)),
            None if bare.is_empty() => paragraph = at + line.len(),
            None => {}
        }
        at += line.len();
    }
    (fence.is_some(), paragraph)
}

/// Leaves away a last line that is nothing but the beginning of markup: it may turn into a
/// bullet, a heading, a line under a heading or a fence.
fn without_last_signs(text: &str, fenced: bool) -> &str {
    let start = text.rfind('\n').map_or(0, |at| at + 1);
    let line = piece(text, start, text.len()).trim();
    let numbered = line
        .strip_suffix(['.', ')'])
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    let signs = if fenced {
        line.bytes().all(|b| matches!(b, b'`' | b'~'))
    } else {
        numbered || line.bytes().all(|b| b"#*-_~`>+|= !:[".contains(&b))
    };
    if signs { piece(text, 0, start) } else { text }
}

/// Shows a link that is only half there by its text.
fn unlinked(text: &str) -> Cow<'_, str> {
    let Some(open) = text.rfind('[') else {
        return Cow::Borrowed(text);
    };
    let before = piece(text, 0, open);
    if before.ends_with('\\') {
        return Cow::Borrowed(text);
    }
    let before = before.strip_suffix('!').unwrap_or(before);
    let inner = piece(text, open + 1, text.len());
    match inner.split_once(']') {
        None => Cow::Owned(format!("{before}{inner}")),
        Some((shown, "")) => Cow::Owned(format!("{before}{shown}")),
        Some((shown, address)) if address.starts_with('(') && !address.contains(')') => {
            Cow::Owned(format!("{before}{shown}"))
        }
        Some(_) => Cow::Borrowed(text),
    }
}

/// Ends the emphasis and the code that are open at the end of a paragraph.
fn closed(text: &str) -> String {
    let mut out = text.trim_end().to_owned();
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut code: Option<usize> = None;
    let mut spare = 0;
    let mut before = ' ';
    let mut rest = out.as_str();
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '`' | '*' | '_' | '~' => rest.len() - rest.trim_start_matches(c).len(),
            _ => c.len_utf8(),
        };
        rest = piece(rest, length, rest.len());
        spare = 0;
        match c {
            '`' if code == Some(length) => code = None,
            '`' if code.is_none() => code = Some(length),
            _ if code.is_some() => {}
            '\\' => {
                let next = rest.chars().next().map_or(0, char::len_utf8);
                rest = piece(rest, next, rest.len());
            }
            '*' | '_' | '~' => spare = turn(&mut open, c, length, before, rest.chars().next()),
            _ => {}
        }
        before = c;
    }
    // Signs at the end that end nothing are the beginning of what comes next.
    let kept = out.len() - spare;
    out.truncate(out.get(..kept).map_or(0, |kept| kept.trim_end().len()));
    if code.is_some() && out.ends_with('`') {
        out.truncate(out.trim_end_matches('`').trim_end().len());
        code = None;
    }
    out.extend(std::iter::repeat_n('`', code.unwrap_or(0)));
    for (sign, length) in open.into_iter().rev() {
        out.extend(std::iter::repeat_n(sign, length));
    }
    out
}

/// A run of signs ends what is open or opens something; how many signs at the end of the text did
/// neither.
fn turn(
    open: &mut Vec<(char, usize)>,
    sign: char,
    length: usize,
    before: char,
    behind: Option<char>,
) -> usize {
    let mut left = length;
    if !before.is_whitespace() {
        while let Some(&(known, needed)) = open.last()
            && known == sign
            && needed <= left
        {
            left -= needed;
            open.pop();
        }
    }
    match behind {
        None => left,
        Some(behind) => {
            if left > 0 && !behind.is_whitespace() && !before.is_alphanumeric() {
                open.push((sign, left));
            }
            0
        }
    }
}
