use std::fmt;

use bytes::Bytes;

/// Opus counts its time in so many steps a second, whatever it was recorded with (RFC 7845).
const OPUS_STEPS: u64 = 48_000;
/// Bytes of a second where nothing tells: 16 kbit/s, which is the least that recorders of voice notes
/// take, so that what is reserved is rather too much.
const LEAST_BYTES: u64 = 2_000;
/// Bytes of a second at most, so that nobody gets an hour for the price of a second: 128 kbit/s are more
/// than recorders of voice notes take.
const MOST_BYTES: u64 = 16_000;

/// The same where there is something to see besides: 4 Mbit/s are more than round video notes take.
const MOST_BYTES_SEEN: u64 = 500_000;

/// Something that was recorded.
#[derive(Clone, PartialEq, Eq)]
pub struct Recording {
    bytes: Bytes,
    /// What its name on the wire ends with: providers go by that.
    ending: &'static str,
    mime: &'static str,
    /// How many seconds it lasts, as whoever brought it says.
    lasts: Option<u64>,
}

impl Recording {
    /// Bytes of the largest recording that providers take.
    pub const LARGEST: u64 = 25 * 1024 * 1024;

    /// Takes a file for a recording by how it begins; none where it is none that models take.
    pub fn read(bytes: Bytes) -> Option<Self> {
        let (ending, mime) = match bytes.as_ref() {
            [b'O', b'g', b'g', b'S', ..] => ("ogg", "audio/ogg"),
            [b'I', b'D', b'3', ..] | [0xff, 0xe2..=0xff, ..] => ("mp3", "audio/mpeg"),
            [b'f', b'L', b'a', b'C', ..] => ("flac", "audio/flac"),
            [0x1a, 0x45, 0xdf, 0xa3, ..] => ("webm", "audio/webm"),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'A',
                b'V',
                b'E',
                ..,
            ] => ("wav", "audio/wav"),
            [_, _, _, _, b'f', b't', b'y', b'p', b'M', b'4', b'A', ..] => ("m4a", "audio/mp4"),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => ("mp4", "video/mp4"),
            _ => return None,
        };
        Some(Self {
            bytes,
            ending,
            mime,
            lasts: None,
        })
    }

    /// The same, which lasts so many seconds as whoever brought it says.
    #[must_use]
    pub fn lasting(self, seconds: Option<u64>) -> Self {
        Self {
            lasts: seconds,
            ..self
        }
    }

    /// Its file.
    pub(super) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// What it is called on the wire, and its type.
    pub(super) fn name(&self) -> (String, &'static str) {
        (format!("voice.{}", self.ending), self.mime)
    }

    /// How long it is about, in whole seconds and rather too long: Opus says so, of the others whoever brought it; where
    /// nobody does the size must do.
    pub fn seconds(&self) -> u64 {
        let size = self.bytes.len() as u64;
        let told = opus_steps(&self.bytes).map(|steps| steps.div_ceil(OPUS_STEPS));
        let told = told.or(self.lasts);
        let seconds = told.unwrap_or_else(|| size.div_ceil(LEAST_BYTES));
        let most_bytes = match self.mime {
            "video/mp4" | "video/webm" | "audio/webm" => MOST_BYTES_SEEN,
            _ => MOST_BYTES,
        };
        let (least, most) = (size.div_ceil(most_bytes), size.div_ceil(LEAST_BYTES / 4));
        seconds.clamp(least, most).max(1)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.mime, self.bytes.len())
    }
}

/// Where the last page of a file in Ogg ends, in the steps of Opus; none where it holds something else.
fn opus_steps(bytes: &[u8]) -> Option<u64> {
    const PAGE: &[u8] = b"OggS";
    const HEAD: &[u8] = b"OpusHead";
    bytes
        .get(..80)?
        .windows(HEAD.len())
        .find(|at| *at == HEAD)?;
    let last = bytes.windows(PAGE.len()).rposition(|at| at == PAGE)?;
    let place = bytes.get(last.checked_add(6)?..last.checked_add(14)?)?;
    Some(u64::from_le_bytes(place.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in Ogg that says of itself how long it is.
    fn opus(steps: u64, filling: usize) -> Recording {
        let mut file = b"OggS".to_vec();
        file.extend([0; 24]);
        file.extend(b"OpusHead");
        file.extend(vec![1; filling]);
        file.extend(b"OggS\0\0");
        file.extend(steps.to_le_bytes());
        file.extend([0; 20]);
        Recording::read(file.into()).unwrap()
    }

    #[test]
    fn what_is_recorded_is_known_by_how_it_begins() {
        let name = |bytes: &[u8]| {
            let read = Recording::read(Bytes::copy_from_slice(bytes));
            read.map(|recording| recording.name().0)
        };
        assert_eq!(name(b"OggS and so on").unwrap(), "voice.ogg");
        assert_eq!(name(b"ID3\x04").unwrap(), "voice.mp3");
        assert_eq!(name(b"\xff\xfb\x90").unwrap(), "voice.mp3");
        assert_eq!(name(b"\0\0\0\x20ftypM4A ").unwrap(), "voice.m4a");
        assert_eq!(name(b"\0\0\0\x20ftypisom").unwrap(), "voice.mp4");
        assert_eq!(name(b"RIFF\0\0\0\0WAVEfmt ").unwrap(), "voice.wav");
        assert_eq!(name(b"RIFF\0\0\0\0WEBP"), None);
        assert_eq!(name(b"hello"), None);
        assert_eq!(name(b""), None);
    }

    #[test]
    fn its_length_is_told_or_estimated() {
        assert_eq!(opus(48_000 * 7 - 1, 40_000).seconds(), 7);
        // A lie in either direction is worth little.
        assert_eq!(opus(0, 160_000).seconds(), 11);
        assert_eq!(opus(u64::MAX, 9_000).seconds(), 19);
        let plain = Recording::read(vec![0xff; 6_001].into()).unwrap();
        assert_eq!(plain.seconds(), 4);
        assert_eq!(Recording::read(b"OggS"[..].into()).unwrap().seconds(), 1);
    }

    #[test]
    fn what_its_bringer_says_counts_as_far_as_it_can_be_true() {
        let long = |mut file: Vec<u8>, seconds| {
            file.resize(8_000_000, 0);
            let read = Recording::read(file.into()).unwrap();
            read.lasting(seconds).seconds()
        };
        // A minute of round video.
        let video = || b"\0\0\0\x20ftypisom".to_vec();
        assert_eq!(long(video(), Some(60)), 60);
        assert_eq!(long(video(), Some(1)), 16);
        assert_eq!(long(b"ID3\x04".to_vec(), Some(400)), 500);
        assert_eq!(long(b"ID3\x04".to_vec(), Some(700)), 700);
        assert_eq!(long(video(), None), 4_000);
        // What Opus says of itself is worth more.
        assert_eq!(opus(48_000 * 7, 40_000).lasting(Some(60)).seconds(), 7);
    }
}
