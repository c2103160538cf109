//! The `doctor` program from outside: what it says for people and as JSON, its exit status, and that it leaves nothing behind.
//!
//! Each run is in a network namespace of its own. Without root all but the arguments is skipped by name; with
//! `MERMIN_REQUIRE_KERNEL=1` it fails instead.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod arguments;
mod checks;
mod left;
mod output;
#[expect(dead_code, reason = "these tests look for rows alone")]
#[path = "../../../mermin-core/tests/kernel/troubleshooting/page.rs"]
mod page;
mod privilege;
#[path = "../../../mermin-core/tests/kernel/support/rights.rs"]
mod rights;
mod run;

use std::{env, process::ExitCode};

use libtest_mimic::{Arguments, Trial};
use rustix::process::geteuid;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = env::var_os("MERMIN_REQUIRE_KERNEL").is_some_and(|value| value == "1");
    let skipped = !geteuid().is_root() && !required;
    let root = |name, test: fn()| trial(name, test).with_ignored_flag(skipped);
    let trials = vec![
        trial(
            "invalid_arguments_exit_2",
            arguments::invalid_arguments_exit_2,
        ),
        trial("help_exits_0", arguments::help),
        root(
            "healthy_host_exits_0",
            checks::healthy_host_passes_every_check,
        ),
        root("json_has_the_same_checks", checks::json_has_the_same_checks),
        root(
            "without_capabilities_exits_1",
            privilege::without_capabilities,
        ),
        root(
            "each_missing_capability_is_named",
            privilege::each_missing_capability_is_named,
        ),
        root("degradations_are_shown", checks::degradations_are_shown),
        root(
            "problems_are_on_the_page",
            checks::problems_are_shown_with_remedies,
        ),
        root("user_namespace_is_reported", privilege::user_namespace),
        root("nothing_is_left_behind", left::nothing_is_left_behind),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
