//! What a file is, by its content first and its name second.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

use super::Unreadable;
use super::text;

/// What can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Text,
    Markdown,
    Pdf,
    Docx,
    Html,
    Csv,
}

impl Kind {
    /// Its MIME type.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Markdown => "text/markdown",
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Html => "text/html",
            Self::Csv => "text/csv",
        }
    }

    /// What the name promises; only the content tells.
    pub fn of_name(name: &str) -> Self {
        match ending(name).as_str() {
            "pdf" => Self::Pdf,
            "docx" => Self::Docx,
            "html" | "htm" | "xhtml" => Self::Html,
            "csv" | "tsv" => Self::Csv,
            "md" | "markdown" => Self::Markdown,
            _ => Self::Text,
        }
    }
}

/// A file with its kind; texts are decoded already.
pub(super) enum Known {
    Pdf,
    Docx,
    Text(Kind, String),
}

/// How files begin that are something else, and what people call them.
const OTHERS: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"GIF8", "a picture"),
    (0, b"BM", "a picture"),
    (0, b"II*\0", "a picture"),
    (0, b"MM\0*", "a picture"),
    (8, b"WEBP", "a picture"),
    (8, b"WAVE", "a sound file"),
    (0, b"ID3", "a sound file"),
    (0, b"\xff\xfb", "a sound file"),
    (0, b"fLaC", "a sound file"),
    (0, b"OggS", "a sound file"),
    (4, b"ftyp", "a film or sound file"),
    (8, b"AVI ", "a film"),
    (0, b"\x1a\x45\xdf\xa3", "a film"),
    (0, b"7z\xbc\xaf", "an archive"),
    (0, b"Rar!", "an archive"),
    (0, b"\x1f\x8b", "an archive"),
    (0, b"BZh", "an archive"),
    (0, b"\xfd7zXZ", "an archive"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"SQLite format 3", "a database"),
    (0, b"%!PS", "a PostScript file"),
];

/// Old Office files, and encrypted new ones, are of this shape.
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
const ZIP: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"];

/// Looks at the bytes, then at the name.
pub(super) fn know(bytes: &[u8], name: &str) -> Result<Known, Unreadable> {
    let ending = ending(name);
    if begins_pdf(bytes, ending == "pdf") {
        return Ok(Known::Pdf);
    }
    if ZIP.iter().any(|magic| bytes.starts_with(magic)) {
        return Ok(Known::Docx);
    }
    if bytes.starts_with(OLE) {
        let marker = utf16("EncryptedPackage");
        let encrypted = bytes.windows(marker.len()).any(|window| window == marker);
        return Err(match encrypted {
            true => Unreadable::Encrypted,
            false => Unreadable::Unsupported("an old Office document".to_owned()),
        });
    }
    // Two letters alone prove nothing where the rest is text.
    let is = |(at, magic, _): &&(usize, &[u8], &str)| {
        bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic))
            && (magic.len() > 2 || bytes.iter().take(4_096).any(|byte| *byte == 0))
    };
    if let Some((_, _, what)) = OTHERS.iter().find(is) {
        return Err(Unreadable::Unsupported((*what).to_owned()));
    }
    let text = text::decode(bytes)?;
    let kind = match ending.as_str() {
        _ if looks_like_html(&text) => Kind::Html,
        "html" | "htm" | "xhtml" if text.contains("</") => Kind::Html,
        "csv" | "tsv" => Kind::Csv,
        "md" | "markdown" => Kind::Markdown,
        _ => Kind::Text,
    };
    Ok(Known::Text(kind, text))
}

/// Whether a file begins like a PDF.
pub(super) async fn is_pdf(file: &Path) -> bool {
    let mut head = Vec::new();
    let Ok(open) = tokio::fs::File::open(file).await else {
        return false;
    };
    let read = open.take(1_024).read_to_end(&mut head).await;
    read.is_ok() && begins_pdf(&head, true)
}

/// Readers take a PDF whose first kilobyte is something else; a text that speaks of one is none.
fn begins_pdf(bytes: &[u8], named: bool) -> bool {
    const MAGIC: &[u8] = b"%PDF-";
    let head = bytes.get(..bytes.len().min(1_024)).unwrap_or_default();
    match head.windows(MAGIC.len()).position(|window| window == MAGIC) {
        None => false,
        Some(at) => {
            named
                || head.iter().take(at).all(|byte| {
                    byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf | 0)
                })
        }
    }
}

fn looks_like_html(text: &str) -> bool {
    let mut rest = text.trim_start();
    for (open, close) in [("<?xml", "?>"), ("<!--", "-->")] {
        if rest.starts_with(open) {
            rest = rest
                .split_once(close)
                .map_or("", |(_, rest)| rest)
                .trim_start();
        }
    }
    let head: String = rest
        .chars()
        .take(15)
        .collect::<String>()
        .to_ascii_lowercase();
    head.starts_with("<!doctype html") || head.starts_with("<html")
}

/// The name's ending in small letters, without the dot.
pub(super) fn ending(name: &str) -> String {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ending.to_ascii_lowercase()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bytes: &[u8], name: &str) -> String {
        match know(bytes, name) {
            Ok(Known::Pdf) => "pdf".to_owned(),
            Ok(Known::Docx) => "zip".to_owned(),
            Ok(Known::Text(kind, _)) => kind.mime().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_content_counts_and_not_the_name() {
        assert_eq!(said(b"%PDF-1.4 ...", "notes.txt"), "pdf");
        assert_eq!(said(b"junk before %PDF-1.4", "a.pdf"), "pdf");
        assert_eq!(said(b"about the magic %PDF-1.4", "a.txt"), "text/plain");
        assert_eq!(
            said(b"\x89PNG\r\n\x1a\n..", "cover.pdf"),
            "unsupported: a picture"
        );
        assert_eq!(said(b"PK\x03\x04...", "a.pdf"), "zip");
        assert_eq!(said(b"BMI of a song", "a.txt"), "text/plain");
        assert_eq!(said(b"MZ\x90\0\x03\0", "a.txt"), "unsupported: a program");
        assert_eq!(
            said(b"  <!-- x --><!DOCTYPE HTML><p>", "a.txt"),
            "text/html"
        );
        assert_eq!(said(b"a;b\n1;2", "a.CSV"), "text/csv");
        assert_eq!(said(b"# A", "a.md"), "text/markdown");
        let mut ole = OLE.to_vec();
        assert_eq!(said(&ole, "a.docx"), "unsupported: an old Office document");
        ole.extend(utf16("..EncryptedPackage"));
        assert_eq!(said(&ole, "a.docx"), "encrypted");
    }
}
