//! Exports the flows of interfaces or of a capture file to Prometheus.

use std::{process::ExitCode, time::Duration};

use futures::executor::block_on;
use mermin_core::Handle;
use mermin_program::{Named, Program, Result, Run, Source};
use mermin_prometheus::Target;

const USAGE: &str = "\
usage: mermin-prometheus (--interface PATTERN.. | --pcap FILE) [--config FILE] [--to TARGET]

TARGET is prometheus://[ADDRESS][:PORT], 127.0.0.1 and 9464 unless told. Behind it, after `?`
and with `&` between them:
  labels=A,B       what flows are summed by (network_interface_name,network_transport)
  series=NUMBER    sets of label values at most (1000)
  pairs=NUMBER     pairs of addresses with most traffic (20)
  ttl=SECONDS      how long a series stays to which nothing is added (300)
  linger=SECONDS   how long closing waits for a last scrape (0)";

const PROGRAM: Program = Program {
    name: "mermin-prometheus",
    schemes: Target::SCHEMES,
    example: None,
    is_buffered: false,
    keys: &[],
};

fn main() -> ExitCode {
    PROGRAM.entry(USAGE, |source, target| block_on(run(&source, target)))
}

/// Exports until the source ends. Returns false if a record was lost.
async fn run(source: &Source, target: Option<Target>) -> Result<bool> {
    let (export, target) = PROGRAM.open_with(source, target)?;
    let target = match target {
        Some(target) => target,
        None => "prometheus://".parse()?,
    };
    let run = longer(export.run, target.linger());
    let exporter = target.exporter().map_err(|error| error.in_words())?;
    let watch = exporter.watch();
    let name = format!("http://{}/metrics", exporter.address());
    eprintln!("{name}");
    // The sink takes every record at once, so a buffer or a retry would have no effect.
    let named = Named::new(name, exporter);
    if let Some((name, meter)) = named.meter() {
        watch.sink(name, meter);
    }
    let opened = |handle: &Handle| watch.source(handle.clone());
    run.run(export.builder, vec![named], opened).await
}

/// Adds the wait for a last scrape to the time that closing has.
fn longer(run: Run, linger: Duration) -> Run {
    Run {
        close_within: run.close_within + linger,
        ..run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_has_time_for_the_last_scrape() {
        let target: Target = "prometheus://?linger=60".parse().unwrap();
        let run = longer(Run::default(), target.linger());
        assert!(run.close_within > Duration::from_mins(1));
    }
}
