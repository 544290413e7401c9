//! Clients of outside services, one file each. They speak a wire and sort what went wrong; they never decide what is
//! said, and never try again.

pub mod mail;
