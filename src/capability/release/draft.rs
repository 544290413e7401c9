//! A release that is being described step by step: what is known, what is asked next. Pure.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::{ApprovalId, ReleaseId, Time, phrases};

/// Letters of a title, and of everything else.
const LONGEST: (usize, usize) = (120, 2_000);
/// Links that are taken.
const MOST_LINKS: usize = 10;

/// What is known of it so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Draft {
    /// What it is a new version of, and which.
    pub of: Option<(ReleaseId, ApprovalId, i64)>,
    pub title: Option<String>,
    pub date: Option<String>,
    pub notes: Option<String>,
    pub links: Option<String>,
}

impl Draft {
    /// What is asked next; none = everything is there.
    pub fn next(&self) -> Option<&'static str> {
        match self {
            Self { title: None, .. } => Some(phrases::RELEASE_TITLE),
            Self { date: None, .. } => Some(phrases::RELEASE_DATE),
            Self { notes: None, .. } => Some(phrases::RELEASE_NOTES),
            Self { links: None, .. } => Some(phrases::RELEASE_LINKS),
            Self { .. } => None,
        }
    }

    /// Takes an answer to what was asked; an error is the sentence that says what would be right.
    ///
    /// # Errors
    /// When it is no answer to it.
    pub fn answer(&mut self, words: &str, now: Time) -> Result<(), &'static str> {
        let words = words.trim();
        match self {
            Self { title: None, .. } => self.title = Some(title(words)?),
            Self { date: None, .. } => self.date = Some(date(words, now)?),
            Self { notes: None, .. } => self.notes = Some(notes(words)?),
            Self { links: None, .. } => self.links = Some(links(words)?),
            Self { .. } => self.correct(words, now)?,
        }
        Ok(())
    }

    /// `title: Night Drive` and the like.
    fn correct(&mut self, words: &str, now: Time) -> Result<(), &'static str> {
        let Some((what, value)) = words.split_once([':', '=']) else {
            return Err(phrases::RELEASE_CHANGE_HOW);
        };
        let value = value.trim();
        match what.trim().to_lowercase().as_str() {
            "title" | "name" => self.title = Some(title(value)?),
            "date" | "day" => self.date = Some(date(value, now)?),
            "notes" | "note" => self.notes = Some(notes(value)?),
            "links" | "link" | "files" | "file" => self.links = Some(links(value)?),
            _ => return Err(phrases::RELEASE_CHANGE_HOW),
        }
        Ok(())
    }

    /// Takes everything at once; an error is the sentence that says what is missing or what would be right.
    ///
    /// # Errors
    /// The first thing that is not right.
    pub fn whole(parts: [&str; 4], now: Time) -> Result<Self, &'static str> {
        let mut draft = Self::default();
        for part in parts {
            draft.answer(part, now)?;
        }
        Ok(draft)
    }

    /// What is shown of it; none while something is missing.
    pub fn preview(&self) -> Option<String> {
        let (title, date) = (self.title.as_deref()?, self.date.as_deref()?);
        let (notes, links) = (self.notes.as_deref()?, self.links.as_deref()?);
        Some(phrases::release_preview(title, date, notes, links))
    }
}

fn title(words: &str) -> Result<String, &'static str> {
    let one_line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = one_line.trim_matches(|c| matches!(c, '"' | '“' | '”' | '\''));
    match bare.chars().count() {
        0 => Err(phrases::RELEASE_TITLE),
        count if count > LONGEST.0 => Err(phrases::RELEASE_TOO_LONG),
        _ => Ok(bare.to_owned()),
    }
}

fn date(words: &str, now: Time) -> Result<String, &'static str> {
    const FORMS: [&str; 7] = [
        "%Y-%m-%d",
        "%d.%m.%Y",
        "%d %B %Y",
        "%d %b %Y",
        "%B %d, %Y",
        "%B %d %Y",
        "%Y/%m/%d",
    ];
    let day = FORMS
        .into_iter()
        .find_map(|form| NaiveDate::parse_from_str(words, form).ok())
        .ok_or(phrases::RELEASE_NO_DATE)?;
    let today = chrono::DateTime::from_timestamp_millis(now.ms()).map(|now| now.date_naive());
    if today.is_some_and(|today| day < today) {
        return Err(phrases::RELEASE_PAST);
    }
    Ok(day.format("%Y-%m-%d").to_string())
}

