//! The analysis of a TCP flow between two records.

use std::time::Duration;

use mermin_bpf::abi::{
    slot::DIRECTIONS,
    tcp_analysis::{Direction, Latency, TcpAnalysis},
};
use zerocopy::FromZeros;

use crate::flow;

/// Counters of one direction.
const COUNTERS: usize = 12;

/// Counters of both directions since the flow began: as they are now, or as of its latest record (all zero before the
/// first).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
pub(crate) struct TcpCounters {
    directions: [[u64; COUNTERS]; DIRECTIONS],
}

impl TcpCounters {
    /// Returns the counters of an analysis.
    pub(crate) fn of(analysis: &TcpAnalysis) -> Self {
        Self {
            directions: analysis.directions.each_ref().map(counters),
        }
    }
}

fn counters(direction: &Direction) -> [u64; COUNTERS] {
    let counters = &direction.counters;
    let [round_trip, response] = [&direction.round_trip, &direction.response];
    [
        counters.retransmissions,
        counters.retransmitted_octets,
        counters.out_of_order,
        counters.duplicate_acks,
        counters.zero_windows,
        counters.resets,
        round_trip.samples,
        round_trip.sum,
        round_trip.variation,
        response.samples,
        response.sum,
        response.variation,
    ]
}

/// Returns the analysis of a record: the difference between `counters` and those `exported` before, and the least and greatest latencies
/// in `analysis`. The source is the higher endpoint if `higher_started`.
pub(crate) fn record(
    analysis: &TcpAnalysis,
    counters: &TcpCounters,
    exported: &TcpCounters,
    higher_started: bool,
) -> flow::TcpAnalysis {
    let [forward, reverse] = if higher_started { [1, 0] } else { [0, 1] };
    let half = |side: usize| {
        segments(
            &analysis.directions[side],
            &counters.directions[side],
            &exported.directions[side],
        )
    };
    let handshake = |side: usize| {
        let time = analysis.directions[side].handshake;
        (time != 0).then(|| Duration::from_nanos(time))
    };
    flow::TcpAnalysis {
        forward: half(forward),
        reverse: half(reverse),
        // The SYN's round trip is the server's, that of the SYN-ACK the client's.
        handshake_server: handshake(forward),
        handshake_client: handshake(reverse),
    }
}

fn segments(
    direction: &Direction,
    counters: &[u64; COUNTERS],
    exported: &[u64; COUNTERS],
) -> flow::TcpSegments {
    let mut deltas = *counters;
    for (delta, before) in deltas.iter_mut().zip(exported) {
        *delta = delta.saturating_sub(*before);
    }
    let [
        retransmissions,
        retransmitted_octets,
        out_of_order,
        duplicate_acks,
        zero_windows,
        resets,
        round_trips @ ..,
    ] = deltas;
    let [samples, sum, variation, responses @ ..] = round_trips;
    flow::TcpSegments {
        retransmissions,
        retransmitted_octets,
        out_of_order,
        duplicate_acks,
        zero_windows,
        resets,
        round_trip: latency([samples, sum, variation], &direction.round_trip),
        response: latency(responses, &direction.response),
    }
}

/// Returns the latency of an interval. A sample that arrives while a record is made may be in the sum of one interval and in the extremes
/// of the other, so the mean widens the extremes.
fn latency([samples, sum, variation]: [u64; 3], extremes: &Latency) -> Option<flow::TcpLatency> {
    if samples == 0 {
        return None;
    }
    let mean = sum / samples;
    let min = if extremes.min == 0 {
        mean
    } else {
        extremes.min.min(mean)
    };
    let mut latency = flow::TcpLatency::new(samples, Duration::from_nanos(mean));
    latency.min = Duration::from_nanos(min);
    latency.max = Duration::from_nanos(extremes.max.max(mean));
    latency.jitter = Duration::from_nanos(variation / samples);
    Some(latency)
}

/// Resets the least and greatest latencies after a record.
#[cfg(any(test, feature = "pcap"))]
pub(crate) fn begin_interval(analysis: &mut TcpAnalysis) {
    for direction in &mut analysis.directions {
        for latency in [&mut direction.round_trip, &mut direction.response] {
            (latency.min, latency.max) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analysis(round_trips: &[u64], before: &TcpAnalysis) -> TcpAnalysis {
        let mut analysis = *before;
        for &time in round_trips {
            let latency = &mut analysis.directions[1].round_trip;
            latency.variation += if latency.last == 0 {
                0
            } else {
                latency.last.abs_diff(time)
            };
            latency.samples += 1;
            latency.sum += time;
            latency.last = time;
            latency.min = if latency.min == 0 {
                time
            } else {
                latency.min.min(time)
            };
            latency.max = latency.max.max(time);
        }
        analysis
    }

    fn round_trips(analysis: &TcpAnalysis, exported: &TcpCounters) -> Option<[u64; 5]> {
        let counters = TcpCounters::of(analysis);
        let record = record(analysis, &counters, exported, true);
        assert_eq!(record.reverse, flow::TcpSegments::default());
        let latency = record.forward.round_trip?;
        let times = [latency.mean, latency.min, latency.max, latency.jitter];
        let [mean, min, max, jitter] = times.map(|time| u64::try_from(time.as_nanos()).unwrap());
        Some([latency.samples, mean, min, max, jitter])
    }

    #[test]
    fn each_interval_has_its_own_least_mean_and_greatest() {
        let none = TcpCounters::default();
        let mut first = analysis(&[10, 30, 20], &TcpAnalysis::default());
        assert_eq!(round_trips(&first, &none), Some([3, 20, 10, 30, 10]));
        let exported = TcpCounters::of(&first);
        begin_interval(&mut first);
        assert_eq!(round_trips(&first, &exported), None);
        let second = analysis(&[25, 26], &first);
        assert_eq!(round_trips(&second, &exported), Some([2, 25, 25, 26, 3]));
    }

    #[test]
    fn sample_at_the_edge_of_an_interval_leaves_the_mean_between_the_extremes() {
        let mut torn = analysis(&[10, 30], &TcpAnalysis::default());
        begin_interval(&mut torn);
        assert_eq!(
            round_trips(&torn, &TcpCounters::default()),
            Some([2, 20, 20, 20, 10])
        );
    }

    #[test]
    fn syn_is_answered_by_the_server() {
        let mut analysis = TcpAnalysis::default();
        analysis.directions[1].handshake = 5;
        analysis.directions[0].counters.resets = 3;
        let counters = TcpCounters::of(&analysis);
        let record = record(&analysis, &counters, &TcpCounters::default(), true);
        assert_eq!(record.handshake_server, Some(Duration::from_nanos(5)));
        assert_eq!(record.handshake_client, None);
        assert_eq!((record.forward.resets, record.reverse.resets), (0, 3));
    }
}
