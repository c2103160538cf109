//! Servers that refuse, and how they are told apart.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use mermin_kubernetes::{Condition, Kind};
use mermin_testing::{kubeconfig, until};
use serde_json::json;

use crate::{
    api_server::ApiServer,
    support::{address, condition, follow, lists, one_pod, pod, status},
};

#[test]
fn forbidden_kind_degrades_alone_and_names_the_rule() {
    let server = ApiServer::start();
    server.put("pods", pod(1));
    let message = "networkpolicies.networking.k8s.io is forbidden: User \"system:serviceaccount:net:mermin\" cannot list resource \"networkpolicies\" in API group \"networking.k8s.io\" at the cluster scope";
    server.answer("networkpolicies", Some(status(403, message)));
    let followed = follow(server.url(), |settings| settings);
    until("the pod", || followed.pod_at(address(1)).is_some());
    until("the problem", || {
        followed.problem(Kind::NetworkPolicy).is_some()
    });
    let problem = followed.problem(Kind::NetworkPolicy).unwrap();
    for part in [
        "cannot list resource \"networkpolicies\"",
        "service account `mermin` of namespace `net`",
        "apiGroups: [\"networking.k8s.io\"]",
        "resources: [\"networkpolicies\"]",
        "verbs: [\"get\", \"list\", \"watch\"]",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    assert!(!followed.health().is_synced());
    server.answer("networkpolicies", None);
    until("synced", || {
        followed.health().is_synced() && followed.health().is_current()
    });
    assert_eq!(followed.problem(Kind::NetworkPolicy), None);
}

#[test]
fn expired_token_leaves_the_names_and_recovers() {
    let (server, followed) = one_pod();
    server.answer("pods", Some(status(401, "Unauthorized")));
    server.end_watches();
    until("stale", || condition(&followed) == Condition::Stale);
    assert!(
        followed
            .problem(Kind::Pod)
            .unwrap()
            .contains("cannot log in")
    );
    assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
    server.answer("pods", None);
    until("current", || condition(&followed) == Condition::Current);
    server.put("pods", pod(2));
    followed.until_present(2);
}

#[test]
fn new_token_of_a_kubeconfig_is_read_when_the_old_one_is_refused() {
    let folder = mermin_testing::Folder::new("kubernetes");
    let path = folder.path().join("kubeconfig");
    let server = ApiServer::start();
    server.put("pods", pod(1));
    server.require_token("first");
    std::fs::write(
        &path,
        kubeconfig(server.url(), None, &json!({"token": "first"})),
    )
    .unwrap();
    let file = path.clone();
    let followed = follow(server.url(), |it| it.kinds([Kind::Pod]).kubeconfig(file)).synced();
    until("a watch", || server.watches("pods") == 1);
    server.require_token("second");
    server.end_watches();
    until("told", || {
        followed
            .problem(Kind::Pod)
            .is_some_and(|it| it.contains("cannot log in"))
    });
    assert_eq!(followed.pod_at(address(1)).as_deref(), Some("pod-1"));
    // Without a file, the server's words stay.
    std::fs::remove_file(&path).unwrap();
    until("both told", || {
        followed.problem(Kind::Pod).is_some_and(|it| {
            it.contains("cannot log in") && it.contains("cannot read credentials")
        })
    });
    std::fs::write(
        &path,
        kubeconfig(server.url(), None, &json!({"token": "second"})),
    )
    .unwrap();
    until("current", || condition(&followed) == Condition::Current);
    server.put("pods", pod(2));
    followed.until_present(2);
}

/// The plugin gives a token; once there is a file `renew`, it gives another one, and waits for a file `go` before.
#[test]
fn plugin_that_hangs_holds_up_neither_the_news_nor_open_watches() {
    let folder = mermin_testing::Folder::new("kubernetes");
    let server = ApiServer::start();
    server.put("pods", pod(1));
    server.require_token("first");
    let script = r#"cd "$0"
token=first
if [ -e renew ]; then
    token=second
    touch hangs
    for _ in $(seq 900); do [ -e go ] && break; sleep 0.1; done
fi
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$token""#;
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", script, folder.path()],
        "interactiveMode": "Never",
    });
    let path = folder.path().join("kubeconfig");
    std::fs::write(
        &path,
        kubeconfig(server.url(), None, &json!({"exec": exec})),
    )
    .unwrap();
    let followed = follow(server.url(), |it| {
        it.kinds([Kind::Pod, Kind::Service]).kubeconfig(path)
    })
    .synced();
    until("watches", || {
        server.watches("pods") == 1 && server.watches("services") == 1
    });
    std::fs::write(folder.path().join("renew"), "").unwrap();
    server.send_error("services", 401);
    until("the plugin", || folder.path().join("hangs").exists());
    let problem = followed.problem(Kind::Service).unwrap();
    assert!(problem.contains("cannot log in"), "{problem}");
    server.put("pods", pod(2));
    followed.until_present(2);
    server.require_token("second");
    std::fs::write(folder.path().join("go"), "").unwrap();
    until("current", || followed.health().is_current());
}

