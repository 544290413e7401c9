//! Message text as Telegram's server treats it: cleaning, trimming, entity rules, and the
//! entities that the server finds in what people write.

use serde_json::{Value, json};

/// The length that Telegram counts: UTF-16 code units.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// One entity reduced to its place; `at` is its index in the request.
#[derive(Clone, Copy)]
struct Span<'a> {
    kind: &'a str,
    start: usize,
    end: usize,
}

/// Checks entities against the text: in range, whole characters, properly nested.
///
/// # Errors
/// One sentence about the first entity that the real server would refuse or repair.
pub(super) fn check_entities(text: &str, entities: &[Value]) -> Result<(), String> {
    let wide: Vec<u16> = text.encode_utf16().collect();
    let mut spans = Vec::with_capacity(entities.len());
    for entity in entities {
        let span = span(entity, &wide)?;
        if span.kind == "text_link" && entity["url"].as_str().is_none_or(str::is_empty) {
            return Err("text_link entity has no url".to_owned());
        }
        spans.push(span);
    }
    spans.sort_by_key(|s| (s.start, std::cmp::Reverse(s.end)));
    let mut open: Vec<Span> = Vec::new();
    for span in spans {
        open.retain(|o| o.end > span.start);
        if let Some(outer) = open.iter().find(|o| span.end > o.end) {
            return Err(format!(
                "{} and {} entities overlap partially",
                outer.kind, span.kind
            ));
        }
        if let Some(outer) = open.iter().find(|o| !may_hold(o.kind, span.kind)) {
            return Err(format!(
                "{} entity may not stand inside {}",
                span.kind, outer.kind
            ));
        }
        open.push(span);
    }
    Ok(())
}

fn span<'a>(entity: &'a Value, wide: &[u16]) -> Result<Span<'a>, String> {
    let kind = entity["type"].as_str().unwrap_or_default();
    let number = |key: &str| entity[key].as_u64().and_then(|n| usize::try_from(n).ok());
    let (Some(start), Some(length @ 1..)) = (number("offset"), number("length")) else {
        return Err(format!(
            "{kind} entity has a bad offset or length: {entity}"
        ));
    };
    let end = start + length;
    if end > wide.len() {
        return Err(format!(
            "entity beginning at UTF-16 offset {start} ends after the end of the text at UTF-16 offset {end}"
        ));
    }
    let splits = |at: usize| wide.get(at).is_some_and(|u| (0xDC00..0xE000).contains(u));
    if splits(start) || splits(end) {
        return Err(format!(
            "{kind} entity begins or ends in the middle of a UTF-16 symbol"
        ));
    }
    Ok(Span { kind, start, end })
}

fn may_hold(outer: &str, inner: &str) -> bool {
    let quote = |k: &str| matches!(k, "blockquote" | "expandable_blockquote");
    let style = |k: &str| {
        matches!(
            k,
            "bold" | "italic" | "underline" | "strikethrough" | "spoiler"
        )
    };
    match (outer, inner) {
        ("pre" | "code", _) => false,
        (o, i) if quote(o) => !quote(i),
        (_, "pre" | "code") => false,
        (o, i) => o != i && (style(o) || style(i)),
    }
}

/// Cleans control characters and trims blank ends as the server does; entities move along.
pub(super) fn clean(text: &str, entities: &[Value]) -> (String, Vec<Value>) {
    let mut kept: Vec<(char, usize)> = Vec::with_capacity(text.len());
    let mut at = 0;
    for c in text.chars() {
        match c {
            '\r' | '\u{2028}'..='\u{202E}' => {}
            '\n' => kept.push((c, at)),
            c if c < ' ' => kept.push((' ', at)),
            c => kept.push((c, at)),
        }
        at += c.len_utf16();
    }
    let first = kept
        .iter()
        .position(|(c, _)| !c.is_whitespace())
        .unwrap_or(kept.len());
    let last = kept
        .iter()
        .rposition(|(c, _)| !c.is_whitespace())
        .map_or(first, |i| i + 1);
    let kept = &kept[first..last];
    let moved = |old: usize| -> usize {
        kept.iter()
            .take_while(|(_, from)| *from < old)
            .map(|(c, _)| c.len_utf16())
            .sum()
    };
    let entities = entities.iter().filter_map(|e| {
        let start = usize::try_from(e["offset"].as_u64()?).ok()?;
        let end = start + usize::try_from(e["length"].as_u64()?).ok()?;
        let (start, end) = (moved(start), moved(end));
        let mut e = e.clone();
        e["offset"] = json!(start);
        e["length"] = json!(end - start);
        (end > start).then_some(e)
    });
    let entities = entities.take(100).collect();
    (kept.iter().map(|(c, _)| *c).collect(), entities)
}

/// Whether the server would find nothing to show in this text.
pub(super) fn blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{180E}' | '\u{2000}'..='\u{200F}' | '\u{2028}'..='\u{202F}')
            || matches!(
                c,
                '\u{205F}'..='\u{2064}' | '\u{2800}' | '\u{FEFF}' | '\u{FFFC}'
            )
    })
}

/// The commands, mentions and links that the server marks in a person's text.
pub(super) fn detect(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut before = None;
    let mut offset = 0;
    let mut skip_to = 0;
    for (at, c) in text.char_indices() {
        let free = before.is_none_or(|b: char| !b.is_alphanumeric() && b != '_' && b != '/');
        if at >= skip_to && free {
            let rest = &text[at..];
            if let Some((kind, length)) = mark(c, rest) {
                let wide = units(&rest[..length]);
                found.push(json!({"type": kind, "offset": offset, "length": wide}));
                skip_to = at + length;
            }
        }
        before = Some(c);
        offset += c.len_utf16();
    }
    found
}

fn mark(c: char, rest: &str) -> Option<(&'static str, usize)> {
    match c {
        '/' => {
            let name = word(&rest[1..]);
            let mut length = 1 + name;
            if let Some(bot) = rest[length..].strip_prefix('@') {
                let bot = word(bot);
                length += if bot >= 3 { 1 + bot } else { 0 };
            }
            let ends = rest[length..].chars().next().is_none_or(|n| n != '/');
            ((1..=64).contains(&name) && ends).then_some(("bot_command", length))
        }
        '@' => {
            let name = word(&rest[1..]);
            (4..=32).contains(&name).then_some(("mention", 1 + name))
        }
        'h' if rest.starts_with("http://") || rest.starts_with("https://") => {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let length = rest[..end]
                .trim_end_matches(['.', ',', ')', '!', '?', ';', ':'])
                .len();
            (length > 8).then_some(("url", length))
        }
        _ => None,
    }
}

fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}
