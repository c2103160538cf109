//! Exports the flows of interfaces or of a capture file to a topic of Kafka.

use std::{process::ExitCode, sync::atomic::Ordering};

use futures::executor::block_on;
use mermin_kafka::{Exporter, Target};
use mermin_program::{Program, Result, Source, say_duplicates};

const USAGE: &str = "\
usage: mermin-kafka (--interface PATTERN.. | --pcap FILE) [--config FILE] --to TARGET

TARGET is kafka://HOST[:9092][,HOST..]/TOPIC, with ?compression=zstd, lz4 or none (zstd)
and &format=json or protobuf (json) behind it.";

const PROGRAM: Program = Program {
    name: "mermin-kafka",
    schemes: Target::SCHEMES,
    example: Some("kafka://kafka.example/flows"),
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
    let exporter = Exporter::new(&target.settings())?;
    let doubled = exporter.doubled();
    let sink = export.named(&name, exporter);
    let whole = export.to(sink).await?;
    say_duplicates(&name, doubled.load(Ordering::Relaxed), Exporter::REMEDY);
    Ok(whole)
}
