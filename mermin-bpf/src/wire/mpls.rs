//! MPLS label stacks (RFC 3032).

use super::{
    bytes::{Bytes, Window},
    ethertype,
};
use crate::abi::ledger::Reason;

/// Octets of a label stack entry.
pub const LENGTH: usize = 4;
/// Entries that are followed.
pub const DEPTH: usize = 8;
const BOTTOM: u32 = 0x100;

/// Follows the stack at `at`; returns the offset of its payload. Labels do not name the payload's protocol.
///
/// # Errors
/// [`Reason::MalformedMpls`] for a frame that ends within the stack, [`Reason::TooDeep`] for more than [`DEPTH`] entries.
#[inline(always)]
pub fn skip<B: Bytes>(frame: B, mut at: usize) -> Result<usize, Reason> {
    for _ in 0..DEPTH {
        let entry = frame.window::<LENGTH>(at).ok_or(Reason::MalformedMpls)?;
        at = frame.barrier_var(at + LENGTH);
        if entry.be32(0) & BOTTOM != 0 {
            return Ok(at);
        }
    }
    Err(Reason::TooDeep)
}

/// True if an EtherType announces a stack.
#[inline(always)]
#[must_use]
pub const fn is_stack(kind: u16) -> bool {
    matches!(kind, ethertype::MPLS | ethertype::MPLS_UPSTREAM)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::testing::labels;

    #[test]
    fn entry_is_read() {
        // Label 16, traffic class 5, bottom of stack, 64 hops.
        let entry = [0x00, 0x01, 0x0b, 0x40];
        assert_eq!(skip(&entry[..], 0), Ok(4));
    }

    #[test]
    fn one_more_than_the_maximum_depth_is_malformed() {
        assert_eq!(skip(&labels(DEPTH, &[])[..], 0), Ok(DEPTH * LENGTH));
        let more = skip(&labels(DEPTH + 1, &[])[..], 0);
        assert_eq!(more, Err(Reason::TooDeep));
    }

    #[test]
    fn cut_stack_is_malformed() {
        let bytes: Vec<u8> = labels(3, &[]);
        for length in 0..bytes.len() {
            let end = skip(&bytes[..length], 0);
            assert_eq!(end, Err(Reason::MalformedMpls), "{length} octets");
        }
    }
}
