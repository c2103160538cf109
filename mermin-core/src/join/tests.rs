//! Simulates flows of three interfaces, packet by packet.

use std::{cell::RefCell, collections::BTreeMap};

use mermin_bpf::abi::key::{KeyTail, KeyV4};

use super::*;
use crate::{
    flow::example::plain,
    table::{export_state::ExportState, snapshot::FlowSnapshot},
};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;

/// Reported and suppressed packets of a flow, for one direction and the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fate {
    reported: [u64; 2],
    suppressed: [u64; 2],
}

/// Flows by slot.
struct World {
    conversations: Conversations,
    flows: RefCell<BTreeMap<u32, (FlowSnapshot, ExportState)>>,
    fates: BTreeMap<u32, Fate>,
    /// Interfaces of the latest record.
    latest: Vec<Sight>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            conversations: Conversations::new(Join::Merged).unwrap(),
            flows: RefCell::default(),
            fates: BTreeMap::new(),
            latest: Vec::new(),
        }
    }
}

fn key(interface: u32, port: u16) -> KeyV4 {
    KeyV4 {
        tail: KeyTail {
            ifindex: interface,
            protocol_vlan: 17,
            encapsulation: 0,
            ports: [port, 80],
        },
        addresses: [1, 2],
    }
}

fn sight(flow: &FlowSnapshot) -> Sight {
    Sight::of(flow, format!("v{}", flow.tail().ifindex).into())
}

impl World {
    /// Adds a packet of the flow in a slot at a time. The slot number is also the interface.
    fn packet(&mut self, slot: u32, way: usize, at: u64) {
        let mut flows = self.flows.borrow_mut();
        let (flow, _) = flows.entry(slot).or_insert_with(|| {
            let flow = FlowSnapshot {
                key: key(slot % 100, 4000).words(),
                first_seen: at,
                ..FlowSnapshot::default()
            };
            (flow, ExportState::default())
        });
        let side = &mut flow.sides[way];
        side.packets += 1;
        side.octets += 100;
        side.last_seen = at;
    }

    fn enrol(&mut self, slots: &[u32]) {
        self.enrol_again(slots, &[]);
    }

    /// Enrols flows, of which an earlier process has made records of some.
    fn enrol_again(&mut self, slots: &[u32], exported: &[u32]) {
        for &slot in slots {
            let flow = self.flows.borrow()[&slot].0;
            let beginning = Beginning {
                slot,
                flow: &flow,
                is_exported: exported.contains(&slot),
            };
            let read = |other: u32| sight(&self.flows.borrow()[&other].0);
            assert!(self.conversations.begin(&beginning, read));
        }
    }

    /// Makes a record if it is not suppressed; returns true in that case.
    fn record(&mut self, slot: u32) -> bool {
        let (flow, mut entry) = self.flows.borrow()[&slot];
        let fate = self.fates.entry(slot).or_default();
        let read = |other: u32| sight(&self.flows.borrow()[&other].0);
        let decision = self
            .conversations
            .decide(slot, &sight(&flow), &entry.exported, read);
        let mut add = |flow: &FlowSnapshot, entry: &mut ExportState, reported: bool| {
            for way in 0..2 {
                let delta = flow.sides[way].packets - entry.exported[way].packets;
                if reported {
                    fate.reported[way] += delta;
                } else {
                    fate.suppressed[way] += delta;
                }
            }
            entry.mark_exported(flow, 0);
        };
        let reports = match decision {
            Decision::Suppressed => false,
            Decision::Reports { covered, sights } => {
                if let Some(part) = part_of_another(&flow, &entry, &covered) {
                    add(&part, &mut entry, false);
                }
                self.latest = sights;
                true
            }
        };
        add(&flow, &mut entry, reports);
        self.flows.borrow_mut().insert(slot, (flow, entry));
        reports
    }

    fn end(&mut self, slot: u32) -> bool {
        let reports = self.record(slot);
        if let Some((flow, _)) = self.flows.borrow_mut().remove(&slot) {
            self.conversations.end(slot, sight(&flow));
        }
        reports
    }

    fn reported(&self) -> [u64; 2] {
        let mut sum = [0; 2];
        for fate in self.fates.values() {
            (sum[0], sum[1]) = (sum[0] + fate.reported[0], sum[1] + fate.reported[1]);
        }
        sum
    }
}

/// Sends `count` packets in each direction through these interfaces, 10 ms apart, from a time on. The reverse
/// direction has the reverse path.
fn talk(world: &mut World, path: &[u32], count: u64, from: u64) {
    for number in 0..count {
        let at = from + number * 10 * MS;
        for (hop, &slot) in path.iter().enumerate() {
            world.packet(slot, 0, at + hop as u64 * 50_000);
            world.packet(slot, 1, at + 5 * MS - hop as u64 * 50_000);
        }
    }
}

