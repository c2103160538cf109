//! The analyses of TCP flows, read where the kernel program counts.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use mermin_bpf::abi::{
    slot::DIRECTIONS,
    tcp_analysis::{Direction, Latency, TcpAnalysis},
};

use crate::sys::mapping::Mapping;

/// Reads of a latency before one that is torn is taken as it is.
const MOST_READS: usize = 8;

/// One for each slot.
#[derive(Debug)]
pub(crate) struct TcpAnalyses {
    mapping: Mapping<TcpAnalysis>,
}

impl TcpAnalyses {
    pub(super) fn new(mapping: Mapping<TcpAnalysis>) -> Self {
        Self { mapping }
    }

    /// Reads the analysis of the flow in a slot.
    pub(crate) fn snapshot(&self, slot: u32) -> TcpAnalysis {
        let at = self.mapping.at(slot as usize);
        // SAFETY: within the mapping, aligned; any octets are an analysis.
        let mut analysis = unsafe { at.read_volatile() };
        for (number, direction) in analysis.directions.iter_mut().enumerate() {
            // SAFETY: as above.
            let from = unsafe { &raw mut (*at).directions[number] };
            for (latency, from) in latencies(direction).into_iter().zip(places(from)) {
                *latency = read(from);
            }
        }
        analysis
    }

    /// Resets the least and greatest latencies after a record.
    pub(crate) fn begin_interval(&self, slot: u32) {
        let at = self.mapping.at(slot as usize);
        for number in 0..DIRECTIONS {
            // SAFETY: within the mapping.
            let direction = unsafe { &raw mut (*at).directions[number] };
            for latency in places(direction) {
                // SAFETY: words within the mapping. A sample that arrives in between is in the extremes of neither interval.
                unsafe {
                    (&raw mut (*latency).min).write_volatile(0);
                    (&raw mut (*latency).max).write_volatile(0);
                }
            }
        }
    }

    /// Empties the analysis of a slot that no packet is counted in any more. A flow of another
    /// protocol has not written it, and its pages stay untouched.
    pub(super) fn scrub(&self, slot: u32) {
        let at = self.mapping.at(slot as usize);
        // SAFETY: after the grace period no program writes it.
        unsafe {
            if at.read_volatile() != TcpAnalysis::default() {
                at.write_volatile(TcpAnalysis::default());
            }
        }
    }
}

fn latencies(direction: &mut Direction) -> [&mut Latency; 2] {
    [&mut direction.round_trip, &mut direction.response]
}

fn places(direction: *mut Direction) -> [*mut Latency; 2] {
    // SAFETY: by the callers, `direction` is within the mapping.
    unsafe {
        [
            &raw mut (*direction).round_trip,
            &raw mut (*direction).response,
        ]
    }
}

/// Reads a latency again until its number of samples did not change, so that its sums are of one time.
fn read(at: *mut Latency) -> Latency {
    // SAFETY: `at` is within the mapping; the counter is only changed atomically.
    let samples = unsafe { AtomicU64::from_ptr(&raw mut (*at).samples) };
    let mut before = samples.load(Ordering::Acquire);
    // SAFETY: within the mapping, aligned; any octets are a latency.
    let mut latency = unsafe { at.read_volatile() };
    for _ in 0..MOST_READS {
        fence(Ordering::Acquire);
        let after = samples.load(Ordering::Acquire);
        if before == after {
            break;
        }
        before = after;
        // SAFETY: as above.
        latency = unsafe { at.read_volatile() };
    }
    latency
}
