//! Options: names of interfaces, sampling, and export statistics (RFC 7011 section 3.4.2).

/// Octets of an interface's name, the kernel's `IFNAMSIZ`. The length is fixed, because nfacctd 1.7.7 reads a
/// variable one as empty.
pub(crate) const NAME: usize = 16;

/// An options template: its id, its scope and its other elements, each with its length.
pub(crate) struct Options {
    pub(crate) id: u16,
    scope: (u16, u16),
    elements: &'static [(u16, u16)],
}

/// Maps `ingressInterface` to `interfaceName`.
pub(crate) const INTERFACES: Options = Options {
    id: 256,
    scope: (10, 4),
    elements: &[(82, 16)],
};

/// `samplingPacketInterval` and `samplingPacketSpace` of an `observationDomainId`, without other elements, because
/// nfcapd 1.7.1 accepts them only then.
pub(crate) const SAMPLING: Options = Options {
    id: 257,
    scope: (149, 4),
    elements: &[(305, 4), (306, 4)],
};

/// `exportedOctetTotalCount`, `exportedMessageTotalCount` and `exportedFlowRecordTotalCount` of an `observationDomainId`.
pub(crate) const EXPORTED: Options = Options {
    id: 258,
    scope: (149, 4),
    elements: &[(40, 8), (41, 8), (42, 8)],
};

/// The first template id of flow records.
pub(crate) const FIRST_RECORD: u16 = 260;

impl Options {
    /// Returns the octets of the template record.
    pub(crate) fn template_length(&self) -> usize {
        6 + 4 * (1 + self.elements.len())
    }

    pub(crate) fn put_template(&self, out: &mut Vec<u8>) {
        const SCOPES: u16 = 1;
        let count = u16::try_from(self.elements.len()).unwrap_or(0) + SCOPES;
        for number in [self.id, count, SCOPES] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for (element, length) in std::iter::once(&self.scope).chain(self.elements) {
            out.extend_from_slice(&element.to_be_bytes());
            out.extend_from_slice(&length.to_be_bytes());
        }
    }

    /// Returns the octets of a record.
    pub(crate) fn length(&self) -> usize {
        std::iter::once(&self.scope)
            .chain(self.elements)
            .map(|(_, length)| usize::from(*length))
            .sum()
    }
}

/// Writes a name padded with zeros.
pub(crate) fn put_name(name: &str, out: &mut Vec<u8>) {
    let mut octets = [0; NAME];
    for (place, octet) in octets.iter_mut().zip(name.bytes()) {
        *place = octet;
    }
    out.extend_from_slice(&octets);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// nfcapd 1.7.1 ignores sampling together with other elements, and nfacctd 1.7.7 reads texts of variable length
    /// as empty.
    #[test]
    fn options_have_elements_that_collectors_read() {
        assert_eq!(SAMPLING.elements, [(305, 4), (306, 4)]);
        for options in [INTERFACES, SAMPLING, EXPORTED] {
            assert!(options.elements.iter().all(|(_, length)| *length < 256));
        }
    }
}
