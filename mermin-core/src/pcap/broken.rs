//! Why a capture cannot be read on.

use std::{borrow::Cow, io};

use crate::error::{Error, ErrorKind};

/// Where reading ended, and why.
#[derive(Debug)]
pub(crate) struct Broken {
    kind: ErrorKind,
    at: u64,
    why: Cow<'static, str>,
    remedy: Cow<'static, str>,
    source: Option<io::Error>,
}

impl Broken {
    /// Damage in the record that begins at a byte.
    pub(crate) fn new(at: u64, why: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: ErrorKind::InvalidCapture,
            at,
            why: why.into(),
            remedy: "what comes before that byte was delivered; compare with the file's origin"
                .into(),
            source: None,
        }
    }

    /// A file without any content.
    pub(crate) fn empty() -> Self {
        Self {
            remedy:
                "look at what should have written it: also a capture without packets has a header"
                    .into(),
            ..Self::new(0, "it is empty")
        }
    }

    /// A file of another format.
    pub(crate) fn foreign(start: [u8; 4]) -> Self {
        let [a, b, c, d] = start;
        Self {
            remedy: "pass a pcap or pcapng file; decompress a compressed one, or give its decompressing reader to \
                     `pcap_reader`"
                .into(),
            ..Self::new(
                0,
                format!("it is neither pcap nor pcapng: it begins with {a:02x} {b:02x} {c:02x} {d:02x}"),
            )
        }
    }

    /// What the capture holds is of a kind that is not read.
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

    /// The input's own error.
    pub(crate) fn unreadable(at: u64, error: io::Error) -> Self {
        Self {
            kind: ErrorKind::System,
            remedy: "what comes before that byte was delivered".into(),
            source: Some(error),
            ..Self::new(at, "reading failed")
        }
    }

    /// As an error about the capture of this name.
    pub(crate) fn into_error(self, capture: &str) -> Error {
        let message = format!("cannot read {capture} at byte {}: {}", self.at, self.why);
        let error = Error::new(self.kind, message).with_remedy(self.remedy);
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}
