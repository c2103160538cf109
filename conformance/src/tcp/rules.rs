//! Reasons why tshark and this project say different things of a segment. Each is computed from the octets that passed and tshark's own
//! fields; docs/ACCURACY.md explains it.

use mermin_bpf::wire::tcp::flag;

use super::{field::Field, frame::Frame, handshake::Handshake, stream::Step};

/// The one that says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Here,
    Tshark,
}

/// Returns the rule for a difference.
pub(super) fn explain(
    field: Field,
    side: Side,
    frame: &Frame,
    step: &Step,
) -> Option<&'static str> {
    match field {
        Field::Retransmission | Field::OutOfOrder => order(frame, step),
        Field::DuplicateAck => duplicate(side, step),
        Field::ZeroWindow | Field::Reset | Field::InitialRoundTrip => None,
        Field::RetransmittedOctets => octets(frame, step),
        Field::RoundTrip => round_trip(frame, step),
    }
}

fn octets(frame: &Frame, step: &Step) -> Option<&'static str> {
    if step.ours.retransmission != frame.theirs.retransmission {
        return order(frame, step);
    }
    let place = &step.place;
    let payload = i64::from(frame.segment.payload);
    let again = (place.length - place.new).clamp(0, payload);
    (place.new != 0 && u64::try_from(again) == Ok(step.octets))
        .then_some("its last octets are new ones")
}

/// Returns the rule for different initial round trips.
pub(super) fn initial_round_trip(it: &Handshake) -> Option<&'static str> {
    // Two times of 1 ns, the least here.
    if it.ours == Some(2) && it.theirs.is_none() {
        return Some("its segments have the same time");
    }
    if !it.is_answered {
        return Some("no SYN-ACK was seen: tshark takes another acknowledgment");
    }
    it.opening
        .iter()
        .any(|segments| *segments > 1)
        .then_some("a SYN or SYN-ACK was sent again: it times nothing here (Karn's algorithm)")
}

fn order(frame: &Frame, step: &Step) -> Option<&'static str> {
    let place = &step.place;
    let (ours, theirs) = (step.ours, frame.theirs);
    if frame.segment.has(flag::RST) {
        return Some("a reset is only that here");
    }
    if place.has_jumped {
        return Some("numbers of the direction jump by more than 2^30");
    }
    if place.is_behind_acknowledgment {
        return Some("an acknowledgment without data was ahead of it, which begins no gap here");
    }
    if ours.retransmission && theirs.out_of_order && place.seen == place.length {
        return Some("all octets had passed: sent again here, reordered there within a round trip");
    }
    if ours.retransmission && theirs.out_of_order && place.seen != 0 {
        return Some(
            "some octets had passed: sent again here, reordered there within a round trip",
        );
    }
    if ours.retransmission && frame.segment.payload > 1 && place.length - place.new == 1 {
        return Some(
            "of octets that had passed it has the last one: tshark takes that for a probe of the window",
        );
    }
    if ours.retransmission != theirs.retransmission && ours.out_of_order != theirs.out_of_order {
        return Some(if place.gaps > 1 {
            "several gaps are one here, with the time of the last one"
        } else {
            "the time is since the gap began here, and since the highest octet there"
        });
    }
    None
}

fn duplicate(side: Side, step: &Step) -> Option<&'static str> {
    let place = &step.place;
    if place.follows_older_acknowledgment {
        return Some("tshark compares with an older acknowledgment that came in between");
    }
    if side == Side::Tshark {
        if place.acknowledges_all {
            return Some("nothing is outstanding (RFC 5681 section 2)");
        }
        if place.is_ahead_of_data {
            return Some("it is ahead of the data of its direction");
        }
    } else if place.answers_probe {
        return Some("it answers a keep-alive or a probe");
    }
    None
}

fn round_trip(frame: &Frame, step: &Step) -> Option<&'static str> {
    if !step.is_of_segment {
        return None;
    }
    Some(match frame.ack_rtt {
        Some(_) => "it acknowledges several segments: the first is timed here, the last there",
        None => "tshark times no segment that ends where the acknowledgment does",
    })
}
