//! Pictures: what counts as one, how large they may be, and which model is shown them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::{Entry, Error, Request};

/// Bytes of the largest picture on OpenAI's wire, as its providers agree on.
pub(super) const LARGEST: usize = 20 * 1024 * 1024;
/// Tokens of a picture at most, as it is counted before anybody has. Anthropic counts width × height / 750
/// of what it has scaled down to 4,784 tokens; OpenAI's patches and tiles come to less but for its
/// cheapest models, which count them several times over.
pub(super) const TOKENS: u64 = 4_800;

/// A picture that a model is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// `image/jpeg` and the like.
    pub mime: String,
    /// Its file.
    pub bytes: Bytes,
}

impl Image {
    /// Takes a file for a picture by how it begins; none where it is none that models read.
    pub fn read(bytes: Bytes) -> Option<Self> {
        let mime = Self::sort(&bytes)?.to_owned();
        Some(Self { mime, bytes })
    }

    /// Which sort of picture begins like that.
    pub fn sort(beginning: &[u8]) -> Option<&'static str> {
        let is = |start: &[u8]| beginning.starts_with(start);
        let is_webp = || is(b"RIFF") && beginning.get(8..12) == Some(b"WEBP");
        if is(b"\xff\xd8\xff") {
            Some("image/jpeg")
        } else if is(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") {
            Some("image/png")
        } else if is(b"GIF87a") || is(b"GIF89a") {
            Some("image/gif")
        } else if is_webp() {
            Some("image/webp")
        } else {
            None
        }
    }

    /// Its file in the letters of Base64.
    pub(super) fn encoded(&self) -> String {
        STANDARD.encode(&self.bytes)
    }

    /// Its file as an address that holds it.
    pub(super) fn address(&self) -> String {
        format!("data:{};base64,{}", self.mime, self.encoded())
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.mime, self.bytes.len())
    }
}

impl Request {
    fn images(&self) -> impl Iterator<Item = &Image> {
        self.messages.iter().flat_map(|line| &line.images)
    }

    /// Turns down what a server would: a picture of more bytes than this.
    pub(super) fn check_images(&self, largest: usize) -> Result<(), Error> {
        match self.images().any(|image| image.bytes.len() > largest) {
            true => Err(Error::TooLong),
            false => Ok(()),
        }
    }
}

impl Entry {
    /// Whether it is shown pictures: of a model that nobody described a try can tell, but only where none of
    /// all that could be asked is known to see. One that is blind may make up what it sees.
    pub(super) fn is_shown(&self, all: &[&Self]) -> bool {
        self.vision || (self.guessed && !all.iter().any(|one| one.vision))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{Line, Role};

    fn image(bytes: &[u8]) -> Option<Image> {
        Image::read(Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn a_picture_is_known_by_how_it_begins() {
        let mime = |bytes: &[u8]| image(bytes).map(|image| image.mime);
        assert_eq!(mime(b"\xff\xd8\xff\xe0rest").unwrap(), "image/jpeg");
        assert_eq!(
            mime(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDRrest").unwrap(),
            "image/png"
        );
        assert_eq!(mime(b"GIF89arest").unwrap(), "image/gif");
        assert_eq!(mime(b"RIFF\x10\0\0\0WEBPVP8 ").unwrap(), "image/webp");
        for other in [
            &b""[..],
            b"\xff\xd8",
            b"RIFF\x10\0\0\0WAVEfmt ",
            b"<svg/>",
            b"BM12",
            b"\x89PNG\r\n\x1a\n\0\0",
            b"OggS",
        ] {
            assert_eq!(mime(other), None);
        }
    }

    #[test]
    fn what_is_too_large_is_turned_down() {
        let mut line = Line::new(Role::Person, "look");
        line.images.extend(image(b"GIF89a"));
        let seen = Request {
            messages: vec![line],
            ..Request::default()
        };
        assert_eq!(seen.check_images(6), Ok(()));
        assert_eq!(seen.check_images(5), Err(Error::TooLong));
    }
}
