//! What Toney costs, next to the plainest bot that could do its work.
//!
//! `cargo bench --bench gateway` runs the real program as a process against simulators of Telegram, Discord and a
//! model, and in the same run a plain teloxide bot that does no more than receive, call the model and send. All of it
//! shares one machine, so ratios count and not times. `-- --help` names the measurements.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a measurement may stop at the first surprise, and its parts are nobody's interface"
)]

#[allow(
    dead_code,
    unused_imports,
    reason = "each target uses a part of the simulators"
)]
#[path = "../tests/sim/mod.rs"]
mod sim;

#[path = "gateway/mod.rs"]
mod parts;

fn main() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(parts::run());
}
