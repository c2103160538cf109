//! Reads a whole capture in the calling thread.

use std::{io, sync::Arc};

use super::{
    capture_reader::{CaptureReader, Stop},
    flows::Flows,
    shared::Shared,
};
use crate::{
    error::Error,
    filter::Filter,
    flow::Flow,
    pcap::{Capture, link::ParseOptions},
    report::{SourceKind, Stats},
    source::engine::Counters as _,
    table::Timeouts,
};

/// Result of reading a capture.
#[derive(Debug)]
#[non_exhaustive]
pub struct CaptureOutcome {
    /// The records, in the order in which they were made.
    pub flows: Vec<Flow>,
    /// The error that ended it early.
    pub error: Option<Error>,
    /// The ledger.
    pub stats: Stats,
}

/// Reads a capture with room for this many concurrent flows. The same input gives the same records, because ids are not
/// random.
pub fn read_capture(input: impl io::Read, timeouts: Timeouts, max_flows: u32) -> CaptureOutcome {
    let source = SourceKind::Capture { path: None };
    let shared = Arc::new(Shared::new(max_flows, source, Arc::default()));
    let flows = Flows::new(
        timeouts,
        Filter::default(),
        max_flows,
        0,
        ParseOptions::default(),
    );
    let mut reading = CaptureReader::new(Capture::new(input), flows, Arc::clone(&shared));
    let mut told = Vec::new();
    let opened = reading.capture.open();
    let broken = loop {
        if let Err(broken) = opened {
            break Some(broken);
        }
        let stop = match reading.go_through() {
            Ok(Stop::Starved) => reading.fill().map(|()| Stop::Starved),
            other => other,
        };
        told.extend(reading.flows.out.drain(..));
        match stop {
            Ok(Stop::End) => break None,
            Ok(_) => {}
            Err(broken) => break Some(broken),
        }
    };
    while !reading.empty() {
        told.extend(reading.flows.out.drain(..));
    }
    told.extend(reading.flows.out.drain(..));
    shared.lock().records = told.len() as u64;
    CaptureOutcome {
        flows: told,
        error: broken.map(|broken| broken.into_error("the capture")),
        stats: shared.stats(),
    }
}
