//! Fakes of the outside world with state of their own, at the wire.

pub mod telegram;
