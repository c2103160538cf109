//! The project's own tasks: builds and checks the kernel program, installs its tools, runs CI.

mod api;
mod api_server;
mod apt;
mod ci;
mod conformance;
mod day;
mod dependencies;
mod digest;
mod figures;
mod fuzz;
mod image;
mod imports;
#[cfg(test)]
mod links;
mod manifest;
mod object;
mod package;
mod pictures;
mod project;
mod promises;
#[cfg(test)]
mod prose;
mod readers;
mod readme;
mod setup;
mod shell;
mod toolchain;
mod tools;
#[cfg(test)]
mod troubles;
mod versions;
mod vm;

use std::{env, process::ExitCode};

use anyhow::Result;

use crate::ci::Scope;

const USAGE: &str = "\
usage: cargo xtask <command>

  bpf           compile the kernel program into mermin-bpf/prebuilt/mermin.bpf.o
  bpf --check   prove that the committed object is what the source compiles to
  bpf --lint    clippy on it, for its own target
  bpf --tests   compile kernel programs that tests show to be wrong, into the target directory
  api           write the public API into docs/public-api
  api --check   prove that the committed texts are the public API
  package       make the packages and build them outside the workspace
  figures [--quick] [BENCH..]  run benchmarks, and write their tables and bars into docs/PERFORMANCE.md
  pictures      draw docs/pictures/*.svg from texts, and from tables of docs/PERFORMANCE.md
  record NAME SECONDS COMMAND..  record a terminal into docs/pictures/NAME.svg, by tmux
  promises      prove that all that holds a promise of docs/GUARANTEES.md is there
  imports       prove that few files import each other in a circle, and no folders of mermin-core
  conformance   flows of public captures, fetched first, beside what tshark sees
  conformance --kernel  each of their packets through the kernel program and through user space
  conformance --names  names in their payloads beside those that tshark shows
  conformance --tcp    the analysis of TCP beside that of tshark
  conformance --community-id  their community ids beside those of another program
  fuzz SECONDS  fuzz every target for so long
  kernel-test --vm [SERIES..]  the kernel tests on other kernels, under qemu: all, or 6.1 and so on
  day [--minutes N] [--rate FLOWS] [--capacity FLOWS] [--kills N]  the agent under load, with receivers and itself killed: 30 minutes, 50000 flows a second, 10 kills
  api-server    tests of the Kubernetes packages with a real API server, built from Debian's source
  image         build the static agent of the image, run it with nothing beside it, and have its archive read by skopeo
  image --oci FILE [--features LIST]  write the image to a file for `docker load`, `podman load`, `ctr` and `skopeo`
  manifests     compare the agent's manifests with the published schemas of Kubernetes' objects
  setup         install what `ci` needs: bpf-linker, the rust-src component, the targets
  setup --full  install what `ci --full` needs as well
  ci            all of CI, stopping at the first failure
  ci --full     the long steps as well, and those that need more tools
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["bpf"] => object::rebuild(),
        ["bpf", "--check"] => object::check(),
        ["bpf", "--tests"] => object::for_tests(),
        ["bpf", "--lint"] => object::lint(),
        ["api"] => api::rewrite(),
        ["api", "--check"] => api::check(),
        ["package"] => package::check(),
        ["figures", words @ ..] => figures::write(words),
        ["pictures"] => pictures::draw(),
        ["record", name, seconds, command @ ..] => pictures::record(name, seconds, command),
        ["imports"] => imports::check(),
        ["conformance"] => conformance::beside_tshark(),
        ["conformance", "--kernel"] => conformance::beside_the_kernel(),
        ["conformance", "--names"] => conformance::names(),
        ["conformance", "--tcp"] => conformance::tcp(),
        ["conformance", "--community-id"] => conformance::community_ids(),
        ["fuzz", seconds] => fuzz::run(seconds),
        ["promises"] => promises::check(),
        ["kernel-test", "--vm", series @ ..] => vm::run(series),
        ["day", words @ ..] => day::run(words),
        ["api-server"] => api_server::test(),
        ["image", words @ ..] => image::run(words),
        ["manifests"] => readers::schemas(),
        ["setup"] => setup::run(),
        ["setup", "--full"] => setup::full(),
        ["ci"] => ci::run(Scope::Quick),
        ["ci", "--full"] => ci::run(Scope::Full),
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
