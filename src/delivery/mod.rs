//! What goes out: text written once as Markdown becomes the parts a platform takes.
//!
//! This room never knows the name of a platform: what differs is data in
//! [`Features`](crate::model::Features). Start with [`render::render`].

mod flat;
mod links;
mod markdown;
mod preview;
pub mod render;
mod spans;
mod split;
mod table;
mod unicode;

#[cfg(test)]
mod render_properties;
#[cfg(test)]
mod render_tests;
