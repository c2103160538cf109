//! A file's text: what may be handed to the parser, where its brackets are, and where an offset is for a reader.

pub(crate) mod excerpt;
pub(crate) mod guard;
pub(crate) mod parse;
pub(crate) mod repair;
pub(crate) mod scan;
pub(crate) mod yaml;

use std::ops::Range;

/// Octets of the text, from the first to the one behind the last.
pub(crate) type Span = Range<usize>;

/// A text and its name.
#[derive(Debug)]
pub(crate) struct Source {
    /// As messages call it: the file's path.
    pub(crate) name: String,
    pub(crate) text: String,
}
