//! Digests as text.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Returns the SHA-256 of octets in hexadecimal, as `sha256sum` writes it.
pub(crate) fn sha256(octets: &[u8]) -> String {
    let mut text = String::new();
    for octet in Sha256::digest(octets) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}
