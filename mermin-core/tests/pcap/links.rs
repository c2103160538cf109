//! Supported link types, and an unsupported one.

use std::io::Cursor;

use futures::{StreamExt as _, executor::block_on};
use mermin_core::{Error, ErrorKind, FlowSource};

use crate::{
    frames::{Described, Frame, Shape, ethernet, ipv4, ipv6, pcap, pcapng, udp, udp_datagram},
    run::{Outcome, check_ledger, read, sums},
};

pub(crate) fn v4() -> Vec<u8> {
    ipv4(
        17,
        [10, 0, 0, 1],
        [10, 0, 0, 2],
        &udp_datagram([1000, 53], &[0; 4]),
    )
}

pub(crate) fn v6() -> Vec<u8> {
    ipv6(17, 1, 2, &udp_datagram([1000, 53], &[0; 4]))
}

pub(crate) fn of(link: u32, packets: &[Vec<u8>]) -> Outcome {
    let frames: Vec<Frame> = packets
        .iter()
        .map(|octets| Frame::new(0, octets.clone()))
        .collect();
    read(pcap(Shape::LITTLE, link, &frames))
}

/// A packet of each IP version gives a flow of each; nothing but `overhead` octets is on the wire besides.
pub(crate) fn both(link: u32, packets: &[Vec<u8>], overhead: u64) -> Vec<mermin_core::Flow> {
    let flows = of(link, packets).whole();
    let found: Vec<[u64; 4]> = flows.iter().map(sums).collect();
    assert_eq!(found, [[1, 32, 0, 0], [1, 52, 0, 0]], "link type {link}");
    assert_eq!(flows[0].forward.frame_octets.total, 32 + overhead);
    assert_eq!(flows[1].forward.frame_octets.total, 52 + overhead);
    flows
}

#[test]
fn ethernet_and_raw_ip_are_read() {
    both(1, &[ethernet(0x0800, &v4()), ethernet(0x86dd, &v6())], 14);
    for link in [12, 14, 101, 228, 229] {
        let flows = both(link, &[v4(), v6()], 0);
        assert_eq!(flows[0].interface.source_mac, None);
    }
}

#[test]
fn loopback_of_every_system_is_read() {
    for link in [0, 108] {
        for family in [10, 24, 28, 30_u32] {
            for word in [u32::to_be_bytes, u32::to_le_bytes] {
                let packets = [
                    [&word(2)[..], &v4()].concat(),
                    [&word(family)[..], &v6()].concat(),
                ];
                both(link, &packets, 0);
            }
        }
        let other = of(link, &[[&[0, 0, 0, 7][..], &v4()].concat()]);
        assert_eq!(other.reasons()["other_ethertype"], (1, 32));
    }
}

/// Puts a header before a payload of an EtherType.
type Header = fn(u16, &[u8]) -> Vec<u8>;

fn cooked(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mac = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0];
    [&mac[..], &kind.to_be_bytes(), payload].concat()
}

fn cooked_2(kind: u16, payload: &[u8]) -> Vec<u8> {
    let rest = [0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0];
    [&kind.to_be_bytes()[..], &rest, payload].concat()
}

#[test]
fn linux_cooked_packets_are_read() {
    for (link, cooked) in [(113, cooked as Header), (276, cooked_2)] {
        let flows = both(link, &[cooked(0x0800, &v4()), cooked(0x86dd, &v6())], 0);
        let mac = flows[0].interface.source_mac.unwrap();
        assert_eq!(mac.to_string(), "02:00:00:00:00:09");
        assert_eq!(flows[0].interface.destination_mac, None);

        let tagged = [&[0x20, 0x64, 0x08, 0x00][..], &v4()].concat();
        let flows = of(link, &[cooked(0x8100, &tagged)]).whole();
        assert_eq!(flows[0].vlans.as_slice(), [100]);
        assert_eq!(sums(&flows[0]), [1, 32, 0, 0]);
        assert_eq!(flows[0].forward.frame_octets.total, 36);

        let outcome = of(
            link,
            &[
                cooked(0x0806, &[0; 28]),
                cooked(0x0004, &[0; 20]),
                cooked(0x88cc, &[0; 20]),
                cooked(0x0800, &v4()[..12]),
                cooked(0x0800, &v4())[..10].to_vec(),
            ],
        );
        let reasons = outcome.reasons();
        assert_eq!(reasons["arp"], (1, 28));
        assert_eq!(reasons["llc"], (1, 20));
        assert_eq!(reasons["other_ethertype"], (1, 20));
        assert_eq!(reasons["malformed_ipv4"], (1, 12));
        assert_eq!(reasons["malformed_ethernet"], (1, 0));
        outcome.whole();
    }
}

