//! How a message ended.

/// The end of a message, as far as its octets were at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All that may name something was there.
    Whole,
    /// It goes on behind the octets at hand.
    Cut,
    /// It contradicts its protocol.
    Malformed,
}
