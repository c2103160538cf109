//! Files in a bucket, as others find them there; also when the way there ends, S3 refuses, or the process dies.

mod killed;
mod moto;
mod trouble;
mod way;

use std::{env, process::Command};

use libtest_mimic::Trial;
use mermin_core::{
    Flow,
    sink::{Retry, retry, testing},
};
use mermin_parquet::{Exporter, Settings};
use mermin_testing::soon;

pub(crate) use self::killed::WRITER;
use self::{
    moto::Moto,
    way::{End, Way},
};
use crate::{expected::key, read::Key};

/// Ignored where no Python with `moto` is named.
pub(crate) fn trials() -> Vec<Trial> {
    let all: [(&str, fn()); 7] = [
        ("s3_sink_contract_holds", keeps),
        ("s3_is_named_on_the_command_line", program),
        ("refused_s3_upload_is_retried", trouble::refuses),
        ("silent_s3_is_given_up_after_the_timeout", trouble::silent),
        ("invalid_s3_response_is_an_error", trouble::nonsense),
        ("s3_shows_no_part_of_a_file", trouble::cut),
        (
            "killed_process_leaves_whole_files_in_s3",
            killed::on_the_way,
        ),
    ];
    let ignored = env::var_os(moto::PYTHON).is_none();
    let trial = |(name, test): (&str, fn())| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    };
    all.into_iter().map(trial).collect()
}

fn exporter(way: &Way) -> Exporter {
    Exporter::bucket(Moto::bucket(way.port()), Settings::default()).unwrap()
}

struct Receiver {
    moto: Moto,
    way: Way,
}

impl testing::Receiver for Receiver {
    type Sink = Retry<Exporter>;
    type Key = Key;

    fn key(flow: &Flow) -> Key {
        key(flow)
    }

    fn sink(&mut self) -> Self::Sink {
        retry(exporter(&self.way), soon())
    }

    fn received(&mut self) -> Vec<Key> {
        self.moto.keys()
    }

    fn stop(&mut self) -> bool {
        self.way.set(Some(End::Cut(0)));
        true
    }

    fn start(&mut self) {
        self.way.set(None);
    }
}

fn keeps() {
    let receiver = || {
        let moto = Moto::new();
        let way = Way::to(moto.port());
        Receiver { moto, way }
    };
    mermin_testing::trouble::sink_contract_holds(receiver, 5);
}

/// With all that a client needs in the environment.
fn program() {
    let moto = Moto::new();
    let capture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../mermin-core/tests/captures/mixed.pcap"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_mermin-parquet"))
        .args(["--pcap", capture, "--to", "s3://flows/site/1/?rows=2"])
        .envs(mermin_testing::Moto::variables(moto.port()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let line = said
        .lines()
        .find(|line| line.starts_with("s3://flows/site/1 "));
    let delivered: Option<usize> =
        line.and_then(|line| line.split_whitespace().nth(2)?.parse().ok());
    assert_eq!(delivered, Some(moto.keys().len()), "{said}");
    assert_ne!(delivered, Some(0));
}
