//! Stories told by people to the running gateway, in one binary so that it is linked once.

#[allow(
    dead_code,
    unused_imports,
    reason = "each target uses a part of the simulators"
)]
#[path = "../sim/mod.rs"]
mod sim;
