//! DNS (RFC 1035): queries and responses.

use super::bytes::{Bytes, Window};

/// Port of servers.
pub const PORT: u16 = 53;
/// Octets of the header.
const LENGTH: usize = 12;
/// The bit of the first flags octet that responses have (QR).
const RESPONSE: u8 = 0x80;

/// True if the message at `at` is a response. One with a truncated header is none.
#[inline(always)]
pub fn is_response<B: Bytes>(frame: B, at: usize) -> bool {
    frame
        .window::<LENGTH>(at)
        .is_some_and(|header| header.u8(2) & RESPONSE != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_and_response_are_read() {
        let query = [0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let mut response = query;
        response[2] |= 0x80;
        assert!(!is_response(&query[..], 0));
        assert!(is_response(&response[..], 0));
        for length in 0..LENGTH {
            assert!(!is_response(&response[..length], 0), "{length} octets");
        }
    }
}
