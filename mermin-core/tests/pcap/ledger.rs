//! Every packet is in one flow or under one reason; lengths are those on the wire.

use mermin_core::FlowSource;

use crate::{
    frames::{ACK, ETHERNET, Frame, Shape, ethernet, ipv6, pcap, tcp, udp},
    run::{read, read_by, sums},
};

#[test]
fn octets_are_those_on_the_wire_wherever_a_packet_was_cut() {
    // Ethernet, IPv4 and TCP headers have 54 octets; options and payload need not be there.
    for snap in 0..=1054 {
        let frame = Frame::new(0, tcp(7, true, ACK, 1000)).snapped(snap);
        let outcome = read(pcap(Shape::LITTLE, ETHERNET, &[frame]));
        if snap < 54 {
            assert_eq!(outcome.reasons()["snapped"], (1, 1054), "{snap}");
            assert!(outcome.whole().is_empty());
        } else {
            let flows = outcome.whole();
            assert_eq!(sums(&flows[0]), [1, 1040, 0, 0], "{snap}");
            assert_eq!(flows[0].forward.frame_octets.total, 1054);
        }
    }
}

#[test]
fn truncated_differs_from_malformed() {
    let whole = tcp(7, true, ACK, 100);
    let mut wrong = whole.clone();
    wrong[14] = 0x75;
    let short = ethernet(0x0800, &whole[14..40]);
    let frames = [
        Frame::new(0, wrong).snapped(40),
        Frame::new(0, short),
        Frame::new(
            0,
            ethernet(0x86dd, &ipv6(0, 1, 2, &[6, 9, 0, 0, 0, 0, 0, 0])),
        ),
        Frame::new(0, whole).snapped(40),
    ];
    let outcome = read(pcap(Shape::LITTLE, ETHERNET, &frames));
    let reasons = outcome.reasons();
    assert_eq!(reasons["malformed_ipv4"].0, 2);
    assert_eq!(reasons["malformed_extension"].0, 1);
    assert_eq!(reasons["snapped"], (1, 154));
    outcome.whole();
}

#[test]
fn padding_is_part_of_the_frame_alone() {
    let mut padded = udp(1, 1);
    padded.resize(60, 0);
    let flows = read(pcap(
        Shape::LITTLE,
        ETHERNET,
        &[Frame::new(0, udp(1, 1)), Frame::new(0, padded)],
    ))
    .whole();
    assert_eq!(sums(&flows[0]), [2, 58, 0, 0]);
    assert_eq!(flows[0].forward.frame_octets.total, 43 + 60);
}

#[test]
fn length_on_the_wire_is_at_least_the_captured_length() {
    let mut frame = Frame::new(0, udp(1, 1));
    frame.length = 3;
    let flows = read(pcap(Shape::LITTLE, ETHERNET, &[frame])).whole();
    assert_eq!(flows[0].forward.frame_octets.total, 43);
}

#[test]
fn reasons_are_named() {
    let frames = [
        Frame::new(0, ethernet(0x0806, &[0; 46])),
        Frame::new(0, ethernet(0x88cc, &[0; 46])),
        Frame::new(0, ethernet(0x0026, &[0; 46])),
        Frame::new(0, vec![1; 9]),
    ];
    let outcome = read(pcap(Shape::LITTLE, ETHERNET, &frames));
    let reasons = outcome.reasons();
    assert_eq!(reasons["arp"], (1, 60));
    assert_eq!(reasons["other_ethertype"], (1, 60));
    assert_eq!(reasons["llc"], (1, 60));
    assert_eq!(reasons["malformed_ethernet"], (1, 9));
    assert!(outcome.whole().is_empty());
}

#[test]
fn small_table_counts_table_full() {
    let frames: Vec<Frame> = (0..10)
        .map(|number| Frame::new(0, udp(number % 5 + 1, 1)))
        .collect();
    let file = pcap(Shape::LITTLE, ETHERNET, &frames);
    let outcome = read_by(FlowSource::builder().max_flows(3), file.clone());
    assert_eq!(outcome.stats.flows_capacity, 3);
    assert_eq!(outcome.reasons()["table_full"], (4, 4 * 43));
    assert_eq!(outcome.whole().len(), 3);
    let outcome = read(file);
    assert_eq!(outcome.stats.flows_capacity, 1 << 24);
    assert_eq!(outcome.whole().len(), 5);
}
