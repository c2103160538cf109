//! Flows in tunnels.

use super::*;

/// The flow of the others, carried by VXLAN from 192.0.2.1 (beside the lower endpoint) to 192.0.2.2.
fn carried(flags: u8) -> FlowSnapshot {
    let word = |octets: [u8; 4]| [u64::from(u32::from_ne_bytes(octets)), 0];
    FlowSnapshot {
        outer: Some(OuterHeader {
            ends: TunnelEndpoints {
                addresses: [word([192, 0, 2, 1]), word([192, 0, 2, 2])],
                id: 42,
                ports: [49_152, 4789],
            },
            mac: [2, 0, 0, 0, 0, 9],
            flags,
            link_length: 14,
        }),
        link_length: 64,
        ..ipv4(tail(protocol::UDP, [40_000, 53]))
    }
}

#[test]
fn tunnelled_flow_has_its_tunnel() {
    let flow = made(&carried(kind::VXLAN | flag::HAS_ID));
    let tunnel = flow.tunnel.unwrap();
    assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Vxlan, Some(42)));
    assert_eq!(tunnel.protocol, Protocol::UDP);
    assert_eq!(tunnel.source.to_string(), "192.0.2.1:49152");
    assert_eq!(tunnel.destination.to_string(), "192.0.2.2:4789");
    assert_eq!(tunnel.sender_mac, Some(MacAddress([2, 0, 0, 0, 0, 9])));
    let added = [tunnel.forward, tunnel.reverse].map(|count| [count.delta, count.total]);
    assert_eq!(added, [[3 * 50; 2], [2 * 50; 2]]);

    let mut turned = carried(kind::VXLAN);
    turned.higher_started = true;
    let tunnel = made(&turned).tunnel.unwrap();
    assert_eq!(tunnel.source.to_string(), "192.0.2.2:4789");
    assert_eq!((tunnel.id, tunnel.forward.total), (None, 2 * 50));
}

#[test]
fn tunnel_overhead_is_exact_with_varying_packets() {
    let mut flow = carried(kind::GRE);
    // One packet had four octets more in front of it, another was a later fragment of its carrier.
    flow.sides[0].extra = 4_u64.wrapping_sub(30);
    let entry = ExportState {
        exported: [
            Exported {
                packets: 1,
                octets: 100,
                extra: 4,
            },
            Exported::default(),
        ],
        ..ExportState::default()
    };
    let tunnel = record_after(&flow, &entry).tunnel.unwrap();
    assert_eq!(tunnel.forward.total, 3 * 50 + 4 - 30);
    assert_eq!(tunnel.forward.delta, 2 * 50 - 30);
}

#[test]
fn outer_protocol_follows_from_the_kind() {
    let protocol = |flags| made(&carried(flags)).tunnel.map(|tunnel| tunnel.protocol.0);
    for (flags, expected) in [
        (kind::GENEVE, 17),
        (kind::GTPU, 17),
        (kind::GRE, 47),
        (kind::IPIP, 4),
        (kind::IPIP | flag::CARRIES_IPV6, 41),
    ] {
        assert_eq!(protocol(flags), Some(expected), "{flags:#x}");
    }
    let gre = made(&carried(kind::GRE)).tunnel.unwrap();
    assert_eq!(gre.source.to_string(), "192.0.2.1");
    let over_v6 = made(&carried(kind::IPIP | flag::OUTER_IPV6))
        .tunnel
        .unwrap();
    assert!(over_v6.source.address.is_ipv6());
}

#[test]
fn wireguard_session_belongs_to_the_outer_flow() {
    let flow = made(&carried(kind::WIREGUARD | flag::HAS_ID | flag::HAS_SENDER));
    let ipsec = flow.ipsec.unwrap();
    assert_eq!(ipsec.receiver_index, Some(42));
    assert_eq!(ipsec.sender_index, Some((49_152 << 16) + 4789));
    let tunnel = flow.tunnel.unwrap();
    assert_eq!(
        (tunnel.source, tunnel.destination),
        (flow.source, flow.destination)
    );
    assert_eq!(tunnel.forward, Count::default());
}
