//! The state of a TCP connection, as an observer between its two ends derives it from the flags of each direction.
//!
//! The kernel program stores each flag in a byte of its own, so two CPUs that store at once lose nothing; the state is
//! derived when a record is made.

use crate::wire::tcp::flag;

/// One byte per flag bit, each holding its own bit. Lanes have [`lane_bytes`], in which SYN-ACK differs.
#[inline(always)]
#[must_use]
pub const fn flags_to_bytes(flags: u8) -> u64 {
    (flags as u64).wrapping_mul(0x0101_0101_0101_0101) & 0x8040_2010_0804_0201
}

/// The bytes that a segment with these flags leaves in [`Lane::tcp_flags`](crate::abi::slot::Lane::tcp_flags): the ACK of a SYN-ACK is in the byte
/// of SYN. So the byte of ACK is set only if the sender sent a segment with ACK and without SYN. That distinguishes a lone SYN-ACK from an open
/// connection.
#[inline(always)]
#[must_use]
pub const fn lane_bytes(flags: u8) -> u64 {
    const ACK: u64 = flags_to_bytes(flag::ACK);
    const ACK_BESIDE_SYN: u64 = (flag::ACK as u64) << (8 * flag::SYN.trailing_zeros());
    let bytes = flags_to_bytes(flags);
    if flags & SYN_ACK == SYN_ACK {
        bytes & !ACK | ACK_BESIDE_SYN
    } else {
        bytes
    }
}

/// True if a lane's bytes have an ACK without SYN.
#[must_use]
pub const fn acked(lane_bytes: u64) -> bool {
    lane_bytes & flags_to_bytes(flag::ACK) != 0
}

const SYN_ACK: u8 = flag::SYN | flag::ACK;

/// All flags in bytes of [`flags_to_bytes`] or [`lane_bytes`].
#[must_use]
pub const fn flags_from_bytes(flag_bytes: u64) -> u8 {
    let bytes = flag_bytes.to_le_bytes();
    let mut flags = 0;
    let mut at = 0;
    while at < bytes.len() {
        flags |= bytes[at];
        at += 1;
    }
    flags
}

/// A SYN without ACK, RST and FIN: the start of a connection.
#[inline(always)]
#[must_use]
pub const fn starts(flags: u8) -> bool {
    flags & (flag::SYN | flag::ACK | flag::RST | flag::FIN) == flag::SYN
}

/// True if nothing but stragglers can come: both sides sent FIN, or one sent RST.
#[inline(always)]
#[must_use]
pub const fn ended(one: u8, other: u8) -> bool {
    (one & other & flag::FIN) | ((one | other) & flag::RST) != 0
}

/// True if a segment begins a new connection of the same ports. `one` and `other` are the flags that the sides have sent so far, `known` is the
/// initial sequence number that the segment's sender has in the present connection, and `number` that of the segment.
///
/// A SYN with another number begins a new connection. A SYN with the known number is a repetition of the present connection's SYN, or a late
/// copy of it. After a RST it begins a new connection, because the old one no longer exists. If one of the numbers is unknown, a SYN begins a
/// new connection if the present one has [ended].
#[inline(always)]
#[must_use]
pub const fn restarts(
    flags: u8,
    [one, other]: [u8; 2],
    known: Option<u32>,
    number: Option<u32>,
) -> bool {
    if !starts(flags) {
        return false;
    }
    match (known, number) {
        (Some(known), Some(number)) if known != number => true,
        (Some(_), Some(_)) => (one | other) & flag::RST != 0,
        _ => ended(one, other),
    }
}

/// States of RFC 9293 section 3.3.2, as seen from the side that opened the connection, as far as the segments seen prove them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// SYN sent.
    SynSent,
    /// SYN-ACK sent and not acknowledged.
    SynReceived,
    /// Open, or the capture began during the connection.
    Established,
    /// The opener sent FIN.
    FinWait1,
    /// The opener's FIN was acknowledged; the other side's FIN, if it was seen, was not.
    FinWait2,
    /// The other side sent FIN.
    CloseWait,
    /// Both sides sent FIN; the opener closed first or at the same time, and its FIN is not acknowledged.
    Closing,
    /// The other side closed first, then the opener; the opener's FIN is not acknowledged.
    LastAck,
    /// The opener closed first, and both FINs are acknowledged.
    TimeWait,
    /// Reset, or the other side closed first and both FINs are acknowledged.
    Closed,
}

