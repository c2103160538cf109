//! The agent's metrics.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// Counts of a running agent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Packets that crossed the hooks.
    pub(crate) packets: u64,
    /// Packets in no record, by reason.
    pub(crate) ignored: BTreeMap<String, u64>,
    pub(crate) open_flows: u64,
    pub(crate) reloads: u64,
    pub(crate) refused: u64,
    pub(crate) retried: u64,
}

impl Counts {
    /// Packets in no record.
    pub(crate) fn ignored(&self) -> u64 {
        self.ignored.values().sum()
    }

    /// Reads them. `None` if the agent is not there.
    pub(crate) fn read(port: u16) -> Option<Self> {
        let page = get(port, "/metrics")?;
        let mut counts = Self::default();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (sample, value) = line.rsplit_once(' ')?;
            let value = value.parse::<f64>().unwrap_or(0.0) as u64;
            match sample.split('{').next()? {
                "mermin_source_packets_total" => counts.packets += value,
                "mermin_source_open_flows" => counts.open_flows += value,
                "mermin_ignored_packets_total" if value > 0 => {
                    let reason = label(sample, "reason")?;
                    *counts.ignored.entry(reason).or_default() += value;
                }
                "mermin_export_retried_records_total" => counts.retried += value,
                "mermin_agent_reloads_total" if sample.contains("\"applied\"") => {
                    counts.reloads += value;
                }
                "mermin_agent_reloads_total" => counts.refused += value,
                _ => {}
            }
        }
        Some(counts)
    }
}

fn label(sample: &str, name: &str) -> Option<String> {
    let (_, value) = sample.split_once(&format!("{name}=\""))?;
    Some(value.split('"').next()?.to_owned())
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}
