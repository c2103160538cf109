//! What the project does to itself: build and check the kernel program, set up its tools, run all of CI.

mod ci;
mod object;
mod project;
mod readme;
mod setup;
mod toolchain;

use std::{env, process::ExitCode};

use anyhow::Result;

const USAGE: &str = "\
usage: cargo xtask <command>

  bpf           compile the kernel program into mermin-bpf/prebuilt/mermin.bpf.o
  bpf --check   prove that the committed object is what the source compiles to
  bpf --widened compile a kernel program for tests, into the target directory
  setup         install what `bpf` needs: the rust-src component and bpf-linker
  ci            all of CI, stopping at the first failure
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["bpf"] => object::rebuild(),
        ["bpf", "--check"] => object::check(),
        ["bpf", "--widened"] => object::widened(),
        ["setup"] => setup::run(),
        ["ci"] => ci::run(),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    report(done)
}

fn report(done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
