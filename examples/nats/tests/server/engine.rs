//! Three sources, one stream, and `DuckDB` behind it: what it adds up is what the sources counted.

use std::{
    env,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::executor::block_on;
use mermin_core::{
    Flow, FlowSource,
    sink::{BoxError, Overflow, buffered, from_fn, retry},
};
use mermin_nats::Exporter;
use mermin_testing::{Folder, soon};

use crate::support::Server;

/// Where the interpreter is that has `nats-py` and `duckdb`.
pub(crate) const PYTHON: &str = "MERMIN_NATS_PYTHON";

/// Records, packets by the source's ledger, and octets of a source that exports a capture under a subject of its own.
fn export(server: &Server, capture: &str) -> [u64; 3] {
    let path =
        env!("CARGO_MANIFEST_DIR").to_owned() + "/../../mermin-core/tests/captures/" + capture;
    let subject = format!("FLOWS.{}", capture.replace('.', "_"));
    let exporter = Exporter::new(server.settings().subject(subject)).unwrap();
    let octets = Arc::<AtomicU64>::default();
    let seen = Arc::clone(&octets);
    let adds = from_fn(move |flows: &[Flow]| {
        let both = |flow: &Flow| flow.forward.octets.delta + flow.reverse.octets.delta;
        seen.fetch_add(flows.iter().map(both).sum(), Ordering::Relaxed);
        std::future::ready(Ok::<_, BoxError>(()))
    });
    let sink = buffered(retry(exporter, soon()), 1000, Overflow::Block);
    block_on(async {
        let mut source = FlowSource::builder().pcap(&path).open().await.unwrap();
        let handle = source.handle();
        source.run((sink, adds)).await.unwrap();
        let stats = handle.stats();
        let ignored: u64 = stats.ignored().iter().map(|it| it.packets).sum();
        [
            stats.records,
            stats.packets - ignored,
            octets.load(Ordering::Relaxed),
        ]
    })
}

pub(crate) fn adds_up() {
    let python = PathBuf::from(env::var_os(PYTHON).unwrap());
    let mut server = Server::new();
    let mut sums = [0; 3];
    for capture in ["mixed.pcap", "cooked2.pcap", "two_links.pcapng"] {
        let counted = export(&server, capture);
        assert!(counted.iter().all(|it| *it > 0), "{capture}: {counted:?}");
        for (sum, count) in sums.iter_mut().zip(counted) {
            *sum += count;
        }
        server.kill();
        server.start();
    }
    let folder = Folder::new("duckdb");
    let script = env!("CARGO_MANIFEST_DIR").to_owned() + "/tests/server/into_duckdb.py";
    let mut command = Command::new(python);
    command
        .args([&script, &server.port.to_string()])
        .arg(folder.path());
    // Streams are there when the interface is.
    drop(server.client());
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let [records, packets, octets] = sums;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said.trim_end(),
        format!("{records} {records} {packets} {octets}")
    );
    println!("DuckDB: {records} records, {packets} packets, {octets} octets");
}
