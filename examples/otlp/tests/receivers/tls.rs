//! TLS, and certificates that rotate.

use std::{env, fs, process::Command};

use futures::executor::block_on;
use mermin_core::sink::{FlowSink, testing::flows};
use mermin_otlp::{Endpoint, Exporter, Protocol};
use mermin_testing::apart::ROLE;

use crate::support::{
    Receiver, State,
    certificates::{Authority, Files, Server},
    settings,
};

/// A receiver that shows a certificate of this authority, and takes clients of that one alone.
fn receiver(authority: &Authority, clients: Option<&Authority>) -> Receiver {
    let state = State {
        tls: Some(server(authority, clients)),
        ..State::default()
    };
    Receiver::with(Protocol::Grpc, state)
}

fn server(authority: &Authority, clients: Option<&Authority>) -> Server {
    Server {
        signed: authority.sign(),
        clients: clients.map(|clients| clients.certificate.clone()),
    }
}

fn endpoint(receiver: &Receiver) -> Endpoint {
    Endpoint::grpc(&format!("https://127.0.0.1:{}", receiver.port())).unwrap()
}

fn exporter(endpoint: Endpoint) -> Exporter {
    Exporter::new(&settings(endpoint)).unwrap()
}

#[test]
fn receiver_certificate_is_verified_against_the_configured_ca() {
    let (authority, other) = (Authority::new(), Authority::new());
    let receiver = receiver(&authority, None);
    let files = Files::new();
    let right = files.put("ca.pem", &authority.certificate);
    let wrong = files.put("other.pem", &other.certificate);
    let endpoint = || endpoint(&receiver);
    let export = |endpoint| block_on(exporter(endpoint).export(&flows(20)));
    export(endpoint().authority(&right)).unwrap();
    let error = export(endpoint().authority(&wrong))
        .unwrap_err()
        .to_string();
    let peer = format!("cannot trust `127.0.0.1:{}`", receiver.port());
    assert!(
        error.starts_with(&peer) && error.contains("OTEL_EXPORTER_OTLP_CERTIFICATE"),
        "{error}"
    );
    // The system does not know it either, or knows nobody.
    let error = export(endpoint()).unwrap_err().to_string();
    assert!(error.starts_with("cannot trust "), "{error}");
    export(endpoint().trust_anyone(true)).unwrap();
    let error = export(endpoint().authority(files.path("none.pem"))).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot use the certificates in `"),
        "{error}"
    );
    let error = export(endpoint().authority(files.put("empty.pem", ""))).unwrap_err();
    assert!(error.to_string().ends_with("there is none"), "{error}");
    assert_eq!(receiver.state().keys().len(), 40);
}

/// The file of the system's certificates, which is one for a process.
const SYSTEM: &str = "SSL_CERT_FILE";

/// It runs itself in a process with other certificates of the system.
#[test]
fn further_authority_is_trusted_beside_those_of_the_system() {
    if env::var_os(ROLE).is_some() {
        return beside_the_system();
    }
    let files = Files::new();
    let name = "tls::further_authority_is_trusted_beside_those_of_the_system";
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ROLE, name)
        .env(SYSTEM, files.path("system.pem"))
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(
        output.status.success() && said[0].contains("1 passed"),
        "{said:?}"
    );
}

fn beside_the_system() {
    let (system, authority, other) = (Authority::new(), Authority::new(), Authority::new());
    fs::write(env::var_os(SYSTEM).unwrap(), &system.certificate).unwrap();
    let files = Files::new();
    let right = files.put("ca.pem", &authority.certificate);
    let wrong = files.put("other.pem", &other.certificate);
    let [of_system, of_authority] = [&system, &authority].map(|one| receiver(one, None));
    let export = |endpoint| block_on(exporter(endpoint).export(&flows(20)));
    for receiver in [&of_system, &of_authority] {
        export(endpoint(receiver).further_authority(&right)).unwrap();
    }
    export(endpoint(&of_system).further_authority(&wrong)).unwrap();
    // The last call applies.
    let replaced = endpoint(&of_authority).authority(&wrong);
    export(replaced.further_authority(&right)).unwrap();
    for refused in [
        endpoint(&of_authority).further_authority(&wrong),
        endpoint(&of_system).authority(&right),
        endpoint(&of_system)
            .further_authority(&right)
            .authority(&right),
    ] {
        let error = export(refused).unwrap_err().to_string();
        assert!(error.starts_with("cannot trust "), "{error}");
        assert!(error.contains("`ca_cert`"), "{error}");
    }
    let error = export(endpoint(&of_system).further_authority(files.path("none.pem")));
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("cannot use the certificates in `"),
        "{error}"
    );
    for receiver in [of_system, of_authority] {
        assert_eq!(receiver.state().keys().len(), 40);
    }
}

#[test]
fn receiver_without_tls_is_reported() {
    let receiver = Receiver::new(Protocol::Grpc);
    let error = block_on(exporter(endpoint(&receiver)).export(&flows(1))).unwrap_err();
    let words = error.to_string();
    let peer = format!("cannot speak TLS with `127.0.0.1:{}`: ", receiver.port());
    // Where the system has no certificates, that is reported first.
    assert!(
        words.starts_with(&peer) || words.contains("ca-certificates"),
        "{words}"
    );
}

#[test]
fn client_certificate_is_reloaded_when_it_rotates() {
    let (authority, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let mut receiver = receiver(&authority, Some(&clients));
    let files = Files::new();
    let ca = files.put("ca.pem", &authority.certificate);
    files.put_signed(&strangers.sign());
    let (certificate, key) = (files.path("cert.pem"), files.path("key.pem"));
    let mut sink = exporter(endpoint(&receiver).authority(ca).identity(certificate, key));
    let mut export = || block_on(sink.export(&flows(20)));
    // One of a stranger is refused, and one that the receiver knows is taken, without a restart.
    let error = export().unwrap_err().to_string();
    assert!(error.contains("127.0.0.1"), "{error}");
    assert_eq!(receiver.state().keys().len(), 0);
    files.put_signed(&clients.sign());
    export().unwrap();
    let connections = receiver.state().connections;
    export().unwrap();
    assert_eq!(receiver.state().connections, connections);
    // A connection that works is made anew with the new certificate.
    files.put_signed(&clients.sign());
    export().unwrap();
    assert_eq!(receiver.state().connections, connections + 1);
    // Half of a pair cannot be used; the connection there is does until the other half has come.
    let next = clients.sign();
    files.put("key.pem", &next.key);
    export().unwrap();
    files.put("cert.pem", &next.certificate);
    export().unwrap();
    assert_eq!(receiver.state().keys().len(), 100);
    // The authority rotates as well, at the receiver first.
    let other = Authority::new();
    receiver.stop();
    receiver.state().tls = Some(server(&other, Some(&clients)));
    receiver.start();
    let error = export().unwrap_err().to_string();
    assert!(error.starts_with("cannot trust "), "{error}");
    files.put("ca.pem", &other.certificate);
    export().unwrap();
    assert_eq!(receiver.state().keys().len(), 120);
}
