//! A process that is killed while a file is on its way to S3.

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink as _, testing::flows},
};
use mermin_testing::apart::{self, Role};

use super::{End, Moto, Way};
use crate::{expected::key, read::Key};

const PORT: &str = "MERMIN_PARQUET_PORT";
const LIFE: &str = "MERMIN_PARQUET_LIFE";

/// Batches without end, and a line for each that was `Ok`.
pub(crate) const WRITER: Role = ("writer to S3", write_until_killed);

/// The batch of this number in this life; both are in the keys of its records.
fn batch(life: u64, number: u64) -> Vec<Flow> {
    let mut flows = flows(1000);
    for flow in &mut flows {
        flow.sequence = life << 32 | number;
    }
    flows
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}

fn write_until_killed() {
    let bucket = Moto::bucket(variable(PORT).unwrap());
    let mut sink =
        mermin_parquet::Exporter::bucket(bucket, mermin_parquet::Settings::default()).unwrap();
    let mut out = std::io::stdout();
    for number in 0.. {
        block_on(sink.export(&batch(variable(LIFE).unwrap(), number))).unwrap();
        writeln!(out, "{number}").unwrap();
        out.flush().unwrap();
    }
}

pub(super) fn on_the_way() {
    let moto = Moto::new();
    let way = Way::to(moto.port());
    let mut acknowledged: BTreeSet<Key> = BTreeSet::new();
    for (life, octets) in [0, 1500, 20_000, 40_000].into_iter().enumerate() {
        let life = life as u64;
        let mut child = Command::new(env::current_exe().unwrap())
            .env(apart::ROLE, WRITER.0)
            .env(PORT, way.port().to_string())
            .env(LIFE, life.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = vec![said.next().unwrap().unwrap()];
        // The next file that has come so far gets no further.
        way.set(Some(End::Hold(octets)));
        way.wait_for_an_end();
        child.kill().unwrap();
        child.wait().unwrap();
        told.extend(said.map(Result::unwrap));
        for number in told {
            acknowledged.extend(batch(life, number.parse().unwrap()).iter().map(key));
        }
        way.set(None);
    }
    // All objects are whole, or this fails.
    let there: BTreeSet<_> = moto.keys().into_iter().collect();
    assert_eq!(acknowledged.difference(&there).count(), 0);
    // A file may have arrived when nobody was left to be told.
    assert!(there.len() <= acknowledged.len() + 4 * 1000);
    assert!(!acknowledged.is_empty());
}
