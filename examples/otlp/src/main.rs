//! Exports the flows of interfaces or of a capture file over OTLP.

use std::{env, process::ExitCode};

use futures::executor::block_on;
use mermin_otlp::{Block, Exporter, Resource, Settings, Target};
use mermin_program::{COLLECTOR, Named, Program, Result, Source};

const USAGE: &str = "\
usage: mermin-otlp (--interface PATTERN.. | --pcap FILE) [--config FILE] [--to TARGET]

TARGET is otlp://HOST[:4317] (gRPC), otlp+http://HOST[:4318][/PATH], or otlps:// and otlp+https:// with TLS.
Options behind a ?: traces, logs, metrics (true, false), temporality of metrics (cumulative, delta),
compression (gzip, zstd, none), timeout (ms), ca, cert, key (files), insecure_skip_verify, bearer_file.

Without TARGET, `export \"traces\" otlp` of the file is the receiver.
The block takes OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES from the environment; TARGET takes all that it lacks from there, and
so does the program without either:
OTEL_EXPORTER_OTLP_ENDPOINT, _PROTOCOL, _HEADERS, _TIMEOUT, _COMPRESSION, _INSECURE, _CERTIFICATE, _CLIENT_CERTIFICATE,
_CLIENT_KEY, also for one signal (OTEL_EXPORTER_OTLP_LOGS_..); OTEL_TRACES_EXPORTER, OTEL_LOGS_EXPORTER,
OTEL_METRICS_EXPORTER (otlp, none); OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES; OTEL_METRIC_EXPORT_INTERVAL (ms),
OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE (cumulative, delta, lowmemory).";

const PROGRAM: Program = Program {
    name: "mermin-otlp",
    schemes: Target::SCHEMES,
    example: None,
    is_buffered: true,
    keys: &[COLLECTOR],
};

const TWO: &str = "cannot export to 2 targets, of `export \"flows\"` and of `export \"traces\"`: choose one by `--to`, or use `mermin-export`";

fn main() -> ExitCode {
    PROGRAM.entry(USAGE, |source, target| block_on(run(&source, target)))
}

/// Exports until the source ends. Returns false if a record was lost.
async fn run(source: &Source, target: Option<Target>) -> Result<bool> {
    let is_given = target.is_some();
    let (export, target) = PROGRAM.open_with(source, target)?;
    let file = export.config.as_ref().filter(|_| !is_given);
    let (variable, resource) = (|name: &str| env::var(name).ok(), Resource::of_host());
    let (name, settings) = match (target, file.and_then(Block::of)) {
        (Some(_), Some(_)) => return Err(TWO.into()),
        (Some(target), None) => (target.to_string(), target.settings(variable, resource)?),
        (None, Some(block)) => {
            let sink = block.start(resource.with_environment(variable)?)?;
            return export.to(Named::new(block.name(), sink)).await;
        }
        (None, None) => {
            let settings = Settings::from_environment(variable, resource)?;
            ("OTEL_EXPORTER_OTLP_..".to_owned(), settings)
        }
    };
    let exporter = Exporter::new(&settings)?;
    let sink = export.named(name, exporter);
    export.to(sink).await
}