fn is_skip(words: &str) -> bool {
    let word = words.trim_end_matches(['.', '!']).to_lowercase();
    matches!(word.as_str(), "skip" | "none" | "no" | "nothing" | "-")
}

fn notes(words: &str) -> Result<String, &'static str> {
    match words {
        _ if is_skip(words) => Ok(String::new()),
        "" => Err(phrases::RELEASE_NOTES),
        words if words.chars().count() > LONGEST.1 => Err(phrases::RELEASE_TOO_LONG),
        words => Ok(words.to_owned()),
    }
}

fn links(words: &str) -> Result<String, &'static str> {
    if is_skip(words) {
        return Ok(String::new());
    }
    if words.chars().count() > LONGEST.1 {
        return Err(phrases::RELEASE_TOO_LONG);
    }
    let link = |word: &str| {
        let url = Url::parse(word.trim_matches([',', ';', '<', '>'])).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
        is_web.then(|| url.to_string())
    };
    let found: Vec<String> = words.split_whitespace().filter_map(link).collect();
    match found.as_slice() {
        [] => Err(phrases::RELEASE_NO_LINK),
        found if found.len() > MOST_LINKS => Err(phrases::RELEASE_TOO_LONG),
        found => Ok(found.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 22 November 2026.
    fn now() -> Time {
        Time::from_ms(1_795_305_600_000)
    }

    #[test]
    fn what_is_missing_is_asked_for_in_order() {
        let mut draft = Draft::default();
        for (asked, words, again) in [
            (phrases::RELEASE_TITLE, "“Night  Drive”", false),
            (phrases::RELEASE_DATE, "soon", true),
            (phrases::RELEASE_DATE, "2020-01-01", true),
            (phrases::RELEASE_DATE, "24 December 2026", false),
            (phrases::RELEASE_NOTES, "mixed by Ben", false),
            (phrases::RELEASE_LINKS, "on my desk", true),
            (
                phrases::RELEASE_LINKS,
                "https://a.example/x.wav, javascript:alert(1)",
                false,
            ),
        ] {
            assert_eq!(draft.next(), Some(asked));
            assert_eq!(draft.answer(words, now()).is_err(), again, "{words}");
        }
        assert_eq!(draft.next(), None);
        assert_eq!(
            draft.preview().as_deref(),
            Some(
                "Title: Night Drive\nDate: 2026-12-24\nNotes: mixed by Ben\nFile: https://a.example/x.wav"
            )
        );
    }

    #[test]
    fn everything_can_be_corrected_before_it_is_handed_in() {
        let mut draft = Draft {
            title: Some("A".to_owned()),
            date: Some("2026-12-24".to_owned()),
            notes: Some(String::new()),
            links: Some(String::new()),
            of: None,
        };
        assert_eq!(
            draft.answer("yes please", now()),
            Err(phrases::RELEASE_CHANGE_HOW)
        );
        draft.answer("Title: B", now()).unwrap();
        draft.answer("date: 25.12.2026", now()).unwrap();
        draft.answer("links: https://a.example", now()).unwrap();
        assert_eq!(
            draft.answer("date: never", now()),
            Err(phrases::RELEASE_NO_DATE)
        );
        assert_eq!(
            draft.preview().as_deref(),
            Some("Title: B\nDate: 2026-12-25\nFile: https://a.example/")
        );
    }

    #[test]
    fn what_is_too_long_is_not_taken() {
        let mut draft = Draft::default();
        let long = "x".repeat(3_000);
        assert_eq!(draft.answer(&long, now()), Err(phrases::RELEASE_TOO_LONG));
        assert_eq!(draft.answer(" ", now()), Err(phrases::RELEASE_TITLE));
        assert_eq!(draft, Draft::default());
    }
}
