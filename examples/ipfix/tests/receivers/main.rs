//! The exporter beside receivers that others wrote, and beside ones that are slow, away or full.
//!
//! A test whose receiver is not installed is ignored, and listed so; with `MERMIN_REQUIRE_KERNEL=1`, as in CI, it fails instead.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]

mod decode;
mod expected;
mod file;
mod ipfix_dump;
mod nfacctd;
mod nfcapd;
mod support;
mod tcp;
mod tshark;
mod udp;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use mermin_testing::{apart, plain, with};

fn main() -> ExitCode {
    if let Some(played) = apart::play(&[tcp::HALF_OPEN, file::FULL]) {
        return played;
    }
    let arguments = Arguments::from_args();
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
        with("nfcapd", "nfcapd_stores_what_was_sent", nfcapd::stores),
        with("nfcapd", "nfcapd_stores_biflows", nfcapd::biflows),
        with("nfacctd", "nfacctd_stores_what_was_sent", nfacctd::stores),
        plain("tcp_keeps_the_contract", tcp::keeps_the_contract),
        plain("tcp_receiver_that_is_slow", tcp::slow),
        plain("tcp_receiver_that_talks", tcp::talks),
        plain("tcp_receiver_that_is_away", tcp::away),
        plain("tcp_receiver_that_never_comes", tcp::never_comes),
        with("nft", "tcp_receiver_that_is_half_open", tcp::half_open),
        plain("tcp_sessions_begin_anew", tcp::sessions),
        plain("udp_keeps_the_contract", udp::keeps_the_contract),
        plain("udp_templates_are_told_again", udp::templates),
        plain("udp_receiver_that_is_not_there", udp::not_there),
        plain("file_keeps_the_contract", file::keeps_the_contract),
        plain("file_that_is_rotated", file::rotated),
        with("mount", "file_on_a_full_disk", file::full),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
