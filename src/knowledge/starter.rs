//! What Toney knows of the trade from the start: the pages of `config/knowledge`, compiled in.

use anyhow::Result;
use sha2::{Digest, Sha256};

use crate::model::{DocumentId, hex};
use crate::store::{NewDocument, Scope, Store};

use super::clean::{Lines, clean};
use super::extract::{Extracted, Kind};
use super::forget::sweep;
use super::ingest::{Done, Ingest};

/// A page by its name in the folder.
macro_rules! pages {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../config/knowledge/", $name, ".md")))),*]
    };
}

/// Every page; one line each.
const PAGES: &[(&str, &str)] = pages![
    "a-career-plan-for-twelve-months",
    "adapting-a-song-to-another-genre",
    "ai-made-music-disclosure-and-rights",
    "approaching-publishers-and-pitching-songs",
    "artificial-streaming-penalties",
    "artist-profiles-claiming-and-care",
    "booking-and-live-fees",
    "budgets-for-a-release",
    "building-a-team-step-by-step",
    "choosing-marketing-channels",
    "choosing-markets-and-territories",
    "co-writing-and-finding-co-writers",
    "collecting-societies",
    "contracts-and-recoupment",
    "cover-songs",
    "crowdfunding-and-direct-to-fan",
    "distribution-and-lead-times",
    "fan-communities-and-memberships",
    "festival-applications",
    "finding-and-keeping-clients",
    "gema-and-gvl",
    "grants-and-funding-by-country",
    "income-of-an-artist",
    "independent-curators-and-fake-playlists",
    "isrc",
    "knowing-and-growing-your-audience",
    "label-deals",
    "mechanical-royalties",
    "mental-health-on-tour-and-after-release",
    "merch-margins-and-print-on-demand",
    "metadata-that-gets-rejected",
    "mlc-and-soundexchange",
    "music-blogs-and-radio-promotion",
    "neighbouring-rights",
    "networking-for-musicians",
    "newsletters-and-mailing-lists",
    "performance-royalties",
    "playlist-pitching-editorial",
    "pre-saves-and-release-day-checklist",
    "press-kit-and-writing-to-press",
    "pricing-production-and-mixing",
    "prs-and-ppl",
    "publishing-deals",
    "reading-streaming-analytics",
    "reading-trends",
    "release-plan-eight-weeks",
    "return-on-a-marketing-budget",
    "royalties-overview",
    "sacem-adami-scpp-sppf",
    "sampling-and-clearance",
    "sgae-and-aie",
    "short-video-tiktok-reels-shorts",
    "singles-ep-or-album",
    "social-content-calendar",
    "splits-and-split-sheets",
    "streaming-payouts",
    "studio-equipment-on-a-budget",
    "sync-licensing",
    "taxes-for-musicians",
    "the-team-and-commissions",
    "tips-and-thank-you-flows",
    "touring-basics-and-routing",
    "upc-ean-iswc-ipi",
    "writing-lyrics-and-getting-unstuck",
    "youtube-content-id",
];

/// Where it is noted which pages were loaded, once all of them are.
const ROOM: &str = "knowledge";
const PAGES_NOTE: &str = "starter";
/// Where it is noted what became of them, one by one.
const DOCUMENTS_NOTE: &str = "starter_documents";

/// Which pages were loaded.
#[derive(Debug, Default, PartialEq, Eq)]
struct Noted {
    /// The hash of all of them together.
    pages: String,
    /// What became of them.
    documents: Vec<DocumentId>,
}

/// About what a printed page holds, in bytes.
const PAGE: usize = 3_000;

/// A page with the facts at its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<'a> {
    /// Its name, without an ending.
    pub name: &'a str,
    pub title: &'a str,
    pub summary: &'a str,
    /// The day on which it was true.
    pub date: &'a str,
    /// For which countries, where that matters.
    pub country: Option<&'a str>,
    pub topics: &'a str,
    pub sources: Vec<&'a str>,
    pub body: &'a str,
}

/// All pages, in the order of their names.
pub fn pages() -> impl Iterator<Item = Page<'static>> {
    PAGES
        .iter()
        .filter_map(|(name, text)| Page::parse(name, text))
}

impl<'a> Page<'a> {
    /// Takes a page apart; `None` when a fact is missing.
    pub fn parse(name: &'a str, text: &'a str) -> Option<Self> {
        let (facts, body) = text.strip_prefix("---\n")?.split_once("\n---\n")?;
        let fact = |key: &str| {
            let line = facts.lines().find_map(|line| line.strip_prefix(key))?;
            Some(line.strip_prefix(':')?.trim()).filter(|value| !value.is_empty())
        };
        let sources = facts
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- "));
        Some(Self {
            name,
            title: fact("title")?,
            summary: fact("summary")?,
            date: fact("date")?,
            country: fact("country"),
            topics: fact("topics")?,
            sources: sources.collect(),
            body: body.trim(),
        })
    }

