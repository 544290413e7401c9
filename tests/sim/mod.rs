//! Simulators at the wire: strict stand-ins for the outside, with state and faults on demand.

pub mod discord;
