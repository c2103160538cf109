//! Exports the flows of interfaces or of a capture file as Parquet files, to a directory or a bucket.

use std::{env, process::ExitCode};

use futures::executor::block_on;
use mermin_parquet::{Settings, Target};
use mermin_program::{Program, Result, Source};

const USAGE: &str = "\
usage: mermin-parquet (--interface PATTERN.. | --pcap FILE) [--config FILE] --to TARGET
       mermin-parquet --columns

TARGET is parquet:FOLDER or, built with the feature `s3`, s3://BUCKET[/PREFIX]. Behind it, as wanted:
  ?rows=NUMBER       rows of a file at most (65536)
  &age=SECONDS       how long the first row of a file waits for others (60)
  &without=NAME,..   columns that are not written
  &with=NAME,..      columns that are: flow.community_id is not unless named here
  &added=NAME,..     columns of attributes that a program adds, such as source.k8s.pod.name
  &codec=lz4         instead of zstd

--columns prints what columns files have, and what they mean.";

const PROGRAM: Program = Program {
    name: "mermin-parquet",
    schemes: Target::SCHEMES,
    example: Some("parquet:flows"),
    is_buffered: false,
    keys: &[],
};

enum Arguments {
    Columns,
    Export {
        source: Source,
        target: Option<Box<Target>>,
    },
}

fn main() -> ExitCode {
    mermin_program::entry(&PROGRAM.usage(USAGE), parse, |arguments| match arguments {
        Arguments::Columns => {
            print!("{}", table());
            Ok(true)
        }
        Arguments::Export { source, target } => block_on(export(&source, target)),
    })
}

fn parse() -> Result<Option<Arguments>> {
    mermin_program::arguments(
        lexopt::Parser::from_env(),
        |name| env::var_os(name),
        |argument| matches!(argument, lexopt::Arg::Long("columns")).then_some(Arguments::Columns),
        |source, target: Option<Target>| {
            PROGRAM.check(&source, target.is_some())?;
            let target = target.map(Box::new);
            Ok(Arguments::Export { source, target })
        },
    )
}

/// Exports until the source ends. Returns false if a record was lost.
async fn export(source: &Source, target: Option<Box<Target>>) -> Result<bool> {
    let (mut export, target) = PROGRAM.open(source, target.map(|target| *target))?;
    let name = target.to_string();
    export.run.batching = target.settings().batching();
    let exporter = target.exporter()?;
    for leftover in exporter.leftovers() {
        eprintln!("{leftover}");
    }
    // Without a buffer, a record is delivered only when its file has its final name.
    let sink = export.named(name, exporter);
    export.to(sink).await
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
