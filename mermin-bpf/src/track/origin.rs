//! The side that started a flow.

use crate::{abi::slot::origin, track::key::HIGH_TO_LOW, wire::tcp::flag};

/// The kind of a flow's first packet, which tells who started it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    /// It opened a connection.
    Opening,
    /// It answered whoever started the flow.
    Answer,
    /// Any other.
    #[default]
    Other,
}

impl First {
    /// Reads bits of [`origin`].
    #[must_use]
    pub const fn of(bits: u8) -> Self {
        if bits & origin::BY_SYN != 0 {
            Self::Opening
        } else if bits & origin::BY_ANSWER != 0 {
            Self::Answer
        } else {
            Self::Other
        }
    }
}

/// Bits of [`origin`] for a flow whose first packet goes in `direction`.
///
/// `tcp_flags` are as [`Packet::tcp_flags`](crate::wire::packet::Packet::tcp_flags). The sender of a SYN, or the
/// receiver of an answer, started the flow; otherwise the sender of its first packet did.
#[inline(always)]
#[must_use]
pub const fn decide(is_answer: bool, tcp_flags: u8, direction: u8) -> u8 {
    let sender = if direction == HIGH_TO_LOW {
        origin::HIGHER_STARTED
    } else {
        0
    };
    if is_answer {
        sender ^ origin::HIGHER_STARTED | origin::BY_ANSWER
    } else if tcp_flags & flag::SYN != 0 {
        sender | origin::BY_SYN
    } else {
        sender
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::key::LOW_TO_HIGH;

    #[test]
    fn sender_of_the_syn_started_the_flow() {
        let by_low = origin::BY_SYN;
        let by_high = origin::BY_SYN | origin::HIGHER_STARTED;
        assert_eq!(decide(false, flag::SYN, LOW_TO_HIGH), by_low);
        assert_eq!(decide(false, flag::SYN, HIGH_TO_LOW), by_high);
    }

    #[test]
    fn receiver_of_the_answer_started_the_flow() {
        let by_low = origin::BY_ANSWER;
        let by_high = origin::BY_ANSWER | origin::HIGHER_STARTED;
        for flags in [0, flag::SYN | flag::ACK] {
            assert_eq!(decide(true, flags, LOW_TO_HIGH), by_high);
            assert_eq!(decide(true, flags, HIGH_TO_LOW), by_low);
        }
    }

    #[test]
    fn first_seen_sender_is_the_fallback_source() {
        assert_eq!(decide(false, 0, HIGH_TO_LOW), origin::HIGHER_STARTED);
        assert_eq!(decide(false, flag::ACK, LOW_TO_HIGH), 0);
    }
}
