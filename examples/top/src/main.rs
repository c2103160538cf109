//! A live view of flows, see the library of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    mermin_top::main()
}
