//! Certificates of a server that a client cannot trust, and how it comes back.

use mermin_kubernetes::{Condition, Kind};
use mermin_testing::{
    certificates::{Authority, Files, Signed},
    kubeconfig, until,
};
use serde_json::json;

use crate::{
    api_server::ApiServer,
    support::{Followed, address, condition, follow, pod},
};

/// A server with a pod that shows a certificate, and a cluster that follows it and trusts this authority.
fn trusting(authority: &Authority, shown: Signed) -> (ApiServer, Followed, Files) {
    let (server, files) = (ApiServer::start(), Files::new());
    server.put("pods", pod(1));
    server.show(shown);
    let trusted = files.put("ca.crt", &authority.certificate);
    let access = files.put(
        "kubeconfig",
        &kubeconfig(server.secure_url(), Some(&trusted), &json!({})),
    );
    let followed = follow(server.secure_url(), |it| {
        it.kinds([Kind::Pod]).kubeconfig(access)
    });
    (server, followed, files)
}

fn until_told(followed: &Followed, words: &str) {
    until(words, || {
        followed
            .problem(Kind::Pod)
            .is_some_and(|it| it.contains("cannot agree on TLS") && it.contains(words))
    });
}

/// Follows a server with a certificate that does not fit, then with one that does.
fn told_and_mended(sign: fn(&Authority) -> Signed, words: &str) {
    let authority = Authority::new();
    let (server, followed, _files) = trusting(&authority, sign(&authority));
    until_told(&followed, words);
    assert_eq!(condition(&followed), Condition::Starting);
    assert_eq!(followed.pod_at(address(1)), None);
    server.show(authority.sign());
    followed.until_present(1);
    until("no problem", || followed.problem(Kind::Pod).is_none());
}

#[test]
fn expired_certificate_is_told_until_it_is_renewed() {
    told_and_mended(Authority::sign_expired, "expired");
}

#[test]
fn certificate_of_another_name_is_told_until_it_is_the_servers() {
    told_and_mended(
        |authority| authority.sign_for("api.example"),
        "not valid for name \"127.0.0.1\"",
    );
}

#[test]
fn unknown_authority_is_told_until_its_certificate_is_trusted() {
    // The authority of another cluster has often the same name.
    for (unknown, words) in [
        (Authority::named("other"), "UnknownIssuer"),
        (Authority::new(), "BadSignature"),
    ] {
        let (_server, followed, files) = trusting(&Authority::new(), unknown.sign());
        until_told(&followed, words);
        let problem = followed.problem(Kind::Pod).unwrap();
        assert!(problem.contains("`ca.crt`"), "{problem}");
        files.put("ca.crt", &unknown.certificate);
        followed.until_present(1);
    }
}

#[test]
fn certificate_that_expires_later_leaves_the_names() {
    let authority = Authority::new();
    let (server, followed, files) = trusting(&authority, authority.sign());
    let followed = followed.synced();
    server.show(authority.sign_expired());
    until_told(&followed, "expired");
    assert_eq!(condition(&followed), Condition::Stale);
    assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
    // The cluster gets another authority.
    let other = Authority::named("other");
    server.show(other.sign());
    until_told(&followed, "UnknownIssuer");
    files.put("ca.crt", &other.certificate);
    until("current", || condition(&followed) == Condition::Current);
    server.put("pods", pod(2));
    followed.until_present(2);
}
