//! The program: reads its arguments, runs the command, and ends with the code that says how it went.

use std::process::ExitCode;

/// A message is thousands of small allocations, made on one thread and freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    toney::cli::main()
}
