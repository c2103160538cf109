//! Files that are truncated, damaged, or no captures.

use mermin_core::ErrorKind;
use proptest::prelude::*;

use crate::{
    frames::{
        Described, ETHERNET, Frame, SECOND, Shape, block, description, enhanced, pcap, pcapng,
        section, udp,
    },
    run::{check_ledger, read},
};

/// Three flows of a datagram each.
fn frames() -> Vec<Frame> {
    (0..3)
        .map(|number| Frame::new(u64::from(number) * SECOND, udp(number + 1, 5)))
        .collect()
}

/// Cuts a file at every byte. `starts` is where each packet starts, and where the file ends; before the first, the file is
/// whole only after so many octets as are in `opening`.
fn cut_everywhere(file: &[u8], opening: &[usize], starts: &[usize], what: &str) {
    for length in 0..=file.len() {
        let outcome = read(file[..length].to_vec());
        let before = starts.iter().rposition(|&start| start <= length);
        assert_eq!(outcome.flows.len(), before.unwrap_or(0), "{length} octets");
        check_ledger(&outcome.flows, &outcome.stats);
        let clean = starts.contains(&length) || opening.contains(&length);
        assert_eq!(outcome.error.is_none(), clean, "{length} octets");
        let Some(error) = outcome.error else {
            continue;
        };
        assert_eq!(error.kind(), ErrorKind::InvalidCapture);
        let text = error.to_string();
        match before {
            Some(before) => assert_eq!(
                text,
                format!(
                    "cannot read the capture at byte {}: it ends within {what}",
                    starts[before]
                )
            ),
            None => assert!(
                text.starts_with("cannot read the capture at byte "),
                "{text}"
            ),
        }
    }
}

#[test]
fn pcap_truncated_at_any_byte_gives_all_flows_before() {
    for shape in Shape::ALL {
        let file = pcap(shape, ETHERNET, &frames());
        let record = 16 + udp(1, 5).len();
        let starts: Vec<usize> = (0..=3).map(|number| 24 + number * record).collect();
        cut_everywhere(&file, &[], &starts, "a packet record");
    }
}

#[test]
fn pcapng_truncated_at_any_byte_gives_all_flows_before() {
    for shape in Shape::ALL {
        let mut file = section(shape);
        let header = file.len();
        file.extend(description(shape, &Described::new(1, "eth0")));
        let mut starts = vec![file.len()];
        for frame in frames() {
            file.extend(enhanced(shape, &frame, frame.at, true));
            starts.push(file.len());
        }
        cut_everywhere(&file, &[header], &starts, "a block");
    }
}

fn text(file: Vec<u8>) -> String {
    let error = read(file).error.unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidCapture);
    assert!(error.remedy().is_some());
    error.to_string()
}

#[test]
fn file_that_is_no_capture_is_an_error() {
    assert_eq!(
        text(Vec::new()),
        "cannot read the capture at byte 0: it is empty"
    );
    assert_eq!(
        text(vec![0xd4]),
        "cannot read the capture at byte 0: it ends within its header"
    );
    for length in [4, 8, 11, 12, 16, 23, 24, 100] {
        let mut file = b"%PDF-1.7".to_vec();
        file.resize(length, 7);
        assert_eq!(
            text(file),
            "cannot read the capture at byte 0: it is no capture in pcap, pcapng, snoop or ERF: it begins with 25 50 44 46"
        );
    }
}

#[test]
fn damage_error_has_kind_and_offset() {
    let mut file = pcap(Shape::LITTLE, ETHERNET, &frames());
    let second = 24 + 16 + udp(1, 5).len();
    file[second + 11] = 0x7f;
    assert_eq!(
        text(file),
        format!(
            "cannot read the capture at byte {second}: a packet record claims {} captured octets",
            0x7f00_0000 + udp(1, 5).len()
        )
    );

    let shape = Shape::LITTLE;
    let good = pcapng(shape, &[Described::new(1, "")], &frames()[..1]);
    let with = |more: &[u8]| [&good[..], more].concat();
    let at = good.len();
    let mut unequal = enhanced(shape, &frames()[0], 0, false);
    let last = unequal.len() - 1;
    unequal[last] = 9;
    let mut unread = block(shape, 0x0bad, &[1; 8]);
    unread[16] = 16;
    let mut claims = enhanced(shape, &frames()[0], 0, false);
    claims[20] = 200;
    let cases = [
        (
            vec![6, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0],
            "a block claims a length of 11 octets",
        ),
        (
            vec![6, 0, 0, 0, 0, 0, 0, 0x70, 0, 0, 0, 0],
            "a block of type 0x6 claims a length of 1879048192 octets",
        ),
        (unequal, "the two lengths of a block of type 0x6 differ"),
        (unread, "the two lengths of a block of type 0xbad differ"),
        (claims, "a block of type 0x6 cannot be read"),
        (
            enhanced(shape, &frames()[0].clone().on(3), 0, false),
            "a packet names interface 3, of which its section has 1",
        ),
        (
            block(shape, 0x0a0d_0d0a, &[0; 16]),
            "a section header has the byte-order magic 0x00000000",
        ),
    ];
    for (more, why) in cases {
        assert_eq!(read(with(&more)).flows.len(), 1, "{why}");
        assert_eq!(
            text(with(&more)),
            format!("cannot read the capture at byte {at}: {why}")
        );
    }
}

#[test]
fn readers_error_comes_last_and_unchanged() {
    struct Failing(std::io::Cursor<Vec<u8>>);
    impl std::io::Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            // Odd pieces, and calls that are interrupted.
            if self.0.position() % 2 == 1 {
                self.0.set_position(self.0.position() + 1);
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            match self.0.read(&mut buffer[..1])? {
                0 => Err(std::io::Error::other("the disk is gone")),
                read => Ok(read),
            }
        }
    }
    let file = pcap(Shape::LITTLE, ETHERNET, &frames());
    let end = file.len();
    // The interruption skips every other octet, so each is written twice.
    let doubled = file.iter().flat_map(|&octet| [octet, octet]).collect();
    let source =
        mermin_core::FlowSource::builder().pcap_reader(Failing(std::io::Cursor::new(doubled)));
    let outcome = crate::run::open(source).unwrap();
    assert_eq!(outcome.flows.len(), 3);
    let error = outcome.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::System);
    assert_eq!(
        error.to_string(),
        format!("cannot read the capture at byte {end}: reading failed")
    );
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "the disk is gone");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn garbage_gives_flows_an_error_and_a_balanced_ledger(
        start in prop_oneof![
            Just(Vec::new()),
            Just(pcap(Shape::LITTLE, ETHERNET, &frames())),
            Just(pcapng(Shape::LITTLE, &[Described::new(1, "x")], &frames())),
            Just(pcapng(Shape::ALL[1], &[Described::new(1, "x")], &frames())),
        ],
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        garbage in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut file = start;
        for (at, octet) in changes {
            if !file.is_empty() {
                let at = at.index(file.len());
                file[at] = octet;
            }
        }
        file.extend(garbage);
        let outcome = read(file);
        check_ledger(&outcome.flows, &outcome.stats);
        if let Some(error) = outcome.error {
            prop_assert!(error.to_string().contains(" at byte "), "{error}");
        }
    }
}
