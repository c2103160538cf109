//! Exports the flows of interfaces or of a capture file as IPFIX.

use std::process::ExitCode;

use futures::executor::block_on;
use mermin_ipfix::Target;
use mermin_program::{Named, Result, Run, Source};

const USAGE: &str = "\
usage: mermin-ipfix (--interface PATTERN.. | --pcap FILE) [--config FILE] --to TARGET

TARGET is ipfix://HOST[:PORT] (UDP), ipfix+tcp://HOST[:PORT] or ipfix+file:PATH,
with ?biflow=true and &domain=NUMBER behind it as wanted.";

fn main() -> ExitCode {
    let parse = || mermin_program::source_and_target("ipfix://collector:4739");
    mermin_program::entry(USAGE, parse, |(source, target)| {
        block_on(run(&source, target))
    })
}

/// Exports until the source ends. Returns false if a record was lost.
async fn run(source: &Source, target: Target) -> Result<bool> {
    let name = target.to_string();
    let builder = source.builder("mermin-ipfix")?;
    // A capture file waits while this thread sends datagrams.
    let exporter = target.own_thread(!source.is_regular_file()).exporter()?;
    let sinks = vec![Named::buffered(name, exporter)];
    Run::default().run(builder, sinks, |_| ()).await
}
