//! A path with a link behind the first router that takes shorter packets.

use std::{fs::File, os::fd::AsFd as _, thread, time::Duration};

use futures::executor::block_on;
use mermin_core::{
    Flow,
    sink::{FlowSink as _, retry, testing::flows},
};
use mermin_ipfix::{Exporter, Settings};
use mermin_testing::{
    apart::{self, Role},
    soon, wait,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{expected::flow_id, udp::Collector};

pub(crate) const NARROW: Role = ("narrow_path", export);

/// Messages are as long as the path takes them: the router's answer counts, and no packet is fragmented.
pub(crate) fn narrow() {
    apart::run(NARROW, &["--net", "--mount"]);
}

/// Octets of a packet on the link behind the router. IPv6 has at least 1,280.
const MTU: usize = 1300;

/// Three hosts in a row.
const HOSTS: &[&str] = &[
    // Names of namespaces go with this process.
    "mount -t tmpfs none /run",
    "ip netns add router",
    "ip netns add far",
    "ip link add near type veth peer name in netns router",
    "ip -n router link add out mtu 1300 type veth peer name far mtu 1300 netns far",
    "ip address add 10.9.1.1/24 dev near",
    "ip address add fd09:1::1/64 dev near nodad",
    "ip -n router address add 10.9.1.2/24 dev in",
    "ip -n router address add fd09:1::2/64 dev in nodad",
    "ip -n router address add 10.9.2.2/24 dev out",
    "ip -n router address add fd09:2::2/64 dev out nodad",
    "ip -n far address add 10.9.2.1/24 dev far",
    "ip -n far address add fd09:2::1/64 dev far nodad",
    "ip netns exec router sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
    "ip link set near up",
    "ip -n router link set in up",
    "ip -n router link set out up",
    "ip -n far link set far up",
    "ip route add default via 10.9.1.2",
    "ip -6 route add default via fd09:1::2",
    "ip -n far route add default via 10.9.2.2",
    "ip -n far -6 route add default via fd09:2::2",
];

fn export() {
    for line in HOSTS {
        apart::command(line);
    }
    through("10.9.2.1:0", MTU - 28);
    through("[fd09:2::1]:0", MTU - 48);
}

fn through(address: &'static str, longest: usize) {
    let collector = thread::spawn(|| {
        let far = File::open("/run/netns/far").unwrap();
        move_into_link_name_space(far.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        Collector::at(address)
    });
    let collector = collector.join().unwrap();
    // Templates are sent at the beginning, and again behind an error.
    let settings = Settings::default()
        .biflow(true)
        .refresh(Duration::from_hours(1), u32::MAX);
    let exporter = Exporter::udp(collector.address(), settings).unwrap();
    let mut sink = retry(exporter, soon());
    let meter = sink.meter().unwrap();
    let flows = flows(1000);
    let (first, rest) = flows.split_at(100);
    // The kernel knows the near link alone, and datagrams are lost until the router has answered.
    wait(|| {
        block_on(sink.export(first)).unwrap();
        meter.stats().retried > 0
    });
    let words = meter.stats().last_error.unwrap_or_default();
    assert!(words.ends_with("Message too long (os error 90)"), "{words}");
    let arrived = || {
        let mut ids = collector.since_beginning().ids();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    // Packets wait in a short queue until the router has its neighbour's address, so the first ones go ahead.
    wait(|| arrived() == ids(first));
    // The router answers to each datagram that was too long. A late answer fails a later batch, which then has the templates again.
    wait(|| {
        let before = meter.stats().retried;
        for batch in [first].into_iter().chain(rest.chunks(100)) {
            block_on(sink.export(batch)).unwrap();
        }
        meter.stats().retried == before
    });
    block_on(sink.close()).unwrap();
    wait(|| arrived().len() == flows.len());
    assert_eq!(arrived(), ids(&flows));
    let found = collector.longest();
    assert!((longest - 200..=longest).contains(&found), "{found}");
}

fn ids(flows: &[Flow]) -> Vec<u64> {
    let mut ids: Vec<_> = flows.iter().map(flow_id).collect();
    ids.sort_unstable();
    ids
}
