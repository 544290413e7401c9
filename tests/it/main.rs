//! One binary for all stories.

mod discord_adapter;
#[path = "../sim/mod.rs"]
mod sim;
