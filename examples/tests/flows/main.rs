//! The `flows` program from outside: arguments, exit status, both output streams, signals, and real traffic.
//!
//! A test that needs the privilege to load eBPF programs is skipped by name without it; with `MERMIN_REQUIRE_KERNEL=1` it
//! fails instead.

mod arguments;
mod captures;
mod common;
mod configuration;
mod demo;
mod ends;
mod news;
mod privilege;
#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]
#[path = "../../../mermin-core/tests/kernel/support/rights.rs"]
mod rights;
mod support;

use std::{num::NonZero, process::ExitCode, thread::available_parallelism};

use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::Signal;

/// Nobody, on every distribution.
const UNPRIVILEGED: u32 = 65_534;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They wait most of the time, for flows to end and for lines to come.
    let cpus = available_parallelism().map_or(1, NonZero::get);
    arguments.test_threads.get_or_insert(3 * cpus);
    let trials = vec![
        Trial::test("bad_arguments_exit_2", arguments::bad_arguments_exit_2),
        Trial::test(
            "help_and_version_exit_0",
            arguments::help_and_version_exit_0,
        ),
        Trial::test(
            "check_prints_every_error",
            configuration::check_prints_every_error,
        ),
        Trial::test(
            "capture_file_needs_no_privilege",
            captures::capture_file_needs_no_privilege,
        ),
        Trial::test(
            "truncated_capture_shows_flows_before_the_damage",
            captures::truncated_capture_shows_flows_before_the_damage,
        ),
        Trial::test(
            "signal_ends_waiting_for_a_capture",
            captures::signal_ends_waiting_for_a_capture,
        ),
        Trial::test(
            "progress_of_a_capture_is_shown_on_a_terminal",
            captures::progress_of_a_capture_is_shown_on_a_terminal,
        ),
        Trial::test(
            "progress_of_a_capture_is_not_written_to_a_pipe",
            captures::progress_of_a_capture_is_not_written_to_a_pipe,
        ),
        kernel(
            "configuration_filter_applies",
            configuration::configuration_filter_applies,
        ),
        kernel(
            "changed_configuration_is_reloaded",
            configuration::changed_configuration_is_reloaded,
        ),
        Trial::test(
            "without_privilege_the_remedy_is_shown",
            privilege::without_privilege,
        ),
        kernel(
            "demo_shows_every_kind_of_flow",
            demo::demo_shows_every_kind_of_flow,
        ),
        kernel("demo_lines_are_readable", demo::demo_lines_are_readable),
        kernel(
            "demo_table_fits_the_terminal",
            demo::demo_table_fits_the_terminal,
        ),
        kernel("sigterm_exports_open_flows", || {
            ends::signal_drains(Signal::TERM)
        }),
        kernel("ctrl_c_exports_open_flows", || {
            ends::signal_drains(Signal::INT)
        }),
        kernel("sighup_exports_open_flows", || {
            ends::signal_drains(Signal::HUP)
        }),
        kernel(
            "sighup_reloads_the_configuration",
            configuration::sighup_reloads_the_configuration,
        ),
        kernel(
            "closed_terminal_exports_open_flows",
            ends::closed_terminal_ends_the_program,
        ),
        kernel("nohup_outlives_its_terminal", ends::nohup_is_respected),
        kernel("sigusr1_prints_statistics", ends::sigusr1_prints_statistics),
        kernel("readiness_is_notified", news::readiness_is_notified),
        kernel(
            "interface_changes_are_printed",
            news::interface_changes_are_printed,
        ),
        kernel("status_line_is_updated", demo::status_line_is_updated),
        kernel(
            "without_perfmon_the_remedy_is_shown",
            privilege::without_perfmon,
        ),
        kernel(
            "closed_output_pipe_ends_quietly",
            ends::closed_output_pipe_ends_quietly,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test that loads the program; ignored, and listed so, where that cannot be.
fn kernel(name: &str, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    let skipped = !support::privileged() && !support::kernel_required();
    Trial::test(name, test).with_ignored_flag(skipped)
}
