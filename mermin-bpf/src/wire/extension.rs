//! The chain of IPv6 extension headers (RFC 8200 section 4, RFC 7045).

use super::{
    bytes::{Bytes, Window},
    protocol,
};
use crate::abi::ledger::Reason;

/// Extension headers that are followed.
pub const DEPTH: usize = 8;
const SHORTEST: usize = 8;
const FRAGMENT_OFFSET: u16 = 0xfff8;
const MORE_FRAGMENTS: u16 = 0x0001;

/// The end of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Protocol behind the chain.
    pub protocol: u8,
    /// Offset of that in the frame.
    pub at: usize,
    /// Not the first fragment, so it has no ports.
    pub later_fragment: bool,
    /// A fragment, first or later.
    pub fragment: bool,
    /// Number that the fragments of one packet share; 0 without a fragment header.
    pub identification: u32,
}

impl Chain {
    /// Creates the chain of a packet that is no fragment.
    #[inline(always)]
    pub(super) const fn of_whole(protocol: u8, at: usize) -> Self {
        Self {
            protocol,
            at,
            later_fragment: false,
            fragment: false,
            identification: 0,
        }
    }
}

/// Follows the chain that begins at `at` with a header of type `next`.
///
/// Authentication headers end the chain: AH is a protocol of its own here.
///
/// # Errors
/// [`Reason::MalformedExtension`] for a truncated header, [`Reason::TooDeep`] for more than [`DEPTH`] of them.
#[inline(always)]
pub fn follow<B: Bytes>(frame: B, mut next: u8, mut at: usize) -> Result<Chain, Reason> {
    // Kept as bits and not as a truth value: the verifier would follow each chain once for either.
    let mut fragment = 0;
    let mut identification = frame.barrier_var(0) as u32;
    let mut followed = 0;
    while is_followed(next) {
        if followed == DEPTH {
            return Err(Reason::TooDeep);
        }
        followed += 1;
        let header = frame
            .window::<SHORTEST>(at)
            .ok_or(Reason::MalformedExtension)?;
        let here = next;
        next = header.u8(0);
        if here == protocol::FRAGMENT {
            at = frame.barrier_var(at + SHORTEST);
            identification = header.be32(4);
            // An atomic fragment (RFC 6946) has neither and is a whole packet.
            fragment |= header.be16(2) & (FRAGMENT_OFFSET | MORE_FRAGMENTS);
            if fragment & FRAGMENT_OFFSET != 0 {
                break;
            }
        } else {
            at = frame.barrier_var(at + (usize::from(header.u8(1)) + 1) * 8);
        }
    }
    Ok(Chain {
        protocol: next,
        at,
        later_fragment: fragment & FRAGMENT_OFFSET != 0,
        fragment: fragment != 0,
        identification,
    })
}

/// Follows the only header at `at`, of type `kind`. `None` if another one follows, and for a fragment header.
#[inline(always)]
pub(super) fn one<B: Bytes>(frame: B, kind: u8, at: usize) -> Option<Chain> {
    let header = frame.window::<SHORTEST>(at)?;
    let next = header.u8(0);
    if kind == protocol::FRAGMENT || is_followed(next) {
        return None;
    }
    Some(Chain::of_whole(
        next,
        at + (usize::from(header.u8(1)) + 1) * 8,
    ))
}

