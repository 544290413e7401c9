//! The program: reads its arguments, runs the command, and ends with the code that says how it went.

use std::process::ExitCode;

fn main() -> ExitCode {
    toney::cli::main()
}
