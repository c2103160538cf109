//! A process that is killed at any time: what it had said `Ok` to is there, and every file that has its name is whole.

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink as _, testing::flows},
};
use mermin_parquet::{Exporter, Settings};
use mermin_testing::{
    Folder,
    apart::{self, Role},
};

use crate::{
    expected::key,
    read::{Key, keys},
    support::unfinished,
};

const FOLDER: &str = "MERMIN_PARQUET_FOLDER";
const LIFE: &str = "MERMIN_PARQUET_LIFE";
const RECORDS: usize = 500;

/// Few columns, so that most of its life a writer is on its way to the disk.
fn settings() -> Settings {
    let kept = ["flow.id", "flow.sequence", "flow.community_id"];
    let columns = mermin_parquet::columns(&Settings::default());
    let names = columns.iter().map(|column| column.name().to_owned());
    Settings::default()
        .with(["flow.community_id"])
        .without(names.filter(|name| !kept.contains(&name.as_str())))
}

/// Batches without end, and a line for each that was `Ok`.
pub(crate) const WRITER: Role = ("writer", write_until_killed);

/// The batch of this number in this life; both are in the keys of its records.
fn batch(all: &[Flow], life: u64, number: u64) -> Vec<Flow> {
    let mut flows = all.to_vec();
    for flow in &mut flows {
        flow.sequence = life << 32 | number;
    }
    flows
}

fn write_until_killed() {
    let folder = env::var_os(FOLDER).unwrap();
    let life: u64 = env::var(LIFE).unwrap().parse().unwrap();
    let all = flows(u32::try_from(RECORDS).unwrap());
    let mut sink = Exporter::folder(folder, settings()).unwrap();
    let mut out = std::io::stdout();
    for leftover in sink.leftovers() {
        writeln!(out, "{leftover}").unwrap();
    }
    for number in 0.. {
        block_on(sink.export(&batch(&all, life, number))).unwrap();
        writeln!(out, "ok {number}").unwrap();
        out.flush().unwrap();
    }
}

pub(crate) fn at_any_time() {
    let lives: u64 = env::var("MERMIN_KILLS")
        .ok()
        .and_then(|lives| lives.parse().ok())
        .unwrap_or(12);
    let folder = Folder::new("killed");
    let all = flows(u32::try_from(RECORDS).unwrap());
    let mut acknowledged: BTreeSet<Key> = BTreeSet::new();
    let mut removed = 0;
    for life in 0..lives {
        let mut child = Command::new(env::current_exe().unwrap())
            .env(apart::ROLE, WRITER.0)
            .env(FOLDER, folder.path())
            .env(LIFE, life.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = None;
        let mut take = |line: String, last: &mut Option<u64>| {
            if let Some(number) = line.strip_prefix("ok ") {
                *last = Some(number.parse().unwrap());
            } else {
                assert!(line.starts_with("removed `"), "{line}");
                removed += 1;
            }
        };
        // Some while after a batch, which differs from life to life, and ends within the next one or the one after.
        let began = Instant::now();
        while last.is_none_or(|last| last < life % 5) {
            take(said.next().unwrap().unwrap(), &mut last);
        }
        let batches = u32::try_from(life % 5 + 1).unwrap();
        let part = u32::try_from(life * 7919 % 100).unwrap();
        thread::sleep(began.elapsed() / batches * part / 50);
        child.kill().unwrap();
        child.wait().unwrap();
        for line in said {
            take(line.unwrap(), &mut last);
        }
        for number in 0..=last.unwrap() {
            acknowledged.extend(batch(&all, life, number).iter().map(key));
        }
    }
    // All files that have their names are whole, or this fails.
    let there = keys(folder.path());
    let distinct: BTreeSet<_> = there.iter().cloned().collect();
    assert_eq!(distinct.len(), there.len(), "some records are there twice");
    let lost = acknowledged.difference(&distinct).count();
    assert_eq!(lost, 0, "of {}", acknowledged.len());
    // Beyond those, a file at most that was finished and not told, a life.
    let more = distinct.len() - acknowledged.len();
    assert!(more <= RECORDS * usize::try_from(lives).unwrap(), "{more}");
    let sink = Exporter::folder(folder.path(), Settings::default()).unwrap();
    println!(
        "{lives} kills: {} records acknowledged and there, {more} there alone, {} unfinished files removed",
        acknowledged.len(),
        removed + sink.leftovers().len()
    );
    assert_eq!(unfinished(&folder), [""; 0]);
}