/// One side of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Flags it sent so far.
    pub flags: u8,
    /// It sent an ACK without SYN.
    pub acked: bool,
    /// It acknowledged something after the other side's FIN.
    pub acked_fin: bool,
    /// Its own FIN came after the other side's.
    pub fin_second: bool,
}

impl Side {
    /// Takes note of a segment that this side sent. `other` are the flags that the other side sent so far.
    #[inline(always)]
    pub const fn send(&mut self, flags: u8, other: u8) {
        if other & flag::FIN != 0 {
            self.acked_fin |= flags & flag::ACK != 0;
            // A FIN sent again says nothing of who was first.
            self.fin_second |= flags & flag::FIN != 0 && !self.sent(flag::FIN);
        }
        self.acked |= flags & SYN_ACK == flag::ACK;
        self.flags |= flags;
    }

    const fn sent(self, bit: u8) -> bool {
        self.flags & bit != 0
    }
}

/// The state that follows from a connection's flags. A side of which no segment is seen has no flags.
///
/// * If both sides are seen, an ACK of the opener proves that the opener received the SYN-ACK. Nothing else does: with TCP Fast Open
///   (RFC 7413), the other side may send data before it has that ACK.
/// * If only the opener's peer is seen, its first ACK without SYN counts instead, because nothing better is seen. With Fast Open that may be
///   too early.
/// * If the other side has acknowledged the opener's FIN and then sent its own, the state is still [`FinWait2`](State::FinWait2) until the
///   opener acknowledges that FIN: the opener may not have received it yet.
#[must_use]
pub const fn state(opener: Side, other: Side) -> State {
    if opener.sent(flag::RST) || other.sent(flag::RST) {
        return State::Closed;
    }
    match (opener.sent(flag::FIN), other.sent(flag::FIN)) {
        (true, true) if opener.fin_second && !other.fin_second => {
            if other.acked_fin {
                State::Closed
            } else {
                State::LastAck
            }
        }
        (true, true) if opener.acked_fin && other.acked_fin => State::TimeWait,
        (true, _) if other.acked_fin => State::FinWait2,
        (true, true) => State::Closing,
        (true, false) => State::FinWait1,
        (false, true) => State::CloseWait,
        (false, false) => {
            if opener.sent(flag::ACK) {
                State::Established
            } else if opener.sent(flag::SYN) {
                if other.sent(flag::SYN) {
                    State::SynReceived
                } else {
                    State::SynSent
                }
            } else if other.sent(flag::SYN) && !other.acked {
                State::SynReceived
            } else {
                State::Established
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flag::{ACK, FIN, RST, SYN};

    const fn side(flags: u8) -> Side {
        Side {
            flags,
            acked: false,
            acked_fin: false,
            fin_second: false,
        }
    }

    const fn acked_fin(mut side: Side) -> Side {
        side.acked_fin = true;
        side
    }

    const fn second(mut side: Side) -> Side {
        side.fin_second = true;
        side
    }

    #[test]
    fn every_flag_survives_spreading() {
        for flags in 0..=u8::MAX {
            assert_eq!(flags_from_bytes(flags_to_bytes(flags)), flags);
            assert_eq!(flags_from_bytes(lane_bytes(flags)), flags);
            assert_eq!(acked(lane_bytes(flags)), flags & (SYN | ACK) == ACK);
        }
    }

    #[test]
    fn connection_opens() {
        assert_eq!(state(side(SYN), side(0)), State::SynSent);
        assert_eq!(state(side(SYN), side(SYN | ACK)), State::SynReceived);
        assert_eq!(state(side(SYN | ACK), side(SYN | ACK)), State::Established);
        assert_eq!(state(side(ACK), side(ACK)), State::Established);
    }

    #[test]
    fn opener_closes_first() {
        let (open, fin) = (side(SYN | ACK), side(SYN | ACK | FIN));
        assert_eq!(state(fin, open), State::FinWait1);
        assert_eq!(state(fin, acked_fin(open)), State::FinWait2);
        assert_eq!(state(fin, second(acked_fin(fin))), State::FinWait2);
        assert_eq!(
            state(acked_fin(fin), second(acked_fin(fin))),
            State::TimeWait
        );
    }

    #[test]
    fn other_side_closes_first() {
        let (open, fin) = (side(SYN | ACK), side(SYN | ACK | FIN));
        assert_eq!(state(open, fin), State::CloseWait);
        assert_eq!(state(second(acked_fin(fin)), fin), State::LastAck);
        assert_eq!(state(second(acked_fin(fin)), acked_fin(fin)), State::Closed);
    }

    #[test]
    fn fin_sent_again_is_no_second_one() {
        let mut opener = side(SYN | ACK);
        let mut other = side(SYN | ACK);
        other.send(FIN | ACK, opener.flags);
        opener.send(ACK, other.flags);
        opener.send(FIN | ACK, other.flags);
        other.send(FIN | ACK, opener.flags);
        assert!(opener.fin_second && !other.fin_second);
        other.send(ACK, opener.flags);
        assert_eq!(state(opener, other), State::Closed);
    }

    #[test]
    fn simultaneous_close_and_reset_end_the_connection() {
        let fin = side(SYN | ACK | FIN);
        assert_eq!(state(fin, fin), State::Closing);
        assert_eq!(state(acked_fin(fin), acked_fin(fin)), State::TimeWait);
        assert_eq!(state(side(SYN), side(RST | ACK)), State::Closed);
        assert!(ended(SYN, RST));
        assert!(ended(FIN, FIN));
        assert!(!ended(FIN, ACK));
    }

    /// Both sides after the segments given; `true` is the opener's.
    fn after(segments: &[(bool, u8)]) -> (Side, Side) {
        let (mut opener, mut other) = (Side::default(), Side::default());
        for &(from_opener, flags) in segments {
            if from_opener {
                opener.send(flags, other.flags);
            } else {
                other.send(flags, opener.flags);
            }
        }
        (opener, other)
    }

    #[test]
    fn connection_is_followed_from_its_segments() {
        let close = |first: bool| {
            [
                (true, SYN),
                (false, SYN | ACK),
                (true, ACK),
                (first, FIN | ACK),
                (!first, ACK),
                (!first, FIN | ACK),
                (first, ACK),
            ]
        };
        let states = |segments: &[(bool, u8)]| -> std::vec::Vec<State> {
            (1..=segments.len())
                .map(|count| {
                    let (opener, other) = after(&segments[..count]);
                    state(opener, other)
                })
                .collect()
        };
        assert_eq!(
            states(&close(true)),
            [
                State::SynSent,
                State::SynReceived,
                State::Established,
                State::FinWait1,
                State::FinWait2,
                State::FinWait2,
                State::TimeWait,
            ]
        );
        assert_eq!(
            states(&close(false))[3..],
            [
                State::CloseWait,
                State::CloseWait,
                State::LastAck,
                State::Closed,
            ]
        );
    }

    /// Segments in their order, `true` for those of who counts as the opener, and the state after them.
    type Row = (&'static str, &'static [(bool, u8)], State);

    const ROWS: &[Row] = {
        use State::{
            CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, SynReceived,
            SynSent, TimeWait,
        };
        const PSH: u8 = flag::PSH;
        &[
            // Both directions.
            ("SYN", &[(true, SYN)], SynSent),
            ("challenged", &[(true, SYN), (false, ACK)], SynSent),
            ("refused", &[(true, SYN), (false, RST | ACK)], Closed),
            ("answered", &[(true, SYN), (false, SYN | ACK)], SynReceived),
            (
                "data of TCP Fast Open before the opener's ACK",
                &[(true, SYN), (false, SYN | ACK), (false, PSH | ACK)],
                SynReceived,
            ),
            (
                "open",
                &[(true, SYN), (false, SYN | ACK), (true, ACK)],
                Established,
            ),
            (
                "answer first",
                &[(false, SYN | ACK), (true, SYN), (true, ACK)],
                Established,
            ),
            (
                "the other side closes first, then the opener",
                &[(true, ACK), (false, FIN | ACK), (true, FIN | ACK)],
                LastAck,
            ),
            (
                "FINs without an acknowledgment",
                &[(true, ACK), (true, FIN), (false, FIN)],
                Closing,
            ),
            (
                "the opener waits for a FIN that is on its way",
                &[(true, ACK), (true, FIN | ACK), (false, FIN | ACK)],
                FinWait2,
            ),
            (
                "both closed",
                &[(true, FIN | ACK), (false, FIN | ACK), (true, ACK)],
                TimeWait,
            ),
            // Only the opener is seen. Its ACK proves that it received the answer. No segment proves that its FIN was acknowledged.
            ("SYN again", &[(true, SYN), (true, SYN)], SynSent),
            ("opener's ACK", &[(true, SYN), (true, ACK)], Established),
            (
                "opener's data",
                &[(true, SYN), (true, ACK), (true, PSH | ACK)],
                Established,
            ),
            (
                "opener's FIN",
                &[(true, SYN), (true, ACK), (true, FIN | ACK), (true, ACK)],
                FinWait1,
            ),
            (
                "opener's RST",
                &[(true, SYN), (true, ACK), (true, RST)],
                Closed,
            ),
            // Only the other side is seen.
            ("SYN-ACK", &[(false, SYN | ACK)], SynReceived),
            (
                "SYN-ACK again",
                &[(false, SYN | ACK), (false, SYN | ACK)],
                SynReceived,
            ),
            (
                "other's ACK",
                &[(false, SYN | ACK), (false, ACK)],
                Established,
            ),
            (
                "other's FIN",
                &[
                    (false, SYN | ACK),
                    (false, ACK),
                    (false, FIN | ACK),
                    (false, ACK),
                ],
                CloseWait,
            ),
            ("other's RST", &[(false, SYN | ACK), (false, RST)], Closed),
            // The capture began during the connection, before a FIN: the first sender counts as the opener.
            ("one way", &[(true, ACK)], Established),
            ("both ways", &[(true, ACK), (false, ACK)], Established),
            (
                "then a FIN",
                &[(true, ACK), (false, FIN | ACK), (true, ACK)],
                CloseWait,
            ),
            // The capture began at a FIN, or after the other side's FIN, which no segment then shows.
            ("at the FIN", &[(true, FIN | ACK), (false, ACK)], FinWait2),
            ("after one FIN, or after both", &[(true, ACK)], Established),
            (
                "after a FIN, then the second one",
                &[(true, ACK), (true, FIN | ACK)],
                FinWait1,
            ),
            (
                "after a FIN, then the second one and its acknowledgment",
                &[(true, FIN | ACK), (false, ACK)],
                FinWait2,
            ),
        ]
    };

    #[test]
    fn state_is_what_the_seen_segments_prove() {
        for (name, segments, expected) in ROWS {
            let (opener, other) = after(segments);
            assert_eq!(state(opener, other), *expected, "{name}: {segments:?}");
        }
    }

    #[test]
    fn ended_connection_restarts() {
        let unknown = |flags, seen| restarts(flags, seen, None, Some(7));
        assert!(unknown(SYN, [FIN | ACK, FIN | ACK]));
        assert!(unknown(SYN, [SYN, RST | ACK]));
        assert!(!unknown(SYN, [FIN | ACK, ACK]));
        assert!(!unknown(SYN | ACK, [FIN, FIN]));
    }

    #[test]
    fn another_number_is_another_connection_and_the_same_is_the_same() {
        let open = [SYN | ACK, SYN | ACK];
        assert!(restarts(SYN, open, Some(7), Some(8)));
        assert!(!restarts(SYN, open, Some(7), Some(7)));
        assert!(!restarts(SYN | ACK, open, Some(7), Some(8)));
        assert!(!restarts(ACK, open, Some(7), None));
        let closed = [SYN | ACK | FIN; 2];
        assert!(restarts(SYN, closed, Some(7), Some(8)));
        assert!(!restarts(SYN, closed, Some(7), Some(7)), "it comes late");
        assert!(restarts(SYN, [SYN, RST | ACK], Some(7), Some(7)));
    }

    #[test]
    fn only_a_pure_syn_starts() {
        assert!(starts(SYN));
        assert!(starts(SYN | flag::ECE | flag::CWR));
        assert!(!starts(SYN | ACK));
        assert!(!starts(SYN | FIN));
    }
}
