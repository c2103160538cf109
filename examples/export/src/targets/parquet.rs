//! `parquet:PATH`.

use super::{Kind, Started, Target};
use crate::Result;

pub(super) const KIND: Kind = Kind {
    schemes: &["parquet"],
    usage: &[(
        "parquet:FOLDER",
        "Parquet files; ?rows=NUMBER, &age=SECONDS, &without=, &with= and &added=COLUMN,.. and &codec=lz4 behind it",
    )],
    parse,
};

/// Parses a directory or a bucket.
pub(super) fn parse(text: &str) -> Result<Target> {
    let target: mermin_parquet::Target = text.parse()?;
    Ok(Target::new(target.to_string(), || {
        let batching = target.settings().batching();
        let exporter = target.exporter()?;
        for leftover in exporter.leftovers() {
            eprintln!("{leftover}");
        }
        Ok(Started::new(exporter).batch(batching))
    })
    .of_files())
}
