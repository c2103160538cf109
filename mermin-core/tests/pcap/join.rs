//! One conversation on two interfaces of a capture.

use std::time::Duration;

use mermin_core::{FlowSource, Join};

use crate::{
    frames::{Described, Frame, SECOND, Shape, pcapng, udp},
    run::{Outcome, read_by, sums},
};

const FRAMES: u64 = 40;
/// From the first interface to the second, ns.
const DELAY: u64 = 7_000;

/// One datagram a second through both interfaces; the second one misses each tenth.
fn read(join: Join) -> Outcome {
    let mut frames = Vec::new();
    for number in 0..FRAMES {
        let at = number * SECOND;
        frames.push(Frame::new(at, udp(7, 10)));
        if number % 10 != 9 {
            let mut second = Frame::new(at + DELAY, udp(7, 10));
            second.interface = 1;
            frames.push(second);
        }
    }
    let interfaces = ["a", "b"].map(|name| Described::new(1, name));
    let builder = FlowSource::builder()
        .active_timeout(Duration::from_secs(10))
        .join(join);
    let outcome = read_by(builder, pcapng(Shape::LITTLE, &interfaces, &frames));
    assert!(outcome.error.is_none());
    let told: u64 = outcome.flows.iter().map(|flow| sums(flow)[0]).sum();
    let joined = outcome.reasons().get("joined").map_or(0, |found| found.0);
    assert_eq!(told + joined, outcome.stats.packets);
    outcome
}

#[test]
fn each_conversation_is_reported_once() {
    let outcome = read(Join::FirstSeen);
    assert_eq!(outcome.reasons()["joined"], (36, 36 * (14 + 20 + 8 + 10)));
    let flows = outcome.flows;
    let packets: u64 = flows.iter().map(|flow| sums(flow)[0]).sum();
    assert_eq!(packets, FRAMES);
    for (number, flow) in flows.iter().enumerate() {
        assert_eq!((&*flow.interface.name, flow.sequence), ("a", number as u64));
        let names: Vec<_> = flow.observation_points.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(flow.observation_points.iter().all(|it| it.counts.is_none()));
    }
}

#[test]
fn loss_and_delay_between_two_interfaces_show() {
    let flows = read(Join::Merged).flows;
    let last = flows.last().unwrap();
    let counts: Vec<_> = last
        .observation_points
        .iter()
        .map(|it| it.counts.unwrap())
        .collect();
    assert_eq!([counts[0].packets, counts[1].packets], [40, 36]);
    assert_eq!([counts[0].octets, counts[1].octets], [40 * 38, 36 * 38]);
    let delay = counts[1].start.duration_since(counts[0].start).unwrap();
    assert_eq!(delay, Duration::from_nanos(DELAY));
    let mut given = Vec::new();
    last.attributes().for_each(|(name, value)| {
        if name.starts_with("flow.interfaces") {
            given.push(format!("{name}: {value:?}"));
        }
    });
    assert_eq!(given[0], r#"flow.interfaces: Texts(["a", "b"])"#);
    assert_eq!(given[1], "flow.interfaces.delay: Numbers([0, 7000])");
    assert_eq!(given.len(), 6);
}

#[test]
fn each_interface_reports_its_flows_by_default() {
    let outcome = read(Join::PerInterface);
    assert!(!outcome.reasons().contains_key("joined"));
    let flows = outcome.flows;
    let of = |name: &str| -> u64 {
        let flows = flows.iter().filter(|flow| &*flow.interface.name == name);
        flows.map(|flow| sums(flow)[0]).sum()
    };
    assert_eq!([of("a"), of("b")], [40, 36]);
    assert!(flows.iter().all(|flow| flow.observation_points.is_empty()));
}
