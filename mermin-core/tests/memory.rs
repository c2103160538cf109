//! The size of a source's memory is fixed when it opens: it depends on the room for flows, not on traffic.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mermin_core::lab::{Context, HookDirection, Lab, Order, frame::udp, open_or_skip as lab};

/// Kernel memory per flow of room: slot, index, outer header, words of new flows, stack of free slots.
const OCTETS_PER_FLOW: u64 = 640;

fn octets(lab: &Lab) -> u64 {
    lab.maps().unwrap().iter().map(|map| map.octets).sum()
}

#[test]
fn traffic_takes_no_kernel_memory() {
    let Some(lab) = lab(1024) else { return };
    let before = lab.maps().unwrap();
    let peers: [[SocketAddr; 2]; 2] = [
        [
            (Ipv4Addr::new(10, 0, 0, 1), 1).into(),
            (Ipv4Addr::new(10, 0, 0, 2), 2).into(),
        ],
        [
            (Ipv6Addr::LOCALHOST, 1).into(),
            (Ipv6Addr::UNSPECIFIED, 2).into(),
        ],
    ];
    // Far more flows than the table has room for.
    let [v4, v6] = peers;
    let driver = lab.driver(Order::Sequence, 60_000).unwrap();
    driver
        .run(&udp(v4[0], v4[1], 0), &Context::default(), 60_000)
        .unwrap();
    for port in 1..5000 {
        let mut own = v6[0];
        own.set_port(port);
        lab.run(
            HookDirection::Egress,
            &udp(own, v6[1], 0),
            &Context::default(),
            1,
        )
        .unwrap();
    }
    assert_eq!(lab.read().flows, 1024);
    assert_eq!(lab.maps().unwrap(), before);
}

#[test]
fn kernel_memory_is_proportional_to_the_room() {
    let (Some(small), Some(large)) = (lab(1 << 10), lab(1 << 16)) else {
        return;
    };
    let more = octets(&large) - octets(&small);
    let flows = (1 << 16) - (1 << 10);
    println!("{} octets per flow", more / flows);
    assert!(more / flows <= OCTETS_PER_FLOW, "{}", more / flows);
}
