//! A receiver, and the connection to it.

use std::{path::PathBuf, time::Duration};

use http::{HeaderMap, HeaderName, Uri, uri::PathAndQuery};

use super::{
    Signal,
    secret::{Authorization, header},
};

/// Transport of OTLP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// gRPC over HTTP/2. Default port: 4317.
    #[default]
    Grpc,
    /// Protocol Buffers over HTTP/1.1, or over HTTP/2 if a TLS receiver prefers it. Default port: 4318.
    Http,
}

impl Protocol {
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Grpc => 4317,
            Self::Http => 4318,
        }
    }
}

/// Compression of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// None.
    #[default]
    None,
    /// gzip, at its fastest level.
    Gzip,
    /// Zstandard, at level 1. Not every receiver supports it; the OpenTelemetry Collector does.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    /// Returns the name in `content-encoding`, `grpc-encoding` and `OTEL_EXPORTER_OTLP_COMPRESSION`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    pub(crate) fn by_word(word: &str) -> Option<Self> {
        let all = [
            Self::None,
            Self::Gzip,
            #[cfg(feature = "zstd")]
            Self::Zstd,
        ];
        all.into_iter().find(|one| one.word() == word)
    }
}

/// TLS files, all PEM. They are read for each connection, and the connection is renewed if one of them changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) authority: Option<PathBuf>,
    /// The system's certificates are trusted as well as `authority`. Without `authority`, they always are.
    pub(crate) with_system: bool,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) trusts_anyone: bool,
}

/// A receiver, and the connection to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to the settings"]
pub struct Endpoint {
    pub(crate) protocol: Protocol,
    pub(crate) is_encrypted: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The path of the address. The path of a signal is appended to it, unless `path_is_whole`.
    path: String,
    path_is_whole: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) authorization: Authorization,
    pub(crate) compression: Compression,
    pub(crate) tls: TlsFiles,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) max_age: Option<Duration>,
}

impl Default for Endpoint {
    /// Returns port 4317 of this host over gRPC, unencrypted: the default of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    fn default() -> Self {
        Self {
            protocol: Protocol::Grpc,
            is_encrypted: false,
            host: "localhost".to_owned(),
            port: Protocol::Grpc.port(),
            path: String::new(),
            path_is_whole: false,
            headers: HeaderMap::new(),
            authorization: Authorization::Nobody,
            compression: Compression::None,
            tls: TlsFiles::default(),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(30),
            max_age: Some(Duration::from_mins(5)),
        }
    }
}

impl Endpoint {
    /// Creates a gRPC receiver: `http://HOST[:4317]`, or `https://` for TLS.
    ///
    /// # Errors
    /// An invalid address.
    pub fn grpc(url: &str) -> Result<Self, EndpointError> {
        Self::new(Protocol::Grpc, url)
    }

    /// Creates a receiver of Protocol Buffers over HTTP: `http://HOST[:4318][/PATH]`, or `https://` for TLS. Spans go
    /// to `/v1/traces` below that path, log records to `/v1/logs`, metrics to `/v1/metrics`.
    ///
    /// # Errors
    /// An invalid address.
    pub fn http(url: &str) -> Result<Self, EndpointError> {
        Self::new(Protocol::Http, url)
    }

