//! Weights that were learnt from examples: read from bytes, asked for a score.
//!
//! The bytes are: eight letters of what they are for, the fingerprint (32), the temperature (f32), the size of one step of a
//! weight (f32), the number of labels (u8), each label as whoever uses it numbers it (2 × u8), the number of
//! features (u32), and per feature its hash as the distance from the last one (LEB128), the number of
//! its weights (u8), and each weight as label and steps (u8, i8). Little-endian throughout.

use sha2::{Digest, Sha256};

/// Bits of a hash that choose its shelf.
const SHELF_BITS: u32 = 12;

/// What was learnt.
#[derive(Debug, Default)]
pub struct Weights {
    /// What they are for.
    pub magic: [u8; 8],
    /// What they were learnt from.
    pub fingerprint: [u8; 32],
    /// Scores are divided by it before they become probabilities.
    pub temperature: f32,
    /// One step of a weight.
    pub step: f32,
    /// What is told apart.
    pub labels: Vec<[u8; 2]>,
    /// Hashes of the features, ascending.
    pub hashes: Vec<u32>,
    /// Where the weights of each feature end.
    pub ends: Vec<u32>,
    /// Label and steps.
    pub weights: Vec<(u8, i8)>,
    /// Where the hashes of each shelf begin.
    shelves: Vec<u32>,
}

/// What weights depend on: what they were learnt from, and how a line is looked at.
pub fn fingerprint(parts: &[&str], version: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.update(version.to_le_bytes());
    hash.finalize().into()
}

impl Weights {
    /// Reads what [`Weights::write`] wrote for this; nothing else.
    pub fn read(magic: &[u8; 8], bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        if bytes.take::<8>()? != *magic {
            return None;
        }
        let mut read = Self {
            magic: *magic,
            fingerprint: bytes.take()?,
            temperature: f32::from_le_bytes(bytes.take()?),
            step: f32::from_le_bytes(bytes.take()?),
            ..Self::default()
        };
        for _ in 0..bytes.byte()? {
            read.labels.push(bytes.take()?);
        }
        let count = u32::from_le_bytes(bytes.take()?);
        let most = usize::try_from(count).ok()?.min(bytes.0.len());
        read.hashes.reserve(most);
        read.ends.reserve(most);
        read.weights.reserve(bytes.0.len() / 2);
        let mut hash = 0_u32;
        for _ in 0..count {
            hash = hash.checked_add(bytes.number()?)?;
            read.hashes.push(hash);
            for _ in 0..bytes.byte()? {
                let [label, steps] = bytes.take()?;
                if usize::from(label) >= read.labels.len() {
                    return None;
                }
                read.weights.push((label, i8::from_le_bytes([steps])));
            }
            read.ends.push(u32::try_from(read.weights.len()).ok()?);
        }
        read.shelve();
        (bytes.0.is_empty() && read.temperature > 0.0).then_some(read)
    }

    fn shelve(&mut self) {
        let mut at = 0;
        for shelf in 0..=(1_u32 << SHELF_BITS) {
            while self
                .hashes
                .get(at)
                .is_some_and(|hash| hash >> (32 - SHELF_BITS) < shelf)
            {
                at += 1;
            }
            self.shelves.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
    }

    /// The bytes to keep.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::from(self.magic);
        out.extend(self.fingerprint);
        out.extend(self.temperature.to_le_bytes());
        out.extend(self.step.to_le_bytes());
        out.push(u8::try_from(self.labels.len()).unwrap_or(u8::MAX));
        out.extend(self.labels.iter().flatten());
        out.extend(
            u32::try_from(self.hashes.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        let (mut last, mut begin) = (0, 0);
        for (hash, end) in self.hashes.iter().zip(&self.ends) {
            let mut distance = hash - last;
            last = *hash;
            while distance >= 0x80 {
                out.push(u8::try_from(distance & 0x7f).unwrap_or(0) | 0x80);
                distance >>= 7;
            }
            out.push(u8::try_from(distance).unwrap_or(0));
            out.push(u8::try_from(end - begin).unwrap_or(u8::MAX));
            let range = usize_of(begin)..usize_of(*end);
            for (label, steps) in self.weights.get(range).into_iter().flatten() {
                out.push(*label);
                out.extend(steps.to_le_bytes());
            }
            begin = *end;
        }
        out
    }

    /// How likely each label is, for a line that shows these features.
    pub fn probabilities(&self, features: &[(u32, f32)]) -> Vec<f32> {
        let mut scores = vec![0.0_f32; self.labels.len()];
        for (hash, weight) in features {
            for (label, steps) in self.of(*hash) {
                if let Some(score) = scores.get_mut(usize::from(*label)) {
                    *score += f32::from(*steps) * weight;
                }
            }
        }
        let scale = self.step / self.temperature;
        let most = scores.iter().copied().fold(f32::MIN, f32::max);
        let mut sum = 0.0;
        for score in &mut scores {
            *score = ((*score - most) * scale).exp();
            sum += *score;
        }
        for score in &mut scores {
            *score /= sum;
        }
        scores
    }

    /// How much of what a line shows was seen before, 0 to 1.
    pub fn known(&self, features: &[(u32, f32)]) -> f32 {
        let known = features
            .iter()
            .filter(|(hash, _)| !self.of(*hash).is_empty());
        let length = |sum: f32, (_, weight): &(u32, f32)| sum + weight * weight;
        known.fold(0.0, length) / features.iter().fold(f32::MIN_POSITIVE, length)
    }

    fn of(&self, hash: u32) -> &[(u8, i8)] {
        let shelf = usize_of(hash >> (32 - SHELF_BITS));
        let find = || {
            let begin = usize_of(*self.shelves.get(shelf)?);
            let end = usize_of(*self.shelves.get(shelf + 1)?);
            let at = begin + self.hashes.get(begin..end)?.binary_search(&hash).ok()?;
            let first = at.checked_sub(1).and_then(|last| self.ends.get(last));
            let first = usize_of(first.copied().unwrap_or(0));
            self.weights.get(first..usize_of(*self.ends.get(at)?))
        };
        find().unwrap_or(&[])
    }
}

/// Each feature once, all together of length one.
pub fn unit(mut features: Vec<(u32, f32)>) -> Vec<(u32, f32)> {
    features.sort_unstable_by_key(|(hash, _)| *hash);
    features.dedup_by(|next, kept| next.0 == kept.0);
    let length: f32 = features.iter().map(|(_, weight)| weight * weight).sum();
    let scale = if length > 0.0 {
        1.0 / length.sqrt()
    } else {
        0.0
    };
    for (_, weight) in &mut features {
        *weight *= scale;
    }
    features
}

/// What a feature is known by: its hash, the halves folded into one.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the two halves are folded into one"
)]
pub fn folded(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u32> {
        let mut number = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}
