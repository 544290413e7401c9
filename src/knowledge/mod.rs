//! Documents become knowledge, and questions find it.
//!
//! Start with [`Knowledge::find`].

mod fuse;
mod passages;
pub mod retrieve;

pub use retrieve::{Found, Knowledge, Passage, Question};
