//! The network service header (RFC 8300): the path of a packet through services.

use super::{
    bytes::{Bytes, Window},
    ethertype,
};
use crate::abi::ledger::Reason;

/// Octets before the context; every header has them.
pub const LENGTH: usize = 8;
const WORD: usize = 4;
const VERSION: u8 = 0xc0;
const WORDS: u8 = 0x3f;

/// EtherType of a next protocol. VXLAN-GPE has the same numbers.
#[inline(always)]
#[must_use]
pub const fn ethertype(next: u8) -> Option<u16> {
    Some(match next {
        1 => ethertype::IPV4,
        2 => ethertype::IPV6,
        3 => ethertype::ETHERNET,
        4 => ethertype::NSH,
        5 => ethertype::MPLS,
        _ => return None,
    })
}

/// Steps over the header at `at`; returns the EtherType and the offset of its payload.
///
/// # Errors
/// [`Reason::MalformedTunnel`] when it is truncated, or shorter than the least; [`Reason::OtherEthertype`] for another version, and for an
/// unknown next protocol.
#[inline(always)]
pub fn skip<B: Bytes>(bytes: B, at: usize) -> Result<(u16, usize), Reason> {
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    if header.u8(0) & VERSION != 0 {
        return Err(Reason::OtherEthertype);
    }
    let length = usize::from(header.u8(1) & WORDS) * WORD;
    if length < LENGTH {
        return Err(Reason::MalformedTunnel);
    }
    let kind = ethertype(header.u8(3)).ok_or(Reason::OtherEthertype)?;
    Ok((
        bytes.barrier_var(kind.into()) as u16,
        bytes.barrier_var(at + length),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::{nsh, with};

    #[test]
    fn header_of_any_length_is_read() {
        for words in [2, 6, 63] {
            let header = nsh(words, 1, &[]);
            let found = skip(&header[..], 0);
            assert_eq!(found, Ok((ethertype::IPV4, usize::from(words) * 4)));
        }
        // The bit for maintenance, and bits that a receiver ignores.
        let header = with(nsh(2, 3, &[]), 0, &[0x3f, 0xc2, 0xff]);
        assert_eq!(skip(&header[..], 0), Ok((ethertype::ETHERNET, 8)));
    }

    #[test]
    fn invalid_headers_are_malformed() {
        let header = nsh(2, 1, &[]);
        for words in [0, 1] {
            let short = with(header.clone(), 1, &[words]);
            assert_eq!(skip(&short[..], 0), Err(Reason::MalformedTunnel));
        }
        for length in 0..LENGTH {
            let cut = skip(&header[..length], 0);
            assert_eq!(cut, Err(Reason::MalformedTunnel), "{length} octets");
        }
        for version in [0x40, 0x80, 0xc0] {
            let other = with(header.clone(), 0, &[version]);
            assert_eq!(skip(&other[..], 0), Err(Reason::OtherEthertype));
        }
        for next in [0, 6, 255] {
            let other = with(header.clone(), 3, &[next]);
            assert_eq!(skip(&other[..], 0), Err(Reason::OtherEthertype));
        }
    }
}
