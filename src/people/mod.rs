//! Who people are: two accounts that become one person, and the questions an artist is asked at the beginning.
//!
//! Deciding is pure ([`link::step`], [`onboarding::step`], [`zone::guess`]); [`Linker`] does what was decided, one
//! link at a time. It never makes two persons one before both sides said yes, and never raises what somebody is to an
//! artist above what one of the two was. Start with [`link`].

pub mod link;
pub mod manners;
pub mod onboarding;
pub mod profile;
pub mod zone;

pub use link::{LinkOrder, Linker};
pub use profile::Profiles;
