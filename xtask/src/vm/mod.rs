//! Runs the kernel tests on other kernels, each in a qemu machine.

mod fetch;
mod image;
mod kernels;
mod machine;
mod outcome;
mod page;

use std::{
    fs,
    num::NonZero,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use self::{
    fetch::{Fetched, Mirror, cache},
    kernels::Kernel,
    outcome::Outcome,
};
use crate::shell;

/// Requirements besides cargo: a program, and its Debian package.
const NEEDED: [(&str, &str); 9] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("busybox", "busybox-static"),
    ("cpio", "cpio"),
    ("xz", "xz-utils"),
    ("depmod", "kmod"),
    ("strip", "binutils"),
    ("tc", "iproute2"),
    ("ethtool", "ethtool"),
    ("ping", "iputils-ping"),
];

/// Result of one kernel.
#[derive(Debug)]
struct Tried {
    kernel: &'static Kernel,
    release: String,
    outcome: Outcome,
}

/// Runs the tests on the kernels of these series, or on all. After all, it writes `docs/KERNELS.md`.
pub(crate) fn run(series: &[&str]) -> Result<()> {
    let asked = kernels::asked(series).map_err(|error| anyhow!(error))?;
    let missing = missing();
    ensure!(
        missing.is_empty(),
        "cannot run a machine: type `apt-get install --yes --no-install-recommends {}`",
        missing.join(" ")
    );
    let test = build()?;
    let mirror = Mirror::read()?;
    let fetched: Vec<_> = asked
        .into_iter()
        .map(|kernel| Ok((kernel, mirror.fetch(kernel)?)))
        .collect::<Result<_>>()?;
    let tried = each(&fetched, |(kernel, fetched)| on(kernel, fetched, &test))?;
    if series.is_empty() {
        page::write(&tried)?;
    }
    let faults: Vec<String> = tried
        .iter()
        .flat_map(|tried| {
            let faults = tried.outcome.faults(tried.kernel.expected);
            let release = &tried.release;
            faults
                .into_iter()
                .map(move |fault| format!("  {release}: {fault}"))
        })
        .collect();
    ensure!(
        faults.is_empty(),
        "the kernel tests do not pass everywhere\n{}",
        faults.join("\n")
    );
    Ok(())
}

/// Runs all kernels, for CI.
pub(crate) fn all() -> Result<()> {
    run(&[])
}

/// Runs the oldest supported kernel in Debian, for CI. An unreachable mirror is no failure.
pub(crate) fn oldest() -> Result<()> {
    if let Err(error) = Mirror::read() {
        println!("SKIPPED: no kernel was tried: {error:#}");
        return Ok(());
    }
    run(&["6.1"])
}

fn missing() -> Vec<&'static str> {
    let mut packages: Vec<&str> = NEEDED
        .iter()
        .filter(|(program, _)| shell::find(program).is_err())
        .map(|&(_, package)| package)
        .collect();
    packages.dedup();
    packages
}

/// Builds the kernel tests. The machine gets this machine's libraries, so no separate build is needed.
/// The features are those of the whole workspace: what its tests were built with is not built again.
fn build() -> Result<PathBuf> {
    let said = shell::read(&mut shell::command(
        "cargo test --workspace --test kernel --no-run --message-format=json-render-diagnostics --quiet",
    )?)?;
    said.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "kernel")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cannot find the kernel tests in what cargo says")
}

/// Does the work for each of these, as many at once as there are processors: an emulated machine is a single thread.
fn each<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(one) = all.get(number)
        {
            done.push((number, work(one)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(take)).collect();
        let done = threads.into_iter().map(|thread| {
            thread
                .join()
                .map_err(|_| anyhow!("a thread that runs machines panicked"))
        });
        done.collect::<Result<Vec<_>>>()
    })?
    .into_iter()
    .flatten()
    .collect::<Vec<_>>();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

fn on(kernel: &'static Kernel, fetched: &Fetched, test: &Path) -> Result<Tried> {
    println!("== {}", fetched.release);
    let directory = cache().join("machines").join(&fetched.release);
    fs::create_dir_all(&directory)?;
    let files = image::make(fetched, test, &directory)?;
    let log = directory.join("log");
    let said = machine::boot(&fetched.image, &files, &log)?;
    let outcome = Outcome::read(&said);
    println!(
        "{}: {} passed, {} failed, {} skipped; all it said is in {}",
        fetched.release,
        outcome.passed.len(),
        outcome.failed.len(),
        outcome.skipped.len(),
        log.display()
    );
    Ok(Tried {
        kernel,
        release: fetched.release.clone(),
        outcome,
    })
}
