//! Devices other than veth pairs, and packets that cross two hooks.

use std::{
    io::{Read, Write},
    net::{SocketAddr, UdpSocket},
};

use mermin_core::Attach;

use crate::support::{
    frame::{self, IPV4},
    host::{Host, NEAR_MAC, Pair},
    ledger::{Egress, Ingress, buffers},
    raw,
    skip::skip,
    traffic::{Injector, address, udp_socket},
    watch::{Watch, on},
};

crate::cases! {
    each_mode tun_device_counts_both_ip_versions,
    each_mode loopback_is_counted_once,
    each_mode hairpin_is_counted_once,
    each_mode two_interfaces_have_their_own_flows_and_ledgers,
}

/// A device without a link header, both IP versions, both directions.
fn tun_device_counts_both_ip_versions(mode: Attach) {
    let host = Host::new();
    let mut device = match host.run(|| raw::tun("t0")) {
        Ok(device) => device,
        Err(error) => skip(format!("cannot make a tun device: {error}")),
    };
    host.shell("ip link set t0 up");
    host.shell("ip addr add 10.1.0.1/24 dev t0");
    host.shell("ip addr add fd01::1/64 dev t0 nodad");
    let watch = Watch::open(&host, on("t0").attach(mode));
    let ends = [
        [address("10.1.0.1:40000"), address("10.1.0.2:53")],
        [address("[fd01::1]:40000"), address("[fd01::2]:53")],
    ];
    for [near, far] in ends {
        let socket = udp_socket(&host, near, far);
        let mut packet = [0; 2000];
        for _ in 0..20 {
            socket.send(&[1; 100]).unwrap();
            // The kernel may send multicast of its own in between.
            while device.read(&mut packet).unwrap() < 100 {}
            device.write_all(&frame::udp(far, near, &[2; 300])).unwrap();
        }
    }
    let outcome = watch.finish();
    for ([near, far], header) in ends.into_iter().zip([28, 48]) {
        let flow = outcome.only(|flow| flow.source.to_string() == near.to_string());
        assert_eq!(flow.destination.to_string(), far.to_string());
        for (half, size) in [(&flow.forward, 100), (&flow.reverse, 300)] {
            let octets = 20 * (size + header);
            assert_eq!((half.packets.total, half.octets.total), (20, octets));
            assert_eq!(half.frame_octets.total, octets);
        }
        assert_eq!(flow.interface.source_mac, None);
    }
    assert_eq!(buffers(&outcome, "t0", Ingress), host.received("t0"));
}

/// A packet sent on loopback is received there as well.
fn loopback_is_counted_once(mode: Attach) {
    let host = Host::new();
    host.shell("ip link set lo up");
    let watch = Watch::open(&host, on("lo").attach(mode));
    let ends = [
        [address("127.0.0.1:40000"), address("127.0.0.1:53")],
        [address("[::1]:40000"), address("[::1]:53")],
    ];
    for [near, far] in ends {
        let client = udp_socket(&host, near, far);
        let server = udp_socket(&host, far, near);
        for _ in 0..50 {
            client.send(&[1; 10]).unwrap();
            assert_eq!(server.recv(&mut [0; 100]).unwrap(), 10);
            server.send(&[2; 20]).unwrap();
            assert_eq!(client.recv(&mut [0; 100]).unwrap(), 20);
        }
    }
    let outcome = watch.finish();
    for ([near, far], header) in ends.into_iter().zip([28, 48]) {
        let flow = outcome.only(|flow| {
            flow.source.to_string() == near.to_string()
                && flow.destination.to_string() == far.to_string()
        });
        for (half, size) in [(&flow.forward, 10), (&flow.reverse, 20)] {
            let counted = (half.packets.total, half.octets.total);
            assert_eq!(counted, (50, 50 * (size + header)));
        }
    }
    let (buffers, received) = (buffers(&outcome, "lo", Ingress), host.received("lo"));
    // The device counts behind its header of zeroes, the hook with it.
    let octets = received.octets + 14 * received.packets;
    assert_eq!(
        (buffers.packets, buffers.octets),
        (received.packets, octets)
    );
    assert_eq!(outcome.all_ignored(), 0);
}

/// The near host routes packets for 10.9.9.9 back to their sender.
fn hairpin_is_counted_once(mode: Attach) {
    let pair = Pair::new();
    pair.near.set("ipv4/ip_forward", "1");
    for scope in ["all", "v0"] {
        pair.near
            .set(&format!("ipv4/conf/{scope}/send_redirects"), "0");
    }
    pair.near.shell("ip route add 10.9.9.0/24 via 10.0.0.2");
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let (source, destination) = (address("10.0.0.2:40000"), address("10.9.9.9:53"));
    let packet = frame::udp(source, destination, &[6; 200]);
    let frame = frame::ethernet_to(NEAR_MAC, IPV4, &packet);
    let injector = Injector::new(&pair.far, "v1");
    for _ in 0..100 {
        injector.send(&frame);
    }
    crate::support::wait::until_true("the packets to come back", || {
        pair.near.sent("v0").packets == 100
    });
    let outcome = watch.finish();
    let flow = outcome.only(|_| true);
    assert_eq!(flow.source.to_string(), source.to_string());
    assert_eq!(flow.forward.packets.total, 100);
    assert_eq!(flow.forward.octets.total, 100 * 228);
    assert_eq!(flow.reverse.packets.total, 0);
    assert_eq!(outcome.ignored("hairpin"), 100);
    assert_eq!(outcome.packets, 200);
}

/// Two interfaces in one source: each has its ledger and its flows.
fn two_interfaces_have_their_own_flows_and_ledgers(mode: Attach) {
    let pair = Pair::new();
    pair.join(1);
    let options = on("v0").interfaces(["v0", "v[12]"]).attach(mode);
    let watch = Watch::open(&pair.near, options);
    for (net, times) in [(0, 30), (1, 70)] {
        let [near, far]: [SocketAddr; 2] =
            [format!("10.0.{net}.1:40000"), format!("10.0.{net}.2:53")].map(|text| address(&text));
        let client = udp_socket(&pair.near, near, far);
        let server: UdpSocket = udp_socket(&pair.far, far, near);
        for _ in 0..times {
            client.send(&[1; 10]).unwrap();
            assert_eq!(server.recv(&mut [0; 100]).unwrap(), 10);
        }
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), 2);
    for (name, times) in [("v0", 30), ("v2", 70)] {
        let flow = outcome.only(|flow| &*flow.interface.name == name);
        assert_eq!(flow.interface.index, pair.near.index(name));
        assert_eq!(flow.forward.packets.total, times);
        assert_eq!(buffers(&outcome, name, Egress), pair.near.sent(name));
    }
}
