//! Text that must not appear in logs.

use std::fmt;

use super::text::text;
use crate::{
    node::Node,
    schema::{ConfigValue, HclValue, Reader, Shape, quote::quote},
};

/// A password or token. `Debug` does not show it; [`to_hcl`](crate::Config::to_hcl) does.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn empty() -> Self {
        Self(String::new())
    }

    /// Returns the secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl ConfigValue for Secret {
    fn shape() -> Shape {
        Shape::leaf("text", "a secret: better `env(\"NAME\")` than a literal")
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        text(node, reader, &Self::shape()).map(|text| Self(text.to_owned()))
    }

    fn write(&self) -> HclValue {
        HclValue::Secret(quote(&self.0))
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        Self(entropy.text())
    }
}
