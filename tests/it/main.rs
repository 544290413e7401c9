//! One binary for all stories.

#[path = "../sim/mod.rs"]
mod sim;
