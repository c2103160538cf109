//! Generates any valid value of a key from octets that proptest chooses and shrinks.

use super::{ConfigValue, Reader};
use crate::{
    diagnostic::Problem,
    node::{self, Node},
    text::parse::parse,
};

/// Octets for decisions; zeros at the end.
pub(crate) struct Entropy<'a>(pub(crate) &'a [u8]);

impl Entropy<'_> {
    pub(crate) fn octet(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(crate) fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.octet()))
    }

    /// Returns a number below a limit.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.octet()) % limit
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Returns text with everything that has a meaning in HCL.
    pub(crate) fn text(&mut self) -> String {
        const PARTS: [&str; 20] = [
            "a",
            "Z",
            "0",
            "\"",
            "\\",
            "${",
            "%{",
            "$${",
            "}",
            "{",
            "\n",
            "\r",
            "\t",
            "\u{1}",
            "ü",
            "\u{1f600}",
            "#",
            "<<E",
            "'",
            " ",
        ];
        (0..self.below(8)).map(|_| self.one(&PARTS)).collect()
    }
}

/// Returns the faults of a value that is written and read again.
pub(crate) fn read_again<T: ConfigValue>(value: &T) -> Vec<Problem> {
    let text = format!("x = {}\n", value.write().inline());
    let parsed = parse(&text);
    let mut reader = Reader::default();
    reader.problems = parsed.problems;
    let entries = node::tree(&parsed.body.unwrap(), &|_| None, &mut reader.problems);
    let node: &Node = &entries[0].node;
    T::read(node, &mut reader);
    reader.problems
}
