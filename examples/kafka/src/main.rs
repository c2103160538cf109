//! Exports the flows of interfaces or of a capture file to a topic of Kafka.

use std::{process::ExitCode, sync::atomic::Ordering};

use futures::executor::block_on;
use mermin_core::sink::{Backoff, Overflow, buffered, retry};
use mermin_kafka::{Exporter, Target};
use mermin_program::{Named, Result, Run, Source};

const USAGE: &str = "\
usage: mermin-kafka (--interface PATTERN.. | --pcap FILE) [--config FILE] --to TARGET

TARGET is kafka://HOST[:9092][,HOST..]/TOPIC, with ?compression=zstd, lz4 or none behind it (zstd).";

/// Flows that wait while brokers are away.
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
            let target = target.ok_or("say where flows go: `--to kafka://kafka.example/flows`")?;
            Ok(Arguments { source, target })
        },
    )
}

/// Exports until the source ends. False when something was lost.
async fn run(arguments: Arguments) -> Result<bool> {
    let name = arguments.target.to_string();
    let exporter = Exporter::new(&arguments.target.settings())?;
    let doubled = exporter.doubled();
    let sink = buffered(
        retry(exporter, Backoff::default()),
        CAPACITY,
        Overflow::Block,
    );
    let builder = arguments.source.builder("mermin-kafka")?;
    let whole = Run::default()
        .run(builder, vec![Named::new(name, sink)], |_| ())
        .await?;
    let doubled = doubled.load(Ordering::Relaxed);
    if doubled != 0 {
        eprintln!("{doubled} records may be in the topic twice");
    }
    Ok(whole)
}
