//! What models may cost: by day, for the whole installation, for each artist and for each person.
//!
//! A [`Till`] sets aside in the store what a call may cost at most before it is made, and settles it
//! after; so all processes together never spend more than is allowed, whichever of them dies. It never
//! asks the store about a call that nobody limits, and never makes a call wait longer than two seconds.
//! Start with [`Till::open`].

mod limits;
mod seen;
mod strays;
mod till;

pub use limits::{Limits, Settings, day_of};
pub use strays::strays;
pub use till::Till;
