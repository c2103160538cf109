//! Trouble with an API server while flows are captured.

use std::time::Duration;

use mermin_testing::{
    certificates::{Authority, Files},
    kubeconfig, until,
};
use serde_json::{Value as Json, json};

use crate::{
    api_server::{Answer, ApiServer},
    following::Following,
    network::make,
    pod::mount_account,
    troubleshooting::compare,
};

/// The pod of the near end.
pub(crate) fn pod() -> Json {
    json!({
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "uid-1", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "nginx:1"}]},
        "status": {"phase": "Running", "podIP": "10.9.0.1", "podIPs": [{"ip": "10.9.0.1"}], "startTime": "2026-01-01T00:00:00Z"},
    })
}

/// Without the permission to list pods, flows go without names at once, and probes, metrics and the remedy say so. With it, names
/// come by themselves, and they stay when the server is gone.
pub(crate) fn trouble() {
    make();
    let server = ApiServer::start();
    server.put("pods", pod());
    let words = "pods is forbidden: User \"system:serviceaccount:mermin:mermin-agent\" cannot list resource \"pods\"";
    server.answer("pods", Some(Answer::Status(403, words.to_owned(), None)));
    let agent = Following::by_kubeconfig(&kubeconfig(server.url(), None, &json!({"token": "any"})));
    let said = agent.until_warned("cannot list resource");
    agent.until_flows_have("source", None);
    for part in [
        "add this rule to the ClusterRole",
        "system:serviceaccount:mermin:mermin-agent",
        "watch",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    compare("is forbidden", &said);
    // Nobody has told the truth about pods.
    assert!(!agent.has_metric("mermin_kubernetes_contact_age_seconds"));
    // Started without the names when the time for the first list is over.
    until("startup", || agent.check("/startup").0 == 200);

    server.answer("pods", None);
    agent.until_well();
    agent.until_flows_have("source", Some("web-1"));
    assert_eq!(agent.metric("mermin_kubernetes_objects"), 1);
    assert!(agent.has_metric("mermin_kubernetes_contact_age_seconds"));

    drop(server);
    let said = agent.until_warned("cannot reach the API server");
    compare("cannot reach the API server", &said);
    agent.until_flows_have("source", Some("web-1"));
    agent.stop();
}

/// A certificate that cannot be trusted, a token that is expired and a server that is busy: each is reported, and each recovers by
/// itself. Flows go without names, or with those known before.
pub(crate) fn refusals() {
    make();
    let (authority, files, server) = (Authority::new(), Files::new(), ApiServer::start());
    let trusted = files.put("ca.crt", &authority.certificate);
    let access = |token| {
        kubeconfig(
            server.secure_url(),
            Some(&trusted),
            &json!({"token": token}),
        )
    };
    server.put("pods", pod());
    server.require_token("first");
    server.show(authority.sign_expired());
    let agent = Following::by_kubeconfig(&access("first"));
    let said = agent.until_warned("certificate expired");
    compare("cannot agree on TLS with the API server", &said);
    agent.until_flows_have("source", None);
    server.show(authority.sign_for("api.example"));
    agent.until_warned("not valid for name");
    server.show(Authority::named("other").sign());
    agent.until_warned("UnknownIssuer");
    server.show(authority.sign());
    agent.until_well();
    agent.until_flows_have("source", Some("web-1"));

    server.require_token("second");
    server.end_watches();
    let said = agent.until_warned("cannot log in to the API server: Unauthorized");
    compare("cannot log in to the API server", &said);
    agent.until_flows_have("source", Some("web-1"));
    agent.replace_kubeconfig(&access("second"));
    agent.until_well();

    let busy = Answer::Status(429, "too many requests".to_owned(), Some(2));
    server.answer("pods", Some(busy));
    server.end_watches();
    let said = agent.until_warned("the API server is busy, for 2 s as it says");
    compare("the API server is busy", &said);
    agent.until_flows_have("source", Some("web-1"));
    server.answer("pods", None);
    agent.until_well();

    // The way from the agent's version to the present one is compacted. Slow answers leave time to see it.
    server.answer("pods", Some(Answer::Slow(Duration::from_secs(1))));
    server.compact();
    server.end_watches();
    let said = agent.until_warned("(410)");
    compare("the version is too old for a watch (410)", &said);
    agent.until_well();
    server.answer("pods", None);
    let mut other = pod();
    other["metadata"]["name"] = "db-1".into();
    other["metadata"]["uid"] = "uid-2".into();
    other["status"]["podIP"] = "10.9.0.2".into();
    other["status"]["podIPs"][0]["ip"] = "10.9.0.2".into();
    server.put("pods", other);
    agent.until_flows_have("destination", Some("db-1"));
    agent.until_flows_have("source", Some("web-1"));
    agent.stop();
}

/// Starts a cluster with a pod that answers the token `account` alone, by TLS of this authority.
pub(crate) fn with_account() -> (Authority, ApiServer) {
    let (authority, server) = (Authority::new(), ApiServer::start());
    server.put("pods", pod());
    server.require_token("account");
    server.show(authority.sign());
    (authority, server)
}

/// A kubeconfig of the environment does not come before the service account of the pod.
pub(crate) fn service_account_comes_first() {
    make();
    let (authority, server) = with_account();
    mount_account(&authority.certificate, "account");
    let other = kubeconfig(server.url(), None, &json!({"token": "other"}));
    let agent = Following::in_pod_beside(server.address().port(), &other);
    agent.until_well();
    agent.until_flows_have("source", Some("web-1"));
    agent.stop();
}
