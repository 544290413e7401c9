//! Stand-ins for the outside world: each is a real server on the loopback interface.
//!
//! Included by path from the test binaries and from the benchmarks, so nothing here knows the test
//! harness.

pub mod crash;
pub mod dice;
pub mod discord;
pub mod model;
pub mod program;
pub mod servers;
pub mod stripe;
pub mod telegram;
