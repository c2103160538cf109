//! A capture file of any octets: flows, then perhaps an error with its place, and a ledger that closes.

use std::io::{self, Read};

use mermin_core::{
    ErrorKind, Timeouts,
    lab::{CaptureOutcome, read_capture},
};

use crate::bits::Bits;

const ROOM: u32 = 64;

/// Two octets that say how the file is handed over, then the file.
///
/// # Panics
/// When a promise is broken.
pub fn run(octets: &[u8]) {
    let mut bits = Bits(octets);
    let (piece, cut) = (bits.octet(), bits.octet());
    let file = bits.rest();
    let outcome = read_capture(file, Timeouts::default(), ROOM);
    ledger(&outcome);
    placed(&outcome, file.len());

    let pieces = Pieces {
        left: file,
        most: usize::from(piece) + 1,
    };
    let in_parts = read_capture(pieces, Timeouts::default(), ROOM);
    ledger(&in_parts);
    assert_eq!(
        text(&outcome),
        text(&in_parts),
        "the pieces it came in count"
    );
    assert_eq!(outcome.flows, in_parts.flows, "the pieces it came in count");
    assert_eq!(outcome.stats, in_parts.stats);

    let part = &file[..file.len() * usize::from(cut) / 256];
    let part = read_capture(part, Timeouts::default(), ROOM);
    ledger(&part);
    assert!(part.stats.packets <= outcome.stats.packets);
}

fn text(outcome: &CaptureOutcome) -> Option<String> {
    outcome.error.as_ref().map(ToString::to_string)
}

/// Every packet is in one flow or under one reason, on each interface.
pub(crate) fn ledger(outcome: &CaptureOutcome) {
    let stats = &outcome.stats;
    for hook in &stats.hooks {
        let [mut packets, mut octets] = [0, 0];
        let flows = outcome.flows.iter();
        for flow in flows.filter(|flow| flow.interface.index == hook.index) {
            for half in [&flow.forward, &flow.reverse] {
                packets += half.packets.delta;
                octets += half.frame_octets.delta;
            }
        }
        for found in &hook.ignored {
            packets += found.packets;
            octets += found.frame_octets;
        }
        assert_eq!(
            [packets, octets],
            [hook.traffic.packets, hook.traffic.frame_octets]
        );
    }
    assert_eq!(stats.records, outcome.flows.len() as u64);
    assert_eq!(stats.flows_open, 0);
}

/// An error says at which byte, and that byte is in the file or at its end, or in what a compressed file holds.
fn placed(outcome: &CaptureOutcome, length: usize) {
    let Some(error) = &outcome.error else {
        return;
    };
    assert!(matches!(
        error.kind(),
        ErrorKind::InvalidCapture | ErrorKind::Unsupported
    ));
    let text = error.to_string();
    let place = text
        .split_once(" at byte ")
        .and_then(|(_, rest)| rest.split_once(": "))
        .and_then(|(place, _)| place.parse::<usize>().ok());
    let packed = text.contains(" holds (");
    assert!(
        place.is_some_and(|place| packed || place <= length),
        "{text}"
    );
}

/// A reader that gives few octets at a time.
struct Pieces<'a> {
    left: &'a [u8],
    most: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.most.min(buffer.len());
        self.left.read(&mut buffer[..most])
    }
}
