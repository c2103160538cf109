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
    schemes: Target::SCHEMES,
    example: Some("ipfix://collector:4739"),
    is_buffered: true,
    keys: &[],
};

fn main() -> ExitCode {
    PROGRAM.entry(USAGE, |source, target| block_on(run(&source, target)))
}

/// Exports until the source ends. Returns false if a record was lost.
async fn run(source: &Source, target: Option<Target>) -> Result<bool> {
    let (export, target) = PROGRAM.open(source, target)?;
    let name = target.to_string();
    // A capture file waits while this thread sends datagrams.
    let exporter = target.own_thread(!source.is_regular_file()).exporter()?;
    let sink = export.named(name, exporter);
    export.to(sink).await
}
