//! Regular expressions.

use regex_lite::Regex;

use super::text::text;
use crate::{
    node::Node,
    schema::{ConfigValue, HclValue, Reader, Shape},
};

/// A regular expression in the syntax of the `regex-lite` crate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegexText(String);

impl RegexText {
    /// Returns its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ConfigValue for RegexText {
    fn shape() -> Shape {
        Shape::leaf("regular expression", "")
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let shape = Self::shape();
        let text = text(node, reader, &shape)?;
        match Regex::new(text) {
            Ok(_) => Some(Self(text.to_owned())),
            Err(error) => {
                let discreet = "it is no regular expression";
                reader.invalid_quoting(node, text, &error.to_string(), discreet, &shape)
            }
        }
    }

    fn write(&self) -> HclValue {
        HclValue::text(&self.0)
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        Self(
            entropy
                .one(&["", "kubernetes.io/(.*)", r#"^\d+"$"#])
                .to_owned(),
        )
    }
}
