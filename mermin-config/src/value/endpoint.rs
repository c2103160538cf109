//! URLs of collectors.

use std::fmt;

use http::Uri;

use super::text::text;
use crate::{
    node::Node,
    schema::{ConfigValue, HclValue, Reader, Shape},
};

/// An `http://` or `https://` URL with a host and an optional port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(String);

impl Endpoint {
    /// Creates it, if the URL is valid.
    #[must_use]
    pub fn new(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?;
        let authority = uri.authority()?;
        // The `http` crate checks a port only when it is read.
        let address = authority.as_str().rsplit('@').next()?;
        let port = match address.strip_prefix(authority.host())? {
            "" => true,
            _ => authority.port_u16().is_some_and(|port| port != 0),
        };
        (["http", "https"].contains(&scheme) && !authority.host().is_empty() && port)
            .then(|| Self(url.to_owned()))
    }

    /// Returns port 4317 of this host: OTLP over gRPC.
    pub(crate) fn defaults() -> Self {
        Self("http://localhost:4317".to_owned())
    }

    /// Returns the URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if the scheme is `https://`.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0
            .get(..5)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl ConfigValue for Endpoint {
    fn shape() -> Shape {
        Shape::leaf(
            "URL",
            "`http://` or `https://`, a host, and a port where it is not the scheme's own",
        )
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let shape = Self::shape();
        let text = text(node, reader, &shape)?;
        match Self::new(text) {
            Some(endpoint) => Some(endpoint),
            None if Self::new(&format!("http://{text}")).is_some() => {
                let fault = format!("it does not say how it is reached; write `http://{text}`");
                let discreet = "it does not say how it is reached";
                reader.invalid_quoting(node, text, &fault, discreet, &shape)
            }
            None => reader.invalid(node, text, "it is no such URL", &shape),
        }
    }

    fn write(&self) -> HclValue {
        HclValue::text(self)
    }

    #[cfg(test)]
    fn arbitrary(entropy: &mut crate::schema::arbitrary::Entropy<'_>) -> Self {
        let url = entropy.one(&[
            "http://localhost:4317",
            "https://[::1]:4318/v1/traces?a=b",
            "HTTPS://collector.example",
        ]);
        Self::new(url).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_needs_scheme_host_and_valid_port() {
        for url in [
            "http://localhost:4317",
            "https://[::1]:4318/v1/traces?a=b",
            "https://user:pass@collector.example:65535",
            "http://collector",
        ] {
            assert!(Endpoint::new(url).is_some(), "{url}");
        }
        for url in [
            "",
            "collector:4317",
            "ftp://collector",
            "http://",
            "http://:4317",
            "http://collector:",
            "http://collector:0",
            "http://collector:65536",
            "http://[::1]:x",
            "http://col lector",
        ] {
            assert!(Endpoint::new(url).is_none(), "{url}");
        }
    }
}
