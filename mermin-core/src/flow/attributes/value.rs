//! Values of attributes.

use std::{fmt, ops::Deref, time::SystemTime};

use super::{
    lists::{Numbers, Texts},
    render::Short,
};

/// The value of an attribute. It borrows long values from the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Text: names, addresses, words.
    Text(Text<'a>),
    /// Several texts.
    Texts(Texts<'a>),
    /// A count, a port, a number from a registry, or nanoseconds.
    Number(u64),
    /// Several numbers.
    Numbers(Numbers<'a>),
    /// A point in time.
    Time(SystemTime),
}

/// The text of an attribute; derefs to [`str`]. Addresses and ids are formatted inline, without an allocation.
///
/// ```
/// use mermin_core::flow::{Value, attributes::Text};
///
/// let text = Text::from("tcp");
/// assert_eq!((&*text, text.len()), ("tcp", 3));
/// assert_eq!(Value::Text(text), Value::Text("tcp".into()));
/// ```
#[derive(Clone, Copy)]
pub struct Text<'a>(TextValue<'a>);

#[derive(Clone, Copy)]
enum TextValue<'a> {
    Borrowed(&'a str),
    Written(Short),
}

impl Text<'_> {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            TextValue::Borrowed(text) => text,
            TextValue::Written(short) => str::from_utf8(short.as_bytes()).unwrap_or_default(),
        }
    }
}

impl From<Short> for Text<'_> {
    fn from(short: Short) -> Self {
        Self(TextValue::Written(short))
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(TextValue::Borrowed(text))
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
