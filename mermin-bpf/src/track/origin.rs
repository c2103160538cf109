//! Who started a flow.

use crate::{abi::slot::origin, track::key::HIGH_TO_LOW, wire::tcp::flag};

/// Bits of [`origin`] for a flow whose first packet goes in `direction`.
///
/// `tcp_flags` are 0 for other protocols than TCP. The sender of the SYN started it; a SYN-ACK seen first therefore came from
/// the other side. Without a SYN it is who was seen first.
#[inline(always)]
#[must_use]
pub const fn decide(tcp_flags: u8, direction: u8) -> u8 {
    let sender = if direction == HIGH_TO_LOW {
        origin::HIGHER_STARTED
    } else {
        0
    };
    if tcp_flags & flag::SYN != 0 {
        let answered = tcp_flags & flag::ACK != 0;
        let starter = if answered {
            sender ^ origin::HIGHER_STARTED
        } else {
            sender
        };
        starter | origin::BY_SYN
    } else {
        sender
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::key::LOW_TO_HIGH;

    #[test]
    fn who_sent_the_syn_started_it() {
        let by_low = origin::BY_SYN;
        let by_high = origin::BY_SYN | origin::HIGHER_STARTED;
        let syn_ack = flag::SYN | flag::ACK;
        assert_eq!(decide(flag::SYN, LOW_TO_HIGH), by_low);
        assert_eq!(decide(flag::SYN, HIGH_TO_LOW), by_high);
        assert_eq!(decide(syn_ack, LOW_TO_HIGH), by_high);
        assert_eq!(decide(syn_ack, HIGH_TO_LOW), by_low);
    }

    #[test]
    fn else_who_was_seen_first() {
        assert_eq!(decide(0, HIGH_TO_LOW), origin::HIGHER_STARTED);
        assert_eq!(decide(flag::ACK, LOW_TO_HIGH), 0);
    }
}
