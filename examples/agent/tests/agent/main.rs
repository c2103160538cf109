//! The agent from outside: its commands, and runs over a veth pair in network namespaces of their own.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

#[expect(dead_code, reason = "the other troubles are tested by the library")]
#[path = "../../../kubernetes/tests/server/api_server.rs"]
mod api_server;
mod browser;
mod cluster;
mod collector;
mod commands;
mod few;
mod following;
mod image;
mod network;
mod page;
mod pod;
mod runs;
mod support;
mod troubleshooting;
mod unit;

use std::{path::Path, process::ExitCode};

use libtest_mimic::{Arguments, Trial};
use mermin_testing::{apart, needs, plain};

const ROLES: [apart::Role; 19] = [
    ("exports", runs::exports_every_packet),
    ("collector", collector::gets_the_resource_of_the_environment),
    ("reloads", runs::reloads_lose_no_packet),
    ("changes", runs::changes_of_the_file_lose_no_packet),
    ("few", few::as_root),
    ("nobody", few::as_nobody),
    ("tiers", runs::debug_tier_has_addresses),
    ("receivers", runs::receiver_that_is_down_is_counted),
    ("killed", runs::killed_agent_loses_no_record),
    ("cluster", cluster::trouble),
    (
        "listening",
        runs::listening_target_is_changed_by_two_reloads,
    ),
    ("pipe", runs::pipe_is_not_read_again),
    ("page", page::is_driven),
    ("refusals", cluster::refusals),
    ("account", cluster::service_account_comes_first),
    ("pod", pod::follows_a_real_cluster),
    ("unit", unit::starts_reloads_and_stops),
    ("drop-in", unit::drop_in_keeps_flows),
    ("image", image::runs_alone),
];

/// Runs the part of this name with network and mount namespaces of its own.
fn in_namespaces(name: &str) {
    let role = ROLES.iter().find(|(known, _)| *known == name).unwrap();
    apart::run(*role, &["--net", "--mount", "--"]);
}

fn main() -> ExitCode {
    if let Some(code) = apart::play(&ROLES) {
        return code;
    }
    let mut arguments = Arguments::from_args();
    // Each run has two threads of its own, and a generator.
    arguments.test_threads.get_or_insert(2);
    let trials = vec![
        plain(
            "check_prints_all_errors_and_starts_nothing",
            commands::check_prints_all_errors,
        ),
        plain("yaml_is_refused_with_the_hcl", commands::yaml_is_refused),
        plain(
            "printed_configuration_has_no_secrets",
            commands::printed_configuration_has_no_secrets,
        ),
        plain(
            "logs_show_no_line_of_a_refused_file",
            commands::logs_show_no_line_of_a_refused_file,
        ),
        plain(
            "unusable_file_or_level_has_a_status_of_its_own",
            commands::unusable_file_or_level_has_a_status_of_its_own,
        ),
        plain(
            "unusable_resource_is_found_by_check",
            commands::unusable_resource_is_found_by_check,
        ),
        plain(
            "path_of_the_environment_is_used",
            commands::path_of_the_environment_is_used,
        ),
        plain("doctor_runs_without_privileges", commands::doctor_runs),
        plain(
            "doctor_sums_up_the_memory_of_a_container",
            commands::doctor_sums_up_the_memory,
        ),
        plain(
            "symptoms_of_the_page_are_reproduced",
            troubleshooting::rows_are_reproduced,
        ),
        plain(
            "refused_starts_of_the_page_are_reproduced",
            troubleshooting::refused_starts_are_reproduced,
        ),
        plain(
            "other_symptoms_are_tested_by_the_library",
            troubleshooting::other_rows_are_those_of_the_library,
        ),
        captures("every_receiver_gets_every_packet", || {
            in_namespaces("exports");
        }),
        captures("collector_gets_the_resource_of_the_environment", || {
            in_namespaces("collector");
        }),
        captures("capabilities_of_the_manifest_are_enough", || {
            in_namespaces("few");
        }),
        captures("capabilities_of_the_unit_are_enough_for_nobody", || {
            in_namespaces("nobody");
        }),
        captures("reloads_lose_no_packet", || in_namespaces("reloads")),
        captures("changes_of_the_file_lose_no_packet", || {
            in_namespaces("changes");
        }),
        captures("addresses_are_labels_of_the_debug_tier_alone", || {
            in_namespaces("tiers");
        }),
        captures("listening_target_is_changed_by_two_reloads", || {
            in_namespaces("listening");
        }),
        captures("pipe_is_not_read_again", || in_namespaces("pipe")),
        captures("flows_do_not_wait_for_the_api_server", || {
            in_namespaces("cluster");
        }),
        captures("refusals_of_the_api_server_are_told", || {
            in_namespaces("refusals");
        }),
        captures("service_account_comes_before_a_kubeconfig", || {
            in_namespaces("account");
        }),
        captures("agent_in_a_pod_follows_a_real_cluster", || {
            in_namespaces("pod");
        })
        .with_ignored_flag(true),
        captures("records_for_a_dead_receiver_are_counted", || {
            in_namespaces("receivers");
        }),
        captures("killed_agent_loses_no_record", || in_namespaces("killed")),
        by_systemd("unit_starts_reloads_and_stops", || in_namespaces("unit")),
        by_systemd("drop_in_of_the_unit_keeps_flows", || {
            in_namespaces("drop-in");
        }),
        // `cargo xtask image` builds an agent for it.
        captures("static_agent_runs_alone", || in_namespaces("image"))
            .with_ignored_flag(std::env::var_os(image::STATIC).is_none()),
        // A browser is much to install for one test: `cargo xtask ci --full` has it.
        captures("page_is_driven_in_a_browser", || in_namespaces("page"))
            .with_ignored_flag(std::env::var_os(page::BROWSER).is_none()),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn captures(name: &str, test: fn()) -> Trial {
    needs(
        support::can_capture(),
        "root of the host is needed",
        name,
        test,
    )
}

fn by_systemd(name: &str, test: fn()) -> Trial {
    needs(
        support::can_capture() && Path::new("/usr/lib/systemd/systemd").exists(),
        "root of the host and systemd are needed",
        name,
        test,
    )
}
