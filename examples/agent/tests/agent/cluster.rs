//! Trouble with an API server while flows are captured.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use mermin_testing::{Folder, free_port, until};
use serde_json::{Value as Json, json};

use crate::{
    api_server::{Answer, ApiServer},
    network::{make, send},
    support::{Agent, get},
    symptoms::compare,
};

/// Names of the pods at the sources of a file's records, and if a record has none.
fn pods(file: &Path) -> BTreeSet<Option<String>> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let names = whole.map(|flow| flow["source.k8s.pod.name"].as_str().map(str::to_owned));
    names.collect()
}

fn pod() -> Json {
    json!({
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "uid-1", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "nginx:1"}]},
        "status": {"phase": "Running", "podIP": "10.9.0.1", "podIPs": [{"ip": "10.9.0.1"}], "startTime": "2026-01-01T00:00:00Z"},
    })
}

pub(crate) fn kubeconfig(server: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
    .to_string()
}

fn check(port: u16, path: &str) -> (u16, Json) {
    let (status, body) = get(port, path);
    let answer: Json = serde_json::from_str(&body).unwrap();
    let checks = answer["checks"].as_array().unwrap();
    let check = checks.iter().find(|it| it["name"] == "kubernetes").unwrap();
    (status, check.clone())
}

/// Without the permission to list pods, flows go without names at once, and probes, metrics and the remedy say so. With it, names
/// come by themselves, and they stay when the server is gone.
pub(crate) fn trouble() {
    make();
    let folder = Folder::new("agent-cluster");
    let (file, flows, access) = (
        folder.file("a.hcl"),
        folder.file("flows.json"),
        folder.file("kubeconfig"),
    );
    let (port, metrics) = (free_port(), free_port());
    let server = ApiServer::start();
    server.put("pods", pod());
    let words = "pods is forbidden: User \"system:serviceaccount:mermin:mermin-agent\" cannot list resource \"pods\"";
    server.answer("pods", Some(Answer::Status(403, words.to_owned(), None)));
    fs::write(&access, kubeconfig(&server.url().to_string())).unwrap();
    let text = format!(
        "discovery \"instrument\" {{\n  interfaces = [\"near0\"]\n}}\nspan {{\n  max_record_interval = \"500ms\"\n}}\n\
         discovery \"informer\" \"k8s\" {{\n  kubeconfig_path = \"{}\"\n  informers_sync_timeout = \"3s\"\n}}\n\
         export \"flows\" {{\n  to = [\"json:{}\"]\n}}\ninternal \"server\" {{\n  port = {port}\n}}\ninternal \"metrics\" {{\n  port = {metrics}\n}}\n",
        access.display(),
        flows.display()
    );
    fs::write(&file, text).unwrap();
    let mut agent = Agent::start(&file);
    until("the failure", || {
        check(port, "/readyz").1["status"] == "warning"
    });
    send(3, 10, Duration::from_millis(100));
    until("flows without names", || pods(&flows).contains(&None));
    let (status, kubernetes) = check(port, "/readyz");
    assert_eq!(status, 200);
    let said = kubernetes.to_string();
    for part in [
        "cannot list resource",
        "add this rule to the ClusterRole",
        "system:serviceaccount:mermin:mermin-agent",
        "watch",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let page = get(metrics, "/metrics").1;
    assert!(
        page.contains("mermin_kubernetes_current{kind=\"Pod\"} 0"),
        "{page}"
    );
    compare("is forbidden", &said);
    // Started without the names when the time for the first list is over.
    until("startup", || check(port, "/startup").0 == 200);

    server.answer("pods", None);
    until("recovery", || check(port, "/readyz").1["status"] == "ok");
    send(3, 10, Duration::from_millis(100));
    until("names", || pods(&flows).contains(&Some("web-1".to_owned())));
    let page = get(metrics, "/metrics").1;
    assert!(
        page.contains("mermin_kubernetes_current{kind=\"Pod\"} 1"),
        "{page}"
    );
    assert!(
        page.contains("mermin_kubernetes_objects{kind=\"Pod\"} 1"),
        "{page}"
    );

    drop(server);
    until("the loss", || {
        check(port, "/readyz").1["status"] == "warning"
    });
    fs::write(&flows, "").unwrap();
    send(3, 10, Duration::from_millis(100));
    until("names without a server", || {
        pods(&flows).contains(&Some("web-1".to_owned()))
    });
    assert_eq!(agent.stop(), Some(0), "{}", agent.said());
}