    /// Creates a receiver with this protocol.
    ///
    /// # Errors
    /// An invalid address.
    pub fn new(protocol: Protocol, url: &str) -> Result<Self, EndpointError> {
        let fail = |reason| EndpointError::new(format!("cannot export to `{url}`"), reason);
        let uri: Uri = url.parse().map_err(|_| fail("it is no URL"))?;
        let is_encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(fail("begin it with `http://` or `https://`")),
        };
        if is_encrypted && !cfg!(feature = "tls") {
            return Err(fail(
                "this was built without TLS: build it with `--features tls`",
            ));
        }
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| fail("it names no host"))?;
        if uri.authority().is_some_and(|it| it.as_str().contains('@')) {
            // The error does not repeat the text, which may contain a password.
            return Err(EndpointError::new(
                "cannot export to an address with a user in it".to_owned(),
                "say who sends by a header",
            ));
        }
        Ok(Self {
            protocol,
            is_encrypted,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or_else(|| protocol.port()),
            path: uri.path().trim_end_matches('/').to_owned(),
            ..Self::default()
        })
    }

    /// Creates an unencrypted receiver on this host.
    pub(crate) fn here(protocol: Protocol) -> Self {
        Self {
            protocol,
            port: protocol.port(),
            ..Self::default()
        }
    }

    /// Uses the path of the address unchanged, as the environment variables of one signal do.
    pub(crate) fn whole_path(mut self) -> Self {
        self.path_is_whole = true;
        self
    }

    /// Adds a header to each request.
    ///
    /// # Errors
    /// An invalid header. The error does not repeat the value.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, EndpointError> {
        let fail = || {
            EndpointError::new(
                format!("cannot use the header `{name}`"),
                "a name has letters, digits, `-`, `_` and `.`, and a value is one line of printable text",
            )
        };
        let key: HeaderName = name.trim().parse().map_err(|_| fail())?;
        let value = header(value.trim()).ok_or_else(fail)?;
        if key == http::header::AUTHORIZATION {
            self.authorization = Authorization::Fixed(value);
        } else {
            self.headers.insert(key, value);
        }
        Ok(self)
    }

    /// Authenticates with user and password.
    ///
    /// # Errors
    /// Text that is invalid in a header.
    pub fn basic(mut self, user: &str, password: &str) -> Result<Self, EndpointError> {
        self.authorization = Authorization::basic(user, password)
            .ok_or_else(|| EndpointError::header("this user and password"))?;
        Ok(self)
    }

    /// Authenticates with a token.
    ///
    /// # Errors
    /// Text that is invalid in a header.
    pub fn bearer(mut self, token: &str) -> Result<Self, EndpointError> {
        self.authorization =
            Authorization::bearer(token).ok_or_else(|| EndpointError::header("this token"))?;
        Ok(self)
    }

    /// Authenticates with a token in a file, which is read for each request.
    pub fn bearer_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorization = Authorization::BearerFile(path.into());
        self
    }

    /// Sets the compression of requests. Default: none.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets a file with trusted certificates, instead of the system's. There is one such file: the last call of this and of
    /// [`further_authority`](Self::further_authority) applies.
    pub fn authority(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.authority = Some(path.into());
        self.tls.with_system = false;
        self
    }

    /// Sets a file with trusted certificates, in addition to the system's. There is one such file: the last call of this and of
    /// [`authority`](Self::authority) applies.
    pub fn further_authority(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.authority = Some(path.into());
        self.tls.with_system = true;
        self
    }

    /// Sets the files of the client's certificate and its key.
    pub fn identity(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.certificate = Some(certificate.into());
        self.tls.key = Some(key.into());
        self
    }

    /// Accepts any certificate of the receiver. A man in the middle can then read and change everything. Default: no.
    pub fn trust_anyone(mut self, trust: bool) -> Self {
        self.tls.trusts_anyone = trust;
        self
    }

    /// Sets the timeout of a request. Default: 10 s.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// Sets the timeout of connecting, including name look-up and TLS. Default: 5 s.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// Sets how long a connection may be silent before the peer is probed: with TCP keep-alive, and with HTTP/2 pings
    /// while a request is pending. Default: 30 s. The peer must answer within a third of that time.
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = time.max(Duration::from_secs(1));
        self
    }

    /// Sets the age at which a connection is renewed, varied by up to a tenth. `None` never renews it. Behind a load
    /// balancer, the new connection may reach another receiver. Default: 5 minutes.
    pub fn max_age(mut self, age: Option<Duration>) -> Self {
        self.max_age = age;
        self
    }

    /// Returns `HOST:PORT`.
    pub(crate) fn authority_text(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Returns the path for requests of a signal.
    pub(crate) fn path(&self, signal: Signal) -> PathAndQuery {
        let text = match (self.protocol, self.path_is_whole) {
            (Protocol::Grpc, _) => signal.grpc_path().to_owned(),
            (Protocol::Http, true) => self.path.clone(),
            (Protocol::Http, false) => format!("{}{}", self.path, signal.http_path()),
        };
        // The path was validated before; an empty one is the root.
        text.parse()
            .unwrap_or_else(|_| PathAndQuery::from_static("/"))
    }

    pub(crate) fn is_paired(&self) -> bool {
        self.tls.certificate.is_some() == self.tls.key.is_some()
    }
}

/// An invalid endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {remedy}")]
pub struct EndpointError {
    what: String,
    remedy: &'static str,
}

impl EndpointError {
    pub(crate) fn new(what: String, remedy: &'static str) -> Self {
        Self { what, remedy }
    }

    fn header(what: &str) -> Self {
        Self::new(
            format!("cannot use {what} in a header"),
            "it must be one line of printable text",
        )
    }
}

#[cfg(test)]
mod tests;
