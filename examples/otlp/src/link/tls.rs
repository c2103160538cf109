//! TLS with files that may change at run time.

use std::{fs::Metadata, os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    },
};

use super::LinkError;
use crate::settings::{Endpoint, Protocol, TlsFiles};

/// Identifies the content of the files: modification time, length and inode of each. A mounted secret that rotates
/// has other files under the same names.
pub(super) type Stamp = [Option<(i64, i64, u64, u64)>; 3];

pub(super) fn stamp(files: &TlsFiles) -> Stamp {
    let seen = |data: Metadata| (data.mtime(), data.mtime_nsec(), data.len(), data.ino());
    [&files.authority, &files.certificate, &files.key].map(|file| {
        let data = std::fs::metadata(file.as_ref()?).ok()?;
        Some(seen(data))
    })
}

/// Performs a TLS handshake; returns if the peer chose HTTP/2.
pub(super) async fn handshake(
    endpoint: &Endpoint,
    stream: TcpStream,
) -> Result<(TlsStream<TcpStream>, bool), LinkError> {
    let config = config(endpoint)?;
    let fail = |error: rustls::pki_types::InvalidDnsNameError| {
        LinkError::new(format!("cannot use `{}` as a name", endpoint.host), error)
    };
    let name = ServerName::try_from(endpoint.host.clone()).map_err(fail)?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let stream = connecting.await.map_err(|error| {
        let peer = endpoint.authority_text();
        let cause = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
        // A bad signature indicates another authority of the same name.
        let what = match cause {
            Some(rustls::Error::InvalidCertificate(
                rustls::CertificateError::UnknownIssuer | rustls::CertificateError::BadSignature,
            )) => format!(
                "cannot trust `{peer}`: name the file with its authority by `ca`, `ca_cert` (mermin-agent) or OTEL_EXPORTER_OTLP_CERTIFICATE"
            ),
            Some(rustls::Error::InvalidCertificate(_)) => format!("cannot trust `{peer}`"),
            _ => format!("cannot speak TLS with `{peer}`"),
        };
        LinkError::new(what, error)
    })?;
    let chosen = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((stream, chosen))
}

fn config(endpoint: &Endpoint) -> Result<ClientConfig, LinkError> {
    let provider = Arc::new(ring::default_provider());
    let files = &endpoint.tls;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| LinkError::new("cannot use TLS".to_owned(), error))?;
    let builder = if files.trusts_anyone {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
    } else {
        builder.with_root_certificates(roots(files)?)
    };
    let mut config = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            let fail = |error| unusable("the key", key, error);
            let private = PrivateKeyDer::from_pem_file(key).map_err(fail)?;
            builder
                .with_client_auth_cert(chain, private)
                .map_err(|error| unusable("the certificate", certificate, error))?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = match endpoint.protocol {
        Protocol::Grpc => vec![b"h2".to_vec()],
        Protocol::Http => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Ok(config)
}

fn unusable(
    what: &str,
    path: &Path,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> LinkError {
    LinkError::new(format!("cannot use {what} in `{}`", path.display()), error)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LinkError> {
    let fail = |error| unusable("the certificates", path, error);
    let all = CertificateDer::pem_file_iter(path).map_err(fail)?;
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(fail)?;
    if all.is_empty() {
        return Err(unusable("the certificates", path, "there is none"));
    }
    Ok(all)
}

/// Returns the certificates of the file, of the system, or of both.
fn roots(files: &TlsFiles) -> Result<RootCertStore, LinkError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &files.authority {
        for certificate in certificates(path)? {
            let fail = |error| unusable("a certificate", path, error);
            roots.add(certificate).map_err(fail)?;
        }
    }
    if files.authority.is_some() && !files.with_system {
        return Ok(roots);
    }
    // An unreadable certificate is skipped.
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let what = "cannot trust anyone: the system has no certificates; install `ca-certificates`";
        return Err(LinkError::plain(what.to_owned()));
    }
    Ok(roots)
}

/// Accepts any certificate, and still verifies that the peer has its key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
