//! Exports the flows of interfaces or of a capture file as Parquet files, to a directory or a bucket.

use std::process::ExitCode;

use futures::executor::block_on;
use mermin_core::sink::{Backoff, retry};
use mermin_parquet::{Settings, Target};
use mermin_program::{Named, Result, Run, Source};

const USAGE: &str = "\
usage: mermin-parquet (--interface PATTERN.. | --pcap FILE) [--config FILE] --to TARGET
       mermin-parquet --columns

TARGET is parquet:FOLDER or, built with the feature `s3`, s3://BUCKET[/PREFIX]. Behind it, as wanted:
  ?rows=NUMBER       rows of a file at most (65536)
  &age=SECONDS       how long the first row of a file waits for others (60)
  &without=NAME,..   columns that are not written
  &with=NAME,..      columns that are: flow.community_id is not unless named here
  &codec=lz4         instead of zstd

--columns prints what columns files have, and what they mean.";

enum Arguments {
    Columns,
    Export { source: Source, target: Box<Target> },
}

fn main() -> ExitCode {
    mermin_program::entry(USAGE, parse, |arguments| match arguments {
        Arguments::Columns => {
            print!("{}", table());
            Ok(true)
        }
        Arguments::Export { source, target } => block_on(export(&source, *target)),
    })
}

fn parse() -> Result<Option<Arguments>> {
    mermin_program::arguments(
        lexopt::Parser::from_env(),
        |argument| matches!(argument, lexopt::Arg::Long("columns")).then_some(Arguments::Columns),
        |source, target: Option<Target>| {
            let target =
                target.ok_or("cannot export without a target: give `--to parquet:flows`")?;
            let target = Box::new(target);
            Ok(Arguments::Export { source, target })
        },
    )
}

/// Exports until the source ends. Returns false if a record was lost.
async fn export(source: &Source, target: Target) -> Result<bool> {
    let name = target.to_string();
    let batching = target.settings().batching();
    let exporter = target.exporter()?;
    for leftover in exporter.leftovers() {
        eprintln!("{leftover}");
    }
    // Without a buffer, a record is delivered only when its file has its final name.
    let sink = retry(exporter, Backoff::default());
    let builder = source.builder("mermin-parquet")?;
    let run = Run {
        batching,
        ..Run::default()
    };
    run.run(builder, vec![Named::new(name, sink)], |_| ()).await
}

/// Returns a line for each column: name, `DuckDB`'s name of the type, meaning.
fn table() -> String {
    let columns = mermin_parquet::columns(&Settings::default());
    let width = columns.iter().map(|column| column.name().len()).max();
    let width = width.unwrap_or(0);
    columns.iter().fold(String::new(), |text, column| {
        let (name, kind, meaning) = (column.name(), column.sql_type(), column.meaning());
        text + &format!("{name:<width$}  {kind:<24}  {meaning}\n")
    })
}
