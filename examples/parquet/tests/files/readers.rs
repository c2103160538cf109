//! `DuckDB` and pyarrow, on the same flows as JSON lines tell them.

use std::{env, fs, process::Command};

use futures::executor::block_on;
use libtest_mimic::Trial;
use mermin_core::sink::{FlowSink as _, JsonLines, testing::flows};
use mermin_parquet::{Codec, Exporter, Settings};
use mermin_testing::Folder;

/// Python with the readers, several with a `:` between them.
const PYTHONS: &str = "MERMIN_PARQUET_PYTHONS";

pub(crate) fn trial() -> Trial {
    const NAME: &str = "other_readers_read_every_column";
    let Some(pythons) = env::var_os(PYTHONS) else {
        return Trial::test(NAME, || Ok(())).with_ignored_flag(true);
    };
    Trial::test(NAME, move || {
        for python in env::split_paths(&pythons) {
            let folder = Folder::new("readers");
            let flows = flows(5000);
            for codec in [Codec::Lz4, Codec::default()] {
                let place = folder.path().join(format!("{codec:?}"));
                let settings = Settings::default()
                    .with(["flow.community_id"])
                    .codec(codec)
                    .rows(2000);
                let mut sink = Exporter::folder(&place, settings)?;
                block_on(sink.export(&flows)).unwrap();
                block_on(sink.close()).unwrap();
            }
            let mut lines = JsonLines::new(Vec::new());
            block_on(lines.export(&flows)).unwrap();
            fs::write(folder.path().join("flows.json"), lines.into_inner())?;
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files/readers.py");
            let mut command = Command::new(&python);
            let output = command.arg(script).arg(folder.path()).output()?;
            print!("{}", String::from_utf8_lossy(&output.stdout));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{said}");
        }
        Ok(())
    })
}
