//! TLS of tests: an authority, certificates that it signs, and files that change.

use std::{fs, path::PathBuf, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::WebPkiClientVerifier,
    },
};

use crate::Folder;

/// Signs certificates.
#[derive(Debug)]
pub struct Authority {
    /// Its own certificate, as PEM.
    pub certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The certificate, as PEM.
    pub certificate: String,
    /// The private key, as PEM.
    pub key: String,
}

/// Certificate that a server shows, and the authority of its clients.
#[derive(Clone, Debug)]
pub struct Server {
    /// The server's own.
    pub signed: Signed,
    /// The authority of its clients' certificates; `None` asks them for none.
    pub clients: Option<String>,
}

impl Server {
    /// Returns what accepts connections, of which HTTP is this version: `h2` or `http/1.1`.
    #[must_use]
    pub fn acceptor(&self, protocol: &str) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let read = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(read(authority)).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder.with_client_cert_verifier(verifier.unwrap())
            }
        };
        let chain = vec![read(&self.signed.certificate)];
        let key = PrivateKeyDer::from_pem_slice(self.signed.key.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Authority {
    /// Creates an authority that nobody knows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::named("authority of a test")
    }

    /// Creates an authority of this name. Authorities of clusters often have the same name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate: pem("CERTIFICATE", certificate.der()),
            issuer: Issuer::new(params, key),
        }
    }

    /// Signs for a server at 127.0.0.1, or for a client.
    #[must_use]
    pub fn sign(&self) -> Signed {
        self.sign_as("127.0.0.1", |_| {})
    }

    /// Signs for a server of another name.
    #[must_use]
    pub fn sign_for(&self, name: &str) -> Signed {
        self.sign_as(name, |_| {})
    }

    /// Signs for a server at 127.0.0.1, until a time that is over.
    #[must_use]
    pub fn sign_expired(&self) -> Signed {
        self.sign_as("127.0.0.1", |params| {
            params.not_after = date_time_ymd(2020, 1, 1);
        })
    }

    fn sign_as(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Signed {
            certificate: pem("CERTIFICATE", certificate.der()),
            key: pem("PRIVATE KEY", &key.serialize_der()),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// RFC 7468.
fn pem(label: &str, octets: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(octets);
    let lines = text
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap());
    let lines: Vec<_> = lines.collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// Files of certificates, in a folder that goes with the test.
#[derive(Debug)]
pub struct Files(Folder);

impl Files {
    /// Creates the folder.
    #[must_use]
    pub fn new() -> Self {
        Self(Folder::new("tls"))
    }

    /// Returns the path of a file.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.file(name)
    }

    /// Puts a file there at once, as a mounted secret changes. Returns its path.
    #[expect(
        clippy::must_use_candidate,
        reason = "a file that changes has a known path"
    )]
    pub fn put(&self, name: &str, text: &str) -> PathBuf {
        let (path, other) = (self.path(name), self.path("new"));
        fs::write(&other, text).unwrap();
        fs::rename(&other, &path).unwrap();
        path
    }

    /// Puts a certificate and its key there, as `cert.pem` and `key.pem`.
    pub fn put_signed(&self, signed: &Signed) {
        self.put("cert.pem", &signed.certificate);
        self.put("key.pem", &signed.key);
    }
}

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}
