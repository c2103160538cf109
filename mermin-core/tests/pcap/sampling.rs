//! Sampling of a capture's flows, as of a live source's.

use std::collections::BTreeMap;

use mermin_core::{Flow, FlowSource, Sampling};

use crate::{
    frames::{ETHERNET, Frame, Shape, pcap, udp},
    run::read_by,
};

const FLOWS: u16 = 20_000;
const ROOM: u32 = 2000;

fn capture() -> Vec<u8> {
    let frames: Vec<Frame> = (0..2)
        .flat_map(|_| 0..FLOWS)
        .map(|number| Frame::new(0, udp(1024 + number, 8)))
        .collect();
    pcap(Shape::LITTLE, ETHERNET, &frames)
}

fn kept(seed: u64) -> Vec<Flow> {
    let sampling = Sampling::under_pressure().seed(seed);
    let builder = FlowSource::builder().max_flows(ROOM).sampling(sampling);
    let outcome = read_by(builder, capture());
    let (left_out, _) = outcome.reasons()["not_sampled"];
    assert!(!outcome.reasons().contains_key("table_full"));
    assert!(outcome.stats.sampling_interval > 1);
    let flows = outcome.whole();
    assert_eq!(left_out + 2 * flows.len() as u64, 2 * u64::from(FLOWS));
    flows
}

#[test]
fn whole_flows_are_kept_at_the_rate_of_their_records() {
    let flows = kept(1);
    assert!(flows.len() <= ROOM as usize);
    let (mut estimate, mut variance) = (0.0, 0.0);
    for flow in &flows {
        assert_eq!(flow.forward.packets.total, 2);
        let interval = f64::from(flow.sampling_interval.unwrap().get());
        estimate += interval;
        variance += interval * (interval - 1.0);
    }
    let deviations = (estimate - f64::from(FLOWS)) / f64::sqrt(variance);
    eprintln!(
        "{} flows estimate {estimate:.0}: {deviations:.2} sigma",
        flows.len()
    );
    assert!(deviations.abs() < 3.0, "{estimate}: {deviations}");
}

#[test]
fn same_seed_keeps_the_same_flows() {
    let sources = |seed| -> BTreeMap<_, _> {
        let flows = kept(seed).into_iter();
        flows
            .map(|flow| (flow.source.to_string(), flow.sampling_interval))
            .collect()
    };
    let one = sources(1);
    assert_eq!(one, sources(1));
    assert_ne!(one, sources(2));
}

#[test]
fn capture_without_packets_tells_the_rate() {
    let interval = |builder| {
        let outcome = read_by(builder, pcap(Shape::LITTLE, ETHERNET, &[]));
        outcome.stats.sampling_interval
    };
    assert_eq!(interval(FlowSource::builder()), 0);
    let sampling = Sampling::under_pressure();
    assert_eq!(interval(FlowSource::builder().sampling(sampling)), 1);
}

#[test]
fn without_sampling_records_have_no_interval() {
    let frames = [Frame::new(0, udp(1, 8))];
    let flows = read_by(
        FlowSource::builder(),
        pcap(Shape::LITTLE, ETHERNET, &frames),
    )
    .whole();
    assert_eq!(flows[0].sampling_interval, None);
    let sampling = Sampling::under_pressure();
    let builder = FlowSource::builder().sampling(sampling);
    let flows = read_by(builder, pcap(Shape::LITTLE, ETHERNET, &frames)).whole();
    assert_eq!(flows[0].sampling_interval.map(u32::from), Some(1));
}
