//! Compares Community IDs with those of the `communityid` package of Python.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt as _, executor::block_on};
use mermin_core::{Flow, FlowSource};

/// Reads endpoints, prints the id of each.
const SCRIPT: &str = "\
import sys, communityid
calculator = communityid.CommunityID()
for line in sys.stdin:
    protocol, source, destination, *ports = line.split()
    ports = [int(port) for port in ports] or [None, None]
    try:
        print(calculator.calc(communityid.FlowTuple(int(protocol), source, destination, *ports)))
    except communityid.FlowTupleError:
        print('refused')
";

/// Ids by the fields of their flows, in the form that the script reads.
#[derive(Debug, Default)]
pub(crate) struct Ids(BTreeMap<String, String>);

impl Ids {
    /// Adds the ids of a capture's flows, up to damage in the file.
    pub(crate) fn add(&mut self, path: &Path) {
        block_on(async {
            let Ok(mut source) = FlowSource::builder().pcap(path).open().await else {
                return;
            };
            while let Some(Ok(flow)) = source.next().await {
                self.0.insert(tuple(&flow), flow.community_id(0));
            }
        });
    }

    /// Calls the package; returns how many ids are equal, and how many it refuses to compute: those of SCTP without
    /// ports.
    pub(crate) fn compare(&self, python: &str) -> Result<[usize; 2]> {
        let mut child = Command::new(python)
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{python}`"))?;
        let mut input = child.stdin.take().context("python has no input")?;
        let lines = self
            .0
            .keys()
            .fold(String::new(), |lines, tuple| lines + tuple + "\n");
        let writer = thread::spawn(move || input.write_all(lines.as_bytes()));
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "`{python}` failed");
        writer.join().ok().context("the writer panicked")??;
        let said = String::from_utf8(output.stdout)?;
        ensure!(said.lines().count() == self.0.len(), "an answer is missing");
        let mut refused = 0;
        for ((tuple, ours), theirs) in self.0.iter().zip(said.lines()) {
            if theirs == "refused" {
                ensure!(tuple.starts_with("132 "), "{tuple}: refused there");
                refused += 1;
            } else {
                ensure!(ours == theirs, "{tuple}: {ours} here, {theirs} there");
            }
        }
        Ok([self.0.len() - refused, refused])
    }
}

/// Formats protocol, addresses, and ports; for ICMP, type and code of one message instead of ports, with its sender
/// first.
fn tuple(flow: &Flow) -> String {
    let (message, backwards) = match flow.forward.icmp {
        Some(message) => (Some(message), false),
        None => (flow.reverse.icmp, flow.reverse.icmp.is_some()),
    };
    let [mut from, mut to] = [flow.source, flow.destination];
    if backwards {
        std::mem::swap(&mut from, &mut to);
    }
    let ends = format!("{} {} {}", flow.protocol.0, from.address, to.address);
    match (from.port, to.port, message) {
        (_, _, Some(message)) => format!("{ends} {} {}", message.kind, message.code),
        // The specification uses no ports of other protocols.
        (Some(source), Some(destination), None) if matches!(flow.protocol.0, 6 | 17 | 132) => {
            format!("{ends} {source} {destination}")
        }
        _ => ends,
    }
}
