//! The memory that a plan needs, for the requests and limits of a container.

use super::{Plan, Receiver};

/// Octets for each possible flow, and more in a pinned instance, as `preflight` counts them.
const FLOW: (u64, u64) = (600, 136);
const ANALYSIS: (u64, u64) = (640, 384);
const SOCKETS: (u64, u64) = (32, 0);
const DROPS: (u64, u64) = (256, 256);
/// Octets that loading the kernel program takes in addition.
const LOADING: u64 = 24 * MEBI;
/// Octets of a record that waits.
const RECORD: u64 = 576;
/// Octets of the process for a pod of the cluster.
const POD: u64 = 1_250;
/// Octets of the process itself: its program, threads, series of metrics, requests on their way.
const PROCESS: u64 = 32 * MEBI;
const MEBI: u64 = 1 << 20;

/// Pods of a large cluster: an agent follows all of them, not those of its node alone.
pub(crate) const PODS: u64 = 10_000;

/// The memory that a plan needs, in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// The table of flows, and loading the kernel program.
    pub table: u64,
    /// The process itself.
    pub process: u64,
    /// Objects of a cluster of 10,000 pods, if it is followed.
    pub objects: u64,
    /// Records that wait, when every buffer is full.
    pub records: u64,
}

impl Memory {
    /// Sums up the memory for a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let capture = &plan.capture;
        let pinned = capture.get_pinning().is_some();
        let each: u64 = [
            (true, FLOW),
            (capture.get_tcp_analysis(), ANALYSIS),
            (capture.get_tcp_sockets(), SOCKETS),
            (capture.get_drops(), DROPS),
        ]
        .into_iter()
        .filter(|(wanted, _)| *wanted)
        .map(|(_, (always, beside))| always + if pinned { beside } else { 0 })
        .sum();
        let flow_capture = plan.config.pipeline().flow_capture();
        let flows = flow_capture.flow_stats_capacity().get();
        let buffers = plan.receivers.iter().map(buffer).sum::<usize>();
        let records = u64::try_from(buffers + plan.batch).unwrap_or(u64::MAX);
        Self {
            table: u64::from(flows) * each + LOADING,
            process: PROCESS,
            objects: if plan.cluster.is_some() {
                PODS * POD
            } else {
                0
            },
            records: records.saturating_mul(RECORD),
        }
    }

    /// Returns what is needed while receivers take their records, in MiB.
    #[must_use]
    pub const fn request(&self) -> u64 {
        mebi(self.table + self.process + self.objects)
    }

    /// Returns what is needed at most, in MiB.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        mebi((self.table + self.process + self.objects).saturating_add(self.records))
    }
}

/// Returns octets in MiB, rounded up.
pub(crate) const fn mebi(octets: u64) -> u64 {
    octets.div_ceil(MEBI)
}

/// Returns the maximum number of records that wait for a receiver. One that writes Parquet holds as many again, as columns, while
/// it writes a file.
fn buffer(receiver: &Receiver) -> usize {
    match receiver {
        Receiver::Target { text, buffer, .. }
            if ["parquet:", "s3:"].iter().any(|it| text.starts_with(it)) =>
        {
            2 * buffer
        }
        Receiver::Target { buffer, .. } | Receiver::Stdout { buffer, .. } => *buffer,
        Receiver::Otlp(block) => block.buffer(),
    }
}

#[cfg(test)]
mod tests {
    use mermin_config::Config;

    use super::*;
    use crate::configuration::Host;

    fn memory(text: &str, in_pod: bool) -> Memory {
        let loaded = Config::load("a.hcl", text.as_bytes(), &|_| None).unwrap();
        let host = Host {
            in_pod,
            ..Host::default()
        };
        Memory::of(&Plan::new(&loaded, &host).unwrap())
    }

    #[test]
    fn each_part_counts_where_the_file_asks_for_it() {
        let none = memory("", false);
        assert_eq!((none.table, none.objects), (16_384 * 600 + (24 << 20), 0));
        assert_eq!(none.records, 4_096 * 576);
        assert_eq!(memory("", true).objects, 12_500_000);
        let flows = memory(
            "export \"flows\" {\nto = [\"json:/tmp/a\", \"json:/tmp/b\"]\nbuffer = 1000\n}\n",
            false,
        );
        assert_eq!(flows.records, (4_096 + 2_000) * 576);
        let files =
            "export \"flows\" {\nto = [\"parquet:/tmp/a\", \"json:/tmp/b\"]\nbuffer = 1000\n}\n";
        assert_eq!(memory(files, false).records, (4_096 + 3_000) * 576);
        let drops = "pipeline {\nflow_capture {\ndrops = true\n}\n}\n";
        assert_eq!(memory(drops, false).table, 16_384 * 856 + (24 << 20));
        let pinned = format!("{drops}discovery \"instrument\" {{\ninstance = \"a\"\n}}\n");
        assert_eq!(memory(&pinned, false).table, 16_384 * 1_248 + (24 << 20));
        let spans = "export \"traces\" {\nstdout = \"json\"\notlp = { endpoint = \"http://a:4317\", max_queue_size = 7 }\n}\n";
        assert_eq!(memory(spans, false).records, (4_096 + 8_192 + 7) * 576);
        assert!(flows.limit() > flows.request() && flows.request() == none.request());
    }
}
