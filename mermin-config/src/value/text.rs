//! Text, and values parsed from text.

use std::net::IpAddr;

use crate::{
    node::{Kind, Node},
    schema::{ConfigValue, HclValue, Reader, Shape},
};

/// Returns the text of a value.
pub(crate) fn text<'n>(node: &'n Node, reader: &mut Reader, shape: &Shape) -> Option<&'n str> {
    match &node.kind {
        Kind::Text(text) => Some(text),
        _ => reader.mismatch(node, shape),
    }
}

impl ConfigValue for String {
    fn shape() -> Shape {
        Shape::leaf("text", "")
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        text(node, reader, &Self::shape()).map(str::to_owned)
    }

    fn write(&self) -> HclValue {
        HclValue::text(self)
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        entropy.text()
    }
}

impl ConfigValue for bool {
    fn shape() -> Shape {
        Shape::leaf("bool", "true or false")
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Bool(value) => Some(*value),
            // From an environment variable.
            Kind::Text(text) if node.computed => match text.trim().parse() {
                Ok(value) => Some(value),
                Err(_) => reader.invalid(node, text, "it is neither", &Self::shape()),
            },
            _ => reader.mismatch(node, &Self::shape()),
        }
    }

    fn write(&self) -> HclValue {
        HclValue::Value(self.to_string())
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        entropy.octet() % 2 == 1
    }
}

impl ConfigValue for IpAddr {
    fn shape() -> Shape {
        Shape::leaf(
            "address",
            "an IPv4 or IPv6 address, such as `127.0.0.1` or `::`",
        )
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let shape = Self::shape();
        let text = text(node, reader, &shape)?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => reader.invalid(node, text, "it is no address", &shape),
        }
    }

    fn write(&self) -> HclValue {
        HclValue::text(self)
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        let bits = u128::from(entropy.number());
        match u32::try_from(bits % 0x1_0000_0000) {
            Ok(bits) if entropy.octet().is_multiple_of(2) => Self::from(bits.to_be_bytes()),
            _ => Self::from(bits.to_be_bytes()),
        }
    }
}
