//! Tests by name. A test that needs a missing feature of the host is ignored, and listed as such. With
//! `MERMIN_REQUIRE_KERNEL=1`, as in CI, it fails instead.

use std::{env, num::NonZero, path::PathBuf, process::Command, thread};

use libtest_mimic::{Arguments, Failed, Trial};

/// Returns the arguments of tests that wait most of the time, for receivers and timeouts: unless the caller says otherwise, three run
/// for each CPU.
#[must_use]
pub fn waiting_arguments() -> Arguments {
    let mut arguments = Arguments::from_args();
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    arguments.test_threads.get_or_insert(3 * cpus);
    arguments
}

/// Creates a test that runs everywhere.
#[must_use]
pub fn plain(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// Creates a test that needs a program.
#[must_use]
pub fn with(program: &str, name: &str, test: fn()) -> Trial {
    let lacks = format!("`{program}` is not installed");
    needs(is_installed(program), &lacks, name, test)
}

/// Creates a test with a condition; `lacks` names what is missing otherwise.
#[must_use]
pub fn needs(is_there: bool, lacks: &str, name: &str, test: fn()) -> Trial {
    if is_there {
        return plain(name, test);
    }
    if env::var_os("MERMIN_REQUIRE_KERNEL").is_some() {
        let lacks = Failed::from(lacks);
        return Trial::test(name, move || Err(lacks));
    }
    eprintln!("skipped: {name}: {lacks}");
    Trial::test(name, || Ok(())).with_ignored_flag(true)
}

/// Returns true if a program is on the path, or in Debian's directories for administrators.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .any(|folder| folder.join(program).is_file())
}

/// Returns true if this process can create a mount namespace.
#[must_use]
pub fn can_mount() -> bool {
    let status = Command::new("unshare").args(["--mount", "true"]).status();
    status.is_ok_and(|status| status.success())
}
