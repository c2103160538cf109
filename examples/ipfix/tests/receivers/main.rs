//! The exporter beside receivers that others wrote, and beside ones that are slow, away or full.
//!
//! A test whose receiver is not installed is ignored, and listed so; with `MERMIN_REQUIRE_KERNEL=1`, as in CI, it fails instead.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod collector;
mod decode;
mod expected;
mod file;
mod ipfix_dump;
mod moved;
mod nfacctd;
mod nfcapd;
mod path;
mod support;
mod tcp;
mod tshark;
mod udp;

use std::process::ExitCode;

use libtest_mimic::Trial;
use mermin_testing::{apart, can_mount, needs, plain, waiting_arguments, with};

fn main() -> ExitCode {
    if let Some(played) = apart::play(&[
        tcp::HALF_OPEN,
        file::FULL,
        path::NARROW,
        moved::COLLECTOR,
        moved::HOST,
    ]) {
        return played;
    }
    let arguments = waiting_arguments();
    let trials = vec![
        with(
            "ipfixDump",
            "ipfix_dump_sees_every_element",
            ipfix_dump::uniflow,
        ),
        with(
            "ipfixDump",
            "ipfix_dump_sees_every_element_of_biflows",
            ipfix_dump::biflow,
        ),
        with(
            "ipfixDump",
            "ipfix_dump_reads_a_tcp_stream",
            ipfix_dump::stream,
        ),
        with("tshark", "tshark_sees_every_element", tshark::uniflow),
        with(
            "tshark",
            "tshark_sees_every_element_of_biflows",
            tshark::biflow,
        ),
        with(
            "ipfixDump",
            "ipfix_dump_sees_every_optional_element",
            ipfix_dump::options,
        ),
        with(
            "tshark",
            "tshark_sees_every_optional_element",
            tshark::options,
        ),
        with("nfcapd", "nfcapd_stores_every_record", nfcapd::stores),
        with("nfcapd", "nfcapd_stores_biflows", nfcapd::biflows),
        with("nfacctd", "nfacctd_stores_every_record", nfacctd::stores),
        plain("tcp_sink_contract_holds", tcp::sink_contract_holds),
        plain(
            "slow_tcp_receiver_fills_the_buffer_up_to_its_capacity",
            tcp::slow,
        ),
        plain("data_from_the_collector_is_ignored", tcp::talks),
        plain(
            "unreachable_tcp_receiver_drops_and_counts_when_the_buffer_is_full",
            tcp::away,
        ),
        plain(
            "absent_tcp_receiver_at_close_counts_the_rest",
            tcp::never_comes,
        ),
        with(
            "nft",
            "half_open_tcp_receiver_is_noticed_after_the_timeout",
            tcp::half_open,
        ),
        plain("tcp_reconnect_resends_templates", tcp::sessions),
        plain("udp_sink_contract_holds", udp::sink_contract_holds),
        plain(
            "udp_sink_contract_holds_without_a_thread",
            udp::sink_contract_holds_without_a_thread,
        ),
        plain("udp_templates_are_resent", udp::templates),
        plain("unreachable_udp_receiver_is_an_error", udp::not_there),
        plain(
            "refusal_that_a_refresh_hears_is_an_error",
            udp::answered_late,
        ),
        in_namespaces("moved_udp_receiver_is_followed", moved::collector),
        in_namespaces("moved_host_goes_on_exporting", moved::host),
        in_namespaces("narrow_path_shortens_messages", path::narrow),
        plain("file_sink_contract_holds", file::sink_contract_holds),
        plain("rotated_file_is_created_with_templates", file::rotated),
        plain("part_of_a_message_is_removed", file::torn),
        plain(
            "redelivered_record_has_the_same_elements",
            file::redelivered,
        ),
        plain("pipe_without_a_reader_does_not_block_the_task", file::pipe),
        in_namespaces("full_disk_leaves_a_whole_message", file::full),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn in_namespaces(name: &str, test: fn()) -> Trial {
    needs(
        can_mount(),
        "this process may not make namespaces",
        name,
        test,
    )
}