#[test]
fn without_a_mac_of_six_octets_there_is_none() {
    let mut packet = cooked(0x0800, &v4());
    packet[5] = 0;
    let flows = of(113, &[packet]).whole();
    assert_eq!(flows[0].interface.source_mac, None);
}

fn refused(error: &Error, text: &str) {
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.to_string(), text);
    assert!(error.remedy().is_some());
}

#[test]
fn unsupported_link_type_is_named() {
    let cases = [
        (195, "IEEE802_15_4_WITHFCS"),
        (215, "IEEE802_15_4_NONASK_PHY"),
        (230, "IEEE802_15_4_NOFCS"),
        (283, "IEEE802_15_4_TAP"),
        (189, "USB_LINUX"),
        (155, "USER8"),
    ];
    for (link, name) in cases {
        let outcome = of(link, &[v4()]);
        refused(
            outcome.error.as_ref().unwrap(),
            &format!(
                "cannot read the capture at byte 0: its link type is {link} ({name}), which is not read"
            ),
        );
    }
    let outcome = of(9999, &[v4()]);
    refused(
        outcome.error.as_ref().unwrap(),
        "cannot read the capture at byte 0: its link type is 9999, which is not read",
    );
}

#[test]
fn unsupported_interface_does_not_block_others() {
    let interfaces = [Described::new(220, "usbmon0"), Described::new(1, "eth0")];
    let frames = [
        Frame::new(0, udp(1, 1)).on(1),
        Frame::new(0, udp(2, 1)).on(1),
        Frame::new(0, vec![0; 64]).on(0),
        Frame::new(0, udp(3, 1)).on(1),
    ];
    let builder = FlowSource::builder();
    let file = pcapng(Shape::LITTLE, &interfaces, &frames);
    let (flows, report, outcome) = block_on(async {
        let mut source = builder.pcap_reader(Cursor::new(file)).open().await.unwrap();
        let mut flows = Vec::new();
        while let Some(flow) = source.next().await {
            flows.push(flow.unwrap());
        }
        (flows, source.report(), source.handle().stats())
    });
    assert_eq!(flows.len(), 3);
    check_ledger(&flows, &outcome);
    let usb = &outcome.hooks[0];
    assert_eq!(&*usb.interface, "usbmon0");
    assert_eq!(
        (usb.traffic.packets, usb.ignored[0].reason),
        (1, "other_link")
    );
    assert_eq!(
        report.to_string(),
        "interface on `usbmon0`: its link type is 220 (USB_LINUX_MMAPPED), which is not read; its packets are counted under \
         `other_link`; they are in no record; to change that, look at them with `tshark -r IN`: there is no IP header in a \
         known place\n"
    );
    assert_eq!(
        read(pcapng(Shape::LITTLE, &interfaces, &frames[..2]))
            .whole()
            .len(),
        2
    );
}

#[test]
fn file_without_supported_interface_is_refused_at_its_end() {
    let interfaces = [Described::new(220, "usbmon0"), Described::new(230, "")];
    let frames = [
        Frame::new(0, vec![0; 64]).on(0),
        Frame::new(0, vec![0; 9]).on(1),
    ];
    let at = pcapng(Shape::LITTLE, &interfaces, &[]).len();
    let outcome = read(pcapng(Shape::LITTLE, &interfaces, &frames));
    refused(
        outcome.error.as_ref().unwrap(),
        &format!(
            "cannot read the capture at byte {at}: of interface 0 (`usbmon0`) its link type is 220 (USB_LINUX_MMAPPED), \
             which is not read"
        ),
    );
    assert_eq!(outcome.reasons()["other_link"], (2, 73));
    check_ledger(&outcome.flows, &outcome.stats);
}
