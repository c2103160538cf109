//! Link headers of a capture, parsed as in the kernel program.

use mermin_core::{Flow, FlowKey, FlowSource};

use crate::{
    frames::{ETHERNET, Frame, Shape, ethernet, ipv4, pcap, udp_datagram},
    run::{Outcome, read, read_by, sums},
};

fn of(frames: &[Vec<u8>]) -> Outcome {
    let frames: Vec<Frame> = frames
        .iter()
        .map(|octets| Frame::new(0, octets.clone()))
        .collect();
    read(pcap(Shape::LITTLE, ETHERNET, &frames))
}

/// A datagram of 100 octets from 10.0.0.1:1000 to 10.0.0.2:53, which has 128 octets of IP.
fn v4() -> Vec<u8> {
    let datagram = udp_datagram([1000, 53], &[7; 100]);
    ipv4(17, [10, 0, 0, 1], [10, 0, 0, 2], &datagram)
}

fn tagged(tags: &[(u16, u16)], kind: u16, packet: &[u8]) -> Vec<u8> {
    let (mut kind, mut payload) = (kind, packet.to_vec());
    for &(tag, id) in tags.iter().rev() {
        payload = [&id.to_be_bytes()[..], &kind.to_be_bytes(), &payload].concat();
        kind = tag;
    }
    ethernet(kind, &payload)
}

#[test]
fn tags_of_every_type_are_skipped_in_any_mix() {
    let types = [0x8100, 0x88a8, 0x9100, 0x9200];
    for outer in types {
        for inner in types {
            let tags = [(outer, 7), (inner, 8), (outer, 9), (inner, 10)];
            for count in 1..=4 {
                let tags = &tags[..count];
                let flows = of(&[tagged(tags, 0x0800, &v4())]).whole();
                let flow = &flows[0];
                assert_eq!(sums(flow), [1, 128, 0, 0], "{tags:x?}");
                assert_eq!(*flow.vlans, [7, 8][..count.min(2)], "{tags:x?}");
                assert_eq!(flow.several.vlan_tags, count > 2, "{tags:x?}");
                let frame = 14 + 4 * tags.len() as u64 + 128;
                assert_eq!(flow.forward.frame_octets.total, frame);
            }
            let cut = tagged(&tags[..2], 0x0800, &[])[..21].to_vec();
            assert_eq!(of(&[cut]).reasons()["malformed_vlan"], (1, 21));
        }
    }
    let deep = of(&[tagged(&[(0x9200, 1); 5], 0x0800, &v4())]);
    assert_eq!(deep.reasons()["too_deep"], (1, 14 + 20 + 128));
}

fn snap(organization: u8, kind: u16, payload: &[u8]) -> Vec<u8> {
    [
        &[0xaa, 0xaa, 3, 0, 0, organization][..],
        &kind.to_be_bytes(),
        payload,
    ]
    .concat()
}

/// Behind the length of what follows.
fn framed(tags: &[(u16, u16)], payload: &[u8]) -> Vec<u8> {
    tagged(tags, u16::try_from(payload.len()).unwrap(), payload)
}

/// The flow of a frame that holds the packet, with all of its octets.
fn counted(frame: &[u8]) -> Flow {
    let mut flows = of(&[frame.to_vec()]).whole();
    let flow = flows.remove(0);
    assert_eq!(flows, [], "{frame:x?}");
    assert_eq!(sums(&flow), [1, 128, 0, 0], "{frame:x?}");
    assert_eq!(flow.destination.to_string(), "10.0.0.2:53");
    assert_eq!(flow.forward.frame_octets.total, frame.len() as u64);
    flow
}

fn reason(frame: &[u8]) -> &'static str {
    let outcome = of(&[frame.to_vec()]);
    let reasons = outcome.reasons();
    assert_eq!(reasons.len(), 1, "{frame:x?}");
    let (reason, counts) = reasons.into_iter().next().unwrap();
    assert_eq!(counts, (1, frame.len() as u64));
    reason
}

