//! What an operator types, and what the process says about itself while it runs.
//!
//! The commands read settings, start `app` and show what comes of it; they decide nothing. Start with
//! [`telemetry`].

pub mod telemetry;