#[test]
fn first_observing_flow_reports_the_conversation() {
    for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
        let mut world = World::default();
        talk(&mut world, &[1, 2, 3], 10, SECOND);
        world.enrol(&order);
        for slot in order {
            assert_eq!(world.record(slot), slot == 1, "{slot} of {order:?}");
        }
        let names: Vec<_> = world.latest.iter().map(|it| it.index).collect();
        assert_eq!(names, [1, 2, 3]);
        talk(&mut world, &[1, 2, 3], 10, 2 * SECOND);
        for slot in order {
            assert_eq!(world.end(slot), slot == 1);
        }
        assert_eq!(world.reported(), [20, 20]);
        assert!(world.conversations.is_empty());
    }
}

#[test]
fn another_flow_reports_after_the_reporter_ended() {
    let mut world = World::default();
    talk(&mut world, &[1, 2], 100, SECOND);
    world.enrol(&[2, 1]);
    assert!(!world.record(2) && world.record(1));
    talk(&mut world, &[1, 2], 50, 3 * SECOND);
    assert!(world.end(1));
    talk(&mut world, &[2], 30, 10 * SECOND);
    assert!(world.record(2));
    talk(&mut world, &[2], 7, 20 * SECOND);
    assert!(world.end(2));
    assert_eq!(world.reported(), [187, 187]);
    assert_eq!(world.fates[&2].suppressed, [150, 150]);
}

#[test]
fn second_flow_of_an_ended_conversation_is_not_reported_again() {
    let mut world = World::default();
    talk(&mut world, &[1, 2], 10, SECOND);
    world.enrol(&[1, 2]);
    assert!(world.end(1));
    assert!(!world.end(2));
    assert_eq!(world.reported(), [10, 10]);
}

#[test]
fn moved_path_is_reported_by_both_flows_without_overlap() {
    let mut world = World::default();
    talk(&mut world, &[1], 100, SECOND);
    world.enrol(&[1]);
    assert!(world.record(1));
    // The first interface still sees the conversation, then another one.
    talk(&mut world, &[1], 20, 2 * SECOND);
    talk(&mut world, &[2], 1000, 2 * SECOND + 250 * MS);
    world.enrol(&[2]);
    assert!(world.record(2));
    // The earlier reporter owes the packets before the change of path.
    assert!(world.record(1));
    talk(&mut world, &[2], 10, 60 * SECOND);
    assert!(world.end(2));
    assert!(!world.end(1));
    assert_eq!(world.reported(), [1130, 1130]);
}

#[test]
fn interface_that_comes_later_reports_each_packet_once() {
    // Packets that both have seen when the second one is read, and packets until the first one is no longer watched.
    for (read, later) in [(0, 0), (1, 0), (10, 0), (200, 0), (1, 200), (200, 500)] {
        let mut world = World::default();
        talk(&mut world, &[1], 1000, SECOND);
        world.enrol(&[1]);
        talk(&mut world, &[1, 2], read + 1, 11 * SECOND);
        world.enrol(&[2]);
        let at = 11 * SECOND + (read + 1) * 10 * MS;
        talk(&mut world, &[1, 2], later, at);
        assert!(world.end(1));
        talk(&mut world, &[2], 500, at + later * 10 * MS);
        assert!(world.end(2));
        let sent = 1000 + read + 1 + later + 500;
        assert_eq!(world.reported(), [sent, sent], "{read} {later}");
    }
}

#[test]
fn path_that_moved_is_reported_once_over_a_restart() {
    let mut world = World::default();
    talk(&mut world, &[1], 1000, SECOND);
    world.enrol(&[1]);
    assert!(world.record(1));
    talk(&mut world, &[2], 500, 11 * SECOND);
    // The next process adds flows in the order in which they began, whatever their slots are.
    world.conversations = Conversations::new(Join::Merged).unwrap();
    world.enrol_again(&[1, 2], &[1]);
    talk(&mut world, &[2], 500, 16 * SECOND);
    assert!(world.end(2));
    world.end(1);
    assert_eq!(world.reported(), [2000, 2000]);
}

#[test]
fn interface_that_comes_later_reports_each_packet_once_over_a_restart() {
    let mut world = World::default();
    talk(&mut world, &[1], 1000, SECOND);
    world.enrol(&[1]);
    assert!(world.record(1));
    talk(&mut world, &[1, 2], 500, 11 * SECOND);
    world.conversations = Conversations::new(Join::Merged).unwrap();
    world.enrol_again(&[1, 2], &[1]);
    talk(&mut world, &[1, 2], 500, 16 * SECOND);
    assert!(world.end(1));
    talk(&mut world, &[2], 300, 21 * SECOND);
    assert!(world.end(2));
    assert_eq!(world.reported(), [2300, 2300]);
}

