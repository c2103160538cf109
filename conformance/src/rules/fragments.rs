//! The conversation of a frame, and of the fragments of its packet.

use std::{collections::HashMap, net::IpAddr};

use super::{HEADER_LIMIT, ip::Level, tunnel::Carried};
use crate::{
    conversation::Conversation,
    link,
    tshark::{Frame, Layer},
};

/// Addresses, identification and protocol of a fragmented packet.
type Parts = ([IpAddr; 2], u64, u64);

/// Fragments so far.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    /// Conversations of first fragments, and if the outer packet was the fragmented one.
    known: HashMap<Parts, (Conversation, bool)>,
    /// Later fragments without a first: their number, and their octets with and without IP headers.
    early: HashMap<Parts, [u64; 3]>,
}

impl Fragments {
    /// Returns the conversation of a frame, and the packets and IP octets that it adds, including earlier fragments.
    /// `None` if the frame is in no flow yet.
    pub(crate) fn conversation(&mut self, frame: &Frame) -> Option<(Conversation, [u64; 2])> {
        let inside = link::outermost(frame)?;
        let level = Level {
            // The payload may be beyond the captured octets, but the headers may not.
            seen: frame.captured.min(HEADER_LIMIT),
            end: inside.end_in(frame.length)?,
            goes_on: false,
            depth: 0,
        };
        self.walk(&level, inside.layers)
    }

    fn walk(&mut self, level: &Level, layers: &[Layer]) -> Option<(Conversation, [u64; 2])> {
        let ip = level.ip(layers)?;
        let parts = (ip.ends, ip.identification, ip.number());
        if ip.later {
            let Some(&(conversation, around)) = self.known.get(&parts) else {
                let early = self.early.entry(parts).or_default();
                for (sum, one) in early.iter_mut().zip([1, ip.length, ip.available()]) {
                    *sum += one;
                }
                return None;
            };
            let octets = if around { ip.available() } else { ip.length };
            return Some((conversation, [1, octets]));
        }
        let (conversation, [mut packets, mut octets], around) = match level.tunnel(&ip)? {
            Carried::Packet(inner, layers) => {
                let (conversation, counts) = self.walk(&inner, layers)?;
                (conversation, counts, true)
            }
            Carried::NoPacket => (level.transport(&ip)?, [1, ip.length], false),
        };
        if ip.fragment {
            if let Some([before, whole, payload]) = self.early.remove(&parts) {
                packets += before;
                octets += if around { payload } else { whole };
            }
            self.known.insert(parts, (conversation, around));
        }
        Some((conversation, [packets, octets]))
    }
}
