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
mod sampled;
mod scrapers;
mod stored;
mod support;

use std::process::ExitCode;

use mermin_testing::{plain, waiting_arguments, with};

fn main() -> ExitCode {
    let arguments = waiting_arguments();
    let trials = vec![
        plain("sink_contract_holds", contract::keeps),
        plain(
            "many_addresses_have_bounded_series_and_exact_sums",
            contract::attack,
        ),
        plain("waiting_fragments_are_a_gauge", page::fragments),
        plain("dropped_packets_are_summed_by_label", page::dropped),
        plain("sums_of_sampled_flows_estimate_all", sampled::sums),
        plain("page_is_valid_exposition_format", page::lines),
        plain("silent_scraper_is_disconnected", scrapers::silent),
        plain(
            "scraper_that_does_not_read_is_disconnected",
            scrapers::does_not_read,
        ),
        plain(
            "excess_scrapers_are_refused_and_counted",
            scrapers::too_many,
        ),
        plain(
            "invalid_requests_get_an_error_status",
            scrapers::other_things,
        ),
        plain("port_in_use_is_an_error", scrapers::port_in_use),
        plain("probe_of_the_port_is_no_scrape", scrapers::probe),
        plain("close_waits_for_a_last_scrape", scrapers::linger),
        plain("program_exposes_a_capture", program::capture),
        plain("program_reports_invalid_arguments", program::wrong),
        with("promtool", "promtool_reports_no_problem", promtool::lints),
        with("prometheus", "prometheus_stores_the_sums", stored::sums),
        with(
            "prometheus",
            "prometheus_stores_exemplars",
            stored::exemplars,
        ),
        with(
            "prometheus",
            "dashboard_queries_return_data",
            dashboard::shows,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