#[test]
fn absent_server_holds_up_nothing_and_is_found_when_it_comes() {
    // An address that is free.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url: http::Uri = format!("http://{free}").parse().unwrap();
    let followed = follow(url, |it| it.kinds([Kind::Pod]));
    let began = Instant::now();
    assert_eq!(followed.pod_at(address(1)), None);
    assert!(began.elapsed() < Duration::from_secs(1));
    until("told", || {
        followed
            .problem(Kind::Pod)
            .is_some_and(|it| it.contains("cannot reach"))
    });
    assert_eq!(condition(&followed), Condition::Starting);
    let server = ApiServer::at(free);
    server.put("pods", pod(1));
    until("the pod", || followed.pod_at(address(1)).is_some());
    assert_eq!(server.address(), free);
}

#[test]
fn server_without_tls_is_told_apart_from_one_that_is_away() {
    let server = ApiServer::start();
    let url: http::Uri = format!("https://{}", server.address()).parse().unwrap();
    let followed = follow(url, |it| it.kinds([Kind::Pod]));
    until("told", || followed.problem(Kind::Pod).is_some());
    let problem = followed.problem(Kind::Pod).unwrap();
    assert!(problem.contains("cannot agree on TLS"), "{problem}");
}

#[test]
fn missing_credentials_are_told_and_looked_for_again() {
    let folder = mermin_testing::Folder::new("kubernetes");
    let path = folder.path().join("kubeconfig");
    let server = ApiServer::start();
    server.put("pods", pod(1));
    let file = path.clone();
    let followed = follow(server.url(), |it| it.kinds([Kind::Pod]).kubeconfig(file));
    until("told", || {
        followed
            .problem(Kind::Pod)
            .is_some_and(|it| it.contains("cannot read credentials"))
    });
    std::fs::write(
        &path,
        kubeconfig(server.url(), None, &json!({"token": "any"})),
    )
    .unwrap();
    followed.until_present(1);
}

#[test]
fn permission_that_is_taken_away_leaves_the_names_and_is_told() {
    let (server, followed) = one_pod();
    let message = "pods is forbidden: User \"system:serviceaccount:net:mermin\" cannot list resource \"pods\" in API group \"\" at the cluster scope";
    server.answer("pods", Some(status(403, message)));
    // A running watch goes on; the next request is refused.
    server.put("pods", pod(2));
    followed.until_present(2);
    assert_eq!(followed.problem(Kind::Pod), None);
    server.end_watches();
    until("stale", || condition(&followed) == Condition::Stale);
    let problem = followed.problem(Kind::Pod).unwrap();
    for part in [
        "cannot list resource \"pods\"",
        "service account `mermin` of namespace `net`",
        "apiGroups: [\"\"]",
        "resources: [\"pods\"]",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    assert_eq!(followed.pod_at(address(2)).as_deref(), Some("pod-2"));
    server.answer("pods", None);
    until("current", || condition(&followed) == Condition::Current);
    assert_eq!(lists(&followed), 1);
}
