//! Captures the flows of a node, names their Kubernetes objects, and exports them.

use std::process::ExitCode;

fn main() -> ExitCode {
    mermin_agent::main()
}
