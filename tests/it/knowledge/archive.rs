//! Makes zip archives by hand, honest ones and liars, and Word documents from them.

use std::io::Write;

use flate2::Crc;
use flate2::write::DeflateEncoder;

/// A file in an archive.
pub(super) struct Entry {
    name: String,
    packed: Vec<u8>,
    crc: u32,
    size: u32,
    flags: u16,
}

impl Entry {
    pub(super) fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let mut packer = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(content).unwrap();
        let mut crc = Crc::new();
        crc.update(content);
        Self {
            name: name.to_owned(),
            packed: packer.finish().unwrap(),
            crc: crc.sum(),
            size: u32::try_from(content.len()).unwrap(),
            flags: 0,
        }
    }

    /// What a zlib stream unpacks to, under a size that says otherwise.
    pub(super) fn bomb(name: &str, zlib: &[u8], said: u32) -> Self {
        Self {
            name: name.to_owned(),
            packed: zlib[2..].to_vec(),
            crc: 0,
            size: said,
            flags: 0,
        }
    }

    pub(super) fn locked(mut self) -> Self {
        self.flags = 1;
        self
    }
}

pub(super) fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let place = u32::try_from(out.len()).unwrap();
        let name = u16::try_from(entry.name.len()).unwrap();
        let packed = u32::try_from(entry.packed.len()).unwrap();
        let mut facts = Vec::new();
        for half in [20, entry.flags, 8, 0, 0x21] {
            facts.extend(u16::to_le_bytes(half));
        }
        for word in [entry.crc, packed, entry.size] {
            facts.extend(u32::to_le_bytes(word));
        }
        facts.extend(name.to_le_bytes());
        facts.extend(0_u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&facts);
        out.extend(entry.name.as_bytes());
        out.extend(&entry.packed);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&facts);
        directory.extend([0_u8; 10]);
        directory.extend(place.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let place = u32::try_from(out.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap();
    let length = u32::try_from(directory.len()).unwrap();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(place.to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    out
}

const WORD: &str = "xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'";

/// The document part around this body.
pub(super) fn document(body: &str) -> Entry {
    let xml =
        format!("<?xml version='1.0'?><w:document {WORD}><w:body>{body}</w:body></w:document>");
    Entry::new("word/document.xml", xml)
}

/// A Word document with styles of a German program.
pub(super) fn docx(body: &str) -> Vec<u8> {
    let styles = format!(
        "<w:styles {WORD}><w:style w:styleId='berschrift1'><w:name w:val='heading 1'/></w:style>\
         <w:style w:styleId='berschrift2'><w:name w:val='heading 2'/></w:style>\
         <w:style w:styleId='Eigen'><w:name w:val='Mein Stil'/><w:pPr><w:outlineLvl w:val='2'/></w:pPr></w:style>\
         <w:style w:styleId='Titel'><w:name w:val='Title'/></w:style></w:styles>"
    );
    let notes = format!(
        "<w:footnotes {WORD}><w:footnote>{}</w:footnote></w:footnotes>",
        paragraph("", "A note.")
    );
    archive(&[
        Entry::new("[Content_Types].xml", "<Types/>"),
        document(body),
        Entry::new("word/styles.xml", styles),
        Entry::new("word/footnotes.xml", notes),
    ])
}

/// A paragraph in this style.
pub(super) fn paragraph(style: &str, words: &str) -> String {
    format!("<w:p><w:pPr><w:pStyle w:val='{style}'/></w:pPr><w:r><w:t>{words}</w:t></w:r></w:p>")
}
