//! Where a collector listens.

use std::fmt;

use http::Uri;

use super::text::text;
use crate::{
    node::Node,
    schema::{Member, Reader, Shape, Written},
};

/// An `http://` or `https://` URL with a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(String);

impl Endpoint {
    /// The URL, where it is one of these.
    #[must_use]
    pub fn new(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?;
        let host = uri.host().filter(|host| !host.is_empty());
        (["http", "https"].contains(&scheme) && host.is_some()).then(|| Self(url.to_owned()))
    }

    /// Port 4317 of this host: OTLP over gRPC.
    pub(crate) fn preset() -> Self {
        Self("http://localhost:4317".to_owned())
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is encrypted: `https://`.
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

impl Member for Endpoint {
    fn shape() -> Shape {
        Shape::leaf("URL", "`http://` or `https://`, a host, and a port")
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let shape = Self::shape();
        let text = text(node, reader, &shape)?;
        match Self::new(text) {
            Some(endpoint) => Some(endpoint),
            None => reader.invalid(node, text, "it is no such URL", &shape),
        }
    }

    fn write(&self) -> Written {
        Written::text(self)
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
