#[path = "../sim/mod.rs"]
mod sim;
mod telegram_adapter;
