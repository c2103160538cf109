//! Octets on the wire when headers do not show them, compared with the counters of an interface behind the hook.

use std::io::Write;

use mermin_core::Attach;

use crate::support::{
    frame,
    host::Pair,
    ledger::{Egress, wire},
    raw,
    skip::skip,
    traffic::{address, tcp_transfer},
    wait::until_true,
    watch::{Watch, on},
};

crate::cases! {
    each_mode tunnel_at_an_unknown_port_has_its_octets,
    each_mode guest_ufo_fragments_are_counted,
}

/// Segments of TCP behind headers that only the kernel knows of, cut behind the hook.
fn tunnel_at_an_unknown_port_has_its_octets(mode: Attach) {
    let pair = Pair::new();
    for (host, name, own, other) in [(&pair.near, "v0", 1, 2), (&pair.far, "v1", 2, 1)] {
        host.shell(&format!(
            "ip link add vx0 type vxlan id 42 local 10.0.0.{own} remote 10.0.0.{other} dev {name} dstport 9999"
        ));
        host.shell(&format!("ip addr add 10.9.0.{own}/24 dev vx0"));
        host.shell("ip link set vx0 up");
    }
    pair.near.shell(
        "ethtool -K v0 tso off gso off tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off",
    );
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let before = pair.near.sent("v0");
    tcp_transfer(&pair, address("10.9.0.2:5201"), 20 << 20);
    let outcome = watch.finish();
    let after = pair.near.sent("v0");
    let counted = wire(&outcome, "v0", Egress);
    assert_eq!(
        (counted.packets, counted.octets),
        (after.packets - before.packets, after.octets - before.octets)
    );
    assert!(
        outcome
            .hooks
            .iter()
            .any(|hook| hook.direction == Egress && hook.traffic.skbs < hook.traffic.packets)
    );
}

/// A guest hands over datagrams that are to be cut into fragments (`VIRTIO_NET_HDR_GSO_UDP`). They cross a hook whole where they come
/// in, and another where they leave.
fn guest_ufo_fragments_are_counted(mode: Attach) {
    const DATAGRAMS: u64 = 5;
    const NEEDS_CHECKSUM: u16 = 1;
    const BY_FRAGMENTS: u16 = 3 << 8;
    let pair = Pair::new();
    pair.near.set("ipv4/ip_forward", "1");
    let mut guest = match pair.near.run(|| raw::guest("t0")) {
        Ok(guest) => guest,
        Err(error) => skip(format!("cannot make a tun device: {error}")),
    };
    pair.near.shell("ip link set t0 up");
    pair.near.shell("ip addr add 10.1.0.1/24 dev t0");
    pair.far.shell("ip route add 10.1.0.0/24 via 10.0.0.1");
    let watch = Watch::open(&pair.near, on("v0").interfaces(["v0", "t0"]).attach(mode));
    let before = pair.near.sent("v0");
    // Nobody's: no host answers that the port is closed.
    let ends = ["10.1.0.2:40000", "10.0.0.9:53"].map(address);
    pair.near
        .shell("ip neigh replace 10.0.0.9 lladdr 02:00:00:00:00:99 dev v0 nud permanent");
    let packet = frame::udp(ends[0], ends[1], &[5; 5000]);
    // Flags and kind, length of headers, size of a fragment, where the checksum begins and where it goes.
    let header = [NEEDS_CHECKSUM | BY_FRAGMENTS, 28, 1480, 20, 6].map(u16::to_le_bytes);
    for _ in 0..DATAGRAMS {
        let whole = [&header.concat()[..], &packet].concat();
        assert_eq!(guest.write(&whole).unwrap(), whole.len());
    }
    until_true("all fragments", || {
        pair.near.sent("v0").packets - before.packets >= 4 * DATAGRAMS
    });
    let outcome = watch.finish();
    let after = pair.near.sent("v0");
    let sent = wire(&outcome, "v0", Egress);
    assert_eq!(
        (sent.packets, sent.octets),
        (after.packets - before.packets, after.octets - before.octets)
    );
    for (name, link) in [("t0", 0), ("v0", 14)] {
        let flow = outcome.only(|flow| &*flow.interface.name == name);
        let half = &flow.forward;
        let octets = DATAGRAMS * (5008 + 4 * 20);
        assert_eq!((half.packets.total, half.octets.total), (20, octets));
        assert_eq!(half.frame_octets.total, octets + 20 * link);
    }
}
