pub mod delivery;
pub mod jobs;
pub mod llm;
pub mod model;
pub mod platform;
pub mod store;
