//! Word documents: an archive of XML, of which only the parts with words are read.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::Unreadable;
use super::child::Body;
use super::text;
use super::xml::{Piece, Tag, walk};

/// An archive with more files is no document.
const MOST_ENTRIES: usize = 2_000;
/// All parts together, unpacked, in bytes; what an archive says about its sizes is never believed.
const MOST_UNPACKED: u64 = 64 << 20;

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// The words of a document: headings as `#` lines, a table's rows as lines, footnotes at the end.
pub(super) fn read(bytes: &[u8], most: u64) -> Result<Body, Unreadable> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Broken)?;
    if archive.len() > MOST_ENTRIES {
        return Err(Unreadable::Broken);
    }
    let mut room = MOST_UNPACKED;
    let main = main_part(&mut archive, &mut room)?;
    let Some(document) = part(&mut archive, &main, &mut room)? else {
        return Err(Unreadable::Unsupported(other_kind(&archive).to_owned()));
    };
    let styles = part(&mut archive, "word/styles.xml", &mut room)?;
    let styles = styles
        .as_deref()
        .map(styles_of)
        .transpose()?
        .unwrap_or_default();
    let mut writer = Writer::new(&styles, most);
    writer.add(&document)?;
    for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(notes) = part(&mut archive, notes, &mut room)? {
            writer.add(&notes)?;
        }
    }
    let core = part(&mut archive, "docProps/core.xml", &mut room)?;
    let title = core.as_deref().and_then(|core| text_of(core, "title"));
    let app = part(&mut archive, "docProps/app.xml", &mut room)?;
    let pages = app.as_deref().and_then(|app| text_of(app, "Pages"));
    Ok(Body {
        title: title.or(writer.title),
        pages: pages.and_then(|pages| pages.trim().parse().ok()),
        text: writer.out,
    })
}

/// A part as text, or None where there is none.
fn part(
    archive: &mut Archive<'_>,
    name: &str,
    room: &mut u64,
) -> Result<Option<String>, Unreadable> {
    let file = match archive.by_name(name) {
        Ok(file) => file,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
            return Err(Unreadable::Encrypted);
        }
        Err(_) => return Err(Unreadable::Broken),
    };
    let mut bytes = Vec::new();
    let read = file.take(*room + 1).read_to_end(&mut bytes);
    read.map_err(|_| Unreadable::Broken)?;
    *room = match room.checked_sub(bytes.len() as u64) {
        Some(rest) => rest,
        None => return Err(Unreadable::Broken),
    };
    text::decode(&bytes)
        .map(Some)
        .map_err(|_| Unreadable::Broken)
}

/// Where the words are; some programs give the part another name than the usual one.
fn main_part(archive: &mut Archive<'_>, room: &mut u64) -> Result<String, Unreadable> {
    const MAIN: &str = "wordprocessingml.document.main+xml";
    let mut found = None;
    if let Some(types) = part(archive, "[Content_Types].xml", room)? {
        walk(&types, |piece| {
            if let Piece::Open(tag) = piece
                && tag
                    .attribute("ContentType")
                    .is_some_and(|kind| kind.ends_with(MAIN))
            {
                found = tag.attribute("PartName");
            }
            Ok(())
        })?;
    }
    let found = found.map(|name| name.trim_start_matches('/').to_owned());
    Ok(found.unwrap_or_else(|| "word/document.xml".to_owned()))
}

/// What an archive is that is no Word document.
fn other_kind(archive: &Archive<'_>) -> &'static str {
    let has = |begin: &str| {
        archive
            .file_names()
            .flatten()
            .any(|name| name.starts_with(begin))
    };
    match () {
        () if has("xl/") => "a spreadsheet",
        () if has("ppt/") => "a slide show",
        () if has("META-INF/container.xml") => "an e-book",
        () if has("content.xml") => "an OpenDocument file",
        () => "an archive",
    }
}

/// The text of the first element of this name.
fn text_of(xml: &str, name: &str) -> Option<String> {
    let (mut inside, mut out) = (false, String::new());
    walk(xml, |piece| {
        match piece {
            Piece::Open(tag) => inside |= tag.name() == name && out.is_empty(),
            Piece::Close(_) => inside = false,
            Piece::Text(text) if inside => out.push_str(&text),
            Piece::Text(_) => {}
        }
        Ok(())
    })
    .ok()?;
    let out = out.trim();
    (!out.is_empty()).then(|| out.to_owned())
}

/// What a paragraph's style makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Title,
    Heading(usize),
}

type Styles = HashMap<String, Style>;

/// The styles by their id. Ids are translated, names and outline levels are not.
fn styles_of(xml: &str) -> Result<Styles, Unreadable> {
    let mut styles = Styles::new();
    let mut id = None;
    walk(xml, |piece| {
        let Piece::Open(tag) = piece else {
            return Ok(());
        };
        let style = match tag.name() {
            "style" => {
                id = tag.attribute("styleId");
                None
            }
            "name" => tag.attribute("val").and_then(|name| style_named(&name)),
            "outlineLvl" => level(&tag),
            _ => None,
        };
        if let (Some(id), Some(style)) = (&id, style) {
            styles.entry(id.clone()).or_insert(style);
        }
        Ok(())
    })?;
    Ok(styles)
}

