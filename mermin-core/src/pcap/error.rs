//! Errors of reading a capture.

use std::{borrow::Cow, io};

use super::unpack::Packing;
use crate::error::{Error, ErrorKind};

/// The place where reading ended, and the reason.
#[derive(Debug)]
pub(crate) struct PcapError {
    kind: ErrorKind,
    at: u64,
    why: Cow<'static, str>,
    remedy: Cow<'static, str>,
    source: Option<io::Error>,
    /// The compression, if the offset counts decompressed octets.
    packing: Option<&'static str>,
}

impl PcapError {
    /// Creates an error for damage in the record that begins at an offset.
    pub(crate) fn new(at: u64, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: ErrorKind::InvalidCapture,
            at,
            why: why.into(),
            remedy: "flows before that byte were delivered; compare with the file's origin".into(),
            source: None,
            packing: None,
        }
    }

    /// Notes that the offset counts decompressed octets.
    pub(super) fn within(self, packing: &'static str) -> Self {
        Self {
            packing: Some(packing),
            ..self
        }
    }

    /// Creates an error for an empty file.
    pub(crate) fn empty() -> Self {
        Self {
            remedy:
                "look at what should have written it: also a capture without packets has a header"
                    .into(),
            ..Self::new(0, "it is empty")
        }
    }

    /// Creates an error for a file of another format, from its first octets.
    pub(crate) fn foreign(start: &[u8]) -> Self {
        if let Some(packing) = Packing::of(start) {
            return Self::compressed(packing);
        }
        let octets: Vec<String> = start
            .iter()
            .take(4)
            .map(|octet| format!("{octet:02x}"))
            .collect();
        Self {
            remedy: "pass a capture in pcap, pcapng, snoop or ERF; convert others: `editcap -F pcapng IN OUT`".into(),
            ..Self::new(
                0,
                format!(
                    "it is no capture in pcap, pcapng, snoop or ERF: it begins with {}",
                    octets.join(" ")
                ),
            )
        }
    }

    /// Creates an error for unsupported compression, or for a file that was compressed twice.
    fn compressed(packing: Packing) -> Self {
        let name = packing.name();
        let remedy = match packing {
            Packing::Compress => "uncompress",
            _ => name,
        };
        let feature = if packing.is_unpacked() && cfg!(not(feature = "pcap-compressed")) {
            ", or build with the feature `pcap-compressed`"
        } else {
            ""
        };
        Self::unsupported(
            0,
            format!("it is compressed by {name}"),
            format!(
                "decompress it: `{remedy} -dc IN`, or give its decompressing reader to `pcap_reader`{feature}"
            ),
        )
    }

    /// Creates an error for an unsupported kind of capture.
    pub(crate) fn unsupported(
        at: u64,
        why: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind: ErrorKind::Unsupported,
            remedy: remedy.into(),
            ..Self::new(at, why)
        }
    }

    /// Creates an error from an error of the input.
    pub(crate) fn unreadable(at: u64, error: io::Error) -> Self {
        Self {
            kind: ErrorKind::System,
            remedy: "flows before that byte were delivered".into(),
            source: Some(error),
            ..Self::new(at, "reading failed")
        }
    }

    /// Converts it into an error about the capture with this name.
    pub(crate) fn into_error(self, capture: &str) -> Error {
        let message = match self.packing {
            None => format!("cannot read {capture} at byte {}: {}", self.at, self.why),
            Some(packing) => format!(
                "cannot read what {capture} holds ({packing}) at byte {}: {}",
                self.at, self.why
            ),
        };
        let error = Error::new(self.kind, message).with_remedy(self.remedy);
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}
