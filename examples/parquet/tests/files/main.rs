//! Files as others read them, and the exporter beside disks that are full and processes that are killed.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod closing;
mod columns;
mod contract;
mod expected;
mod full;
mod killed;
mod read;
mod readers;
#[cfg(feature = "s3")]
mod s3;
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use mermin_testing::{apart, can_mount, needs, plain};

fn main() -> ExitCode {
    let roles = [
        full::FULL,
        killed::WRITER,
        #[cfg(feature = "s3")]
        s3::WRITER,
    ];
    if let Some(played) = apart::play(&roles) {
        return played;
    }
    let arguments = Arguments::from_args();
    let mut trials = vec![
        plain("every_column_is_as_the_flow", columns::every_column),
        plain("columns_are_left_out", columns::left_out),
        plain("the_same_flows_give_the_same_octets", columns::the_same),
        plain("times_of_a_clock_that_is_stepped", columns::stepped),
        plain("times_that_are_not_known_are_absent", columns::no_times),
        plain("keeps_the_contract", contract::keeps),
        plain("a_large_batch_is_several_files", contract::several_files),
        plain("a_batch_that_comes_again_is_there_once", contract::again),
        plain("closing_finishes_the_file", closing::finishes),
        plain("age_finishes_the_file", closing::age),
        plain("killed_at_any_time", killed::at_any_time),
        root("disk_that_is_full", full::full),
    ];
    trials.push(readers::trial());
    #[cfg(feature = "s3")]
    trials.extend(s3::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test that mounts.
fn root(name: &str, test: fn()) -> Trial {
    needs(can_mount(), "this needs root", name, test)
}
