//! Clients of outside services, one file each: a request, an answer, and why there is none.
//!
//! No client retries or remembers anything, and none decides what is done with an answer; every base address can be set.

pub mod stripe;
