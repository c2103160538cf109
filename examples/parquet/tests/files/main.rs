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
mod slow;
mod support;

use std::process::ExitCode;

use libtest_mimic::Trial;
use mermin_testing::{apart, can_mount, needs, plain, waiting_arguments};

fn main() -> ExitCode {
    let roles = [
        full::FULL,
        slow::SLOW,
        killed::WRITER,
        #[cfg(feature = "s3")]
        s3::WRITER,
    ];
    if let Some(played) = apart::play(&roles) {
        return played;
    }
    let arguments = waiting_arguments();
    let mut trials = vec![
        plain("every_column_equals_the_flow", columns::every_column),
        plain("record_alone_has_the_same_values", columns::alone),
        plain("added_attributes_are_columns_by_name", columns::added),
        plain("excluded_columns_are_absent", columns::left_out),
        plain("equal_flows_encode_to_equal_bytes", columns::the_same),
        plain(
            "records_with_stepped_clock_times_are_stored",
            columns::stepped,
        ),
        plain("unknown_times_are_absent", columns::no_times),
        plain("sink_contract_holds", contract::keeps),
        plain(
            "unreachable_folder_drops_and_counts_when_the_buffer_is_full",
            contract::away,
        ),
        plain("large_batch_is_several_files", contract::several_files),
        plain("redelivered_batch_is_stored_once", contract::again),
        plain("close_finishes_the_file", closing::finishes),
        plain(
            "absent_folder_at_close_counts_the_rest",
            contract::never_comes,
        ),
        plain("file_is_finished_by_age", closing::age),
        plain(
            "process_killed_at_any_time_leaves_whole_files",
            killed::at_any_time,
        ),
        root("full_disk_is_an_error_and_rows_are_retried", full::full),
        needs(
            slow::can_freeze(),
            "this needs root, loop devices, mkfs.ext4 and fsfreeze",
            "slow_disk_fills_the_buffer_up_to_its_capacity",
            slow::slow,
        ),
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