#[test]
fn llc_and_snap_are_skipped() {
    for tags in [&[][..], &[(0x8100, 7)], &[(0x88a8, 7), (0x8100, 8)]] {
        for organization in [0, 0xf8] {
            counted(&framed(tags, &snap(organization, 0x0800, &v4())));
            let tag = [&[0, 9, 8, 0][..], &v4()].concat();
            counted(&framed(tags, &snap(organization, 0x8100, &tag)));
        }
        counted(&framed(tags, &[&[6, 6, 3][..], &v4()].concat()));
        assert_eq!(reason(&framed(tags, &snap(0, 0x0806, &[0; 28]))), "arp");
        let other = framed(tags, &snap(0, 0x8137, &[0; 28]));
        assert_eq!(reason(&other), "other_ethertype");
        for llc in [
            &snap(0x0c, 0x2000, &v4()),
            &[&[0x42, 0x42, 3][..], &[0; 32]].concat(),
            &[&[6, 6, 3][..], &[0; 32]].concat(),
        ] {
            assert_eq!(reason(&framed(tags, llc)), "llc");
        }
    }
}

#[test]
fn length_bounds_the_packet() {
    let payload = snap(0, 0x0800, &v4());
    let length = u16::try_from(payload.len()).unwrap();
    counted(&ethernet(length, &[&payload[..], &[0; 9]].concat()));
    assert_eq!(reason(&ethernet(length - 1, &payload)), "malformed_ipv4");
    assert_eq!(
        reason(&ethernet(length + 1, &payload)),
        "malformed_ethernet"
    );
    // If the capture ends within the headers, the outcome is open.
    let frame = Frame::new(0, ethernet(length, &payload)).snapped(20);
    let outcome = read(pcap(Shape::LITTLE, ETHERNET, &[frame]));
    assert_eq!(outcome.reasons()["snapped"], (1, 14 + u64::from(length)));
}

#[test]
fn llc_frame_in_a_tunnel_is_a_flow() {
    let inside = framed(&[(0x8100, 9)], &snap(0, 0x0800, &v4()));
    let carrier = |content: &[u8]| {
        let datagram = udp_datagram(
            [50_000, 4789],
            &[&[8, 0, 0, 0, 0, 0, 42, 0], content].concat(),
        );
        ethernet(0x0800, &ipv4(17, [10, 1, 0, 1], [10, 1, 0, 2], &datagram))
    };
    counted(&carrier(&inside));
    // Anything but IP inside is the carrier's.
    let tree = framed(&[], &[&[0x42, 0x42, 3][..], &[0; 32]].concat());
    let flows = of(&[carrier(&tree)]).whole();
    assert_eq!(flows[0].destination.to_string(), "10.1.0.2:4789");
}

#[test]
fn cisco_metadata_is_skipped() {
    let group = |header: [u8; 2], kind: u16, payload: &[u8]| {
        let tag = [&header[..], &[0, 1, 0, 100], &kind.to_be_bytes()].concat();
        [&tag[..], payload].concat()
    };
    for tags in [&[][..], &[(0x8100, 7)], &[(0x9200, 7), (0x8100, 8)]] {
        let frame = tagged(tags, 0x8909, &group([1, 1], 0x0800, &v4()));
        counted(&frame);
        let tag = [&[0, 9, 8, 0][..], &v4()].concat();
        counted(&tagged(tags, 0x8909, &group([1, 1], 0x8100, &tag)));
        let arp = tagged(tags, 0x8909, &group([1, 1], 0x0806, &[0; 28]));
        assert_eq!(reason(&arp), "arp");
        for header in [[2, 1], [1, 2], [1, 0]] {
            let other = tagged(tags, 0x8909, &group(header, 0x0800, &v4()));
            assert_eq!(reason(&other), "other_ethertype");
        }
        for cut in 0..8 {
            let cut = &frame[..14 + 4 * tags.len() + cut];
            assert_eq!(reason(cut), "malformed_ethernet");
        }
    }
}

/// In a provider's backbone: behind the tag of a service, and of a VLAN of the backbone or none.
fn backbone(vlans: &[(u16, u16)], service: u32, frame: &[u8]) -> Vec<u8> {
    let tag = (service | 0xe000_0000).to_be_bytes();
    tagged(vlans, 0x88e7, &[&tag[..], frame].concat())
}

