//! Reads a capture to its end.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, UNIX_EPOCH},
};

use futures::{StreamExt, executor::block_on};
use mermin_core::{Error, Flow, FlowSource, FlowSourceBuilder, Stats};

use crate::frames::{BEGIN, SECOND};

/// All that came of a capture.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) flows: Vec<Flow>,
    pub(crate) error: Option<Error>,
    pub(crate) stats: Stats,
}

pub(crate) fn read(file: Vec<u8>) -> Outcome {
    read_by(FlowSource::builder(), file)
}

pub(crate) fn read_by(builder: FlowSourceBuilder, file: Vec<u8>) -> Outcome {
    open(builder.pcap_reader(io::Cursor::new(file))).unwrap_or_else(|error| Outcome {
        flows: Vec::new(),
        error: Some(error),
        stats: Stats::default(),
    })
}

pub(crate) fn open(builder: FlowSourceBuilder) -> Result<Outcome, Error> {
    block_on(async {
        let mut source = builder.open().await?;
        let mut flows = Vec::new();
        let mut error = None;
        while let Some(item) = source.next().await {
            assert!(error.is_none(), "an error is the last item");
            match item {
                Ok(flow) => flows.push(flow),
                Err(found) => error = Some(found),
            }
        }
        let stats = source.handle().stats();
        Ok(Outcome {
            flows,
            error,
            stats,
        })
    })
}

impl Outcome {
    /// The flows of a capture that is whole.
    pub(crate) fn whole(self) -> Vec<Flow> {
        assert!(self.error.is_none(), "{:?}", self.error);
        check_ledger(&self.flows, &self.stats);
        self.flows
    }

    pub(crate) fn reasons(&self) -> BTreeMap<&'static str, (u64, u64)> {
        self.stats
            .ignored()
            .iter()
            .map(|found| (found.reason, (found.packets, found.frame_octets)))
            .collect()
    }
}

/// Every packet is in one flow or under one reason, on each interface.
pub(crate) fn check_ledger(flows: &[Flow], stats: &Stats) {
    for hook in &stats.hooks {
        let of = |packets: bool| -> u64 {
            flows
                .iter()
                .filter(|flow| flow.interface.index == hook.index)
                .flat_map(|flow| [&flow.forward, &flow.reverse])
                .map(|half| {
                    if packets {
                        half.packets.delta
                    } else {
                        half.frame_octets.delta
                    }
                })
                .sum()
        };
        let ignored: (u64, u64) = hook.ignored.iter().fold((0, 0), |sum, found| {
            (sum.0 + found.packets, sum.1 + found.frame_octets)
        });
        assert_eq!(hook.traffic.packets, of(true) + ignored.0, "packets");
        assert_eq!(hook.traffic.frame_octets, of(false) + ignored.1, "octets");
    }
    assert_eq!(stats.records, flows.len() as u64);
    assert_eq!(stats.flows_open, 0);
    if stats.records_filtered != 0 {
        return;
    }
    let last = flows.iter().filter(|flow| !flow.end_reason.goes_on());
    assert_eq!(stats.flows_ended, last.count() as u64);
}

/// Packets and octets, there and back.
pub(crate) fn sums(flow: &Flow) -> [u64; 4] {
    [
        flow.forward.packets.delta,
        flow.forward.octets.delta,
        flow.reverse.packets.delta,
        flow.reverse.octets.delta,
    ]
}

/// ns since crafted captures begin.
pub(crate) fn dates(flow: &Flow) -> [u64; 2] {
    [flow.start, flow.end].map(|date| {
        let since = date.duration_since(UNIX_EPOCH + Duration::from_secs(BEGIN));
        u64::try_from(since.unwrap().as_nanos()).unwrap()
    })
}

pub(crate) fn seconds(seconds: u64) -> u64 {
    seconds * SECOND
}