#[test]
fn differing_paths_are_reported_by_their_observer() {
    // The first interface does not see the answers; another one sees both directions.
    let mut world = World::default();
    for number in 0..10 {
        world.packet(1, 0, SECOND + number * MS);
        world.packet(2, 0, SECOND + number * MS + 1000);
        world.packet(2, 1, SECOND + number * MS + 2000);
    }
    world.enrol(&[1, 2]);
    assert!(!world.record(1) && world.record(2));
    assert_eq!(world.reported(), [10, 10]);
    // No interface sees both directions.
    let mut world = World::default();
    for number in 0..10 {
        world.packet(1, 0, SECOND + number * MS);
        world.packet(2, 1, SECOND + number * MS + 2000);
    }
    world.enrol(&[1, 2]);
    assert!(world.record(1) && world.record(2));
    world.packet(1, 0, 2 * SECOND);
    world.packet(2, 1, 2 * SECOND);
    assert!(world.end(1) && world.end(2));
    assert_eq!(world.reported(), [11, 11]);
}

#[test]
fn loss_between_two_shows_and_makes_no_second_report() {
    let mut world = World::default();
    for number in 0..100 {
        let at = SECOND + number * MS;
        world.packet(1, 0, at);
        if number % 10 != 0 {
            world.packet(2, 0, at + 1000);
        }
        world.packet(2, 1, at + 2000);
        if number % 20 != 0 {
            world.packet(1, 1, at + 3000);
        }
    }
    world.enrol(&[1, 2]);
    assert!(world.end(1) && !world.end(2));
    let seen: Vec<_> = world
        .latest
        .iter()
        .map(|it| it.sides.map(|side| side.packets))
        .collect();
    assert_eq!(seen, [[100, 95], [90, 100]]);
}

#[test]
fn next_connection_of_the_same_ports_is_another_conversation() {
    let mut world = World::default();
    talk(&mut world, &[1, 2], 10, SECOND);
    world.enrol(&[1, 2]);
    // Slots 101 and 102 have the same interfaces and keys.
    talk(&mut world, &[101, 102], 10, SECOND + 200 * MS);
    world.enrol(&[102, 101]);
    assert!(world.end(1) && !world.end(2));
    assert!(!world.end(102) && world.end(101));
    assert_eq!(world.reported(), [20, 20]);
    assert!(world.conversations.is_empty());
}

#[test]
fn flows_that_do_not_overlap_are_two_conversations() {
    let mut world = World::default();
    talk(&mut world, &[1], 10, SECOND);
    talk(&mut world, &[2], 10, 20 * SECOND);
    world.enrol(&[2, 1]);
    assert!(world.end(1) && world.end(2));
    assert_eq!(world.reported(), [20, 20]);
}

#[test]
fn flows_beyond_the_limit_of_a_conversation_report_themselves() {
    let mut world = World::default();
    let path: Vec<u32> = (1..=17).collect();
    talk(&mut world, &path, 2, SECOND);
    world.enrol(&path[..16]);
    let flow = world.flows.borrow()[&17].0;
    let beginning = Beginning {
        slot: 17,
        flow: &flow,
        is_exported: false,
    };
    let read = |other: u32| sight(&world.flows.borrow()[&other].0);
    assert!(!world.conversations.begin(&beginning, read));
    assert!(world.conversations.knows(17));
    assert!(world.end(17) && world.end(1) && !world.end(2));
    assert_eq!(world.latest.len(), 16);
    for slot in 3..=16 {
        assert!(!world.end(slot));
    }
    assert!(world.conversations.is_empty());
}

#[test]
fn each_packet_is_reported_once_for_any_due_time() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for _ in 0..500 {
        let mut world = World::default();
        let (mut at, mut sent) = (SECOND, 0);
        let mut path: Vec<u32> = vec![1, 2, 3];
        talk(&mut world, &path, 1, at);
        world.enrol(&path);
        sent += 1;
        while !path.is_empty() {
            at += 100 * MS + next(3) * SECOND;
            let count = next(20) + 1;
            talk(&mut world, &path, count, at);
            sent += count;
            let slot = path[usize::try_from(next(path.len() as u64)).unwrap()];
            // Each interface becomes idle for a while, and disappears after records of the others may have been due.
            at += 2 * SECOND;
            if next(3) == 0 {
                path.retain(|&it| it != slot);
                world.end(slot);
            } else {
                world.record(slot);
            }
        }
        assert_eq!(world.reported(), [sent; 2]);
        assert!(world.conversations.is_empty());
    }
}

#[test]
fn record_has_interfaces_and_counts_as_configured() {
    let mut world = World::default();
    talk(&mut world, &[1, 2], 10, SECOND);
    world.enrol(&[1, 2]);
    assert!(world.record(1));
    let flow = world.flows.borrow()[&1].0;
    assert!(Conversations::new(Join::PerInterface).is_none());
    for (join, octets) in [(Join::FirstSeen, None), (Join::Merged, Some(1000))] {
        let mut record = plain();
        let conversations = Conversations::new(join).unwrap();
        conversations.describe(&mut record, &flow, &world.latest);
        let points = record.observation_points.iter();
        let seen: Vec<_> = points
            .map(|point| (&*point.name, point.counts.map(|counts| counts.octets)))
            .collect();
        assert_eq!(seen, [("v1", octets), ("v2", octets)]);
    }
}
