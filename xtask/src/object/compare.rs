//! Compares two objects, byte for byte.

use crate::digest::sha256;

/// Returns size and SHA-256 of an object.
pub(super) fn identity(object: &[u8]) -> String {
    format!("{} bytes, sha256 {}", object.len(), sha256(object))
}

/// Describes the difference of two objects, for people. `None` if there is none.
pub(super) fn difference(committed: &[u8], built: &[u8]) -> Option<String> {
    if committed == built {
        return None;
    }
    let first = committed
        .iter()
        .zip(built)
        .position(|(one, other)| one != other)
        .unwrap_or(committed.len().min(built.len()));
    Some(format!(
        "  committed: {}\n  compiled:  {}\n  first difference at byte {first}",
        identity(committed),
        identity(built)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_objects_have_no_difference() {
        assert_eq!(difference(b"same", b"same"), None);
    }

    #[test]
    fn difference_names_both_sides_and_its_place() {
        let said = difference(b"abc", b"abd").unwrap_or_default();
        // The first is an example from FIPS 180-4.
        assert!(said.contains(
            "3 bytes, sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        ));
        assert!(said.contains("byte 2"), "{said}");
        let longer = difference(b"abc", b"abcd").unwrap_or_default();
        assert!(longer.contains("byte 3"), "{longer}");
    }
}
