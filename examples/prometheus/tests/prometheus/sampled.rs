//! Sums of sampled flows beside all that a capture has.

use std::io::Cursor;

use futures::{StreamExt as _, executor::block_on};
use mermin_core::{Flow, FlowSource, Sampling, flow::EndReason, sink::FlowSink as _};
use mermin_prometheus::{Format, Settings};

use crate::support::{exporter, sum};

/// A capture file's header: microseconds, IP without a link header.
const HEADER: [u8; 24] = [
    0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0,
];
const FLOWS: u16 = 20_000;
/// Packets of each flow; every tenth has ten times as many.
const PACKETS: u64 = 2;

fn packets(number: u16) -> u64 {
    if number.is_multiple_of(10) {
        10 * PACKETS
    } else {
        PACKETS
    }
}

/// A datagram of this source port, with 8 octets, in its record.
fn record(port: u16) -> Vec<u8> {
    let mut packet = vec![
        0x45, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
    ];
    packet.extend(port.to_be_bytes());
    packet.extend([0x13, 0x88, 0, 16, 0, 0]);
    packet.extend([7; 8]);
    let octets = u32::try_from(packet.len()).unwrap().to_le_bytes();
    let mut record = Vec::new();
    for number in [1_800_000_000_u32.to_le_bytes(), [0; 4], octets, octets] {
        record.extend(number);
    }
    record.extend(packet);
    record
}

fn capture() -> Vec<u8> {
    let mut capture = HEADER.to_vec();
    for round in 0..10 * PACKETS {
        for number in (0..FLOWS).filter(|&number| round < packets(number)) {
            capture.extend(record(1024 + number));
        }
    }
    capture
}

/// A metric, the capture's sum, and a record's part in it.
type Counted<'a> = (&'a str, u64, &'a dyn Fn(&Flow) -> u64);

/// Returns the estimate of a sum, and its variance (Horvitz and Thompson).
fn estimate(flows: &[Flow], of: impl Fn(&Flow) -> u64) -> (u64, f64) {
    let parts = flows.iter().map(|flow| {
        let interval = flow.sampling_interval.unwrap().get();
        (of(flow), interval)
    });
    parts.fold((0, 0.0), |(sum, variance), (value, interval)| {
        #[expect(clippy::cast_precision_loss, reason = "the values are small")]
        let squared = (value * value) as f64;
        let interval = (u64::from(interval), f64::from(interval));
        (
            sum + value * interval.0,
            variance + squared * interval.1 * (interval.1 - 1.0),
        )
    })
}

/// A table with room for a tenth of the flows: the sums are those of kept flows times their interval, and near those of the capture.
pub(crate) fn sums() {
    let sampling = Sampling::under_pressure().seed(1);
    let builder = FlowSource::builder().max_flows(2000).sampling(sampling);
    let mut exporter = exporter(Settings::default());
    let watch = exporter.watch();
    let mut flows = Vec::new();
    block_on(async {
        let capture = Cursor::new(capture());
        let mut source = builder.pcap_reader(capture).open().await.unwrap();
        watch.source(source.handle());
        while let Some(flow) = source.next().await {
            let flow = flow.unwrap();
            exporter.export(std::slice::from_ref(&flow)).await.unwrap();
            flows.push(flow);
        }
    });
    let page = watch.page(Format::Text);
    assert!(sum(&page, "mermin_source_sampling_interval") > 1);
    assert_eq!(sum(&page, "mermin_flow_records_total"), flows.len() as u64);
    let all: u64 = (0..FLOWS).map(packets).sum();
    let ends = |flow: &Flow| {
        u64::from(!flow.end_reason.goes_on() && flow.end_reason != EndReason::LackOfResources)
    };
    let counted: [Counted<'_>; 3] = [
        ("mermin_flow_packets_total", all, &|flow| {
            flow.forward.packets.delta
        }),
        ("mermin_flow_bytes_total", 36 * all, &|flow| {
            flow.forward.octets.delta
        }),
        ("mermin_flow_ended_total", FLOWS.into(), &ends),
    ];
    for (metric, truth, of) in counted {
        let (estimate, variance) = estimate(&flows, of);
        assert_eq!(sum(&page, metric), estimate, "{metric}");
        #[expect(clippy::cast_precision_loss, reason = "the sums are small")]
        let deviations = (estimate as f64 - truth as f64) / variance.sqrt();
        eprintln!("{metric}: {estimate} instead of {truth}, {deviations:.2} sigma");
        assert!(deviations.abs() < 3.0, "{metric}: {estimate}, {truth}");
        // Unscaled, the sum is far from it.
        let kept: u64 = flows.iter().map(of).sum();
        assert!(kept < truth / 2, "{metric}: {kept}, {truth}");
    }
}
