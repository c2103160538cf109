//! Facts of the protocol that a flow carries: names from its first payloads.

use std::{borrow::Cow, sync::Arc, time::Duration};

/// Names that the first payloads of a flow hold. Present in records of a source with [`names`](crate::FlowSourceBuilder::names).
///
/// Texts hold printable ASCII only: any other octet of a name, and a backslash, is written as a backslash and three decimal digits,
/// as in RFC 1035 section 5.1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Application {
    /// The client's offer of TLS, over TCP or QUIC.
    pub tls: Option<Tls>,
    /// The first question of DNS, and its answer.
    pub dns: Option<Dns>,
    /// `Host` of the first request of HTTP/1 (RFC 9110 section 7.2), as sent: with a port where there is one.
    pub http_host: Option<Arc<str>>,
    /// Version of the client's first packet of QUIC (RFC 8999).
    pub quic_version: Option<QuicVersion>,
}

/// Fields of a `ClientHello` (RFC 8446 section 4.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Tls {
    /// Server name indication (RFC 6066 section 3).
    pub server_name: Option<Arc<str>>,
    /// Protocols that the client offers, in its order (RFC 7301); at most the first 16.
    pub alpn: Arc<[Arc<str>]>,
}

/// A question of DNS and its answer (RFC 1035).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Dns {
    /// The name in question, as sent, without a final dot; `.` for the root.
    pub question: Arc<str>,
    /// Type of the records in question (IANA's registry of resource record types).
    pub question_type: u16,
    /// Code of the response, 0 to 15. `None` before a response.
    pub response_code: Option<u8>,
    /// Time from the query to its response, as seen here. `None` unless both were seen with their times.
    pub latency: Option<Duration>,
}

impl Dns {
    /// A question without an answer.
    #[must_use]
    pub fn new(question: impl Into<Arc<str>>, question_type: u16) -> Self {
        Self {
            question: question.into(),
            question_type,
            response_code: None,
            latency: None,
        }
    }

    /// Mnemonic of the type, such as `AAAA`; `TYPE` and the number for one without (RFC 3597 section 5).
    ///
    /// ```
    /// use mermin_core::flow::Dns;
    ///
    /// assert_eq!(Dns::new("example.com", 28).type_name(), "AAAA");
    /// assert_eq!(Dns::new("example.com", 65_280).type_name(), "TYPE65280");
    /// ```
    #[must_use]
    pub fn type_name(&self) -> Cow<'static, str> {
        match self.type_keyword() {
            Some(keyword) => Cow::Borrowed(keyword),
            None => Cow::Owned(format!("TYPE{}", self.question_type)),
        }
    }

    /// The mnemonic of the type, if the type has one.
    pub(crate) fn type_keyword(&self) -> Option<&'static str> {
        let known = TYPES
            .iter()
            .find(|(number, _)| *number == self.question_type);
        known.map(|(_, keyword)| *keyword)
    }

    /// Mnemonic of the response's code, such as `NXDOMAIN`; the number for one without.
    ///
    /// ```
    /// use mermin_core::flow::Dns;
    ///
    /// let mut dns = Dns::new("example.com", 1);
    /// assert_eq!(dns.response_code_name(), None);
    /// dns.response_code = Some(3);
    /// assert_eq!(dns.response_code_name().as_deref(), Some("NXDOMAIN"));
    /// ```
    #[must_use]
    pub fn response_code_name(&self) -> Option<&'static str> {
        RESPONSE_CODES
            .get(usize::from(self.response_code?))
            .copied()
    }
}

/// A version of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuicVersion(pub u32);

impl QuicVersion {
    /// RFC 9000.
    pub const V1: Self = Self(1);
    /// RFC 9369.
    pub const V2: Self = Self(0x6b33_43cf);
}

impl std::fmt::Display for QuicVersion {
    /// `1`, `2`, `draft-29`; hexadecimal for others.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::V1 => f.write_str("1"),
            Self::V2 => f.write_str("2"),
            Self(draft) if draft >> 8 == 0x00ff_0000 => write!(f, "draft-{}", draft & 0xff),
            Self(other) => write!(f, "{other:#010x}"),
        }
    }
}

impl std::str::FromStr for QuicVersion {
    type Err = std::num::ParseIntError;

    /// Parses the text that `Display` writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "2" {
            return Ok(Self::V2);
        }
        if let Some(draft) = text.strip_prefix("draft-") {
            return Ok(Self(0xff00_0000 | u32::from(draft.parse::<u8>()?)));
        }
        match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).map(Self),
            None => text.parse().map(Self),
        }
    }
}

/// IANA's registry of resource record types, as far as questions have them.
const TYPES: [(u16, &str); 33] = [
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (10, "NULL"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (24, "SIG"),
    (25, "KEY"),
    (28, "AAAA"),
    (29, "LOC"),
    (33, "SRV"),
    (35, "NAPTR"),
    (37, "CERT"),
    (39, "DNAME"),
    (43, "DS"),
    (44, "SSHFP"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (50, "NSEC3"),
    (52, "TLSA"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (257, "CAA"),
];

/// IANA's registry of response codes, those of the header.
pub(crate) const RESPONSE_CODES: [&str; 16] = [
    "NOERROR",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
    "DSOTYPENI",
    "12",
    "13",
    "14",
    "15",
];

/// The type with this mnemonic.
#[cfg(feature = "serde")]
pub(crate) fn type_of(name: &str) -> Option<u16> {
    match TYPES.iter().find(|(_, known)| *known == name) {
        Some((number, _)) => Some(*number),
        None => name.strip_prefix("TYPE")?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_comes_back_from_its_text() {
        for (version, text) in [
            (QuicVersion::V1, "1"),
            (QuicVersion::V2, "2"),
            (QuicVersion(0xff00_001d), "draft-29"),
            (QuicVersion(0x5130_3530), "0x51303530"),
        ] {
            assert_eq!(version.to_string(), text);
            assert_eq!(text.parse(), Ok(version));
        }
        assert!("draft-".parse::<QuicVersion>().is_err());
    }
}
