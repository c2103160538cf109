//! A file's text: what may be handed to the parser, where its brackets are, and where an offset is for a reader.

pub(crate) mod excerpt;
pub(crate) mod limits;
pub(crate) mod parse;
pub(crate) mod recovery;
pub(crate) mod scan;
pub(crate) mod yaml;

use std::ops::Range;

/// Octets of the text, from the first to the one behind the last.
pub(crate) type Span = Range<usize>;

/// The last boundary of a character at or before an offset.
pub(crate) fn boundary(text: &str, offset: usize) -> usize {
    let mut boundary = offset.min(text.len());
    while !text.is_char_boundary(boundary) {
        boundary -= 1;
    }
    boundary
}

/// A text and its name.
#[derive(Debug)]
pub(crate) struct Source {
    /// As messages call it: the file's path.
    pub(crate) name: String,
    pub(crate) text: String,
}

#[cfg(test)]
mod tests {
    use super::boundary;

    #[test]
    fn cuts_are_at_character_boundaries() {
        let found: Vec<_> = (0..6).map(|offset| boundary("aü€", offset)).collect();
        assert_eq!(found, [0, 1, 1, 3, 3, 3]);
        assert_eq!(boundary("aü€", 100), 6);
    }
}
