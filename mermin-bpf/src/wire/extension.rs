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

/// Where the chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Protocol of what follows the chain.
    pub protocol: u8,
    /// Where that begins in the frame.
    pub at: usize,
    /// Not the first fragment: ports are not here.
    pub later_fragment: bool,
    /// A fragment, first or later.
    pub fragment: bool,
}

/// Follows the chain that begins at `at` with a header of type `next`.
///
/// Authentication headers end the chain: AH is a protocol of its own here.
///
/// # Errors
/// [`Reason::MalformedExtension`] for a header that is cut, [`Reason::TooDeep`] for more than [`DEPTH`] of them.
#[inline(always)]
pub fn follow<B: Bytes>(frame: B, mut next: u8, mut at: usize) -> Result<Chain, Reason> {
    let mut fragment = false;
    for _ in 0..=DEPTH {
        match next {
            protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::DESTINATION_OPTIONS
            | protocol::MOBILITY
            | protocol::HIP
            | protocol::SHIM6 => {
                let header = frame
                    .window::<SHORTEST>(at)
                    .ok_or(Reason::MalformedExtension)?;
                // Mobility, HIP and Shim6 are always last, so their payload is nothing: they are the protocol.
                if !matches!(
                    next,
                    protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS
                ) {
                    break;
                }
                next = header.u8(0);
                at = frame.blur(at + (usize::from(header.u8(1)) + 1) * 8);
            }
            protocol::FRAGMENT => {
                let header = frame
                    .window::<SHORTEST>(at)
                    .ok_or(Reason::MalformedExtension)?;
                let offset = header.be16(2);
                next = header.u8(0);
                at = frame.blur(at + SHORTEST);
                // An atomic fragment (RFC 6946) is a whole packet.
                fragment |= offset & (FRAGMENT_OFFSET | MORE_FRAGMENTS) != 0;
                if offset & FRAGMENT_OFFSET != 0 {
                    return Ok(Chain {
                        protocol: next,
                        at,
                        later_fragment: true,
                        fragment,
                    });
                }
            }
            _ => break,
        }
    }
    match next {
        protocol::HOP_BY_HOP
        | protocol::ROUTING
        | protocol::DESTINATION_OPTIONS
        | protocol::FRAGMENT => Err(Reason::TooDeep),
        _ => Ok(Chain {
            protocol: next,
            at,
            later_fragment: false,
            fragment,
        }),
    }
}
