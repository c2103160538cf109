//! Exports the flows of interfaces or of a capture file as IPFIX.

use std::process::ExitCode;

use futures::executor::block_on;
use mermin_ipfix::Target;
use mermin_program::{Program, Result, Source};

const USAGE: &str = "\
usage: mermin-ipfix (--interface PATTERN.. | --pcap FILE) [--config FILE] --to TARGET

TARGET is ipfix://HOST[:PORT] (UDP), ipfix+tcp://HOST[:PORT] or ipfix+file:PATH,
with ?biflow=true and &domain=NUMBER behind it as wanted.";

const PROGRAM: Program = Program {
    name: "mermin-ipfix",
    schemes: &["ipfix", "ipfix+tcp", "ipfix+file"],
    example: Some("ipfix://collector:4739"),
    is_buffered: true,
};

fn main() -> ExitCode {
    let run = |(source, target)| block_on(run(&source, target));
    mermin_program::entry(&PROGRAM.usage(USAGE), || PROGRAM.arguments(), run)
}

/// Exports until the source ends. Returns false if a record was lost.
async fn run(source: &Source, target: Option<Target>) -> Result<bool> {
    let (export, target) = PROGRAM.open(source, target)?;
    let name = target.to_string();
    // A capture file waits while this thread sends datagrams.
    let exporter = target.own_thread(!source.is_regular_file()).exporter()?;
    let sinks = vec![export.buffered(name, exporter)];
    export.run.run(export.builder, sinks, |_| ()).await
}