/// True if other headers may follow this one. Mobility, HIP and Shim6 headers are always last: they are the protocol.
#[inline(always)]
pub(super) const fn is_followed(number: u8) -> bool {
    matches!(
        number,
        protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::DESTINATION_OPTIONS
            | protocol::FRAGMENT
    )
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::{
        bytes::HEADER_LIMIT,
        testing::{fragment, options},
    };

    const FOLLOWED: [u8; 3] = [
        protocol::HOP_BY_HOP,
        protocol::ROUTING,
        protocol::DESTINATION_OPTIONS,
    ];

    /// A chain of destination options with TCP behind it.
    fn chain(headers: usize) -> Vec<u8> {
        let mut bytes = Vec::from([0; 20]);
        let mut next = protocol::TCP;
        for _ in 0..headers {
            bytes = options(next, 0, &bytes);
            next = protocol::DESTINATION_OPTIONS;
        }
        bytes
    }

    #[test]
    fn without_extension_the_chain_ends_where_it_begins() {
        for number in [protocol::TCP, protocol::NO_NEXT, protocol::AH, 50, 255] {
            assert_eq!(follow(&[][..], number, 40), Ok(Chain::of_whole(number, 40)));
        }
    }

    #[test]
    fn headers_say_their_length_in_words_beyond_the_first() {
        for first in FOLLOWED {
            let bytes: [u8; 8] = [protocol::UDP, 0, 1, 4, 0, 0, 0, 0];
            assert_eq!(
                follow(&bytes[..], first, 0),
                Ok(Chain::of_whole(protocol::UDP, 8))
            );
            let bytes = options(protocol::UDP, 3, &[]);
            assert_eq!(
                follow(&bytes[..], first, 0),
                Ok(Chain::of_whole(protocol::UDP, 32))
            );
        }
    }

    #[test]
    fn headers_that_end_the_chain_are_the_protocol() {
        for last in [protocol::MOBILITY, protocol::HIP, protocol::SHIM6] {
            let bytes = options(last, 0, &options(protocol::NO_NEXT, 0, &[]));
            assert_eq!(
                follow(&bytes[..], protocol::HOP_BY_HOP, 0),
                Ok(Chain::of_whole(last, 8))
            );
        }
    }

    #[test]
    fn one_more_than_the_maximum_depth_is_malformed() {
        let first = protocol::DESTINATION_OPTIONS;
        let most = chain(DEPTH);
        assert_eq!(
            follow(&most[..], first, 0),
            Ok(Chain::of_whole(protocol::TCP, DEPTH * 8))
        );
        let more = chain(DEPTH + 1);
        assert_eq!(follow(&more[..], first, 0), Err(Reason::TooDeep));
    }

    #[test]
    fn fragment_headers_without_end_are_too_deep() {
        let bytes: Vec<u8> = [44, 0, 0, 1, 0, 0, 0, 0].repeat(64);
        assert_eq!(
            follow(&bytes[..], protocol::FRAGMENT, 0),
            Err(Reason::TooDeep)
        );
    }

    #[test]
    fn fragments_have_their_part() {
        let parts = |offset: u16| {
            let bytes = fragment(protocol::UDP, offset, &[]);
            follow(&bytes[..], protocol::FRAGMENT, 0)
                .map(|end| (end.protocol, end.at, end.fragment, end.later_fragment))
        };
        let bytes = fragment(protocol::UDP, 9, &[]);
        let end = follow(&bytes[..], protocol::FRAGMENT, 0);
        assert_eq!(end.map(|end| end.identification), Ok(7));
        assert_eq!(parts(0x0000), Ok((17, 8, false, false)), "atomic, RFC 6946");
        assert_eq!(parts(0x0006), Ok((17, 8, false, false)), "reserved bits");
        assert_eq!(parts(0x0001), Ok((17, 8, true, false)), "first");
        assert_eq!(parts(0x0009), Ok((17, 8, true, true)), "middle");
        assert_eq!(parts(0xfff8), Ok((17, 8, true, true)), "last");
    }

    #[test]
    fn nothing_behind_a_later_fragments_header_is_read() {
        let bytes = fragment(protocol::DESTINATION_OPTIONS, 8, &[]);
        let end = follow(&bytes[..], protocol::FRAGMENT, 0);
        assert!(end.is_ok_and(|end| end.later_fragment && end.at == 8));
    }

    #[test]
    fn cut_chain_is_malformed() {
        let bytes = options(
            protocol::ROUTING,
            1,
            &options(
                protocol::FRAGMENT,
                0,
                &fragment(protocol::MOBILITY, 1, &options(protocol::NO_NEXT, 0, &[])),
            ),
        );
        let whole = follow(&bytes[..], protocol::HOP_BY_HOP, 0);
        assert!(whole.is_ok_and(|end| end.protocol == protocol::MOBILITY && end.at == 32));
        // The mobility header is the protocol and not read: only what leads to it must be there.
        for length in 0..32 {
            let cut = follow(&bytes[..length], protocol::HOP_BY_HOP, 0);
            assert_eq!(cut, Err(Reason::MalformedExtension), "{length} octets");
        }
    }

    #[test]
    fn header_beyond_the_limit_counts_as_cut() {
        let bytes = options(
            protocol::ROUTING,
            (HEADER_LIMIT / 8 - 1) as u8,
            &options(protocol::TCP, 0, &[]),
        );
        assert_eq!(
            follow(&bytes[..], protocol::HOP_BY_HOP, 0),
            Err(Reason::MalformedExtension)
        );
    }
}
