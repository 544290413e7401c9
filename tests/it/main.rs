#[path = "../sim/mod.rs"]
mod sim;
