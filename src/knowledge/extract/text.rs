//! Plain text and Markdown.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::Unreadable;
use super::child::Body;

/// So much of a file shows how it is encoded.
const HEAD: usize = 4_096;

/// Bytes as text: by their mark, else UTF-16 that shows itself, else UTF-8, else Windows-1252.
pub(super) fn decode(bytes: &[u8]) -> Result<String, Unreadable> {
    let binary = || Unreadable::Unsupported("no text".to_owned());
    let text = if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..).unwrap_or_default();
        encoding.decode_without_bom_handling(rest).0.into_owned()
    } else if let Some(encoding) = unmarked_utf16(bytes) {
        encoding.decode_without_bom_handling(bytes).0.into_owned()
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        text.to_owned()
    } else if let Some(encoding) = declared(bytes) {
        encoding.decode_without_bom_handling(bytes).0.into_owned()
    } else {
        WINDOWS_1252
            .decode_without_bom_handling(bytes)
            .0
            .into_owned()
    };
    if text.contains('\0') {
        return Err(binary());
    }
    let strange = |c: &char| {
        *c == '\u{fffd}' || (c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
    };
    let seen = text.chars().take(HEAD).count();
    if text.chars().take(HEAD).filter(strange).count() * 20 > seen {
        return Err(binary());
    }
    Ok(text)
}

/// UTF-16 without a mark has a zero in every other byte as long as it is mostly Latin.
fn unmarked_utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..bytes.len().min(HEAD))?;
    if head.len() < 4 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let zeros = |odd: usize| {
        let places = head.iter().skip(odd).step_by(2);
        places.filter(|byte| **byte == 0).count() * 2 * 100 / head.len()
    };
    match (zeros(0), zeros(1)) {
        (0..=5, 60..) => Some(UTF_16LE),
        (60.., 0..=5) => Some(UTF_16BE),
        _ => None,
    }
}

/// What a page says about its own encoding.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..bytes.len().min(1_024))?;
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    if !head.contains("<html") && !head.contains("<meta") {
        return None;
    }
    let (_, rest) = head.split_once("charset=")?;
    let end = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_');
    let label = rest.trim_start_matches(['"', '\'']).split(end).next()?;
    Encoding::for_label(label.as_bytes())
}

/// Plain text: every line as it is.
pub(super) fn plain(text: String) -> Body {
    Body {
        title: None,
        pages: None,
        text,
    }
}

/// Markdown: the block of facts at its head goes, except for its title; headings that are underlined
/// get their signs in front; comments and pictures that stand in the text as data go.
pub(super) fn markdown(text: &str) -> Body {
    let (title, rest) = facts(text);
    let mut out = String::with_capacity(rest.len());
    let (mut fenced, mut commented) = (false, false);
    let mut before: Option<&str> = None;
    for line in rest.lines() {
        let bare = line.trim();
        if !fenced && commented {
            commented = !bare.contains("-->");
            continue;
        }
        if !fenced && bare.starts_with("<!--") {
            commented = !bare.contains("-->");
            continue;
        }
        if bare.starts_with("```") || bare.starts_with("~~~") {
            fenced = !fenced;
        }
        let under = (!fenced).then(|| underline(bare)).flatten();
        match (under, before.take()) {
            (Some(sign), Some(above)) if is_words(above) => {
                push(&mut out, &format!("{sign} {}", above.trim()));
            }
            (_, above) => {
                if let Some(above) = above {
                    push(&mut out, above);
                }
                before = Some(line);
            }
        }
    }
    if let Some(last) = before {
        push(&mut out, last);
    }
    Body {
        title,
        pages: None,
        text: out,
    }
}

fn push(out: &mut String, line: &str) {
    const DATA: &str = "](data:";
    let mut rest = line;
    while let Some((head, tail)) = rest.split_once(DATA) {
        out.push_str(head);
        out.push(']');
        rest = tail.split_once(')').map_or("", |(_, tail)| tail);
    }
    out.push_str(rest);
    out.push('\n');
}

fn underline(line: &str) -> Option<&'static str> {
    let only = |sign: u8| line.len() >= 3 && line.bytes().all(|byte| byte == sign);
    match () {
        () if only(b'=') => Some("#"),
        () if only(b'-') => Some("##"),
        () => None,
    }
}

fn is_words(line: &str) -> bool {
    let line = line.trim();
    line.starts_with(char::is_alphanumeric) && line.len() < 200 && !line.contains('|')
}

/// The `title:` of a block between `---` lines at the head, and what stands behind the block.
fn facts(text: &str) -> (Option<String>, &str) {
    let Some(rest) = text
        .strip_prefix("---\n")
        .or_else(|| text.strip_prefix("---\r\n"))
    else {
        return (None, text);
    };
    let mut at = 0;
    let mut title = None;
    for line in rest.split_inclusive('\n') {
        at += line.len();
        let bare = line.trim_end();
        if bare == "---" || bare == "..." {
            return (title, rest.get(at..).unwrap_or_default());
        }
        if let Some(found) = bare.strip_prefix("title:") {
            let found = found.trim().trim_matches(['"', '\'']).trim();
            title = (!found.is_empty()).then(|| found.to_owned());
        }
    }
    (None, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_encoding_is_read() {
        let text = "Künstler, canción, l’été – 12 €";
        let utf16 = |swap: bool| -> Vec<u8> {
            let units = text.encode_utf16();
            units
                .flat_map(|unit| {
                    if swap {
                        unit.to_be_bytes()
                    } else {
                        unit.to_le_bytes()
                    }
                })
                .collect()
        };
        let marked = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
        let latin = WINDOWS_1252.encode(text).0.into_owned();
        for bytes in [
            text.as_bytes().to_vec(),
            marked(b"\xef\xbb\xbf", text.as_bytes().to_vec()),
            marked(b"\xff\xfe", utf16(false)),
            marked(b"\xfe\xff", utf16(true)),
            utf16(false),
            utf16(true),
            latin,
        ] {
            assert_eq!(decode(&bytes).as_deref(), Ok(text), "{bytes:?}");
        }
    }

    #[test]
    fn data_is_not_text() {
        for bytes in [
            &b"a\0b"[..],
            b"\x01\x02\x03\x04\x05abc",
            b"\xff\xfe\0\0a\0\0\0",
        ] {
            assert!(
                matches!(decode(bytes), Err(Unreadable::Unsupported(_))),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_page_names_its_encoding() {
        let page = "<html><meta charset='iso-8859-2'><p>Łódź";
        let (bytes, ..) = Encoding::for_label(b"iso-8859-2").unwrap().encode(page);
        assert_eq!(decode(&bytes).as_deref(), Ok(page));
    }

    #[test]
    fn markdown_keeps_its_words_and_its_headings() {
        let body = markdown(
            "---\ntitle: \"Splits\"\ndate: x\n---\nOne\n===\n\nwords\n\nTwo\n---\n<!-- not\nthis -->\n\
             ![a](data:image/png;base64,AAAA) b\n```\n# code\n---\n```\n| a |\n---\n",
        );
        assert_eq!(body.title.as_deref(), Some("Splits"));
        assert_eq!(
            body.text,
            "# One\n\nwords\n\n## Two\n![a] b\n```\n# code\n---\n```\n| a |\n---\n"
        );
        assert_eq!(markdown("---\nno end").text, "---\nno end\n");
    }
}
