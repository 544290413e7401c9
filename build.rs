//! Asks the linker for a smaller program where it can make one.
#![expect(
    clippy::disallowed_methods,
    reason = "the environment is how Cargo tells it about the build"
)]

use std::env;
use std::process::Command;

/// The first C library that reads a program's relocations packed.
const PACKED_SINCE: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, wanted: &str| env::var(name).is_ok_and(|found| found == wanted);
    // There Rust brings a linker that can do both.
    if !is("PROFILE", "release") || !is("TARGET", "x86_64-unknown-linux-gnu") {
        return;
    }
    // Functions that came out the same are kept once.
    println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
    if library().is_some_and(|version| version >= PACKED_SINCE) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Which C library this machine has, as `getconf` names it: `glibc 2.36`.
fn library() -> Option<(u32, u32)> {
    let asked = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let said = String::from_utf8(asked.ok()?.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
