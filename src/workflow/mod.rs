//! People's automations.
pub mod check;
pub mod definition;
mod read;
mod steps;
mod text;
mod triggers;
pub mod words;

pub use definition::*;
pub use read::{Draft, Question, Refusal, Rules, Wish};
