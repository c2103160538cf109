//! Exports the flows of interfaces or of a capture file to NATS `JetStream`.

use std::{env, process::ExitCode, sync::atomic::Ordering};

use futures::executor::block_on;
use mermin_nats::{Exporter, Target};
use mermin_program::{Program, Result, Source, say_duplicates};

const USAGE: &str = "\
usage: mermin-nats (--interface PATTERN.. | --pcap FILE) [--config FILE] --to TARGET

TARGET is nats://HOST[:4222][,HOST..]/STREAM with options behind a ?:
  subject=SUBJECT   what records are published under (STREAM.HOSTNAME)
  window=SECONDS    how long the stream is to know ids (its own; 600 of one that is created)
  create=false      leave a stream that is not there uncreated

NATS_USER and NATS_PASSWORD, or NATS_TOKEN, say who connects.";

const PROGRAM: Program = Program {
    name: "mermin-nats",
    schemes: Target::SCHEMES,
    example: Some("nats://nats.example/FLOWS"),
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
    let settings = target.settings(|name| env::var(name).ok());
    let exporter = Exporter::new(settings)?;
    let doubled = exporter.doubled();
    let sink = export.named(&name, exporter);
    let whole = export.to(sink).await?;
    say_duplicates(&name, doubled.load(Ordering::Relaxed), Exporter::REMEDY);
    Ok(whole)
}
