//! Numbers with nouns.

use std::fmt;

/// A number and a noun, in the plural unless the number is one: `1 packet`, `2 packets`.
pub(crate) struct Plural(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Plural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        let ending = if *count == 1 { "" } else { "s" };
        write!(f, "{count} {noun}{ending}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let of = |count| Plural(count, "packet").to_string();
        assert_eq!([0, 1, 2].map(of), ["0 packets", "1 packet", "2 packets"]);
    }
}
