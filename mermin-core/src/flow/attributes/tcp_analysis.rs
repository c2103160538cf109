//! Attributes of the TCP analysis.

use std::time::Duration;

use super::{
    name::{Name, name},
    visitor::Visit,
};
use crate::flow::{TcpAnalysis, TcpLatency, TcpSegments};

/// Names of the attributes of one direction.
pub(super) struct DirectionNames {
    pub(super) retransmissions: Name,
    pub(super) retransmitted_octets: Name,
    pub(super) out_of_order: Name,
    pub(super) duplicate_acks: Name,
    pub(super) zero_windows: Name,
    pub(super) resets: Name,
    pub(super) round_trip: LatencyNames,
    pub(super) response: LatencyNames,
}

/// Names of the attributes of one latency.
pub(super) struct LatencyNames {
    pub(super) mean: Name,
    pub(super) min: Name,
    pub(super) max: Name,
    pub(super) jitter: Name,
    pub(super) samples: Name,
}

macro_rules! latency {
    ($prefix:expr) => {
        LatencyNames {
            mean: Name::new(concat!($prefix, "latency")),
            min: Name::new(concat!($prefix, "min")),
            max: Name::new(concat!($prefix, "max")),
            jitter: Name::new(concat!($prefix, "jitter")),
            samples: Name::new(concat!($prefix, "samples")),
        }
    };
}

macro_rules! names {
    ($prefix:literal) => {
        DirectionNames {
            retransmissions: Name::new(concat!($prefix, "retransmissions")),
            retransmitted_octets: Name::new(concat!($prefix, "retransmitted_bytes")),
            out_of_order: Name::new(concat!($prefix, "out_of_order")),
            duplicate_acks: Name::new(concat!($prefix, "duplicate_acks")),
            zero_windows: Name::new(concat!($prefix, "zero_windows")),
            resets: Name::new(concat!($prefix, "resets")),
            round_trip: latency!(concat!($prefix, "rndtrip.")),
            response: latency!(concat!($prefix, "svc.")),
        }
    };
}

pub(super) static FORWARD: DirectionNames = names!("flow.tcp.");
pub(super) static REVERSE: DirectionNames = names!("flow.reverse.tcp.");

/// Visits the attributes whose values are known.
pub(super) fn give<'a>(visit: &mut impl Visit<'a>, analysis: &TcpAnalysis) {
    for (name, latency) in [
        (
            name!("flow.tcp.handshake.client.latency"),
            analysis.handshake_client,
        ),
        (
            name!("flow.tcp.handshake.server.latency"),
            analysis.handshake_server,
        ),
    ] {
        if let Some(latency) = latency {
            visit.number(name, nanoseconds(latency));
        }
    }
    segments(visit, &FORWARD, &analysis.forward);
    segments(visit, &REVERSE, &analysis.reverse);
}

fn segments<'a>(
    visit: &mut impl Visit<'a>,
    names: &'static DirectionNames,
    segments: &TcpSegments,
) {
    for (name, count) in [
        (&names.retransmissions, segments.retransmissions),
        (&names.retransmitted_octets, segments.retransmitted_octets),
        (&names.out_of_order, segments.out_of_order),
        (&names.duplicate_acks, segments.duplicate_acks),
        (&names.zero_windows, segments.zero_windows),
        (&names.resets, segments.resets),
    ] {
        visit.number(name, count);
    }
    for (latency_names, latency) in [
        (&names.round_trip, &segments.round_trip),
        (&names.response, &segments.response),
    ] {
        if let Some(latency) = latency {
            one_latency(visit, latency_names, latency);
        }
    }
}

fn one_latency<'a>(visit: &mut impl Visit<'a>, names: &'static LatencyNames, latency: &TcpLatency) {
    for (name, time) in [
        (&names.mean, latency.mean),
        (&names.min, latency.min),
        (&names.max, latency.max),
        (&names.jitter, latency.jitter),
    ] {
        visit.number(name, nanoseconds(time));
    }
    visit.number(&names.samples, latency.samples);
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
