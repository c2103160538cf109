//! Exports the flows of interfaces or of a capture file to a topic of Kafka.

use std::{process::ExitCode, sync::atomic::Ordering};

use futures::executor::block_on;
use mermin_kafka::{Exporter, Target};
use mermin_program::{Named, Result, Run, Source, say_doubled};

const USAGE: &str = "\
usage: mermin-kafka (--interface PATTERN.. | --pcap FILE) [--config FILE] --to TARGET

TARGET is kafka://HOST[:9092][,HOST..]/TOPIC, with ?compression=zstd, lz4 or none (zstd)
and &format=json or protobuf (json) behind it.";

fn main() -> ExitCode {
    let parse = || mermin_program::source_and_target("kafka://kafka.example/flows");
    mermin_program::entry(USAGE, parse, |(source, target)| {
        block_on(run(&source, target))
    })
}

/// Exports until the source ends. Returns false if a record was lost.
async fn run(source: &Source, target: Target) -> Result<bool> {
    let name = target.to_string();
    let exporter = Exporter::new(&target.settings())?;
    let doubled = exporter.doubled();
    let builder = source.builder("mermin-kafka")?;
    let whole = Run::default()
        .run(builder, vec![Named::buffered(&name, exporter)], |_| ())
        .await?;
    say_doubled(&name, doubled.load(Ordering::Relaxed), Exporter::REMEDY);
    Ok(whole)
}
