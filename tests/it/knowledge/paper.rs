//! Makes PDFs, good ones and bad ones.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::{Compress, Compression, FlushCompress};

/// The objects of a PDF; the first is number 1.
#[derive(Default, Clone)]
pub(super) struct Paper(Vec<Vec<u8>>);

impl Paper {
    pub(super) fn add(&mut self, body: impl AsRef<[u8]>) -> usize {
        self.0.push(body.as_ref().to_vec());
        self.0.len()
    }

    pub(super) fn stream(&mut self, dict: &str, data: &[u8]) -> usize {
        let mut body = format!("<< {dict} /Length {} >>\nstream\n", data.len()).into_bytes();
        body.extend(data);
        body.extend(b"\nendstream");
        self.add(body)
    }

    /// The file; `trailer` goes into the trailer beside the root, which is object 1.
    pub(super) fn finish(&self, trailer: &str) -> Vec<u8> {
        let mut out = b"%PDF-1.4\n".to_vec();
        let mut places = Vec::new();
        for (index, body) in self.0.iter().enumerate() {
            places.push(out.len());
            writeln!(out, "{} 0 obj", index + 1).unwrap();
            out.extend(body);
            out.extend(b"\nendobj\n");
        }
        let xref = out.len();
        write!(out, "xref\n0 {}\n0000000000 65535 f \n", self.0.len() + 1).unwrap();
        for place in &places {
            writeln!(out, "{place:010} 00000 n ").unwrap();
        }
        let size = self.0.len() + 1;
        write!(
            out,
            "trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{xref}\n%%EOF\n"
        )
        .unwrap();
        out
    }

    /// A catalogue, a page tree and a font, and these pages of content.
    pub(super) fn with_pages(contents: &[String]) -> Self {
        Self::with_resources(contents, "")
    }

    /// The same, each page with these resources beside the font.
    pub(super) fn with_resources(contents: &[String], resources: &str) -> Self {
        let mut paper = Self::default();
        paper.add("<< /Type /Catalog /Pages 2 0 R >>");
        let kids: String = (0..contents.len()).fold(String::new(), |mut kids, index| {
            write!(kids, "{} 0 R ", 4 + index * 2).unwrap();
            kids
        });
        let count = contents.len();
        paper.add(format!("<< /Type /Pages /Kids [{kids}] /Count {count} >>"));
        paper.add(
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        );
        for (index, content) in contents.iter().enumerate() {
            let content_at = 5 + index * 2;
            paper.add(format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {content_at} 0 R \
                 /Resources << /Font << /F1 3 0 R >> {resources} >> >>"
            ));
            paper.stream("", content.as_bytes());
        }
        paper
    }
}

/// The content of a page: lines with their size and their height on the page.
pub(super) fn page(lines: &[(u32, u32, &str)]) -> String {
    lines
        .iter()
        .fold(String::new(), |mut out, (size, y, words)| {
            writeln!(out, "BT /F1 {size} Tf 50 {y} Td ({words}) Tj ET").unwrap();
            out
        })
}

/// A page of a contract with a header and a number.
pub(super) fn contract(pages: usize) -> Vec<u8> {
    let page = |number: usize| {
        let mut lines = vec![(9, 780, "Deal memo, strictly confidential".to_owned())];
        lines.push((18, 740, format!("Clause {number}")));
        lines.push((
            10,
            710,
            format!("The artist of clause {number} grants the label the rights to the record-"),
        ));
        lines.push((
            10,
            698,
            "ing for a term of seven years from the day of release and the".to_owned(),
        ));
        lines.push((10, 686, "label pays a share of twenty percent.".to_owned()));
        lines.push((9, 30, format!("Page {number} of {pages}")));
        let lines: Vec<_> = lines
            .iter()
            .map(|(size, y, words)| (*size, *y, words.as_str()))
            .collect();
        page(&lines)
    };
    let contents: Vec<String> = (1..=pages).map(page).collect();
    let mut paper = Paper::with_pages(&contents);
    let info = paper.add("<< /Title (Deal memo \\(final\\)) >>");
    paper.finish(&format!("/Info {info} 0 R"))
}

/// A stream that unpacks to so many mebibytes of zeros.
pub(super) fn bomb(mebibytes: usize) -> Vec<u8> {
    let zeros = vec![0_u8; 1 << 20];
    let mut packer = Compress::new(Compression::best(), true);
    let mut pack = |flush| {
        let mut out = Vec::with_capacity(64 << 10);
        packer.compress_vec(&zeros, &mut out, flush).unwrap();
        out
    };
    // Every block but the first refers to zeros before it, so it can be said again and again.
    let first = pack(FlushCompress::Sync);
    let again = pack(FlushCompress::Sync);
    [first, again.repeat(mebibytes)].concat()
}
