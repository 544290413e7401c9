use crate::model::Markup;

/// Longest address that is hidden behind a text; a longer one is shown.
const LONGEST: usize = 2048;

/// Whether an address may be hidden behind a text, so that a tap opens it.
///
/// A platform drops the address of a link that it does not take and keeps the text, without a
/// word; what is doubtful (other schemes, a host without a dot, mail) is therefore written out.
pub(super) fn tappable(address: &str, markup: Markup, limit: usize) -> bool {
    if address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return false;
    }
    let Some((scheme, rest)) = address.split_once("://") else {
        return false;
    };
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let web = web && host.contains('.') && !host.starts_with('.');
    match markup {
        Markup::Spans => {
            (web || (scheme.eq_ignore_ascii_case("tg") && !rest.is_empty()))
                && address.len() <= LONGEST
        }
        Markup::Markdown => web && address.len() <= LONGEST.min(limit / 2),
        Markup::Plain => false,
    }
}

/// Writes an address so that it ends where it should: inside round brackets.
pub(super) fn encoded(address: &str) -> String {
    let mut out = String::with_capacity(address.len() + 8);
    for c in address.chars() {
        match c {
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '\\' => out.push_str("%5C"),
            '`' => out.push_str("%60"),
            '|' => out.push_str("%7C"),
            '@' => out.push_str("%40"),
            '*' => out.push_str("%2A"),
            '"' => out.push_str("%22"),
            _ => out.push(c),
        }
    }
    out
}

/// The web address that a text begins with, without the punctuation of the sentence around it.
pub(super) fn leading(text: &str) -> Option<&str> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    let end = rest
        .find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"'))
        .unwrap_or(rest.len());
    let body = rest.get(..end)?.trim_end_matches(|c| {
        matches!(
            c,
            '.' | ',' | ':' | ';' | '!' | '?' | '\'' | ')' | ']' | '*' | '_' | '~' | '|'
        )
    });
    if body.is_empty() {
        return None;
    }
    text.get(..text.len() - rest.len() + body.len())
}
