//! Every kind of document that is read.

use toney::knowledge::extract::{Kind, Unreadable};

use super::archive::{docx, paragraph};
use super::paper::{Paper, contract, page};
use super::read;

#[tokio::test]
async fn a_pdf_gives_its_words_without_its_pages() {
    let read = read("memo.pdf", contract(5)).await.unwrap();
    assert_eq!(read.kind, Kind::Pdf);
    assert_eq!(read.title, "Deal memo (final)");
    assert_eq!(read.pages, 5);
    let clause = |number| {
        format!(
            "# Clause {number}\n\nThe artist of clause {number} grants the label the rights to the recording for a term of \
             seven years from the day of release and the label pays a share of twenty percent."
        )
    };
    let clauses: Vec<String> = (1..=5).map(clause).collect();
    let expected = format!(
        "Deal memo, strictly confidential\n\n{}",
        clauses.join("\n\n")
    );
    assert_eq!(read.text, expected);
}

#[tokio::test]
async fn a_word_document_gives_headings_lists_tables_and_notes() {
    let row = |cells: [&str; 2]| {
        let cells = cells.map(|cell| format!("<w:tc>{}</w:tc>", paragraph("", cell)));
        format!("<w:tr>{}</w:tr>", cells.concat())
    };
    let body = [
        paragraph("Titel", "Split &amp; share"),
        paragraph("berschrift1", "Who wrote it"),
        "<w:p><w:r><w:t xml:space='preserve'>Ann </w:t></w:r><w:r><w:t>wrote</w:t><w:tab/><w:t>it.</w:t>\
         <w:del><w:delText>Bob did.</w:delText></w:del><w:moveFrom><w:t>Moved.</w:t></w:moveFrom></w:r></w:p>"
            .to_owned(),
        "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>first</w:t></w:r></w:p>".to_owned(),
        "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>second</w:t></w:r></w:p>".to_owned(),
        paragraph("Eigen", "Shares"),
        format!("<w:tbl>{}{}</w:tbl>", row(["Ann", "50 %"]), row(["Bob", "50 %"])),
        "<w:p><w:r><mc:AlternateContent xmlns:mc='x'><mc:Choice><w:t>Box</w:t></mc:Choice>\
         <mc:Fallback><w:t>Box</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>"
            .to_owned(),
    ]
    .concat();
    let read = read("split.docx", docx(&body)).await.unwrap();
    assert_eq!(
        (read.kind, read.title.as_str()),
        (Kind::Docx, "Split & share")
    );
    assert_eq!(
        read.text,
        "# Split & share\n\n# Who wrote it\n\nAnn wrote it.\n\n- first\n- second\n\n### Shares\n\nAnn | 50 %\n\
         Bob | 50 %\n\nBox\n\nA note."
    );
}

#[tokio::test]
async fn texts_pages_and_tables_are_read() {
    let utf16: Vec<u8> = "\u{feff}Künstler"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: [(&str, &[u8], Kind, &str, &str); 7] = [
        (
            "a.txt",
            "one\n\n\n\ntwo".as_bytes(),
            Kind::Text,
            "a",
            "one\n\ntwo",
        ),
        ("my-list.txt", &utf16, Kind::Text, "my list", "Künstler"),
        (
            "b.txt",
            b"caf\xe9 \x96 12 \x80",
            Kind::Text,
            "b",
            "café – 12 €",
        ),
        (
            "c.md",
            b"# Splits\n\nwords",
            Kind::Markdown,
            "Splits",
            "# Splits\n\nwords",
        ),
        (
            "d.csv",
            b"Song;Plays\nBlue;12",
            Kind::Csv,
            "d",
            "Song: Blue; Plays: 12",
        ),
        (
            "e.html",
            b"<html><title>Two</title><h2>H</h2><p>p",
            Kind::Html,
            "Two",
            "## H\n\np",
        ),
        ("noname", b"words", Kind::Text, "noname", "words"),
    ];
    for (name, bytes, kind, title, text) in cases {
        let read = read(name, bytes).await.unwrap();
        assert_eq!(
            (read.kind, read.title.as_str(), read.text.as_str()),
            (kind, title, text)
        );
        assert_eq!(read.pages, 1);
    }
}

#[tokio::test]
async fn the_content_decides_and_not_the_name() {
    let pdf = read("notes.txt", contract(1)).await.unwrap();
    assert_eq!(pdf.kind, Kind::Pdf);
    let picture = read("cover.pdf", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        .await
        .unwrap_err();
    assert_eq!(picture, Unreadable::Unsupported("a picture".to_owned()));
    assert_eq!(
        picture.sentence("cover.pdf"),
        "“cover.pdf” is a picture, which I can't read. I read PDF, Word (.docx), web pages, CSV, Markdown and plain text."
    );
}

#[tokio::test]
async fn a_scan_is_said_to_be_one() {
    let mut paper = Paper::with_pages(&["q 600 0 0 800 0 0 cm /Im1 Do Q".to_owned()]);
    let picture = "/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8";
    paper.stream(picture, b"\x80");
    assert_eq!(
        read("scan.pdf", paper.finish("")).await,
        Err(Unreadable::Scan)
    );
    let blank = Paper::with_pages(&[page(&[])]).finish("");
    assert_eq!(read("blank.pdf", blank).await, Err(Unreadable::Empty));
}

#[tokio::test]
async fn what_is_locked_is_said_to_be() {
    let mut paper = Paper::with_pages(&[page(&[(10, 700, "secret")])]);
    let noise = "0123456789abcdef".repeat(4);
    let lock = paper.add(format!(
        "<< /Filter /Standard /V 1 /R 2 /O <{noise}> /U <{noise}> /P -44 >>"
    ));
    let ids = "/ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]";
    let locked = paper.finish(&format!("/Encrypt {lock} 0 R {ids}"));
    assert_eq!(read("locked.pdf", locked).await, Err(Unreadable::Encrypted));
    let entry = super::archive::document("").locked();
    let locked = super::archive::archive(&[entry]);
    assert_eq!(
        read("locked.docx", locked).await,
        Err(Unreadable::Encrypted)
    );
}
