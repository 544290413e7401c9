//! Documents become knowledge: passages get their vectors in the background.
//!
//! Start with [`embed`].

pub mod embed;
