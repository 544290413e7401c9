//! Documents become knowledge, and knowledge is found again.
//!
//! Start with [`Knowledge::find`].

mod find;

pub use find::{Found, Knowledge, Passage, Question};
