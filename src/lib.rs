pub mod delivery;
pub mod jobs;
pub mod llm;
pub mod memory;
pub mod model;
pub mod platform;
pub mod store;
pub mod turn;