#[test]
fn customer_frame_in_a_provider_backbone_is_found() {
    let mut customer = tagged(&[(0x8100, 8)], 0x0800, &v4());
    customer[11] = 0x55;
    for vlans in [&[][..], &[(0x88a8, 7)]] {
        let frame = backbone(vlans, 1, &customer);
        let flow = counted(&frame);
        let expected = [7, 8];
        assert_eq!(*flow.vlans, expected[1 - vlans.len()..]);
        let mac = flow.interface.source_mac.unwrap().to_string();
        assert_eq!(mac, "02:00:00:00:00:55");
        let receiver = flow.interface.destination_mac.unwrap().0;
        assert_eq!(receiver, customer[..6]);
        let arp = backbone(vlans, 1, &ethernet(0x0806, &[0; 28]));
        assert_eq!(reason(&arp), "arp");
        counted(&backbone(vlans, 1, &framed(&[], &snap(0, 0x0800, &v4()))));
        for cut in 0..18 {
            let cut = &frame[..14 + 4 * vlans.len() + cut];
            assert_eq!(reason(cut), "malformed_ethernet");
        }
    }
}

/// Customers may use the same addresses; a record does not say the service's number.
#[test]
fn service_labels_distinguish_flows_with_equal_endpoints() {
    let [one, other] = [1, 2].map(|service| backbone(&[], service, &ethernet(0x0800, &v4())));
    let frames = [one.clone(), other, one];
    let flows = of(&frames).whole();
    let packets: Vec<u64> = flows.iter().map(|flow| sums(flow)[0]).collect();
    assert!(packets == [2, 1] || packets == [1, 2], "{packets:?}");
    let ends = FlowSource::builder().flow_key(FlowKey::Endpoints);
    let frames = frames.map(|octets| Frame::new(0, octets));
    let flows = read_by(ends, pcap(Shape::LITTLE, ETHERNET, &frames)).whole();
    assert_eq!(sums(&flows[0]), [3, 3 * 128, 0, 0]);
}

/// Behind two labels.
fn labelled(payload: &[u8]) -> Vec<u8> {
    let labels = [0, 6, 0, 64, 0, 12, 0x81, 64];
    ethernet(0x8847, &[&labels[..], payload].concat())
}

#[test]
fn ethernet_over_mpls_is_found() {
    let frames: [&[(u16, u16)]; 3] = [&[], &[(0x8100, 7)], &[(0x88a8, 7), (0x8100, 8)]];
    for tags in frames {
        // However the receiver's address begins: as a control word, as IP of a length that may be there, or otherwise.
        for receiver in [
            [2, 0, 0, 0],
            [0, 0x1b, 0x21, 0],
            [0, 0, 0x5e, 0],
            [0x45, 0, 0, 60],
            [0x44, 1, 2, 3],
            [0x60, 0, 0, 0],
            [0x1c, 1, 2, 3],
        ] {
            let mut frame = tagged(tags, 0x0800, &v4());
            frame[..4].copy_from_slice(&receiver);
            frame[11] = 0x55;
            for word in [&[][..], &[0, 0, 0, 0], &[0, 0, 0x12, 0x34]] {
                let flow = counted(&labelled(&[word, &frame].concat()));
                let mac = flow.interface.source_mac.unwrap().to_string();
                assert_eq!(mac, "02:00:00:00:00:55", "{receiver:x?} {word:x?}");
                assert_eq!(flow.vlans.len(), tags.len());
            }
        }
    }
}

#[test]
fn mpls_payload_is_ip_if_no_frame_is_certain() {
    counted(&labelled(&v4()));
    counted(&labelled(&[&v4()[..], &[0; 4]].concat()));
    // Longer than the frame; no IP in a frame; an associated channel.
    let mut longer = v4();
    longer[3] += 1;
    assert_eq!(reason(&labelled(&longer)), "malformed_ipv4");
    let arp = ethernet(0x0806, &[0; 28]);
    assert_eq!(reason(&labelled(&arp)), "other_ethertype");
    let word = [&[0, 0, 0, 1][..], &arp].concat();
    assert_eq!(reason(&labelled(&word)), "other_ethertype");
    let channel = [&[0x10, 0, 0, 0x21][..], &v4()].concat();
    assert_eq!(reason(&labelled(&channel)), "other_ethertype");
    let frame = ethernet(0x0800, &longer);
    assert_eq!(reason(&labelled(&frame)), "other_ethertype");
}

#[test]
fn headers_beyond_three_rounds_have_a_reason() {
    let mut frame = ethernet(0x0800, &v4());
    for rounds in 1..=4 {
        if rounds <= 3 {
            counted(&frame);
        } else {
            assert_eq!(reason(&frame), "too_deep");
        }
        frame = ethernet(0x6558, &frame);
    }
}
