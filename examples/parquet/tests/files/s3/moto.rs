//! A server of S3 that no one here wrote, and AWS's client beside it.

use std::{env, path::PathBuf, process::Command};

use mermin_parquet::Bucket;
use mermin_testing::Folder;

use crate::read::{Key, keys};

/// The Python that has `moto` and `boto3`.
pub(crate) const PYTHON: &str = "MERMIN_PARQUET_MOTO";

const NAME: &str = "flows";

/// Its objects go with it.
pub(crate) struct Moto(mermin_testing::Moto);

impl Moto {
    pub(crate) fn new() -> Self {
        Self(mermin_testing::Moto::new(&python(), NAME))
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port()
    }

    /// The bucket, by way of this port.
    pub(crate) fn bucket(port: u16) -> Bucket {
        Bucket::new(NAME)
            .prefix("site/1")
            .variables(mermin_testing::Moto::variables(port))
    }

    /// Refuses every request from now on, or none.
    pub(crate) fn refuse(&self, refuse: bool) {
        let after = if refuse { "0" } else { "inf" };
        let answer = self.0.ask("POST", "/moto-api/reset-auth", after).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Keys of the records in all objects, each of which must be whole.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let folder = Folder::new("fetched");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files/s3/fetch.py");
        let output = Command::new(python())
            .args([script, NAME])
            .arg(folder.path())
            .envs(mermin_testing::Moto::variables(self.port()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let names = folder.names();
        assert!(
            names.iter().all(|name| name.starts_with("site_1_flows-")),
            "{names:?}"
        );
        keys(folder.path())
    }
}

fn python() -> PathBuf {
    env::var_os(PYTHON).unwrap().into()
}
