//! The agent as in a pod of a real cluster: the manifests' permissions, the service account's files, a server that stops.

use std::{fs, path::Path, thread, time::Duration};

use mermin_testing::{Kubernetes, apart::command};

use crate::{following::Following, network::make};

const NAMESPACE: &str = include_str!("../../deploy/kubernetes/namespace.yaml");
const MANIFEST: &str = include_str!("../../deploy/kubernetes/capabilities.yaml");
/// Where the kubelet puts token and authority.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Writes a new token where the agent's own is.
fn write_token(server: &Kubernetes) {
    let token = server.token("mermin", "mermin-agent");
    fs::write(Path::new(ACCOUNT).join("token"), token).unwrap();
}

/// Puts a service account's files where the kubelet does.
pub(crate) fn mount_account(authority: &str, token: &str) {
    // The mounts are the test's own.
    command("mount -t tmpfs none /run");
    fs::create_dir_all(ACCOUNT).unwrap();
    for (name, text) in [
        ("ca.crt", authority),
        ("namespace", "mermin"),
        ("token", token),
    ] {
        fs::write(Path::new(ACCOUNT).join(name), text).unwrap();
    }
}

/// The manifests' role is enough, a server that is away for half a minute costs no name, and a new token is read.
pub(crate) fn follows_a_real_cluster() {
    make();
    let mut server = Kubernetes::new();
    server.apply(NAMESPACE);
    server.apply(MANIFEST);
    server.kubectl(&["delete", "clusterrolebinding", "mermin-agent"], "");
    server.make_pod("mermin", "web-1", [10, 9, 0, 1]);
    let token = server.token("mermin", "mermin-agent");
    mount_account(&fs::read_to_string(server.authority()).unwrap(), &token);
    let agent = Following::in_pod(server.port());
    let said = agent.until_warned("is forbidden: User");
    assert!(
        said.contains("bound to service account `mermin-agent` of namespace `mermin`"),
        "{said}"
    );
    agent.until_flows_have("source", None);
    server.apply(MANIFEST);
    agent.until_well();
    agent.until_flows_have("source", Some("web-1"));

    server.stop();
    agent.until_warned("cannot reach the API server");
    thread::sleep(Duration::from_secs(30));
    agent.until_flows_have("source", Some("web-1"));
    server.start();
    server.make_pod("mermin", "db-1", [10, 9, 0, 2]);
    agent.until_well();
    agent.until_flows_have("destination", Some("db-1"));

    // The account is made anew; a running watch does not end by it.
    server.kubectl(
        &[
            "delete",
            "serviceaccount",
            "--namespace=mermin",
            "mermin-agent",
        ],
        "",
    );
    server.stop();
    server.start();
    agent.until_warned("cannot log in to the API server");
    agent.until_flows_have("source", Some("web-1"));
    server.apply(MANIFEST);
    write_token(&server);
    agent.until_well();
    agent.stop();
}
