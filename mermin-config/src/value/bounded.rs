//! Integers within a range.

use std::{fmt, num::NonZeroU16};

use crate::{
    node::{Kind, Node},
    schema::{ConfigValue, HclValue, Reader, Shape},
};

/// An integer from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounded<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Bounded<MIN, MAX> {
    /// Creates it, if the number is in the range.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if MIN <= number && number <= MAX {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Creates a default, checked at compile time.
    pub(crate) const fn constant<const NUMBER: u32>() -> Self {
        const { assert!(MIN <= NUMBER && NUMBER <= MAX) };
        Self(NUMBER)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> fmt::Display for Bounded<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads an integer within a range.
fn whole<T>(
    node: &Node,
    reader: &mut Reader,
    shape: &Shape,
    make: impl Fn(u64) -> Option<T>,
) -> Option<T> {
    let (value, text) = match &node.kind {
        Kind::Number(number) => (number.as_u64(), number.to_string()),
        Kind::Text(text) if node.computed => (text.trim().parse().ok(), text.trim().to_owned()),
        _ => return reader.mismatch(node, shape),
    };
    if let Some(number) = value.and_then(make) {
        return Some(number);
    }
    let whole = text.parse().is_ok_and(|number: f64| number.fract() == 0.0);
    let fault = if whole {
        "it is out of range"
    } else {
        "it is no whole number"
    };
    reader.invalid(node, &text, fault, shape)
}

impl<const MIN: u32, const MAX: u32> ConfigValue for Bounded<MIN, MAX> {
    fn shape() -> Shape {
        Shape::leaf("int", format!("{MIN} to {MAX}"))
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        whole(node, reader, &Self::shape(), |number| {
            Self::new(u32::try_from(number).ok()?)
        })
    }

    fn write(&self) -> HclValue {
        HclValue::Value(self.0.to_string())
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        let span = u64::from(MAX - MIN) + 1;
        Self(MIN + u32::try_from(entropy.number() % span).unwrap())
    }
}

impl ConfigValue for NonZeroU16 {
    fn shape() -> Shape {
        Shape::leaf("port", "1 to 65535")
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        whole(node, reader, &Self::shape(), |number| {
            Self::new(u16::try_from(number).ok()?)
        })
    }

    fn write(&self) -> HclValue {
        HclValue::Value(self.to_string())
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        Self::new((entropy.number() & 0xffff) as u16).unwrap_or(Self::MIN)
    }
}

/// Creates a port as a default, checked at compile time.
pub(crate) const fn port<const PORT: u16>() -> NonZeroU16 {
    const {
        match NonZeroU16::new(PORT) {
            Some(port) => port,
            None => panic!("a port is not zero"),
        }
    }
}
