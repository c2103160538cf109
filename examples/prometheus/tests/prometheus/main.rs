//! The exporter beside Prometheus itself, and beside scrapers that are slow, silent or too many.
//!
//! A test whose program is not installed is ignored, and listed so; with `MERMIN_REQUIRE_KERNEL=1`, as in CI, it fails instead.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod contract;
mod dashboard;
mod page;
mod program;
mod promtool;
mod scrapers;
mod stored;
mod support;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use mermin_testing::{plain, with};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        plain("it_keeps_the_contract", contract::keeps),
        plain("many_addresses_are_bounded_and_exact", contract::attack),
        plain("fragments_are_taken_back", page::fragments),
        plain("lines_that_prometheus_takes", page::lines),
        plain("a_scraper_that_is_silent", scrapers::silent),
        plain("a_scraper_that_does_not_read", scrapers::does_not_read),
        plain("scrapers_that_are_too_many", scrapers::too_many),
        plain("requests_for_other_things", scrapers::other_things),
        plain("a_port_that_is_taken", scrapers::port_in_use),
        plain("closing_waits_for_a_last_scrape", scrapers::linger),
        plain("the_program_tells_a_capture", program::capture),
        plain("the_program_says_what_is_wrong", program::wrong),
        with("promtool", "promtool_finds_nothing", promtool::lints),
        with("prometheus", "prometheus_stores_the_sums", stored::sums),
        with(
            "prometheus",
            "prometheus_stores_exemplars",
            stored::exemplars,
        ),
        with(
            "prometheus",
            "the_dashboard_shows_something",
            dashboard::shows,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
