//! Names of attributes, with the octets that JSON needs for them.

/// The name of an attribute.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) text: &'static str,
    /// `,"name":` followed by zeros. JSON copies all of it: a copy of a constant length takes three instructions.
    pub(crate) member: [u8; Self::MEMBER],
    /// Number of octets of the member, without the zeros.
    pub(crate) length: usize,
}

impl Name {
    /// Number of octets of the longest member.
    pub(crate) const MEMBER: usize = 48;

    /// Creates a name. In a constant, a text that is too long or that JSON would escape fails to compile.
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

/// Creates a name at compile time.
macro_rules! name {
    ($text:expr) => {
        const { &$crate::flow::attributes::name::Name::new($text) }
    };
}

pub(super) use name;
