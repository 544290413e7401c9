pub mod delivery;
pub mod model;
pub mod platform;
