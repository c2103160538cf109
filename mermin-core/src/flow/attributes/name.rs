//! Names of attributes, and the octets that JSON has for them.

/// A name of the vocabulary.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) text: &'static str,
    /// `,"name":`, then zeros: copied whole, because a copy of a length that the compiler knows is three instructions.
    pub(crate) member: [u8; Self::MEMBER],
    /// Octets of the member.
    pub(crate) length: usize,
}

impl Name {
    /// Octets of the longest member at most.
    pub(crate) const MEMBER: usize = 48;

    /// A text that is too long, or that JSON would escape, fails to compile where this is a constant.
    pub(crate) const fn new(text: &'static str) -> Self {
        let octets = text.as_bytes();
        let mut member = [0; Self::MEMBER];
        let length = octets.len() + 4;
        assert!(length <= Self::MEMBER);
        (member[0], member[1]) = (b',', b'"');
        let mut at = 0;
        while at < octets.len() {
            assert!(matches!(octets[at], b'a'..=b'z' | b'_' | b'.'));
            member[at + 2] = octets[at];
            at += 1;
        }
        (member[length - 2], member[length - 1]) = (b'"', b':');
        Self {
            text,
            member,
            length,
        }
    }
}

/// A name, made when this is compiled.
macro_rules! name {
    ($text:expr) => {
        const { &$crate::flow::attributes::name::Name::new($text) }
    };
}

pub(super) use name;