    /// What is searched and quoted: also what it is about, how old it is, and where it comes from.
    fn text(&self) -> String {
        let Self {
            name: _,
            title,
            summary,
            date,
            country,
            topics,
            sources,
            body,
        } = self;
        let country = country
            .map(|country| format!(" Country: {country}."))
            .unwrap_or_default();
        // No section of its own: a heading over a few addresses would be found before what they stand for.
        let sources = sources.join(" ");
        let text = format!(
            "# {title}\n\n{summary}\n\nAbout this page: as of {date}.{country} Topics: {topics}.\n\n{body}\n\nSources: {sources}\n"
        );
        clean(&text, Lines::Meant)
    }
}

/// Loads the pages that changed since they were loaded last, and removes those that are no longer there; answers
/// how many were loaded.
///
/// # Errors
///
/// When the store does not take them now.
pub async fn load(ingest: &Ingest) -> Result<usize> {
    let store = ingest.store();
    let before = Noted::read(store).await?;
    let mut all = Sha256::new();
    for (name, text) in PAGES {
        all.update(name.as_bytes());
        all.update(text.as_bytes());
    }
    let all = hex(all.finalize());
    if before.pages == all && !before.documents.is_empty() {
        return Ok(0);
    }
    let (mut loaded, mut now) = (0, Vec::new());
    let mut known = before.documents;
    for page in pages() {
        let text = page.text();
        let mut hash = Sha256::new();
        hash.update(text.as_bytes());
        let new = NewDocument {
            id: DocumentId::new(ingest.ids()),
            artist: None,
            owner: None,
            scope: Scope::Global,
            name: page.name.to_owned(),
            mime: Kind::Markdown.mime().to_owned(),
            sha256: hex(hash.finalize()),
            path: String::new(),
            bytes: i64::try_from(text.len()).unwrap_or(i64::MAX),
            copies: true,
        };
        let extracted = Extracted {
            kind: Kind::Markdown,
            title: page.title.to_owned(),
            pages: u32::try_from(text.len().div_ceil(PAGE)).unwrap_or(1),
            text,
        };
        let document = match ingest.text(&new, extracted).await? {
            Done::Known(document) => document,
            Done::Stored(stored) => {
                loaded += 1;
                stored.document
            }
        };
        now.push(document);
        if !known.contains(&document) {
            known.push(document);
            // Whoever is broken off here still knows which documents are pages.
            note_documents(store, &known).await?;
        }
    }
    known.retain(|document| !now.contains(document));
    drop_all(store, &known).await?;
    let noted = Noted {
        pages: all,
        documents: now,
    };
    noted.write(store).await?;
    tracing::info!(
        documents.count = loaded,
        "The pages on the trade were loaded"
    );
    Ok(loaded)
}

/// Removes every page that was loaded.
///
/// # Errors
///
/// When the store does not take that now.
pub async fn unload(ingest: &Ingest) -> Result<()> {
    let store = ingest.store();
    let before = Noted::read(store).await?;
    if before == Noted::default() {
        return Ok(());
    }
    drop_all(store, &before.documents).await?;
    Noted::default().write(store).await
}

async fn drop_all(store: &Store, documents: &[DocumentId]) -> Result<()> {
    for document in documents {
        store.drop_document(*document).await?;
    }
    sweep(store).await
}

impl Noted {
    async fn read(store: &Store) -> Result<Self> {
        let pages = store.note(ROOM, PAGES_NOTE).await?.unwrap_or_default();
        let documents = store.note(ROOM, DOCUMENTS_NOTE).await?;
        let documents = documents.unwrap_or_default();
        let documents = documents.split(' ').filter_map(|id| id.parse().ok());
        Ok(Self {
            documents: documents.collect(),
            pages,
        })
    }

    async fn write(&self, store: &Store) -> Result<()> {
        note_documents(store, &self.documents).await?;
        store.write_shared_note(ROOM, PAGES_NOTE, &self.pages).await
    }
}

async fn note_documents(store: &Store, documents: &[DocumentId]) -> Result<()> {
    let ids: Vec<String> = documents.iter().map(DocumentId::to_string).collect();
    let ids = ids.join(" ");
    store.write_shared_note(ROOM, DOCUMENTS_NOTE, &ids).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_listed_and_whole() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/knowledge");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.strip_suffix(".md").unwrap().to_owned())
            .collect();
        files.sort();
        let listed: Vec<&str> = PAGES.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, files);
        let pages: Vec<Page<'_>> = pages().collect();
        assert_eq!(pages.len(), PAGES.len());
        for page in pages {
            assert!(
                !page.sources.is_empty() && page.body.len() > 1_000,
                "{}",
                page.name
            );
            assert_eq!(page.date.len(), 10, "{}", page.name);
        }
    }

    #[test]
    fn a_page_says_what_it_is_about_and_where_it_comes_from() {
        let page = "---\ntitle: T\nsummary: S.\ndate: 2026-11-21\ncountry: DE\ntopics: a, b\nsources:\n  - https://x\n---\nBody.\n";
        let page = Page::parse("t", page).unwrap();
        assert_eq!(
            page.text(),
            "# T\n\nS.\n\nAbout this page: as of 2026-11-21. Country: DE. Topics: a, b.\n\nBody.\n\nSources: https://x"
        );
        assert!(Page::parse("t", "no facts").is_none());
    }
}
