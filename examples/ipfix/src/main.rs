//! Exports the flows of interfaces or of a capture file as IPFIX.

use std::process::ExitCode;

use futures::executor::block_on;
use mermin_core::sink::{Backoff, Overflow, buffered, retry};
use mermin_ipfix::Target;
use mermin_program::{Named, Result, Run, Source};

const USAGE: &str = "\
usage: mermin-ipfix (--interface PATTERN.. | --pcap FILE) [--config FILE] --to TARGET

TARGET is ipfix://HOST[:PORT] (UDP), ipfix+tcp://HOST[:PORT] or ipfix+file:PATH,
with ?biflow=true and &domain=NUMBER behind it as wanted.";

/// Flows that wait while a collector is away.
const CAPACITY: usize = 65_536;

struct Arguments {
    source: Source,
    target: Target,
}

fn main() -> ExitCode {
    mermin_program::entry(USAGE, parse, |arguments| block_on(run(arguments)))
}

fn parse() -> Result<Option<Arguments>> {
    mermin_program::arguments(
        lexopt::Parser::from_env(),
        |_| None,
        |source, target: Option<Target>| {
            let target = target.ok_or("say where flows go: `--to ipfix://collector:4739`")?;
            Ok(Arguments { source, target })
        },
    )
}

/// Exports until the source ends. False when something was lost.
async fn run(arguments: Arguments) -> Result<bool> {
    let name = arguments.target.to_string();
    let sink = buffered(
        retry(arguments.target.exporter()?, Backoff::default()),
        CAPACITY,
        Overflow::Block,
    );
    let builder = arguments.source.builder("mermin-ipfix")?;
    let sinks = vec![Named::new(name, sink)];
    Run::default().run(builder, sinks, |_| ()).await
}
