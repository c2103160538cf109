//! Exports the flows of interfaces or of a capture file over OTLP.

use std::{env, process::ExitCode};

use futures::executor::block_on;
use mermin_otlp::{Exporter, Resource, Settings, Target};
use mermin_program::{Program, Result, Source};

const USAGE: &str = "\
usage: mermin-otlp (--interface PATTERN.. | --pcap FILE) [--config FILE] [--to TARGET]

TARGET is otlp://HOST[:4317] (gRPC), otlp+http://HOST[:4318][/PATH], or otlps:// and otlp+https:// with TLS.
Options behind a ?: traces, logs, metrics (true, false), temporality of metrics (cumulative, delta),
compression (gzip, zstd, none), timeout (ms), ca, cert, key (files), insecure_skip_verify, bearer_file.

What TARGET does not say, and all of it where there is none, is taken from the environment:
OTEL_EXPORTER_OTLP_ENDPOINT, _PROTOCOL, _HEADERS, _TIMEOUT, _COMPRESSION, _INSECURE, _CERTIFICATE, _CLIENT_CERTIFICATE,
_CLIENT_KEY, also for one signal (OTEL_EXPORTER_OTLP_LOGS_..); OTEL_TRACES_EXPORTER, OTEL_LOGS_EXPORTER,
OTEL_METRICS_EXPORTER (otlp, none); OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES; OTEL_METRIC_EXPORT_INTERVAL (ms),
OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE (cumulative, delta, lowmemory).";

const PROGRAM: Program = Program {
    name: "mermin-otlp",
    schemes: &["otlp", "otlp+http", "otlps", "otlp+https"],
    example: None,
    is_buffered: true,
};

fn main() -> ExitCode {
    let run = |(source, target)| block_on(run(&source, target));
    mermin_program::entry(&PROGRAM.usage(USAGE), || PROGRAM.arguments(), run)
}

/// Exports until the source ends. Returns false if a record was lost.
async fn run(source: &Source, target: Option<Target>) -> Result<bool> {
    let (export, target) = PROGRAM.open_with(source, target)?;
    let variable = |name: &str| env::var(name).ok();
    let resource = Resource::of_host();
    let (name, settings) = if let Some(target) = &target {
        (target.to_string(), target.settings(variable, resource)?)
    } else {
        let settings = Settings::from_environment(variable, resource)?;
        ("OTEL_EXPORTER_OTLP_..".to_owned(), settings)
    };
    let exporter = Exporter::new(&settings)?;
    let sinks = vec![export.buffered(name, exporter)];
    export.run.run(export.builder, sinks, |_| ()).await
}
