//! Formats besides pcap 2.4 and pcapng: old versions of pcap, the one of a kernel patch, snoop, ERF.

use crate::{
    frames::{BEGIN, ETHERNET, Frame, SECOND, Shape, pcap_header, udp},
    run::{Outcome, check_ledger, dates, read, sums},
};

fn frames() -> Vec<Frame> {
    (0..3)
        .map(|number| Frame::new(u64::from(number) * SECOND, udp(number + 1, 5)))
        .collect()
}

fn seconds(frame: &Frame) -> u32 {
    u32::try_from(BEGIN + frame.at / SECOND).unwrap()
}

fn length(octets: usize) -> u32 {
    u32::try_from(octets).unwrap()
}

/// A pcap file of this version, whose records have the words that `record` makes of a frame.
fn versioned(
    shape: Shape,
    magic: u32,
    version: [u16; 2],
    record: fn(&Frame) -> Vec<u32>,
) -> Vec<u8> {
    let mut file = pcap_header(shape, magic, ETHERNET);
    file[4..8].copy_from_slice(&version.map(|half| shape.half(half)).concat());
    for frame in frames() {
        file.extend(record(&frame).iter().flat_map(|&word| shape.word(word)));
        file.extend(&frame.octets);
    }
    file
}

fn check(file: Vec<u8>, length: u64, what: &str) {
    let flows = read(file).whole();
    assert_eq!(flows.len(), 3, "{what}");
    for (flow, second) in flows.iter().zip(0..) {
        assert_eq!(sums(flow), [1, 33, 0, 0], "{what}");
        assert_eq!(flow.forward.frame_octets.total, length, "{what}");
        assert_eq!(dates(flow), [second * SECOND; 2], "{what}");
        assert_eq!(flow.interface.index, 1);
    }
}

#[test]
fn pcap_of_the_1999_kernel_patch_is_read_in_both_byte_orders() {
    // Interface, protocol and kind of the packet stand behind the lengths.
    let record = |frame: &Frame| {
        let octets = length(frame.octets.len());
        vec![seconds(frame), 0, octets, octets, 3, 0x0008_0400]
    };
    for shape in [Shape::LITTLE, Shape::ALL[1]] {
        check(
            versioned(shape, 0xa1b2_cd34, [2, 4], record),
            47,
            "modified",
        );
    }
}

#[test]
fn pcap_with_swapped_lengths_is_read() {
    let captured_first = |frame: &Frame| vec![seconds(frame), 0, length(frame.octets.len()), 60];
    let wire_first = |frame: &Frame| vec![seconds(frame), 0, 60, length(frame.octets.len())];
    for shape in [Shape::LITTLE, Shape::ALL[1]] {
        let magic = 0xa1b2_c3d4;
        for version in [[2, 0], [2, 1], [2, 2], [543, 0]] {
            check(
                versioned(shape, magic, version, wire_first),
                60,
                "before 2.3",
            );
        }
        check(versioned(shape, magic, [2, 3], wire_first), 60, "2.3");
        check(versioned(shape, magic, [2, 3], captured_first), 60, "2.3");
        check(versioned(shape, magic, [2, 4], captured_first), 60, "2.4");
    }
}

/// A snoop file.
fn snoop(datalink: u32, frames: &[Frame]) -> Vec<u8> {
    let mut file = [b"snoop\0\0\0".to_vec(), 2_u32.to_be_bytes().to_vec()].concat();
    file.extend(datalink.to_be_bytes());
    for frame in frames {
        let octets = frame.octets.len();
        let padding = octets.next_multiple_of(4) - octets;
        let record = length(24 + octets + padding);
        let words = [frame.length, length(octets), record, 7, seconds(frame), 0];
        file.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        file.extend(&frame.octets);
        file.extend(vec![0; padding]);
    }
    file
}

/// A file of ERF with Ethernet frames, a record of padding between them.
fn erf(frames: &[Frame]) -> Vec<u8> {
    let mut file = Vec::new();
    for frame in frames {
        // Half a second more.
        file.extend(0x8000_0000_u32.to_le_bytes());
        file.extend(seconds(frame).to_le_bytes());
        let record = u16::try_from(18 + frame.octets.len())
            .unwrap()
            .to_be_bytes();
        let wire = u16::try_from(frame.length).unwrap().to_be_bytes();
        file.extend([2, 5, record[0], record[1], 0, 0, wire[0], wire[1], 0, 0]);
        file.extend(&frame.octets);
        file.extend([0, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 16, 0, 0, 0, 0]);
    }
    file
}

#[test]
fn snoop_of_ethernet_and_fddi_is_read() {
    check(snoop(4, &frames()), 47, "snoop");
    check(snoop(0, &frames()), 47, "snoop");
    let fddi = [
        0x50, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0,
    ];
    let frames: Vec<Frame> = frames()
        .iter()
        .map(|frame| Frame::new(frame.at, [&fddi, &frame.octets[14..]].concat()))
        .collect();
    check(snoop(8, &frames), 54, "snoop");
}

fn error(outcome: &Outcome) -> String {
    outcome.error.as_ref().unwrap().to_string()
}

#[test]
fn unsupported_snoop_is_named() {
    assert_eq!(
        error(&read(snoop(3, &[]))),
        "cannot read the capture at byte 0: its datalink type is 3 (IEEE 802.6 Metro Net), which is not read"
    );
    let mut file = snoop(4, &[]);
    file[11] = 4;
    assert_eq!(
        error(&read(file)),
        "cannot read the capture at byte 0: version 4 of snoop is not known"
    );
    let mut file = snoop(4, &frames());
    file[16 + 11] = 70;
    assert_eq!(
        error(&read(file)),
        "cannot read the capture at byte 16: a packet record of 70 octets claims 47 captured octets"
    );
}

#[test]
fn erf_is_recognised_by_its_records() {
    let flows = read(erf(&frames())).whole();
    assert_eq!(flows.len(), 3);
    for (flow, second) in flows.iter().zip(0..) {
        assert_eq!(sums(flow), [1, 33, 0, 0]);
        assert_eq!(dates(flow), [second * SECOND + SECOND / 2; 2]);
        assert_eq!(
            flow.interface.source_mac.unwrap().to_string(),
            "02:00:00:00:00:01"
        );
    }
    let mut file = erf(&frames());
    let second = file.len() / 3;
    file[second + 11] = 15;
    assert_eq!(
        error(&read(file.clone())),
        format!(
            "cannot read the capture at byte {second}: a packet record claims a length of 15 octets"
        )
    );
    // Right at the beginning, it is no file of ERF.
    file[11] = 15;
    assert!(error(&read(file)).contains("it is no capture in pcap, pcapng, snoop or ERF"));
}

#[test]
fn old_formats_truncated_at_any_byte_give_all_flows_before() {
    let files = [
        (snoop(4, &frames()), 16, 24 + 48),
        (erf(&frames()), 0, 18 + 47 + 16),
    ];
    for (file, header, record) in files {
        for end in 0..file.len() {
            let outcome = read(file[..end].to_vec());
            check_ledger(&outcome.flows, &outcome.stats);
            let before = end.saturating_sub(header) / record;
            // Padding of ERF is no flow.
            let beyond = header == 0 && end % record >= 18 + 47;
            assert_eq!(
                outcome.flows.len(),
                before + usize::from(beyond),
                "{end} octets"
            );
            let clean = (end >= header && (end - header) % record == 0 && end != 0)
                || (header == 0 && end % record == 18 + 47);
            assert_eq!(outcome.error.is_none(), clean, "{end} octets");
        }
    }
}
