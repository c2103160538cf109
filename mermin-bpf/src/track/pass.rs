//! Which passes through the hooks of an interface are one packet's.
//!
//! A tc program has no room of its own in a packet, and a packet may meet hooks of one interface more than once: a router sends it
//! back to where it came from, a program redirects it. Its flow tells: a packet whose addresses or ports were rewritten
//! in between is one of another flow.

use super::key::LOW_TO_HIGH;

/// A packet that left, in one word: its flow, its direction in it, and the interface that received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure(pub u64);

impl Departure {
    const RECEIVER: u64 = 0x7fff;
    const DIRECTION_AT: u32 = 15;
    const FLOW: u64 = !0xffff;

    /// Creates the word of a packet of the flow with this digest. `receiver` is the index of an interface, 0 for a packet
    /// of this host's own.
    #[inline(always)]
    #[must_use]
    pub const fn new(digest: u64, direction: u8, receiver: u32) -> Self {
        Self(
            digest & Self::FLOW
                | (direction as u64 & 1) << Self::DIRECTION_AT
                | receiver as u64 & Self::RECEIVER,
        )
    }

    /// True if both are of one direction of a flow.
    #[inline(always)]
    #[must_use]
    pub const fn is_of_flow(self, other: Self) -> bool {
        self.0 ^ other.0 <= Self::RECEIVER
    }

    /// True if a packet that lies where the `earlier` one lay is that packet: this host's own then, and now one that was
    /// received, so it was redirected on its way out and sent again. Two packets that the host forwards both were received, and
    /// lie in the same place when the second came into memory that the first had left.
    #[inline(always)]
    #[must_use]
    pub const fn was_sent_again(self, earlier: Self) -> bool {
        self.is_of_flow(earlier) && earlier.0 & Self::RECEIVER == 0 && self.0 & Self::RECEIVER != 0
    }
}

/// True if the sender of a packet has no address yet (DHCP, MLD): the unspecified one, which is the lower of any two. `low` are the
/// words of the lower address, of which IPv4 has the lower half of the first.
///
/// Many senders have one such flow, and no router forwards their packets (RFC 1812 section 5.3.7, RFC 4291 section 2.5.2).
#[inline(always)]
#[must_use]
pub const fn is_of_nobody(low: [u64; 2], ipv6: bool, direction: u8) -> bool {
    let address = if ipv6 {
        low[0] | low[1]
    } else {
        low[0] & u32::MAX as u64
    };
    direction == LOW_TO_HIGH && address == 0
}

/// Facts about a direction of a flow of which packets are counted at ingress and pass at egress.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turned {
    /// Packets that were counted as they left.
    pub left: u64,
    /// Packets that were counted as they came, and left again.
    pub again: u64,
}

impl Turned {
    /// True if so many packets that leave may have come in by this interface: no more leave again than came. `counted` is how
    /// many packets the direction has, at either hook.
    #[inline(always)]
    #[must_use]
    pub const fn covers(&self, counted: u64, packets: u64) -> bool {
        self.again + packets <= counted.wrapping_sub(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: u64 = 0x1234_5678_9abc_def0;

    #[test]
    fn packet_of_this_host_that_comes_back_was_sent_again() {
        let own = Departure::new(FLOW, 1, 0);
        let redirected = Departure::new(FLOW, 1, 7);
        assert!(redirected.was_sent_again(own));
        // One more of the host's own, in the memory of the one before.
        assert!(!own.was_sent_again(own));
        assert!(!own.was_sent_again(redirected));
        // Forwarded packets, from one interface or from two.
        assert!(!redirected.was_sent_again(redirected));
        assert!(!Departure::new(FLOW, 1, 8).was_sent_again(redirected));
        // The other direction, another flow.
        assert!(!redirected.was_sent_again(Departure::new(FLOW, 0, 0)));
        assert!(!redirected.was_sent_again(Departure::new(FLOW ^ 1 << 40, 1, 0)));
        assert!(!redirected.was_sent_again(Departure(0)));
    }

    #[test]
    fn unspecified_source_is_no_sender() {
        use crate::track::key::HIGH_TO_LOW;

        let broadcast = 0xffff_ffff << 32;
        assert!(is_of_nobody([broadcast, 0], false, LOW_TO_HIGH));
        assert!(!is_of_nobody([broadcast, 0], false, HIGH_TO_LOW));
        assert!(!is_of_nobody([broadcast | 0xa, 0], false, LOW_TO_HIGH));
        assert!(is_of_nobody([0, 0], true, LOW_TO_HIGH));
        assert!(!is_of_nobody([0, 1 << 56], true, LOW_TO_HIGH), "::1");
        assert!(!is_of_nobody([1, 0], true, LOW_TO_HIGH));
        assert!(!is_of_nobody([0, 0], true, HIGH_TO_LOW));
    }

    #[test]
    fn hairpin_packets_are_limited_by_arrivals() {
        let mut turned = Turned::default();
        assert!(!turned.covers(0, 1));
        for _ in 0..3 {
            assert!(turned.covers(3, 1));
            turned.again += 1;
        }
        assert!(!turned.covers(3, 1));
        assert!(turned.covers(4, 1));
        assert!(!turned.covers(4, 2), "as one buffer they are counted whole");
        turned.left = 4;
        assert!(!turned.covers(7, 1));
        assert!(turned.covers(8, 1));
    }
}
