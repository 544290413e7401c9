pub mod delivery;
pub mod jobs;
pub mod model;
pub mod platform;
pub mod store;
