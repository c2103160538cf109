//! What an attribute holds.

use std::{
    fmt::{self, Write as _},
    time::SystemTime,
};

/// What an attribute holds, borrowed from the flow.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Text: names, addresses, words.
    Text(&'a str),
    /// Several texts.
    Texts(&'a [&'a str]),
    /// A count, a port, a number of a registry, nanoseconds.
    Number(u64),
    /// Several numbers.
    Numbers(&'a [u16]),
    /// A moment.
    Time(SystemTime),
}

/// Renders a short value without an allocation. What does not fit is left out, so callers give only what does:
/// addresses, ids, numbers.
pub(super) struct Rendered {
    text: [u8; Self::CAPACITY],
    length: usize,
}

impl Rendered {
    /// The longest value is an IPv6 address with an embedded IPv4 one (45).
    const CAPACITY: usize = 48;

    pub(super) fn new(value: impl fmt::Display) -> Self {
        let mut rendered = Self {
            text: [0; Self::CAPACITY],
            length: 0,
        };
        // Fails only when the value does not fit; `write_str` then left out the part that does not.
        let _ = write!(rendered, "{value}");
        rendered
    }

    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.text[..self.length]).unwrap_or_default()
    }
}

impl fmt::Write for Rendered {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.length + part.len();
        let place = self.text.get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn the_longest_address_fits() {
        let longest = Ipv6Addr::new(
            0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,
        );
        assert_eq!(Rendered::new(longest).as_str(), longest.to_string());
        assert_eq!(Rendered::new("x".repeat(49)).as_str(), "");
    }
}
