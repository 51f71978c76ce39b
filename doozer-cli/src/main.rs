//! The `doozer` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    doozer_cli::run()
}
