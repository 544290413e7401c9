//! Makes passages of chunks: none twice, neighbours joined, several documents heard, not too much in all.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Serialize, Serializer};

use crate::model::{DocumentId, Time};
use crate::store::{Chunk, Scope};

use super::fuse::{By, Fused};

/// Words of a shingle.
const SHINGLE: usize = 4;
/// Two chunks say the same when this share of the shorter one's shingles stands in the other.
const SAME: f32 = 0.8;
/// A shorter end that is a beginning as well may be chance.
const LEAST_OVERLAP: usize = 12;

/// A piece of a document, as it is quoted and shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Passage {
    pub document: DocumentId,
    /// The document's name.
    pub name: String,
    pub title: String,
    /// The title and the headings above it.
    pub path: String,
    pub text: String,
    #[serde(serialize_with = "token")]
    pub scope: Scope,
    /// The higher the better, within one answer.
    pub score: f32,
    /// Which lists had it where.
    pub by: Vec<By>,
    /// Its chunks, in the order of the document.
    pub chunks: Vec<i64>,
    /// The first and the last of its chunks.
    pub ordinals: (i64, i64),
    /// Where it begins in the document's text, in characters.
    pub start: i64,
    /// When the document was last changed.
    pub updated_at: Time,
}

fn token<S: Serializer>(scope: &Scope, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(scope)
}

/// How much is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Passages in all.
    pub(super) passages: usize,
    /// Passages of one document, as long as others have something to say.
    pub(super) per_document: usize,
    /// Characters of all passages.
    pub(super) characters: usize,
}

/// Chooses passages, the best first. `found` is in that order.
pub(super) fn choose(found: Vec<(Fused, Chunk)>, limits: Limits) -> Vec<Passage> {
    let Limits {
        passages: most,
        per_document,
        characters,
    } = limits;
    let mut chosen: Vec<Passage> = Vec::new();
    let mut later = Vec::new();
    let mut room = characters;
    let mut count: HashMap<DocumentId, usize> = HashMap::new();
    for (fused, chunk) in each_once(found) {
        let of_document = count.entry(chunk.document).or_default();
        if *of_document >= per_document {
            later.push((fused, chunk));
        } else if take(&mut chosen, &mut room, most, (fused, chunk)) {
            *of_document += 1;
        }
    }
    for one in later {
        take(&mut chosen, &mut room, most, one);
    }
    join(chosen)
}

/// Takes a chunk when there is room for it; the first is cut to what there is.
fn take(
    chosen: &mut Vec<Passage>,
    room: &mut usize,
    most: usize,
    (fused, chunk): (Fused, Chunk),
) -> bool {
    let length = chunk.text.chars().count();
    if chosen.len() >= most || (length > *room && !chosen.is_empty()) {
        return false;
    }
    let mut passage = Passage::new(fused, chunk);
    if length > *room {
        passage.text = passage.text.chars().take(*room).collect();
    }
    *room = room.saturating_sub(length);
    chosen.push(passage);
    true
}

impl Passage {
    fn new(fused: Fused, chunk: Chunk) -> Self {
        let Chunk {
            id,
            document,
            scope,
            ordinal,
            path,
            start,
            text,
            name,
            title,
            updated_at,
        } = chunk;
        Self {
            document,
            name,
            title,
            path,
            text,
            scope,
            score: fused.score,
            by: fused.by,
            chunks: vec![id],
            ordinals: (ordinal, ordinal),
            start,
            updated_at,
        }
    }

    /// Adds the chunk that follows in the document, or the one before.
    pub(super) fn widen(&mut self, chunk: &Chunk) {
        let (first, last) = self.ordinals;
        if chunk.document != self.document {
            return;
        }
        if chunk.ordinal == last + 1 {
            self.text = joined(&self.text, &chunk.text);
            self.ordinals.1 = chunk.ordinal;
            self.chunks.push(chunk.id);
        } else if chunk.ordinal + 1 == first {
            self.text = joined(&chunk.text, &self.text);
            self.ordinals.0 = chunk.ordinal;
            self.chunks.insert(0, chunk.id);
            self.start = chunk.start;
        }
    }

    /// Takes in a passage of the same document that follows right after this one.
    fn absorb(&mut self, next: Self) {
        self.text = joined(&self.text, &next.text);
        self.ordinals.1 = next.ordinals.1;
        self.chunks.extend(next.chunks);
        if next.score > self.score {
            self.score = next.score;
            self.path = next.path;
            self.by = next.by;
        }
    }
}

/// Joins what stands beside each other in a document.
fn join(mut chosen: Vec<Passage>) -> Vec<Passage> {
    chosen.sort_by_key(|passage| (passage.document, passage.ordinals.0));
    let mut whole: Vec<Passage> = Vec::new();
    for passage in chosen {
        match whole.last_mut() {
            Some(last)
                if last.document == passage.document
                    && last.ordinals.1 + 1 == passage.ordinals.0 =>
            {
                last.absorb(passage);
            }
            _ => whole.push(passage),
        }
    }
    whole.sort_by(|one, other| {
        let order = other.score.total_cmp(&one.score);
        order.then(one.chunks.cmp(&other.chunks))
    });
    whole
}

/// Two texts that follow each other, with what both say once.
fn joined(before: &str, after: &str) -> String {
    let ends = after.char_indices().map(|(at, _)| at).skip(LEAST_OVERLAP);
    let overlap = ends
        .chain([after.len()])
        .filter(|end| {
            after
                .get(..*end)
                .is_some_and(|beginning| before.ends_with(beginning))
        })
        .last();
    match overlap.filter(|end| *end > LEAST_OVERLAP) {
        Some(end) => format!("{before}{}", after.get(end..).unwrap_or_default()),
        None => format!("{before}\n{after}"),
    }
}

/// Leaves out what was said already; one's own copy takes the place of another.
fn each_once(found: Vec<(Fused, Chunk)>) -> Vec<(Fused, Chunk)> {
    let mut unique: Vec<(HashSet<u64>, (Fused, Chunk))> = Vec::new();
    for (fused, chunk) in found {
        let shingles = shingles(&chunk.text);
        let is_same = |(known, _): &&mut (HashSet<u64>, _)| {
            let both = known.intersection(&shingles).count() as f32;
            both >= SAME * known.len().min(shingles.len()).max(1) as f32
        };
        match unique.iter_mut().find(is_same) {
            None => unique.push((shingles, (fused, chunk))),
            Some((_, (known, copy))) if chunk.scope.is_personal() && !copy.scope.is_personal() => {
                let score = known.score;
                *known = Fused { score, ..fused };
                *copy = chunk;
            }
            Some(_) => {}
        }
    }
    unique.into_iter().map(|(_, one)| one).collect()
}

/// The hashes of every few words in a row, without case and punctuation.
fn shingles(text: &str) -> HashSet<u64> {
    let words: Vec<String> = text
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let hash = |words: &[String]| {
        let mut hasher = DefaultHasher::new();
        words.hash(&mut hasher);
        hasher.finish()
    };
    if words.len() < SHINGLE {
        return HashSet::from([hash(&words)]);
    }
    words.windows(SHINGLE).map(hash).collect()
}

#[cfg(test)]
mod tests;
