//! Messages that bring a file: the file with its words, and behind it what does not fit under it.

use std::path::Path;

use anyhow::Result;

use crate::model::{Button, Content, Features, Message, Part, phrases};
use crate::platform::{Attached, Shown};
use crate::store::Change;

use super::Inner;
use super::attempt::{Around, Attempt, Ended};
use super::render::render;

/// What a recording is called where files have names.
const VOICE: &str = "voice.ogg";

/// A file on its way, and all that is said with it.
pub(super) struct Brought<'a> {
    attached: Attached<'a>,
    /// Never empty: by its words a lost file is found.
    parts: Vec<Part>,
    buttons: &'a [Vec<Button>],
    reply_to: Option<&'a Message>,
}

impl<'a> Brought<'a> {
    /// What a content brings; `None` where it brings nothing.
    pub(super) fn read(content: &'a Content, features: &Features) -> Option<Self> {
        let none: &'a [Vec<Button>] = &[];
        let (shown, file, words, name, buttons, reply_to) = match content {
            Content::Voice {
                file,
                caption,
                reply_to,
                instead: _,
            } => (Shown::Voice, file, caption.clone(), VOICE, none, reply_to),
            Content::Picture {
                file,
                caption,
                buttons,
                reply_to,
                instead,
            } => {
                let words = match features.takes_files || instead.is_empty() {
                    true => caption.clone(),
                    // Nobody sees the picture here.
                    false => format!("{caption}\n\n{instead}"),
                };
                let name = called(file);
                (Shown::Picture, file, words, name, &**buttons, reply_to)
            }
            Content::File {
                file,
                name,
                caption,
                reply_to,
                instead: _,
            } => {
                let name = match name.trim() {
                    "" => called(file),
                    name => name,
                };
                (Shown::File, file, caption.clone(), name, none, reply_to)
            }
            Content::Message { .. }
            | Content::Edit { .. }
            | Content::Delete { .. }
            | Content::Buttons { .. } => return None,
        };
        let attached = Attached { shown, file, name };
        let blank = match shown {
            Shown::Picture | Shown::Voice => phrases::HERE_IT_IS,
            Shown::File => name,
        };
        Some(Self {
            attached,
            parts: captions(&words, blank, features),
            buttons,
            reply_to: reply_to.as_ref(),
        })
    }
}

/// The words under a file, and behind it what does not fit there.
fn captions(words: &str, blank: &str, features: &Features) -> Vec<Part> {
    let narrow = Features {
        max_text: features.max_caption.min(features.max_text),
        ..*features
    };
    let parts = render(words, &narrow);
    match parts.is_empty() {
        false => parts,
        true => vec![Part {
            text: blank.to_owned(),
            spans: Vec::new(),
        }],
    }
}

fn called(file: &Path) -> &str {
    let name = file.file_name().and_then(|name| name.to_str());
    name.unwrap_or("file")
}

impl Inner {
    /// Sends a file and its words, part by part. `None`: all of it stands.
    pub(super) async fn bring(
        &self,
        attempt: &mut Attempt<'_>,
        brought: Brought<'_>,
    ) -> Result<Option<Ended>> {
        let Brought {
            attached,
            parts,
            buttons,
            reply_to,
        } = brought;
        let id = attempt.row.outbound.id;
        let last = parts.len().saturating_sub(1);
        for (index, part) in parts.iter().enumerate().skip(attempt.row.parts.len()) {
            let first = index == 0;
            let around = Around {
                reply_to: reply_to.filter(|_| first),
                interaction: None,
                attached: Some(attached).filter(|_| first),
            };
            let buttons: &[_] = if index == last { buttons } else { &[] };
            let ended = attempt
                .send(&id.nonce(index), part, buttons, around)
                .await?;
            if ended.is_some() {
                return Ok(ended);
            }
            if index < last && !self.record(Change::mark(attempt.progress())).await {
                return Ok(Some(Ended::Left));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Markup;

    fn picture(caption: &str, instead: &str) -> Content {
        Content::Picture {
            file: "/tmp/outgoing/chart.png".into(),
            caption: caption.to_owned(),
            buttons: Vec::new(),
            reply_to: None,
            instead: instead.to_owned(),
        }
    }

    fn said(content: &Content, features: &Features) -> Vec<String> {
        let brought = Brought::read(content, features).unwrap();
        brought.parts.into_iter().map(|part| part.text).collect()
    }

    #[test]
    fn a_file_never_goes_without_words() {
        let features = super::super::render_tests::within(50);
        assert_eq!(features.markup, Markup::Markdown);
        assert_eq!(said(&picture(" ", "x"), &features), [phrases::HERE_IT_IS]);
        let file = Content::File {
            file: "/data/a.pdf".into(),
            name: String::new(),
            caption: String::new(),
            reply_to: None,
            instead: String::new(),
        };
        assert_eq!(said(&file, &features), ["a.pdf"]);
        assert_eq!(file.own_file(), None, "it lies where it is kept");
        assert!(picture("", "").own_file().is_some());
    }

    #[test]
    fn what_does_not_fit_under_a_picture_follows_it() {
        let mut features = super::super::render_tests::beside(1_000);
        features.max_caption = 20;
        let parts = said(&picture(&"words and words ".repeat(4), ""), &features);
        assert!(parts.len() > 2, "{parts:?}");
        assert!(parts.iter().all(|part| part.len() <= 20), "{parts:?}");
    }

    #[test]
    fn where_nobody_sees_pictures_their_words_stand_beside_them() {
        let features = super::super::render_tests::terminal();
        let parts = said(&picture("A chart", "in words"), &features);
        assert_eq!(parts, ["A chart"]);
        let blind = Features {
            takes_files: false,
            ..features
        };
        assert!(
            said(&picture("A chart", "in words"), &blind)
                .concat()
                .contains("in words")
        );
    }
}