fn style_named(name: &str) -> Option<Style> {
    let name = name.to_lowercase();
    if name == "title" {
        return Some(Style::Title);
    }
    let level = name.strip_prefix("heading")?.trim().parse().ok()?;
    (1..=9).contains(&level).then_some(Style::Heading(level))
}

/// An outline level counts from 0; 9 is body text.
fn level(tag: &Tag<'_>) -> Option<Style> {
    let level: usize = tag.attribute("val")?.parse().ok()?;
    (level < 9).then_some(Style::Heading(level + 1))
}

/// A paragraph in the making; one may stand inside another, in a box.
#[derive(Default)]
struct Paragraph {
    text: String,
    style: Option<Style>,
    listed: bool,
}

/// A table's row in the making; one may stand inside another's cell.
#[derive(Default)]
struct Row {
    cells: Vec<String>,
    cell: String,
}

struct Writer<'a> {
    styles: &'a Styles,
    most: u64,
    out: String,
    title: Option<String>,
    paragraphs: Vec<Paragraph>,
    rows: Vec<Row>,
    /// Inside an element whose text is shown.
    shown: bool,
    /// How many elements deep inside something that says the same again.
    hidden: usize,
}

impl<'a> Writer<'a> {
    fn new(styles: &'a Styles, most: u64) -> Self {
        Self {
            styles,
            most,
            out: String::new(),
            title: None,
            paragraphs: Vec::new(),
            rows: Vec::new(),
            shown: false,
            hidden: 0,
        }
    }

    fn add(&mut self, xml: &str) -> Result<(), Unreadable> {
        walk(xml, |piece| {
            match piece {
                Piece::Open(tag) if self.hidden > 0 || is_repeated(tag.name()) => self.hidden += 1,
                Piece::Close(_) if self.hidden > 0 => self.hidden -= 1,
                Piece::Text(_) if self.hidden > 0 => {}
                Piece::Open(tag) => self.open(&tag),
                Piece::Close(name) => self.close(name),
                Piece::Text(text) if self.shown => self.push(&text),
                Piece::Text(_) => {}
            }
            match self.out.len() as u64 > self.most {
                true => Err(Unreadable::TooLong { most: self.most }),
                false => Ok(()),
            }
        })
    }

    fn open(&mut self, tag: &Tag<'_>) {
        let paragraph = self.paragraphs.last_mut();
        match (tag.name(), paragraph) {
            ("p", _) => self.paragraphs.push(Paragraph::default()),
            ("tr", _) => self.rows.push(Row::default()),
            ("t", _) => self.shown = true,
            ("tab", _) => self.push("\t"),
            ("br" | "cr", _) => self.push("\n"),
            ("noBreakHyphen", _) => self.push("-"),
            ("numPr", Some(paragraph)) => paragraph.listed = true,
            ("pStyle", Some(paragraph)) => {
                let id = tag.attribute("val").unwrap_or_default();
                let style = self.styles.get(&id).copied();
                paragraph.style = style.or_else(|| style_named(&id));
            }
            ("outlineLvl", Some(paragraph)) => paragraph.style = level(tag).or(paragraph.style),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "t" => self.shown = false,
            "p" => {
                if let Some(paragraph) = self.paragraphs.pop() {
                    self.end(paragraph);
                }
            }
            "tc" => {
                if let Some(row) = self.rows.last_mut() {
                    let cell = std::mem::take(&mut row.cell);
                    row.cells.push(cell.trim().to_owned());
                }
            }
            "tr" => {
                if let Some(Row { cells, cell: _ }) = self.rows.pop() {
                    let line = cells.join(" | ");
                    match self.rows.last_mut() {
                        Some(outer) => add_word(&mut outer.cell, &line),
                        None if line.trim_matches([' ', '|']).is_empty() => {}
                        None => self.line(&line),
                    }
                }
            }
            "tbl" if self.rows.is_empty() => self.out.push('\n'),
            _ => {}
        }
    }

    fn push(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn end(&mut self, paragraph: Paragraph) {
        let Paragraph {
            text,
            style,
            listed,
        } = paragraph;
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if let Some(row) = self.rows.last_mut() {
            add_word(&mut row.cell, text);
            return;
        }
        let level = match style {
            Some(Style::Title) => {
                self.title.get_or_insert_with(|| text.to_owned());
                Some(1)
            }
            Some(Style::Heading(level)) => Some(level.min(6)),
            None => None,
        };
        match level {
            Some(level) => {
                let words: Vec<&str> = text.split_whitespace().collect();
                let line = format!("\n{} {}\n", "#".repeat(level), words.join(" "));
                self.line(&line);
            }
            None if listed => self.line(&format!("- {text}")),
            None => self.line(&format!("{text}\n")),
        }
    }
}

/// What an element of this name holds stands elsewhere in the document too.
fn is_repeated(name: &str) -> bool {
    matches!(name, "Fallback" | "moveFrom")
}

fn add_word(cell: &mut String, word: &str) {
    if !cell.is_empty() {
        cell.push(' ');
    }
    cell.extend(word.split_whitespace().flat_map(|word| [" ", word]).skip(1));
}
