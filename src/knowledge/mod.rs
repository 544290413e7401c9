//! Documents become knowledge: read, cleaned, cut into pieces, stored; and questions find it again.
//!
//! This room never opens a document in the gateway's own process ([`extract`]), never has a model talk, and never
//! makes a piece visible before its document is whole; embedding models alone read it ([`embed`], [`retrieve`]).
//! Start with [`ingest::Ingest`], which drives [`extract`], [`clean`] and [`split`], and with [`Knowledge::find`].

pub mod clean;
pub mod embed;
mod esteem;
pub mod extract;
pub mod forget;
mod fuse;
pub mod ingest;
mod passages;
pub mod retrieve;
pub mod split;
pub mod starter;
pub mod worker;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

pub use esteem::{THUMBS, weight};
pub use retrieve::{Found, Knowledge, Passage, Question, query_hash};

/// Settings of the section `[knowledge]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The largest piece of a document, in tokens.
    pub chunk_tokens: usize,
    /// How much of a piece the next one says again, in tokens.
    pub overlap_tokens: usize,
    /// The largest document that is read, in bytes.
    pub max_file_bytes: u64,
    /// The longest text that is taken from a document, in bytes.
    pub max_text_bytes: u64,
    /// How long reading one document may take.
    pub read_seconds: u64,
    /// Processor time for that.
    pub read_cpu_seconds: u64,
    /// Memory for that, in bytes.
    pub read_memory_bytes: u64,
    /// How many documents are read at a time.
    pub read_side_by_side: usize,
    /// The program that reads documents; empty: this one.
    pub reader: PathBuf,
    /// Memory for vectors that are searched often, in megabytes.
    pub vector_cache_mb: u64,
    /// Whether the pages on the trade that come with Toney are loaded.
    pub starter: bool,
}

impl Settings {
    /// What the reader of one document may use.
    pub fn limits(&self) -> extract::Limits {
        extract::Limits {
            wall: Duration::from_secs(self.read_seconds.max(1)),
            cpu: Duration::from_secs(self.read_cpu_seconds.max(1)),
            memory: self.read_memory_bytes,
            file: self.max_file_bytes,
            text: self.max_text_bytes,
        }
    }

    /// How large pieces are.
    pub fn sizes(&self) -> split::Sizes {
        split::Sizes {
            most: self.chunk_tokens,
            overlap: self.overlap_tokens,
        }
    }
}
