//! A file's text: limits, parsing, brackets, and positions for people.

pub(crate) mod excerpt;
pub(crate) mod limits;
pub(crate) mod parse;
pub(crate) mod recovery;
pub(crate) mod scan;
pub(crate) mod yaml;

use std::ops::Range;

/// Range of octets of the text.
pub(crate) type Span = Range<usize>;

/// Returns the last character boundary at or before an offset.
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
    /// The file's path, for messages.
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
