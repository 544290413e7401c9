//! Pictures that people send: shown to a model that sees, or kept with a sentence.

use std::path::Path;

use anyhow::{Context, Result};
use tokio::io::AsyncReadExt;

use crate::llm::{Image, Task, Wish};
use crate::model::{MediaKind, phrases};

use super::Turn;
use super::attachment::bytes;

/// Bytes that tell one sort of picture from another.
const BEGINNING: u64 = 12;

/// Whether a kept file is to be looked at instead of read.
pub(super) async fn is_picture(media: MediaKind, path: &Path) -> Result<bool> {
    match media {
        MediaKind::Voice => return Ok(false),
        MediaKind::Photo => return Ok(true),
        MediaKind::Document => {}
    }
    let file = tokio::fs::File::open(path).await;
    let mut beginning = Vec::new();
    file.context("Opening a kept file")?
        .take(BEGINNING)
        .read_to_end(&mut beginning)
        .await
        .context("Reading how a file begins")?;
    Ok(Image::sort(&beginning).is_some())
}

/// What becomes of a picture.
pub(super) enum Seen {
    /// A model is shown it.
    Shown(Image),
    /// Nobody can look at it, for this reason.
    Unseen(&'static str),
    /// Another copy of it could be looked at, as this says.
    TooLarge(String),
}

impl Turn {
    /// A kept picture as a model is shown it.
    pub(super) async fn picture(
        &self,
        (path, size): (&Path, u64),
        wish: Option<&Wish>,
    ) -> Result<Seen> {
        let Some(largest) = self.door.largest_image(Task::Chat, wish) else {
            return Ok(Seen::Unseen(phrases::NO_EYES));
        };
        let largest = u64::try_from(largest).unwrap_or(u64::MAX);
        if size > largest {
            return Ok(Seen::TooLarge(phrases::too_large_to_see(&bytes(largest))));
        }
        let file = tokio::fs::read(path).await.context("Reading a picture")?;
        let image = Image::read(file.into());
        Ok(image.map_or(Seen::Unseen(phrases::NO_PICTURE), Seen::Shown))
    }
}
