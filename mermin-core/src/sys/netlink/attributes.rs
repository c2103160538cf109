//! Attributes of netlink messages (`struct nlattr`), read from bytes.

use netlink_packet_core::NlasIterator;

/// The value of the first attribute of a kind, in a sequence of attributes.
pub(crate) fn attribute(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    NlasIterator::new(attributes)
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == kind)
        .and_then(|attribute| {
            attribute
                .into_inner()
                .get(4..usize::from(attribute.length()))
        })
}

/// All attributes of one kind.
pub(crate) fn attributes_of(attributes: &[u8], kind: u16) -> impl Iterator<Item = &[u8]> {
    NlasIterator::new(attributes)
        .map_while(Result::ok)
        .filter(move |attribute| attribute.kind() == kind)
        .filter_map(|attribute| {
            attribute
                .into_inner()
                .get(4..usize::from(attribute.length()))
        })
}

/// A string attribute: up to its first zero byte, if it has one.
pub(crate) fn text(value: &[u8]) -> String {
    let end = value
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

/// A number attribute of 32 bits in host order.
pub(crate) fn number(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncated_attribute_keeps_earlier_ones() {
        let attributes = [5, 0, 7, 0, 9, 0, 0, 0, 200, 0, 8, 0];
        assert_eq!(attribute(&attributes, 7), Some(&[9][..]));
        assert_eq!(attribute(&attributes, 8), None);
    }
}
