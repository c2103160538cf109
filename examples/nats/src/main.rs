//! Exports the flows of interfaces or of a capture file to NATS `JetStream`.

use std::{env, process::ExitCode, sync::atomic::Ordering};

use futures::executor::block_on;
use mermin_core::sink::{Backoff, Overflow, buffered, retry};
use mermin_nats::{Exporter, Target};
use mermin_program::{Named, Result, Run, Source};

const USAGE: &str = "\
usage: mermin-nats (--interface PATTERN.. | --pcap FILE) [--config FILE] --to TARGET

TARGET is nats://HOST[:4222][,HOST..]/STREAM with options behind a ?:
  subject=SUBJECT   what records are published under (STREAM.HOSTNAME)
  window=SECONDS    how long the stream is to know ids (its own; 600 of one that is created)
  create=false      leave a stream that is not there uncreated

NATS_USER and NATS_PASSWORD, or NATS_TOKEN, say who connects.";

/// Flows that wait while a server is away.
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
            let target = target.ok_or("say where flows go: `--to nats://nats.example/FLOWS`")?;
            Ok(Arguments { source, target })
        },
    )
}

/// Exports until the source ends. False when something was lost.
async fn run(arguments: Arguments) -> Result<bool> {
    let name = arguments.target.to_string();
    let settings = arguments.target.settings(|name| env::var(name).ok());
    let exporter = Exporter::new(settings)?;
    let doubled = exporter.doubled();
    let sink = buffered(
        retry(exporter, Backoff::default()),
        CAPACITY,
        Overflow::Block,
    );
    let builder = arguments.source.builder("mermin-nats")?;
    let whole = Run::default()
        .run(builder, vec![Named::new(name, sink)], |_| ())
        .await?;
    let doubled = doubled.load(Ordering::Relaxed);
    if doubled != 0 {
        eprintln!(
            "{doubled} records may be in the stream twice: set `window` to the longest outage"
        );
    }
    Ok(whole)
}
