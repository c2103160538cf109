//! Information elements.

/// RFC 5103's enterprise number for elements of the reverse direction.
const REVERSE: u32 = 29_305;
/// The enterprise number of CERT, whose elements libfixbuf, YAF and `SiLK` read
/// (<https://tools.netsa.cert.org/cert-ipfix-registry/>).
const CERT: u32 = 6_871;
/// The bit in an element's number that indicates an enterprise number.
const ENTERPRISE: u16 = 1 << 15;
/// The length of an element whose values have their length before them (RFC 7011 section 7).
pub(crate) const VARIABLE: u16 = u16::MAX;

/// An element in a template: its number and the octets of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// 0: the number is IANA's.
    enterprise: u32,
    pub(crate) number: u16,
    pub(crate) length: u16,
}

impl Element {
    /// An element of IANA's registry.
    pub(crate) const fn iana(number: u16, length: u16) -> Self {
        Self {
            enterprise: 0,
            number,
            length,
        }
    }

    /// An element of CERT's registry.
    pub(crate) const fn cert(number: u16, length: u16) -> Self {
        Self {
            enterprise: CERT,
            number,
            length,
        }
    }

    /// Returns this element of IANA's for the reverse direction.
    pub(crate) const fn reverse(self) -> Self {
        Self {
            enterprise: REVERSE,
            ..self
        }
    }

    /// Returns true if the number is IANA's.
    #[cfg(test)]
    pub(crate) const fn is_iana(self) -> bool {
        self.enterprise == 0
    }

    /// Returns the octets of the field specifier.
    pub(crate) const fn specifier_length(self) -> usize {
        if self.enterprise == 0 { 4 } else { 8 }
    }

    /// Writes the field specifier (RFC 7011 section 3.2).
    pub(crate) fn put_specifier(self, out: &mut Vec<u8>) {
        let number = match self.enterprise {
            0 => self.number,
            _ => self.number | ENTERPRISE,
        };
        out.extend_from_slice(&number.to_be_bytes());
        out.extend_from_slice(&self.length.to_be_bytes());
        if self.enterprise != 0 {
            out.extend_from_slice(&self.enterprise.to_be_bytes());
        }
    }
}
