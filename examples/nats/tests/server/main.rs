//! The exporter beside nats-server, which is killed, stopped, full and absent, and beside servers that are none.
//!
//! Without nats-server a test is ignored, and listed so; with `MERMIN_REQUIRE_KERNEL=1`, as in CI, it fails instead.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod contract;
mod engine;
mod killed;
mod nonsense;
mod program;
mod refused;
mod support;
mod trouble;
mod window;

use std::{env, process::ExitCode};

use libtest_mimic::Trial;
use mermin_testing::{plain, waiting_arguments, with};

fn main() -> ExitCode {
    let arguments = waiting_arguments();
    let server = |name: &str, test: fn()| -> Trial { with("nats-server", name, test) };
    let mut trials = vec![
        server("sink_contract_holds", contract::keeps),
        server("each_record_is_a_message", contract::messages),
        server("redelivered_record_is_stored_once", contract::again),
        server("cancelled_export_stores_its_batch_once", contract::dropped),
        server(
            "records_with_stepped_clock_times_are_stored",
            contract::stepped,
        ),
        server(
            "server_killed_mid_stream_loses_and_doubles_nothing",
            killed::mid_stream,
        ),
        server(
            "server_killed_before_acknowledging_stores_once",
            killed::unanswered,
        ),
        server("several_servers_are_tried", killed::several),
        server(
            "slow_server_fills_the_buffer_up_to_its_capacity",
            trouble::slow,
        ),
        server(
            "half_open_server_is_an_error_after_the_timeout",
            trouble::half_open,
        ),
        server(
            "unreachable_server_drops_and_counts_when_the_buffer_is_full",
            trouble::away,
        ),
        plain(
            "absent_server_at_close_counts_the_rest",
            trouble::never_comes,
        ),
        server("full_stream_retries_the_rest_of_the_batch", refused::full),
        server(
            "too_large_records_are_dropped_and_counted",
            refused::too_large,
        ),
        server("deleted_stream_is_created_again", refused::gone),
        server("stream_that_discards_records_is_refused", refused::unfit),
        server("wrong_credentials_are_an_error", refused::credentials),
        server("user_limited_to_publishing_is_enough", refused::publisher),
        plain("peer_that_is_no_server_is_an_error", nonsense::spoken),
        plain(
            "invalid_acknowledgement_is_an_error",
            nonsense::acknowledged,
        ),
        plain("pings_are_answered_while_idle", nonsense::pings),
        server(
            "outage_longer_than_the_duplicate_window_stores_once",
            window::outlasted,
        ),
        server(
            "possible_duplicates_after_an_outage_are_counted",
            window::counted,
        ),
        server("duplicate_window_is_set", window::set),
        server("program_exports_a_capture", program::exports),
    ];
    // `cargo xtask ci --full` says where it is.
    if env::var_os(engine::PYTHON).is_some() {
        trials.push(server("three_sources_add_up_in_duckdb", engine::adds_up));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
