//! Values of attributes.

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
    time::SystemTime,
};

use super::render::Short;
use crate::flow::{FlowId, MacAddress};

/// The value of an attribute, borrowed from the flow.
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

/// A short value as text, without an allocation.
pub(super) struct Rendered(Short);

impl Rendered {
    /// Text that does not fit is cut, so callers give none that is longer.
    pub(super) fn new(value: impl fmt::Display) -> Self {
        let mut rendered = Self(Short::empty());
        // Fails only when the value does not fit; `write_str` then left out the part that does not.
        let _ = write!(rendered, "{value}");
        rendered
    }

    pub(super) fn id(id: FlowId) -> Self {
        Self(Short::hexadecimal(&id.to_u128().to_be_bytes(), None))
    }

    pub(super) fn address(address: IpAddr) -> Self {
        Self(Short::address(address))
    }

    pub(super) fn mac(address: MacAddress) -> Self {
        Self(Short::hexadecimal(&address.0, Some(b':')))
    }

    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(self.0.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Write for Rendered {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.0.put(part.as_bytes()) {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn each_is_as_it_is_shown() {
        let id = FlowId::from_u128(0xab);
        assert_eq!(Rendered::id(id).as_str(), id.to_string());
        let mac = MacAddress([0, 1, 0xab, 0xcd, 0xef, 255]);
        assert_eq!(Rendered::mac(mac).as_str(), mac.to_string());
    }

    #[test]
    fn the_longest_address_fits() {
        let longest = Ipv6Addr::new(
            0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,
        );
        assert_eq!(Rendered::new(longest).as_str(), longest.to_string());
        assert_eq!(Rendered::new("x".repeat(49)).as_str(), "");
    }
}
