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

use libtest_mimic::{Arguments, Trial};
use mermin_testing::{plain, with};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let server = |name: &str, test: fn()| -> Trial { with("nats-server", name, test) };
    let mut trials = vec![
        server("keeps_the_contract", contract::keeps),
        server("every_record_is_a_message", contract::messages),
        server("a_record_that_comes_again_is_there_once", contract::again),
        server("call_that_is_dropped", contract::dropped),
        server("clock_that_is_stepped", contract::stepped),
        server("killed_and_started_again_mid_stream", killed::mid_stream),
        server("killed_before_its_acknowledgement", killed::unanswered),
        server("several_servers_are_tried", killed::several),
        server("server_that_is_slow", trouble::slow),
        server("server_that_is_half_open", trouble::half_open),
        server(
            "server_that_is_away_until_the_buffer_is_full",
            trouble::away,
        ),
        plain("server_that_never_comes", trouble::never_comes),
        server("stream_that_is_full", refused::full),
        server("records_that_are_too_large", refused::too_large),
        server("stream_that_is_gone", refused::gone),
        server("stream_that_would_lose_records", refused::unfit),
        server("who_connects_is_checked", refused::credentials),
        server("who_may_publish_and_nothing_else", refused::publisher),
        plain("peer_that_speaks_nonsense", nonsense::spoken),
        plain("peer_that_acknowledges_nonsense", nonsense::acknowledged),
        plain(
            "pings_are_answered_while_nothing_is_exported",
            nonsense::pings,
        ),
        server("outage_that_outlasts_the_window", window::outlasted),
        server(
            "outage_that_nothing_can_be_told_of_is_counted",
            window::counted,
        ),
        server("window_is_set", window::set),
        server("program_exports_a_capture", program::exports),
    ];
    // `cargo xtask ci --full` says where it is.
    if env::var_os(engine::PYTHON).is_some() {
        trials.push(server("three_sources_add_up_in_duckdb", engine::adds_up));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
