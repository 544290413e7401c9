//! What is worth a word, one file each.

mod approval_waiting;

pub use approval_waiting::{ApprovalWaiting, Waits};
