//! PDF: by two readers. The first understands fonts and layout and may die of a hostile file; the
//! second bears everything and sees less.

use lopdf::{Document, Object};
use pdf_extract::{MediaBox, OutputDev, OutputError, Transform};

use super::Unreadable;
use super::child::Body;
use super::layout::{Glyph, Layout};

/// More pages are refused before they are read.
const MOST_PAGES: u32 = 10_000;
/// One stream, unpacked, in bytes.
const MOST_UNPACKED: usize = 64 << 20;
/// Up to so many pages are asked for one by one; asking counts all pages each time.
const SINGLY: usize = 500;

/// What came of the first reader.
pub(super) enum Attempt {
    Read(Body),
    Refused(Unreadable),
    /// The other reader may do better.
    NotMine,
}

/// The faithful reader.
pub(super) fn first(bytes: &[u8], most: u64) -> Attempt {
    let Ok(mut document) = pdf_extract::Document::load_mem(bytes) else {
        return Attempt::NotMine;
    };
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Attempt::NotMine;
    }
    let pages = document.get_pages().len();
    if pages > MOST_PAGES as usize {
        return Attempt::Refused(Unreadable::TooManyPages { most: MOST_PAGES });
    }
    let mut pen = Pen {
        layout: Layout::default(),
        most,
    };
    match pdf_extract::output_doc(&document, &mut pen) {
        Ok(()) => {}
        Err(OutputError::FormatError(_)) => return Attempt::Refused(Unreadable::TooLong { most }),
        Err(OutputError::PdfError(_) | OutputError::IoError(_)) => return Attempt::NotMine,
    }
    let text = pen.layout.finish();
    if pages == 0 || !is_language(&text) {
        return Attempt::NotMine;
    }
    let info = document.trailer.get(b"Info").ok();
    let info = info.and_then(|info| document.dereference(info).ok());
    let title = info.and_then(|(_, info)| info.as_dict().ok()?.get(b"Title").ok()?.as_str().ok());
    Attempt::Read(Body {
        title: title.map(words),
        pages: u32::try_from(pages).ok(),
        text,
    })
}

/// Notes every letter; stops by an error of writing when there are too many.
struct Pen {
    layout: Layout,
    most: u64,
}

impl OutputDev for Pen {
    fn begin_page(
        &mut self,
        _number: u32,
        _media: &MediaBox,
        _art: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        self.layout.page();
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn output_character(
        &mut self,
        place: &Transform,
        width: f64,
        _spacing: f64,
        font_size: f64,
        letter: &str,
    ) -> Result<(), OutputError> {
        let across = font_size * (place.m11 + place.m21);
        let up = font_size * (place.m12 + place.m22);
        let size = (across * up).abs().sqrt();
        let bytes = self.layout.glyph(Glyph {
            x: place.m31,
            y: place.m32,
            width: width * size,
            size,
            text: letter,
        });
        match bytes > self.most {
            true => Err(OutputError::FormatError(std::fmt::Error)),
            false => Ok(()),
        }
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        self.layout.word();
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

/// The reader that bears everything.
pub(super) fn second(bytes: &[u8], most: u64) -> Result<Body, Unreadable> {
    let document = Document::load_mem(bytes).map_err(|error| match error {
        lopdf::Error::InvalidPassword
        | lopdf::Error::Decryption(_)
        | lopdf::Error::UnsupportedSecurityHandler(_) => Unreadable::Encrypted,
        // It says so of passwords, too.
        lopdf::Error::Unimplemented(_) if is_locked(bytes) => Unreadable::Encrypted,
        _ => Unreadable::Broken,
    })?;
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    if pages.len() > MOST_PAGES as usize {
        return Err(Unreadable::TooManyPages { most: MOST_PAGES });
    }
    if pages.is_empty() {
        return Err(match is_locked(bytes) {
            true => Unreadable::Encrypted,
            false => Unreadable::Broken,
        });
    }
    let at_once = if pages.len() <= SINGLY { 1 } else { 50 };
    let mut text = String::new();
    for some in pages.chunks(at_once) {
        let pieces = document.extract_text_chunks_with_limit(some, MOST_UNPACKED);
        text.extend(pieces.into_iter().flatten());
        text.push('\u{c}');
        if text.len() as u64 > most {
            return Err(Unreadable::TooLong { most });
        }
    }
    if !is_language(&text) {
        let pictured = document.objects.values().any(is_picture);
        return Err(if pictured {
            Unreadable::Scan
        } else {
            Unreadable::Empty
        });
    }
    let info = document.trailer.get(b"Info").ok();
    let info = info.and_then(|info| document.dereference(info).ok());
    let title = info.and_then(|(_, info)| info.as_dict().ok()?.get(b"Title").ok()?.as_str().ok());
    Ok(Body {
        title: title.map(words),
        pages: u32::try_from(pages.len()).ok(),
        text,
    })
}

fn is_locked(bytes: &[u8]) -> bool {
    bytes.windows(8).any(|window| window == b"/Encrypt")
}

fn is_picture(object: &Object) -> bool {
    let Ok(stream) = object.as_stream() else {
        return false;
    };
    let kind = stream.dict.get(b"Subtype").and_then(Object::as_name);
    kind.is_ok_and(|kind| kind == b"Image")
}

/// Whether there are words in it: letters, and not only signs that some font has in place of letters.
fn is_language(text: &str) -> bool {
    let (mut letters, mut strange) = (0_usize, 0_usize);
    for c in text.chars() {
        match c {
            '\u{fffd}' | '\u{e000}'..='\u{f8ff}' => strange += 1,
            c if c.is_alphanumeric() => letters += 1,
            c if c.is_control() && !c.is_whitespace() => strange += 1,
            _ => {}
        }
    }
    letters >= 2 && strange < letters
}

/// A text of the document's own facts.
fn words(bytes: &[u8]) -> String {
    use encoding_rs::{UTF_8, UTF_16BE, WINDOWS_1252};
    let encoding = match bytes {
        [0xfe, 0xff, ..] => UTF_16BE,
        [0xef, 0xbb, 0xbf, ..] => UTF_8,
        _ => WINDOWS_1252,
    };
    encoding.decode_with_bom_removal(bytes).0.into_owned()
}
