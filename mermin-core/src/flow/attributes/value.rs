//! Values of attributes.

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
    ops::Deref,
    time::SystemTime,
};

use super::{
    lists::{Numbers, Texts},
    render::Short,
};
use crate::flow::{FlowId, MacAddress, community_id::CommunityId};

/// The value of an attribute; what is long is borrowed from the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Text: names, addresses, words.
    Text(Text<'a>),
    /// Several texts.
    Texts(Texts<'a>),
    /// A count, a port, a number of a registry, nanoseconds.
    Number(u64),
    /// Several numbers.
    Numbers(Numbers<'a>),
    /// A moment.
    Time(SystemTime),
}

/// A text of an attribute: it derefs to [`str`]. An address or an id is held as it is written, without an allocation.
///
/// ```
/// use mermin_core::flow::{Value, attributes::Text};
///
/// let text = Text::from("tcp");
/// assert_eq!((&*text, text.len()), ("tcp", 3));
/// assert_eq!(Value::Text(text), Value::Text("tcp".into()));
/// ```
#[derive(Clone, Copy)]
pub struct Text<'a>(Held<'a>);

#[derive(Clone, Copy)]
enum Held<'a> {
    Borrowed(&'a str),
    Written(Short),
}

impl Text<'_> {
    /// Text that does not fit is cut, so callers give none that is longer.
    pub(super) fn written(value: impl fmt::Display) -> Self {
        let mut writer = Writer(Short::empty());
        // Fails only when the value does not fit; `write_str` then left out the part that does not.
        let _ = write!(writer, "{value}");
        writer.0.into()
    }

    pub(super) fn id(id: FlowId) -> Self {
        Short::hexadecimal(&id.to_u128().to_be_bytes(), None).into()
    }

    pub(super) fn address(address: IpAddr) -> Self {
        Short::address(address).into()
    }

    pub(super) fn mac(address: MacAddress) -> Self {
        Short::hexadecimal(&address.0, Some(b':')).into()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Held::Borrowed(text) => text,
            Held::Written(short) => str::from_utf8(short.as_bytes()).unwrap_or_default(),
        }
    }
}

impl From<CommunityId> for Text<'_> {
    fn from(id: CommunityId) -> Self {
        let mut text = Short::empty();
        text.put(id.as_str().as_bytes());
        text.into()
    }
}

impl From<Short> for Text<'_> {
    fn from(short: Short) -> Self {
        Self(Held::Written(short))
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Held::Borrowed(text))
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

/// A formatter's way into a short text.
struct Writer(Short);

impl fmt::Write for Writer {
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
        assert_eq!(Text::id(id).as_str(), id.to_string());
        let mac = MacAddress([0, 1, 0xab, 0xcd, 0xef, 255]);
        assert_eq!(Text::mac(mac).as_str(), mac.to_string());
    }

    #[test]
    fn the_longest_address_fits() {
        let longest = Ipv6Addr::new(
            0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,
        );
        assert_eq!(Text::written(longest).as_str(), longest.to_string());
        assert_eq!(Text::written("x".repeat(49)).as_str(), "");
    }
}
