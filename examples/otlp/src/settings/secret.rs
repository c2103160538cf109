//! Credentials of the exporter. Neither errors nor `Debug` show them.

use std::{fmt, fs, io, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::HeaderValue;

/// Value of the header `authorization`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Authorization {
    #[default]
    Nobody,
    Fixed(HeaderValue),
    /// A bearer token in a file, which is read for each request, because the file may change.
    BearerFile(PathBuf),
}

impl Authorization {
    /// Encodes a user and a password (RFC 7617).
    pub(crate) fn basic(user: &str, password: &str) -> Option<Self> {
        let word = BASE64_STANDARD.encode(format!("{user}:{password}"));
        header(&format!("Basic {word}")).map(Self::Fixed)
    }

    /// Encodes a token (RFC 6750).
    pub(crate) fn bearer(token: &str) -> Option<Self> {
        header(&format!("Bearer {token}")).map(Self::Fixed)
    }

    pub(crate) fn value(&self) -> io::Result<Option<HeaderValue>> {
        match self {
            Self::Nobody => Ok(None),
            Self::Fixed(value) => Ok(Some(value.clone())),
            Self::BearerFile(path) => {
                let token = fs::read_to_string(path)?;
                let value = header(&format!("Bearer {}", token.trim()));
                let error = || io::Error::other("it is not one line of printable text");
                value.map(Some).ok_or_else(error)
            }
        }
    }
}

/// Returns a header value that is not shown, and that HTTP/2 does not put into its table.
pub(crate) fn header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("Nobody"),
            Self::Fixed(_) => f.write_str("Fixed(..)"),
            Self::BearerFile(path) => f.debug_tuple("BearerFile").field(path).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_sent_only_to_the_receiver() {
        // The example in RFC 7617 section 2.
        let basic = Authorization::basic("Aladdin", "open sesame").unwrap();
        let value = basic.value().unwrap().unwrap();
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(value.is_sensitive());
        for one in [basic, Authorization::bearer("secret").unwrap()] {
            let shown = format!("{one:?} {:?}", one.value());
            assert!(
                !shown.contains("QWx") && !shown.contains("secret"),
                "{shown}"
            );
        }
        assert_eq!(Authorization::bearer("two\nlines"), None);
    }
}
