pub mod llm;
pub mod model;
pub mod platform;
