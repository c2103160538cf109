//! The seed of a hash.

use std::fmt;

use super::text::text;
use crate::{
    node::Node,
    schema::{ConfigValue, HclValue, Reader, Shape, quote::quote},
};

/// A secret number that several nodes share. `Debug` does not show it; [`to_hcl`](crate::Config::to_hcl) does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// Returns the seed.
    #[must_use]
    pub const fn expose(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

impl ConfigValue for Seed {
    fn shape() -> Shape {
        Shape::leaf(
            "text",
            "1 to 16 hexadecimal digits, a secret: better `env(\"NAME\")` than a literal",
        )
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let shape = Self::shape();
        let text = text(node, reader, &shape)?;
        // The parser of numbers admits a sign.
        let has_digits_only = text.bytes().all(|digit| digit.is_ascii_hexdigit());
        match u64::from_str_radix(text, 16) {
            Ok(seed) if has_digits_only => Some(Self(seed)),
            _ => reader.invalid(node, "..", "it is no such number", &shape),
        }
    }

    fn write(&self) -> HclValue {
        HclValue::Secret(quote(&format!("{:016x}", self.0)))
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        Self(entropy.one(&[0, 1, 0xdead_beef, u64::MAX]))
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn load(seed: &str) -> Result<Config, String> {
        let text = format!("pipeline {{\nflow_capture {{\nsampling {{\nseed = {seed}\n}}\n}}\n}}");
        let loaded = Config::load("mermin.hcl", text.as_bytes(), &|_| None);
        loaded
            .map(|loaded| loaded.config)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn seed_has_hexadecimal_digits() {
        for good in ["\"0\"", "\"C0ffee\"", "\"ffffffffffffffff\""] {
            assert!(load(good).is_ok(), "{good}");
        }
        for bad in ["\"\"", "\"+1\"", "\"0x1\"", "\"10000000000000000\"", "1"] {
            let error = load(bad).unwrap_err();
            assert!(error.contains("1 to 16 hexadecimal digits"), "{error}");
        }
    }

    #[test]
    fn seed_is_not_shown() {
        let shown = format!("{:?}", load("\"c0ffee\"").unwrap());
        assert!(shown.contains("Seed(..)"), "{shown}");
        assert!(!shown.contains("c0ffee") && !shown.contains("12648430"));
    }
}
